"""The risk-coverage curve of the borderline rule. Closed forms of the normal distribution, and laws."""

from __future__ import annotations

import numpy as np
import pytest

from models.statistics.risk_coverage import leave_one_out, risk_coverage

RNG = np.random.default_rng(1)
SCORES = RNG.normal(size=20_000)
OTHERS = SCORES[:, np.newaxis] + 0.5 * RNG.normal(size=(20_000, 4))


def test_a_range_of_1_28_holds_four_of_five() -> None:
    curve = risk_coverage(SCORES, OTHERS, np.full(SCORES.size, 0.5), cut_off=0.3, factors=(1.0, 1.28, 1.96))
    # Normal distribution: 68.3, 79.9 and 95.0 %.
    assert [point.held for point in curve] == pytest.approx([0.683, 0.799, 0.950], abs=0.005)


def test_withheld_are_those_whose_range_holds_the_cut_off() -> None:
    (point,) = risk_coverage(SCORES, OTHERS, np.full(SCORES.size, 0.5), cut_off=0.3, factors=(1.0,))
    near = np.abs(SCORES - 0.3) <= 0.5
    flips = (OTHERS > 0.3) != (SCORES > 0.3)[:, np.newaxis]
    assert point.withheld == pytest.approx(near.mean())
    assert point.flips_shown == pytest.approx(flips[~near].mean())
    assert point.flips_withheld == pytest.approx(flips[near].mean())


def test_the_wider_the_range_the_fewer_flips() -> None:
    curve = risk_coverage(SCORES, OTHERS, np.full(SCORES.size, 0.5), cut_off=0.3)
    shown = [point.flips_shown for point in curve if point.flips_shown is not None]
    assert shown == sorted(shown, reverse=True)
    assert [point.withheld for point in curve] == sorted(point.withheld for point in curve)


def test_a_training_that_says_nothing_about_a_patient_is_not_counted() -> None:
    partial = OTHERS.copy()
    partial[:, 1:] = np.nan
    wide = np.full(SCORES.size, 0.5)
    assert risk_coverage(SCORES, partial, wide, cut_off=0.3) == risk_coverage(SCORES, OTHERS[:, :1], wide, cut_off=0.3)


def test_no_group_shown_is_not_zero_flips() -> None:
    (point,) = risk_coverage(SCORES, OTHERS, np.full(SCORES.size, 0.5), cut_off=0.3, factors=(100.0,))
    assert point.flips_shown is None
    assert point.withheld == 1


def test_each_is_left_out_of_its_own_spread() -> None:
    refits = OTHERS[:50]
    found = leave_one_out(SCORES[:50], refits)
    for number in range(refits.shape[1]):
        rest = np.delete(refits, number, axis=1)
        expected = np.sqrt(((rest - SCORES[:50, np.newaxis]) ** 2).mean(axis=1))
        np.testing.assert_allclose(found[:, number], expected, rtol=1e-12)
