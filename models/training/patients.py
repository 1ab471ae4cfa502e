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
from models.features.names import inputs_among
from models.inference.package import FeatureOrigin
from models.inference.tasks import TASKS, Task
from models.volume import Sequence

TRAINING_COHORTS = ("training", "train")  # names of a cohort that is meant for training


@dataclass(frozen=True, eq=False)
class TrainingPatients:
    """Patients with everything a training needs.

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
    for sequence in sequences:
        if not any(feature.startswith(f"{sequence}_") for feature in table.features.names):
            raise CohortRejected(
                f"{table.features.source} has no {sequence.label} feature; train without that sequence (--sequence), "
                "or extract the features again."
            )
    prefixes = tuple(f"{sequence}_{region}_" for sequence in sequences for region in TASKS[task].regions)
    names = inputs_among(feature for feature in table.features.names if feature.startswith(prefixes))
    inside = table.cohorts == name
    values = table.features.columns(names)
    complete = np.all(np.isfinite(values), axis=1)
    outcome = table.has_outcome(task)
    chosen = inside & complete & outcome
    if not chosen.any():
        raise CohortRejected(
            f"None of the {int(inside.sum())} patients of the cohort '{name}' has all {len(names)} features and "
            f"{TASKS[task].outcome}; check the sequences of the studies and the columns of the outcomes."
        )
    rows = np.flatnonzero(chosen)
    return TrainingPatients(
        cohort=name,
        names=names,
        values=values[chosen],
        times_months=table.times_months[chosen],
        events=table.events[chosen],
        is_high=table.krt7_as_high[chosen] == 1,
        origin=FeatureOrigin(
            settings_digest=_common([table.features.settings_digests[row] for row in rows]),
            engine=_common([table.features.engines[row] for row in rows]),
            bias_correction=_common([table.features.bias_corrections[row] for row in rows]),
        ),
        left_out=(int((inside & ~complete).sum()), int((inside & complete & ~outcome).sum())),
        images=_images(table.features.rows(rows.tolist()), sequences),
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
        f"The outcomes have {len(there)} cohorts ({', '.join(there)}), none of them called training; say which to "
        "train on with --cohort. The others must remain unseen."
    )


def _common(texts: Ordered[str]) -> str:
    """The text all patients share, or none."""
    return texts[0] if len(set(texts)) == 1 else ""
