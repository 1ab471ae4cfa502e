"""Writes the package of a trained recurrence model, with everything that was measured about it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.inference.tasks import Task
from models.model_card.about import About
from models.model_card.facts import Measurement
from models.model_card.guidelines import CALIBRATION, COMPARISON, DIFFERENCE, LEFT_OUT, SAMPLE_SIZE
from models.statistics.calibration import observed_risk
from models.statistics.followed import Followed
from models.training.patients import TrainingPatients
from models.training.recurrence import TrainedRecurrence
from models.training.sample_size import survival_patients_per_parameter
from models.training.trained_package import write_trained


def write_recurrence(
    folder: Path,
    trained: TrainedRecurrence,
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
        task=Task.RECURRENCE,
        cut_off=trained.cut_off,
        events=int(patients.events.sum()),
        calibrated=(
            f"Calibrated with slope {trained.model.slope:.2f}, estimated out of fold ({trained.model.folds} folds)."
        ),
        measurements=measurements(trained, patients),
        horizons_months=trained.horizons_months,
        baseline=trained.model.baseline,
        resamples=trained.resamples,
        reference_values=reference_values,
    )


def measurements(trained: TrainedRecurrence, patients: TrainingPatients) -> tuple[Measurement, ...]:
    """Everything that was measured, for card and command line."""
    model, cox = trained.model, trained.cox
    times, events = patients.times_months, patients.events
    out_of_fold_whom = "training patients, each by a model trained without that patient"
    followed = Followed.of(times, events, model.out_of_fold)
    months = trained.horizons_months[-1]
    observed, low, high = observed_risk(followed, months)
    predicted = float(np.mean(1 - model.baseline.survival(model.out_of_fold, months)))
    per_parameter = survival_patients_per_parameter(
        patients=events.size, events=int(events.sum()), person_years=float(times.sum()) / 12
    )
    slope = f"{model.slope:.2f}" + (
        f" (95% {trained.slope_interval[0]:.2f} to {trained.slope_interval[1]:.2f})" if trained.slope_interval else ""
    )
    rows = [
        Measurement(
            "Harrell's C", trained.out_of_fold.in_words(), f"{out_of_fold_whom}; bootstrap, widened for the folds"
        ),
        Measurement("Harrell's C, apparent", f"{model.c_apparent:.2f}", "training patients themselves; no evidence"),
        Measurement(
            COMPARISON,
            f"C {trained.cox_out_of_fold.in_words()}, {cox.inputs.size} inputs",
            f"{out_of_fold_whom}; lasso, penalty by cross-validated partial likelihood",
        ),
        Measurement(
            DIFFERENCE,
            f"{trained.difference[0]:+.2f} (95% {trained.difference[1]:+.2f} to {trained.difference[2]:+.2f})",
            "Harrell's C, on the same bootstrap samples; widened for the folds",
        ),
        Measurement(
            "Permuted outcomes",
            ", ".join(f"C {c:.2f}" for c in trained.permuted_c) or "not done",
            "the same training with outcomes of other patients; 0.50 is expected",
        ),
        Measurement(CALIBRATION, slope, "what the networks' output is multiplied with"),
        Measurement(
            f"Recurrence by {months:g} months",
            f"{100 * predicted:.1f}% predicted, {100 * observed:.1f}% observed (95% {100 * low:.1f} to "
            f"{100 * high:.1f})",
            f"{out_of_fold_whom}; observed: Kaplan-Meier",
        ),
        Measurement("Cut-off", _cut_off_in_words(trained, model.out_of_fold), out_of_fold_whom),
        Measurement(
            SAMPLE_SIZE,
            f"about {events.size / per_parameter:.0f} ({per_parameter:.0f} patients each)",
            "Riley et al. 2019, shrinkage .9, Nagelkerke R² .15",
        ),
        Measurement(LEFT_OUT, patients.left_out_in_words, f"cohort '{patients.cohort}'"),
    ]
    return tuple(rows)


def _cut_off_in_words(trained: TrainedRecurrence, scores: NDArray[np.float64]) -> str:
    high = int(np.count_nonzero(scores > trained.cut_off))
    how = "fixed"
    if trained.selected is not None:
        how = f"maximally selected rank statistics, p = {trained.selected.p_lausen94:.2g} (Lausen 1994)"
    return f"{trained.cut_off:.2f} ({how}): {high} of {scores.size} patients above."
