"""The whole analysis of the patients of a study: every table and test of the paper's phase 1 but the model's own."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Ordered
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import CohortRejected
from models.inference.outcome import Group
from models.number_words import agreeing, counted
from models.patients.added_value import FEW_EVENTS, FEWEST_EVENTS, AddedValue, added_value
from models.patients.covariates import Covariate, CovariateChoice, read_covariate, readable_covariates
from models.patients.differential import ALPHA, DifferentialFeatures, differential_features
from models.patients.scores import CutOffRule
from models.patients.study import Study
from models.patients.subgroups import Forest, forest_of
from models.patients.table_one import FollowUp, TableOne, follow_up_of, table_one
from models.progress import Steps, Tell, silent
from models.quality_notes import QualityNote, Severity
from models.statistics.estimate import Estimate, Found, NotEstimable
from models.statistics.feature_tests import Scale
from models.statistics.followed import Floats
from models.statistics.kaplan_meier import LogRank, SurvivalCurve, log_rank, survival_curve
from models.threads import one_thread

# Clinical columns that are taken without being named, where they exist.
COVARIATES = ("age", "stage", "subtype", "grade")
SUBGROUPS = ("subtype", "therapy", "stage", "age", "centre")
HORIZON_MONTHS = 36.0  # of the paper
RESAMPLES = 500
SEED = 20230815
_LEFT_OUT = "left out"
_ANALYSED = "analysed"


@dataclass(frozen=True)
class AnalysisSettings:
    """Options of the analysis of patients.

    Attributes
    ----------
    covariates : clinical covariates of the models; None takes those of `COVARIATES` that exist
    subgroups : columns of the forest; None takes those of `SUBGROUPS` that exist
    scale, alpha : of the comparison of features
    resamples, seed : of the bootstrap
    """

    covariates: tuple[CovariateChoice, ...] | None = None
    subgroups: tuple[str, ...] | None = None
    scale: Scale = Scale.Z
    alpha: float = ALPHA
    resamples: int = RESAMPLES
    seed: int = SEED


@dataclass(frozen=True, eq=False)
class PatientSet:
    """Some of the analysed patients, and what a score adds in them.

    Attributes
    ----------
    name : of the cohort, or words for several together
    cohorts : names of the cohorts; with more than one, each has a baseline hazard of its own
    is_training : they are the patients on whom the model was trained
    patients, events : numbers
    follow_up : quartiles of the time to censoring
    survival : Kaplan-Meier estimate at `HORIZON_MONTHS`
    high, low : Kaplan-Meier curves of the risk groups; None without patients
    log_rank : of the two groups; None with one group, or fewer than `FEWEST_EVENTS`
    added : of the score beyond the clinical covariates
    forest : subgroups
    """

    name: str
    cohorts: tuple[str, ...]
    is_training: bool
    patients: int
    events: int
    follow_up: FollowUp
    survival: Found
    high: SurvivalCurve | None
    low: SurvivalCurve | None
    log_rank: LogRank | None
    added: AddedValue | NotEstimable
    forest: Forest


@dataclass(frozen=True, eq=False)
class PatientAnalysis:
    """Result of the analysis of patients.

    Attributes
    ----------
    study : who was analysed
    by_cohort : characteristics by cohort; None with one cohort
    by_risk : characteristics by risk group, of all patients and of each cohort
    by_analysis : of those analysed and those left out; None where nobody was left out
    sets : each cohort, and several together
    features : of high against low risk in the reference cohort
    unread : clinical columns that are not in the tables, with the reason
    settings : as asked for
    notes : doubts, those of the tables first
    """

    study: Study
    by_cohort: TableOne | None
    by_risk: tuple[TableOne, ...]
    by_analysis: TableOne | None
    sets: tuple[PatientSet, ...]
    features: DifferentialFeatures | NotEstimable
    unread: dict[str, str]
    settings: AnalysisSettings
    notes: tuple[QualityNote, ...]


@one_thread()
def analyse_patients(study: Study, settings: AnalysisSettings, *, tell: Tell = silent) -> PatientAnalysis:
    """Computes everything.

    Parameters
    ----------
    tell : progress, in bootstrap samples

    Raises
    ------
    CohortRejected
        When a covariate or subgroup column that was named cannot be used.
    """
    described, unread = readable_covariates(study.clinical)
    covariates = _chosen(study, settings.covariates)
    subgroups = _subgroups(study, settings.subgroups)
    steps = Steps(tell, total=_steps_of(study, settings))
    sets = tuple(_set(study, name, cohorts, covariates, subgroups, settings, steps) for name, cohorts in sets_of(study))
    inside = study.cohorts == study.reference
    reference_rows = study.features.rows(np.flatnonzero(inside).tolist())
    return PatientAnalysis(
        study=study,
        by_cohort=_by_cohort(study, described),
        by_risk=tuple(_by_risk(study, described)),
        by_analysis=_by_analysis(study),
        sets=sets,
        features=differential_features(
            reference_rows, study.is_high[inside], scale=settings.scale, alpha=settings.alpha
        ),
        unread=unread,
        settings=settings,
        notes=(*study.notes, *_notes(study, sets, covariates, unread)),
    )


def sets_of(study: Study) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Name and cohorts of each set: every cohort, and all that did not train the model together."""
    names = study.cohort_names
    sets: list[tuple[str, tuple[str, ...]]] = [(name, (name,)) for name in names]
    new = tuple(name for name in names if name != study.training)
    if len(new) > 1:
        together = f"all cohorts but {study.training}" if study.training else "all cohorts"
        sets.append((together, new))
    return tuple(sets)


def _steps_of(study: Study, settings: AnalysisSettings) -> int:
    """Number of bootstrap samples of the whole analysis, at most."""
    enough = [cohorts for _, cohorts in sets_of(study) if _events(study, cohorts) >= FEWEST_EVENTS]
    return len(enough) * settings.resamples


def _events(study: Study, cohorts: tuple[str, ...]) -> int:
    return int(study.events[np.isin(study.cohorts, cohorts)].sum())


def _chosen(study: Study, asked: tuple[CovariateChoice, ...] | None) -> tuple[Covariate, ...]:
    if asked is not None:
        names = [choice.name for choice in asked]
        if len(set(names)) != len(names):
            raise CohortRejected(f"A covariate was named twice: {', '.join(names)}. Name each once.")
        return tuple(read_covariate(study.clinical, choice) for choice in asked)
    found, _ = readable_covariates({name: study.clinical[name] for name in COVARIATES if name in study.clinical})
    return found


def _subgroups(study: Study, asked: tuple[str, ...] | None) -> tuple[Covariate, ...]:
    if asked is not None:
        return tuple(read_covariate(study.clinical, CovariateChoice.of(name)) for name in asked)
    found, _ = readable_covariates({name: study.clinical[name] for name in SUBGROUPS if name in study.clinical})
    return found


def _set(
    study: Study,
    name: str,
    cohorts: tuple[str, ...],
    covariates: tuple[Covariate, ...],
    subgroups: tuple[Covariate, ...],
    settings: AnalysisSettings,
    steps: Steps,
) -> PatientSet:
    inside: NDArray[np.bool_] = np.isin(study.cohorts, cohorts)
    times, events, scores = study.times_months[inside], study.events[inside], study.scores[inside]
    strata = study.cohorts[inside] if len(cohorts) > 1 else None
    added: AddedValue | NotEstimable
    steps.begin(name)
    if covariates:
        here = tuple(covariate.rows(inside) for covariate in covariates)
        added = added_value(
            times,
            events,
            scores,
            here,
            strata=strata,
            resamples=settings.resamples,
            seed=settings.seed,
            progress=steps.step,
        )
    else:
        added = NotEstimable(
            f"The outcomes have none of the clinical columns {', '.join(COVARIATES)}; name others with --covariate."
        )
    rows = tuple(column.rows(inside) for column in subgroups if _varies(column, inside))
    forest = forest_of(times, events, scores, study.is_high[inside], rows, strata=strata)
    return PatientSet(
        name,
        cohorts,
        cohorts == (study.training,),
        int(inside.sum()),
        int(events.sum()),
        follow_up_of(times, events),
        _survival(times, events),
        _curve(times, events, study.is_high[inside]),
        _curve(times, events, ~study.is_high[inside]),
        log_rank(times, events, study.is_high[inside]) if int(events.sum()) >= FEWEST_EVENTS else None,
        added,
        forest,
    )


def _curve(times: Floats, events: NDArray[np.bool_], inside: NDArray[np.bool_]) -> SurvivalCurve | None:
    return survival_curve(times[inside], events[inside]) if inside.any() else None


def _survival(times: Floats, events: NDArray[np.bool_]) -> Found:
    value, low, high = survival_curve(times, events).at(HORIZON_MONTHS)
    if np.isnan(value):
        return NotEstimable(f"Nobody is followed for {HORIZON_MONTHS:g} months.")
    interval = None if np.isnan(low) or not events.any() else (low, high)
    return Estimate(value, interval, "Kaplan-Meier, Wilson with Greenwood's number")


def _varies(column: Covariate, inside: NDArray[np.bool_]) -> bool:
    here = column.rows(inside)
    return len(here.present()) > 1 if here.levels else bool(np.unique(here.numbers[here.known]).size > 1)


def _by_cohort(study: Study, described: Ordered[Covariate]) -> TableOne | None:
    if len(study.cohort_names) < 2:
        return None
    return table_one(
        described,
        study.cohorts,
        study.cohort_names,
        by="cohort",
        times_months=study.times_months,
        events=study.events,
    )


def _by_risk(study: Study, described: Ordered[Covariate]) -> Iterator[TableOne]:
    groups = [str(group) for group in (Group.HIGH, Group.LOW)]
    labels = np.where(study.is_high, *groups)
    masks = [(name, study.cohorts == name) for name in study.cohort_names]
    if len(masks) > 1:
        masks.insert(0, ("all patients", np.ones(len(study), dtype=np.bool_)))
    for name, inside in masks:
        yield table_one(
            [covariate.rows(inside) for covariate in described],
            labels[inside],
            groups,
            by=f"risk group, {name}",
            times_months=study.times_months[inside],
            events=study.events[inside],
        )


def _by_analysis(study: Study) -> TableOne | None:
    count = next((cells.size for cells in study.left_out.values()), 0)
    if not count:
        return None
    both = {name: np.concatenate([cells, study.left_out[name]]) for name, cells in study.clinical.items()}
    described, _ = readable_covariates(both)
    labels = np.repeat([_ANALYSED, _LEFT_OUT], [len(study), count])
    return table_one(described, labels, (_ANALYSED, _LEFT_OUT), by="whether patients were analysed")


def _notes(
    study: Study, sets: Ordered[PatientSet], covariates: Ordered[Covariate], unread: dict[str, str]
) -> Iterator[QualityNote]:
    for one in sets:
        if one.events < FEW_EVENTS:
            refused = f"; with fewer than {FEWEST_EVENTS} no model is fitted" if one.events < FEWEST_EVENTS else ""
            yield _warning(
                "few-events",
                f"{one.name}: {counted(one.events, 'event')} among {counted(one.patients, 'patient')}{refused}. With "
                f"fewer than {FEW_EVENTS} no hazard ratio is precise.",
            )
        if isinstance(one.added, AddedValue):
            yield from _model_notes(one, one.added)
    if study.rule is CutOffRule.OPTIMAL:
        yield _warning(
            "cut-off-selected",
            f"The cut-off was selected in the cohort '{study.reference}', where it separates best: groups, hazard "
            "ratios and p values there are optimistic, and evidence in other cohorts only.",
        )
    if study.rule is CutOffRule.MEDIAN:
        sentence = f"The cut-off is the median score of the cohort '{study.reference}'."
        yield QualityNote("cut-off-median", Severity.NOTE, sentence)
    if study.training:
        yield _warning(
            "training-patients",
            f"The cohort '{study.training}' trained the model: what the score shows there, also beyond clinical "
            "covariates, is apparent. Read the other cohorts.",
        )
    if not covariates:
        yield _warning(
            "no-covariate",
            f"The outcomes have none of the clinical columns {', '.join(COVARIATES)}: what the score adds to them "
            "cannot be said. Name clinical columns with --covariate.",
        )
    if unread:
        yield QualityNote(
            "columns-not-described",
            Severity.NOTE,
            f"{counted(len(unread), 'clinical column is', 'clinical columns are')} not in the tables of "
            f"characteristics: {', '.join(unread)} (one value only, or a text with too many).",
        )


def _model_notes(one: PatientSet, added: AddedValue) -> Iterator[QualityNote]:
    if added.events_per_parameter < 10:
        yield _warning(
            "few-events-per-parameter",
            f"{one.name}: {counted(added.events, 'event')} for {counted(added.parameters, 'coefficient')}, "
            f"{added.events_per_parameter:.1f} for each; with fewer than 10 coefficients are unstable and intervals "
            "too short.",
        )
    if added.left_out:
        lacking = ", ".join(f"{name} of {count}" for name, count in added.missing.items())
        patients = counted(added.left_out + added.patients, "patient")
        events = counted(added.events_left_out + added.events, "event")
        yield _warning(
            "incomplete-cases",
            f"{one.name}: {added.left_out} of {patients} ({added.events_left_out} of {events}) "
            f"{agreeing(added.left_out, 'lacks', 'lack')} a covariate ({lacking}) and "
            f"{agreeing(added.left_out, 'is', 'are')} not in the models; nothing is filled in.",
        )
    if added.hazards is not None and added.hazards.together.p < 0.05:
        yield _warning(
            "hazards-not-proportional",
            f"{one.name}: the hazard ratios change over the follow-up (P = {added.hazards.together.p:.2g}); one ratio "
            "for the whole of it is an average.",
        )


def _warning(code: str, sentence: str) -> QualityNote:
    return QualityNote(code, Severity.WARNING, sentence)
