"""Grow-cut from strokes: each voxel takes the label of the seed that is nearest along a path of even brightness.

Multi-source shortest paths (Dijkstra); the first label to arrive wins. The idea is that of Slicer's "Grow from seeds"
(Zhu et al. (2014), a fast form of Vezhnevets and Konouchine's cellular automaton); the code is our own. A step from one
voxel to its neighbour over a face costs

    |I(p) − I(q)| + 0.002 · SD(I) · mm

where the second term decides where the image says nothing. The strokes' own box bounds the growth: interpolating the
strokes instead was rejected, since the parts of a tumour on neighbouring slices may not overlap.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.compiled import compiled
from models.errors import StudyRejected
from models.number_words import counted
from models.segmentation.seeds import FEWEST_SLICES, Images, Mask, Method, Seeds

VERSION: Final = "1.0"
NOTHING, TUMOUR, BACKGROUND = 0, 1, 2

_PER_MM = 0.002  # of the standard deviation, for each mm of a step
_ERODED_MM = 1.5  # the edge of a stroke is not sure
_OUTSIDE_MM = 2.0  # what lies so far outside a stroke on its slice is not the tumour
_MARGIN_MM = 6.0  # of the limit box in the plane
_BEYOND = {3: 0.35, 4: 0.30}  # of the mean gap between strokes, beyond the first and the last of so many
_BEYOND_MORE = 0.25


@dataclass(frozen=True, eq=False)
class Labels:
    """Seeds in the part of the image that can become tumour.

    Attributes
    ----------
    part : the limit box with a voxel around it, as far as the image goes
    labels : uint8, the shape of the part: NOTHING, TUMOUR, BACKGROUND
    """

    part: tuple[slice, slice, slice]
    labels: NDArray[np.uint8]


def grow_cut(images: Images, seeds: Seeds) -> Mask:
    """The tumour grown from strokes: bool (slices, rows, columns). Painted slices stay as they were drawn.

    Raises
    ------
    StudyRejected
        When fewer than 3 slices are painted.
    """
    strokes = strokes_of(seeds)
    found = labels_of(strokes, seeds.background, spacing_mm=images.after.spacing_mm)
    image = images.contrast[found.part]
    grown = shortest_paths(image, found.labels, spacing_mm=images.after.spacing_mm)
    mask = np.zeros(strokes.shape, dtype=np.bool_)
    mask[found.part] = grown == TUMOUR
    mask[seeds.painted_slices] = strokes[seeds.painted_slices]
    return mask


def method(seeds: Seeds) -> Method:
    """The method with the name it has for these strokes."""
    count = len(seeds.painted_slices)
    return Method(
        key="grow-cut",
        segment=grow_cut,
        name=f"grow-cut from strokes on {counted(count, 'slice')}",
        version=VERSION,
        parameters={
            "cost_per_mm": f"{_PER_MM:g} SD",
            "eroded_mm": f"{_ERODED_MM:g}",
            "background_from_mm": f"{_OUTSIDE_MM:g}",
            "margin_mm": f"{_MARGIN_MM:g}",
            "beyond_gap": f"{_BEYOND.get(count, _BEYOND_MORE):g}",
        },
    )


def strokes_of(seeds: Seeds) -> Mask:
    """The strokes.

    Raises
    ------
    StudyRejected
        When fewer than 3 slices are painted.
    """
    count = len(seeds.painted_slices)
    if seeds.strokes is None or count < FEWEST_SLICES:
        raise StudyRejected(
            f"The tumour is painted on {counted(count, 'slice')}; at least {FEWEST_SLICES} were expected, better 5, "
            "among them the first and the last that show it. A tumour on fewer slices than that is painted on each of "
            "them, and sent as its segmentation."
        )
    return seeds.strokes


def labels_of(strokes: Mask, background: Mask | None, *, spacing_mm: tuple[float, float, float]) -> Labels:
    """The strokes as seeds.

    Tumour: the strokes without their edge (1.5 mm, or half their depth where they are thin). Background: what was
    painted as such, what lies farther than 2 mm outside a stroke on its slice, and everything outside the limit box.

    Parameters
    ----------
    strokes, background : bool (slices, rows, columns)
    """
    part, inner = _limit(strokes, spacing_mm)
    painted = strokes[part]
    labels = np.full(painted.shape, BACKGROUND, dtype=np.uint8)
    labels[inner] = NOTHING
    in_plane = spacing_mm[1:]
    for index in np.flatnonzero(painted.any(axis=(1, 2))):
        stroke = painted[index]
        outside = ndimage.distance_transform_edt(~stroke, sampling=in_plane) > _OUTSIDE_MM
        labels[index][outside] = BACKGROUND
        labels[index][_core(stroke, in_plane)] = TUMOUR
    if background is not None:
        labels[background[part] & (labels != TUMOUR)] = BACKGROUND
    return Labels(part, labels)


def _core(stroke: Mask, spacing_mm: tuple[float, float]) -> Mask:
    """A stroke without its edge; each of its parts keeps its middle."""
    depth = ndimage.distance_transform_edt(np.pad(stroke, 1), sampling=spacing_mm)[1:-1, 1:-1]
    pieces, count = ndimage.label(stroke, structure=np.ones((3, 3)))
    deepest = np.concatenate([[0.0], np.atleast_1d(ndimage.maximum(depth, pieces, range(1, count + 1)))])
    return np.asarray(stroke & (depth > np.minimum(_ERODED_MM, deepest / 2)[pieces]))


def _limit(
    strokes: Mask, spacing_mm: tuple[float, float, float]
) -> tuple[tuple[slice, slice, slice], tuple[slice, slice, slice]]:
    """The limit box with a voxel around it, and the limit box as an index into that part."""
    painted = np.flatnonzero(strokes.any(axis=(1, 2)))
    mean_gap = float(np.diff(painted).mean())
    beyond = int(_BEYOND.get(len(painted), _BEYOND_MORE) * mean_gap) if mean_gap > 1 else 0
    margins = (beyond, *(int(np.ceil(_MARGIN_MM / step)) for step in spacing_mm[1:]))
    part, inner = [], []
    for axis, (margin, size) in enumerate(zip(margins, strokes.shape, strict=True)):
        used = np.flatnonzero(strokes.any(axis=tuple(other for other in range(3) if other != axis)))
        low, high = max(int(used[0]) - margin, 0), min(int(used[-1]) + margin + 1, size)
        start = max(low - 1, 0)
        part.append(slice(start, min(high + 1, size)))
        inner.append(slice(low - start, high - start))
    return (part[0], part[1], part[2]), (inner[0], inner[1], inner[2])


def shortest_paths(
    image: NDArray[np.float32], labels: NDArray[np.uint8], *, spacing_mm: tuple[float, float, float]
) -> NDArray[np.uint8]:
    """The label that reaches each voxel first, over its six faces: uint8, the shape of the image.

    Parameters
    ----------
    image : float32 (slices, rows, columns)
    labels : uint8 of the same shape, 0 where nothing is known; at least one seed
    """
    mm = _PER_MM * float(np.std(image)) * np.asarray(spacing_mm, np.float64)
    grown: Any = _shortest_paths(np.ascontiguousarray(image, np.float64), labels.copy(), mm)
    return np.asarray(grown)


@compiled
def _shortest_paths(image, labels, step_cost):  # type: ignore[no-untyped-def]
    slices, rows, columns = image.shape
    flat, label = image.ravel(), labels.ravel()
    cost = np.full(flat.size, np.inf)
    heap = [(0.0, np.int64(0)) for _ in range(0)]
    for place in range(flat.size):
        if label[place]:
            cost[place] = 0.0
            heap.append((0.0, np.int64(place)))
    heapq.heapify(heap)
    plane = rows * columns
    while heap:
        reached, here = heapq.heappop(heap)
        if reached > cost[here]:
            continue
        s, r, c = here // plane, (here // columns) % rows, here % columns
        for axis in range(3):
            at, size, stride = ((s, slices, plane), (r, rows, columns), (c, columns, 1))[axis]
            for way in (-1, 1):
                if 0 <= at + way < size:
                    other = here + way * stride
                    total = reached + abs(flat[here] - flat[other]) + step_cost[axis]
                    if total < cost[other]:
                        cost[other], label[other] = total, label[here]
                        heapq.heappush(heap, (total, np.int64(other)))
    return labels
