"""Smooth calibration curves against R 4 (survival 3.5-3, stats), and laws they keep."""

from __future__ import annotations

import numpy as np
import pytest

from models.statistics.calibration import calibration_groups_of
from models.statistics.decision_curve import decision_curve, decision_curve_of
from models.statistics.followed import Floats, Followed
from models.statistics.logistic import fit_logistic
from models.statistics.smooth_calibration import (
    CalibrationCurve,
    risk_histogram,
    smooth_calibration,
    smooth_calibration_at,
    spline_basis,
)

MONTHS = 36.0


def simulated() -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """(times, events, predicted risk at 36 months, binary outcome, its probability) of 160 patients, no ties."""
    rng = np.random.default_rng(7)
    score = np.round(rng.normal(size=160), 6)
    recurrence = np.round(rng.exponential(60 * np.exp(-0.9 * score)), 6)
    censoring = np.round(rng.uniform(10, 70, 160), 6)
    risk = np.round(1 - np.exp(-0.35 * np.exp(0.5 * score)), 9)
    outcome = (rng.uniform(size=160) < 1 / (1 + np.exp(-1.4 * score))).astype(float)
    probability = np.round(1 / (1 + np.exp(-0.8 * score - 0.3)), 9)
    return np.minimum(recurrence, censoring), (recurrence <= censoring).astype(float), risk, outcome, probability


@pytest.fixture(scope="module")
def survival() -> tuple[Followed, Floats]:
    times, events, risk, _, _ = simulated()
    patients = Followed.of(times, events, risk)
    return patients, risk[patients.order]


def at(curve: CalibrationCurve, risks: list[float]) -> Floats:
    """(observed, low, high) at some risks; the curve itself is smooth, its points are near."""
    return np.array([np.interp(risks, curve.predicted, values) for values in (curve.observed, curve.low, curve.high)])


def test_survival_curve_is_that_of_r(survival: tuple[Followed, Floats]) -> None:
    """R: `m <- coxph(Surv(pmin(time, 36), event * (time <= 36)) ~ x + x2)` with x = log(-log(1 - risk)), x2 its spline
    term at the 10, 50 and 90 % quantiles; `summary(survfit(m, newdata, conf.type = "log-log"), times = 36)`.
    """
    curve = smooth_calibration_at(survival[0], MONTHS, survival[1])
    assert curve is not None
    assert not curve.is_line
    found = at(curve, [0.2, 0.3, 0.5])
    expected = [
        [0.331923073789864, 0.456288253309616, 0.971799111937061],
        [0.246075452804336, 0.350207198524125, 0.890367521590045],
        [0.437845848861002, 0.577370513680293, 0.996849331667160],
    ]
    assert found == pytest.approx(np.array(expected), abs=2e-3)  # between the points of the curve
    assert (curve.ici, curve.e50, curve.e90) == pytest.approx(
        (0.208299696490794, 0.159255933694731, 0.416004181260358), abs=1e-9
    )


def test_binary_curve_is_that_of_r() -> None:
    """R: `g <- glm(y ~ l + l2, binomial)` with l = qlogis(p), l2 its spline term; `predict(g, se.fit = TRUE)`."""
    _, _, _, outcome, probability = simulated()
    curve = smooth_calibration(probability, outcome == 1)
    assert curve is not None
    expected = [
        [0.0412084839804654, 0.5665638074933746, 0.8459917509165579],
        [0.00873092102726095, 0.45102095000278691, 0.64276803099492430],
        [0.173367895632136, 0.675295913191097, 0.943726269627721],
    ]
    assert at(curve, [0.3, 0.6, 0.8]) == pytest.approx(np.array(expected), abs=2e-3)
    assert (curve.ici, curve.e50, curve.e90) == pytest.approx(
        (0.1218603718196885, 0.0941658321691254, 0.2623579338811821), abs=1e-9
    )


def test_points_of_the_curve_are_exact() -> None:
    """The same R calls, at a point of the curve instead of between two."""
    _, _, _, outcome, probability = simulated()
    curve = smooth_calibration(probability, outcome == 1)
    assert curve is not None
    x = np.log(probability / (1 - probability))
    knots = tuple(np.quantile(x, (0.1, 0.5, 0.9)).tolist())
    fit = fit_logistic(np.column_stack([np.ones(x.size), spline_basis(x, knots)]), outcome == 1)
    assert fit is not None
    p = curve.predicted[20:21]
    row = np.column_stack([np.ones(1), spline_basis(np.log(p / (1 - p)), knots)])
    assert curve.observed[20] == pytest.approx(float(1 / (1 + np.exp(-(row @ fit.coefficients)[0]))), abs=1e-12)


def test_spline_is_straight_outside_its_knots() -> None:
    knots = (-1.0, 0.0, 2.0)
    assert spline_basis(np.array([-3.0, -1.0]), knots)[:, 1].tolist() == [0.0, 0.0]
    beyond = spline_basis(np.array([2.0, 3.0, 4.0, 5.0]), knots)[:, 1]
    assert np.diff(beyond, 2) == pytest.approx(np.zeros(2), abs=1e-12)
    assert spline_basis(np.arange(3.0), ()).shape == (3, 1)


def test_right_predictions_lie_on_the_diagonal() -> None:
    rng = np.random.default_rng(1)
    risk = rng.uniform(0.02, 0.6, 20_000)
    times = 36 * rng.exponential(size=risk.size) / -np.log1p(-risk)
    patients = Followed.of(times, np.ones(risk.size), risk)
    curve = smooth_calibration_at(patients, MONTHS, risk[patients.order])
    assert curve is not None
    assert curve.ici < 0.006
    assert np.mean((curve.low <= curve.predicted) & (curve.predicted <= curve.high)) > 0.9


def test_order_of_the_patients_does_not_count(survival: tuple[Followed, Floats]) -> None:
    times, events, risk, _, _ = simulated()
    turned = Followed.of(times[::-1], events[::-1], risk[::-1])
    one = smooth_calibration_at(survival[0], MONTHS, survival[1])
    other = smooth_calibration_at(turned, MONTHS, risk[::-1][turned.order])
    assert one is not None
    assert other is not None
    assert one.observed == pytest.approx(other.observed, abs=1e-12)


@pytest.mark.parametrize(("events", "is_line"), [(4, None), (12, True), (25, False)])
def test_few_events_have_a_line_or_none(events: int, is_line: bool | None) -> None:
    rng = np.random.default_rng(3)
    risk = rng.uniform(0.1, 0.5, 60)
    times = np.where(np.arange(60) < events, rng.uniform(1, 30, 60), rng.uniform(40, 60, 60))
    patients = Followed.of(times, np.arange(60) < events, risk)
    curve = smooth_calibration_at(patients, MONTHS, risk[patients.order])
    assert (None if curve is None else curve.is_line) == is_line


def test_a_line_where_the_spline_has_no_maximum() -> None:
    """Two values of the prediction and a straggler: a curve through three knots is not determined."""
    probability = np.concatenate([np.full(40, 0.2), np.linspace(0.5, 0.5001, 40)])
    outcome = np.concatenate([np.arange(40) < 8, np.arange(40) < 20])
    curve = smooth_calibration(probability, outcome)
    assert curve is not None
    assert curve.is_line


def test_no_curve_where_nothing_can_be_said() -> None:
    times = np.linspace(1, 60, 40)
    patients = Followed.of(times, np.ones(40), np.zeros(40))
    assert smooth_calibration_at(patients, MONTHS, np.full(40, 0.3)) is None
    assert smooth_calibration_at(patients, 61.0, np.linspace(0.1, 0.3, 40)) is None
    assert smooth_calibration(np.linspace(0.1, 0.9, 40), np.arange(40) >= 20) is None  # separated
    assert smooth_calibration(np.full(40, 0.5), np.arange(40) % 2 == 0) is None


def test_the_curve_ends_with_the_fifth_patient() -> None:
    _, _, _, outcome, probability = simulated()
    curve = smooth_calibration(probability, outcome == 1)
    assert curve is not None
    ordered = np.sort(probability)
    assert (curve.predicted[0], curve.predicted[-1]) == (ordered[4], ordered[-5])


def test_histogram_counts_every_patient() -> None:
    risk = np.array([0.0, 0.1, 0.1, 0.4])
    found = risk_histogram(risk)
    assert found.patients.sum() == 4
    assert (found.edges[0], found.edges[-1]) == (0.0, 0.4)
    assert risk_histogram(np.zeros(3)).patients.sum() == 3


def test_binary_groups_have_wilson_limits() -> None:
    """Wilson (1927): 0 of 10 has limits 0 and z²/(10 + z²)."""
    probability = np.concatenate([np.full(10, 0.1), np.full(10, 0.9)])
    low, high = calibration_groups_of(probability, probability > 0.5)
    assert (low.patients, low.events, low.observed, low.low) == (10, 0, 0.0, 0.0)
    assert low.high == pytest.approx(1.959964**2 / (10 + 1.959964**2), abs=1e-6)
    assert (high.events, high.observed, high.high) == (10, 1.0, 1.0)


def test_net_benefit_by_hand() -> None:
    """Vickers and Elkin (2006): at .25, 2 true and 1 false positives of 5 are 2/5 - 1/5 · 1/3."""
    probability, outcome = np.array([0.9, 0.8, 0.3, 0.2, 0.1]), np.array([True, True, False, True, False])
    curve = decision_curve_of(probability, outcome, np.array([0.0, 0.25]))
    assert curve.model == pytest.approx([0.6, 2 / 5 - 1 / 15])
    assert curve.everyone == pytest.approx([0.6, 3 / 5 - 2 / 15])
    assert np.isnan(curve.low).all()


def test_decision_band_holds_the_curve(survival: tuple[Followed, Floats]) -> None:
    patients, risk = survival
    thresholds = np.linspace(0, 0.5, 11)
    samples = patients.resampled(resamples=200, seed=1)
    curve = decision_curve(patients, MONTHS, risk, thresholds, samples)
    plain = decision_curve(patients, MONTHS, risk, thresholds)
    assert curve.model.tolist() == plain.model.tolist()
    assert np.all(curve.low <= curve.model)
    assert np.all(curve.model <= curve.high)
    # At threshold 0 everyone is chosen: the spread is that of 1 - Kaplan-Meier, about sqrt(p(1 - p)/n).
    share = curve.everyone[0]
    assert curve.high[0] - curve.low[0] == pytest.approx(3.92 * np.sqrt(share * (1 - share) / 160), rel=0.35)


def test_survival_decision_is_the_binary_one_without_censoring() -> None:
    _, _, _, outcome, probability = simulated()
    times = np.where(outcome == 1, 10.0, 50.0)
    patients = Followed.of(times, outcome, probability)
    thresholds = np.linspace(0, 0.9, 10)
    with_time = decision_curve(patients, MONTHS, probability[patients.order], thresholds)
    without = decision_curve_of(probability, outcome == 1, thresholds)
    assert with_time.model == pytest.approx(without.model, abs=1e-12)
    assert with_time.everyone == pytest.approx(without.everyone, abs=1e-12)
