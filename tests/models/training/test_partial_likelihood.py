"""Partial likelihood: equal to R, right derivative, no overflow."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import CohortRejected
from models.training.deepsurv import cox_slope
from models.training.partial_likelihood import RiskSets, Ties, negative_log_partial_likelihood, risk_sets


def plain_loss(log_risk: np.ndarray, times: np.ndarray, events: np.ndarray, ties: Ties) -> float:
    """The textbook formulas, patient by patient."""
    weight, total = np.exp(log_risk), 0.0
    for time in np.unique(times[events == 1]):
        dead = (times == time) & (events == 1)
        at_risk, tied = weight[times >= time].sum(), weight[dead].sum()
        for k in range(dead.sum()):
            share = k / dead.sum() if ties is Ties.EFRON else 0.0
            total += np.log(at_risk - share * tied)
        total -= log_risk[dead].sum()
    return float(total)


def loss(log_risk: np.ndarray, sets: RiskSets, ties: Ties) -> float:
    return float(negative_log_partial_likelihood(torch.tensor(log_risk), sets, ties=ties))


@pytest.mark.parametrize("ties", Ties)
@pytest.mark.parametrize("seed", range(5))
def test_equals_the_textbook_formula_on_tied_data(ties: Ties, seed: int) -> None:
    rng = np.random.default_rng(seed)
    times, events = rng.integers(1, 12, 60).astype(float), rng.integers(0, 2, 60)
    log_risk = rng.normal(size=60)
    found = loss(log_risk, risk_sets(times, events), ties)
    assert found == pytest.approx(plain_loss(log_risk, times, events, ties), rel=1e-13)


def test_breslow_and_efron_differ_on_tied_data_and_agree_without_ties() -> None:
    rng = np.random.default_rng(1)
    events, log_risk = rng.integers(0, 2, 40), rng.normal(size=40)
    tied, untied = risk_sets(rng.integers(1, 5, 40), events), risk_sets(rng.permutation(40) + 1.0, events)
    assert loss(log_risk, tied, Ties.EFRON) < loss(log_risk, tied, Ties.BRESLOW) - 0.1
    assert loss(log_risk, untied, Ties.EFRON) == pytest.approx(loss(log_risk, untied, Ties.BRESLOW), rel=1e-14)


def test_four_tied_deaths_by_hand() -> None:
    # All die at once with equal risk: Breslow 4·log 4, Efron log(4·3·2·1).
    sets = risk_sets([5.0] * 4, [1] * 4)
    zeros = np.zeros(4)
    assert loss(zeros, sets, Ties.BRESLOW) == pytest.approx(4 * np.log(4), rel=1e-15)
    assert loss(zeros, sets, Ties.EFRON) == pytest.approx(np.log(24), rel=1e-15)


def test_equals_r_coxph_on_the_fixture(shared_data: Path) -> None:
    # r_oracles/expected.json: R survival 3.5-3, coxph(Surv(t, e) ~ score): coefficient, standard error, log likelihood.
    with (shared_data / "r_oracles" / "surv.csv").open() as file:
        rows = list(csv.DictReader(file))
    times, events, score = (np.array([float(row[key]) for row in rows]) for key in ("t", "e", "score"))
    expected = json.loads((shared_data / "r_oracles" / "expected.json").read_text())
    for ties in Ties:
        coefficient, _, log_likelihood = expected[f"cox_score_{ties}_coef_se_loglik"]
        found = -loss(coefficient * score, risk_sets(times, events), ties)
        assert found == pytest.approx(log_likelihood, rel=1e-10)
    assert cox_slope(times, events, score) == pytest.approx(expected["cox_score_efron_coef_se_loglik"][0], rel=1e-6)


@pytest.mark.parametrize("ties", Ties)
def test_does_not_depend_on_the_order_of_the_patients_nor_on_an_offset(ties: Ties) -> None:
    rng = np.random.default_rng(3)
    times, events, log_risk = rng.integers(1, 9, 30).astype(float), rng.integers(0, 2, 30), rng.normal(size=30)
    reference = loss(log_risk, risk_sets(times, events), ties)
    order = rng.permutation(30)
    assert loss(log_risk[order] + 17.0, risk_sets(times[order], events[order]), ties) == pytest.approx(reference)


@pytest.mark.parametrize("ties", Ties)
def test_gradient(ties: Ties) -> None:
    rng = np.random.default_rng(2)
    sets = risk_sets(rng.integers(1, 6, 25).astype(float), rng.integers(0, 2, 25))
    log_risk = torch.tensor(rng.normal(size=25), requires_grad=True)
    assert torch.autograd.gradcheck(lambda r: negative_log_partial_likelihood(r, sets, ties=ties), (log_risk,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_stays_finite_with_huge_log_risks(dtype: torch.dtype) -> None:
    rng = np.random.default_rng(4)
    sets = risk_sets(rng.integers(1, 6, 50).astype(float), rng.integers(0, 2, 50))
    log_risk = (1000 * torch.tensor(rng.normal(size=50))).to(dtype).requires_grad_()
    value = negative_log_partial_likelihood(log_risk, sets, ties=Ties.EFRON)
    value.backward()
    assert torch.isfinite(value)
    assert log_risk.grad is not None
    assert torch.isfinite(log_risk.grad).all()


def test_a_cohort_without_events_is_refused() -> None:
    with pytest.raises(CohortRejected, match="no event"):
        risk_sets([1.0, 2.0], [0, 0])


@pytest.mark.parametrize("times", list(itertools.permutations([1.0, 2.0, 3.0])))
def test_one_event_is_the_log_of_the_risk_set(times: tuple[float, ...]) -> None:
    sets = risk_sets(times, [1, 0, 0])
    assert loss(np.zeros(3), sets, Ties.EFRON) == pytest.approx(np.log(sum(t >= times[0] for t in times)))
