"""Writes the package of a trained KRT7-AS model, with everything that was measured about it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.evaluation.expression import evaluate_expression
from models.inference.tasks import Task
from models.model_card.about import About
from models.model_card.facts import Measurement
from models.model_card.guidelines import CALIBRATION, LEFT_OUT, SAMPLE_SIZE
from models.statistics.estimate import Estimate, Found
from models.training.divisions import REPEATED, SPREAD, spread_in_words
from models.training.krt7_as import CUT_OFF, TrainedExpression
from models.training.mlp import auc
from models.training.patients import TrainingPatients
from models.training.sample_size import binary_patients_per_parameter
from models.training.trained_package import write_trained
from models.training.training_scores import summary_of


def write_krt7_as(
    folder: Path,
    trained: TrainedExpression,
    patients: TrainingPatients,
    *,
    about: About,
    reference_values: NDArray[np.float64] | None = None,
) -> None:
    """Write the package; `reference_values` as in `write_trained`."""
    write_trained(
        folder,
        trained,
        patients,
        about=about,
        task=Task.KRT7_AS,
        cut_off=CUT_OFF,
        events=int(patients.is_high.sum()),
        calibrated="Platt scaling from out-of-fold outputs.",
        measurements=measurements(trained, patients),
        training_scores=summary_of(trained.probabilities),
        reference_values=reference_values,
    )


def measurements(trained: TrainedExpression, patients: TrainingPatients) -> tuple[Measurement, ...]:
    """Everything that was measured, for card and command line."""
    is_high, model = patients.is_high, trained.model
    whom = "training patients, each by a model trained without that patient"
    result = evaluate_expression(trained.probabilities, is_high, cut_off=CUT_OFF, cohort=patients.cohort, subgroup=None)
    per_parameter = binary_patients_per_parameter(patients=is_high.size, events=int(is_high.sum()))
    return (
        Measurement(
            "Area under the ROC curve",
            trained.out_of_fold.in_words(),
            f"{whom}; smoothed Wilson interval, widened for the folds",
        ),
        Measurement(
            "The same, interval not widened",
            f"{trained.as_one_model[0]:.2f} to {trained.as_one_model[1]:.2f}",
            f"{whom}, as if one fixed model had made the scores",
        ),
        Measurement(
            SPREAD,
            spread_in_words(tuple(auc(one, is_high) for one in model.divisions.outputs), model.divisions.outputs),
            REPEATED,
        ),
        Measurement("Area, apparent", f"{model.auc_apparent:.2f}", "training patients themselves; no evidence"),
        Measurement(
            "Permuted outcomes",
            ", ".join(f"{area:.2f}" for area in trained.permuted_auc) or "not done",
            "area of the same training with classes of other patients; 0.50 is expected",
        ),
        Measurement(CALIBRATION, _shown(result.calibration_slope), f"{whom}, calibration included"),
        Measurement(
            "Brier score",
            f"{result.brier:.3f} ({result.brier_null:.3f} without a model)",
            f"{whom}, calibration included",
        ),
        Measurement("Sensitivity", _shown(result.sensitivity), f"{whom}; probability above {CUT_OFF:g}"),
        Measurement("Specificity", _shown(result.specificity), f"{whom}; probability up to {CUT_OFF:g}"),
        Measurement(
            SAMPLE_SIZE,
            f"about {is_high.size / per_parameter:.0f} ({per_parameter:.0f} patients each)",
            "Riley et al. 2019, shrinkage .9, Nagelkerke R² .15",
        ),
        Measurement(LEFT_OUT, patients.left_out_in_words, f"cohort '{patients.cohort}'"),
    )


def _shown(found: Found) -> str:
    if not isinstance(found, Estimate):
        return "cannot be estimated"
    interval = "" if found.interval is None else f" (95% {found.interval[0]:.2f} to {found.interval[1]:.2f})"
    return f"{found.value:.2f}{interval}"
