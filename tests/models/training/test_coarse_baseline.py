"""Coarsened baseline. Invariants: no time of a single recurrence, equal at the horizons; a stated loss elsewhere."""

from __future__ import annotations

import numpy as np

from models.statistics.survival import BaselineHazard, breslow_baseline
from models.training.coarse_baseline import FEWEST, coarsened

HORIZONS = (12.0, 24.0, 36.0)
RISKS = np.linspace(-2, 2.5, 200)
DAYS_IN_MONTH = 365.25 / 12


def exact(*, patients: int, rate: float, seed: int = 7) -> BaselineHazard:
    """Breslow's estimate of patients whose times are whole days, followed for 20 to 70 months."""
    rng = np.random.default_rng(seed)
    times = np.ceil(rng.exponential(1 / rate, patients) * DAYS_IN_MONTH) / DAYS_IN_MONTH
    followed = np.floor(rng.uniform(20, 70, patients) * DAYS_IN_MONTH) / DAYS_IN_MONTH
    return breslow_baseline(np.minimum(times, followed), times <= followed, rng.normal(size=patients))


def recurrences(baseline: BaselineHazard) -> np.ndarray:
    return baseline.times_months[np.diff(baseline.cumulative, prepend=0.0) > 0]


def test_it_has_whole_months_only_and_no_hazard_of_a_recurrence() -> None:
    original = exact(patients=600, rate=0.002)
    coarse = coarsened(original, horizons_months=HORIZONS, log_risks=RISKS).baseline
    assert np.array_equal(coarse.times_months, np.arange(1, coarse.end_months + 1))
    assert not np.intersect1d(coarse.times_months, recurrences(original)).size
    # Even the sums behind the hazards are rounded.
    assert not np.intersect1d(coarse.cumulative, original.cumulative).size


def test_slopes_change_only_after_five_recurrences() -> None:
    original = exact(patients=600, rate=0.002)
    coarse = coarsened(original, horizons_months=HORIZONS, log_risks=RISKS).baseline
    slopes = np.diff(coarse.cumulative, prepend=0.0)
    bends = np.flatnonzero(~np.isclose(slopes[1:], slopes[:-1], rtol=0.01)) + 1
    edges = np.array([0.0, *coarse.times_months[bends - 1], coarse.end_months])
    counts, _ = np.histogram(recurrences(original), edges)
    assert len(edges) > 8  # it is no single straight line
    assert counts.min() >= FEWEST


def test_survival_at_the_horizons_is_that_of_the_model() -> None:
    original = exact(patients=600, rate=0.002)
    found = coarsened(original, horizons_months=HORIZONS, log_risks=RISKS)
    assert found.loss < 1e-5  # six digits of a hazard
    for months in HORIZONS:
        np.testing.assert_allclose(
            found.baseline.survival(RISKS, months), original.survival(RISKS, months), atol=found.loss
        )


def test_few_recurrences_between_horizons_lie_on_one_line() -> None:
    times = np.array([3.0, 5.2, 7.9, 13.1, 14.6, 20.2, 30.5, 50.5])
    found = coarsened(
        BaselineHazard(times, np.arange(1, 9) * 0.01), horizons_months=HORIZONS, log_risks=np.array([-1.0, 2.0])
    )
    # By hand: 3, 6 and 7 recurrences by the horizons; the one at 50.5 months is left out.
    expected = np.interp(np.arange(1, 37), [0, 12, 24, 36], [0, 0.03, 0.06, 0.07])
    np.testing.assert_allclose(found.baseline.cumulative, expected, rtol=1e-5)
    assert found.loss == 0  # the hazards at the horizons have fewer than six digits


def test_no_recurrence_before_the_first_horizon_is_no_hazard_there() -> None:
    found = coarsened(
        BaselineHazard(np.array([13.5, 40.0]), np.array([0.02, 0.03])), horizons_months=HORIZONS, log_risks=RISKS
    )
    assert found.baseline.at(12.0) == 0
    assert found.baseline.at(24.0) == found.baseline.at(36.0) == 0.02


def test_the_longest_follow_up_is_not_in_it() -> None:
    original = breslow_baseline(np.linspace(1.3, 61.7, 100), np.ones(100), np.zeros(100))
    coarse = coarsened(original, horizons_months=HORIZONS, log_risks=RISKS).baseline
    assert 55 < coarse.end_months < 61.7
    assert coarse.end_months == int(coarse.end_months)


def test_a_horizon_between_months_is_a_row_of_its_own() -> None:
    original = exact(patients=600, rate=0.002)
    found = coarsened(original, horizons_months=(12.5, 24.0), log_risks=RISKS)
    assert 12.5 in found.baseline.times_months
    assert found.loss < 1e-5
