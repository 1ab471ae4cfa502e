"""A model package on a cohort: score every patient once, then every statistic for each cohort and subgroup."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.cohort.origin import origin_notes
from models.cohort.patients import PatientTable
from models.errors import CohortRejected
from models.evaluation.expression import evaluate_expression
from models.evaluation.recurrence import FrozenModel, evaluate_recurrence
from models.evaluation.results import Evaluation
from models.evaluation.withheld import withheld_groups
from models.inference.package import ModelPackage
from models.inference.runtime import LoadedModel
from models.inference.tasks import TASKS
from models.quality_notes import QualityNote, Severity
from models.statistics.followed import Floats, Followed
from models.threads import one_thread

SUBGROUP_COLUMNS = ("subtype", "therapy", "stage", "centre")
RESAMPLES = 1000
SEED = 20230815
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
def evaluate_model(model: LoadedModel, table: PatientTable, settings: EvaluationSettings) -> Evaluation:
    """Scores the patients and computes every statistic.

    Raises
    ------
    CohortRejected
        When the table lacks a feature of the model, no patient has all of them with an outcome, or a subgroup column
        does not exist.
    """
    package = model.package
    columns = _subgroup_columns(table, settings.subgroups)
    values = table.features.columns(package.inputs)
    complete = np.all(~np.isnan(values), axis=1)
    has_outcome = table.has_outcome(package.task)
    scored = complete & has_outcome
    if not scored.any():
        raise CohortRejected(
            f"None of the {scored.size} patients has all features of the model '{package.identity.name}' and "
            f"{TASKS[package.task].outcome}; check the sequences of the studies and the columns of the outcomes."
        )
    started = time.perf_counter()
    scores = np.full(scored.size, np.nan)
    scores[scored] = model.score(values[scored])
    seconds = time.perf_counter() - started
    groups = list(_groups(table, scored, columns))
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
            )
            for cohort, subgroup, rows in groups
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
            )
            for cohort, subgroup, rows in groups
        )
        if frozen is None
        else (),
        notes=(
            *table.notes,
            *model.notes,
            *_left_out(package, table, complete, has_outcome),
            *origin_notes(package, table.features),
            *_familiarity_notes(package, table, values, scored),
        ),
        withheld=tuple(
            found
            for cohort, subgroup, rows in groups
            if subgroup is None and (found := withheld_groups(model, values[rows], scores[rows], cohort=cohort))
        ),
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
                f"The column '{name}' has {len(values)} different values; at most {_MOST_VALUES} make subgroups. Name "
                "other columns with --subgroup."
            )
    return columns


def _groups(
    table: PatientTable, used: NDArray[np.bool_], columns: Sequence[str]
) -> Iterator[tuple[str, tuple[str, str] | None, NDArray[np.bool_]]]:
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
                f"Of the {int(inside.sum())} patients of the cohort '{cohort}', {no_features} lack features that the "
                f"model '{package.identity.name}' needs and {no_outcome} more lack the outcome; they are left out.",
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
                f"{unusual} of the {int(inside.sum())} patients of the cohort '{cohort}' have inputs unlike those of "
                "the training patients (about 2% of new patients from the same source have): images or extraction "
                "differ from those the model was trained on.",
            )
