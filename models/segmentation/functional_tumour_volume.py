"""Functional tumour volume in a box: what enhances by 70 % or more, of a dynamic series.

After the description of UCSF's module for 3D Slicer (SlicerBreast_DCEMRI_FTV; the code is our own): inside the box

    before ≥ 0.6 × the 95th percentile of before in the box
    PE = 100 (early − before) / before ≥ 70
    at least 4 of the 26 neighbours pass PE too
    SER = (early − before) / (late − before) ≥ 0

It is a measure of tumour burden and not an outline: necrosis falls out, vessels and enhancing parenchyma stay in. No
largest part is taken.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.errors import StudyRejected
from models.segmentation.box_checks import box_of, check_in_box
from models.segmentation.seeds import Images, Mask, Method, Seeds
from models.volume import Volume

VERSION: Final = "1.0"
PERCENT_ENHANCEMENT: Final = 70.0
_BACKGROUND = 0.6  # of the 95th percentile before contrast
_PERCENTILE = 95.0
_NEIGHBOURS = 4


def functional_tumour_volume(images: Images, seeds: Seeds) -> Mask:
    """The functional tumour volume in the box: bool (slices, rows, columns).

    Raises
    ------
    StudyRejected
        When there is no box, no phase before contrast or no late phase, or the mask fills the box or runs out of it.
    """
    box = box_of(images, seeds)
    if images.before is None or images.late is None:
        absent = "phase before contrast" if images.before is None else "late phase after contrast"
        raise StudyRejected(
            f"The T1+C images have no {absent}; the functional tumour volume needs one before contrast, an early and a "
            "late one after it. Give a point with the box, or strokes."
        )
    before, early, late = (_of(volume, box.slices) for volume in (images.before, images.after, images.late))
    is_tissue = (before >= _BACKGROUND * np.percentile(before, _PERCENTILE)) & (before > 0)
    uptake = early - before
    enhances = is_tissue & (100 * uptake >= PERCENT_ENHANCEMENT * before)
    around = ndimage.convolve(enhances.astype(np.int16), _AROUND, mode="constant")
    remains = late > before  # uptake is positive, so SER has the sign of late − before
    mask = np.zeros(images.after.shape, dtype=np.bool_)
    mask[box.slices] = enhances & (around >= _NEIGHBOURS) & remains
    check_in_box(mask, box, "The functional tumour volume")
    return mask


METHOD: Final = Method(
    key="ftv",
    segment=functional_tumour_volume,
    name="functional tumour volume in a box",
    version=VERSION,
    parameters={
        "percent_enhancement": f"{PERCENT_ENHANCEMENT:g}",
        "background": f"{_BACKGROUND:g}",
        "neighbours": str(_NEIGHBOURS),
        "least_ser": "0",
    },
)

_AROUND = np.ones((3, 3, 3), dtype=np.int16)
_AROUND[1, 1, 1] = 0


def _of(volume: Volume, part: tuple[slice, slice, slice]) -> NDArray[np.float64]:
    return volume.voxels[part].astype(np.float64)
