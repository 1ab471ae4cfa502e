"""Outcomes among the features are found and named, chance is not. Kind: invariant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.cohort.features import read_features
from models.cohort.outcome_leak import leaks
from models.cohort.outcome_plausibility import Doubt
from models.cohort.outcomes import read_outcomes
from models.cohort.patients import check_cohort, join
from models.errors import CohortRejected
from tests.models.cohort.made_tables import outcome_rows, values, write_features, write_outcomes
from tests.models.small_packages import input_names

PATIENTS = 200


def found(column: np.ndarray, *, patients: int = PATIENTS, seed: int = 1) -> tuple[str, str] | None:
    """Outcome that a column determines, and how, beside five columns of noise."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(patients, 6))
    table[:, 3] = column
    times, events, unknown = outcomes(patients, seed)
    leaked = leaks(table, times_months=times, events=events, krt7_as_high=unknown)
    assert {one.column for one in leaked} <= {3}
    return (leaked[0].what, leaked[0].how) if leaked else None


def outcomes(patients: int = PATIENTS, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed + 100)
    times = rng.uniform(2, 90, patients).round(1)
    events = (rng.random(patients) < 0.15).astype(float)
    return times, events, np.full(patients, np.nan)


def test_columns_that_are_the_event() -> None:
    _, events, _ = outcomes()
    rng = np.random.default_rng(2)
    assert found(events) == ("the event", "one threshold divides the patients as it does")
    assert found(1 - events) == ("the event", "one threshold divides the patients as it does")
    mixed = np.where(events == 1, rng.choice([1, 3], PATIENTS), rng.choice([0, 2], PATIENTS))
    assert found(mixed) == ("the event", "none of its values occurs on both sides")
    only = np.where(events == 1, rng.uniform(size=PATIENTS), np.nan)
    assert found(only) == ("the event", "it is filled in on one side only")
    typing_mistake = events.copy()
    typing_mistake[np.flatnonzero(events == 0)[0]] = 1
    said = found(typing_mistake)
    assert said is not None
    assert "almost as it does (AUC 0.99" in said[1]


def test_columns_that_are_the_follow_up() -> None:
    times, _, _ = outcomes()
    rng = np.random.default_rng(3)
    what = ("the follow-up", "it orders the patients as their times do")
    assert found(times * 30.4375) == what
    assert found(-np.floor(times / 12)) == what  # year of the last visit, say
    assert found(times + rng.normal(size=PATIENTS)) == what
    assert found(np.where(rng.random(PATIENTS) < 0.3, np.nan, times)) == what


def test_a_good_feature_is_no_outcome() -> None:
    times, events, _ = outcomes()
    rng = np.random.default_rng(4)
    assert found(events + rng.normal(size=PATIENTS)) is None  # AUC .76
    assert found(1.8 * events + rng.normal(size=PATIENTS)) is None  # AUC .9, better than any in the literature
    assert found(times + 60 * rng.normal(size=PATIENTS)) is None
    assert found(np.zeros(PATIENTS)) is None


def test_chance_among_few_patients_is_no_outcome() -> None:
    _, events, _ = outcomes(patients=6, seed=3)
    events[:] = [1, 1, 0, 0, 0, 0]
    rng = np.random.default_rng(5)
    table = np.sort(rng.normal(size=(6, 40)), axis=0)  # every column divides two from four
    nobody = np.full(6, np.nan)
    assert leaks(table, times_months=nobody, events=events, krt7_as_high=nobody) == ()


def test_none_is_found_in_noise_of_the_size_of_the_paper() -> None:
    rng = np.random.default_rng(6)
    times, events, _ = outcomes(244, seed=6)
    high = (rng.random(244) < 0.5).astype(float)
    assert leaks(rng.normal(size=(244, 3452)), times_months=times, events=events, krt7_as_high=high) == ()


def test_it_is_refused_with_its_name_and_can_be_overruled(tmp_path: Path) -> None:
    rows = outcome_rows(values()[:, 0])
    table = values()
    table[:, 7] = [float(row[2]) for row in rows]
    features = read_features(write_features(tmp_path / "features.csv", table))
    path = write_outcomes(tmp_path / "outcomes.csv", rows)
    with pytest.raises(CohortRejected) as refusal:
        join(features, read_outcomes(path))
    assert f"'{input_names()[7]}' determines the follow-up" in str(refusal.value)
    assert "remove it" in str(refusal.value)
    overruled = check_cohort(features, read_outcomes(path, overruled=[Doubt.AMONG_FEATURES]))
    assert overruled.refusals == ()
    assert Doubt.AMONG_FEATURES in {note.code for note in overruled.notes}
