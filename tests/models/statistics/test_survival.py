"""Baseline hazard, survival and concordance: equal to R and to hand-worked examples."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from lifelines import CoxPHFitter, NelsonAalenFitter
from lifelines.utils import concordance_index
from pandas import DataFrame

from models.errors import CohortRejected, SetupError
from models.statistics.concordance import harrell_c_of
from models.statistics.survival import BaselineHazard, breslow_baseline


@pytest.fixture
def baseline() -> BaselineHazard:
    return BaselineHazard(np.array([6.0, 20.0, 40.0]), np.array([0.01, 0.03, 0.08]))


@pytest.mark.parametrize(
    ("months", "hazard"), [(0.1, 0.0), (5.99, 0.0), (6.0, 0.01), (19.9, 0.01), (20.0, 0.03), (36.0, 0.03), (40.0, 0.08)]
)
def test_the_baseline_is_a_right_continuous_step(baseline: BaselineHazard, months: float, hazard: float) -> None:
    assert baseline.at(months) == hazard


@pytest.mark.parametrize("months", [0.0, -1.0, 40.001, np.inf, np.nan])
def test_survival_outside_the_follow_up_is_refused(baseline: BaselineHazard, months: float) -> None:
    with pytest.raises(SetupError, match="known from 0 to 40 months"):
        baseline.at(months)
    with pytest.raises(SetupError, match="Ask for a horizon inside the follow-up"):
        baseline.survival(0.0, months)


def test_survival_follows_the_formula_and_its_limits(baseline: BaselineHazard) -> None:
    log_risk = np.array([-2.0, 0.0, 1.1, 3.0])
    np.testing.assert_allclose(baseline.survival(log_risk, 36.0), np.exp(-0.03 * np.exp(log_risk)), rtol=1e-15)
    assert np.all(np.diff(baseline.survival(log_risk, 36.0)) < 0)  # higher risk, lower survival
    assert baseline.survival(-800.0, 36.0) == 1.0
    assert baseline.survival(800.0, 36.0) == 0.0
    assert baseline.survival(800.0, 1.0) == 1.0  # no hazard yet


@pytest.mark.parametrize(
    ("times", "cumulative", "message"),
    [
        ([1.0, 2.0], [0.1], "the same length"),
        ([], [], "at least one row"),
        ([1.0, np.nan], [0.1, 0.2], "not finite"),
        ([0.0, 1.0], [0.1, 0.2], "positive and strictly increasing"),
        ([1.0, 1.0], [0.1, 0.2], "positive and strictly increasing"),
        ([1.0, 2.0], [-0.1, 0.2], "must not be negative"),
        ([1.0, 2.0], [0.2, 0.1], "must not decrease"),
    ],
)
def test_an_impossible_baseline_is_refused(times: list[float], cumulative: list[float], message: str) -> None:
    with pytest.raises(SetupError, match=message):
        BaselineHazard(np.array(times), np.array(cumulative))


def test_breslow_by_hand() -> None:
    # Times 1 (event, risk e^0), 2 (two events, e^1 and e^0), 3 (censored, e^0), 5 (event, e^1).
    baseline = breslow_baseline([1, 2, 2, 3, 5], [1, 1, 1, 0, 1], [0, 1, 0, 0, 1])
    first = 1 / (3 + 2 * np.e)
    second = first + 2 / (2 + 2 * np.e)
    np.testing.assert_array_equal(baseline.times_months, [1, 2, 5])
    np.testing.assert_allclose(baseline.cumulative, [first, second, second + 1 / np.e], rtol=1e-14)


def test_breslow_reaches_to_the_end_of_follow_up() -> None:
    baseline = breslow_baseline([1, 2, 9], [1, 0, 0], [0, 0, 0])
    assert baseline.end_months == 9
    assert baseline.at(9) == pytest.approx(1 / 3)


def test_breslow_with_equal_risks_is_nelson_aalen() -> None:
    # lifelines 0.30: Nelson-Aalen without its correction for ties is Breslow with all risks equal.
    rng = np.random.default_rng(1)
    times, events = rng.integers(1, 30, 200).astype(float), rng.integers(0, 2, 200)
    fitter = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(times, events)
    baseline = breslow_baseline(times, events, np.zeros(200))
    expected = [float(fitter.cumulative_hazard_at_times(t).iloc[0]) for t in (5.0, 15.0, 25.0)]
    np.testing.assert_allclose([baseline.at(t) for t in (5.0, 15.0, 25.0)], expected, rtol=1e-12)


def test_breslow_equals_lifelines_cox_model() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=150)
    times = np.round(rng.exponential(30 * np.exp(-0.7 * x)), 6) + 0.1
    events = (rng.uniform(size=150) < 0.6).astype(int)
    fitter = CoxPHFitter().fit(DataFrame({"t": times, "e": events, "x": x}), "t", "e")
    # lifelines centres the covariate: its baseline is that of the mean patient.
    log_risk = fitter.params_["x"] * (x - x.mean())
    baseline = breslow_baseline(times, events, log_risk)
    expected = fitter.baseline_cumulative_hazard_["baseline cumulative hazard"]
    for time in np.quantile(times, [0.2, 0.5, 0.8]):
        assert baseline.at(float(time)) == pytest.approx(expected[expected.index <= time].iloc[-1], rel=1e-6)


def test_an_offset_of_the_log_risk_cancels() -> None:
    rng = np.random.default_rng(3)
    times, events, log_risk = rng.uniform(1, 50, 80), rng.integers(0, 2, 80), rng.normal(size=80)
    one, other = (breslow_baseline(times, events, log_risk + shift) for shift in (0.0, 500.0))
    np.testing.assert_allclose(one.survival(log_risk, 30.0), other.survival(log_risk + 500.0, 30.0), rtol=1e-9)


def test_concordance_equals_r(shared_data: Path) -> None:
    # r_oracles/expected.json: R survival 3.5-3, concordance(Surv(t, e) ~ score, reverse = TRUE).
    with (shared_data / "r_oracles" / "surv.csv").open() as file:
        rows = list(csv.DictReader(file))
    times, events, score = (np.array([float(row[key]) for row in rows]) for key in ("t", "e", "score"))
    expected = json.loads((shared_data / "r_oracles" / "expected.json").read_text())["harrell"][0]
    assert harrell_c_of(times, events, score) == pytest.approx(expected, rel=1e-12)


def test_concordance_equals_lifelines_with_ties() -> None:
    rng = np.random.default_rng(4)
    times, events = rng.integers(1, 15, 120).astype(float), rng.integers(0, 2, 120)
    risk = rng.integers(0, 6, 120).astype(float)
    assert harrell_c_of(times, events, risk) == pytest.approx(concordance_index(times, -risk, events), rel=1e-12)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_concordance_by_hand(order: tuple[int, ...]) -> None:
    times, events, risk = np.array([1.0, 2.0, 3.0]), np.array([1, 0, 1]), np.array([2.0, 3.0, 1.0])
    rows = list(order)  # pairs: (1, 2) discordant, (1, 3) concordant; 2 is censored
    assert harrell_c_of(times[rows], events[rows], risk[rows]) == 0.5


@pytest.mark.parametrize(
    ("times", "events", "message"),
    [
        ([1.0, 2.0], [0, 0], "no event"),
        ([1.0, 2.0], [0, 2], "Events must be 0"),
        ([1.0, -2.0], [0, 1], "finite and not negative"),
        ([1.0], [0, 1], "one of each per patient"),
        ([1.0, 2.0], [0, 1], "No pair of patients can be compared"),
    ],
)
def test_concordance_of_impossible_cohorts_is_refused(times: list[float], events: list[int], message: str) -> None:
    with pytest.raises(CohortRejected, match=message):
        harrell_c_of(times, events, np.zeros(2))
