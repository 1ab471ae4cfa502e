"""Survival functions of a proportional hazards model: baseline hazard and recurrence-free survival.

Higher log-risk means higher risk everywhere. Times are months.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import CohortRejected, SetupError


@dataclass(frozen=True, eq=False)
class BaselineHazard:
    """Cumulative baseline hazard H0(t) of a proportional hazards model, a right-continuous step function.

    H0 is 0 before the first time and is not defined after the last one: the last time is the end of follow-up of the
    patients it was estimated on, and nothing is known beyond.

    Attributes
    ----------
    times_months : float64 (k,), positive, strictly increasing
    cumulative : float64 (k,), not negative, not decreasing; the hazard of a patient whose log-risk is 0

    Raises
    ------
    SetupError
        When the arrays break one of these rules.
    """

    times_months: NDArray[np.float64]
    cumulative: NDArray[np.float64]

    def __post_init__(self) -> None:
        times = np.array(self.times_months, dtype=np.float64)
        cumulative = np.array(self.cumulative, dtype=np.float64)
        if times.ndim != 1 or times.shape != cumulative.shape or times.size == 0:
            raise SetupError(
                f"The baseline hazard has {times.shape} times and {cumulative.shape} values; two columns of the same "
                "length, at least one row, were expected."
            )
        if not (np.all(np.isfinite(times)) and np.all(np.isfinite(cumulative))):
            raise SetupError("The baseline hazard holds numbers that are not finite; none was expected.")
        if times[0] <= 0 or np.any(np.diff(times) <= 0):
            raise SetupError("The times of the baseline hazard must be positive and strictly increasing.")
        if cumulative[0] < 0 or np.any(np.diff(cumulative) < 0):
            raise SetupError("The cumulative baseline hazard must not be negative and must not decrease.")
        for name, array in (("times_months", times), ("cumulative", cumulative)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def end_months(self) -> float:
        """The last time at which H0 is known."""
        return float(self.times_months[-1])

    def at(self, months: float) -> float:
        """H0 at one time.

        Raises
        ------
        SetupError
            When `months` is not positive or lies beyond the last time of the baseline.
        """
        if not 0 < months <= self.end_months:
            raise SetupError(
                f"Survival at {months:g} months was requested; the baseline hazard is known from 0 to "
                f"{self.end_months:g} months. Ask for a horizon inside the follow-up of the training patients."
            )
        step = int(np.searchsorted(self.times_months, months, side="right"))
        return float(self.cumulative[step - 1]) if step else 0.0

    def survival(self, log_risk: ArrayLike, months: float) -> NDArray[np.float64]:
        """S(t) = exp(-H0(t) · exp(log-risk)), elementwise, between 0 and 1.

        Raises
        ------
        SetupError
            As `at`.
        """
        # Beyond exp(700) survival is 0 in double precision; the bound keeps 0 · exp(r) from becoming NaN.
        risk = np.exp(np.minimum(np.asarray(log_risk, dtype=np.float64), 700.0))
        return np.asarray(np.exp(-self.at(months) * risk))


def breslow_baseline(times_months: ArrayLike, events: ArrayLike, log_risk: ArrayLike) -> BaselineHazard:
    """Breslow's estimate: H0(t) = Σ over event times u ≤ t of d(u) / Σ over patients at risk at u of exp(log-risk).

    One row per distinct event time, and one at the end of follow-up where that is later. To be honest about an overfit
    model, pass log-risks that were predicted out of fold.

    Parameters
    ----------
    times_months, events, log_risk : (n,); events are 0 or 1

    Raises
    ------
    SetupError
        When the arrays do not fit, there is no event, or an event is at time 0.

    References
    ----------
    Breslow, discussion of Cox (1972), J R Stat Soc B 34:216-217. Equal to R `survival::basehaz(fit, centered = FALSE)`
    of a fit with `ties = "breslow"`.
    """
    times, events, log_risk = checked_outcomes(times_months, events, log_risk)
    shift = log_risk.max()
    order = np.argsort(times, kind="stable")
    times, events, weights = times[order], events[order], np.exp(log_risk[order] - shift)
    at_risk = np.cumsum(weights[::-1])[::-1]
    event_times, first = np.unique(times, return_index=True)
    deaths = np.add.reduceat(events.astype(np.float64), first)
    hazard = deaths / at_risk[first] * np.exp(-shift)
    keep = deaths > 0
    keep[-1] = True
    return BaselineHazard(event_times[keep], np.cumsum(hazard)[keep])


def checked_outcomes(
    times: ArrayLike, events: ArrayLike, log_risk: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Follow-up, events and log-risks as arrays (patients,) of float64, bool and float64.

    Raises
    ------
    CohortRejected
        When the arrays do not fit, hold what they must not, or there is no event.
    """
    times, flags = np.asarray(times, dtype=np.float64), np.asarray(events)
    risks = np.asarray(log_risk, dtype=np.float64)
    if times.ndim != 1 or times.shape != flags.shape or times.shape != risks.shape:
        raise CohortRejected(
            f"{times.shape} times, {flags.shape} events and {risks.shape} log-risks; one of each per patient expected."
        )
    if not np.all(np.isin(flags, (0, 1))):
        raise CohortRejected("Events must be 0 (censored) or 1 (event).")
    if not (np.all(np.isfinite(times)) and np.all(times >= 0) and np.all(np.isfinite(risks))):
        raise CohortRejected("Times must be finite and not negative, log-risks finite.")
    if not flags.any():
        raise CohortRejected("There is no event among the patients; at least one was expected.")
    return times, flags.astype(np.bool_), risks
