"""Small cells of an evaluation. Invariants: no small count, and none that a difference gives back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from models.errors import CohortRejected
from models.evaluation.recurrence import FrozenModel, evaluate_recurrence
from models.evaluation.results import Evaluation, HiddenCount, RecurrenceResult
from models.evaluation.suppress import PROTECTED, _sentence, suppressed
from models.inference.outcome import ModelIdentity
from models.quality_notes import QualityNote, Severity
from models.statistics.followed import Followed
from models.statistics.survival import BaselineHazard
from reports.evaluation.compose import compose_evaluation
from reports.evaluation.html_encoder import render_evaluation_html
from reports.evaluation.json_encoder import as_json

FROZEN = FrozenModel(0.5, (12.0, 24.0, 36.0), BaselineHazard(np.array([6.0, 20.0, 40.0]), np.array([0.05, 0.1, 0.3])))
CREATED = datetime(2026, 1, 2, tzinfo=UTC)


def result(
    events_low: int, events_high: int, *, low: int = 60, high: int = 40, subgroup: tuple[str, str] | None = None
) -> RecurrenceResult:
    """Patients on both sides of the cut-off with so many events, spread over 40 months; followed for 50."""
    times, flags, scores = [], [], []
    for count, events, score in ((low, events_low, 0.0), (high, events_high, 1.0)):
        times += [*np.linspace(1.5, 40.5, events), *np.linspace(41, 50, count - events)]
        flags += [True] * events + [False] * (count - events)
        scores += list(score + 0.001 * np.arange(count))
    followed = Followed.of(np.array(times), np.array(flags), np.array(scores))
    return evaluate_recurrence(followed, FROZEN, cohort="a", subgroup=subgroup, resamples=100, seed=1)


def evaluation(*results: RecurrenceResult) -> Evaluation:
    return Evaluation(
        model=ModelIdentity("recurrence", "1.0.0", "ab" * 32, "Score", "demonstration"),
        cut_off=0.5,
        horizons_months=(12.0, 24.0, 36.0),
        resamples=100,
        seed=1,
        seconds_to_score=1.0,
        patients_scored=100,
        recurrence=results,
        expression=(),
        notes=(QualityNote("few-events", Severity.WARNING, "The cohort 'b' has 2 events among 12 patients."),),
    )


def test_a_small_group_is_hidden_and_its_complement_protected() -> None:
    shown = suppressed(evaluation(result(20, 3)), below=5).recurrence[0]
    assert (shown.patients, shown.events) == (100, 23)
    assert (shown.groups.high.patients, shown.groups.high.events) == (PROTECTED, HiddenCount("<5"))
    # 23 less the 20 of the low group would be the 3 of the high one.
    assert (shown.groups.low.patients, shown.groups.low.events) == (PROTECTED, PROTECTED)
    assert shown.groups.high.curve is shown.groups.low.curve is None


def test_large_groups_are_shown_and_their_curves_end_with_five_at_risk() -> None:
    original = result(20, 15)
    shown = suppressed(evaluation(original), below=5).recurrence[0]
    assert (shown.groups.high.patients, shown.groups.high.events) == (40, 15)
    for group, before in ((shown.groups.high, original.groups.high), (shown.groups.low, original.groups.low)):
        assert group.curve is not None
        assert before.curve is not None
        assert np.array_equal(group.curve.times_months, np.arange(1, group.curve.times_months.size + 1))
        assert group.curve.at_risk.min() >= 5
        assert group.curve.times_months[-1] < before.curve.times_months[-1]
        assert group.curve.at(24.0) == pytest.approx(before.curve.at(24.0))
        # Whatever month by month is worked out of the curve, no bend of it is a single event.
        slopes = np.diff(group.curve.survival, prepend=1.0)
        bends = np.flatnonzero(~np.isclose(slopes[1:], slopes[:-1], rtol=1e-6, atol=1e-9)) + 1
        edges = np.array([0.0, *group.curve.times_months[bends - 1], group.curve.times_months[-1]])
        times = np.repeat(before.curve.times_months, before.curve.events.astype(int))
        assert np.histogram(times, edges)[0].min() >= 4  # between two horizons there may be fewer than five
        assert len(set(group.curve.at_risk)) <= 4
        assert np.isnan(group.curve.events).all()
    assert np.isnan(shown.scores[0])
    assert np.isnan(shown.scores[-1])
    assert all(horizon.roc is None and horizon.risks is None for horizon in shown.horizons)
    # A smooth curve ends with the fifth patient from either end: enough for cells of five, not of six.
    assert shown.horizons[-1].calibration_curve is original.horizons[-1].calibration_curve is not None
    assert suppressed(evaluation(original), below=6).recurrence[0].horizons[-1].calibration_curve is None


def test_no_count_and_no_difference_of_counts_of_horizons_is_small() -> None:
    # Of the twelve events (np.linspace(1.5, 40.5, 12)) 3 are before 12 months, 7 before 24 and 10
    # before 36: two less than all.
    shown = suppressed(evaluation(result(12, 0, high=5)), below=5).recurrence[0]
    assert [str(horizon.events) for horizon in shown.horizons] == ["<5", "7", "–"]
    many = suppressed(evaluation(result(40, 20)), below=5).recurrence[0]
    counts = [0, *(horizon.events for horizon in many.horizons if isinstance(horizon.events, int)), many.events]
    assert len(counts) > 3
    assert min(np.diff(counts)) >= 5


def test_a_subgroup_left_out_alone_takes_the_next_with_it() -> None:
    whole = result(40, 20)
    parts = [
        result(*events, low=size, high=size, subgroup=("subtype", name))
        for name, events, size in (("tiny", (1, 1), 10), ("small", (6, 6), 15), ("large", (30, 15), 40))
    ]
    other = result(30, 20, subgroup=("centre", "A"))
    shown = suppressed(evaluation(whole, *parts, other), below=5)
    assert [one.subgroup for one in shown.recurrence] == [None, ("subtype", "large"), ("centre", "A")]
    assert "2 cohorts or subgroups" in shown.notes[-1].sentence


def test_a_small_cohort_takes_its_subgroups_with_it_and_nothing_left_is_refused() -> None:
    small = result(2, 1)
    subgroup = replace(result(30, 20), subgroup=("centre", "A"))
    with pytest.raises(CohortRejected, match="nothing can be shown"):
        suppressed(evaluation(small, subgroup), below=5)


def test_what_is_printed_has_no_small_count() -> None:
    shown = suppressed(evaluation(result(20, 3), result(40, 20, subgroup=("centre", "A"))), below=5)
    written = as_json(shown, created=CREATED, software="rdeepnet")
    groups = written["recurrence"][0]["risk_groups"]
    assert (groups["high"]["events"], groups["low"]["events"]) == ("<5", "–")
    assert "thresholds" not in json.dumps(written["recurrence"][0]["horizons"][0]["roc"])
    json.dumps(written, allow_nan=False)
    html = render_evaluation_html(compose_evaluation(shown, created=CREATED, software="rdeepnet"))
    assert "&lt;5" in html
    assert "fewer than 5 events among 12 patients" in html
    assert not re.search(r"(?<![0-9])[1-4] (patients|events?)", html)


def test_evaluations_without_the_option_are_as_before() -> None:
    plain = as_json(evaluation(result(20, 3)), created=CREATED, software="rdeepnet")
    group = plain["recurrence"][0]["risk_groups"]["high"]
    assert (group["patients"], group["events"]) == (40, 3)
    assert group["curve"]["events"].count(1) == 3


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("1 patient had an event", "fewer than 5 patients had an event"),
        ("4 patients had an event", "fewer than 5 patients had an event"),
        ("1 of 3 patients has high expression", "fewer than 5 of fewer than 5 patients have high expression"),
        ("2 of 3 patients have high expression", "fewer than 5 of fewer than 5 patients have high expression"),
        (
            "1 of 40 patients has it, 1 control is left",
            "fewer than 5 of 40 patients have it, fewer than 5 controls are left",
        ),
        ("0 events among 12 patients", "0 events among 12 patients"),
    ],
)
def test_a_hidden_number_leaves_no_singular_behind(sentence: str, shown: str) -> None:
    """A singular noun or verb would say that it is one."""
    assert _sentence(sentence, 5) == shown
