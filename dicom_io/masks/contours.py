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
_AT_A_TIME = 32_768  # pairs of a point and an edge
# Comparisons of a point with an edge for one region: 8 seconds. A region of 100 slices with three outlines of 500
# points around each other takes three quarters of it.
MOST_WORK = 400_000_000
_PAIR, _ROW = 700, 8  # what it costs beside to look at a pair of contours, and at a row that an edge crosses

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


def work_of(polygons: Sequence[Polygon], *, shape: tuple[int, int]) -> int:
    """Estimated cost of `combine`, in comparisons of a point with an edge (20 ns each), without doing it."""
    count = len(polygons)
    work = count * count // 2 * _PAIR
    if work > MOST_WORK or not count:
        return work
    corners = np.array([len(polygon) for polygon in polygons], dtype=np.float64)
    edges = [np.roll(polygon, -1, axis=0) - polygon for polygon in polygons]
    points = corners + [np.linalg.norm(edge, axis=1).sum() / _STEP for edge in edges]
    rows = sum(np.minimum(np.abs(edge[:, 0]) + 1, shape[0]).sum() for edge in edges)
    low, high = (np.array([of(polygon, axis=0) for polygon in polygons]) for of in (np.min, np.max))
    meet = np.all((low[:, np.newaxis] <= high) & (low <= high[:, np.newaxis]), axis=2)
    np.fill_diagonal(meet, val=False)
    return int(work + (points[:, np.newaxis] * corners * meet).sum() + rows * _ROW)


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
    """Returns whether the corners are three different points at least, and not all on one line.

    Two points that differ are always on one line, so that sorting the corners for those that do would only cost time:
    a minute for a million of them.
    """
    if len(polygon) < 3:
        return False
    return bool(np.linalg.svd(polygon - polygon.mean(axis=0), compute_uv=False)[1] > 1e-6)


def _united(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """For each of `count` contours the first contour of its group; `pairs` belong together."""
    group = list(range(count))
    for one, other in pairs:
        first, second = sorted((group[one], group[other]))
        group = [first if name == second else name for name in group]
    return group


def _depths(one: Polygon, other: Polygon) -> tuple[float, float]:
    """Returns how far the outline of `one` reaches into `other`, and out of it, in pixels (0 where it does not)."""
    start, edge = other, np.roll(other, -1, axis=0) - other
    length = np.maximum(np.sum(edge**2, axis=1), 1e-12)
    end = start[:, 0] + edge[:, 0]
    slope = edge[:, 1] / np.where(edge[:, 0] == 0, 1.0, edge[:, 0])
    points = _dense(one)
    step = max(_AT_A_TIME // len(other), 1)
    deepest = [0.0, 0.0]
    for first in range(0, len(points), step):  # few at a time: the matrices stay in the cache
        row, column = points[first : first + step, :1], points[first : first + step, 1:]
        below, right = row - start[:, 0], column - start[:, 1]  # (points, edges)
        along = np.clip((below * edge[:, 0] + right * edge[:, 1]) / length, 0, 1)
        squared = (below - along * edge[:, 0]) ** 2 + (right - along * edge[:, 1]) ** 2
        distance = np.sqrt(squared.min(axis=1))
        crosses = (start[:, 0] > row) != (end > row)
        inside = np.count_nonzero(crosses & (right < below * slope), axis=1) % 2 == 1
        for index, where in enumerate((inside, ~inside)):
            deepest[index] = max(deepest[index], float(distance[where].max(initial=0.0)))
    return deepest[0], deepest[1]


def _dense(polygon: Polygon) -> Polygon:
    """The corners, and points on the edges, at most `_STEP` apart."""
    edge = np.roll(polygon, -1, axis=0) - polygon
    parts = np.maximum(np.ceil(np.linalg.norm(edge, axis=1) / _STEP), 1).astype(np.int64)
    owner = np.repeat(np.arange(len(polygon)), parts)
    share = (np.arange(len(owner)) - np.repeat(np.cumsum(parts) - parts, parts)) / parts[owner]
    return np.asarray(polygon[owner] + share[:, np.newaxis] * edge[owner])
