"""Trains the recurrence model: DeepSurv, a network whose output is the log-risk of Cox's partial likelihood.

Katzman et al. (2018), BMC Med Res Methodol 18:24. What is added to the paper's method: an ensemble with in-fold
selection and early stopping, and calibration slope and baseline hazard from out-of-fold log-risks, because those of an
overfit network on its own training patients are wrong by an order of magnitude.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from models.progress import Steps
from models.statistics.concordance import harrell_c_of
from models.statistics.survival import BaselineHazard, breslow_baseline
from models.training.divisions import OutOfFoldOutputs
from models.training.effective_parameters import effective_parameters
from models.training.ensemble import Indices, Objective, Trial, fit_best, out_of_fold_in_divisions, usable_inputs
from models.training.network import Loss, Recipe
from models.training.partial_likelihood import Ties, negative_log_partial_likelihood, risk_sets
from models.training.scorer import Scorer
from models.training.selection import null_martingale_residuals, stratified_folds

# Outer folds. With five, the models out of fold see a fifth fewer patients than the final one, and events are so few
# that this alone lowers the slope by a tenth; with ten, half of that.
OUTER_FOLDS = 10
_EVENTS_IN_A_FOLD = 2


@dataclass(frozen=True, eq=False)
class RecurrenceModel:
    """A trained recurrence model.

    Attributes
    ----------
    scorer : calibrated log-risk; mean 0 over the training patients
    recipe : what it was trained with, out of `trials`
    trials : the recipes that were tried, with their held-out losses
    folds : outer folds; where there are none, the inner ones
    is_nested : the folds are outer ones; False: each patient was scored by the member that held that patient out for
        early stopping
    baseline : cumulative hazard of a patient with log-risk 0, from out-of-fold log-risks
    slope : calibration slope the ensemble's output was multiplied with; 0 where it predicts nothing out of fold
    out_of_fold : float64 (patients,), calibrated log-risk of every training patient by a model trained without that
        patient
    c_out_of_fold, c_apparent : Harrell's C out of fold, and on the training patients themselves
    uncalibrated : float64 (patients,), out-of-fold output before it was multiplied with the slope
    divisions : the same of every division of the outer folds; `out_of_fold` and `uncalibrated` are those of the first
    parameters : effective number (`models.training.effective_parameters`)
    """

    scorer: Scorer
    recipe: Recipe
    trials: tuple[Trial, ...]
    folds: int
    baseline: BaselineHazard
    slope: float
    out_of_fold: NDArray[np.float64]
    c_out_of_fold: float
    c_apparent: float
    uncalibrated: NDArray[np.float64]
    divisions: OutOfFoldOutputs
    parameters: float
    is_nested: bool = True


def fit_recurrence(
    names: tuple[str, ...],
    values: NDArray[np.float64],
    *,
    times_months: NDArray[np.float64],
    events: NDArray[np.float64],
    recipe: Recipe,
    alternatives: tuple[Recipe, ...] = (),
    ties: Ties = Ties.EFRON,
    outer: int | None = None,
    seed: int,
    device: str = "cpu",
    steps: Steps | None = None,
    divisions: int = 1,
) -> RecurrenceModel:
    """Trains on `values` (patients, inputs) with follow-up times in months and events of 0 or 1.

    The slope is estimated inside the outer folds: outputs of different folds come from different models, so comparing
    patients across folds measures the differences of the models as well (Parker et al. (2007), BMC Bioinformatics
    8:326).

    Parameters
    ----------
    alternatives : recipes to choose from beside `recipe`; the choice is repeated in every outer fold
    outer : outer folds, as `TrainingOptions.outer_folds`
    steps : counts the networks that are trained
    divisions : how often the outer folds are drawn

    Raises
    ------
    CohortRejected
        When the arrays do not fit, nothing varies, or a fold has no event.
    """
    steps = steps or Steps()
    objective = replace(objective_of(times_months, events, ties, device=device), steps=steps)
    usable = usable_inputs(names, values, diagnostics=recipe.diagnostics)
    folds = outer_folds(events) if outer is None else outer
    if folds:
        unseen = out_of_fold_in_divisions(
            values,
            usable,
            objective=objective,
            recipe=recipe,
            folds=folds,
            seed=seed,
            alternatives=alternatives,
            divisions=divisions,
        )
    steps.begin("all patients")
    best = fit_best(values, usable, objective=objective, recipes=(recipe, *alternatives), seed=seed)
    if not folds:
        # By one member instead of all: noisier, and chosen by these patients when to stop. The two errors are opposite.
        fold_of = stratified_folds(objective.stratify, folds=recipe.inner_folds, seed=seed)
        unseen = OutOfFoldOutputs(best.held_out[None], fold_of[None])
    raw, times_of, events_of = unseen.outputs.ravel(), unseen.repeated(times_months), unseen.repeated(events)
    slope = max(0.0, cox_slope(times_of, events_of, raw, strata=unseen.strata))
    ensemble = best.scorer
    apparent = ensemble.output(values)
    scorer = replace(ensemble, gains=tuple(slope * gain for gain in ensemble.gains), offset=slope * ensemble.offset)
    return RecurrenceModel(
        scorer=scorer,
        recipe=best.recipe,
        trials=best.trials,
        folds=folds or recipe.inner_folds,
        is_nested=folds > 0,
        baseline=breslow_baseline(times_of, events_of, slope * raw),
        slope=slope,
        out_of_fold=slope * unseen.outputs[0],
        c_out_of_fold=float(np.mean([harrell_c_of(times_months, events, one) for one in unseen.outputs])),
        c_apparent=harrell_c_of(times_months, events, apparent),
        uncalibrated=unseen.outputs[0],
        divisions=unseen,
        parameters=effective_parameters(
            partial_log_likelihood(times_months, events), slope * apparent, slope * unseen.outputs
        ),
    )


def outer_folds(events: NDArray[np.float64]) -> int:
    """Ten, or as many as leave two events in each; at least two."""
    return max(2, min(OUTER_FOLDS, int(events.sum()) // _EVENTS_IN_A_FOLD))


def cox_slope(
    times: ArrayLike, events: ArrayLike, log_risk: ArrayLike, *, strata: NDArray[np.int64] | None = None
) -> float:
    """Coefficient of a Cox model with the log-risk as its only covariate (Efron): 1 means well calibrated.

    Parameters
    ----------
    strata : (patients,), a number for each; patients are compared with those of the same number only. None: with all
    """
    t, e, x = (np.asarray(column, dtype=np.float64) for column in (times, events, log_risk))
    everybody = np.ones(t.size, dtype=np.bool_)
    groups = [everybody] if strata is None else [strata == stratum for stratum in np.unique(strata)]
    parts = [(risk_sets(t[rows], e[rows]), torch.tensor(x[rows])) for rows in groups if e[rows].any()]

    def loss(slope: float) -> float:
        return sum(
            float(negative_log_partial_likelihood(slope * column, sets, ties=Ties.EFRON)) for sets, column in parts
        )

    # Convex in the slope; outside these bounds the log-risk separates the events perfectly and has no maximum.
    return float(minimize_scalar(loss, bounds=(-50.0, 50.0), method="bounded", options={"xatol": 1e-8}).x)


def partial_log_likelihood(
    times: NDArray[np.float64], events: NDArray[np.float64]
) -> Callable[[NDArray[np.float64]], float]:
    """Log-risks (patients,) → the log partial likelihood of all patients (Efron)."""
    sets = risk_sets(times, events)
    return lambda log_risk: -float(negative_log_partial_likelihood(torch.tensor(log_risk), sets, ties=Ties.EFRON))


def objective_of(
    times: NDArray[np.float64], events: NDArray[np.float64], ties: Ties, *, device: str = "cpu"
) -> Objective:
    """Mean negative log partial likelihood per event; association by martingale residuals; folds by event."""

    def loss(indices: Indices) -> Loss:
        sets = risk_sets(times[indices], events[indices]).to(device)

        def mean_loss(log_risk: Tensor) -> Tensor:
            return negative_log_partial_likelihood(log_risk, sets, ties=ties) / sets.event_count

        return mean_loss

    return Objective(
        stratify=events.astype(np.bool_),
        residuals=lambda indices: null_martingale_residuals(times[indices], events[indices]),
        loss=loss,
        device=device,
    )
