"""Drafts from a box: the rule of the functional tumour volume (oracle: the plain rule), and refusals (mechanics)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from models.errors import StudyRejected
from models.segmentation.agreement import dice
from models.segmentation.functional_tumour_volume import functional_tumour_volume
from models.segmentation.half_way import half_way
from models.segmentation.seeds import Box, Images, Seeds
from models.volume import Volume

SHAPE = (16, 24, 24)
AFFINE = np.diag([2.0, 1.0, 1.0, 1.0])
BOX = Box((3, 5, 5), (12, 18, 18))
CENTRE = (8, 12, 12)
SEEDS = Seeds(box=BOX, point=CENTRE)


def ball(radius_mm: float = 6.0) -> np.ndarray:
    places = np.indices(SHAPE).reshape(3, -1).T - np.array(CENTRE)
    return (np.linalg.norm(places * [2.0, 1.0, 1.0], axis=1) < radius_mm).reshape(SHAPE)


def volume(values: np.ndarray) -> Volume:
    return Volume(AFFINE, values.astype(np.float32))


def lesion(*, radius_mm: float = 6.0, seed: int = 1) -> Images:
    """A ball that enhances by 150 % against tissue that does by 20 %, and washes out."""
    rng = np.random.default_rng(seed)
    before = 100 + rng.normal(scale=4, size=SHAPE)
    enhances = np.where(ball(radius_mm), 1.5, 0.2)
    return Images(volume(before * (1 + enhances)), volume(before), volume(before * (1 + 0.8 * enhances)))


def test_the_half_way_threshold_finds_a_clear_lesion() -> None:
    assert dice(half_way(lesion(), SEEDS), ball()) > 0.9


def test_the_functional_tumour_volume_follows_its_rule_voxel_by_voxel() -> None:
    rng = np.random.default_rng(3)
    before = rng.uniform(20, 120, SHAPE)
    after = before * rng.uniform(0.8, 3.0, SHAPE) * np.where(ball(7), 1.6, 0.4)
    late = before * rng.uniform(0.8, 2.0, SHAPE)
    found = functional_tumour_volume(Images(volume(after), volume(before), volume(late)), Seeds(box=BOX))
    one, two, three = (part.astype(np.float32).astype(float)[BOX.slices] for part in (before, after, late))
    floor = 0.6 * np.percentile(one, 95)
    passes = (one >= floor) & (100 * (two - one) / one >= 70)
    expected = np.zeros_like(passes)
    for place in np.argwhere(passes):
        around = 0
        for step in product((-1, 0, 1), repeat=3):
            other = place + np.array(step)
            if any(step) and np.all(other >= 0) and np.all(other < passes.shape):
                around += bool(passes[tuple(other)])
        here = tuple(place)
        ratio = (two[here] - one[here]) / (three[here] - one[here])
        expected[here] = around >= 4 and ratio >= 0
    assert expected.any()
    np.testing.assert_array_equal(found[BOX.slices], expected)
    assert not np.delete(found, range(3, 13), axis=0).any()


FLAT = Images(volume(np.full(SHAPE, 100.0)), volume(np.full(SHAPE, 90.0)), volume(np.full(SHAPE, 100.0)))
EVERYWHERE = Images(
    volume(np.where(np.pad(np.ones((10, 14, 14), bool), ((3, 3), (5, 5), (5, 5))), 300.0, 100.0)),
    volume(np.full(SHAPE, 100.0)),
    volume(np.full(SHAPE, 150.0)),
)


@pytest.mark.parametrize(
    ("method", "images", "seeds", "sentence"),
    [
        (half_way, lesion(), Seeds(point=CENTRE), "No box was given"),
        (half_way, lesion(), Seeds(box=BOX), "The point is not given"),
        (half_way, lesion(), replace(SEEDS, point=(0, 0, 0)), "in the box from"),
        (half_way, lesion(), Seeds(box=Box((3, 5, 5), (12, 18, 30)), point=CENTRE), "a box inside the image"),
        (half_way, FLAT, SEEDS, "not brighter than around the box"),
        (half_way, EVERYWHERE, SEEDS, "of the box; at most 80"),
        (functional_tumour_volume, FLAT, SEEDS, "finds nothing in the box"),
        (functional_tumour_volume, EVERYWHERE, SEEDS, "fills 100% of the box"),
        (functional_tumour_volume, Images(lesion().after), SEEDS, "no phase before contrast"),
        (functional_tumour_volume, replace(lesion(), late=None), SEEDS, "no late phase"),
    ],
)
def test_refusals_say_what_was_expected(
    method: Callable[[Images, Seeds], np.ndarray], images: Images, seeds: Seeds, sentence: str
) -> None:
    with pytest.raises(StudyRejected, match=sentence):
        method(images, seeds)


def test_a_point_whose_neighbours_disagree_is_refused() -> None:
    """Half of the lesion is twice as bright: the threshold depends on which half the point lies in."""
    images = lesion()
    bright = images.after.voxels.copy()
    bright[:, :, 13:][ball()[:, :, 13:]] *= 4
    with pytest.raises(StudyRejected, match=r"3 mm away gives another mask \(Dice 0\.\d\d"):
        half_way(replace(images, after=volume(bright)), SEEDS)


def test_a_lesion_that_runs_out_of_the_box_is_refused() -> None:
    images = lesion()
    bright = images.after.voxels.copy()
    bright[:, 11:14, :] = bright[:, :, 11:14] = 250.0  # a sheet through four faces and more
    with pytest.raises(StudyRejected, match="of the 6 faces of the box"):
        functional_tumour_volume(replace(images, after=volume(bright)), SEEDS)


def test_phases_on_other_grids_are_refused() -> None:
    with pytest.raises(StudyRejected, match="phases on one grid were expected"):
        Images(volume(np.zeros(SHAPE)), volume(np.zeros((16, 24, 23))))
