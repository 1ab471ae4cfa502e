"""Closed contours of one slice as pixels: filled, compared with each other, and put together.

CLOSED_PLANAR contours: one drawn twice counts once, one inside another is a hole (the standard knows the keyhole only,
but this is how planning systems write holes), and those that cross are one region, their union. CLOSEDPLANAR_XOR
contours are combined by exclusive or in any order (PS3.3 C.8.8.6.3); one drawn twice would cancel itself, which
nobody draws, so it counts once as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

# Outlines closer than this, in pixels, are the same line: drawn twice, shared, or written with other digits. A quarter
# of a pixel decides about no pixel that two readers would agree on.
SAME_LINE = 0.25
# Outlines are compared at points this far apart at most, in pixels.
_STEP = 0.5

Polygon = NDArray[np.float64]


class Relation(StrEnum):
    """Relation of two contours of one slice."""

    APART = "apart"  # they touch at most
    SAME = "same"  # one outline, drawn twice
    INSIDE = "inside"  # the first lies in the second
    AROUND = "around"  # the second lies in the first
    CROSSING = "crossing"  # they overlap in part


@dataclass(frozen=True, eq=False)
class Combined:
    """The contours of one slice, put together.

    Attributes
    ----------
    mask : bool (rows, columns)
    doubled : contours that were left out because they are another one again
    crossing : contours that overlap another one in part and were united with it
    """

    mask: NDArray[np.bool_]
    doubled: int
    crossing: int


def combine(polygons: Sequence[Polygon], *, shape: tuple[int, int], exclusive: bool) -> Combined:
    """Put the contours of one slice together.

    Parameters
    ----------
    polygons : float64 (points, 2) each, (row, column) in pixels; the last corner is joined to the first
    shape : (rows, columns)
    exclusive : by exclusive or (CLOSEDPLANAR_XOR), not as holes and unions (CLOSED_PLANAR)
    """
    kept: list[Polygon] = []
    relations: dict[tuple[int, int], Relation] = {}
    for polygon in polygons:
        to_others = [relation(other, polygon) for other in kept]
        if Relation.SAME not in to_others:
            relations |= {(index, len(kept)): found for index, found in enumerate(to_others)}
            kept.append(polygon)
    doubled = len(polygons) - len(kept)
    fills = [fill(polygon, shape=shape) for polygon in kept]
    if exclusive:
        return Combined(np.logical_xor.reduce(fills), doubled, 0)
    group = _united(len(kept), [pair for pair, found in relations.items() if found is Relation.CROSSING])
    around: dict[int, set[int]] = {index: set() for index in group}
    for (one, other), found in relations.items():
        if found in (Relation.INSIDE, Relation.AROUND) and group[one] != group[other]:
            inner, outer = (one, other) if found is Relation.INSIDE else (other, one)
            around[group[inner]].add(group[outer])
    mask = np.zeros(shape, dtype=np.bool_)
    for name in sorted(set(group), key=lambda name: len(around[name])):  # from the outside in
        region = np.logical_or.reduce([one for one, owner in zip(fills, group, strict=True) if owner == name])
        mask = mask & ~region if len(around[name]) % 2 else mask | region
    return Combined(mask, doubled, sum(group.count(name) for name in set(group) if group.count(name) > 1))


def relation(one: Polygon, other: Polygon) -> Relation:
    """Relation of two contours; what is closer than `SAME_LINE` touches, and does not cross."""
    apart = np.maximum(one.min(axis=0) - other.max(axis=0), other.min(axis=0) - one.max(axis=0)).max()
    if apart > 0:
        return Relation.APART
    one_inside, one_outside = _depths(one, other)
    other_inside, other_outside = _depths(other, one)
    if max(one_inside, one_outside, other_inside, other_outside) <= SAME_LINE:
        return Relation.SAME
    if one_outside <= SAME_LINE < one_inside:
        return Relation.INSIDE
    if other_outside <= SAME_LINE < other_inside:
        return Relation.AROUND
    if max(one_inside, other_inside) <= SAME_LINE:
        return Relation.APART
    return Relation.CROSSING


def fill(polygon: Polygon, *, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels whose centre lies inside a closed polygon, by the even-odd rule.

    Parameters
    ----------
    polygon : float64 (points, 2), (row, column) of its corners; the last is joined to the first
    shape : (rows, columns)

    Notes
    -----
    For each edge the rows it crosses are found (lower end in, upper end out, so that a corner counts once), and every
    pixel to the right of the crossing changes sides.
    """
    start, end = polygon, np.roll(polygon, -1, axis=0)
    upwards = start[:, 0] <= end[:, 0]
    low, high = (np.where(upwards[:, np.newaxis], *pair) for pair in ((start, end), (end, start)))
    first = np.clip(np.ceil(low[:, 0]), 0, shape[0]).astype(np.int64)
    last = np.clip(np.ceil(high[:, 0]), 0, shape[0]).astype(np.int64)
    edge = np.repeat(np.arange(len(polygon)), last - first)
    within = np.arange(len(edge)) - np.repeat(np.cumsum(last - first) - (last - first), last - first)
    row = first[edge] + within
    share = (row - low[edge, 0]) / (high[edge, 0] - low[edge, 0])
    crossing = low[edge, 1] + share * (high[edge, 1] - low[edge, 1])
    column = np.clip(np.ceil(crossing), 0, shape[1]).astype(np.int64)
    changes = np.zeros((shape[0], shape[1] + 1), dtype=np.uint8)
    np.add.at(changes, (row, column), 1)
    return np.asarray(np.cumsum(changes, axis=1)[:, :-1] % 2 == 1)


def encloses_area(polygon: Polygon) -> bool:
    """Returns whether the corners are three different points at least, and not all on one line."""
    corners = np.unique(polygon, axis=0)
    if len(corners) < 3:
        return False
    return bool(np.linalg.svd(corners - corners.mean(axis=0), compute_uv=False)[1] > 1e-6)


def _united(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """For each of `count` contours the first contour of its group; `pairs` belong together."""
    group = list(range(count))
    for one, other in pairs:
        first, second = sorted((group[one], group[other]))
        group = [first if name == second else name for name in group]
    return group


def _depths(one: Polygon, other: Polygon) -> tuple[float, float]:
    """Returns how far the outline of `one` reaches into `other`, and out of it, in pixels (0 where it does not)."""
    points = _dense(one)
    start, edge = other, np.roll(other, -1, axis=0) - other
    to_start = points[:, np.newaxis] - start  # (points, edges, 2)
    length = np.maximum(np.sum(edge**2, axis=1), 1e-12)
    along = np.clip(np.sum(to_start * edge, axis=2) / length, 0, 1)
    distance = np.sqrt(np.sum((to_start - along[..., np.newaxis] * edge) ** 2, axis=2)).min(axis=1)
    end = start + edge
    crosses = (start[:, 0] > points[:, :1]) != (end[:, 0] > points[:, :1])
    step = np.where(edge[:, 0] == 0, 1.0, edge[:, 0])
    at = start[:, 1] + (points[:, :1] - start[:, 0]) / step * edge[:, 1]
    inside = np.count_nonzero(crosses & (points[:, 1:] < at), axis=1) % 2 == 1
    return (
        float(distance[inside].max(initial=0.0)),
        float(distance[~inside].max(initial=0.0)),
    )


def _dense(polygon: Polygon) -> Polygon:
    """The corners, and points on the edges, at most `_STEP` apart."""
    edge = np.roll(polygon, -1, axis=0) - polygon
    parts = np.maximum(np.ceil(np.linalg.norm(edge, axis=1) / _STEP), 1).astype(np.int64)
    owner = np.repeat(np.arange(len(polygon)), parts)
    share = (np.arange(len(owner)) - np.repeat(np.cumsum(parts) - parts, parts)) / parts[owner]
    return np.asarray(polygon[owner] + share[:, np.newaxis] * edge[owner])
