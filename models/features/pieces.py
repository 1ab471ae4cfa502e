"""Far-apart parts of a region side by side in a small array, so that its cost follows its voxels and not its box.

The kernels sweep the padded bounding box of a region. Of two lesions at opposite sides of a breast that box is nearly
the image. Voxels of different connected parts (26 neighbours) are never neighbours, and no run or zone crosses from one
to another, so every part may lie anywhere: here they are set side by side with one empty voxel between. All counts stay
the same integers, and floats are still summed in the scan order of the image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.features.kernels import box as box_kernels
from models.features.kernels import texture as texture_kernels

Box = tuple[slice, slice, slice]
# A box is sparse when it is larger than this, and its region fills less than this share of it.
_SMALL_BOX = 1 << 18
_DENSE = 1 / 8
# Parts side by side must take less than this share of the box, or they stay where they are.
_WORTH_IT = 1 / 2
_CELL = 32  # voxels along each side


@dataclass(frozen=True, eq=False)
class Piece:
    """One part of a region in the array of all.

    Attributes
    ----------
    where : its bounding box, padded by one empty voxel, in the array
    first : int64 (3,), where the first corner of that box lies in the padded bounding box of the region
    """

    where: Box
    first: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pieces:
    """A region whose parts lie side by side.

    Attributes
    ----------
    mask : uint8 (slices, rows, columns), the parts with one empty voxel around each
    positions : int64 (voxels,), flat indices into `mask`, in the scan order of the region
    places : int64 (voxels, 3), indices in the bounding box of the region, in the same order
    each : the parts
    """

    mask: NDArray[np.uint8]
    positions: NDArray[np.int64]
    places: NDArray[np.int64]
    each: tuple[Piece, ...]


def is_sparse(box_voxels: int, region_voxels: int) -> bool:
    """Returns whether a box is so large and so empty that its parts are worth a look."""
    return box_voxels > _SMALL_BOX and region_voxels < _DENSE * box_voxels


def side_by_side(box_mask: NDArray[np.bool_]) -> Pieces | None:
    """The connected parts of a mask in its bounding box side by side; None where that would not be much smaller."""
    places = box_kernels.places_of(box_mask)
    part, low, high = _parts(places, box_mask.shape)
    starts, shape = _shelves(high - low + 1)
    if math.prod(shape) > _WORTH_IT * box_mask.size:
        return None
    rows, columns = shape[1:]
    inside = places - low[part] + starts[part]
    positions = (inside[:, 0] * rows + inside[:, 1]) * columns + inside[:, 2]
    mask = np.zeros(shape, np.uint8)
    mask.ravel()[positions] = 1
    each = tuple(
        Piece(_padded(start, extent), first) for start, extent, first in zip(starts, high - low + 1, low, strict=True)
    )
    return Pieces(mask, positions, places, each)


def _padded(start: NDArray[np.int64], extent: NDArray[np.int64]) -> Box:
    first, second, third = (slice(int(a) - 1, int(a + n) + 1) for a, n in zip(start, extent, strict=True))
    return first, second, third


def _parts(
    places: NDArray[np.int64], shape: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Part of each voxel, and first and last index of each part along each axis: (voxels,), (parts, 3), (parts, 3)."""
    slices, rows, columns = (size + 2 for size in shape)
    positions = ((places[:, 0] + 1) * rows + places[:, 1] + 1) * columns + places[:, 2] + 1
    # Zeros of the operating system: only the pages around voxels of the region are ever touched.
    levels = np.zeros(slices * rows * columns, np.uint16)
    levels[positions] = 1
    roots = texture_kernels.roots(levels, positions, texture_kernels.neighbour_offsets((slices, rows, columns)))
    _, part = np.unique(roots, return_inverse=True)
    order = np.argsort(part, kind="stable")
    starts = np.flatnonzero(np.diff(part[order], prepend=-1))
    return (
        part.astype(np.int64),
        np.minimum.reduceat(places[order], starts),
        np.maximum.reduceat(places[order], starts),
    )


def _shelves(extents: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[int, int, int]]:
    """First voxel of each box, (boxes, 3), and the shape of an array that holds all, one empty voxel around each.

    Boxes of falling height stand in rows, rows side by side in layers, layers one above the other.
    """
    sizes = extents + 1
    side = math.ceil(float(np.sum(np.prod(sizes, axis=1))) ** (1 / 3))
    rows, columns = (max(int(sizes[:, axis].max()), side) for axis in (1, 2))
    starts = np.empty_like(extents)
    layer = row = column = 0
    layer_height = row_depth = 0
    for k in np.lexsort((-sizes[:, 2], -sizes[:, 1], -sizes[:, 0])):
        height, depth, width = (int(size) for size in sizes[k])
        if column + width > columns:
            row, column, row_depth = row + row_depth, 0, 0
        if row + depth > rows:
            layer, row, column = layer + layer_height, 0, 0
            layer_height = row_depth = 0
        starts[k] = layer + 1, row + 1, column + 1
        column += width
        layer_height, row_depth = max(layer_height, height), max(row_depth, depth)
    return starts, (layer + layer_height + 1, rows + 1, columns + 1)


def lines_hold_two(places: NDArray[np.int64], direction: tuple[int, int, int]) -> bool:
    """Returns whether some line along `direction` passes through two of the places, adjacent or not.

    places : int64 (voxels, 3); direction : one of `models.features.kernels.texture.DIRECTIONS`
    """
    along = next(axis for axis, step in enumerate(direction) if step)
    crossing = places - places[:, along : along + 1] * np.array(direction)
    return len(np.unique(np.delete(crossing, along, axis=1), axis=0)) < len(places)


def covering(places: NDArray[np.int64], margin: int) -> list[NDArray[np.int64]]:
    """Groups of places, as indices, whose boxes with a margin hold far fewer voxels than the box of all.

    places : int64 (voxels, 3)

    A box is cut in two where that saves a quarter of it: at its widest gap or in the middle, along one axis. Where no
    cut does, as in scattered specks, it is cut into cells if these together take less than half of it.
    """
    groups, left = [], [np.arange(len(places))]
    while left:
        members = left.pop()
        halves = _cut(places[members], margin)
        if halves is None:
            groups += [members[part] for part in _cells(places[members], margin)]
        else:
            left += [members[halves], members[~halves]]
    return groups


def _cells(places: NDArray[np.int64], margin: int) -> list[NDArray[np.int64]]:
    """The places in each cell of a lattice, or all together where the cells do not save half."""
    whole = _volume(places, margin)
    if not is_sparse(whole, len(places)):
        return [np.arange(len(places))]
    _, cell = np.unique((places - places.min(axis=0)) // _CELL, axis=0, return_inverse=True)
    cell = cell.ravel()
    order = np.argsort(cell, kind="stable")
    cells = np.split(order, np.flatnonzero(np.diff(cell[order])) + 1)
    in_cells = sum(_volume(places[members], margin) for members in cells)
    return cells if in_cells < _WORTH_IT * whole else [order]


def _cut(places: NDArray[np.int64], margin: int) -> NDArray[np.bool_] | None:
    """The places on the lower side of the best cut, bool (voxels,); None where none is worth it."""
    whole = _volume(places, margin)
    best, kept = 0.75 * whole, None
    if whole <= _SMALL_BOX:
        return None
    for axis in range(3):
        along = places[:, axis]
        taken = np.unique(along)
        if taken.size < 2:
            continue
        gap = taken[int(np.argmax(np.diff(taken)))]
        for last in {int(gap), int(taken[0] + taken[-1]) // 2}:
            lower = along <= last
            cost = _volume(places[lower], margin) + _volume(places[~lower], margin)
            if cost < best:
                best, kept = cost, lower
    return kept


def _volume(places: NDArray[np.int64], margin: int) -> int:
    return math.prod(int(size) for size in np.ptp(places, axis=0) + 1 + margin)
