"""The stack of a series in which the tumour lies, by where its voxels or contours are.

References do not tell: writers name the whole series. Masks are decoded for it, images are not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dicom_io.errors import GeometryInvalid, NotReadable
from dicom_io.images.headers import DECODE_ERRORS, items, shown
from dicom_io.images.series import Series
from dicom_io.masks.rtstruct import coordinates
from dicom_io.masks.segmentation import Segment, mask_frames

# A tumour on the last slice of a stack may lie a voxel beyond the centre of that slice.
BEYOND_VOXELS = 1.0


def with_tumour(pool: Sequence[Series], tumours: Sequence[Segment]) -> list[Series]:
    """`pool` without the stacks no tumour lies in, where it lies in another stack of the same series."""
    if all(series.stacks == 1 for series in pool):
        return list(pool)
    places = [(tumour.frame_of_reference_uid, _places_of(tumour)) for tumour in tumours]
    holding = {series.key for series in pool if any(_holds(series, frame, points) for frame, points in places)}
    decided = {series.uid for series in pool if series.key in holding}
    return [series for series in pool if series.key in holding or series.stacks == 1 or series.uid not in decided]


def _holds(series: Series, frame_uid: str, points: NDArray[np.float64]) -> bool:
    """Returns whether any of the points (n, 3), LPS mm, lies in the stack."""
    phase = series.phases[0]
    own = phase.planes[0].instance.frame_of_reference_uid
    if own and frame_uid and own != frame_uid:
        return False
    voxels = (points - phase.affine[:3, 3]) @ np.linalg.inv(phase.affine[:3, :3]).T
    inside = (voxels >= -BEYOND_VOXELS) & (voxels <= np.array(phase.shape) - 1 + BEYOND_VOXELS)
    return bool(inside.all(axis=1).any())


def _places_of(tumour: Segment) -> NDArray[np.float64]:
    """Points (n, 3) of a tumour, LPS mm: the centre of each frame's voxels, or the corners of its contours."""
    try:
        return _contoured(tumour) if tumour.encoding == "CONTOURS" else _centres(tumour)
    except (GeometryInvalid, NotReadable, *DECODE_ERRORS):
        return np.empty((0, 3))  # placing it will say what is wrong


def _centres(tumour: Segment) -> NDArray[np.float64]:
    frames = mask_frames(tumour)
    along_column, along_row = frames.orientation.along_column, frames.orientation.along_row
    points = [
        position
        + along_column * np.mean(np.flatnonzero(mask.any(axis=1))) * frames.spacing_mm[0]
        + along_row * np.mean(np.flatnonzero(mask.any(axis=0))) * frames.spacing_mm[1]
        for mask, position in zip(frames.masks, frames.positions_mm, strict=True)
        if mask.any()
    ]
    return np.array(points).reshape(-1, 3)


def _contoured(tumour: Segment) -> NDArray[np.float64]:
    corners = [
        coordinates(contour)
        for region in items(tumour.instance.header, "ROIContourSequence")
        if shown(region, "ReferencedROINumber") == str(tumour.number)
        for contour in items(region, "ContourSequence")
    ]
    return np.concatenate(corners) if corners else np.empty((0, 3))
