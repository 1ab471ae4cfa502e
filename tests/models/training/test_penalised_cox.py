"""The penalised Cox model: optimality conditions, lifelines, nothing from nothing."""

from __future__ import annotations

import numpy as np
import pytest
from lifelines import CoxPHFitter
from pandas import DataFrame

from models.errors import CohortRejected
from models.simulation.cohort import Truth, simulate_cohort
from models.simulation.feature_shape import FeatureShape
from models.training.partial_likelihood import Ties, negative_log_partial_likelihood, risk_sets
from models.training.penalised_cox import CoxLikelihood, fit_penalised_cox, penalised_path, penalties


def patients(count: int, inputs: int, *, seed: int, rounded: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, inputs))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    times = rng.exponential(np.exp(-0.9 * x[:, 0] + 0.6 * x[:, 1])) * 20 + 0.1
    return x, np.ceil(times) if rounded else times, (rng.uniform(size=count) < 0.6).astype(float)


def test_likelihood_and_gradient_equal_the_ones_of_the_network() -> None:
    import torch

    x, times, events = patients(150, 3, seed=1)  # with ties
    log_risk = torch.tensor(x @ np.array([0.5, -1.0, 2.0]), requires_grad=True)
    loss = negative_log_partial_likelihood(log_risk, risk_sets(times, events), ties=Ties.BRESLOW) / events.sum()
    loss.backward()
    likelihood = CoxLikelihood(times, events)
    assert likelihood.value(log_risk.detach().numpy()) == pytest.approx(float(loss.detach()), rel=1e-12)
    assert log_risk.grad is not None
    np.testing.assert_allclose(
        likelihood.gradient(log_risk.detach().numpy()), log_risk.grad.numpy(), rtol=1e-9, atol=1e-14
    )


@pytest.mark.parametrize("l1_share", [1.0, 0.5])
def test_every_solution_is_optimal(l1_share: float) -> None:
    """Subgradient conditions of the elastic net, with far more inputs than patients."""
    x, times, events = patients(120, 400, seed=2)
    likelihood = CoxLikelihood(times, events)
    grid = penalties(x, likelihood, l1_share=l1_share)
    sizes = []
    for penalty, beta in zip(grid, penalised_path(x, likelihood, grid, l1_share=l1_share), strict=True):
        slope = x.T @ likelihood.gradient(x @ beta) + penalty * (1 - l1_share) * beta
        used = beta != 0
        np.testing.assert_allclose(slope[used], -penalty * l1_share * np.sign(beta[used]), atol=1e-4 * grid[0])
        assert np.abs(slope[~used]).max() <= penalty * l1_share * (1 + 1e-3)
        sizes.append(int(used.sum()))
    assert sizes[0] == 0
    assert sizes[-1] > 10


def test_ridge_equals_lifelines() -> None:
    x, times, events = patients(200, 4, seed=3, rounded=False)  # lifelines takes Efron's ties
    x /= x.std(axis=0, ddof=1)  # as lifelines scales inside
    columns = [f"x{i}" for i in range(4)]
    penalty = 0.3
    # lifelines: log likelihood / patients - penalizer / 2 · |b|²; ours: by events.
    fitter = CoxPHFitter(penalizer=penalty * events.sum() / len(x), l1_ratio=0.0)
    fitter.fit(DataFrame(x, columns=columns).assign(t=times, e=events), "t", "e")
    (beta,) = penalised_path(x, CoxLikelihood(times, events), np.array([penalty]), l1_share=0.0)
    np.testing.assert_allclose(beta, fitter.params_[columns].to_numpy(), rtol=1e-4)


def test_it_finds_the_inputs_there_are(shape: FeatureShape) -> None:
    cohort = simulate_cohort(shape, truth=Truth.LINEAR, seed=21, sizes={"training": 600})
    fit = fit_penalised_cox(
        cohort.values,
        np.arange(len(cohort.names)),
        times_months=cohort.times_months,
        events=cohort.events,
        correlation_limit=0.9,
        seed=1,
    )
    assert 0 < fit.inputs.size < 60
    assert np.all(np.diff(fit.inputs) > 0)
    assert fit.c_out_of_fold > 0.65


def test_nothing_is_found_in_nothing(shape: FeatureShape) -> None:
    concordances, sizes = [], []
    for seed in (1, 2, 3, 4):
        cohort = simulate_cohort(shape, truth=Truth.NULL, seed=seed, sizes={"training": 400})
        fit = fit_penalised_cox(
            cohort.values,
            np.arange(len(cohort.names)),
            times_months=cohort.times_months,
            events=cohort.events,
            correlation_limit=0.9,
            seed=1,
        )
        concordances.append(fit.c_out_of_fold)
        sizes.append(fit.inputs.size)
    assert np.mean(concordances) == pytest.approx(0.5, abs=0.08)
    assert min(sizes) == 0


def test_too_few_events_are_refused() -> None:
    x, times, events = patients(60, 5, seed=4)
    events[:] = 0
    events[:9] = 1
    with pytest.raises(CohortRejected, match="10 events are needed for 5 folds; there are 9"):
        fit_penalised_cox(x, np.arange(5), times_months=times, events=events, correlation_limit=1.0, seed=1)
    with pytest.raises(CohortRejected, match="no event"):
        CoxLikelihood(times, np.zeros(60))
