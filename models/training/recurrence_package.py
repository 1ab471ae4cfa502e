"""Writes the package of a trained recurrence model, with everything that was measured about it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.evaluation.recurrence import risk_groups
from models.inference.tasks import Task
from models.model_card.about import About
from models.model_card.facts import Measurement
from models.model_card.guidelines import CALIBRATION, COMPARISON, DIFFERENCE, LEFT_OUT, SAMPLE_SIZE
from models.number_words import counted, share_of
from models.statistics.calibration import observed_risk
from models.statistics.concordance import harrell_c_of
from models.statistics.followed import Followed
from models.training.coarse_baseline import FEWEST, CoarseBaseline, coarsened
from models.training.divisions import REPEATED, SPREAD, spread_in_words
from models.training.patients import TrainingPatients
from models.training.recurrence import MANY, TrainedRecurrence
from models.training.sample_size import survival_patients_per_parameter
from models.training.trained_package import write_trained
from models.training.training_scores import hazard_ratio, recurrence_summary

COARSE_BASELINE = "Coarsened baseline hazard"


def write_recurrence(
    folder: Path,
    trained: TrainedRecurrence,
    patients: TrainingPatients,
    *,
    about: About,
    reference_values: NDArray[np.float64] | None = None,
) -> None:
    """Write the package, its baseline coarsened; `reference_values` as in `write_trained`."""
    coarse = coarsened(
        trained.model.baseline, horizons_months=trained.horizons_months, log_risks=trained.model.out_of_fold
    )
    write_trained(
        folder,
        trained,
        patients,
        about=about,
        task=Task.RECURRENCE,
        cut_off=trained.cut_off,
        events=int(patients.events.sum()),
        calibrated=(
            f"Calibrated with slope {trained.model.slope:.2f}, estimated "
            f"{'out of fold' if trained.model.is_nested else 'on the folds held out for early stopping'} "
            f"({counted(trained.model.folds, 'fold')})."
        ),
        measurements=(*measurements(trained, patients), _loss(coarse, trained.horizons_months)),
        training_scores=recurrence_summary(
            patients.times_months,
            patients.events,
            trained.model.out_of_fold,
            cut_off=trained.cut_off,
            is_selected=trained.selected is not None,
            horizons_months=trained.horizons_months,
            folds=trained.model.folds,
        ),
        horizons_months=trained.horizons_months,
        baseline=coarse.baseline,
        resamples=trained.resamples,
        reference_values=reference_values,
    )


def measurements(trained: TrainedRecurrence, patients: TrainingPatients) -> tuple[Measurement, ...]:
    """Everything that was measured, for card and command line."""
    model, cox = trained.model, trained.cox
    times, events = patients.times_months, patients.events
    out_of_fold_whom = (
        "training patients, each by a model trained without that patient"
        if model.is_nested
        else "training patients, each by the network that held that patient out for early stopping"
    )
    is_many = events.size > MANY
    method = "infinitesimal jackknife" if is_many else "smoothed Wilson interval"
    paired = method if is_many else "paired interval"
    followed = Followed.of(times, events, model.out_of_fold)
    months = trained.horizons_months[-1]
    observed, low, high = observed_risk(followed, months)
    predicted = float(np.mean(1 - model.baseline.survival(model.out_of_fold, months)))
    per_parameter = survival_patients_per_parameter(
        patients=events.size, events=int(events.sum()), person_years=float(times.sum()) / 12
    )
    concordances = tuple(harrell_c_of(times, events, one) for one in model.divisions.outputs)
    slope = f"{model.slope:.2f}" + (
        f" (95% {trained.slope_interval[0]:.2f} to {trained.slope_interval[1]:.2f})" if trained.slope_interval else ""
    )
    rows = [
        Measurement(
            "Harrell's C",
            trained.out_of_fold.in_words(),
            f"{out_of_fold_whom}; {method}, widened for the folds",
        ),
        Measurement(
            SPREAD,
            spread_in_words(concordances, model.divisions.outputs),
            REPEATED if model.is_nested else out_of_fold_whom,
        ),
        Measurement("Harrell's C, apparent", f"{model.c_apparent:.2f}", "training patients themselves; no evidence"),
        Measurement(
            COMPARISON,
            f"C {trained.cox_out_of_fold.in_words()}, {counted(cox.inputs.size, 'input')}",
            "training patients, each by a model fitted without that patient; lasso, penalty by cross-validated partial "
            "likelihood",
        ),
        Measurement(
            DIFFERENCE,
            f"{trained.difference[0]:+.2f} (95% {trained.difference[1]:+.2f} to {trained.difference[2]:+.2f})",
            f"Harrell's C of the same patients; {paired}, widened for the folds",
        ),
        Measurement(
            "Permuted outcomes",
            ", ".join(f"C {c:.2f}" for c in trained.permuted_c) or "not done",
            "the same training with outcomes of other patients; 0.50 is expected",
        ),
        Measurement(CALIBRATION, slope, "what the networks' output is multiplied with"),
        Measurement(
            f"Recurrence by {months:g} months",
            f"{share_of(predicted, 1)} predicted, {share_of(observed, 1)} observed (95% {share_of(low, 1)} to "
            f"{share_of(high, 1)})",
            f"{out_of_fold_whom}; observed: Kaplan-Meier",
        ),
        Measurement("Cut-off", _cut_off_in_words(trained, model.out_of_fold), out_of_fold_whom),
        Measurement("Risk groups", _groups_in_words(trained, followed), out_of_fold_whom),
        Measurement(
            SAMPLE_SIZE,
            f"about {events.size / per_parameter:.0f} ({per_parameter:.0f} patients each)",
            "Riley et al. 2019, shrinkage .9, Nagelkerke R² .15",
        ),
        Measurement(LEFT_OUT, patients.left_out_in_words, f"cohort '{patients.cohort}'"),
    ]
    return tuple(rows)


def _groups_in_words(trained: TrainedRecurrence, followed: Followed) -> str:
    """Patients, recurrences and hazard ratio of the groups at the cut-off."""
    groups = risk_groups(followed, trained.cut_off)
    found = None if trained.selected is not None else hazard_ratio(groups, folds=trained.model.folds)
    ratio = "" if found is None else f"; hazard ratio {found[0]:.3g} (95% {found[1]:.3g} to {found[2]:.3g})"
    low, high = groups.low, groups.high
    return f"low {counted(low.events, 'recurrence')} of {low.patients}, high {high.events} of {high.patients}{ratio}"


def _loss(coarse: CoarseBaseline, horizons_months: tuple[float, ...]) -> Measurement:
    """Loss of accuracy by the coarse baseline, rounded up to four digits."""
    months = ", ".join(f"{months:g}" for months in horizons_months)
    return Measurement(
        COARSE_BASELINE,
        f"recurrence-free survival at {months} months moves by at most {math.ceil(1e4 * coarse.loss) / 1e4:.4f}",
        f"training patients; baseline.csv has whole months up to {coarse.baseline.end_months:g}, on straight lines "
        f"between the horizons and groups of at least {FEWEST} recurrences",
    )


def _cut_off_in_words(trained: TrainedRecurrence, scores: NDArray[np.float64]) -> str:
    high = int(np.count_nonzero(scores > trained.cut_off))
    how = "fixed"
    if trained.selected is not None:
        how = f"maximally selected rank statistics, p = {trained.selected.p_lausen94:.2g} (Lausen 1994)"
    return f"{trained.cut_off:.2f} ({how}): {high} of {counted(scores.size, 'patient')} above."
