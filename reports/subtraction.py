"""The subtraction picture: T1+C minus the phase before contrast, the brightest value along the slices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.volume import Sequence, Volume
from reports.content import KeyImage, Subtraction
from reports.languages.languages import ENGLISH
from reports.languages.words import Words
from reports.region_sections import edge_letters

_SAME_MM = 0.01


def subtraction_of(
    after: Volume, before: Volume, tumour: NDArray[np.bool_], words: Words = ENGLISH
) -> Subtraction | None:
    """Maximum intensity projection of `after` minus `before`, along the slices; what grows darker counts as nothing.

    Parameters
    ----------
    after : T1+C as it was read, without bias correction
    before : the same slices before contrast, or some of them in a row
    tumour : on the grid of `after`

    Returns
    -------
    None where `before` does not lie on slices of `after`, or nothing became brighter.
    """
    slices, rows, columns = before.shape
    start = (np.linalg.inv(after.affine) @ np.append(before.origin_mm, 1.0))[:3]
    first = round(float(start[0]))
    on_grid = np.abs(start - (first, 0, 0)).max() <= 0.01
    same_steps = np.abs(after.affine[:3, :3] - before.affine[:3, :3]).max() <= _SAME_MM
    if not (on_grid and same_steps and (rows, columns) == after.shape[1:] and 0 <= first <= after.shape[0] - slices):
        return None
    projection = np.zeros((rows, columns), dtype=np.float32)
    for index in range(slices):  # slice by slice: a third volume is not needed
        np.maximum(projection, after.voxels[first + index] - before.voxels[index], out=projection)
    if not projection.any():
        return None
    slice_mm, row_mm, column_mm = after.spacing_mm
    last = first + slices - 1
    return Subtraction(
        image=KeyImage(
            sequence=Sequence.T1C,
            pixels=projection,
            tumour=np.asarray(tumour.any(axis=0)),
            shell=np.zeros((rows, columns), dtype=np.bool_),
            pixel_spacing_mm=(row_mm, column_mm),
            slice_index=first,
            edges=edge_letters(after.direction),
            caption=words.say.subtraction_caption(
                first=first, last=last, slices=after.shape[0], thickness_mm=slices * slice_mm
            ),
        ),
        last_slice_index=last,
    )
