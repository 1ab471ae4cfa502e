"""Hazard ratios of a score and of its risk groups in subgroups, and tests whether they differ between them.

A subgroup with a small p value beside one with a large p value is no difference between the two: the interaction test
asks that. With many columns some of those tests are small by chance; how many is printed beside them.

References: Wang et al. (2007), NEJM 357:2189-2194, for subgroups and interactions.
"""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.constant import varies
from models.number_words import counted
from models.patients.added_value import FEWEST_EVENTS, hazard_ratio
from models.patients.covariates import Covariate, Kind
from models.statistics.cox import ChiSquare, CoxModel, NoMaximum, fit_cox_model
from models.statistics.estimate import Found, NotEstimable
from models.statistics.feature_tests import HitCount, count_hits
from models.statistics.followed import Floats

EVERYONE = ""  # column of the row of all patients


@dataclass(frozen=True)
class Subgroup:
    """One row of the forest.

    Attributes
    ----------
    column, level : what the patients have in common; "" for all patients
    patients, events, high, events_high : numbers; the last two of the high-risk group
    by_score : hazard ratio per standard deviation of the score among all patients; above 1, a higher score is worse
    low_against_high : hazard ratio of the low-risk group, the high-risk group is the reference, as in the paper
    high_against_low : the same the other way round
    group_p : likelihood-ratio p value of the groups; holds where a ratio is not finite; None where no model is fitted
    """

    column: str
    level: str
    patients: int
    events: int
    high: int
    events_high: int
    by_score: Found
    low_against_high: Found
    high_against_low: Found
    group_p: float | None


@dataclass(frozen=True)
class Interaction:
    """Test whether the effect of the score differs between the levels of a column.

    Attributes
    ----------
    column : of the subgroups
    patients, events : with a known level
    test : likelihood-ratio test of score × level; None where no model is fitted, and why
    why_not : the reason, "" where there is a test
    """

    column: str
    patients: int
    events: int
    test: ChiSquare | None
    why_not: str


@dataclass(frozen=True)
class Forest:
    """Subgroups of some patients.

    Attributes
    ----------
    score_deviation : standard deviation of the score among all these patients
    rows : all patients first, then the levels of each column
    interactions : of each column
    hits : interaction tests with P below .05, beside their expectation by chance
    """

    score_deviation: float
    rows: tuple[Subgroup, ...]
    interactions: tuple[Interaction, ...]
    hits: HitCount


def split_at_median(covariate: Covariate) -> Covariate:
    """A number as a category with two levels, at the median of the known values; a category as it is."""
    if covariate.kind is Kind.CATEGORY:
        return covariate
    median = float(np.median(covariate.numbers[covariate.known]))
    if not np.any(covariate.numbers > median):  # more than half have the largest value
        median = float(np.max(covariate.numbers[covariate.numbers < median]))
    codes = np.where(covariate.known, covariate.numbers > median, -1).astype(np.intp)
    levels = (f"≤ {median:g}", f"> {median:g}")
    return Covariate(covariate.name, Kind.CATEGORY, np.empty(0), levels, codes, levels[0])


def forest_of(
    times_months: Floats,
    events: NDArray[np.bool_],
    scores: Floats,
    is_high: NDArray[np.bool_],
    columns: Ordered[Covariate],
    *,
    strata: NDArray[np.str_] | None,
) -> Forest:
    """Hazard ratios in all patients and in each level of each column.

    Parameters
    ----------
    columns : of the same patients; numbers are split at their median
    strata : (patients,), a baseline hazard for each; None for one
    """
    spread = float(scores.std(ddof=1)) if varies(scores) else 1.0
    z: Floats = np.asarray((scores - scores.mean()) / spread, dtype=np.float64)
    cohort = _Cohort(times_months, events, z, is_high, strata)
    everyone = np.ones(scores.size, dtype=np.bool_)
    rows, interactions = [cohort.subgroup(EVERYONE, "", everyone)], []
    for column in map(split_at_median, columns):
        rows += [
            cohort.subgroup(column.name, level, inside)
            for place, level in enumerate(column.levels)
            if (inside := column.codes == place).any()
        ]
        interactions.append(cohort.interaction(column))
    p = [np.nan if one.test is None else one.test.p for one in interactions]
    return Forest(spread, tuple(rows), tuple(interactions), count_hits(p))


@dataclass(frozen=True, eq=False)
class _Cohort:
    times: Floats
    events: NDArray[np.bool_]
    z: Floats
    is_high: NDArray[np.bool_]
    strata: NDArray[np.str_] | None

    def subgroup(self, column: str, level: str, inside: NDArray[np.bool_]) -> Subgroup:
        high = inside & self.is_high
        counts = [int(mask.sum()) for mask in (inside, inside & self.events, high, high & self.events)]
        score_model = self._fitted(self.z[:, None], inside)
        group_model = self._fitted(self.is_high[:, None].astype(np.float64), inside)
        by_score = score_model if isinstance(score_model, NotEstimable) else hazard_ratio(score_model, 0)
        low: Found
        other: Found
        low = other = group_model if isinstance(group_model, NotEstimable) else NotEstimable("")
        p = None
        if isinstance(group_model, CoxModel):
            p = group_model.likelihood_ratio.p
            without = [
                f"no event among {counted(patients, 'patient')} of {name} risk"
                for name, patients, count in (
                    ("high", counts[2], counts[3]),
                    ("low", counts[0] - counts[2], counts[1] - counts[3]),
                )
                if not count
            ]
            if without:
                low = other = NotEstimable(f"The ratio is not finite: {without[0]}.")
            else:
                turned = self._fitted((~self.is_high[:, None]).astype(np.float64), inside)
                other = hazard_ratio(group_model, 0)
                low = turned if isinstance(turned, NotEstimable) else hazard_ratio(turned, 0)
        patients, events, in_high, events_high = counts
        return Subgroup(column, level, patients, events, in_high, events_high, by_score, low, other, p)

    def interaction(self, column: Covariate) -> Interaction:
        known = column.known
        counts = int(known.sum()), int((known & self.events).sum())
        _, levels = column.rows(known).columns() if known.any() else ((), np.empty((0, 0)))
        if counts[1] < FEWEST_EVENTS or not levels.shape[1]:
            why = (
                "one level only"
                if counts[1] >= FEWEST_EVENTS
                else f"{counted(counts[1], 'event')}, fewer than {FEWEST_EVENTS}"
            )
            return Interaction(column.name, *counts, None, why)
        score = self.z[known][:, None]
        plain = self._model(np.hstack([score, levels]), known)
        crossed = self._model(np.hstack([score, levels, score * levels]), known)
        if isinstance(plain, NotEstimable) or isinstance(crossed, NotEstimable):
            return Interaction(column.name, *counts, None, "a level has too few different scores")
        return Interaction(column.name, *counts, crossed.beyond(plain), "")

    def _fitted(self, columns: Floats, inside: NDArray[np.bool_]) -> CoxModel | NotEstimable:
        count = int((inside & self.events).sum())
        if count < FEWEST_EVENTS:
            return NotEstimable(f"{counted(count, 'event')}: no ratio is estimated with fewer than {FEWEST_EVENTS}.")
        return self._model(columns[inside], inside)

    def _model(self, columns: Floats, inside: NDArray[np.bool_]) -> CoxModel | NotEstimable:
        strata = None if self.strata is None else self.strata[inside]
        try:
            return fit_cox_model(self.times[inside], self.events[inside], columns, strata=strata)
        except NoMaximum:
            return NotEstimable("All patients have the same score, or are in the same risk group.")
