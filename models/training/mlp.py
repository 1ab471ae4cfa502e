"""Trains the KRT7-AS model: a multilayer perceptron for high against low expression, with calibrated probability."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import rankdata

from models.errors import CohortRejected
from models.number_words import agreeing, counted
from models.progress import Steps
from models.training.divisions import OutOfFoldOutputs
from models.training.effective_parameters import effective_parameters
from models.training.ensemble import Indices, Objective, Trial, fit_best, out_of_fold_in_divisions, usable_inputs
from models.training.network import Loss, Recipe
from models.training.scorer import Scorer


@dataclass(frozen=True, eq=False)
class ExpressionModel:
    """A trained expression model.

    Attributes
    ----------
    scorer : probability of high expression
    recipe : what it was trained with, out of `trials`
    trials : the recipes that were tried, with their held-out losses
    slope, intercept : Platt scaling from out-of-fold outputs; slope 0 where they predict nothing
    out_of_fold : float64 (patients,), calibrated logit of every training patient by a model trained without that
        patient
    auc_out_of_fold, auc_apparent : area under the ROC curve out of fold, and on the training patients themselves
    uncalibrated : float64 (patients,), out-of-fold output before Platt scaling
    divisions : the same of every division of the outer folds; `out_of_fold` and `uncalibrated` are those of the first
    parameters : effective number (`models.training.effective_parameters`)
    """

    scorer: Scorer
    recipe: Recipe
    trials: tuple[Trial, ...]
    slope: float
    intercept: float
    out_of_fold: NDArray[np.float64]
    auc_out_of_fold: float
    auc_apparent: float
    uncalibrated: NDArray[np.float64]
    divisions: OutOfFoldOutputs
    parameters: float


def fit_expression(
    names: tuple[str, ...],
    values: NDArray[np.float64],
    *,
    high: NDArray[np.bool_],
    recipe: Recipe,
    alternatives: tuple[Recipe, ...] = (),
    seed: int,
    device: str = "cpu",
    steps: Steps | None = None,
    divisions: int = 1,
) -> ExpressionModel:
    """Trains on `values` (patients, inputs) and `high` (patients,); the rest as in `fit_recurrence`.

    Raises
    ------
    CohortRejected
        When the arrays do not fit, nothing varies, or one of the two classes is rarer than the folds.
    """
    if high.shape != (len(values),) or min(int(high.sum()), int((~high).sum())) < recipe.inner_folds**2:
        raise CohortRejected(
            f"{recipe.inner_folds**2} patients of each class are needed for {counted(recipe.inner_folds, 'fold')} in "
            f"{counted(recipe.inner_folds, 'fold')}; of {counted(high.size, 'patient')} {int(high.sum())} "
            f"{agreeing(int(high.sum()), 'has', 'have')} high expression: train on more patients, or move the "
            "threshold."
        )
    steps = steps or Steps()
    objective = replace(class_objective(high, device), steps=steps)
    usable = usable_inputs(names, values, diagnostics=recipe.diagnostics)
    unseen = out_of_fold_in_divisions(
        values,
        usable,
        objective=objective,
        recipe=recipe,
        folds=recipe.inner_folds,
        seed=seed,
        alternatives=alternatives,
        divisions=divisions,
    )
    slope, intercept = platt_scaling(unseen.outputs.ravel(), np.tile(high, divisions))
    steps.begin("all patients")
    best = fit_best(values, usable, objective=objective, recipes=(recipe, *alternatives), seed=seed)
    ensemble = best.scorer
    apparent = ensemble.output(values)
    scorer = replace(
        ensemble,
        gains=tuple(slope * gain for gain in ensemble.gains),
        offset=slope * ensemble.offset + intercept,
        is_probability=True,
    )
    return ExpressionModel(
        scorer=scorer,
        recipe=best.recipe,
        trials=best.trials,
        slope=slope,
        intercept=intercept,
        out_of_fold=slope * unseen.outputs[0] + intercept,
        auc_out_of_fold=float(np.mean([auc(one, high) for one in unseen.outputs])),
        auc_apparent=auc(apparent, high),
        uncalibrated=unseen.outputs[0],
        divisions=unseen,
        parameters=effective_parameters(
            partial(log_likelihood, high), slope * apparent + intercept, slope * unseen.outputs + intercept
        ),
    )


def auc(scores: NDArray[np.float64], high: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: share of (high, low) pairs in which the high one scores higher, ties one half.

    Mann-Whitney U over the number of pairs (Hanley & McNeil (1982), Radiology 143:29-36).
    """
    positives, negatives = int(high.sum()), int((~high).sum())
    ranks = rankdata(scores)
    return float((ranks[high].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def platt_scaling(outputs: NDArray[np.float64], high: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope (not negative) and intercept of a logistic regression of the class on the outputs (Platt (1999))."""
    target = high.astype(np.float64)

    def loss(parameters: NDArray[np.float64]) -> float:
        logit = parameters[0] * outputs + parameters[1]
        return float(np.mean(np.logaddexp(0.0, logit) - target * logit))

    result = minimize(loss, x0=np.zeros(2), method="L-BFGS-B", bounds=[(0.0, 50.0), (None, None)])
    return float(result.x[0]), float(result.x[1])


def log_likelihood(high: NDArray[np.bool_], logits: NDArray[np.float64]) -> float:
    """Bernoulli log-likelihood of the classes (patients,) under logits (patients,)."""
    return float(np.sum(high * logits - np.logaddexp(0.0, logits)))


def class_objective(high: NDArray[np.bool_], device: str) -> Objective:
    """Mean cross-entropy; association by the classes themselves; folds by class."""
    target = high.astype(np.float64)

    def loss(indices: Indices) -> Loss:
        labels = torch.from_numpy(target[indices]).to(device)
        return lambda logits: torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)

    return Objective(
        stratify=high, residuals=lambda indices: target[indices] - target[indices].mean(), loss=loss, device=device
    )
