"""An evaluation without small cells: nothing that is printed counts fewer patients than a limit.

A cohort or subgroup with fewer patients, recurrences or patients without one than the limit is left out; where that is
one subgroup alone of a clinical column, the next larger one as well, since the difference to the cohort would give it
back. In what stays, a small count is "<5", and the count that would give it back by a difference is not shown.
Kaplan-Meier curves have whole months, on straight lines between the horizons and groups of as many events, and end
with fewer patients at risk than the limit; risk groups with a small cell have none. ROC curves, calibration groups
with small cells, histograms of risks, and the lowest and highest score are left out: their steps and ends are single
patients. Smooth calibration curves end with the fifth patient and are left out with a higher limit.

The method is primary and complementary cell suppression for tables of one level (Hundepool et al. (2012), Statistical
Disclosure Control, ch. 4). Estimates stay as they are, and their intervals but at horizons where a count is hidden.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from models.errors import CohortRejected
from models.evaluation.overlap import APPARENT, TrainingOverlap
from models.evaluation.results import (
    Comparison,
    Count,
    Evaluation,
    ExpressionResult,
    HiddenCount,
    HorizonResult,
    RecurrenceResult,
    RiskGroup,
    RiskGroups,
)
from models.number_words import counted
from models.quality_notes import QualityNote, Severity
from models.statistics.estimate import Estimate, NotEstimable
from models.statistics.grouped_months import grouped_months
from models.statistics.kaplan_meier import SurvivalCurve
from models.statistics.smooth_calibration import HIDDEN_AT_ENDS, CalibrationCurve

_Result = TypeVar("_Result", RecurrenceResult, ExpressionResult)
_Suppressible = TypeVar("_Suppressible", RecurrenceResult, ExpressionResult, RiskGroups, HorizonResult)
_NOUN = "(?:patient|event|recurrence|case|control)"
_COUNT = re.compile(rf"(?<![\w.,-])[0-9]+(?= (?:[\w-]+ ){{0,2}}{_NOUN}s?\b)")
_TRAINED_ON = re.compile(r"[0-9]+ of (?:this|these) [0-9]+ patients? \([^)]*\)")
_PLURALS = {"has": "have", "is": "are", "was": "were"}

PROTECTED = HiddenCount("–")  # would give a small count back by a difference


def suppressed(evaluation: Evaluation, *, below: int) -> Evaluation:
    """The evaluation without cells of fewer than `below` patients (at least 2), and a note that says so.

    Raises
    ------
    CohortRejected
        When nothing is left.
    """
    if below < 2:
        raise ValueError(f"Cells below {below} were to be suppressed; at least 2 was expected.")
    recurrence = [(one, (one.patients, one.events, one.patients - one.events)) for one in evaluation.recurrence]
    expression = [(one, (one.patients, one.high, one.patients - one.high)) for one in evaluation.expression]
    kept_recurrence = _large_enough(recurrence, below)
    kept_expression = _large_enough(expression, below)
    if not kept_recurrence and not kept_expression:
        raise CohortRejected(
            f"Every cohort has fewer than {counted(below, 'patient')}, or fewer with or without the event; nothing can "
            f"be shown with --suppress-below {below}. Put cohorts together, or evaluate without it where that is "
            "allowed."
        )
    cohorts = {one.cohort for one in kept_recurrence} | {one.cohort for one in kept_expression}
    left_out = len(recurrence) + len(expression) - len(kept_recurrence) - len(kept_expression)
    sentence = f"Cells of fewer than {counted(below, 'patient')} are suppressed (--suppress-below {below})"
    if left_out:
        sentence += f"; {left_out} cohort{'' if left_out == 1 else 's'} or subgroup{'' if left_out == 1 else 's'} "
        sentence += f"with such cells, or that would give them back, {'is' if left_out == 1 else 'are'} left out"
    notes = tuple(_note(note, below) for note in evaluation.notes)
    return replace(
        evaluation,
        recurrence=tuple(_without_reasons(_recurrence(one, below), below) for one in kept_recurrence),
        expression=tuple(_without_reasons(_expression(one, below), below) for one in kept_expression),
        notes=(*notes, QualityNote("cells-suppressed", Severity.NOTE, f"{sentence}.")),
        withheld=tuple(one for one in evaluation.withheld if one.cohort in cohorts),
        trained_on=(),
        comparisons=_comparisons(evaluation, (*kept_recurrence, *kept_expression), below),
    )


def _note(note: QualityNote, below: int) -> QualityNote:
    """The note with small numbers hidden; one about training patients counts none."""
    if note.code == APPARENT:
        return replace(note, sentence=_TRAINED_ON.sub("some of these patients", note.sentence))
    return replace(note, sentence=_sentence(note.sentence, below))


def _comparisons(
    evaluation: Evaluation, kept: Sequence[RecurrenceResult | ExpressionResult], below: int
) -> tuple[Comparison, ...]:
    """Those on exactly the patients that are shown, without decision curves and horizons whose counts are hidden."""
    shown = {(one.cohort, one.subgroup): one for one in kept}
    found = []
    for one in evaluation.comparisons:
        result = shown.get((one.cohort, one.subgroup))
        if result is None or result.patients != one.patients:
            continue
        hidden: set[float | None] = set()
        if isinstance(result, RecurrenceResult):
            hidden = {
                horizon.months
                for horizon in _horizons(result, below)
                if isinstance(horizon.events, HiddenCount) or isinstance(horizon.followed_beyond, HiddenCount)
            }
        differences = tuple(difference for difference in one.differences if difference.months not in hidden)
        found.append(replace(one, differences=differences, decisions=()))
    return tuple(found)


def _large_enough(results: Sequence[tuple[_Result, tuple[int, ...]]], below: int) -> list[_Result]:
    """The results without small cells, and without those that would give a small one back."""
    small = {id(one) for one, cells in results if any(0 < cell < below for cell in cells)}
    cohorts = {one.cohort for one, _ in results if id(one) in small and one.subgroup is None}
    small |= {id(one) for one, _ in results if one.cohort in cohorts}
    columns: dict[tuple[str, str], list[_Result]] = {}
    for one, _ in results:
        if one.subgroup is not None:
            columns.setdefault((one.cohort, one.subgroup[0]), []).append(one)
    for several in columns.values():
        hidden = [one for one in several if id(one) in small]
        shown = [one for one in several if id(one) not in small]
        if len(hidden) == 1 and shown:
            small.add(id(min(shown, key=lambda one: one.patients)))
    return [one for one, _ in results if id(one) not in small]


def _recurrence(result: RecurrenceResult, below: int) -> RecurrenceResult:
    groups = result.groups
    counts = [(group.patients, group.events) for group in (groups.high, groups.low)]
    cells = [cell for patients, events in counts for cell in (patients, events, _rest(patients, events))]
    is_small = any(_is_small(cell, below) for cell in cells)
    horizons = [horizon.months for horizon in result.horizons]
    return replace(
        result,
        groups=replace(
            groups,
            high=_group(groups.high, below, hide=is_small, horizons=horizons),
            low=_group(groups.low, below, hide=is_small, horizons=horizons),
        ),
        horizons=_horizons(result, below),
        scores=(math.nan, *result.scores[1:-1], math.nan),
        overlap=_uncounted(result.overlap),
    )


def _expression(result: ExpressionResult, below: int) -> ExpressionResult:
    cells = [cell for one in result.calibration for cell in (one.events, one.patients - one.events)]
    return replace(
        result,
        roc=None,
        calibration=() if any(0 < cell < below for cell in cells) else result.calibration,
        overlap=_uncounted(result.overlap),
        **_without_ends(result.calibration_curve, below),
    )


def _uncounted(overlap: TrainingOverlap | None) -> TrainingOverlap | None:
    return None if overlap is None else replace(overlap, is_counted=False)


def _without_ends(curve: CalibrationCurve | None, below: int) -> dict[str, Any]:
    """Risks of single patients are in a histogram, and at the ends of a curve that fewer than `below` lie beyond."""
    return {"risks": None, "calibration_curve": curve if below <= HIDDEN_AT_ENDS + 1 else None}


def _without_reasons(result: _Suppressible, below: int) -> _Suppressible:
    """The same with small counts hidden in the reasons of what cannot be estimated."""
    changed: dict[str, Any] = {}
    for item in fields(result):
        value = getattr(result, item.name)
        if isinstance(value, NotEstimable):
            changed[item.name] = replace(value, reason=_sentence(value.reason, below))
        elif isinstance(value, RiskGroups):
            changed[item.name] = _without_reasons(value, below)
        elif item.name == "horizons":
            changed[item.name] = tuple(_without_reasons(horizon, below) for horizon in value)
    return replace(result, **changed)


def _sentence(text: str, below: int) -> str:
    """A sentence with every small number of patients or events as "fewer than 5"."""

    few = f"fewer than {below}"

    def hidden(match: re.Match[str]) -> str:
        return few if 0 < int(match.group()) < below else match.group()

    def plural(match: re.Match[str]) -> str:  # a singular would give a one away
        return f"{match[1]}s" + (f" {_PLURALS[match[2]]}" if match[2] else "")

    counted = rf"({few} (?:[\w-]+ ){{0,5}}?{_NOUN})s?\b(?: ({'|'.join(_PLURALS)})\b)?"
    return re.sub(counted, plural, _COUNT.sub(hidden, text))


def _group(group: RiskGroup, below: int, *, hide: bool, horizons: Sequence[float]) -> RiskGroup:
    def shown(count: Count) -> Count:
        if not hide:
            return count
        return HiddenCount(f"<{below}") if _is_small(count, below) else PROTECTED

    # The numbers at risk begin with the size of the group.
    curve = None if hide or group.curve is None else _coarse(group.curve, below, horizons)
    return RiskGroup(shown(group.patients), shown(group.events), curve)


def _horizons(result: RecurrenceResult, below: int) -> tuple[HorizonResult, ...]:
    """Counts of each horizon; one that differs from the next shown by a small number is not shown."""
    found: list[HorizonResult] = []
    later: Count = result.events
    beyond = _followed_beyond(result, below)
    for horizon in reversed(result.horizons):
        events = _beside(horizon.events, later, below)
        later = later if isinstance(events, HiddenCount) else events
        calibration = horizon.calibration
        if any(0 < one.patients < below or 0 < one.events < below for one in calibration):
            calibration = ()
        shown = replace(
            horizon,
            events=events,
            followed_beyond=beyond[horizon.months],
            roc=None,
            calibration=calibration,
            **_without_ends(horizon.calibration_curve, below),
        )
        hides = isinstance(events, HiddenCount) or isinstance(beyond[horizon.months], HiddenCount)
        found.append(_without_intervals(shown) if hides else shown)
    return tuple(reversed(found))


def _without_intervals(horizon: HorizonResult) -> HorizonResult:
    """The same without intervals: a Wilson interval and its share together give back the number of patients."""
    method = "no interval: it would give back a count that is not shown"
    changed: dict[str, Any] = {}
    for item in fields(horizon):
        value = getattr(horizon, item.name)
        if isinstance(value, Estimate):
            changed[item.name] = replace(value, interval=None, method=method)
    return replace(horizon, **changed)


def _followed_beyond(result: RecurrenceResult, below: int) -> dict[float, Count]:
    """Patients followed beyond each horizon; neither those lost since the one before nor those lost at all are few."""
    found: dict[float, Count] = {}
    before: Count = result.patients
    for horizon in result.horizons:
        ended = _rest(_rest(result.patients, horizon.events), horizon.followed_beyond)
        shown = PROTECTED if _is_small(ended, below) else horizon.followed_beyond
        if _is_small(_rest(before, horizon.followed_beyond), below):
            shown = PROTECTED
        if _is_small(horizon.followed_beyond, below):
            shown = HiddenCount(f"<{below}")
        found[horizon.months] = shown
        before = before if isinstance(shown, HiddenCount) else shown
    return found


def _beside(count: Count, later: Count, below: int) -> Count:
    if _is_small(count, below):
        return HiddenCount(f"<{below}")
    return PROTECTED if _is_small(_rest(later, count), below) else count


def _rest(whole: Count, part: Count) -> Count:
    return whole - part if isinstance(whole, int) and isinstance(part, int) else PROTECTED


def _is_small(count: Count, below: int) -> bool:
    return isinstance(count, int) and 0 < count < below


def _coarse(curve: SurvivalCurve, below: int, horizons: Sequence[float]) -> SurvivalCurve | None:
    """The curve in whole months, on straight lines between the horizons and groups of enough events; None without any.

    It ends with the last of them that has enough patients at risk. Numbers at risk are those of every twelfth month.
    """
    months = np.arange(1.0, math.floor(curve.times_months[-1]) + 1)
    followed = [month for month in months.tolist() if curve.numbers_at_risk([month])[0] >= below]
    if not followed:
        return None
    points = grouped_months(
        np.repeat(curve.times_months, curve.events.astype(np.int64)),
        end_months=followed[-1],
        always=[horizon for horizon in horizons if horizon <= followed[-1]],
        fewest=below,
    )
    if not points:
        return None
    months = np.union1d(months[months <= points[-1]], points)
    at_points = np.array([(1.0, 1.0, 1.0), *(curve.at(point) for point in points)])
    survival, low, high = (np.interp(months, [0.0, *points], values) for values in at_points.T)
    at_risk = np.array(curve.numbers_at_risk((months - months % 12).tolist()), dtype=np.float64)
    unknown = np.full(months.size, np.nan)
    return SurvivalCurve(months, at_risk, unknown, unknown, survival, low, high, curve.limits)
