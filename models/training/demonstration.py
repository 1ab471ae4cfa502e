"""Makes the three demonstration packages from a simulated cohort, the same every time: no patient is behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.features.names import features_of, inputs_among
from models.features.settings import FeatureSettings
from models.inference.package import FeatureOrigin
from models.model_card.about import About
from models.number_words import counted
from models.progress import Tell, named, silent
from models.simulation.cohort import Cohort, Truth, simulate_cohort
from models.simulation.feature_shape import FeatureShape, measured_shape
from models.statistics.concordance import harrell_c_of
from models.threads import one_thread
from models.training.deepsurv import fit_recurrence
from models.training.familiarity import input_ranges
from models.training.krt7_as import TrainedExpression, train_krt7_as
from models.training.krt7_as_package import write_krt7_as
from models.training.mlp import auc, fit_expression
from models.training.network import Recipe
from models.training.oddities import false_alarms
from models.training.options import TrainingOptions
from models.training.patients import TrainingPatients
from models.training.recurrence import CUT_OFF, TrainedRecurrence, train_recurrence
from models.training.recurrence_package import write_recurrence
from models.training.scorer import Scorer
from models.training.spread import tried_on
from models.volume import Region, Sequence

NOTICE = "demonstration model, not trained on patients"
VERSION = "2.2.0"
SEED = 20230815
REFERENCE_PATIENTS = 2
FRESH_PATIENTS = 2000
DIVISIONS = 1  # of the outer folds: how a simulated cohort divides says nothing about patients
OTHER_TRAININGS = 4  # of the same recipe on other simulated cohorts, which the plausible range is tried on

DATA = (
    f"698 simulated feature vectors (truth 'strong', seed {SEED}, models/simulation/cohort.py). No patient is behind "
    "them: distributions and correlations of the features were measured on lesions placed at random in public MR "
    "images, outcomes follow an invented risk."
)
CAVEATS = (
    "Trained on a simulation: the numbers have no clinical meaning, for any patient, in either direction.",
    "The weights of the RDeepNet paper are not public; this package only has their shape.",
    "Single inputs share information with many others: read attributions by group, not as reasons.",
)
STATEMENTS = {
    "intended_use": "To try the software from end to end; the numbers have no clinical meaning.",
    "population": "None: simulated patients.",
    "ethics": "None needed: no patient data.",
    "testing": "Fresh simulated patients of the same simulation; the result stands under performance.",
    "data_availability": "The simulator that made the data is part of the software.",
    "model_availability": "The package is part of the software.",
    "code_availability": "The training code is part of the software: rdeepnet models make-demonstration.",
}


_T = TypeVar("_T", TrainedRecurrence, TrainedExpression)


def make_demonstration_packages(out: Path, *, tell: Tell = silent) -> tuple[Path, ...]:
    """Trains and writes `recurrence`, `krt7_as` and `recurrence_t1c` below `out`; returns their folders.

    `tell` is told which network of how many is trained.
    """
    names = features_of(Sequence, Region)
    shape = measured_shape(names)
    cohort = demonstration_cohort(shape)
    fresh = simulate_cohort(shape, truth=Truth.STRONG, seed=SEED + 1, sizes={"fresh": FRESH_PATIENTS})
    return (
        _recurrence(out / "recurrence", cohort, fresh, (Sequence.T1C, Sequence.T2W), tell),
        _expression(out / "krt7_as", cohort, fresh, tell),
        _recurrence(out / "recurrence_t1c", cohort, fresh, (Sequence.T1C,), tell),
    )


def demonstration_cohort(shape: FeatureShape) -> Cohort:
    """The simulated training patients."""
    return simulate_cohort(shape, truth=Truth.STRONG, seed=SEED).part("training")


def _columns(cohort: Cohort, names: tuple[str, ...]) -> NDArray[np.float64]:
    column_of = {name: index for index, name in enumerate(cohort.names)}
    return cohort.values[:, [column_of[name] for name in names]]


def _origin() -> FeatureOrigin:
    # The scales were measured with these settings; engine and bias correction do not matter to a simulation.
    return FeatureOrigin(settings_digest=FeatureSettings().digest(), engine="", bias_correction="")


def _patients(cohort: Cohort, names: tuple[str, ...], median_tpm: float) -> TrainingPatients:
    return TrainingPatients(
        cohort="training",
        names=names,
        values=_columns(cohort, names),
        times_months=cohort.times_months,
        events=cohort.events,
        is_high=cohort.krt7_as_tpm > median_tpm,
        origin=_origin(),
        left_out=(0, 0),
    )


def _about(folder: Path, title: str, data: str, performance: str, *, stands_in_for: str = "") -> About:
    return About(
        name=folder.name,
        version=VERSION,
        title=title,
        notice=NOTICE,
        data=data,
        performance=f"{performance} It says nothing about real patients.",
        caveats=CAVEATS,
        statements=STATEMENTS,
        stands_in_for=stands_in_for,
    )


@one_thread()
def _tried(
    trained: _T,
    other: Callable[[Cohort, int], Scorer],
    fresh: Cohort,
    patients: TrainingPatients,
    *,
    cut_off: float,
    tell: Tell,
) -> _T:
    """With what range and familiarity did on the fresh patients; `other` trains on another cohort, with a seed."""
    assert trained.spread is not None
    values, shape = _columns(fresh, patients.names), measured_shape(fresh.names)
    outputs = []
    for number, seed in enumerate(range(SEED + 2, SEED + 2 + OTHER_TRAININGS)):
        tell("other simulated cohorts", number, OTHER_TRAININGS)
        cohort = simulate_cohort(shape, truth=Truth.STRONG, seed=seed).part("training")
        outputs.append(other(cohort, seed).output(values))
    whom = counted(len(values), "fresh simulated patient")
    low, high = input_ranges(patients.values)
    return replace(
        trained,
        spread=tried_on(
            trained.spread,
            trained.model.scorer,
            np.column_stack(outputs),
            values=values,
            cut_off=cut_off,
            whom=f"{whom}, against {counted(len(outputs), 'training')} on other simulated cohorts",
        ),
        familiarity_test=replace(
            trained.familiarity_test,
            false_alarms=false_alarms(trained.familiarity, values, low=low, high=high),
            whom=whom,
        ),
    )


def _recurrence(folder: Path, cohort: Cohort, fresh: Cohort, sequences: tuple[Sequence, ...], tell: Tell) -> Path:
    """Trains and writes a recurrence package for these sequences; returns its folder."""
    names = inputs_among(features_of(sequences, Region))
    patients = _patients(cohort, names, float(np.median(cohort.krt7_as_tpm)))
    trained = train_recurrence(
        names,
        patients.values,
        times_months=cohort.times_months,
        events=cohort.events,
        options=TrainingOptions(recipe=Recipe(), seed=SEED, divisions=DIVISIONS),
        cut_off=CUT_OFF,
        settings_digest=patients.origin.settings_digest,
        tell=named(folder.name, tell),
    )

    def other(cohort: Cohort, seed: int) -> Scorer:
        return fit_recurrence(
            names,
            _columns(cohort, names),
            times_months=cohort.times_months,
            events=cohort.events,
            recipe=Recipe(),
            seed=seed,
        ).scorer

    trained = _tried(trained, other, fresh, patients, cut_off=CUT_OFF, tell=named(folder.name, tell))
    model = trained.model
    unseen = model.scorer.score(_columns(fresh, names))
    c_fresh = harrell_c_of(fresh.times_months, fresh.events, unseen)
    write_recurrence(
        folder,
        trained,
        patients,
        about=_about(
            folder,
            "RDeepNet recurrence score" + ("" if len(sequences) > 1 else " (T1+C only)"),
            DATA,
            f"Harrell's C {c_fresh:.2f} on {counted(len(unseen), 'fresh simulated patient')} "
            f"({model.c_out_of_fold:.2f} out of fold, {model.c_apparent:.2f} on the training patients).",
            stands_in_for="" if len(sequences) > 1 else "recurrence",
        ),
        reference_values=_columns(fresh, names)[:REFERENCE_PATIENTS],
    )
    return folder


def _expression(folder: Path, cohort: Cohort, fresh: Cohort, tell: Tell) -> Path:
    """Trains and writes the KRT7-AS package; returns its folder."""
    names = inputs_among(features_of(Sequence, (Region.INTRATUMORAL,)))
    median = float(np.median(cohort.krt7_as_tpm))
    patients = _patients(cohort, names, median)
    trained = train_krt7_as(
        names,
        patients.values,
        is_high=patients.is_high,
        options=TrainingOptions(recipe=Recipe(), seed=SEED, divisions=DIVISIONS),
        settings_digest=patients.origin.settings_digest,
        tell=named(folder.name, tell),
    )

    def other(cohort: Cohort, seed: int) -> Scorer:
        high = cohort.krt7_as_tpm > np.median(cohort.krt7_as_tpm)
        return fit_expression(names, _columns(cohort, names), high=high, recipe=Recipe(), seed=seed).scorer

    trained = _tried(trained, other, fresh, patients, cut_off=0.0, tell=named(folder.name, tell))
    model = trained.model
    unseen = model.scorer.score(_columns(fresh, names))
    auc_fresh = auc(unseen, fresh.krt7_as_tpm > median)
    write_krt7_as(
        folder,
        trained,
        patients,
        about=_about(
            folder,
            "KRT7-AS expression",
            f"{DATA} High expression is above the median of the simulated expression.",
            f"AUC {auc_fresh:.2f} on {counted(len(unseen), 'fresh simulated patient')} ({model.auc_out_of_fold:.2f} "
            f"out of fold, {model.auc_apparent:.2f} on the training patients).",
        ),
        reference_values=_columns(fresh, names)[:REFERENCE_PATIENTS],
    )
    return folder
