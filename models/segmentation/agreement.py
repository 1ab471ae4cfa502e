"""Agreement of two masks on one grid: Dice coefficient, 95 % Hausdorff distance, difference of volume."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.segmentation.seeds import Mask


def dice(one: Mask, other: Mask) -> float:
    """Dice coefficient, 0 to 1: twice what both share over the sum of both; 0 where both are empty."""
    voxels = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    return 2 * int(np.count_nonzero(one & other)) / voxels if voxels else 0.0


def hausdorff_95_mm(one: Mask, other: Mask, *, spacing_mm: tuple[float, float, float]) -> float:
    """95th percentile of the distances from the surface of each mask to that of the other, in mm.

    Surface voxels are those with a face on the outside; the percentile is over both directions together (as in the
    challenges since BraTS). Infinite where one of the masks is empty.
    """
    if not (one.any() and other.any()):
        return float("inf")
    from scipy import ndimage  # not needed by those who compare by Dice alone

    box = _box(one | other)
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (np.pad(one[box], 1), np.pad(other[box], 1))]
    to_other = [
        ndimage.distance_transform_edt(~surface, sampling=spacing_mm)[against]
        for surface, against in zip(surfaces, reversed(surfaces), strict=True)
    ]
    return float(np.percentile(np.concatenate(to_other), 95))


def volume_error(mask: Mask, reference: Mask) -> float:
    """Difference of volume as a fraction of the reference's: +0.1 is a tenth too large."""
    return int(np.count_nonzero(mask)) / int(np.count_nonzero(reference)) - 1


def _box(mask: Mask) -> tuple[slice, ...]:
    where: tuple[NDArray[np.intp], ...] = np.nonzero(mask)
    return tuple(slice(int(axis.min()), int(axis.max()) + 1) for axis in where)
