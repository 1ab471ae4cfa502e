"""Outcomes that look wrong as a whole: found in simulated mistakes, not in simulated or real cohorts that are right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.cohort.checks import check_outcomes
from models.cohort.outcome_plausibility import Doubt, doubtful_outcomes
from models.cohort.outcomes import OutcomeRows


def cohort(count: int = 300, *, rate: float = 0.002, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Times in months and events as in early breast cancer: about 8 % recurrences, median follow-up 45 months."""
    rng = np.random.default_rng(seed)
    recurrence, censoring = rng.exponential(1 / rate, count), rng.normal(46, 15, count).clip(3, 100)
    return np.minimum(recurrence, censoring), (recurrence <= censoring).astype(float)


def doubts(times: np.ndarray, events: np.ndarray) -> list[Doubt]:
    return [one.doubt for one in doubtful_outcomes(times, events, "outcomes.csv")]


@pytest.mark.parametrize("rate", [0.0005, 0.002, 0.02, 0.1])
@pytest.mark.parametrize("seed", range(5))
def test_a_right_cohort_raises_no_doubt(rate: float, seed: int) -> None:
    assert doubts(*cohort(rate=rate, seed=seed)) == []


def test_patients_followed_until_their_event_are_no_inverted_coding() -> None:
    """Nine in ten have the event; the others drop out at any time."""
    rng = np.random.default_rng(2)
    event, dropout = rng.exponential(20, 400), rng.exponential(200, 400)
    assert doubts(np.minimum(event, dropout), (event <= dropout).astype(float)) == []


def test_days_passed_as_months() -> None:
    times, events = cohort()
    assert doubts(30.4375 * times, events) == [Doubt.DAYS]
    # Half of the patients followed for less than 240 days: the median says nothing, the longest does.
    assert doubts(times * 231 / np.median(times) * np.where(times > 80, 3, 1), events) == [Doubt.TOO_LONG]


def test_one_time_for_all() -> None:
    times, events = cohort()
    (found,) = doubtful_outcomes(np.full_like(times, 60.0), events, "outcomes.csv")
    assert found.doubt is Doubt.EQUAL
    assert "all have the time 60 months; the time of each patient" in found.sentence
    assert doubts(np.full_like(times, 60.0), np.zeros_like(events)) == [], "all were followed for five years"


def test_days_in_some_rows() -> None:
    times, events = cohort()
    times[100:141] *= 30.4375
    (found,) = doubtful_outcomes(times, events, "outcomes.csv")
    assert found.doubt is Doubt.TOO_LONG
    assert "patients have a time of more than 50 years" in found.sentence
    assert "rows 101, " in found.sentence or "rows 102, " in found.sentence
    assert found.sentence.endswith("--overrule time-too-long.")


def test_years_and_short_follow_up() -> None:
    times, events = cohort()
    assert doubts(times / 12, events) == [Doubt.YEARS]


def test_events_turned_round() -> None:
    times, events = cohort()
    (found,) = doubtful_outcomes(times, 1 - events, "outcomes.csv")
    assert found.doubt is Doubt.INVERTED
    assert "of 300 patients have an event" in found.sentence


def test_missing_outcomes_are_no_doubt() -> None:
    assert doubts(np.full(50, np.nan), np.full(50, np.nan)) == []


def rows(times: np.ndarray, events: np.ndarray, *overruled: Doubt) -> OutcomeRows:
    names = tuple(f"P{number}" for number in range(times.size))
    unknown = np.full(times.size, np.nan)
    return OutcomeRows("o.csv", names, ("all",) * times.size, names, times, events, unknown, {}, frozenset(overruled))


def test_a_doubt_that_is_overruled_by_its_name_is_a_warning() -> None:
    times, events = cohort()
    refused = check_outcomes(rows(times / 12, 1 - events))
    assert [one.code for one in refused.refusals] == [Doubt.YEARS, Doubt.INVERTED]
    half = check_outcomes(rows(times / 12, 1 - events, Doubt.YEARS))
    assert [one.code for one in half.refusals] == [Doubt.INVERTED]
    assert [one.code for one in half.notes] == [Doubt.YEARS]
    assert half.notes[0].sentence.startswith("Overruled: o.csv: the longest time is")


@pytest.mark.parametrize(
    ("file", "time", "event", "months"),
    [
        ("omics/ispy1_clinical.csv", "RFS", "rfs_ind", 1 / 30.4375),
        ("omics/gse7390_76genes.csv", "days", "distant_metastasis", 1 / 30.4375),
    ],
)
def test_real_cohorts_raise_no_doubt(shared_data: Path, file: str, time: str, event: str, months: float) -> None:
    header, *lines = (line.split(",") for line in (shared_data / file).read_text().splitlines())
    values = np.array([[row[header.index(time)], row[header.index(event)]] for row in lines if row[header.index(time)]])
    numbers = values.astype(float)
    assert doubts(numbers[:, 0] * months, numbers[:, 1]) == []


@pytest.mark.parametrize("name", ["metabric", "gbsg", "whas"])
def test_cohorts_with_many_deaths_raise_no_doubt(shared_data: Path, name: str) -> None:
    """Between a third and two thirds of the patients have the event."""
    with np.load(shared_data / "deepsurv" / f"{name}.npz") as stored:
        times = np.concatenate([stored[key] for key in stored.files if key.endswith("t")])
        events = np.concatenate([stored[key] for key in stored.files if key.endswith("e")])
    assert times.size > 500
    assert Doubt.INVERTED not in doubts(times.astype(float), events.astype(float))
