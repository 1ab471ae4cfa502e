"""Patients of a study, from all that were recruited to those that are analysed, and why each of the others was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.cohort.features import FeatureRows
from models.cohort.outcomes import OutcomeRows
from models.cohort.patients import check_cohort
from models.errors import CohortRejected, StudyRejected
from models.number_words import agreeing, counted
from models.patients.covariates import UNKNOWN, CovariateChoice, Kind, read_covariate
from models.patients.scores import CutOffRule, Scores
from models.quality_notes import QualityNote, Severity
from models.statistics.cutpoint import SelectedCutOff, select_cut_off
from models.statistics.followed import Floats

TRAINING_NAMES = ("training", "train")


@dataclass(frozen=True)
class Step:
    """One step at which patients are left out.

    Attributes
    ----------
    title : of the step, for a reader
    left_out : (reason, patients), in the order of the table, none with 0 patients
    remaining : patients after it
    """

    title: str
    left_out: tuple[tuple[str, int], ...]
    remaining: int


@dataclass(frozen=True)
class CohortFlow:
    """The analysed patients of one cohort.

    Attributes
    ----------
    name : of the cohort
    recruited, patients, events : before anybody was left out, analysed, and of these with the event
    high, low, events_high : analysed patients by risk group, and events in the high-risk group
    """

    name: str
    recruited: int
    patients: int
    events: int
    high: int
    low: int
    events_high: int


@dataclass(frozen=True)
class PatientFlow:
    """Flow of patients through a study (STROBE, item 13).

    Attributes
    ----------
    recruited : rows of the table of outcomes
    steps : in their order
    cohorts : of the analysed patients
    features_only : rows of features whose patient is not in the table of outcomes: not recruited as far as it says
    """

    recruited: int
    steps: tuple[Step, ...]
    cohorts: tuple[CohortFlow, ...]
    features_only: int

    @property
    def analysed(self) -> int:
        """Patients that are left after the last step."""
        return self.steps[-1].remaining


@dataclass(frozen=True, eq=False)
class Study:
    """Analysed patients of a study, one row each, and those left out.

    Attributes
    ----------
    features : of the analysed patients
    cohorts : name of the cohort of each
    times_months, events, scores : float64 (patients,), all known
    is_high : bool (patients,), score above the cut-off
    cut_off, rule : the cut-off and its origin
    selected : the search for the optimal cut-off in the reference cohort; None where it is not possible
    why_no_selection : the reason in that case
    reference : cohort in which features are compared and cut-offs selected
    training : cohort on which the model was trained; "" where none is named
    clinical : columns by name, texts of the analysed patients
    left_out : the same columns of patients who were recruited, not excluded, and not analysed
    flow : who was left out, and why
    score_source, notice : of the scores
    notes : doubts about the tables
    """

    features: FeatureRows
    cohorts: NDArray[np.str_]
    times_months: Floats
    events: NDArray[np.bool_]
    scores: Floats
    is_high: NDArray[np.bool_]
    cut_off: float
    rule: CutOffRule
    selected: SelectedCutOff | None
    why_no_selection: str
    reference: str
    training: str
    clinical: Mapping[str, NDArray[np.str_]]
    left_out: Mapping[str, NDArray[np.str_]]
    flow: PatientFlow
    score_source: str
    notice: str
    notes: tuple[QualityNote, ...]

    def __len__(self) -> int:
        return int(self.scores.size)

    @property
    def cohort_names(self) -> tuple[str, ...]:
        """In the order in which they first occur."""
        return tuple(dict.fromkeys(self.cohorts.tolist()))


def study_of(
    features: FeatureRows,
    outcomes: OutcomeRows,
    scores: Scores,
    *,
    cut_off: float | CutOffRule | None = None,
    training: str | None = None,
    excluded: str | None = None,
    survival_time: tuple[str, float] | None = None,
) -> Study:
    """Joins the tables and leaves out step by step whoever cannot be analysed.

    Parameters
    ----------
    cut_off : a number, MEDIAN or OPTIMAL; None takes the one of the scores
    training : cohort on which the model was trained; None: the one called training, if there is one
    excluded : clinical column with the reason of those who were recruited and not enrolled, empty for all others
    survival_time : clinical column with the survival time and the months of its unit: recurrence-free survival cannot
        be longer

    Raises
    ------
    CohortRejected
        When a check of the tables refuses, a named column or cohort does not exist, nobody is left, or there is no
        cut-off.
    """
    everybody = frozenset(outcomes.identifiers)
    survival_notes = _survival_notes(outcomes, *survival_time) if survival_time is not None else []
    recruited, reasons, outcomes = _without_excluded(outcomes, excluded)
    check = check_cohort(features, outcomes)
    if check.refusals:
        raise CohortRejected("\n".join(f"{refusal.code}: {refusal.sentence}" for refusal in check.refusals))
    row_of = {identifier: row for row, identifier in enumerate(features.identifiers)}
    there = np.array([one in row_of for one in outcomes.identifiers])
    values = scores.of(outcomes.identifiers)
    scored = there & ~np.isnan(values)
    known = scored & ~np.isnan(outcomes.times_months)
    steps = [Step("Enrolled", reasons, len(there))] if excluded is not None else []
    steps += _steps(outcomes.identifiers, scores, there=there, scored=scored, known=known)
    if not known.any():
        raise CohortRejected(_nobody(there, scored, scores, features.source, outcomes.source))
    rows = np.flatnonzero(known)
    names = outcomes.cohorts
    cohorts = np.array([names[row] for row in rows])
    trained = _training(training, names)
    reference = trained or max(dict.fromkeys(cohorts.tolist()), key=lambda name: int((cohorts == name).sum()))
    if not np.any(cohorts == reference):
        raise CohortRejected(
            f"None of the patients of the cohort '{reference}' can be analysed; name another one with --training."
        )
    times, events, chosen = outcomes.times_months[rows], outcomes.events[rows] == 1, values[rows]
    selected, why_not = _selected(times, events, chosen, cohorts == reference)
    limit, rule = _limit(cut_off, scores, chosen[cohorts == reference], selected, why_not)
    is_high = chosen > limit
    of_all = {name: np.array(cells) for name, cells in outcomes.clinical.items() if name != excluded}
    flow = PatientFlow(
        recruited=sum(recruited.values()),
        steps=tuple(steps),
        cohorts=tuple(
            _cohort(name, recruited[name], cohorts == name, events, is_high) for name in dict.fromkeys(names)
        ),
        features_only=sum(one not in everybody for one in features.identifiers),
    )
    trained_note = (_trained_only(trained),) if trained and np.all(cohorts == trained) else ()
    return Study(
        features=features.rows([row_of[outcomes.identifiers[row]] for row in rows]),
        cohorts=cohorts,
        times_months=times,
        events=events,
        scores=chosen,
        is_high=is_high,
        cut_off=limit,
        rule=rule,
        selected=selected,
        why_no_selection=why_not,
        reference=reference,
        training=trained,
        clinical={name: cells[rows] for name, cells in of_all.items()},
        left_out={name: cells[~known] for name, cells in of_all.items()},
        flow=flow,
        score_source=scores.source,
        notice=scores.notice,
        notes=(*check.notes, *_score_notes(scores, everybody, outcomes.source), *trained_note, *survival_notes),
    )


def _without_excluded(
    outcomes: OutcomeRows, column: str | None
) -> tuple[Counter[str], tuple[tuple[str, int], ...], OutcomeRows]:
    """Recruited patients by cohort, the reasons of the excluded, and the outcomes of the others."""
    recruited = Counter(outcomes.cohorts)
    if column is None:
        return recruited, (), outcomes
    if column not in outcomes.clinical:
        there = ", ".join(outcomes.clinical) or "none"
        raise CohortRejected(f"{outcomes.source} has no clinical column '{column}'; there are: {there}.")
    reasons = ["" if cell.strip().lower() in UNKNOWN else cell.strip() for cell in outcomes.clinical[column]]
    counts = tuple(Counter(reason for reason in reasons if reason).items())
    kept = [row for row, reason in enumerate(reasons) if not reason]
    if not kept:
        raise CohortRejected(
            f"The column '{column}' of {outcomes.source} names a reason to exclude every patient; an empty cell for "
            "those who were enrolled was expected."
        )
    enrolled = replace(
        outcomes.rows(kept), source=f"{outcomes.source} (without the {len(reasons) - len(kept)} excluded)"
    )
    return recruited, counts, enrolled


def _counts(masks: Mapping[str, NDArray[np.bool_]]) -> tuple[tuple[str, int], ...]:
    return tuple((reason, int(mask.sum())) for reason, mask in masks.items() if mask.any())


def _steps(
    identifiers: tuple[str, ...],
    scores: Scores,
    *,
    there: NDArray[np.bool_],
    scored: NDArray[np.bool_],
    known: NDArray[np.bool_],
) -> list[Step]:
    """Steps from the enrolled to the analysed; a patient is left out at the first that applies."""
    lacking = np.array([one in scores.lacking for one in identifiers])
    is_package = scores.rule is CutOffRule.PACKAGE
    empty = "Features of the model not complete" if is_package else f"No score in {scores.source}"
    no_score = {empty: there & lacking, f"Not in {scores.source}": there & ~lacking & ~scored}
    return [
        Step("With MRI features", _counts({"No row in the table of features": ~there}), int(there.sum())),
        Step("With a score", _counts(no_score), int(scored.sum())),
        Step("Analysed", _counts({"Neither time nor event known": scored & ~known}), int(known.sum())),
    ]


def _nobody(there: NDArray[np.bool_], scored: NDArray[np.bool_], scores: Scores, features: str, outcomes: str) -> str:
    if scored.any():
        return f"None of the {counted(int(scored.sum()), 'scored patient')} of {outcomes} has a time and an event."
    return (
        f"None of the {counted(int(there.sum()), 'patient')} of {features} and {outcomes} has a score from "
        f"{scores.source} ({counted(len(scores.values), 'score')}): the table of scores of the same patients, with the "
        "same ids, was expected."
    )


def _training(asked: str | None, cohorts: Ordered[str]) -> str:
    names = tuple(dict.fromkeys(cohorts))
    if asked is not None and asked not in names:
        raise CohortRejected(f"There is no cohort '{asked}'; there are: {', '.join(names)}.")
    return asked or next((name for name in names if name.lower() in TRAINING_NAMES), "")


def _selected(
    times: Floats, events: NDArray[np.bool_], scores: Floats, inside: NDArray[np.bool_]
) -> tuple[SelectedCutOff | None, str]:
    try:
        return select_cut_off(times[inside], events[inside], scores[inside]), ""
    except StudyRejected as error:
        return None, str(error)


def _limit(
    asked: float | CutOffRule | None,
    scores: Scores,
    of_reference: Floats,
    selected: SelectedCutOff | None,
    why_not: str,
) -> tuple[float, CutOffRule]:
    if asked is CutOffRule.MEDIAN:
        return float(np.median(of_reference)), CutOffRule.MEDIAN
    if asked is CutOffRule.OPTIMAL:
        if selected is None:
            raise CohortRejected(f"An optimal cut-off cannot be selected: {why_not}")
        return selected.cut_off, CutOffRule.OPTIMAL
    if isinstance(asked, float):
        return asked, CutOffRule.GIVEN
    if scores.cut_off is None:
        raise CohortRejected(
            f"{scores.source} names no risk groups, so there is no cut-off; say it with --cut-off NUMBER, median or "
            "optimal."
        )
    return scores.cut_off, scores.rule


def _cohort(
    name: str, recruited: int, inside: NDArray[np.bool_], events: NDArray[np.bool_], is_high: NDArray[np.bool_]
) -> CohortFlow:
    high, patients = is_high & inside, int(inside.sum())
    return CohortFlow(
        name,
        recruited,
        patients,
        int((events & inside).sum()),
        int(high.sum()),
        patients - int(high.sum()),
        int((events & high).sum()),
    )


def _score_notes(scores: Scores, everybody: frozenset[str], source: str) -> list[QualityNote]:
    strangers = sum(one not in everybody for one in scores.values)
    if not strangers or scores.rule is CutOffRule.PACKAGE:
        return []
    return [
        QualityNote(
            "scores-of-others",
            Severity.WARNING,
            f"{strangers} of the {counted(len(scores.values), 'score')} of {scores.source} "
            f"{agreeing(strangers, 'belongs', 'belong')} to nobody in {source}; check that it is the table of these "
            "patients.",
        )
    ]


def _trained_only(trained: str) -> QualityNote:
    return QualityNote(
        "training-patients-only",
        Severity.WARNING,
        f"All analysed patients are of the cohort '{trained}', on which the model was trained: every result is "
        "apparent, and says nothing about new patients.",
    )


def _survival_notes(outcomes: OutcomeRows, column: str, months: float) -> list[QualityNote]:
    if column not in outcomes.clinical:
        there = ", ".join(outcomes.clinical) or "none"
        raise CohortRejected(f"{outcomes.source} has no clinical column '{column}'; there are: {there}.")
    survival = read_covariate(outcomes.clinical, CovariateChoice(column, kind=Kind.NUMBER)).numbers * months
    longer = np.flatnonzero(outcomes.times_months > survival * (1 + 1e-9))
    if not longer.size:
        return []
    most = float(np.max(outcomes.times_months[longer] - survival[longer]))
    return [
        QualityNote(
            "recurrence-free-longer-than-survival",
            Severity.WARNING,
            f"{longer.size} of the {counted(int((~np.isnan(survival)).sum()), 'patient')} of {outcomes.source} with a "
            f"survival time {agreeing(longer.size, 'has', 'have')} a longer recurrence-free time (by up to {most:.1f} "
            f"months; {agreeing(longer.size, 'row')} {', '.join(str(row + 1) for row in longer[:5])}"
            f"{', …' if longer.size > 5 else ''}): one of the two dates is wrong. "
            f"{agreeing(longer.size, 'The row is analysed as it is', 'They are analysed as they are')}.",
        )
    ]
