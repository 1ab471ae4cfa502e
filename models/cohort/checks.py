"""The checks of a cohort's tables, each with a name: refusals and quality notes. Rows are named by their number."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence as Ordered
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.cohort.features import FeatureRows
from models.cohort.outcomes import OutcomeRows
from models.quality_notes import QualityNote, Severity
from models.volume import Sequence

# Median follow-up of 240 months would be twenty years of MRI with outcomes; the same number of days is eight months.
DAYS_SUSPECTED_MONTHS = 240.0
# A cohort nobody of which was followed for 15 months cannot show two-year survival; 15 years are plausible.
YEARS_SUSPECTED_MONTHS = 15.0
FEW_EVENTS = 10
_ROWS_NAMED = 5


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
    refusals = [
        *_identifier_refusals(outcomes.identifiers, outcomes.source),
        *_patient_refusals(outcomes),
        *_time_refusals(outcomes),
    ]
    if empty := [row for row, cohort in enumerate(outcomes.cohorts) if not cohort]:
        refusals.append(Refusal("cohort-missing", f"{outcomes.source}: {_rows(empty)} no cohort; name one for each."))
    notes = []
    survival = ~np.isnan(outcomes.times_months)
    if survival.any() and (unknown := int(np.count_nonzero(~survival & np.isnan(outcomes.events)))):
        notes.append(
            _warning(
                "outcome-missing",
                f"{unknown} of the {survival.size} patients of {outcomes.source} have neither time nor event; they are "
                "left out of every survival statistic.",
            )
        )
    for cohort in dict.fromkeys(outcomes.cohorts):
        inside = np.array([name == cohort for name in outcomes.cohorts]) & survival
        events = int(np.nansum(outcomes.events[inside]))
        if inside.any() and events < FEW_EVENTS:
            notes.append(
                _warning(
                    "few-events",
                    f"The cohort '{cohort}' has {events} events among {int(inside.sum())} patients; with fewer than "
                    f"{FEW_EVENTS} no statistic is precise.",
                )
            )
    return Checked(tuple(refusals), tuple(notes))


def check_features(features: FeatureRows) -> Checked:
    """Identifiers, numbers that are not finite, missing sequences and cells, constant features, how they were made."""
    refusals = [*_identifier_refusals(features.identifiers, features.source), *_origin_refusals(features)]
    notes = list(_origin_notes(features))
    infinite = np.isinf(features.values)
    if infinite.any():
        refusals.append(
            Refusal(
                "feature-not-finite",
                f"{features.source} holds {int(infinite.sum())} infinite values in {int(infinite.any(axis=0).sum())} "
                f"features (first: {features.names[int(infinite.any(axis=0).argmax())]}); finite numbers were "
                "expected. Extract the features again.",
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
                    f"{int(lacking.sum())} of the {lacking.size} rows of {features.source} have no {sequence.label} "
                    "features; models that need them leave these patients out.",
                )
            )
        if partial.any():
            first = int(np.flatnonzero(of_sequence)[missing[:, of_sequence][partial].any(axis=0).argmax()])
            refusals.append(
                Refusal(
                    "feature-missing",
                    f"{features.source}: {_rows(np.flatnonzero(partial).tolist())} some of the {sequence.label} "
                    f"features empty and others not (first: {features.names[first]}); rdeepnet features writes all or "
                    "none of a sequence. Extract these studies again; nothing is filled in.",
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
                    f"{int(constant.sum())} of the {constant.size} features have the same value in all "
                    f"{len(features.values)} rows (first: {features.names[int(constant.argmax())]}).",
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
                    f"{len(absent)} of the {len(identifiers)} patients of {source} are not in {missing_in} (rows "
                    f"{_listed(absent)}) and are left out.",
                )
            )
    return Checked((), tuple(notes))


def check_repeated(values: NDArray[np.float64], cohorts: Ordered[str], source: str) -> Checked:
    """Patients whose features are the same numbers: refused across cohorts, a quality note within one.

    Compared to about six digits, so that a table that was rounded on its way is found as well.

    Parameters
    ----------
    values : float64 (patients, features)
    cohorts : name of the cohort of each patient
    """
    mantissa, exponent = np.frexp(values)
    rounded = np.ldexp(np.round(mantissa * 2**20), exponent - 20) + 0.0
    groups: dict[bytes, list[int]] = defaultdict(list)
    for row, key in enumerate(rounded):
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
                f"{sum(map(len, across))} patients of {source} have the same features as a patient of another cohort "
                f"({shared}); a patient may be in one cohort only. Remove the copies: they make a model look better "
                "than it is.",
            ),
        )
    if within:
        notes = (
            _warning(
                "features-repeated",
                f"{sum(map(len, within))} patients of {source} have the same features as another patient of their "
                "cohort; check whether they are the same examination.",
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
    known = times[~np.isnan(times)]
    if known.size and np.median(known) >= DAYS_SUSPECTED_MONTHS:
        refusals.append(
            Refusal(
                "time-looks-like-days",
                f"{outcomes.source}: half of the patients have a time of {np.median(known):.0f} months or more; that "
                "looks like days. Say so with --time-unit days.",
            )
        )
    elif known.size and known.max() <= YEARS_SUSPECTED_MONTHS:
        refusals.append(
            Refusal(
                "time-looks-like-years",
                f"{outcomes.source}: the longest time is {known.max():g} months; that looks like years, and in months "
                "no statistic at two years could be computed. Say so with --time-unit years.",
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
