"""Training: it learns what is there, nothing from nothing, and the same every time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lifelines import CoxPHFitter
from pandas import DataFrame

from models.errors import CohortRejected, SetupError
from models.simulation.cohort import Cohort, Truth, simulate_cohort
from models.simulation.feature_shape import FeatureShape
from models.statistics.concordance import harrell_c_of
from models.training.deepsurv import RecurrenceModel, cox_slope, fit_recurrence, objective_of, outer_folds
from models.training.ensemble import fit_ensemble, out_of_fold
from models.training.mlp import auc, fit_expression, platt_scaling
from models.training.network import LOW_DIMENSIONAL, Recipe
from models.training.partial_likelihood import Ties
from models.training.selection import stratified_folds

SIZES = {"training": 500, "fresh": 3000}


def trained(cohort: Cohort, recipe: Recipe, *, seed: int = 1) -> RecurrenceModel:
    part = cohort.part("training")
    return fit_recurrence(
        part.names, part.values, times_months=part.times_months, events=part.events, recipe=recipe, seed=seed
    )


@pytest.fixture(scope="module")
def strong(shape: FeatureShape) -> Cohort:
    return simulate_cohort(shape, truth=Truth.STRONG, seed=11, sizes=SIZES)


@pytest.fixture(scope="module")
def model(strong: Cohort, quick: Recipe) -> RecurrenceModel:
    return trained(strong, quick)


def test_it_learns_a_strong_truth_and_is_calibrated(strong: Cohort, model: RecurrenceModel) -> None:
    fresh = strong.part("fresh")
    score = model.scorer.score(fresh.values)
    assert harrell_c_of(fresh.times_months, fresh.events, score) > 0.70
    # One cohort with 40 events: the slope is known to about a factor of two. Its mean over cohorts is a benchmark.
    assert 0.5 < cox_slope(fresh.times_months, fresh.events, score) < 2.0
    observed = 1 - 0.935  # what the simulator is scaled to
    predicted = 1 - model.baseline.survival(score, 36.0).mean()
    assert predicted == pytest.approx(observed, abs=0.03)


def test_out_of_fold_is_below_apparent(model: RecurrenceModel) -> None:
    assert 0.6 < model.c_out_of_fold < model.c_apparent


def test_the_score_is_centred_and_the_baseline_out_of_fold(strong: Cohort, model: RecurrenceModel) -> None:
    part = strong.part("training")
    assert model.scorer.score(part.values).mean() == pytest.approx(0, abs=1e-9)
    # By construction the calibration slope inside the folds is 1.
    assert model.folds == 10
    fold_of = stratified_folds(part.events == 1, folds=10, seed=1)
    assert cox_slope(part.times_months, part.events, model.out_of_fold, strata=fold_of) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("events", "folds"), [(50, 10), (20, 10), (19, 9), (10, 5), (3, 2)])
def test_a_fold_has_two_events(events: int, folds: int) -> None:
    assert outer_folds(np.repeat([1.0, 0.0], [events, 300])) == folds


def test_nothing_is_learnt_from_nothing(shape: FeatureShape, quick: Recipe) -> None:
    slopes, concordances = [], []
    for seed in (1, 2, 3):
        cohort = simulate_cohort(shape, truth=Truth.NULL, seed=seed, sizes=SIZES)
        null, fresh = trained(cohort, quick, seed=seed), cohort.part("fresh")
        slopes.append(null.slope)
        score = null.scorer.score(fresh.values)
        concordances.append(0.5 if null.slope == 0 else harrell_c_of(fresh.times_months, fresh.events, score))
    assert np.mean(concordances) == pytest.approx(0.5, abs=0.04)
    assert np.mean(slopes) < 0.5  # risks are shrunk towards each other


def test_the_same_seed_gives_the_same_model(strong: Cohort, model: RecurrenceModel, quick: Recipe) -> None:
    again, other = trained(strong, quick), trained(strong, quick, seed=2)
    values = strong.part("fresh").values[:50]
    np.testing.assert_allclose(again.scorer.score(values), model.scorer.score(values), rtol=1e-9, atol=1e-12)
    assert not np.allclose(other.scorer.score(values), model.scorer.score(values))


def test_a_patients_own_outcome_does_not_touch_his_out_of_fold_prediction(strong: Cohort, quick: Recipe) -> None:
    part = strong.part("training")
    usable = np.arange(len(part.names))

    def outputs(times: np.ndarray) -> np.ndarray:
        objective = objective_of(times, part.events, Ties.EFRON)
        return out_of_fold(part.values, usable, objective=objective, recipe=quick, folds=3, seed=1)

    patient = int(np.flatnonzero(part.events == 1)[0])
    changed = part.times_months.copy()
    changed[patient] = 90.0
    before, after = outputs(part.times_months), outputs(changed)
    assert before[patient] == after[patient]
    assert np.count_nonzero(before != after) > 200  # the patients whose models were trained with this one


def test_features_of_any_scale_give_the_same_model(strong: Cohort, model: RecurrenceModel, quick: Recipe) -> None:
    part = strong.part("training")
    factor, shift = 1000.0, -7.0
    moved = fit_recurrence(
        part.names,
        part.values * factor + shift,
        times_months=part.times_months,
        events=part.events,
        recipe=quick,
        seed=1,
    )
    np.testing.assert_allclose(
        moved.scorer.score(part.values * factor + shift), model.scorer.score(part.values), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("strata", [None, 3])
def test_cox_slope_equals_lifelines(strata: int | None) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=300)
    times, events = np.round(rng.exponential(np.exp(-0.6 * x)) * 10) + 1, rng.integers(0, 2, 300)
    table = DataFrame({"t": times, "e": events, "x": x})  # lifelines has Efron's ties
    if strata is None:
        fitter, given = CoxPHFitter().fit(table, "t", "e"), None
    else:
        given = np.arange(300) % strata
        fitter = CoxPHFitter().fit(table.assign(s=given), "t", "e", strata=["s"])
    assert cox_slope(times, events, x, strata=given) == pytest.approx(float(fitter.params_["x"]), rel=1e-5)


def test_expression_is_learnt_and_its_probability_calibrated(shape: FeatureShape, quick: Recipe) -> None:
    cohort = simulate_cohort(shape, truth=Truth.NULL, seed=12, sizes=SIZES)
    part, fresh = cohort.part("training"), cohort.part("fresh")
    median = np.median(part.krt7_as_tpm)
    model = fit_expression(part.names, part.values, high=part.krt7_as_tpm > median, recipe=quick, seed=1)
    probability, high = model.scorer.score(fresh.values), fresh.krt7_as_tpm > median
    assert auc(probability, high) > 0.65
    assert probability.mean() == pytest.approx(high.mean(), abs=0.05)
    confident = probability > 0.7
    assert high[confident].mean() == pytest.approx(probability[confident].mean(), abs=0.1)
    assert model.auc_out_of_fold < model.auc_apparent


def test_auc_by_hand_and_with_ties() -> None:
    high = np.array([False, False, True, True])
    assert auc(np.array([1.0, 2.0, 3.0, 4.0]), high) == 1.0
    assert auc(np.array([1.0, 3.0, 2.0, 4.0]), high) == 0.75
    assert auc(np.array([1.0, 2.0, 2.0, 4.0]), high) == 0.875


def test_platt_scaling_finds_the_logit() -> None:
    rng = np.random.default_rng(6)
    outputs = rng.normal(size=20_000)
    high = rng.uniform(size=20_000) < 1 / (1 + np.exp(-(1.7 * outputs - 0.4)))
    slope, intercept = platt_scaling(outputs, high)
    assert (slope, intercept) == (pytest.approx(1.7, abs=0.06), pytest.approx(-0.4, abs=0.05))
    assert platt_scaling(-outputs, high)[0] == pytest.approx(0, abs=1e-6)  # a reversed output is not turned round


def test_too_few_patients_of_a_class_are_refused(shape: FeatureShape) -> None:
    high = np.arange(60) < 20
    with pytest.raises(CohortRejected, match=r"25 patients of each class .* of 60 patients 20 have high expression"):
        fit_expression(shape.names, np.zeros((60, len(shape.names))), high=high, recipe=Recipe(), seed=1)


@pytest.mark.parametrize(
    "change", [{"members": 1}, {"hidden": ()}, {"dropout": 1.0}, {"correlation_limit": 0.0}, {"learning_rate": 0.0}]
)
def test_impossible_recipes_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(SetupError, match=r"expected|needs"):
        replace(Recipe(), **change)  # type: ignore[arg-type]


# Bounds of the training figures (tests/benchmarks): they tell a broken trainer, they are no evidence of quality. Test
# splits of the DeepSurv paper; `lifelines` shows that gaussian is nonlinear (a linear Cox model is at chance).
@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("linear", 0.765), ("gaussian", 0.640), ("gbsg", 0.670)])
def test_it_reaches_the_concordance_of_deepsurv(shared_data: Path, name: str, least: float) -> None:
    with np.load(shared_data / "deepsurv" / f"{name}.npz") as data:
        x, t, e = (data[f"train_{key}"].astype(np.float64) for key in "xte")
        unseen, times, events = (data[f"test_{key}"].astype(np.float64) for key in "xte")
    scorer = fit_ensemble(
        x, np.arange(x.shape[1]), objective=objective_of(t, e, Ties.EFRON), recipe=LOW_DIMENSIONAL, seed=1
    )
    found = harrell_c_of(times, events, scorer.score(unseen))
    assert found >= least
    if name == "gaussian":
        columns = [f"x{i}" for i in range(x.shape[1])]
        cox = CoxPHFitter().fit(DataFrame(x, columns=columns).assign(t=t, e=e), "t", "e")
        assert harrell_c_of(times, events, unseen @ cox.params_[columns].to_numpy()) < 0.55
