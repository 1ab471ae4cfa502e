"""The subtraction picture against its definition. Kind: oracle (plain NumPy), invariants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.volume import Volume
from reports.subtraction import subtraction_of

SHAPE = (6, 9, 11)


def volume(*, seed: int, slices: slice = slice(None), shift_mm: float = 0.0) -> Volume:
    voxels = np.random.default_rng(seed).normal(300, 50, SHAPE).astype(np.float32)[slices]
    affine = np.diag([3.0, 0.8, 0.6, 1.0])[[2, 1, 0, 3]]
    affine[:3, 3] = [5.0, -4.0, 10.0]
    affine[:3, 3] += affine[:3, 0] * (slices.start or 0) + shift_mm
    return replace(_plain(), voxels=voxels, affine=affine)


def _plain() -> Volume:
    return Volume(voxels=np.zeros(SHAPE, dtype=np.float32), affine=np.eye(4))


TUMOUR = np.zeros(SHAPE, dtype=bool)
TUMOUR[2:4, 3:6, 4:8] = True


@pytest.mark.parametrize("slices", [slice(0, 6), slice(2, 5), slice(3, 4)])
def test_it_is_the_greatest_rise_along_the_slices(slices: slice) -> None:
    after, before = volume(seed=1), volume(seed=2, slices=slices)
    made = subtraction_of(after, before, TUMOUR)
    assert made is not None
    expected = np.maximum(after.voxels[slices] - before.voxels, 0).max(axis=0)
    np.testing.assert_array_equal(made.image.pixels, expected)
    assert (made.image.slice_index, made.last_slice_index) == (slices.start, slices.stop - 1)
    np.testing.assert_array_equal(made.image.tumour, TUMOUR.any(axis=0))
    assert made.image.pixel_spacing_mm == pytest.approx((0.8, 0.6))


def test_the_caption_counts_slices_from_one() -> None:
    after = volume(seed=1)
    part = subtraction_of(after, volume(seed=2, slices=slice(2, 5)), TUMOUR)
    whole = subtraction_of(after, volume(seed=2), TUMOUR)
    assert part is not None
    assert whole is not None
    assert part.image.caption == "T1+C minus before contrast, maximum of slices 3 to 5 of 6 (9 mm)"
    assert whole.image.caption == "T1+C minus before contrast, maximum of all 6 slices (18 mm)"


def test_no_picture_of_another_grid_or_of_nothing() -> None:
    after = volume(seed=1)
    assert subtraction_of(after, volume(seed=2, shift_mm=0.2), TUMOUR) is None
    assert subtraction_of(after, after, TUMOUR) is None
    coarse = volume(seed=2)
    assert subtraction_of(after, replace(coarse, affine=coarse.affine @ np.diag([2.0, 1, 1, 1])), TUMOUR) is None
    assert subtraction_of(volume(seed=1, slices=slice(2, 6)), volume(seed=2), TUMOUR[2:]) is None
