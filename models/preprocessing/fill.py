"""Fill: pixels that were never measured, put where the image had to be larger. Declared by the header, or recognised.

Recognised are the values that stand in the corners of the slices, as far as a run of exactly that value reaches the
edge of its slice. What is left is cut to its box, and the search repeated: many images have a border of zeros of their
own inside the fill that someone added.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.preprocessing import pixel_kernels

Box = tuple[slice, slice, slice]

# A value that holds less than this share of the corner pixels is no fill, nor a run of fewer pixels.
SHARE_OF_CORNERS = 0.02
SMALLEST_RUN = 64
ROUNDS = 8


def find_fill(voxels: NDArray[np.float32], declared: NDArray[np.bool_] | None) -> tuple[NDArray[np.bool_], Box]:
    """Bool (slices, rows, columns), True where nothing was measured, and the box of the rest.

    Slices of one value throughout are fill. The box is empty where everything is.
    """
    known = np.zeros(voxels.shape, dtype=np.bool_) if declared is None else declared
    box = whole(voxels.shape) if declared is None else box_of(~known)
    found = known[box]
    for _ in range(ROUNDS):
        part = np.ascontiguousarray(voxels[box])
        if part.size == 0:
            break
        # Searched again in the box alone: small runs of the same value that touched the fill outside are air.
        found = known[box].copy()
        pixel_kernels.flood_fill(part, _corner_values(part, found), SMALLEST_RUN, found)
        found[part.min(axis=(1, 2)) == part.max(axis=(1, 2))] = True
        rest = box_of(~found)
        if rest == whole(found.shape):
            break
        box, found = inner(box, rest), found[rest]
    fill = np.ones(voxels.shape, dtype=np.bool_)
    fill[box] = found
    return fill, box


def box_of(mask: NDArray[np.bool_]) -> Box:
    """The smallest box that holds a mask; empty where the mask is."""
    in_plane = np.logical_or.reduce(mask, axis=0)
    parts = []
    for used in (mask.any(axis=(1, 2)), in_plane.any(axis=1), in_plane.any(axis=0)):
        places = np.flatnonzero(used)
        parts.append(slice(int(places[0]), int(places[-1]) + 1) if places.size else slice(0, 0))
    return parts[0], parts[1], parts[2]


def whole(shape: tuple[int, ...]) -> Box:
    """The box of a whole array."""
    return slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2])


def inner(box: Box, part: Box) -> Box:
    """A box of the array cut out at `box`, in the indices of the array itself."""
    slices, rows, columns = (slice(b.start + p.start, b.start + p.stop) for b, p in zip(box, part, strict=True))
    return slices, rows, columns


def _corner_values(part: NDArray[np.float32], fill: NDArray[np.bool_]) -> NDArray[np.float32]:
    corners = part[:, :: max(part.shape[1] - 1, 1), :: max(part.shape[2] - 1, 1)]
    known = fill[:, :: max(part.shape[1] - 1, 1), :: max(part.shape[2] - 1, 1)]
    values, counts = np.unique(corners[~known], return_counts=True)
    return values[counts >= SHARE_OF_CORNERS * corners.size]
