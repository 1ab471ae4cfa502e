"""Invariant and mechanics: masks that nearly fit their image, or lie on another grid."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import StudyRejected
from models.preprocessing.mask_fit import fitted_mask, grid_differences, largest_shift
from models.quality_notes import Severity
from models.volume import Roi, Volume

SHAPE = (20, 64, 60)
AFFINE = np.array([[0, 0, 0.8, -100], [0, 0.8, 0, -80], [3.0, 0, 0, 20], [0, 0, 0, 1]])
IMAGE = Volume(AFFINE, np.zeros(SHAPE, np.float32))
MASK = np.zeros(SHAPE, bool)
MASK[6:12, 20:33, 25:40] = np.random.default_rng(0).random((6, 13, 15)) > 0.3


def shifted(*millimetres: float) -> np.ndarray:
    affine = AFFINE.copy()
    affine[:3, 3] += millimetres
    return affine


def turned(radians: float) -> np.ndarray:
    affine = AFFINE.copy()
    turn = [[np.cos(radians), -np.sin(radians), 0], [np.sin(radians), np.cos(radians), 0], [0, 0, 1]]
    affine[:3, :3] = turn @ affine[:3, :3]
    return affine


def stretched(factor: float) -> np.ndarray:
    affine = AFFINE.copy()
    affine[:3, 1] *= factor
    return affine


def test_a_mask_on_the_same_grid_is_taken_without_a_word() -> None:
    roi = Roi(shifted(1e-4, 0, 0), MASK, "label 1")
    fitted = fitted_mask(IMAGE, roi, resample=False)
    assert fitted.roi is roi
    assert fitted.notes == ()


@pytest.mark.parametrize(
    ("affine", "differs"),
    [
        (shifted(0.01, 0, 0), "its origin is 0.01 mm from that of the image (0 × 0 × 0.013 voxels)"),
        (turned(1e-4), "its direction is turned by 0.0057°"),
        (stretched(1.001), "its voxels measure 3 × 0.8008 × 0.8 mm instead of 3 × 0.8 × 0.8 mm"),
    ],
    ids=["origin", "direction", "spacing"],
)
@pytest.mark.parametrize("resample", [False, True])
def test_less_than_a_tenth_of_a_voxel_is_a_note(affine: np.ndarray, differs: str, *, resample: bool) -> None:
    fitted = fitted_mask(IMAGE, Roi(affine, MASK, "label 1"), resample=resample)
    np.testing.assert_array_equal(fitted.roi.mask, MASK)
    np.testing.assert_array_equal(fitted.roi.affine, AFFINE)
    [note] = fitted.notes
    assert (note.code, note.severity) == ("mask-off-grid", Severity.NOTE)
    assert differs in note.sentence


def test_a_tenth_of_a_voxel_is_the_limit() -> None:
    assert fitted_mask(IMAGE, Roi(shifted(0.079, 0, 0), MASK, "x"), resample=False).notes
    beyond = Roi(shifted(0.081, 0, 0), MASK, "x")
    assert largest_shift(IMAGE, beyond) == pytest.approx(0.10125)
    with pytest.raises(StudyRejected, match=r"0\.081 mm"):
        fitted_mask(IMAGE, beyond, resample=False)


def flipped_rows() -> Roi:
    affine = AFFINE.copy()
    affine[:3, 1] *= -1
    affine[:3, 3] += AFFINE[:3, 1] * (SHAPE[1] - 1)
    return Roi(affine, MASK[:, ::-1], "label 1")


def cropped() -> Roi:
    affine = AFFINE.copy()
    affine[:3, 3] += AFFINE[:3, :3] @ (4, 10, 12)
    return Roi(affine, MASK[4:16, 10:50, 12:50], "label 1")


def transposed() -> Roi:
    return Roi(AFFINE[:, [0, 2, 1, 3]], MASK.transpose(0, 2, 1), "label 1")


def finer() -> Roi:
    affine = AFFINE.copy()
    affine[:3, 3] -= AFFINE[:3, :3] @ (0.25, 0.25, 0.25)
    affine[:3, :3] /= 2
    return Roi(affine, np.kron(MASK, np.ones((2, 2, 2), bool)), "label 1")


@pytest.mark.parametrize(
    ("roi", "differs"),
    [
        (flipped_rows(), ("its rows run the other way",)),
        (
            cropped(),
            (
                "its size is 12 × 40 × 38 voxels instead of 20 × 64 × 60 (slices × rows × columns)",
                "its origin is 17.3 mm from that of the image (4 × 10 × 12 voxels)",
            ),
        ),
        (
            transposed(),
            (
                "its size is 20 × 60 × 64 voxels instead of 20 × 64 × 60 (slices × rows × columns)",
                "its axes are in another order (rows along the columns, columns along the rows of the image)",
            ),
        ),
        (
            finer(),
            (
                "its size is 40 × 128 × 120 voxels instead of 20 × 64 × 60 (slices × rows × columns)",
                "its voxels measure 1.5 × 0.4 × 0.4 mm instead of 3 × 0.8 × 0.8 mm",
                "its origin is 0.802 mm from that of the image (0.25 × 0.25 × 0.25 voxels)",
            ),
        ),
    ],
    ids=["flipped rows", "cropped", "transposed", "finer"],
)
def test_another_grid_is_refused_with_what_differs_or_carried_over(roi: Roi, differs: tuple[str, ...]) -> None:
    assert grid_differences(IMAGE, roi) == differs
    with pytest.raises(StudyRejected, match="--resample-mask") as refused:
        fitted_mask(IMAGE, roi, resample=False)
    assert all(clause in str(refused.value) for clause in differs)
    fitted = fitted_mask(IMAGE, roi, resample=True)
    np.testing.assert_array_equal(fitted.roi.mask, MASK)
    [note] = fitted.notes
    assert (note.code, note.severity) == ("mask-carried-over", Severity.NOTE)
    assert "1.61 cm³ there; 837 voxels, 1.61 cm³ here" in note.sentence


def test_what_is_lost_is_a_warning_or_refused() -> None:
    partly = cropped()
    affine = partly.affine.copy()
    affine[:3, 3] += AFFINE[:3, :3] @ (9, 0, 0)
    with pytest.raises(StudyRejected, match="outside the other image"):
        fitted_mask(IMAGE, Roi(affine, partly.mask, "label 1"), resample=True)
    block = np.zeros(SHAPE, bool)
    block[:, 4:24, 4:24] = True
    affine = AFFINE.copy()
    affine[:3, 3] += AFFINE[:3, 0]
    [note] = fitted_mask(IMAGE, Roi(affine, block, "label 1"), resample=True).notes
    assert note.severity is Severity.WARNING
    assert "5.0% of it lie outside the image" in note.sentence
