"""A model package on a cohort: score every patient once, then every statistic for each cohort and subgroup."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.cohort.origin import input_values, origin_notes
from models.cohort.patients import PatientTable
from models.errors import CohortRejected
from models.evaluation.compared import compare_expression, compare_recurrence
from models.evaluation.expression import evaluate_expression
from models.evaluation.overlap import TrainingOverlap, listed, overlap_notes, overlap_of
from models.evaluation.recurrence import FrozenModel, evaluate_recurrence
from models.evaluation.results import Comparison, Evaluation
from models.evaluation.withheld import withheld_groups
from models.inference.package import ModelPackage
from models.inference.runtime import LoadedModel
from models.inference.tasks import TASKS
from models.inference.verdicts import verdicts
from models.number_words import agreeing, counted
from models.progress import Steps, Tell, silent
from models.quality_notes import QualityNote, Severity
from models.statistics.followed import Floats, Followed
from models.threads import one_thread

SUBGROUP_COLUMNS = ("subtype", "therapy", "stage", "centre")
RESAMPLES = 1000
SEED = 20230815
_Group = tuple[str, tuple[str, str] | None, NDArray[np.bool_]]  # cohort, column and value of a subgroup, patients
_MOST_VALUES = 12  # of a subgroup column; more are no groups but a number or a text


@dataclass(frozen=True)
class EvaluationSettings:
    """Options of an evaluation.

    Attributes
    ----------
    subgroups : clinical columns whose values are subgroups; None takes those of `SUBGROUP_COLUMNS` that exist
    resamples, seed : of the bootstrap
    """

    subgroups: tuple[str, ...] | None = None
    resamples: int = RESAMPLES
    seed: int = SEED


@one_thread()
def evaluate_model(
    model: LoadedModel,
    table: PatientTable,
    settings: EvaluationSettings,
    *,
    others: Sequence[LoadedModel] = (),
    tell: Tell = silent,
) -> Evaluation:
    """Scores the patients and computes every statistic.

    Parameters
    ----------
    others : models of the same task to compare with, on the patients whom both can score
    tell : told which cohort or subgroup of how many is computed

    Raises
    ------
    CohortRejected
        When the table lacks a feature of a model, another model is of another task, no patient has all features with
        an outcome, or a subgroup column does not exist.
    """
    package = model.package
    for other in others:
        _check_same_task(package, other.package)
    columns = _subgroup_columns(table, settings.subgroups)
    values = input_values(package, table.features)
    complete = np.all(~np.isnan(values), axis=1)
    has_outcome = table.has_outcome(package.task)
    scored = complete & has_outcome
    if not scored.any():
        raise CohortRejected(
            f"None of the {counted(scored.size, 'patient')} has all features of the model '{package.identity.name}' "
            f"and {TASKS[package.task].outcome}; check the sequences of the studies and the columns of the outcomes."
        )
    started = time.perf_counter()
    scores = np.full(scored.size, np.nan)
    scores[scored] = model.score(values[scored])
    seconds = time.perf_counter() - started
    groups = list(_groups(table, scored, columns))
    matches = package.matches(values[scored])

    def overlap(rows: NDArray[np.bool_]) -> TrainingOverlap | None:
        return None if matches is None else overlap_of(matches.of(rows[scored]))

    steps = Steps(tell, total=(2 + len(others)) * len(groups))
    frozen = (
        FrozenModel(package.cut_off, package.horizons_months, package.baseline)
        if package.baseline is not None
        else None
    )
    return Evaluation(
        model=package.identity,
        cut_off=package.cut_off,
        horizons_months=package.horizons_months,
        resamples=settings.resamples,
        seed=settings.seed,
        seconds_to_score=seconds,
        patients_scored=int(scored.sum()),
        recurrence=tuple(
            evaluate_recurrence(
                Followed.of(table.times_months[rows], table.events[rows], scores[rows]),
                frozen,
                cohort=cohort,
                subgroup=subgroup,
                resamples=settings.resamples,
                seed=settings.seed,
                overlap=overlap(rows),
            )
            for cohort, subgroup, rows in _counted(groups, steps)
        )
        if frozen is not None
        else (),
        expression=tuple(
            evaluate_expression(
                scores[rows],
                table.krt7_as_high[rows] == 1,
                cut_off=package.cut_off,
                cohort=cohort,
                subgroup=subgroup,
                resamples=settings.resamples,
                seed=settings.seed,
                overlap=overlap(rows),
            )
            for cohort, subgroup, rows in _counted(groups, steps)
        )
        if frozen is None
        else (),
        notes=(
            *table.notes,
            *model.notes,
            *_left_out(package, table, complete, has_outcome),
            *origin_notes(package, table.features),
            *_familiarity_notes(package, table, values, scored),
            *overlap_notes(package, table, matches, scored),
            *(note for other in others for note in _notes_of_other(other.package, table)),
        ),
        withheld=tuple(
            found
            for cohort, subgroup, rows in _counted(groups, steps)
            if subgroup is None and (found := withheld_groups(model, values[rows], scores[rows], cohort=cohort))
        ),
        verdicts=verdicts(package),
        trained_on=listed(table, matches, scored),
        comparisons=tuple(
            comparison
            for other in others
            for comparison in _compared(model, other, table, scores, _counted(groups, steps))
        ),
    )


def _notes_of_other(package: ModelPackage, table: PatientTable) -> Iterator[QualityNote]:
    """Quality notes of a model that is compared with: what makes it look better or worse than it is."""
    values = input_values(package, table.features)
    scored = np.all(~np.isnan(values), axis=1) & table.has_outcome(package.task)
    yield from verdicts(package)
    yield from origin_notes(package, table.features)
    if scored.any():
        yield from overlap_notes(package, table, package.matches(values[scored]), scored, are_listed=False)


def _check_same_task(package: ModelPackage, other: ModelPackage) -> None:
    if other.task is not package.task:
        raise CohortRejected(
            f"The model '{other.identity.name}' is of the task '{other.task}', '{package.identity.name}' of "
            f"'{package.task}'; two models of one task were expected. Name another with --compare."
        )


def _compared(
    model: LoadedModel, other: LoadedModel, table: PatientTable, scores: Floats, groups: Iterable[_Group]
) -> Iterator[Comparison]:
    """The comparisons with one other model, of the groups in which both score a patient."""
    values = input_values(other.package, table.features)
    both = ~np.isnan(scores) & np.all(~np.isnan(values), axis=1)
    theirs = np.full(scores.size, np.nan)
    if both.any():
        theirs[both] = other.score(values[both])
    frozen = tuple(
        FrozenModel(one.cut_off, one.horizons_months, one.baseline)
        for one in (model.package, other.package)
        if one.baseline is not None
    )
    for cohort, subgroup, inside in groups:
        rows = inside & both
        if not rows.any():
            continue
        if len(frozen) == 2:
            yield compare_recurrence(
                table.times_months[rows],
                table.events[rows],
                scores[rows],
                theirs[rows],
                (frozen[0], frozen[1]),
                other=other.package.identity,
                cohort=cohort,
                subgroup=subgroup,
            )
        else:
            yield compare_expression(
                table.krt7_as_high[rows] == 1,
                scores[rows],
                theirs[rows],
                other=other.package.identity,
                cohort=cohort,
                subgroup=subgroup,
            )


def _subgroup_columns(table: PatientTable, asked: Sequence[str] | None) -> tuple[str, ...]:
    """The clinical columns whose values are subgroups; raises `CohortRejected` for one that cannot be."""
    columns = tuple(name for name in SUBGROUP_COLUMNS if name in table.clinical) if asked is None else tuple(asked)
    for name in columns:
        if name not in table.clinical:
            there = ", ".join(table.clinical) or "none"
            raise CohortRejected(f"The outcomes have no clinical column '{name}'; there are: {there}.")
        values = set(table.clinical[name].tolist()) - {""}
        if len(values) > _MOST_VALUES:
            raise CohortRejected(
                f"The column '{name}' has {counted(len(values), 'different value')}; at most {_MOST_VALUES} make "
                "subgroups. Name other columns with --subgroup."
            )
    return columns


def _groups(table: PatientTable, used: NDArray[np.bool_], columns: Sequence[str]) -> Iterator[_Group]:
    """(cohort, subgroup, rows) with at least one patient; each cohort is followed by its subgroups.

    A subgroup that is the whole cohort is left out.
    """
    for cohort in table.cohort_names:
        inside = used & (table.cohorts == cohort)
        if not inside.any():
            continue
        yield cohort, None, inside
        for column in columns:
            labels = table.clinical[column]
            for label in sorted(set(labels[inside].tolist()) - {""}):
                rows = inside & (labels == label)
                if rows.sum() < inside.sum():
                    yield cohort, (column, label), rows


def _counted(groups: Iterable[_Group], steps: Steps) -> Iterator[_Group]:
    """The groups, each a step: "training, subtype TNBC"."""
    for cohort, subgroup, rows in groups:
        steps.begin(cohort if subgroup is None else f"{cohort}, {' '.join(subgroup)}")
        yield cohort, subgroup, rows
        steps.step()


def _left_out(
    package: ModelPackage, table: PatientTable, complete: NDArray[np.bool_], has_outcome: NDArray[np.bool_]
) -> Iterator[QualityNote]:
    """A quality note for each cohort with patients who lack features or the outcome."""
    for cohort in table.cohort_names:
        inside = table.cohorts == cohort
        no_features, no_outcome = int((inside & ~complete).sum()), int((inside & complete & ~has_outcome).sum())
        if no_features or no_outcome:
            yield QualityNote(
                "patients-left-out",
                Severity.WARNING,
                f"Of the {counted(int(inside.sum()), 'patient')} of the cohort '{cohort}', {no_features} "
                f"{agreeing(no_features, 'lacks', 'lack')} features that the model '{package.identity.name}' needs "
                f"and {no_outcome} more {agreeing(no_outcome, 'lacks', 'lack')} the outcome; they are left out.",
            )


def _familiarity_notes(
    package: ModelPackage, table: PatientTable, values: Floats, used: NDArray[np.bool_]
) -> Iterator[QualityNote]:
    """A quality note for each cohort whose inputs are often unlike those of the training patients."""
    for cohort in table.cohort_names:
        inside = used & (table.cohorts == cohort)
        if not inside.any():
            continue
        measures = package.familiarity.measures(values[inside], low=package.low, high=package.high)
        unusual = int(np.count_nonzero(measures.exceed(package.familiarity.limits)))
        # About 2 % of ordinary new patients exceed one of the three limits.
        if unusual > max(1, 0.1 * int(inside.sum())):
            yield QualityNote(
                "unlike-training-patients",
                Severity.WARNING,
                f"{unusual} of the {counted(int(inside.sum()), 'patient')} of the cohort '{cohort}' "
                f"{agreeing(unusual, 'has', 'have')} inputs unlike those of the training patients (about 2% of new "
                "patients from the same source have): images or extraction differ from those the model was trained "
                "on.",
            )
