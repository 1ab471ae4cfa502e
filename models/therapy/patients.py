"""Patients examined before and after therapy: two tables of features and one of responses, joined.

A patient with one examination, without response or with incomplete features is left out and named; nothing is filled
in. After a complete response there may be no tumour to measure: such patients are missing for that reason, not at
random.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.errors import CohortRejected
from models.number_words import agreeing, counted
from models.quality_notes import QualityNote, Severity
from models.statistics.followed import Floats
from models.therapy.response import COMPLETE, Responses

FEWEST = 3  # patients of a group; below, no test has a meaning
FEW = 10  # patients of a group; below, a warning
_SAME_SHARE = 1e-6  # relative difference up to which two examinations are one
_ENOUGH_TO_COMPARE = 10  # features; of fewer, equal values happen


class Reason(StrEnum):
    """Reasons for leaving out a patient, in the order in which they are looked at."""

    NO_FEATURES = "in neither table of features"
    NO_CLINICAL = "not in the clinical table"
    NO_RESPONSE = "response not known"
    NO_AFTER_COMPLETE = "no features after therapy, complete response"
    NO_AFTER = "no features after therapy"
    NO_BEFORE = "no features before therapy"
    INCOMPLETE = "features incomplete"
    NO_COVARIATE = "a covariate is not known"


@dataclass(frozen=True)
class LeftOut:
    """A patient who is in a table and not in the analysis.

    Attributes
    ----------
    identifier : as in the tables
    reason : the first that holds
    category : response as stated, "" where not known
    """

    identifier: str
    reason: Reason
    category: str


@dataclass(frozen=True, eq=False)
class Examinations:
    """Features of some examinations, as in a table.

    Attributes
    ----------
    source : name of the table, for sentences
    identifiers : one for each row, unique
    names : of the features
    values : float64 (rows, features), NaN for an empty cell
    """

    source: str
    identifiers: tuple[str, ...]
    names: tuple[str, ...]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.identifiers), len(self.names)):
            raise ValueError(f"values of shape {self.values.shape} do not fit identifiers and names")


@dataclass(frozen=True, eq=False)
class Covariate:
    """A covariate of the patients, for the table of joined patients.

    Attributes
    ----------
    name : of the feature or clinical column
    before, after : float64 (patients, terms); equal for what does not change with time; terms are indicators of
        categories, or one number
    changes : whether it was measured before and after therapy
    """

    name: str
    before: Floats
    after: Floats
    changes: bool

    def rows(self, chosen: NDArray[np.bool_]) -> Covariate:
        """For some of the patients."""
        return Covariate(self.name, self.before[chosen], self.after[chosen], self.changes)


@dataclass(frozen=True, eq=False)
class TherapyPatients:
    """Patients with complete features before and after therapy and a known response.

    Attributes
    ----------
    identifiers : one for each patient
    names : of the features
    before, after : float64 (features, patients), finite
    responded : bool (patients,)
    responses : categories and their scale, of these patients
    left_out : everybody else of the three tables
    notes : doubts about the tables
    """

    identifiers: tuple[str, ...]
    names: tuple[str, ...]
    before: Floats
    after: Floats
    responded: NDArray[np.bool_]
    responses: Responses
    left_out: tuple[LeftOut, ...]
    notes: tuple[QualityNote, ...] = ()

    @property
    def responders(self) -> int:
        """Number of responders."""
        return int(np.count_nonzero(self.responded))

    @property
    def non_responders(self) -> int:
        """Number of non-responders."""
        return len(self.identifiers) - self.responders

    def reasons(self) -> dict[Reason, int]:
        """Number of patients left out for each reason that occurs."""
        counts = Counter(one.reason for one in self.left_out)
        return {reason: counts[reason] for reason in Reason if counts[reason]}


def join_examinations(
    before: Examinations,
    after: Examinations,
    identifiers: Sequence[str],
    responses: Responses,
    *,
    clinical_source: str,
    lacking_covariate: Iterable[str] = (),
) -> TherapyPatients:
    """Patients who are in all three tables with complete features and a known response.

    Parameters
    ----------
    identifiers : of the clinical table, one for each response
    lacking_covariate : identifiers of patients without a value of a covariate

    Raises
    ------
    CohortRejected
        When an identifier is repeated or empty, the two tables hold different features or the same examinations, a
        value is infinite, or fewer than three patients of a group remain; every mistake in one message.
    """
    mistakes = [
        *_identifier_mistakes(before.identifiers, before.source),
        *_identifier_mistakes(after.identifiers, after.source),
        *_identifier_mistakes(identifiers, clinical_source),
        *_name_mistakes(before, after),
        *(sentence for table in (before, after) for sentence in _value_mistakes(table)),
    ]
    if mistakes:
        raise CohortRejected(" ".join(mistakes))
    columns = [after.names.index(name) for name in before.names] if before.names != after.names else slice(None)
    rows_before, rows_after = _rows_of(before.identifiers), _rows_of(after.identifiers)
    clinical, lacking = _rows_of(identifiers), set(lacking_covariate)
    complete_before = _complete(before)
    complete_after = _complete(after)
    kept, left_out = [], []
    for identifier in dict.fromkeys((*before.identifiers, *after.identifiers, *identifiers)):
        category = responses.categories[clinical[identifier]] if identifier in clinical else ""
        one, other = rows_before.get(identifier), rows_after.get(identifier)
        if one is None and other is None:
            reason = Reason.NO_FEATURES
        elif identifier not in clinical:
            reason = Reason.NO_CLINICAL
        elif responses.responded[clinical[identifier]] is None:
            reason = Reason.NO_RESPONSE
        elif other is None:
            reason = Reason.NO_AFTER_COMPLETE if category in COMPLETE else Reason.NO_AFTER
        elif one is None:
            reason = Reason.NO_BEFORE
        elif not complete_after[other] and not np.isfinite(after.values[other]).any():
            reason = Reason.NO_AFTER_COMPLETE if category in COMPLETE else Reason.NO_AFTER
        elif not complete_before[one] and not np.isfinite(before.values[one]).any():
            reason = Reason.NO_BEFORE
        elif not (complete_before[one] and complete_after[other]):
            reason = Reason.INCOMPLETE
        elif identifier in lacking:
            reason = Reason.NO_COVARIATE
        else:
            kept.append(identifier)
            continue
        left_out.append(LeftOut(identifier, reason, category))
    if not kept:
        raise CohortRejected(
            f"No patient has features before and after therapy and a response: {_shared(before, after, identifiers)} "
            "Check that the three tables use the same identifiers."
        )
    rows = [clinical[identifier] for identifier in kept]
    responded = np.array([bool(responses.responded[row]) for row in rows])
    groups = int(responded.sum()), int((~responded).sum())
    if min(groups) < FEWEST:
        raise CohortRejected(
            f"{counted(groups[0], 'responder')} and {counted(groups[1], 'non-responder')} have features before and "
            f"after therapy; at least {FEWEST} of each are needed."
        )
    values = before.values[[rows_before[one] for one in kept]].T
    later = after.values[[rows_after[one] for one in kept]][:, columns].T
    _refuse_same_examinations(values, later, before.source, after.source)
    return TherapyPatients(
        identifiers=tuple(kept),
        names=before.names,
        before=np.ascontiguousarray(values),
        after=np.ascontiguousarray(later),
        responded=responded,
        responses=Responses(
            responses.scale,
            tuple(responses.categories[row] for row in rows),
            tuple(responses.responded[row] for row in rows),
        ),
        left_out=tuple(left_out),
        notes=_notes(left_out, groups),
    )


def _rows_of(identifiers: Sequence[str]) -> dict[str, int]:
    return {identifier: row for row, identifier in enumerate(identifiers)}


def _complete(table: Examinations) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(table.values).all(axis=1))


def _identifier_mistakes(identifiers: Sequence[str], source: str) -> list[str]:
    counts = Counter(identifiers)
    empty = counts.pop("", 0)
    twice = sum(count > 1 for count in counts.values())
    mistakes = []
    if empty:
        mistakes.append(f"{source}: {counted(empty, 'row')} without an identifier; each row needs one.")
    if twice:
        mistakes.append(
            f"{source}: {counted(twice, 'identifier')} in more than one row; one row per patient was expected. Keep "
            "one examination of each."
        )
    return mistakes


def _name_mistakes(before: Examinations, after: Examinations) -> list[str]:
    only = [set(one.names) - set(other.names) for one, other in ((before, after), (after, before))]
    if not any(only):
        return []
    first = min(only[0] or only[1])
    sentence = (
        f"{before.source} has {len(before.names):,} {agreeing(len(before.names), 'feature')}, {after.source} "
        f"{len(after.names):,}; in the first only: {len(only[0]):,}, in the second only: {len(only[1]):,} (such as "
        f"{first}). The same features were expected: extract both with the same configuration."
    )
    return [sentence]


def _value_mistakes(table: Examinations) -> list[str]:
    infinite = int(np.isinf(table.values).sum())
    if not infinite:
        return []
    return [
        f"{table.source} holds {counted(infinite, 'infinite value')}; finite numbers were expected. Extract them again."
    ]


def _refuse_same_examinations(before: Floats, after: Floats, first: str, second: str) -> None:
    if len(before) < _ENOUGH_TO_COMPARE:
        return
    same = int(np.count_nonzero(np.all(np.isclose(before, after, rtol=_SAME_SHARE, atol=0.0), axis=0)))
    if same:
        raise CohortRejected(
            f"{counted(same, 'patient')} of {before.shape[1]} with the same features before ({first}) and after "
            f"therapy ({second}): one examination, given as two. Give the examination after therapy, or leave these "
            "patients out."
        )


def _shared(before: Examinations, after: Examinations, identifiers: Sequence[str]) -> str:
    one, other, clinical = set(before.identifiers), set(after.identifiers), set(identifiers)
    return (
        f"of {len(one)} identifiers before and {len(other)} after, {len(one & other)} are in both, and "
        f"{len(one & other & clinical)} of those in the clinical table of {len(clinical)}."
    )


def _notes(left_out: Sequence[LeftOut], groups: tuple[int, int]) -> tuple[QualityNote, ...]:
    notes = []
    absent = sum(one.reason is Reason.NO_AFTER_COMPLETE for one in left_out)
    if absent:
        notes.append(
            QualityNote(
                "no-tumour-after-therapy",
                Severity.WARNING,
                f"{counted(absent, 'patient')} with a complete response and no features after therapy: where no tumour "
                "is left, none can be measured. They are missing because they responded, not at random; the "
                "responders analysed here are those whose tumour could still be measured. Nothing was filled in.",
            )
        )
    one_side = sum(one.reason in (Reason.NO_AFTER, Reason.NO_BEFORE) for one in left_out)
    if one_side:
        notes.append(
            QualityNote(
                "one-examination-only",
                Severity.WARNING,
                f"{counted(one_side, 'patient')} with features on one side of therapy only; left out.",
            )
        )
    if min(groups) < FEW:
        notes.append(
            QualityNote(
                "small-group",
                Severity.WARNING,
                f"{counted(groups[0], 'responder')} and {counted(groups[1], 'non-responder')}: with fewer than {FEW} "
                "patients in a group only very large differences can be seen, and every number depends on a few "
                "patients.",
            )
        )
    return tuple(notes)
