"""Texture matrices by `Aggregation`: which voxels are neighbours, and what is summed or averaged.

In three dimensions a region is counted as it is. Where only voxels of one slice are neighbours, the same kernels count
the region with an empty slice between any two of its slices, or each slice alone. PyRadiomics 3.0.1 has four of the six
ways: as it is, `weightingNorm = "no_weighting"` (merged), `force2D` (2.5D), and both. Filters stay three-dimensional.

Averages run over matrices: a slice in which no two voxels are neighbours has no co-occurrence matrix and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.features.filters.discretise import GreyLevels
from models.features.settings import Aggregation
from models.features.texture import TEXTURE_FAMILIES, RegionGeometry, TextureCounts, region_geometry, texture_counts

# The first of `kernels.texture.DIRECTIONS` lie within a slice.
_WITHIN_SLICE = 4


@dataclass(frozen=True, eq=False)
class Part:
    """Voxels of a region whose matrices are counted together.

    Attributes
    ----------
    geometry : of these voxels
    voxels : where they lie among the voxels of the region in scan order
    """

    geometry: RegionGeometry
    voxels: slice


def parts_of(box_mask: NDArray[np.bool_], aggregation: Aggregation) -> tuple[Part, ...]:
    """The region as a whole, or its slices where features are computed of each.

    Parameters
    ----------
    box_mask : the region in its bounding box (slices, rows, columns)
    """
    whole = slice(0, int(np.count_nonzero(box_mask)))
    if not aggregation.within_slices:
        return (Part(region_geometry(box_mask), whole),)
    if not aggregation.by_slice:
        apart = np.zeros((2 * box_mask.shape[0] - 1, *box_mask.shape[1:]), np.bool_)
        apart[::2] = box_mask
        return (Part(_within_slice(region_geometry(apart)), whole),)
    ends = np.cumsum(np.count_nonzero(box_mask, axis=(1, 2))).tolist()
    found = []
    for mask, start, stop in zip(box_mask, [0, *ends], ends, strict=False):
        if stop > start:
            geometry = _within_slice(region_geometry(mask[np.newaxis]))
            # Runs are counted along every direction of a slice, as IBSI does, if its lines hold two voxels or not.
            lined = np.arange(geometry.lined.size) < _WITHIN_SLICE
            found.append(Part(replace(geometry, lined=lined), slice(start, stop)))
    return tuple(found)


def _within_slice(geometry: RegionGeometry) -> RegionGeometry:
    inside = np.arange(geometry.linked.size) < _WITHIN_SLICE
    return replace(geometry, linked=geometry.linked & inside, lined=geometry.lined & inside)


def counts_of(part: Part, levels: GreyLevels, aggregation: Aggregation) -> TextureCounts:
    """The matrices of one part, those of all its directions summed where they are to be merged.

    Parameters
    ----------
    levels : of the voxels of the region in scan order
    """
    counts = replace(texture_counts(part.geometry, _levels_of(levels, part.voxels)), highest=int(levels.greys[-1]))
    if not aggregation.merges_directions:
        return counts
    return replace(counts, pairs=_summed(counts.pairs), runs=_summed(counts.runs))


def histogram_of(levels: GreyLevels) -> TextureCounts:
    """The voxels of each grey level, without any matrix."""
    none = np.zeros((0, 0, 0), np.int32)
    return TextureCounts(
        greys=levels.greys,
        level_counts=levels.counts,
        pairs=none,
        runs=none,
        dependences=np.zeros((0, 0), np.int32),
        tones=np.zeros((0, 2)),
        zones=np.zeros((0, 0), np.int64),
        zone_sizes=np.zeros(0, np.int64),
    )


def _summed(matrices: NDArray[np.int32]) -> NDArray[np.int32]:
    """The sum over directions as the matrix of one; none where there is none."""
    return matrices.sum(axis=0, keepdims=True, dtype=np.int32) if len(matrices) else matrices


def _levels_of(levels: GreyLevels, voxels: slice) -> GreyLevels:
    compact = levels.compact[voxels]
    if compact.size == levels.compact.size:
        return levels
    present, inverse, counts = np.unique(compact, return_inverse=True, return_counts=True)
    return GreyLevels((inverse + 1).astype(np.uint16), levels.greys[present.astype(np.int64) - 1], counts)


def alike(counts: Sequence[TextureCounts]) -> list[list[int]]:
    """Groups of matrices with the same number of directions, as indices: only these can be evaluated together."""
    groups: dict[tuple[int, int], list[int]] = {}
    for k, one in enumerate(counts):
        groups.setdefault((len(one.pairs), len(one.runs)), []).append(k)
    return list(groups.values())


def averaged(features: Iterable[dict[str, float]], counts: Iterable[TextureCounts]) -> dict[str, float]:
    """The texture features of a region as the average of those of its slices; NaN where no slice has one.

    Parameters
    ----------
    features : of each slice by `<family>_<name>`, those of several directions averaged over them
    counts : its matrices; a slice counts as often as it has directions
    """
    rows = list(features)
    weights = {family: np.ones(len(rows)) for family in TEXTURE_FAMILIES}
    matrices = list(counts)
    weights["glcm"] = np.array([float(len(one.pairs)) for one in matrices])
    weights["glrlm"] = np.array([float(len(one.runs)) for one in matrices])
    result: dict[str, float] = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        weight = np.where(np.isnan(values), 0.0, weights[name.split("_", 1)[0]])
        total = float(weight.sum())
        result[name] = float(np.nansum(values * weight) / total) if total else float("nan")
    return result
