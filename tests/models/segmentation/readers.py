"""Simulated readers: they outline a little too wide or too narrow, with a wobble; they mark strokes, boxes, points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.preprocessing.other_readers import signed_distance
from models.segmentation.seeds import Box, Seeds, Triple

Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]

SIZE_MM = 0.5  # standard deviation of bias and wobble together: 19 of 20 places lie within 1 mm
_CORRELATION_MM = 6.0


def outlined(tumour: Mask, spacing_mm: Spacing, rng: np.random.Generator) -> Mask:
    """The tumour as a reader outlines it: each slice for itself, off by a bias and a smooth wobble, ± 1 mm."""
    bias = rng.normal(scale=SIZE_MM / 2)
    result = np.zeros_like(tumour)
    margin = [1, *(int(np.ceil(4 * SIZE_MM / step)) + 1 for step in spacing_mm[1:])]
    box = tuple(
        slice(max(int(where.min()) - more, 0), int(where.max()) + more + 1)
        for where, more in zip(np.nonzero(tumour), margin, strict=True)
    )
    part = tumour[box]
    sigma = [_CORRELATION_MM / step for step in spacing_mm[1:]]
    for index, slice_ in enumerate(part):
        if not slice_.any():
            continue
        distance = signed_distance(np.pad(slice_, 1)[np.newaxis], (1e3, *spacing_mm[1:]))[0, 1:-1, 1:-1]
        field = ndimage.gaussian_filter(rng.normal(size=slice_.shape), sigma, mode="wrap")
        wobble = SIZE_MM * field / max(float(field.std()), 1e-9) * np.sqrt(0.75)
        drawn = distance + bias + wobble > 0
        result[box][index] = drawn if drawn.any() else slice_
    return result


def strokes(outline: Mask, count: int, *, with_ends: bool) -> Mask:
    """The outline on some of its slices, evenly spread: from the first to the last, or inside its extent."""
    filled = np.flatnonzero(outline.any(axis=(1, 2)))
    first, last = int(filled[0]), int(filled[-1])
    places = np.linspace(first, last, count) if with_ends else first + (last - first) * (np.arange(count) + 0.5) / count
    wanted = {int(filled[np.argmin(np.abs(filled - place))]) for place in places}
    result = np.zeros_like(outline)
    for index in wanted:
        result[index] = outline[index]
    return result


def box_around(tumour: Mask, spacing_mm: Spacing, rng: np.random.Generator) -> Box:
    """The box of the tumour, 1 to 6 mm wider on each side."""
    first, last = [], []
    for where, step, size in zip(np.nonzero(tumour), spacing_mm, tumour.shape, strict=True):
        more = np.ceil(rng.uniform(1, 6, size=2) / step).astype(int)
        first.append(max(int(where.min()) - int(more[0]), 0))
        last.append(min(int(where.max()) + int(more[1]), size - 1))
    return Box((first[0], first[1], first[2]), (last[0], last[1], last[2]))


def point_in_core(tumour: Mask, spacing_mm: Spacing, rng: np.random.Generator) -> Triple:
    """A voxel at least half as deep in the tumour as the deepest."""
    depth = ndimage.distance_transform_edt(np.pad(tumour, 1), sampling=spacing_mm)[1:-1, 1:-1, 1:-1]
    core = np.argwhere(depth >= depth.max() / 2)
    slice_, row, column = core[rng.integers(len(core))].tolist()
    return slice_, row, column


def boxed(tumour: Mask, spacing_mm: Spacing, rng: np.random.Generator) -> Seeds:
    """A box and a point of one reader."""
    return Seeds(box=box_around(tumour, spacing_mm, rng), point=point_in_core(tumour, spacing_mm, rng))
