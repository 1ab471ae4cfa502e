"""Contours of other readers: overlap as measured between readers, and the same for the same tumour. Invariants."""

from __future__ import annotations

import numpy as np
import pytest

from models.preprocessing.other_readers import CONTOURS, DICE, LARGEST_MM, other_readers, signed_distance
from models.volume import Sequence
from tests.models.made_contours import ball, prepared_study

SHAPE, SPACING = (24, 48, 48), (2.0, 0.8, 0.8)
BALL = ball(SHAPE, spacing=SPACING, radius_mm=11.0)
FRAGMENTS = ball(SHAPE, spacing=SPACING, radius_mm=14.0) & (np.indices(SHAPE).sum(axis=0) % 7 < 3)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


@pytest.mark.parametrize("mask", [BALL, FRAGMENTS], ids=["ball", "fragments"])
def test_readers_overlap_as_measured(mask: np.ndarray) -> None:
    """Mean Dice .81: Granzier et al. (2020), four readers of 129 breast tumours (their range: .19 to .96)."""
    found = other_readers(prepared_study(mask, spacing=SPACING))
    each = [dice(contour[Sequence.T1C], mask) for contour in found.masks]
    assert len(each) == CONTOURS == 20
    assert np.mean(each) == pytest.approx(DICE, abs=0.015)
    assert found.dice == pytest.approx(np.mean(each), abs=0.015)
    assert 0 < found.amplitude_mm < LARGEST_MM
    assert min(each) > 0.19


def test_contours_of_a_rough_outline_differ_more() -> None:
    """A method that outlined the tumour adds to what readers differ by (`models.outline`)."""
    usual, rough = (other_readers(prepared_study(BALL, spacing=SPACING), dice=wanted) for wanted in (DICE, 0.7))
    assert np.mean([dice(contour[Sequence.T1C], BALL) for contour in rough.masks]) == pytest.approx(0.7, abs=0.02)
    assert rough.amplitude_mm > 1.3 * usual.amplitude_mm


def test_a_fragmented_tumour_moves_by_fewer_millimetres() -> None:
    """Reason for calibrating the overlap and not the distance."""
    compact, fragmented = (other_readers(prepared_study(mask, spacing=SPACING)) for mask in (BALL, FRAGMENTS))
    assert fragmented.amplitude_mm < 0.7 * compact.amplitude_mm


def test_the_same_tumour_has_the_same_contours() -> None:
    """Retried, or in an image with another margin: the numbers come from the tumour, not from what surrounds it."""
    first, again = (other_readers(prepared_study(BALL, spacing=SPACING)) for _ in range(2))
    padded = other_readers(prepared_study(np.pad(BALL, ((3, 5), (4, 1), (2, 6))), spacing=SPACING))
    for one, same, wider in zip(first.masks, again.masks, padded.masks, strict=True):
        np.testing.assert_array_equal(one[Sequence.T1C], same[Sequence.T1C])
        np.testing.assert_array_equal(one[Sequence.T1C], wider[Sequence.T1C][3:-5, 4:-1, 2:-6])


def test_another_tumour_has_other_contours() -> None:
    moved = BALL.copy()
    moved[12, 24, 38:41] = True
    one, other = (other_readers(prepared_study(mask, spacing=SPACING), count=2) for mask in (BALL, moved))
    assert np.count_nonzero(one.masks[0][Sequence.T1C] ^ other.masks[0][Sequence.T1C]) > 100


def test_both_sequences_move_alike() -> None:
    found = other_readers(prepared_study(BALL, spacing=SPACING, t2w=True), count=3)
    for masks in found.masks:
        np.testing.assert_array_equal(masks[Sequence.T1C], masks[Sequence.T2W])


def test_the_distance_is_zero_on_the_edges_of_voxels() -> None:
    """Closed form: across a plane between two voxels, half a voxel on either side, and whole ones from there on."""
    mask = np.zeros((6, 7, 8), dtype=bool)
    mask[:, :, :4] = True
    found = signed_distance(mask, (2.0, 1.0, 0.5))
    np.testing.assert_allclose(found[3, 3], 0.5 * (3.5 - np.arange(8)))
