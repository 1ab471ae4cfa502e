"""Patients of an evaluation whom the model was trained on, by the fingerprints of its package, not by names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.cohort.patients import PatientTable
from models.csv_table import lines
from models.inference.fingerprints import FEWEST_INPUTS, Matches
from models.inference.package import ModelPackage
from models.number_words import agreeing, counted
from models.quality_notes import QualityNote, Severity

APPARENT = "apparent"
UNKNOWN = "training-rows-not-known"
_WHY_NOT = f" (fewer than {FEWEST_INPUTS} inputs: they could be guessed from them)"
APPARENT_SHARE = 0.5  # from this share of training patients on, a result is apparent as a whole


@dataclass(frozen=True)
class TrainingOverlap:
    """Patients of a group who are among the training patients.

    Attributes
    ----------
    patients : in the group
    same : rows that are training rows, to six digits
    near : others with nearly the features of a training row: the same patient, extracted again
    is_counted : the numbers may be shown
    """

    patients: int
    same: int
    near: int
    is_counted: bool = True

    @property
    def trained_on(self) -> int:
        """Returns how many were trained on, one way or the other."""
        return self.same + self.near

    def in_words(self) -> str:
        """ "3 of these 171 patients (2 with the very features, 1 with nearly the same)"."""
        if not self.is_counted:
            return "some of these patients"
        these = f"{agreeing(self.patients, 'this', 'these')} {counted(self.patients, 'patient')}"
        which = f"{self.same} with the very features, {self.near} with nearly the same"
        return f"{self.trained_on} of {these} ({which})"

    @property
    def is_apparent(self) -> bool:
        """Returns whether so many were that the result says nothing about new patients."""
        return self.trained_on > 0 and self.trained_on >= APPARENT_SHARE * self.patients


@dataclass(frozen=True)
class TrainedOn:
    """One patient whom the model was trained on; `is_same` where the row itself is a training row."""

    identifier: str
    cohort: str
    is_same: bool


def overlap_of(matches: Matches | None) -> TrainingOverlap | None:
    """Counts of some patients; None for a package without fingerprints."""
    if matches is None:
        return None
    same = int(matches.same.sum())
    return TrainingOverlap(matches.same.size, same, int(matches.near.sum()) - same)


def listed(table: PatientTable, matches: Matches | None, scored: NDArray[np.bool_]) -> tuple[TrainedOn, ...]:
    """The scored patients who were trained on, in the order of the table."""
    if matches is None:
        return ()
    rows = np.flatnonzero(scored)[matches.near]
    return tuple(
        TrainedOn(table.features.identifiers[row], str(table.cohorts[row]), bool(is_same))
        for row, is_same in zip(rows, matches.same[matches.near], strict=True)
    )


def overlap_notes(
    package: ModelPackage,
    table: PatientTable,
    matches: Matches | None,
    scored: NDArray[np.bool_],
    *,
    are_listed: bool = True,
) -> Iterator[QualityNote]:
    """A quality note for each cohort with training patients, or one that nothing is known of them.

    Parameters
    ----------
    are_listed : the patients of this model are in training_patients.csv; only those of the evaluated one are
    """
    name = package.identity.name
    if matches is None:
        yield QualityNote(
            UNKNOWN,
            Severity.NOTE,
            f"Whether the model '{name}' was trained on these patients is not known: its package has no fingerprints "
            f"of its training rows{_WHY_NOT if len(package.inputs) < FEWEST_INPUTS else ''}.",
        )
        return
    for cohort in table.cohort_names:
        inside = table.cohorts[scored] == cohort
        found = overlap_of(matches.of(inside))
        if found is None or not found.trained_on:
            continue
        consequence = (
            "its numbers are apparent, no evidence for new patients"
            if found.is_apparent
            else "leave them out" + (" (training_patients.csv lists them)" if are_listed else "")
        )
        yield QualityNote(
            APPARENT,
            Severity.WARNING,
            f"Cohort '{cohort}': the model '{name}' was trained on {found.in_words()}; {consequence}.",
        )


def as_table(patients: tuple[TrainedOn, ...]) -> bytes:
    """CSV of the patients who were trained on: id, cohort, features (same, nearly the same)."""
    rows = ((one.identifier, one.cohort, "same" if one.is_same else "nearly the same") for one in patients)
    return "".join(lines([("id", "cohort", "features"), *rows])).encode()
