"""The texture matrices of one region: which voxels it has, and the counts of each of its images."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.features.filters.discretise import GreyLevels
from models.features.kernels import texture as texture_kernels
from models.features.pieces import Piece, is_sparse, lines_hold_two, side_by_side

_ORIGIN = np.zeros(3, np.int64)
TEXTURE_FAMILIES = ("glcm", "glrlm", "glszm", "gldm", "ngtdm")


@dataclass(frozen=True, eq=False)
class RegionGeometry:
    """Geometry shared by all images of a region: the padded box of the mask and the neighbours of each voxel.

    Of a region whose parts are far apart, `mask` holds the parts side by side (`models.features.pieces`).

    Attributes
    ----------
    box_shape : of the bounding box of the region
    mask : uint8 (slices, rows, columns), bounding box of the region padded by one voxel, or parts with one around each
    positions : int64 (voxels,), flat indices into the mask, in scan order of the region
    offsets : int64 (13,), flat steps to the later neighbours
    neighbours : uint8 (voxels,), neighbours inside the region, 0 … 26
    linked : bool (13,), directions along which two voxels are neighbours
    lined : bool (13,), directions along which some line holds two voxels, neighbours or not
    pieces : where the parts lie in `mask`; one where they are not moved
    places : int64 (voxels, 3), indices in the bounding box, where parts are moved
    """

    box_shape: tuple[int, int, int]
    mask: NDArray[np.uint8]
    positions: NDArray[np.int64]
    offsets: NDArray[np.int64]
    neighbours: NDArray[np.uint8]
    linked: NDArray[np.bool_]
    lined: NDArray[np.bool_]
    pieces: tuple[Piece, ...]
    places: NDArray[np.int64] | None = None

    @property
    def longest(self) -> int:
        """The most voxels that can lie in one line."""
        return max(part.stop - part.start - 2 for piece in self.pieces for part in piece.where)

    def masks(self) -> list[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        """Each part: its padded mask, and where its first corner lies in the padded bounding box."""
        return [(np.ascontiguousarray(self.mask[piece.where]), piece.first) for piece in self.pieces]


@dataclass(frozen=True, eq=False)
class TextureCounts:
    """The matrices of one image of a region; K grey levels that occur.

    Attributes
    ----------
    greys : int64 (K,), grey levels
    level_counts : int64 (K,), voxels of each
    pairs : int32 (directions, K, K), neighbour pairs counted once, linked directions only
    runs : int32 (directions, K, lengths), runs of length index + 1, lined directions only
    dependences : int32 (K, 27), voxels by number of equal neighbours
    tones : float64 (K, 2), voxels, and sum of |grey level - mean of the neighbours|
    zones : int64 (K, sizes), connected parts of equal level
    zone_sizes : int64 (sizes,), the sizes that occur
    highest : the highest grey level of the region, where these matrices are those of a part of it
    """

    greys: NDArray[np.int64]
    level_counts: NDArray[np.int64]
    pairs: NDArray[np.int32]
    runs: NDArray[np.int32]
    dependences: NDArray[np.int32]
    tones: NDArray[np.float64]
    zones: NDArray[np.int64]
    zone_sizes: NDArray[np.int64]
    highest: int | None = None

    @property
    def highest_grey(self) -> int:
        """The highest grey level of the region."""
        return int(self.greys[-1]) if self.highest is None else self.highest


def region_geometry(box_mask: NDArray[np.bool_]) -> RegionGeometry:
    """Geometry of a region from its mask cropped to the bounding box."""
    slices, rows, columns = box_mask.shape
    moved = None
    if is_sparse(box_mask.size, int(np.count_nonzero(box_mask))):
        moved = side_by_side(box_mask)
    if moved is None:
        mask = np.pad(box_mask, 1).astype(np.uint8)
        positions = np.flatnonzero(mask.ravel())
        pieces: tuple[Piece, ...] = (Piece((slice(0, slices + 2), slice(0, rows + 2), slice(0, columns + 2)), _ORIGIN),)
    else:
        mask, positions, pieces = moved.mask, moved.positions, moved.each
    offsets = texture_kernels.neighbour_offsets(mask.shape)
    neighbours, linked = texture_kernels.region_neighbours(mask.ravel(), positions, offsets)
    lined = [
        bool(pair)
        or (
            texture_kernels.line_holds_two(mask, mask.shape, direction)
            if moved is None
            else lines_hold_two(moved.places, direction)
        )
        for pair, direction in zip(linked, texture_kernels.DIRECTIONS, strict=True)
    ]
    return RegionGeometry(
        box_shape=(slices, rows, columns),
        mask=mask,
        positions=positions,
        offsets=offsets,
        neighbours=neighbours,
        linked=linked,
        lined=np.array(lined),
        pieces=pieces,
        places=None if moved is None else moved.places,
    )


def texture_counts(
    geometry: RegionGeometry, levels: GreyLevels, families: Collection[str] = TEXTURE_FAMILIES
) -> TextureCounts:
    """Counts the matrices of one image.

    Parameters
    ----------
    levels : of the voxels of the region in scan order
    families : whose matrices are counted; the others have no entry
    """
    count = levels.greys.size
    flat = np.zeros(geometry.mask.size, dtype=np.uint16)
    flat[geometry.positions] = levels.compact
    greys: NDArray[Any] = flat
    if "ngtdm" in families and levels.greys[-1] != count:  # some level is empty: compact levels are not the grey levels
        greys = np.zeros_like(flat)
        greys[geometry.positions] = levels.greys.astype(np.uint16)[levels.compact - 1]
    where = (geometry.positions, geometry.offsets)
    pairs, runs = np.zeros((0, 0, 0), np.int32), np.zeros((0, 0, 0), np.int32)
    dependences, tones = np.zeros((0, 0), np.int32), np.zeros((0, 2))
    zones, sizes = np.zeros((0, 0), np.int64), np.zeros(0, np.int64)
    if "glcm" in families:
        pairs = texture_kernels.count_pairs(flat, *where, count)[geometry.linked]
    if "glrlm" in families:
        runs = texture_kernels.count_runs(flat, *where, count, geometry.longest)[geometry.lined]
        runs = runs[:, :, : int(np.flatnonzero(runs.any((0, 1)))[-1]) + 1] if len(runs) else runs[:, :, :1]
    if "gldm" in families:
        dependences = texture_kernels.count_dependences(flat, *where, count)
    if "ngtdm" in families:
        tones = texture_kernels.count_tones(flat, greys, *where, geometry.neighbours, count)
    if "glszm" in families:
        zone_levels, zone_sizes = texture_kernels.zones(flat, *where)
        sizes, columns = np.unique(zone_sizes, return_inverse=True)
        cells = (zone_levels.astype(np.int64) - 1) * sizes.size + columns
        zones = np.bincount(cells, minlength=count * sizes.size).reshape(count, sizes.size)
    return TextureCounts(
        greys=levels.greys,
        level_counts=levels.counts,
        pairs=pairs,
        runs=runs,
        dependences=dependences,
        tones=tones,
        zones=zones,
        zone_sizes=sizes.astype(np.int64),
    )


def connected_parts(geometry: RegionGeometry) -> int:
    """Number of connected parts of the region (26 neighbours)."""
    return len(texture_kernels.zones(geometry.mask.ravel().astype(np.uint16), geometry.positions, geometry.offsets)[0])
