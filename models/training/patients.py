"""The patients a model is trained on: chosen from a cohort's table, with complete inputs and a known outcome."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.acquisition import AcquisitionRange, SeveralTumours, TrainingImages
from models.cohort.features import FeatureRows
from models.cohort.patients import PatientTable
from models.errors import CohortRejected
from models.features.columns import ColumnKind, InputColumn
from models.features.names import inputs_among
from models.inference.package import FeatureOrigin
from models.inference.tasks import TASKS, Task
from models.number_words import counted
from models.volume import Region, Sequence

TRAINING_COHORTS = ("training", "train")  # names of a cohort that is meant for training


@dataclass(frozen=True, eq=False)
class TrainingPatients:
    """Patients with everything a training needs, in the order of their identifiers.

    Attributes
    ----------
    cohort : its name
    names : of the inputs, in order
    values : float64 (patients, inputs), finite
    times_months, events : float64 (patients,), for the task recurrence
    is_high : bool (patients,), for the task KRT7-AS
    origin : how the features were made
    left_out : patients of the cohort without complete inputs, and without outcome
    images : what their images were, as far as the table says it
    foreign : what each input is, of an imported table; empty for a table of ours
    """

    cohort: str
    names: tuple[str, ...]
    values: NDArray[np.float64]
    times_months: NDArray[np.float64]
    events: NDArray[np.float64]
    is_high: NDArray[np.bool_]
    origin: FeatureOrigin
    left_out: tuple[int, int]
    images: TrainingImages = field(default_factory=TrainingImages)
    foreign: tuple[InputColumn, ...] = ()

    @property
    def left_out_in_words(self) -> str:
        """One sentence."""
        features, outcome = self.left_out
        return f"{features} without complete features, {outcome} more without outcome."


def training_patients(
    table: PatientTable, *, task: Task, sequences: Ordered[Sequence], cohort: str | None = None
) -> TrainingPatients:
    """Chooses cohort, inputs and patients.

    Parameters
    ----------
    sequences : whose features are inputs, those of the regions of the task
    cohort : its name; None takes the one called training, or the only one there is

    Raises
    ------
    CohortRejected
        When the cohort does not exist or is ambiguous, a sequence has no features, or no patient is complete.
    """
    name = _cohort(table.cohort_names, cohort)
    chosen = _inputs(table.features, task, sequences)
    names = tuple(column.name for column in chosen)
    inside = table.cohorts == name
    values = table.features.columns(names)
    complete = np.all(np.isfinite(values), axis=1)
    outcome = table.has_outcome(task)
    taken = inside & complete & outcome
    if not taken.any():
        raise CohortRejected(
            f"None of the {counted(int(inside.sum()), 'patient')} of the cohort '{name}' has all "
            f"{counted(len(names), 'feature')} and {TASKS[task].outcome}; check the sequences of the studies and the "
            "columns of the outcomes."
        )
    # In the order of their identifiers: folds, networks and samples are drawn by row.
    rows = np.array(sorted(np.flatnonzero(taken), key=lambda row: table.features.identifiers[row]), dtype=np.int64)
    return TrainingPatients(
        cohort=name,
        names=names,
        values=values[rows],
        times_months=table.times_months[rows],
        events=table.events[rows],
        is_high=table.krt7_as_high[rows] == 1,
        origin=FeatureOrigin(
            settings_digest=_common([table.features.settings_digests[row] for row in rows]),
            engine=_common([table.features.engines[row] for row in rows]),
            bias_correction=_common([table.features.bias_corrections[row] for row in rows]),
        ),
        left_out=(int((inside & ~complete).sum()), int((inside & complete & ~outcome).sum())),
        images=_images(table.features.rows(rows.tolist()), sequences),
        foreign=chosen if table.features.imported else (),
    )


def _inputs(features: FeatureRows, task: Task, sequences: Ordered[Sequence]) -> tuple[InputColumn, ...]:
    """The columns that are inputs, by what they are and never by how their names begin.

    Of an imported table: clinical variables and the features of every sequence and region, unless only some of our
    sequences are asked for; without those of a region that the task does not use.
    """
    regions, columns = TASKS[task].regions, features.described
    only_some = not features.imported or set(sequences) != set(Sequence)
    for sequence in sequences if only_some else ():
        if not any(column.sequence == sequence for column in columns):
            raise CohortRejected(
                f"{features.source} has no {sequence.label} feature; train without that sequence (--sequence), or "
                "extract the features again."
            )
    inputs = set(inputs_among(column.name for column in columns))
    not_used = {str(region) for region in Region} - {str(region) for region in regions}
    return tuple(
        column
        for column in columns
        if column.kind is ColumnKind.CLINICAL
        or (
            column.name in inputs
            and (not only_some or column.sequence in tuple(sequences))
            and column.region not in not_used
        )
    )


def _images(features: FeatureRows, sequences: Ordered[Sequence]) -> TrainingImages:
    """Ranges over the patients whose images say it; several tumours only where all were taken alike."""
    ranges = {
        sequence: AcquisitionRange.of(features.acquisitions[sequence])
        for sequence in sequences
        if sequence in features.acquisitions
    }
    several = _common(features.several_tumours) if features.several_tumours else ""
    return TrainingImages(
        SeveralTumours(several) if several in tuple(SeveralTumours) else None,
        {sequence: limits for sequence, limits in ranges.items() if not limits.is_empty},
    )


def _cohort(there: tuple[str, ...], asked: str | None) -> str:
    """The cohort to train on: the one asked for, the only one, or the one called training."""
    if asked is not None:
        if asked not in there:
            raise CohortRejected(f"There is no cohort '{asked}'; there are: {', '.join(there)}.")
        return asked
    if len(there) == 1:
        return there[0]
    for name in TRAINING_COHORTS:
        if name in there:
            return name
    raise CohortRejected(
        f"The outcomes have {counted(len(there), 'cohort')} ({', '.join(there)}), none of them called training; say "
        "which to train on with --cohort. The others must remain unseen."
    )


def _common(texts: Ordered[str]) -> str:
    """The text all patients share, or none."""
    return texts[0] if len(set(texts)) == 1 else ""
