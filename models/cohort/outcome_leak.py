"""Finds an outcome among the features: a column that determines the event, the follow-up or the expression.

Radiomic features that tell every recurrence from every other patient do not exist; a column that does is the outcome
under another name, and a model trained on it is worth nothing. A column determines a yes-or-no outcome when no value
occurs on both sides, when one threshold divides the sides (or almost: AUC .99), or when it is filled in on one side
only; it determines the follow-up when it orders the patients as the follow-up does. The first three are found only
where chance, over all columns, would do it less than once in a thousand tables: among three patients anything divides
one from two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import rankdata

_CHANCE = 1e-3
_SAME_ORDER = 0.99  # |Spearman|
_FEWEST_STEPS = 5  # follow-up in whole years
_CANDIDATE = 0.9  # below, of AUC (2 AUC - 1) or |Spearman|, the exact ranks are not asked for
_FEWEST_TIMES = 20
_ALMOST = 0.99  # AUC; radiomic features reach .9
_FEWEST_OF_A_SIDE = 10
_FEW_VALUES = 12  # of a coded column: status 0 to 3, say


@dataclass(frozen=True)
class Leak:
    """A column that is an outcome.

    Attributes
    ----------
    column : its index
    what : the outcome it determines, in words
    how : in which way, as a clause
    """

    column: int
    what: str
    how: str


def leaks(
    values: NDArray[np.float64],
    *,
    times_months: NDArray[np.float64],
    events: NDArray[np.float64],
    krt7_as_high: NDArray[np.float64],
) -> tuple[Leak, ...]:
    """Looks at every column.

    Parameters
    ----------
    values : float64 (patients, columns), NaN for an empty cell
    times_months, events, krt7_as_high : float64 (patients,), NaN where not known
    """
    found: dict[int, Leak] = {}
    for what, labels in (("the event", events), ("krt7_as_high", krt7_as_high)):
        known = np.isin(labels, (0, 1))
        for column, how in _dividing(values[known], labels[known] == 1):
            found.setdefault(column, Leak(column, what, how))
    followed = ~np.isnan(times_months)
    for column in _ordered_alike(values[followed], times_months[followed]):
        found.setdefault(column, Leak(column, "the follow-up", "it orders the patients as their times do"))
    return tuple(found[column] for column in sorted(found))


def _dividing(values: NDArray[np.float64], labels: NDArray[np.bool_]) -> list[tuple[int, str]]:
    """Columns that divide the patients as the labels do, and how."""
    patients, columns, events = labels.size, values.shape[1], int(labels.sum())
    if not 0 < events < patients or not columns:
        return []
    filled = ~np.isnan(values)
    one, other = values[labels], values[~labels]
    with np.errstate(invalid="ignore"):
        low_one, high_one = _extremes(one)
        low_other, high_other = _extremes(other)
    count_one, count_other = filled[labels].sum(axis=0), filled[~labels].sum(axis=0)
    both = (count_one > 0) & (count_other > 0)
    divided = both & ((low_one > high_other) | (high_one < low_other))
    missing = (count_one == 0) & (count_other == patients - events)
    missing |= (count_other == 0) & (count_one == events)
    found: dict[int, str] = {}
    for column in np.flatnonzero(divided | missing):
        logs = np.log(2 * columns) - _log_ways(int(count_one[column]), int(count_other[column]))
        if missing[column]:
            logs = np.log(2 * columns) - _log_ways(events, patients - events)
            if logs < np.log(_CHANCE):
                found[int(column)] = "it is filled in on one side only"
        elif logs < np.log(_CHANCE):
            found[int(column)] = "one threshold divides the patients as it does"
    for column in np.flatnonzero(both & ~divided):
        different = np.unique(values[filled[:, column], column])
        if not 2 < different.size <= _FEW_VALUES:
            continue
        if np.isin(one[filled[labels, column], column], other[filled[~labels, column], column]).any():
            continue
        logs = np.log(columns) + different.size * np.log(2)
        if logs - _log_ways(int(count_one[column]), int(count_other[column])) < np.log(_CHANCE):
            found[int(column)] = "none of its values occurs on both sides"
    complete = np.flatnonzero(filled.all(axis=0))
    if min(events, patients - events) >= _FEWEST_OF_A_SIDE and complete.size:
        for column in complete[np.abs(_auc(_in_order(values[:, complete]), labels) - 0.5) > _CANDIDATE / 2]:
            auc = float(_auc(rankdata(values[:, column])[:, np.newaxis], labels)[0])
            if max(auc, 1 - auc) >= _ALMOST:
                how = f"one threshold divides the patients almost as it does (AUC {max(auc, 1 - auc):.3f})"
                found.setdefault(int(column), how)
    return sorted(found.items())


def _extremes(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest and largest value of each column; infinity of the other sign where there is none."""
    empty = np.isnan(values)
    low = np.where(empty, np.inf, values).min(axis=0, initial=np.inf)
    high = np.where(empty, -np.inf, values).max(axis=0, initial=-np.inf)
    return np.asarray(low), np.asarray(high)


def _log_ways(one: int, other: int) -> float:
    """Logarithm of the number of ways to label `one` of `one + other` patients."""
    return float(gammaln(one + other + 1) - gammaln(one + 1) - gammaln(other + 1))


def _auc(ranks: NDArray[np.float64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Area under the ROC curve of each column of ranks (from 1): Mann and Whitney's statistic."""
    events = int(labels.sum())
    above = ranks[labels].sum(axis=0) - events * (events + 1) / 2
    return np.asarray(above / (events * (labels.size - events)))


def _in_order(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1 of each column without empty cells; ties in the order of the rows."""
    places = np.argsort(np.argsort(values, axis=0, kind="stable"), axis=0, kind="stable")
    return np.asarray(places + 1, dtype=np.float64)


def _ordered_alike(values: NDArray[np.float64], times: NDArray[np.float64]) -> list[int]:
    """Columns that order the patients as the times do, or do so in steps."""
    order = np.argsort(times, kind="stable")
    values, times = values[order], times[order]
    complete = ~np.isnan(values).any(axis=0)
    candidates = np.flatnonzero(~complete).tolist()
    if times.size >= _FEWEST_TIMES and complete.any():
        # Ties keep the order of the times, or turn it round: a column of steps is a candidate in either direction.
        by_time = _standardised(np.arange(times.size, dtype=np.float64))
        for columns in (values[:, complete], -values[:, complete]):
            strength = by_time @ _standardised(_in_order(columns)) / times.size
            candidates += np.flatnonzero(complete)[strength >= _CANDIDATE].tolist()
    return sorted(column for column in set(candidates) if _orders(values[:, column], times))


def _orders(column: NDArray[np.float64], times: NDArray[np.float64]) -> bool:
    """Returns whether a column has the order of the times, or falls or rises with them in five steps or more.

    Parameters
    ----------
    times : increasing
    """
    filled = ~np.isnan(column)
    column, times = column[filled], times[filled]
    if column.size < _FEWEST_TIMES or np.unique(column).size < _FEWEST_STEPS:
        return False
    strength = abs(float(_standardised(rankdata(column)) @ _standardised(rankdata(times)))) / column.size
    steps = min(int((np.diff(sign * column) < 0).sum()) for sign in (1, -1))
    return strength >= _SAME_ORDER or (strength >= _CANDIDATE and steps == 0)


def _standardised(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = ranks - ranks.mean(axis=0)
    spread = centred.std(axis=0)
    return np.asarray(centred / np.where(spread > 0, spread, np.inf))
