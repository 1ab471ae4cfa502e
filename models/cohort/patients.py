"""Joins features with outcomes, and checks a cohort for mistakes.

A mistake that would make every number wrong is a refusal; all are listed together. A doubt that a reader must know is
a quality note. Sentences name rows of the files, never an identifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from models.cohort.checks import Refusal, check_features, check_leaks, check_outcomes, check_repeated, check_together
from models.cohort.contents import TableContents, contents_of
from models.cohort.features import FeatureRows
from models.cohort.outcomes import OutcomeRows
from models.errors import CohortRejected
from models.inference.tasks import Task
from models.number_words import counted
from models.quality_notes import QualityNote


@dataclass(frozen=True, eq=False)
class PatientTable:
    """Patients with features and outcomes, one row each, in the order of the outcomes.

    Attributes
    ----------
    features : of these patients, in their order
    cohorts : name of the cohort of each patient
    times_months, events, krt7_as_high : float64 (patients,); NaN where not known
    clinical : clinical columns by name, one text for each patient, "" where not known
    notes : doubts about the cohort
    """

    features: FeatureRows
    cohorts: NDArray[np.str_]
    times_months: NDArray[np.float64]
    events: NDArray[np.float64]
    krt7_as_high: NDArray[np.float64]
    clinical: Mapping[str, NDArray[np.str_]]
    notes: tuple[QualityNote, ...]

    def __len__(self) -> int:
        return len(self.features.identifiers)

    @property
    def cohort_names(self) -> tuple[str, ...]:
        """In the order in which they first occur."""
        return tuple(dict.fromkeys(self.cohorts.tolist()))

    def has_outcome(self, task: Task) -> NDArray[np.bool_]:
        """Patients that have the outcome that a task needs: bool (patients,)."""
        match task:
            case Task.RECURRENCE:
                return ~np.isnan(self.times_months)
            case Task.KRT7_AS:
                return ~np.isnan(self.krt7_as_high)
            case _:
                assert_never(task)


@dataclass(frozen=True)
class CohortCheck:
    """Result of the checks of a cohort's tables.

    Attributes
    ----------
    refusals : mistakes; the cohort cannot be used while there is one
    notes : doubts that a reader must know
    contents : of the two tables, in numbers
    """

    refusals: tuple[Refusal, ...]
    notes: tuple[QualityNote, ...]
    contents: TableContents


def check_cohort(features: FeatureRows, outcomes: OutcomeRows) -> CohortCheck:
    """Looks for every mistake and doubt; raises nothing."""
    refusals: list[Refusal] = []
    notes: list[QualityNote] = []
    for check in (check_outcomes(outcomes), check_features(features), check_together(features, outcomes)):
        refusals += check.refusals
        notes += check.notes
    pairs = _pairs(features, outcomes)
    contents = contents_of(features, outcomes, pairs)
    if not pairs:
        refusals.append(
            Refusal(
                "no-patient-in-both",
                f"None of the {counted(len(features.identifiers), 'row')} of {features.source} has its id in "
                f"{outcomes.source}; the same ids were expected in both. Choose the id of the features with rdeepnet "
                "features --id.",
            )
        )
        return CohortCheck(tuple(refusals), tuple(notes), contents)
    rows, outcome_rows = (np.array(indices) for indices in zip(*pairs, strict=True))
    repeated = check_repeated(features.values[rows], [outcomes.cohorts[row] for row in outcome_rows], features.source)
    leaked = check_leaks(features, outcomes, pairs)
    return CohortCheck(
        (*refusals, *repeated.refusals, *leaked.refusals), (*notes, *repeated.notes, *leaked.notes), contents
    )


def join(features: FeatureRows, outcomes: OutcomeRows) -> PatientTable:
    """The patients that are in both tables.

    Raises
    ------
    CohortRejected
        When a check refuses; the message lists every refusal.
    """
    check = check_cohort(features, outcomes)
    if check.refusals:
        raise CohortRejected("\n".join(f"{refusal.code}: {refusal.sentence}" for refusal in check.refusals))
    rows, outcome_rows = (list(indices) for indices in zip(*_pairs(features, outcomes), strict=True))
    return PatientTable(
        features=features.rows(rows),
        cohorts=np.array([outcomes.cohorts[row] for row in outcome_rows]),
        times_months=outcomes.times_months[outcome_rows],
        events=outcomes.events[outcome_rows],
        krt7_as_high=outcomes.krt7_as_high[outcome_rows],
        clinical={name: np.array([cells[row] for row in outcome_rows]) for name, cells in outcomes.clinical.items()},
        notes=check.notes,
    )


def _pairs(features: FeatureRows, outcomes: OutcomeRows) -> list[tuple[int, int]]:
    """(row of the features, row of the outcomes) of each patient that is in both, in the order of the outcomes."""
    row_of = {identifier: row for row, identifier in enumerate(features.identifiers) if identifier}
    return [
        (row_of[identifier], place) for place, identifier in enumerate(outcomes.identifiers) if identifier in row_of
    ]
