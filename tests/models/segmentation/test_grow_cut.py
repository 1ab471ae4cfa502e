"""Grow-cut: equal to a plain Dijkstra (oracle), what strokes become (mechanics), a phantom (oracle: its tumour)."""

from __future__ import annotations

import heapq
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.segmentation.agreement import dice
from models.segmentation.grow_cut import BACKGROUND, TUMOUR, grow_cut, labels_of, method, shortest_paths
from models.segmentation.seeds import Images, Seeds
from models.volume import Volume
from tests.benchmarks.segmentation_cases import CASES, phantom
from tests.models.segmentation.readers import outlined, strokes

SPACING = (2.0, 1.0, 1.5)


def plain_dijkstra(image: NDArray[np.float32], labels: NDArray[np.uint8]) -> tuple[NDArray, NDArray]:
    """Labels and costs by a textbook Dijkstra from all seeds of each label for itself; the cheaper label wins."""
    per_mm = 0.002 * float(np.std(image))
    costs = {}
    for label in (TUMOUR, BACKGROUND):
        cost = np.full(image.shape, np.inf)
        heap = [(0.0, tuple(place)) for place in np.argwhere(labels == label).tolist()]
        for _, place in heap:
            cost[place] = 0.0
        done = set()
        while heap:
            reached, place = heapq.heappop(heap)
            if place in done:
                continue
            done.add(place)
            for axis in range(3):
                for way in (-1, 1):
                    other = list(place)
                    other[axis] += way
                    if not 0 <= other[axis] < image.shape[axis]:
                        continue
                    step = abs(float(image[place]) - float(image[tuple(other)])) + per_mm * SPACING[axis]
                    if reached + step < cost[tuple(other)]:
                        cost[tuple(other)] = reached + step
                        heapq.heappush(heap, (reached + step, tuple(other)))
        costs[label] = cost
    return np.where(costs[TUMOUR] < costs[BACKGROUND], TUMOUR, BACKGROUND), costs[TUMOUR] - costs[BACKGROUND]


@pytest.mark.parametrize("seed", range(4))
def test_paths_are_those_of_a_plain_dijkstra(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(5, 7, 8)).astype(np.float32)
    labels = np.zeros(image.shape, np.uint8)
    labels.ravel()[rng.choice(labels.size, 12, replace=False)] = np.repeat([TUMOUR, BACKGROUND], 6)
    expected, apart = plain_dijkstra(image, labels)
    found = shortest_paths(image, labels, spacing_mm=SPACING)
    decided = np.abs(apart) > 1e-9  # where both arrive at once, either may win
    assert decided.mean() > 0.95
    np.testing.assert_array_equal(found[decided], expected[decided])
    assert set(np.unique(found)) <= {TUMOUR, BACKGROUND}


def bar(count: int = 11) -> tuple[Images, NDArray[np.bool_]]:
    """A bright cylinder on a dark ground, and its mask."""
    mask = np.zeros((count + 4, 30, 30), bool)
    rows, columns = np.mgrid[:30, :30]
    mask[2 : 2 + count] = (rows - 15) ** 2 + (columns - 14) ** 2 < 40
    noise = np.random.default_rng(1).normal(scale=3, size=mask.shape)
    affine = np.diag([2.0, 1.0, 1.0, 1.0])
    return Images(Volume(affine, (100 * mask + noise).astype(np.float32))), mask


def test_painted_slices_stay_as_drawn_and_the_rest_is_filled() -> None:
    images, mask = bar()
    marks = strokes(mask, 3, with_ends=True)
    marks[7, 15, 14] = False  # a hole that somebody left on purpose
    found = grow_cut(images, Seeds(strokes=marks))
    painted = marks.any(axis=(1, 2))
    np.testing.assert_array_equal(found[painted], marks[painted])
    assert dice(found[~painted], mask[~painted]) > 0.95


def test_background_that_was_painted_is_no_tumour() -> None:
    images, mask = bar()
    marks = Seeds(strokes=strokes(mask, 3, with_ends=True))
    background = np.zeros_like(mask)
    background[5, :, 16:] = True
    with_background = grow_cut(images, replace(marks, background=background))
    assert not with_background[5, :, 16:].any()
    assert grow_cut(images, marks)[5, :, 16:].any()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_slices_are_refused(count: int) -> None:
    images, mask = bar()
    marks = np.zeros_like(mask)
    marks[4 : 4 + count] = mask[4 : 4 + count]
    with pytest.raises(StudyRejected, match=f"painted on {count} slice.*at least 3 were expected, better 5"):
        grow_cut(images, Seeds(strokes=marks))


def test_seeds_leave_the_edge_of_a_stroke_open() -> None:
    _, mask = bar()
    found = labels_of(strokes(mask, 3, with_ends=True), None, spacing_mm=(2.0, 1.0, 1.0))
    middle = int(np.argmax([np.count_nonzero(labels == TUMOUR) for labels in found.labels]))
    labels, painted = found.labels[middle], mask[found.part][middle]
    assert 0 < np.count_nonzero(labels == TUMOUR) < np.count_nonzero(painted)
    edges = [found.labels.take(end, axis=axis) for axis in (1, 2) for end in (0, -1)]
    assert all((edge == BACKGROUND).all() for edge in edges)


def test_thin_strokes_keep_their_middle() -> None:
    marks = np.zeros((7, 20, 20), bool)
    for index in (1, 3, 5):
        marks[index, 10, 4:15] = True
    found = labels_of(marks, None, spacing_mm=(2.0, 1.0, 1.0))
    assert all(
        (found.labels[index] == TUMOUR).any() for index in range(len(found.labels)) if marks[found.part][index].any()
    )


def test_a_phantom_from_five_strokes() -> None:
    case = phantom()
    spacing = case.images.after.spacing_mm
    outline = outlined(case.tumour, spacing, np.random.default_rng(0))
    marks = Seeds(strokes=strokes(outline, 5, with_ends=True))
    assert dice(grow_cut(case.images, marks), case.tumour) >= 0.95
    assert method(marks).name == "grow-cut from strokes on 5 slices"


@pytest.mark.parametrize(("name", "least"), [("br06", 0.8), ("sts T1", 0.9), ("sts T2", 0.9)])
def test_real_tumours_from_five_strokes(name: str, least: float, shared_data: Path) -> None:
    """Oracle: the reference masks of the real cases; what they are worth is in tests/benchmarks/SEGMENTATION.md."""
    assert shared_data.is_dir()
    case = CASES[name]()
    outline = outlined(case.tumour, case.images.after.spacing_mm, np.random.default_rng([0, 3]))
    found = grow_cut(case.images, Seeds(strokes=strokes(outline, 5, with_ends=True)))
    assert dice(found, case.tumour) >= least
