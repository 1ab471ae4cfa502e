"""Characteristics of patients by group: counts, missing values, tests, standardised differences."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.patients.covariates import Covariate, Kind
from models.statistics.comparison import category_difference, compare_numbers
from models.statistics.contingency import fisher_test
from models.statistics.followed import Floats
from models.statistics.kaplan_meier import follow_up_quartiles


@dataclass(frozen=True)
class NumberSummary:
    """A number in one group: of the known values; None where there is none (standard deviation: fewer than two)."""

    known: int
    mean: float | None
    deviation: float | None
    median: float | None
    lower_quartile: float | None
    upper_quartile: float | None


@dataclass(frozen=True)
class Characteristic:
    """One row of the table: a number, or a category with its levels.

    Attributes
    ----------
    name : of the column
    missing : patients of each group whose value is unknown; they count in no share and in no test
    numbers : of each group; empty for a category
    levels : of a category; empty for a number
    counts : of each level, patients of each group
    mean_p, rank_p : tests of a number, None where not possible: Welch, Wilcoxon or Kruskal-Wallis
    fisher_p, fisher_method : test of a category
    difference : standardised, the largest of all pairs of groups; None where nothing varies
    """

    name: str
    missing: tuple[int, ...]
    numbers: tuple[NumberSummary, ...]
    levels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    mean_p: float | None
    rank_p: float | None
    fisher_p: float | None
    fisher_method: str
    difference: float | None

    @property
    def p(self) -> float | None:
        """The p value that is printed: of the means, of the ranks where there is none, or Fisher's."""
        return self.fisher_p if self.levels else self.mean_p if self.mean_p is not None else self.rank_p


@dataclass(frozen=True)
class FollowUp:
    """Follow-up and events of a group: quartiles of the time to censoring, reverse Kaplan-Meier; None: not reached."""

    patients: int
    events: int
    median: float | None
    lower_quartile: float | None
    upper_quartile: float | None


@dataclass(frozen=True)
class TableOne:
    """Characteristics of the patients of several groups.

    Attributes
    ----------
    by : what the groups are, for a title
    groups, patients : names and sizes
    follow_up : of each group; empty where nothing is known of it
    rows : characteristics, in the order of the columns
    """

    by: str
    groups: tuple[str, ...]
    patients: tuple[int, ...]
    follow_up: tuple[FollowUp, ...]
    rows: tuple[Characteristic, ...]


def table_one(
    covariates: Ordered[Covariate],
    labels: ArrayLike,
    groups: Ordered[str],
    *,
    by: str,
    times_months: Floats | None = None,
    events: NDArray[np.bool_] | None = None,
) -> TableOne:
    """Describes and compares groups.

    Parameters
    ----------
    labels : (patients,), the group of each; those of no named group are left out
    groups : names, in the order of the columns
    times_months, events : float64, bool (patients,); None where they are not known
    """
    label = np.asarray(labels)
    masks = [label == group for group in groups]
    follow_up: tuple[FollowUp, ...] = ()
    if times_months is not None and events is not None:
        follow_up = tuple(follow_up_of(times_months[mask], events[mask]) for mask in masks)
    return TableOne(
        by,
        tuple(groups),
        tuple(int(mask.sum()) for mask in masks),
        follow_up,
        tuple(_characteristic(covariate, masks) for covariate in covariates),
    )


def follow_up_of(times_months: Floats, events: NDArray[np.bool_]) -> FollowUp:
    """Follow-up of some patients."""
    if not times_months.size:
        return FollowUp(0, 0, None, None, None)
    low, median, high = (None if np.isnan(one) else float(one) for one in follow_up_quartiles(times_months, events))
    return FollowUp(int(times_months.size), int(events.sum()), median, low, high)


def _characteristic(covariate: Covariate, masks: Ordered[NDArray[np.bool_]]) -> Characteristic:
    missing = tuple(int((mask & ~covariate.known).sum()) for mask in masks)
    if covariate.kind is Kind.NUMBER:
        groups = [covariate.numbers[mask & covariate.known] for mask in masks]
        tests = compare_numbers(groups)
        return Characteristic(
            covariate.name,
            missing,
            tuple(_summary(values) for values in groups),
            (),
            (),
            tests.mean_p,
            tests.rank_p,
            None,
            "",
            tests.standardised_difference,
        )
    counts = np.array(
        [[int((covariate.codes[mask] == place).sum()) for mask in masks] for place in range(len(covariate.levels))]
    )
    test = fisher_test(counts)
    return Characteristic(
        covariate.name,
        missing,
        (),
        covariate.levels,
        tuple(tuple(int(one) for one in row) for row in counts),
        None,
        None,
        None if test is None else test.p,
        "" if test is None else test.method,
        category_difference(counts),
    )


def _summary(values: Floats) -> NumberSummary:
    if not values.size:
        return NumberSummary(0, None, None, None, None, None)
    low, median, high = (float(one) for one in np.quantile(values, (0.25, 0.5, 0.75)))
    deviation = float(values.std(ddof=1)) if values.size > 1 else None
    return NumberSummary(int(values.size), float(values.mean()), deviation, median, low, high)
