"""The canonical storage of an image: two files of one image that store it in another order become the same array.

Every axis runs towards the left, back or head of the patient, and of rows and columns the columns take the lower
patient axis (left before back before head), which is how axial images are usually stored. The slice axis stays first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.volume import Roi, Volume


@dataclass(frozen=True)
class Storage:
    """The turn of an array into its canonical storage.

    Attributes
    ----------
    order : axes of the array in canonical order; the first is always 0
    flipped : for each canonical axis whether it is reversed
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    def canonical(self, array: NDArray[Any]) -> NDArray[Any]:
        """The array in canonical storage, C-contiguous; the array itself where it is so already."""
        turned = array.transpose(self.order)
        return np.ascontiguousarray(turned[self._reversal])

    def as_stored(self, array: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `canonical`."""
        return np.ascontiguousarray(array[self._reversal].transpose(np.argsort(self.order)))

    def canonical_affine(self, affine: NDArray[np.float64], shape: tuple[int, int, int]) -> NDArray[np.float64]:
        """The affine of the canonical array; `shape` is that of the array as stored."""
        result = affine.copy()
        for place, (axis, reverse) in enumerate(zip(self.order, self.flipped, strict=True)):
            step = affine[:3, axis]
            result[:3, place] = -step if reverse else step
            if reverse:
                result[:3, 3] = result[:3, 3] + step * (shape[axis] - 1)
        return result

    @property
    def _reversal(self) -> tuple[slice, slice, slice]:
        slices, rows, columns = (slice(None, None, -1 if reverse else None) for reverse in self.flipped)
        return slices, rows, columns


def storage_of(grid: Volume | Roi) -> Storage:
    """The turn that makes arrays on this grid canonical."""
    direction = grid.direction
    across = int(np.argmax(np.abs(direction[:, 0])))
    in_plane = np.abs(direction[:, 1:]).copy()
    in_plane[across] = -1  # the slice axis has taken it
    rows, columns = np.argmax(in_plane, axis=0)
    order = (0, 1, 2) if rows > columns or (rows == columns and in_plane[rows, 0] <= in_plane[rows, 1]) else (0, 2, 1)
    signs = [direction[np.argmax(np.abs(direction[:, axis])), axis] < 0 for axis in order]
    return Storage(order, (bool(signs[0]), bool(signs[1]), bool(signs[2])))


def canonical_roi(roi: Roi) -> Roi:
    """The same region in canonical storage."""
    storage = storage_of(roi)
    return Roi(storage.canonical_affine(roi.affine, roi.shape), storage.canonical(roi.mask), roi.label)
