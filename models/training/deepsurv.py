"""Trains the recurrence model: DeepSurv, a network whose output is the log-risk of Cox's partial likelihood.

Katzman et al. (2018), BMC Med Res Methodol 18:24. What is added to the paper's method: an ensemble with in-fold
selection and early stopping, and calibration slope and baseline hazard from out-of-fold log-risks, because those of an
overfit network on its own training patients are wrong by an order of magnitude.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from models.survival import BaselineHazard, breslow_baseline, harrell_c
from models.training.ensemble import Indices, Objective, Trial, fit_best, out_of_fold, usable_inputs
from models.training.network import Loss, Recipe
from models.training.partial_likelihood import Ties, negative_log_partial_likelihood, risk_sets
from models.training.scorer import Scorer
from models.training.selection import null_martingale_residuals, stratified_folds

# Divisions into outer folds. One division moves the calibration slope by a tenth; more cost as much time each.
REPEATS = 3


@dataclass(frozen=True, eq=False)
class RecurrenceModel:
    """A trained recurrence model.

    Attributes
    ----------
    scorer : calibrated log-risk; mean 0 over the training patients
    recipe : what it was trained with, out of `trials`
    trials : the recipes that were tried, with their held-out losses
    baseline : cumulative hazard of a patient with log-risk 0, from out-of-fold log-risks
    slope : calibration slope the ensemble's output was multiplied with; 0 where it predicts nothing out of fold
    out_of_fold : float64 (patients,), calibrated log-risk of every training patient by a model trained without him, of
        the first division into folds
    c_out_of_fold, c_apparent : Harrell's C out of fold, mean over the divisions, and on the training patients
    uncalibrated : float64 (divisions, patients), out-of-fold outputs before they were multiplied with the slope
    """

    scorer: Scorer
    recipe: Recipe
    trials: tuple[Trial, ...]
    baseline: BaselineHazard
    slope: float
    out_of_fold: NDArray[np.float64]
    c_out_of_fold: float
    c_apparent: float
    uncalibrated: NDArray[np.float64]


def fit_recurrence(
    names: tuple[str, ...],
    values: NDArray[np.float64],
    *,
    times_months: NDArray[np.float64],
    events: NDArray[np.float64],
    recipe: Recipe,
    alternatives: tuple[Recipe, ...] = (),
    ties: Ties = Ties.EFRON,
    repeats: int = REPEATS,
    seed: int,
    device: str = "cpu",
) -> RecurrenceModel:
    """Train on `values` (patients, inputs) with follow-up times in months and events of 0 or 1.

    The slope is estimated within the folds of several divisions: outputs of different folds come from different models,
    so comparing patients across folds measures the models' differences as well (Parker et al. (2007), BMC
    Bioinformatics 8:326), and a single division adds its own chance.

    Parameters
    ----------
    alternatives : recipes to choose from beside `recipe`; the choice is repeated in every outer fold
    repeats : divisions into outer folds

    Raises
    ------
    SetupError
        When the arrays do not fit, nothing varies, or a fold has no event.
    """
    objective = objective_of(times_months, events, ties, device=device)
    usable = usable_inputs(names, values, diagnostics=recipe.diagnostics)
    folds, seeds = recipe.inner_folds, [seed + 7919 * number for number in range(repeats)]
    raw = np.stack(
        [
            out_of_fold(
                values, usable, objective=objective, recipe=recipe, folds=folds, seed=one, alternatives=alternatives
            )
            for one in seeds
        ]
    )
    division = [stratified_folds(objective.stratify, folds=folds, seed=one) for one in seeds]
    strata = np.concatenate([fold + folds * number for number, fold in enumerate(division)])
    times, flags = np.tile(times_months, repeats), np.tile(events, repeats)
    slope = max(0.0, cox_slope(times, flags, raw.ravel(), strata=strata))
    found = fit_best(values, usable, objective=objective, recipes=(recipe, *alternatives), seed=seed)
    ensemble = found.scorer
    scorer = replace(ensemble, gains=tuple(slope * gain for gain in ensemble.gains), offset=slope * ensemble.offset)
    return RecurrenceModel(
        scorer=scorer,
        recipe=found.recipe,
        trials=found.trials,
        baseline=breslow_baseline(times, flags, slope * raw.ravel()),
        slope=slope,
        out_of_fold=slope * raw[0],
        c_out_of_fold=float(np.mean([harrell_c(times_months, events, one) for one in raw])),
        c_apparent=harrell_c(times_months, events, ensemble.output(values)),
        uncalibrated=raw,
    )


def cox_slope(
    times: ArrayLike, events: ArrayLike, log_risk: ArrayLike, *, strata: NDArray[np.int64] | None = None
) -> float:
    """Coefficient of a Cox model with the log-risk as its only covariate (Efron): 1 means well calibrated.

    Parameters
    ----------
    strata : (patients,), a number for each; patients are compared with those of the same number only. None: with all
    """
    t, e, x = (np.asarray(one, dtype=np.float64) for one in (times, events, log_risk))
    groups = [np.ones(t.size, dtype=np.bool_)] if strata is None else [strata == one for one in np.unique(strata)]
    parts = [(risk_sets(t[rows], e[rows]), torch.tensor(x[rows])) for rows in groups if e[rows].any()]

    def loss(slope: float) -> float:
        return sum(
            float(negative_log_partial_likelihood(slope * column, sets, ties=Ties.EFRON)) for sets, column in parts
        )

    # Convex in the slope; outside these bounds the log-risk separates the events perfectly and has no maximum.
    return float(minimize_scalar(loss, bounds=(-50.0, 50.0), method="bounded", options={"xatol": 1e-8}).x)


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
