"""Trains a KRT7-AS model with every check against overfitting.

Nested cross-validation: selection, early stopping and calibration of every out-of-fold output happen without the
patient it is for. AUC with its interval; the same training on permuted classes beside it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.inference.familiarity import Familiarity, FamiliarityTest
from models.inference.package import OutOfFold
from models.inference.verdicts import FEW_PATIENTS_BELOW
from models.number_words import counted
from models.progress import Steps, Tell, silent
from models.quality_notes import QualityNote, Severity
from models.statistics.roc import binary_auc
from models.threads import one_thread
from models.training.ensemble import out_of_fold, usable_inputs
from models.training.familiarity import fit_familiarity
from models.training.interval import cross_validated
from models.training.mlp import ExpressionModel, auc, class_objective, fit_expression, platt_scaling
from models.training.oddities import check_familiarity
from models.training.options import LEAK, TrainingOptions, networks
from models.training.refits import fit_refits
from models.training.scorer import sigmoid
from models.training.search import alternatives, search_notes
from models.training.selection import stratified_folds
from models.training.spread import Spread, spread_of

CUT_OFF = 0.5  # probability


@dataclass(frozen=True, eq=False)
class TrainedExpression:
    """A trained model with what was measured about it.

    Attributes
    ----------
    model : the networks
    out_of_fold : area under the ROC curve, its interval widened for the folds
    as_one_model : the interval before it was widened, as if one fixed model had made the scores
    probabilities : float64 (patients,), out of fold, calibrated by the patients of the other folds
    permuted_auc : areas on permuted classes
    familiarity, familiarity_test : what the inputs look like, and what that catches
    spread : refits or members, for the plausible range; None for a single network
    notes : doubts
    seconds : of the networks (out of fold and final), and of everything
    """

    model: ExpressionModel
    out_of_fold: OutOfFold
    as_one_model: tuple[float, float]
    probabilities: NDArray[np.float64]
    permuted_auc: tuple[float, ...]
    familiarity: Familiarity
    familiarity_test: FamiliarityTest
    spread: Spread | None
    notes: tuple[QualityNote, ...]
    seconds: tuple[float, float]


@one_thread()
def train_krt7_as(
    names: tuple[str, ...],
    values: NDArray[np.float64],
    *,
    is_high: NDArray[np.bool_],
    options: TrainingOptions,
    settings_digest: str = "",
    tell: Tell = silent,
) -> TrainedExpression:
    """Trains on `values` (patients, inputs) and `is_high` (patients,); the rest as in `train_recurrence`.

    Raises
    ------
    CohortRejected
        When the arrays do not fit, nothing varies, or a class is too rare for the folds.
    """
    started = time.perf_counter()
    recipe, seed = options.recipe, options.seed
    others = alternatives(recipe, trials=options.trials, seed=seed)
    steps = Steps(tell, total=networks(options, folds=recipe.inner_folds, recipes=1 + len(others)))
    model = fit_expression(
        names,
        values,
        high=is_high,
        recipe=recipe,
        alternatives=others,
        seed=seed,
        device=options.device,
        steps=steps,
        divisions=options.divisions,
    )
    network_seconds = time.perf_counter() - started
    usable = usable_inputs(names, values, diagnostics=recipe.diagnostics)
    value, low, high = _area(is_high, model.divisions.outputs)
    interval = cross_validated(value, low, high, folds=recipe.inner_folds)
    permuted = []
    rng = np.random.default_rng(seed)
    for number in range(options.permutations):
        classes = rng.permutation(is_high)
        steps.begin(f"permutation {number + 1}/{options.permutations}")
        raw = out_of_fold(
            values,
            usable,
            objective=replace(class_objective(classes, options.device), steps=steps),
            recipe=recipe,
            folds=recipe.inner_folds,
            seed=seed + number,
        )
        permuted.append(auc(raw, classes))
    refits = fit_refits(
        values,
        usable,
        objective=replace(class_objective(is_high, options.device), steps=steps),
        recipes=(recipe, *others),
        slope=model.slope,
        intercept=model.intercept,
        count=options.refits,
        seed=seed,
    )
    steps.begin("comparison with the training patients")
    familiarity = fit_familiarity(values, usable, seed=seed)
    return TrainedExpression(
        model=model,
        out_of_fold=interval,
        as_one_model=(low, high),
        probabilities=_calibrated(model.uncalibrated, is_high, folds=recipe.inner_folds, seed=seed),
        permuted_auc=tuple(permuted),
        familiarity=familiarity,
        familiarity_test=check_familiarity(
            familiarity, names, values, usable, settings_digest=settings_digest, seed=seed
        ),
        spread=spread_of(model.scorer, refits, values=values, out_of_fold=model.out_of_fold, cut_off=0.0),
        notes=(*_notes(is_high.size, interval, tuple(permuted)), *search_notes(model.trials)),
        seconds=(network_seconds, time.perf_counter() - started),
    )


def _area(is_high: NDArray[np.bool_], outputs: NDArray[np.float64]) -> tuple[float, float, float]:
    """Area under the ROC curve of outputs (divisions, patients), with its interval: means over the divisions."""
    found = [binary_auc(is_high, one) for one in outputs]
    value, low, high = np.mean([(one.share, one.low, one.high) for one in found if one is not None], axis=0).tolist()
    return value, low, high


def _calibrated(
    outputs: NDArray[np.float64], is_high: NDArray[np.bool_], *, folds: int, seed: int
) -> NDArray[np.float64]:
    """Probabilities of out-of-fold outputs, each by Platt's scaling of the other folds: (patients,)."""
    fold_of = stratified_folds(is_high, folds=folds, seed=seed)
    logits = np.empty_like(outputs)
    for fold in range(folds):
        inside = fold_of != fold
        slope, intercept = platt_scaling(outputs[inside], is_high[inside])
        logits[~inside] = slope * outputs[~inside] + intercept
    return sigmoid(logits)


def _notes(patients: int, found: OutOfFold, permuted: tuple[float, ...]) -> tuple[QualityNote, ...]:
    """Doubts about a training: no signal, few patients, something learnt from permuted classes."""
    notes = []
    if not found.has_signal:
        notes.append(
            QualityNote(
                "no-signal",
                Severity.WARNING,
                f"No signal: area under the ROC curve {found.value:.2f} out of fold with a 95% interval of "
                f"{found.low:.2f} to {found.high:.2f}, which does not lie above the 0.50 of chance. Every result of "
                "this package says so.",
            )
        )
    if patients < FEW_PATIENTS_BELOW:
        notes.append(
            QualityNote(
                "few-patients",
                Severity.WARNING,
                f"{counted(patients, 'patient')}; with fewer than {FEW_PATIENTS_BELOW} an area under the ROC curve is "
                "known to about "
                "±0.1 at best.",
            )
        )
    if permuted and float(np.mean(permuted)) > LEAK:
        notes.append(
            QualityNote(
                "learnt-from-permuted-outcomes",
                Severity.WARNING,
                f"On permuted classes the training still reaches an area of {float(np.mean(permuted)):.2f} on the "
                "mean; 0.50 was expected. Look for repeated patients or features that know the class.",
            )
        )
    return tuple(notes)
