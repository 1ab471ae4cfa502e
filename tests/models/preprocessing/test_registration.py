"""Rigid registration: a known motion between two contrasts of a phantom is found; same input, same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.preprocessing.registration import register
from models.volume import Volume

ELLIPSOIDS = (
    # centre (LPS mm), radii mm, value in one contrast, value in the other
    ((0.0, 0.0, 0.0), (48.0, 34.0, 42.0), 300.0, 900.0),
    ((-15.0, 8.0, 12.0), (20.0, 12.0, 14.0), 800.0, 200.0),
    ((20.0, -10.0, -6.0), (10.0, 18.0, 9.0), 100.0, 1500.0),
    ((5.0, 16.0, 18.0), (12.0, 7.0, 7.0), 1200.0, 400.0),
    ((-12.0, -14.0, -20.0), (7.0, 7.0, 13.0), 1000.0, 1200.0),
)


def grid(*, spacing_mm: tuple[float, float, float], shape: tuple[int, int, int]) -> NDArray[np.float64]:
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = *spacing_mm, 1.0
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def phantom(affine: NDArray[np.float64], shape: tuple[int, int, int], *, contrast: int, seed: int) -> Volume:
    index = np.stack(np.meshgrid(*(np.arange(size) for size in shape), indexing="ij"), axis=-1)
    place = index @ affine[:3, :3].T + affine[:3, 3]
    voxels = np.full(shape, 20.0)
    for centre, radii, *values in ELLIPSOIDS:
        voxels[np.linalg.norm((place - centre) / radii, axis=-1) < 1] = values[contrast]
    noise = np.random.default_rng(seed).normal(0, 25, shape)
    return Volume(affine, (voxels + noise).astype(np.float32))


def motion(*, degrees: float, shift_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    """A rotation about the axis (1, 2, 3), by Rodrigues' formula, then a shift."""
    x, y, z = np.array([1.0, 2.0, 3.0]) / np.sqrt(14)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    moved = np.eye(4)
    moved[:3, :3] += np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    moved[:3, 3] = shift_mm
    return moved


def test_a_known_motion_between_two_contrasts_is_found() -> None:
    one = grid(spacing_mm=(2.5, 1.6, 1.6), shape=(44, 70, 70))
    other = grid(spacing_mm=(3.0, 1.8, 1.8), shape=(40, 66, 66))
    true = motion(degrees=4.0, shift_mm=(5.0, -7.0, 3.0))
    fixed = phantom(one, (44, 70, 70), contrast=0, seed=1)
    # The same anatomy, written in coordinates that are `true` away from those of `fixed`.
    still = phantom(other, (40, 66, 66), contrast=1, seed=2)
    moving = Volume(true @ still.affine, still.voxels)
    found = register(fixed, moving)
    points = np.array([(*centre, 1.0) for centre, *_ in ELLIPSOIDS])
    error = np.linalg.norm((points @ (found.matrix - true).T)[:, :3], axis=1)
    assert error.max() < 0.5  # a third of a voxel
    assert found.rotation_degrees == pytest.approx(4.0, abs=0.5)
    assert found.translation_mm == pytest.approx(np.sqrt(25 + 49 + 9), abs=0.5)
    assert found.mutual_information > found.mutual_information_before > 0
    again = register(fixed, moving)
    np.testing.assert_array_equal(found.matrix, again.matrix)
    assert found.mutual_information == again.mutual_information


def test_images_in_place_stay_in_place() -> None:
    affine = grid(spacing_mm=(2.5, 1.6, 1.6), shape=(44, 70, 70))
    found = register(
        phantom(affine, (44, 70, 70), contrast=0, seed=1), phantom(affine, (44, 70, 70), contrast=1, seed=2)
    )
    assert found.translation_mm < 0.3
    assert found.rotation_degrees < 0.3


def test_images_far_apart_are_refused() -> None:
    affine = grid(spacing_mm=(3.0, 3.0, 3.0), shape=(20, 20, 20))
    far = affine.copy()
    far[:3, 3] += 5000.0
    voxels = phantom(affine, (20, 20, 20), contrast=0, seed=1).voxels
    with pytest.raises(StudyRejected, match="could not be registered rigidly"):
        register(Volume(affine, voxels), Volume(far, voxels))
