"""Contents of the two tables of a cohort in numbers: who is on both sides, how many events, what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.cohort.features import FeatureRows
from models.cohort.outcomes import OutcomeRows
from models.statistics.kaplan_meier import median_follow_up


@dataclass(frozen=True)
class CohortContents:
    """One named cohort, of the joined patients.

    Attributes
    ----------
    events : recurrences
    times_known : patients with a time
    shortest_months, median_months, longest_months : of the times, with and without event; None where none is known
    follow_up_months : median by the reverse Kaplan-Meier method, over patients with time and event known; None where
        it is not reached or nobody is known
    krt7_as_known, krt7_as_high : patients whose expression is known, and is high
    """

    name: str
    patients: int
    events: int
    times_known: int
    shortest_months: float | None
    median_months: float | None
    longest_months: float | None
    follow_up_months: float | None
    krt7_as_known: int
    krt7_as_high: int


@dataclass(frozen=True)
class TableContents:
    """Both tables.

    Attributes
    ----------
    feature_rows, outcome_rows : rows of each table
    joined : patients whose id is in both
    only_features, only_outcomes : rows without a partner; those without an id are among them
    cohorts : of the joined patients, in the order in which they first occur
    missing : column of the outcomes → joined patients with an empty cell, of columns that have one
    without_some_features : joined patients with an empty feature, as where a sequence was not there
    """

    feature_rows: int
    outcome_rows: int
    joined: int
    only_features: int
    only_outcomes: int
    cohorts: tuple[CohortContents, ...]
    missing: Mapping[str, int]
    without_some_features: int


def contents_of(features: FeatureRows, outcomes: OutcomeRows, pairs: Sequence[tuple[int, int]]) -> TableContents:
    """Counts both tables.

    Parameters
    ----------
    pairs : (row of the features, row of the outcomes) of each joined patient
    """
    feature_rows, rows = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    empty = {
        "time": int(np.isnan(outcomes.times_months[rows]).sum()),
        "event": int(np.isnan(outcomes.events[rows]).sum()),
        "krt7_as_high": int(np.isnan(outcomes.krt7_as_high[rows]).sum()),
        "cohort": sum(not outcomes.cohorts[row] for row in rows),
        **{name: sum(not cells[row] for row in rows) for name, cells in outcomes.clinical.items()},
    }
    names = dict.fromkeys(outcomes.cohorts[row] for row in rows)
    return TableContents(
        feature_rows=len(features.identifiers),
        outcome_rows=len(outcomes.identifiers),
        joined=len(pairs),
        only_features=len(features.identifiers) - len(set(feature_rows)),
        only_outcomes=len(outcomes.identifiers) - len(set(rows)),
        cohorts=tuple(
            _cohort(name, outcomes, [row for row in rows if outcomes.cohorts[row] == name]) for name in names
        ),
        missing={name: count for name, count in empty.items() if count},
        without_some_features=int(np.isnan(features.values[feature_rows]).any(axis=1).sum()) if pairs else 0,
    )


def _cohort(name: str, outcomes: OutcomeRows, rows: Sequence[int]) -> CohortContents:
    chosen = list(rows)
    times, events, high = (column[chosen] for column in (outcomes.times_months, outcomes.events, outcomes.krt7_as_high))
    known = times[~np.isnan(times)]
    followed = ~np.isnan(times) & ~np.isnan(events)
    follow_up = median_follow_up(times[followed], events[followed] == 1)[0] if followed.any() else np.nan
    return CohortContents(
        name=name,
        patients=len(rows),
        events=int((events == 1).sum()),
        times_known=known.size,
        shortest_months=float(known.min()) if known.size else None,
        median_months=float(np.median(known)) if known.size else None,
        longest_months=float(known.max()) if known.size else None,
        follow_up_months=None if np.isnan(follow_up) else follow_up,
        krt7_as_known=int((~np.isnan(high)).sum()),
        krt7_as_high=int((high == 1).sum()),
    )
