"""Intervals that cover: closed forms, R's variances, laws, and coverage where the old ones fail.

The coverage of all statistics over many cohorts is in tests/benchmarks/COVERAGE.md; here a few cells of it are run.
"""

from __future__ import annotations

import math
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from scipy.stats import t as student

from models.statistics.brier import brier_at, brier_difference, brier_interval
from models.statistics.concordance import (
    harrell_c,
    harrell_c_compared,
    harrell_c_with_interval,
    uno_c,
    uno_c_with_interval,
)
from models.statistics.cox import fit_cox
from models.statistics.delong import delong_auc
from models.statistics.firth import firth_interval
from models.statistics.followed import Followed, inverse
from models.statistics.kaplan_meier import survival_curve
from models.statistics.roc import auc_at, auc_compared, auc_with_interval, binary_auc, binary_auc_compared
from models.statistics.wilson import PairsCompared, PairsWon, kish, pairs_won, wilson


def followed(count: int, *, seed: int, effect: float = 1.0) -> Followed:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=count)
    recurrence, censoring = rng.exponential(200 * np.exp(-effect * scores)), rng.normal(41, 17, count).clip(1)
    return Followed.of(np.minimum(recurrence, censoring), recurrence <= censoring, scores)


@pytest.mark.parametrize("won", [0, 3, 17, 20])
def test_wilson_of_a_whole_number_is_scipy_s(won: int) -> None:
    expected = binomtest(won, 20).proportion_ci(method="wilson")
    assert wilson(won / 20, 20) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_kish() -> None:
    assert kish(np.ones(7)) == 7
    assert kish(np.array([3.0, 1.0])) == pytest.approx(16 / 10)
    assert kish(np.zeros(3)) == 0


@pytest.mark.parametrize(
    ("placements", "effective", "interval"),
    [
        ([1.0] * 6, 6.0000, (0.6097, 1.0)),
        ([0.99, 0.95, 0.93, 0.9, 0.8, 0.6], 13.9066, (0.6047, 0.9621)),
    ],
)
def test_six_cases_by_hand(placements: list[float], effective: float, interval: tuple[float, float]) -> None:
    # A thousand comparators of which each case beats its share, with no spread among them: each is won as often.
    comparators = 1000
    won = np.zeros((6, 6 + comparators))
    for row, share in enumerate(placements):
        won[row, 6:] = share
    comparable = np.zeros_like(won)
    comparable[:, 6:] = 1
    found = pairs_won(np.ones(6), comparable, won, np.arange(6 + comparators) < 6)
    assert found is not None
    assert found.effective == pytest.approx(effective, abs=5e-5)
    assert (found.low, found.high) == pytest.approx(interval, abs=5e-5)


def test_influence_is_r_s(shared_data: Path) -> None:
    """Unsmoothed, the spread is that of R `concordance`: sqrt(var), survival 3.5-3, of `surv.csv`."""
    table = np.loadtxt(shared_data / "r_oracles" / "surv.csv", delimiter=",", skiprows=1)
    patients = Followed.of(table[:, 0], table[:, 1], table[:, 2])
    cases = np.flatnonzero(patients.events)
    g = patients.censoring_survival_before(patients.once)[0, cases]
    times, scores = patients.times_months, patients.scores
    comparable = (times > times[cases, None]) | ((times == times[cases, None]) & ~patients.events)
    won = np.where(scores < scores[cases, None], 1.0, np.where(scores == scores[cases, None], 0.5, 0.0)) * comparable
    for weights, expected, found in (
        (np.ones(cases.size), 0.0609835110627454, harrell_c_with_interval(patients)),
        (inverse(g) ** 2 * (times[cases] < 36), 0.0646102225662897, uno_c_with_interval(patients, tau_months=36.0)),
    ):
        total = (weights[:, None] * comparable).sum()
        share = (weights[:, None] * won).sum() / total
        excess = weights[:, None] * (won - share * comparable)
        influence = excess.sum(axis=0)
        influence[cases] += excess.sum(axis=1)
        assert math.sqrt((influence**2).sum()) / total == pytest.approx(expected, rel=1e-12)
        # The smoothed interval is near that of the plain spread: 18 events.
        assert found is not None
        plain = share * (1 - share) / expected**2
        assert found.effective == pytest.approx(plain, rel=0.25)


def test_value_is_that_of_the_statistic() -> None:
    patients = followed(150, seed=2)
    for found, plain in (
        (harrell_c_with_interval(patients), harrell_c(patients)),
        (uno_c_with_interval(patients, tau_months=36.0), uno_c(patients, tau_months=36.0)),
        (auc_with_interval(patients, 36.0), auc_at(patients, 36.0)),
    ):
        assert found is not None
        assert found.share == pytest.approx(plain[0], abs=1e-13)
        assert 0 <= found.low <= found.share <= found.high <= 1


def test_ordering_every_patient_rightly_is_not_certainty() -> None:
    """Two against two: the bootstrap gives 1.00 (1.00–1.00)."""
    found = binary_auc(np.array([True, True, False, False]), np.array([4.0, 3.0, 2.0, 1.0]))
    assert found is not None
    assert found.share == 1
    assert found.low < 0.5
    single = auc_with_interval(Followed.of([10.0, 50.0], [1, 0], [2.0, 1.0]), 36.0)
    assert single is not None
    assert single.low < 0.25


def test_nothing_to_compare_gives_nothing() -> None:
    assert binary_auc(np.array([True, True]), np.array([1.0, 2.0])) is None
    assert auc_with_interval(Followed.of([10.0, 20.0], [0, 0], [1.0, 2.0]), 36.0) is None
    assert harrell_c_with_interval(Followed.of([10.0, 20.0], [0, 0], [1.0, 2.0])) is None


def test_reversed_scores_mirror_the_interval() -> None:
    rng = np.random.default_rng(5)
    outcomes, scores = np.arange(60) < 20, rng.normal(size=60)
    one, other = binary_auc(outcomes, scores), binary_auc(outcomes, -scores)
    assert one is not None
    assert other is not None
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-12)


def test_binary_interval_approaches_delong_s_with_many_patients() -> None:
    rng = np.random.default_rng(6)
    outcomes = np.arange(4000) < 1500
    scores = rng.normal(size=4000) + outcomes
    found = binary_auc(outcomes, scores)
    assert found is not None
    assert (found.share, found.low, found.high) == pytest.approx(delong_auc(outcomes, scores), abs=1e-3)


def test_kaplan_meier_without_censoring_is_a_share() -> None:
    times = np.arange(1.0, 41.0)
    survival, low, high = survival_curve(times, np.ones(40)).at(10.0)
    assert survival == pytest.approx(30 / 40)
    assert (low, high) == pytest.approx(wilson(30 / 40, 40), abs=1e-12)


def test_kaplan_meier_without_an_event_says_how_many_were_followed() -> None:
    curve = survival_curve([5.0, 10.0, 20.0, 30.0], [0, 0, 0, 0])
    assert curve.at(7.0) == (1.0, wilson(1.0, 3)[0], 1.0)
    assert curve.at(25.0) == (1.0, wilson(1.0, 1)[0], 1.0)


def test_firth_s_interval_is_near_wald_s_with_many_events_and_exists_without() -> None:
    rng = np.random.default_rng(7)
    group = np.arange(400) < 150
    times = rng.exponential(40 * np.exp(-0.8 * group))
    fit = fit_cox(times, np.ones(400), group)
    assert fit is not None
    assert firth_interval(times, np.ones(400), group) == pytest.approx(fit.interval, abs=0.01)
    only_high = firth_interval(times[:200], group[:200] & (np.arange(200) < 10), group[:200])
    assert only_high is not None
    assert 0 < only_high[0] < only_high[1] < 20
    assert firth_interval([1.0, 2.0], [0, 0], [0, 1]) is None
    assert firth_interval([1.0, 2.0], [1, 1], [1, 1]) is None


def test_firth_s_interval_turns_with_the_reference() -> None:
    patients = followed(80, seed=8)
    group = patients.scores > 0.5
    one = firth_interval(patients.times_months, patients.events, group)
    other = firth_interval(patients.times_months, patients.events, ~group)
    assert one is not None
    assert other is not None
    assert one == pytest.approx((-other[1], -other[0]), abs=1e-6)


def test_brier_interval_contains_the_score() -> None:
    patients = followed(150, seed=9)
    survival = np.exp(-36 / 200 * np.exp(patients.scores))
    low, high = brier_interval(patients, np.array([36.0]), lambda _: survival)
    assert low < brier_at(patients, 36.0, survival)[0] < high
    with pytest.raises(ValueError, match="0 events and a score"):
        brier_interval(patients, np.array([1e-9]), lambda _: survival)


@pytest.mark.parametrize("events", [4, 10])
def test_few_cases_of_a_good_score_are_covered(events: int) -> None:
    """Cases from N(1.3, 1), controls from N(0, 1): the AUC is .821. Wald's interval of DeLong covers 80 to 90 %."""
    rng = np.random.default_rng(10)
    truth, covered, wald = 0.5 * (1 + math.erf(1.3 / 2)), 0, 0
    outcomes = np.arange(events + 60) < events
    for _ in range(300):
        scores = rng.normal(size=outcomes.size) + 1.3 * outcomes
        found = binary_auc(outcomes, scores)
        assert found is not None
        covered += found.low <= truth <= found.high
        _, low, high = delong_auc(outcomes, scores)
        wald += low <= truth <= high
    assert covered / 300 >= 0.93
    assert wald < covered


def compared(events: int, controls: int, *, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    outcomes = np.arange(events + controls) < events
    shared = rng.normal(size=outcomes.size) + 1.2 * outcomes
    return outcomes, shared + 0.5 * rng.normal(size=outcomes.size), shared + 0.5 * rng.normal(size=outcomes.size)


def test_compared_concordances_are_those_of_each_score() -> None:
    patients = followed(150, seed=5)
    others = patients.scores + np.random.default_rng(1).normal(size=150)
    same = Followed(patients.times_months, patients.events, others, patients.order)
    for found, first, second in (
        (harrell_c_compared(patients, others), harrell_c_with_interval(patients), harrell_c_with_interval(same)),
        (auc_compared(patients, others, 36.0), auc_with_interval(patients, 36.0), auc_with_interval(same, 36.0)),
    ):
        assert found is not None
        assert first is not None
        assert second is not None
        for one, alone in ((found.first, first), (found.second, second)):
            assert astuple(one) == pytest.approx(astuple(alone), rel=1e-12)
        assert found.difference == pytest.approx(first.share - second.share, abs=1e-12)
        assert 0 < found.correlation < 1  # one score is the other with noise


def test_the_other_way_round_is_the_negative() -> None:
    outcomes, one, other = compared(20, 60, seed=3)
    forward, backward = binary_auc_compared(outcomes, one, other), binary_auc_compared(outcomes, other, one)
    assert forward is not None
    assert backward is not None
    assert forward.difference == -backward.difference
    assert forward.interval == pytest.approx(tuple(-limit for limit in reversed(backward.interval)), abs=1e-12)


def test_square_and_add_by_hand() -> None:
    """Limits .6-.9 around .8 and .5-.75 around .65; correlation .5 and 0."""
    first, second = PairsWon(0.8, 0.6, 0.9, 20.0), PairsWon(0.65, 0.5, 0.75, 20.0)
    below, above = math.sqrt(0.2**2 + 0.1**2), math.sqrt(0.1**2 + 0.15**2)
    assert PairsCompared(first, second, 0.0).interval == pytest.approx((0.15 - below, 0.15 + above))
    below, above = math.sqrt(0.05 - 0.2 * 0.1), math.sqrt(0.0325 - 0.1 * 0.15)
    assert PairsCompared(first, second, 0.5).interval == pytest.approx((0.15 - below, 0.15 + above))


def test_a_score_differs_from_itself_by_nothing() -> None:
    outcomes, one, _ = compared(20, 200, seed=4)
    found = binary_auc_compared(outcomes, one, 3 * one + 1)
    assert found is not None
    assert found.difference == 0
    apart = found.first.high - found.first.low
    assert -0.5 * apart < found.interval[0] < 0 < found.interval[1] < 0.5 * apart


@pytest.mark.parametrize("events", [4, 12])
def test_differences_with_few_cases_are_covered(events: int) -> None:
    """Two scores with the same true AUC: the difference is 0."""
    covered = 0
    for seed in range(300):
        found = binary_auc_compared(*compared(events, 60, seed=seed))
        assert found is not None
        covered += found.interval[0] <= 0 <= found.interval[1]
    assert covered / 300 >= 0.93


def test_brier_difference_without_censoring_is_a_paired_t_test() -> None:
    """All events observed: SciPy's one-sample t of the differences, with the degrees of freedom of the events."""
    rng = np.random.default_rng(2)
    times = rng.exponential(30, 80) + 0.1
    patients = Followed.of(times, np.ones(80), rng.normal(size=80))
    one, other = rng.uniform(0.1, 0.9, 80), rng.uniform(0.1, 0.9, 80)
    first, second, difference, interval = brier_difference(patients, np.array([24.0]), lambda _: one, lambda _: other)
    alive = patients.times_months > 24.0
    losses = (alive - one) ** 2 - (alive - other) ** 2
    assert first - second == pytest.approx(difference, abs=1e-12)
    assert difference == pytest.approx(losses.mean(), abs=1e-12)
    error = losses.std(ddof=1) / math.sqrt(80)
    expected = student.interval(0.95, patients.events_by(24.0) - 1, losses.mean(), error)
    assert interval == pytest.approx(expected, abs=1e-12)
    with pytest.raises(ValueError, match="0 events"):
        brier_difference(patients, np.array([1e-9]), lambda _: one, lambda _: other)
