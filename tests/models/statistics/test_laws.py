"""Closed forms and laws of the statistics: small cases by hand, order of patients, monotone scores, whole weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.errors import StudyRejected
from models.statistics import concordance
from models.statistics.bootstrap import resampled_estimate
from models.statistics.brier import brier_at, integrated_brier
from models.statistics.calibration import calibration_groups, calibration_slope
from models.statistics.concordance import harrell_c, influences, uno_c
from models.statistics.cox import fit_cox
from models.statistics.cutpoint import log_rank_scores, select_cut_off
from models.statistics.decision_curve import decision_curve
from models.statistics.delong import delong_auc
from models.statistics.estimate import Estimate, NotEstimable
from models.statistics.followed import Floats, Followed
from models.statistics.kaplan_meier import (
    Limits,
    log_rank,
    median_follow_up,
    survival_curve,
    weighted_survival_at,
)
from models.statistics.roc import auc_at, roc_curve_at, sensitivity_at, specificity_at

CUT_OFF = 0.4
Statistic = Callable[[Followed, Floats | None], Floats]
STATISTICS: dict[str, Statistic] = {
    "harrell": lambda p, w: harrell_c(p, w),
    "uno": lambda p, w: uno_c(p, tau_months=30.0, weights=w),
    "auc": lambda p, w: auc_at(p, 24.0, w),
    "sensitivity": lambda p, w: sensitivity_at(p, 24.0, cut_off=CUT_OFF, weights=w),
    "specificity": lambda p, w: specificity_at(p, 24.0, cut_off=CUT_OFF, weights=w),
    "brier": lambda p, w: brier_at(p, 24.0, np.exp(-0.2 * np.exp(p.scores)), w),
}


def made(count: int = 120, *, seed: int = 3, ties: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times (whole months where `ties`), events and scores with a known effect."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=count).round(1 if ties else 12)
    recurrence, censoring = rng.exponential(40 * np.exp(-scores)), rng.uniform(5, 60, count)
    times = np.minimum(recurrence, censoring)
    return (np.ceil(times) if ties else times), (recurrence <= censoring).astype(int), scores


@pytest.mark.parametrize("name", STATISTICS)
def test_order_of_patients_does_not_matter(name: str) -> None:
    times, events, scores = made()
    shuffled = np.random.default_rng(1).permutation(times.size)
    one = STATISTICS[name](Followed.of(times, events, scores), None)
    other = STATISTICS[name](Followed.of(times[shuffled], events[shuffled], scores[shuffled]), None)
    assert one == pytest.approx(other, abs=1e-13)


@pytest.mark.parametrize("name", ["harrell", "uno", "auc"])
def test_monotone_scores_rank_alike(name: str) -> None:
    times, events, scores = made()
    one = STATISTICS[name](Followed.of(times, events, scores), None)
    assert one == pytest.approx(STATISTICS[name](Followed.of(times, events, np.exp(3 * scores)), None), abs=1e-14)
    assert 1 - one == pytest.approx(STATISTICS[name](Followed.of(times, events, -scores), None), abs=1e-13)


@pytest.mark.parametrize("name", STATISTICS)
def test_weights_are_copies_of_patients(name: str) -> None:
    """A bootstrap sample by weights equals the statistic of the sample written out."""
    patients = Followed.of(*made(60))
    weights = patients.resampled(resamples=20, seed=4).astype(float)
    assert np.all(weights.sum(axis=1) == 60)
    found = STATISTICS[name](patients, weights)
    for row, value in zip(weights.astype(int), found, strict=True):
        copies = np.repeat(np.arange(60), row)
        sample = Followed.of(patients.times_months[copies], patients.events[copies], patients.scores[copies])
        assert value == pytest.approx(STATISTICS[name](sample, None)[0], abs=1e-12)


def test_weighted_survival_is_kaplan_meier() -> None:
    patients = Followed.of(*made(80))
    weights = patients.resampled(resamples=5, seed=2).astype(float)
    found = weighted_survival_at(patients.times_months, patients.events, 24.0, weights)
    for row, value in zip(weights.astype(int), found, strict=True):
        copies = np.repeat(np.arange(80), row)
        curve = survival_curve(patients.times_months[copies], patients.events[copies])
        assert value == pytest.approx(curve.at(24.0)[0], abs=1e-13)


def test_samples_do_not_depend_on_the_order_of_rows() -> None:
    times, events, scores = made(50, ties=False)
    one = Followed.of(times, events, scores).resampled(resamples=3, seed=9)
    back = Followed.of(times[::-1], events[::-1], scores[::-1]).resampled(resamples=3, seed=9)
    assert np.array_equal(one, back)


def test_without_censoring_everything_is_a_plain_share() -> None:
    times, _, scores = made(90, ties=False)
    patients = Followed.of(times, np.ones(90), scores)
    had = patients.times_months <= 24.0
    auc, _, _ = delong_auc(had.astype(int), patients.scores)
    assert auc_at(patients, 24.0)[0] == pytest.approx(auc, abs=1e-13)
    above = patients.scores > CUT_OFF
    assert sensitivity_at(patients, 24.0, cut_off=CUT_OFF)[0] == pytest.approx(above[had].mean(), abs=1e-13)
    assert specificity_at(patients, 24.0, cut_off=CUT_OFF)[0] == pytest.approx((~above)[~had].mean(), abs=1e-13)
    assert brier_at(patients, 24.0, np.full(90, 0.5))[0] == pytest.approx(0.25, abs=1e-13)
    assert uno_c(patients, tau_months=1e9)[0] == pytest.approx(harrell_c(patients)[0], abs=1e-13)


def test_concordance_by_hand() -> None:
    # Events at 1 and 3, censored at 2 and 4; usable pairs: 1 with all others, 3 with 4. Scores put 2 of 4 right, one
    # of them (equal scores) by half: 1>2 yes, 1=3 half, 1<4 no, 3>4 yes.
    patients = Followed.of([1, 2, 3, 4], [1, 0, 1, 0], [2.0, 1.0, 2.0, 1.5])
    assert harrell_c(patients)[0] == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    worse = Followed.of([1, 2, 3, 4], [1, 0, 1, 0], [2.0, 1.0, 2.0, 3.0])
    assert harrell_c(worse)[0] == pytest.approx((1 + 0.5 + 0 + 0) / 4)


def test_influences_are_the_derivative_of_the_concordance() -> None:
    """By weights of 1 + h and 1 - h of one patient; their squares sum to the variance of the bootstrap."""
    patients, step = Followed.of(*made()), 1e-5
    value, found = influences(patients)
    assert value == pytest.approx(harrell_c(patients)[0], abs=1e-13)
    change = step * np.eye(len(patients))
    derivative = (harrell_c(patients, 1 + change) - harrell_c(patients, 1 - change)) / (2 * step)
    np.testing.assert_allclose(found, derivative, atol=1e-9)
    assert found.sum() == pytest.approx(0, abs=1e-12)
    samples = harrell_c(patients, patients.resampled(resamples=2000, seed=1))
    assert np.sqrt(found @ found) == pytest.approx(samples.std(), rel=0.08)


def test_pairs_in_blocks_are_the_same_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    patients = Followed.of(*made())
    weights = patients.resampled(resamples=5, seed=2).astype(np.float64)
    whole = harrell_c(patients, weights), uno_c(patients, tau_months=36.0, weights=weights), influences(patients)[1]
    monkeypatch.setattr(concordance, "_PAIRS", 7 * len(patients))
    parts = harrell_c(patients, weights), uno_c(patients, tau_months=36.0, weights=weights), influences(patients)[1]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)


def test_roc_curve_has_the_area() -> None:
    patients = Followed.of(*made())
    curve = roc_curve_at(patients, 24.0)
    assert curve is not None
    assert (curve.false_positive[0], curve.true_positive[0]) == (0, 0)
    assert (curve.false_positive[-1], curve.true_positive[-1]) == pytest.approx((1, 1))
    area = float(np.trapezoid(curve.true_positive, curve.false_positive))
    assert area == pytest.approx(auc_at(patients, 24.0)[0], abs=1e-12)
    at_cut_off = np.searchsorted(-curve.thresholds, -CUT_OFF)
    assert curve.true_positive[at_cut_off] == pytest.approx(
        sensitivity_at(patients, 24.0, cut_off=CUT_OFF)[0], abs=1e-12
    )


def test_roc_needs_cases_and_controls() -> None:
    patients = Followed.of([5.0, 6.0], [0, 0], [1.0, 2.0])
    assert roc_curve_at(patients, 5.5) is None
    assert np.isnan(auc_at(patients, 5.5)[0])


def test_brier_of_perfect_and_worst_predictions() -> None:
    patients = Followed.of(*made(60, ties=False))
    lives = (patients.times_months > 24.0).astype(float)
    assert brier_at(patients, 24.0, lives)[0] == 0
    worst = brier_at(patients, 24.0, 1 - lives)[0]
    # The weights of cases and controls sum to the number of patients when the last censoring lies beyond the time.
    assert worst == pytest.approx(1, abs=1e-12)


def test_integrated_brier_of_a_constant() -> None:
    patients = Followed.of(*made(60, ties=False))
    months = np.linspace(1.0, 30.0, 59)
    found = integrated_brier(patients, months, lambda _: np.full((1, 1), 0.5))
    assert found[0] == pytest.approx(0.25, abs=1e-12)


def test_survival_curve_by_hand() -> None:
    curve = survival_curve([2, 3, 3, 5], [1, 1, 0, 0])
    assert curve.survival == pytest.approx([3 / 4, 3 / 4 * 2 / 3, 1 / 2])
    assert curve.numbers_at_risk([0, 2, 3, 4, 6]) == (4, 4, 3, 1, 0)
    assert curve.at(1.0) == (1.0, pytest.approx(1 / (1 + 1.959964**2 / 4), abs=1e-6), 1.0)  # Wilson, four of four
    assert survival_curve([2, 3, 3, 5], [1, 1, 0, 0], limits=Limits.LOG).at(1.0) == (1.0, 1.0, 1.0)
    assert np.isnan(curve.at(5.1)[0])
    everyone = survival_curve([2, 3], [1, 1])
    assert everyone.at(9.0)[0] == 0  # nobody is left: survival stays 0


def test_median_follow_up_counts_censorings() -> None:
    # All censored: the median of the times, as an ordinary Kaplan-Meier of "events" at 1..5.
    assert median_follow_up([1, 2, 3, 4, 5], [0, 0, 0, 0, 0])[0] == 3
    assert np.isnan(median_follow_up([1, 2, 3], [1, 1, 1])[0])


def test_log_rank_needs_two_groups() -> None:
    assert log_rank([1, 2, 3], [1, 0, 1], [1, 1, 1]) is None
    assert log_rank([1, 2, 3], [0, 0, 0], [1, 0, 1]) is None


def test_log_rank_is_the_score_test_of_cox() -> None:
    """Without ties: χ² of the log-rank test = squared slope over curvature of the partial likelihood at 0."""
    times, events, scores = made(80, ties=False)
    group = (scores > 0).astype(float)
    order = np.argsort(times)
    slope = curvature = 0.0
    for place, patient in enumerate(order):
        if events[patient]:
            behind = group[order[place:]]
            slope += group[patient] - behind.mean()
            curvature += behind.mean() * (1 - behind.mean())
    test = log_rank(times, events, group)
    assert test is not None
    assert test.chi_square == pytest.approx(slope**2 / curvature, rel=1e-10)


def test_cox_scales_and_turns() -> None:
    times, events, scores = made()
    one, tenfold = fit_cox(times, events, scores), fit_cox(times, events, -10 * scores + 3)
    assert one is not None
    assert tenfold is not None
    assert tenfold.coefficient == pytest.approx(-one.coefficient / 10, rel=1e-9)
    assert tenfold.p == pytest.approx(one.p, rel=1e-8)


@pytest.mark.parametrize(
    ("times", "events", "covariate"),
    [
        ([1, 2, 3, 4], [1, 1, 1, 1], [1, 1, 1, 1]),
        ([1, 2, 3, 4], [0, 0, 0, 0], [1, 0, 1, 0]),
        ([1, 2, 3, 4], [1, 1, 0, 0], [1, 1, 0, 0]),
    ],
    ids=["constant", "no event", "one group without event"],
)
def test_cox_without_a_maximum(times: list[float], events: list[int], covariate: list[float]) -> None:
    assert fit_cox(times, events, covariate) is None


def test_slope_of_true_log_risks_is_one() -> None:
    rng = np.random.default_rng(0)
    risk = rng.normal(size=4000)
    times = rng.exponential(30 * np.exp(-risk))
    fit = calibration_slope(Followed.of(np.minimum(times, 40), times <= 40, risk))
    assert fit is not None
    assert fit.interval[0] < 1 < fit.interval[1]
    halved = calibration_slope(Followed.of(np.minimum(times, 40), times <= 40, 2 * risk))
    assert halved is not None
    assert halved.coefficient == pytest.approx(fit.coefficient / 2, rel=1e-9)


def test_calibration_groups_hold_every_patient_once() -> None:
    patients = Followed.of(*made(200))
    risk = 1 - np.exp(-0.3 * np.exp(patients.scores))
    groups = calibration_groups(patients, 24.0, risk)
    assert sum(group.patients for group in groups) == 200
    assert sum(group.events for group in groups) == patients.events_by(24.0)
    assert [group.predicted for group in groups] == sorted(group.predicted for group in groups)


def test_net_benefit_by_hand() -> None:
    # Ten patients, four events by 12 months, no censoring; the model chooses the first five, three of them with event.
    times, events = [*([6.0] * 4), *([20.0] * 6)], [1] * 10
    chosen = [0, 1, 2, 4, 5]
    order_risk = np.array([0.5 if patient in chosen else 0.1 for patient in range(10)])
    patients = Followed.of(times, events, order_risk)
    curve = decision_curve(patients, 12.0, patients.scores, np.array([0.0, 0.2, 0.6]))
    assert curve.model == pytest.approx([0.4, 3 / 10 - 2 / 10 * 0.25, 0])
    assert curve.everyone == pytest.approx([0.4, 4 / 10 - 6 / 10 * 0.25, 4 / 10 - 6 / 10 * 1.5])


def test_selected_cut_off_is_the_best_candidate() -> None:
    times, events, scores = made(100)
    found = select_cut_off(times, events, scores)
    assert found.statistic == found.statistics.max()
    assert found.cut_off == found.candidates[found.statistics.argmax()]
    assert found.low_patients == np.count_nonzero(scores <= found.cut_off)
    assert found.high_patients >= 10
    turned = select_cut_off(times, events, 5 * scores + 2)
    assert turned.statistic == pytest.approx(found.statistic, abs=1e-12)


def test_log_rank_scores_sum_to_zero() -> None:
    times, events, _ = made(100, ties=False)
    assert log_rank_scores(times, events).sum() == pytest.approx(0, abs=1e-12)


def test_selected_cut_off_corrects_for_the_search() -> None:
    """On noise Lausen's p value is far above that of one test, and seldom below .05 (measured: 2.3 % of cohorts)."""
    rng = np.random.default_rng(7)
    corrected = []
    for _ in range(60):
        times, scores = rng.exponential(30, 150), rng.normal(size=150)
        corrected.append(select_cut_off(np.minimum(times, 60), times <= 60, scores).p_lausen94)
    assert np.mean(np.array(corrected) < 0.05) <= 0.1


def test_selected_cut_off_refuses_what_it_can_not_do() -> None:
    with pytest.raises(StudyRejected, match="no event"):
        select_cut_off([1, 2, 3], [0, 0, 0], [1, 2, 3])
    with pytest.raises(StudyRejected, match="No cut-off leaves"):
        select_cut_off([1, 2, 3, 4], [1, 1, 0, 0], [1, 1, 1, 1])


def test_delong_refuses_one_class() -> None:
    with pytest.raises(StudyRejected, match="at least two"):
        delong_auc([1, 1, 1, 0], [1, 2, 3, 4])


@pytest.mark.parametrize(
    ("times", "events", "scores", "message"),
    [
        ([1.0, 0.0], [1, 0], [1, 2], "not positive"),
        ([1.0, 2.0], [1, 2], [1, 2], "other than 0"),
        ([1.0, 2.0], [1, 0], [1, np.nan], "not finite"),
        ([1.0, 2.0], [1], [1, 2], "for every patient"),
    ],
)
def test_patients_are_checked(times: list[float], events: list[int], scores: list[float], message: str) -> None:
    with pytest.raises(StudyRejected, match=message):
        Followed.of(times, events, scores)


def test_bootstrap_says_when_it_can_not() -> None:
    few = Followed.of([1, 2, 3, 4, 5], [1, 0, 0, 0, 0], [5, 4, 3, 2, 1])
    samples = few.resampled(resamples=50, seed=0)
    alone = resampled_estimate(lambda w: harrell_c(few, w), samples, events=1, why_not="none")
    assert isinstance(alone, Estimate)
    assert alone.interval is None
    none = Followed.of([1, 2], [0, 0], [5, 4])
    found = resampled_estimate(
        lambda w: harrell_c(none, w), none.resampled(resamples=50, seed=0), events=0, why_not="no pair"
    )
    assert found == NotEstimable("no pair")


def test_bootstrap_interval_covers_and_repeats() -> None:
    patients = Followed.of(*made(200))
    samples = patients.resampled(resamples=200, seed=5)
    one, two = (
        resampled_estimate(lambda w: harrell_c(patients, w), samples, events=patients.event_count, why_not="")
        for _ in range(2)
    )
    assert one == two
    assert isinstance(one, Estimate)
    assert one.interval is not None
    assert one.interval[0] < one.value < one.interval[1]
