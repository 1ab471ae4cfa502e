"""The body mask on images of known extent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from models.errors import StudyRejected
from models.images import read_image
from models.preprocessing.body import tissue_threshold
from models.preprocessing.measurement import body_mask
from models.volume import Volume
from tests.models.geometry import centred_affine, sphere

SHAPE, SPACING = (20, 80, 80), (3.0, 1.0, 1.0)
AFFINE = centred_affine(SHAPE, SPACING)
BALL = sphere(SHAPE, AFFINE, 28)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other)))


def image(body: np.ndarray, *, noise: float, seed: int = 0) -> Volume:
    """Magnitude image of `body` (intensities) in complex noise, as MR makes it (Rician)."""
    rng = np.random.default_rng(seed)
    magnitude = np.hypot(body + rng.normal(0, noise, body.shape), rng.normal(0, noise, body.shape))
    return Volume(AFFINE, magnitude.astype(np.float32))


@pytest.mark.parametrize("noise", [0.0, 3.0, 15.0])
def test_uniform_tissue(noise: float) -> None:
    assert overlap(body_mask(image(np.where(BALL, 100.0, 0.0), noise=noise)), BALL) > 0.95


def test_suppressed_fat_is_body_beside_a_bright_lesion() -> None:
    """Tissue at 3 times the noise, skin and lesion 5 to 20 times brighter: one Otsu threshold would lose the tissue."""
    tissue = np.where(BALL, 15.0, 0.0)
    tissue[BALL & ~sphere(SHAPE, AFFINE, 25)] = 80
    tissue[sphere(SHAPE, AFFINE, 9, centre_mm=(8, 5, 0))] = 300
    tissue[BALL & (np.arange(SHAPE[2]) < 30)] *= 2
    assert overlap(body_mask(image(tissue, noise=5)), BALL) > 0.93


def test_bone_is_filled_and_a_speck_in_the_air_is_not_body() -> None:
    tissue = np.where(BALL, 100.0, 0.0)
    bone = sphere(SHAPE, AFFINE, 6, centre_mm=(4, 0, 0))
    tissue[bone] = 0
    tissue[2:4, 2:9, 2:9] = 100
    found = body_mask(image(tissue, noise=2))
    assert found[bone].all()
    assert not found[:, :10, :10].any()


def test_two_breasts_are_both_body() -> None:
    two = sphere(SHAPE, AFFINE, 15, centre_mm=(-20, 0, 0)) | sphere(SHAPE, AFFINE, 12, centre_mm=(20, 0, 0))
    assert overlap(body_mask(image(np.where(two, 100.0, 0.0), noise=2)), two) > 0.9


def test_the_mask_has_the_shape_of_the_image_when_blocks_do_not_divide_it() -> None:
    shape = (7, 33, 31)
    affine = centred_affine(shape, (5.0, 0.7, 0.7))
    ball = sphere(shape, affine, 8)
    found = body_mask(Volume(affine, np.where(ball, 50.0, 1.0).astype(np.float32)))
    assert found.shape == shape
    assert overlap(found, ball) > 0.8


def test_negative_values_are_possible() -> None:
    assert overlap(body_mask(Volume(AFFINE, np.where(BALL, 100, -50).astype(np.float32))), BALL) > 0.95


def test_a_constant_image_is_refused() -> None:
    with pytest.raises(StudyRejected, match="All 128000 voxels of the image have the value 7"):
        body_mask(Volume(AFFINE, np.full(SHAPE, 7, dtype=np.float32)))


def test_the_threshold_lies_between_two_narrow_classes_and_below_the_middle_of_three() -> None:
    rng = np.random.default_rng(1)
    two = np.concatenate([rng.normal(0, 0.1, 5000), rng.normal(3, 0.1, 5000)])
    assert 0.3 < tissue_threshold(two) < 2.7
    three = np.concatenate([rng.normal(0, 0.25, 5000), rng.normal(1, 0.25, 5000), rng.normal(2.5, 0.4, 2000)])
    assert 0.2 < tissue_threshold(three) < 0.8


def test_a_real_head_is_one_piece_without_holes(shared_data: Path) -> None:
    found = body_mask(read_image(shared_data / "pyradiomics" / "brain1_image.nrrd"))
    assert 0.5 < found.mean() < 0.7  # by eye on the slices: the head fills about 0.6 of the field of view
    assert all(ndimage.label(~one)[1] <= 8 for one in found)  # the corners around the head and its ears, no holes
