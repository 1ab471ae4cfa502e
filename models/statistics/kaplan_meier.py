"""Kaplan-Meier curves, numbers at risk, log-rank test and median follow-up.

Confidence limits are Wilson's, with the number of patients that would give Greenwood's variance without censoring, and
those at risk while there is no event. R's default, the log scale of survival (`conf.type = "log"`, cut at 1), covers
51 to 92 % of small groups with few events where 95 are promised; it stays here as the oracle's. The log-rank test is
lifelines'.

References: Kaplan and Meier (1958), JASA 53:457-481; Greenwood (1926) for the variance; Rothman (1978), J Chronic Dis
31:557-560, for the limits; Schemper and Smith (1996), Control Clin Trials 17:343-346, for the reverse estimate of
follow-up. Curve and log limits are equal to R `survival::survfit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from models.statistics.followed import Floats, ratio
from models.statistics.wilson import wilson

FEWEST_AT_RISK = 10  # patients; a curve that rests on fewer moves by a tenth and more with one event
_Z = float(norm.ppf(0.975))


class Limits(StrEnum):
    """Method of the 95 % limits of a curve."""

    WILSON = "Wilson with Greenwood's number"
    LOG = "log"  # R's default


@dataclass(frozen=True, eq=False)
class SurvivalCurve:
    """A survival curve, a right-continuous step function, 1 before the first time.

    Attributes
    ----------
    times_months : float64 (k,), the different times of events and censorings, increasing
    at_risk, events, censored : float64 (k,), patients under observation just before each time, and what happened then
    survival : float64 (k,), 0 to 1
    low, high : float64 (k,), 95 % limits; NaN where survival is 0
    limits : how they are computed
    """

    times_months: Floats
    at_risk: Floats
    events: Floats
    censored: Floats
    survival: Floats
    low: Floats
    high: Floats
    limits: Limits = Limits.WILSON

    def at(self, months: float) -> tuple[float, float, float]:
        """Survival with its limits at a time; NaN beyond the last time, where nothing is known unless survival is 0."""
        if months > self.times_months[-1] and self.survival[-1] > 0:
            return (np.nan, np.nan, np.nan)
        step = int(np.searchsorted(self.times_months, months, side="right"))
        if (step == 0 or self.survival[step - 1] == 1) and self.limits is Limits.WILSON:
            # No event so far: what is known comes from the patients who are still followed.
            return (1.0, wilson(1.0, float(self.numbers_at_risk([months])[0]))[0], 1.0)
        if step == 0:
            return (1.0, 1.0, 1.0)
        return float(self.survival[step - 1]), float(self.low[step - 1]), float(self.high[step - 1])

    def numbers_at_risk(self, months: Sequence[float]) -> tuple[int, ...]:
        """Patients under observation just before each of some times, as R's `summary(survfit)` counts them."""
        steps = np.searchsorted(self.times_months, months, side="left")
        padded = np.concatenate([self.at_risk, [0.0]])
        return tuple(int(padded[step]) for step in steps)

    def events_by(self, months: Sequence[float]) -> tuple[int | None, ...]:
        """Events up to and including each of some times; None where the curve does not hold them."""
        return self._counted(self.events, months)

    def censored_by(self, months: Sequence[float]) -> tuple[int | None, ...]:
        """Patients censored up to and including each of some times; None where the curve does not hold them."""
        return self._counted(self.censored, months)

    def followed_until(self, fewest: int) -> float:
        """The last time with at least `fewest` patients under observation; 0 where there is none."""
        enough = np.flatnonzero(self.at_risk >= fewest)
        return float(self.times_months[enough[-1]]) if enough.size else 0.0

    def _counted(self, counts: Floats, months: Sequence[float]) -> tuple[int | None, ...]:
        totals = np.concatenate([[0.0], np.cumsum(counts)])
        steps = np.searchsorted(self.times_months, months, side="right")
        return tuple(None if np.isnan(totals[step]) else int(totals[step]) for step in steps)

    def median(self) -> tuple[float, float, float]:
        """First time at which survival is at most one half, with 95 % limits; NaN where it is not reached.

        The limits are the times at which the limits of the curve reach one half (Brookmeyer and Crowley 1982).
        """
        return self._crossing(self.survival, 0.5), self._crossing(self.low, 0.5), self._crossing(self.high, 0.5)

    def quantile(self, share: float) -> float:
        """First time by which a share of the patients had the event; NaN where it is not reached."""
        return self._crossing(self.survival, 1 - share)

    def _crossing(self, values: Floats, level: float) -> float:
        below = np.flatnonzero(values <= level + 1e-12)
        return float(self.times_months[below[0]]) if below.size else np.nan


def survival_curve(times_months: ArrayLike, events: ArrayLike, *, limits: Limits = Limits.WILSON) -> SurvivalCurve:
    """The Kaplan-Meier curve of patients in any order; events are true or false."""
    times, is_event = np.asarray(times_months, dtype=np.float64), np.asarray(events).astype(np.bool_)
    distinct, place = np.unique(times, return_inverse=True)
    deaths = np.bincount(place, is_event, distinct.size).astype(np.float64)
    ended = np.bincount(place, minlength=distinct.size).astype(np.float64)
    at_risk = times.size - np.concatenate([[0.0], np.cumsum(ended)[:-1]])
    survival = np.cumprod(1 - deaths / at_risk)
    # At survival 0 the variance of its logarithm is infinite: no limits there, as in R.
    greenwood = np.cumsum(ratio(deaths, at_risk * (at_risk - deaths)))
    if limits is Limits.LOG:
        spread = _Z * np.sqrt(greenwood)
        low, high = survival * np.exp(-spread), np.minimum(survival * np.exp(spread), 1.0)
    else:
        # S(1 - S) / (S² · Greenwood's sum): without censoring the number of patients.
        number = np.where(greenwood > 0, ratio(1 - survival, survival * greenwood), at_risk)
        low, high = np.array([wilson(*pair) for pair in zip(survival, number, strict=True)]).T
    return SurvivalCurve(distinct, at_risk, deaths, ended - deaths, survival, low, high, limits)


def median_follow_up(times_months: ArrayLike, events: ArrayLike) -> tuple[float, float, float]:
    """Median time to censoring with 95 % limits, by the reverse Kaplan-Meier method; NaN where it is not reached."""
    return survival_curve(times_months, ~np.asarray(events).astype(np.bool_)).median()


def follow_up_quartiles(times_months: ArrayLike, events: ArrayLike) -> tuple[float, float, float]:
    """Quartiles of the time to censoring (25, 50, 75 %), by the reverse Kaplan-Meier method; NaN where not reached."""
    curve = survival_curve(times_months, ~np.asarray(events).astype(np.bool_))
    return curve.quantile(0.25), curve.quantile(0.5), curve.quantile(0.75)


def weighted_survival_at(times_months: Floats, events: NDArray[np.bool_], months: float, weights: Floats) -> Floats:
    """Kaplan-Meier survival at a time for weighted patients in order of time, events first: (resamples,)."""
    behind = np.cumsum(weights[:, ::-1], axis=1)[:, ::-1]
    # Events at one time share their risk set, the one of the first of them.
    first = np.searchsorted(times_months, times_months, side="left")
    distinct, start = np.unique(first, return_index=True)
    deaths = np.add.reduceat(weights * events, start, axis=1)
    share = np.divide(deaths, behind[:, distinct], out=np.zeros_like(deaths), where=behind[:, distinct] > 0)
    upto = times_months[distinct] <= months
    return np.asarray(np.prod(1 - share * upto, axis=1))


@dataclass(frozen=True)
class LogRank:
    """Log-rank test of two or more groups.

    Attributes
    ----------
    chi_square, degrees, p : statistic, degrees of freedom, p value (two-sided)
    """

    chi_square: float
    degrees: int
    p: float


def log_rank(times_months: ArrayLike, events: ArrayLike, groups: ArrayLike) -> LogRank | None:
    """Log-rank test (Mantel 1966), None with fewer than two groups or no event. Equal to R `survival::survdiff`."""
    times, flags, labels = np.asarray(times_months, dtype=np.float64), np.asarray(events), np.asarray(groups)
    different = np.unique(labels)
    if different.size < 2 or not flags.any():
        return None
    from lifelines.statistics import multivariate_logrank_test  # 2 s to load, for this alone

    result = multivariate_logrank_test(times, labels, flags.astype(np.int64))
    return LogRank(float(result.test_statistic), int(different.size - 1), float(result.p_value))
