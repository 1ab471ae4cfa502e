"""The checks of a cohort's tables, each with a name: refusals and quality notes. Rows are named by their number."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence as Ordered
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.cohort.features import FeatureRows
from models.cohort.outcome_leak import leaks
from models.cohort.outcome_plausibility import Doubt, doubtful_outcomes
from models.cohort.outcomes import OutcomeRows
from models.inference.fingerprints import to_six_digits
from models.number_words import agreeing, counted
from models.quality_notes import QualityNote, Severity
from models.volume import Sequence

FEW_EVENTS = 10
_ROWS_NAMED = 5
_MOST_GROUPS = 20  # different values of a column that can divide patients into groups


@dataclass(frozen=True)
class Refusal:
    """A mistake in the tables of a cohort.

    Attributes
    ----------
    code : stable kebab-case identifier
    sentence : what was found, what was expected, what to do; no identifier of a patient
    """

    code: str
    sentence: str


@dataclass(frozen=True)
class Checked:
    """Result of one check."""

    refusals: tuple[Refusal, ...] = ()
    notes: tuple[QualityNote, ...] = ()


def check_outcomes(outcomes: OutcomeRows) -> Checked:
    """Identifiers, patients in several cohorts, times and their unit, events, missing outcomes."""
    doubts = doubtful_outcomes(outcomes.times_months, outcomes.events, outcomes.source)
    refusals = [
        *_identifier_refusals(outcomes.identifiers, outcomes.source),
        *_patient_refusals(outcomes),
        *_time_refusals(outcomes),
        *(Refusal(one.doubt, one.sentence) for one in doubts if one.doubt not in outcomes.overruled),
    ]
    if empty := [row for row, cohort in enumerate(outcomes.cohorts) if not cohort]:
        refusals.append(Refusal("cohort-missing", f"{outcomes.source}: {_rows(empty)} no cohort; name one for each."))
    notes = [_warning(one.doubt, f"Overruled: {one.sentence}") for one in doubts if one.doubt in outcomes.overruled]
    survival = ~np.isnan(outcomes.times_months)
    if survival.any() and (unknown := int(np.count_nonzero(~survival & np.isnan(outcomes.events)))):
        notes.append(
            _warning(
                "outcome-missing",
                f"{unknown} of the {counted(survival.size, 'patient')} of {outcomes.source} "
                f"{agreeing(unknown, 'has', 'have')} neither time nor event; {agreeing(unknown, 'it is', 'they are')} "
                "left out of every survival statistic.",
            )
        )
    for name, values in {"cohort": outcomes.cohorts, **outcomes.clinical}.items():
        notes += _spelt_twice(name, values, outcomes.source)
    for cohort in dict.fromkeys(outcomes.cohorts):
        inside = np.array([name == cohort for name in outcomes.cohorts]) & survival
        events = int(np.nansum(outcomes.events[inside]))
        if inside.any() and events < FEW_EVENTS:
            notes.append(
                _warning(
                    "few-events",
                    f"The cohort '{cohort}' has {counted(events, 'event')} among "
                    f"{counted(int(inside.sum()), 'patient')}; with fewer than {FEW_EVENTS} no statistic is precise.",
                )
            )
    return Checked(tuple(refusals), tuple(notes))


def _spelt_twice(column: str, values: Ordered[str], source: str) -> list[QualityNote]:
    """A note where a column of groups has one value in several spellings: each would be a group of its own."""
    if len(set(values)) > _MOST_GROUPS:
        return []  # free text
    spellings: dict[str, set[str]] = defaultdict(set)
    for value in values:
        spellings[" ".join(value.casefold().replace("_", " ").replace("-", " ").split())].add(value)
    several = [sorted(found) for found in spellings.values() if len(found) > 1]
    if not several:
        return []
    shown = "; ".join(" and ".join(f"'{value}'" for value in found) for found in several[:3])
    sentence = (
        f"The column '{column}' of {source} has {counted(len(several), 'value')} in several spellings ({shown}); each "
        "is a group of its own. Write them alike."
    )
    return [_warning("values-spelt-twice", sentence)]


def check_features(features: FeatureRows) -> Checked:
    """Identifiers, numbers that are not finite, missing sequences and cells, constant features, how they were made."""
    refusals = [*_identifier_refusals(features.identifiers, features.source), *_origin_refusals(features)]
    notes = list(_origin_notes(features))
    infinite = np.isinf(features.values)
    if infinite.any():
        refusals.append(
            Refusal(
                "feature-not-finite",
                f"{features.source} holds {counted(int(infinite.sum()), 'infinite value')} in "
                f"{counted(int(infinite.any(axis=0).sum()), 'feature')} (first: "
                f"{features.names[int(infinite.any(axis=0).argmax())]}); finite numbers were expected. Extract the "
                "features again.",
            )
        )
    missing = np.isnan(features.values)
    for sequence in Sequence:
        of_sequence = np.array([name.startswith(f"{sequence}_") for name in features.names])
        if not of_sequence.any():
            continue
        lacking, partial = missing[:, of_sequence].all(axis=1), missing[:, of_sequence].any(axis=1)
        partial &= ~lacking
        if lacking.any():
            notes.append(
                _warning(
                    "sequence-missing",
                    f"{int(lacking.sum())} of the {counted(lacking.size, 'row')} of {features.source} "
                    f"{agreeing(int(lacking.sum()), 'has', 'have')} no {sequence.label} features; models that need "
                    "them leave these patients out.",
                )
            )
        if partial.any():
            empty = missing[:, of_sequence][partial].any(axis=0)
            first = int(np.flatnonzero(of_sequence)[empty.argmax()])
            notes.append(
                _warning(
                    "feature-undefined",
                    f"{features.source}: {_rows(np.flatnonzero(partial).tolist())} {int(empty.sum())} of the "
                    f"{sequence.label} features empty and the others not (first: {features.names[first]}): features "
                    "without a value for that region. Models that need them leave these patients out; nothing is "
                    "filled in.",
                )
            )
    if len(features.values) > 1:
        known = ~missing.all(axis=0)
        filled = np.where(missing, np.nanmax(np.where(missing, -np.inf, features.values), axis=0), features.values)
        constant = known & ~infinite.any(axis=0) & np.all(filled == filled[0], axis=0)
        if constant.any():
            notes.append(
                QualityNote(
                    "feature-constant",
                    Severity.NOTE,
                    f"{int(constant.sum())} of the {counted(constant.size, 'feature')} "
                    f"{agreeing(int(constant.sum()), 'has', 'have')} the same value in all "
                    f"{counted(len(features.values), 'row')} (first: {features.names[int(constant.argmax())]}).",
                )
            )
    return Checked(tuple(refusals), tuple(notes))


def check_together(features: FeatureRows, outcomes: OutcomeRows) -> Checked:
    """Rows that are in one table only."""
    notes = []
    for identifiers, other, source, missing_in in (
        (features.identifiers, outcomes.identifiers, features.source, outcomes.source),
        (outcomes.identifiers, features.identifiers, outcomes.source, features.source),
    ):
        there = set(other)
        absent = [row for row, identifier in enumerate(identifiers) if identifier not in there]
        if absent:
            code = "no-outcome" if source == features.source else "no-features"
            notes.append(
                _warning(
                    code,
                    f"{len(absent)} of the {counted(len(identifiers), 'patient')} of {source} "
                    f"{agreeing(len(absent), 'is', 'are')} not in {missing_in} (rows {_listed(absent)}) and "
                    f"{agreeing(len(absent), 'is', 'are')} left out.",
                )
            )
    return Checked((), tuple(notes))


def check_leaks(features: FeatureRows, outcomes: OutcomeRows, pairs: Ordered[tuple[int, int]]) -> Checked:
    """Outcomes among the features.

    Parameters
    ----------
    pairs : (row of the features, row of the outcomes) of each joined patient
    """
    rows, outcome_rows = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    found = leaks(
        features.values[rows],
        times_months=outcomes.times_months[outcome_rows],
        events=outcomes.events[outcome_rows],
        krt7_as_high=outcomes.krt7_as_high[outcome_rows],
    )
    if not found:
        return Checked()
    shown = "; ".join(f"'{features.names[one.column]}' determines {one.what}, {one.how}" for one in found[:3])
    more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
    advice = 'give it the role "ignore" in the schema and import again' if features.imported else "remove it"
    sentence = (
        f"{features.source} has {counted(len(found), 'column')} that {agreeing(len(found), 'is', 'are')} an outcome: "
        f"{shown}{more}. A model trained on it would be worth nothing: {advice}. If it is known before the outcome: "
        f"--overrule {Doubt.AMONG_FEATURES}."
    )
    if Doubt.AMONG_FEATURES in outcomes.overruled:
        return Checked(notes=(_warning(Doubt.AMONG_FEATURES, f"Overruled: {sentence}"),))
    return Checked(refusals=(Refusal(Doubt.AMONG_FEATURES, sentence),))


def check_repeated(values: NDArray[np.float64], cohorts: Ordered[str], source: str) -> Checked:
    """Patients whose features are the same numbers: refused across cohorts, a quality note within one.

    Compared to about six digits, so that a table that was rounded on its way is found as well.

    Parameters
    ----------
    values : float64 (patients, features)
    cohorts : name of the cohort of each patient
    """
    groups: dict[bytes, list[int]] = defaultdict(list)
    for row, key in enumerate(to_six_digits(values)):
        if not np.isnan(key).all():
            groups[key.tobytes()].append(row)
    repeated = [rows for rows in groups.values() if len(rows) > 1]
    across = [rows for rows in repeated if len({cohorts[row] for row in rows}) > 1]
    within = [rows for rows in repeated if len({cohorts[row] for row in rows}) == 1]
    refusals: tuple[Refusal, ...] = ()
    notes: tuple[QualityNote, ...] = ()
    if across:
        shared = " and ".join(sorted({cohorts[row] for rows in across for row in rows}))
        refusals = (
            Refusal(
                "features-shared-between-cohorts",
                f"{counted(sum(map(len, across)), 'patient')} of {source} have the same features as a patient of "
                f"another cohort ({shared}); a patient may be in one cohort only. Remove the copies: they make a "
                "model look better than it is.",
            ),
        )
    if within:
        notes = (
            _warning(
                "features-repeated",
                f"{counted(sum(map(len, within)), 'patient')} of {source} have the same features as another patient "
                "of their cohort; check whether they are the same examination.",
            ),
        )
    return Checked(refusals, notes)


def _identifier_refusals(identifiers: Ordered[str], source: str) -> list[Refusal]:
    refusals = []
    if empty := [row for row, identifier in enumerate(identifiers) if not identifier]:
        refusals.append(Refusal("id-missing", f"{source}: {_rows(empty)} no id; each row needs one."))
    counts = Counter(identifiers)
    if twice := [row for row, identifier in enumerate(identifiers) if identifier and counts[identifier] > 1]:
        refusals.append(
            Refusal(
                "id-repeated",
                f"{source}: {_rows(twice)} an id that another row also has; one row per patient was expected.",
            )
        )
    return refusals


def _patient_refusals(outcomes: OutcomeRows) -> list[Refusal]:
    cohorts: dict[str, set[str]] = defaultdict(set)
    for patient, cohort in zip(outcomes.patients, outcomes.cohorts, strict=True):
        cohorts[patient].add(cohort)
    twice = [row for row, patient in enumerate(outcomes.patients) if patient and len(cohorts[patient]) > 1]
    refusals = []
    if twice:
        refusals.append(
            Refusal(
                "patient-in-several-cohorts",
                f"{outcomes.source}: {_rows(twice)} a patient who is in another cohort as well; a patient may be in "
                "one cohort only.",
            )
        )
    counts = Counter(outcomes.patients)
    if again := [row for row, patient in enumerate(outcomes.patients) if patient and counts[patient] > 1]:
        within = [row for row in again if row not in set(twice)]
        if within and outcomes.patients != outcomes.identifiers:
            refusals.append(
                Refusal(
                    "patient-repeated",
                    f"{outcomes.source}: {_rows(within)} a patient who also appears in another row of the cohort; "
                    "patients "
                    "must be independent. Keep one examination of each.",
                )
            )
    return refusals


def _time_refusals(outcomes: OutcomeRows) -> list[Refusal]:
    times, events = outcomes.times_months, outcomes.events
    refusals = []
    half = np.flatnonzero(np.isnan(times) != np.isnan(events))
    if half.size:
        refusals.append(
            Refusal(
                "outcome-incomplete",
                f"{outcomes.source}: {_rows(half.tolist())} a time or an event without the other; give both or "
                "neither.",
            )
        )
    wrong = np.flatnonzero(times <= 0)
    if wrong.size:
        refusals.append(
            Refusal(
                "time-not-positive",
                f"{outcomes.source}: {_rows(wrong.tolist())} a time of zero or below (smallest: {np.nanmin(times):g} "
                "months); positive follow-up was expected. Check the two dates, or leave these patients out.",
            )
        )
    return refusals


def _origin_refusals(features: FeatureRows) -> list[Refusal]:
    refusals = []
    digests = Counter(features.settings_digests)
    if len(digests) > 1:
        refusals.append(
            Refusal(
                "feature-settings-differ",
                f"The rows of {features.source} were extracted with {len(digests)} different feature settings "
                f"({_counted({digest[:12]: count for digest, count in digests.items()})}); one was expected. Extract "
                "all studies with the same configuration.",
            )
        )
    corrections = Counter(features.bias_corrections)
    if len(corrections) > 1 and any(name.split()[:1] == ["none"] for name in corrections):
        refusals.append(
            Refusal(
                "bias-correction-differs",
                f"Some rows of {features.source} are from images with and others without bias correction "
                f"({_counted(corrections)}); one was expected. Extract all studies with the same configuration.",
            )
        )
    return refusals


def _origin_notes(features: FeatureRows) -> list[QualityNote]:
    notes = []
    corrections = Counter(features.bias_corrections)
    if len(corrections) > 1 and not any(name.split()[:1] == ["none"] for name in corrections):
        notes.append(
            _warning(
                "bias-correction-differs",
                f"The images of {features.source} were corrected by different programs ({_counted(corrections)}); "
                "their features differ a little for that alone.",
            )
        )
    engines = Counter(features.engines)
    if len(engines) > 1:
        notes.append(
            _warning(
                "feature-engine-differs",
                f"The features of {features.source} were computed by different engines ({_counted(engines)}); the "
                "engines of this product agree, others may not.",
            )
        )
    outlined = Counter(name for name in features.outlined if name)
    if len(outlined) > 1:
        notes.append(
            _warning(
                "outlines-differ",
                f"The tumours of {features.source} were outlined in different ways ({_counted(outlined)}); features "
                "of shape and of the edge differ for that alone, and a model may learn who drew instead of who "
                "relapsed. Train and evaluate on tumours that were outlined in one way, or say that they were not.",
            )
        )
    return notes


def _warning(code: str, sentence: str) -> QualityNote:
    return QualityNote(code, Severity.WARNING, sentence)


def _counted(counts: dict[str, int] | Counter[str]) -> str:
    return ", ".join(f"{name or 'not stated'}: {count}" for name, count in sorted(counts.items()))


def _listed(rows: Ordered[int]) -> str:
    shown = ", ".join(str(row + 1) for row in rows[:_ROWS_NAMED])
    return f"{shown}, …" if len(rows) > _ROWS_NAMED else shown


def _rows(rows: Ordered[int]) -> str:
    """ "row 3 has" or "12 rows (1, 2, …) have". Row 1 is the first below the header."""
    return f"row {rows[0] + 1} has" if len(rows) == 1 else f"{len(rows)} rows ({_listed(rows)}) have"
