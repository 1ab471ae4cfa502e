"""Calibration: whether predicted survival is what happened to new patients.

Three views at one time: mean predicted against observed risk, groups of equal size by predicted risk against their
Kaplan-Meier risk, and the slope of the score over the whole follow-up (1 is right, below 1 the predictions are too
extreme, above 1 too timid).

References: van Houwelingen (2000), Stat Med 19:3401-3415; Royston and Altman (2013), BMC Med Res Methodol 13:33.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from models.statistics.cox import CoxFit, fit_cox
from models.statistics.followed import Floats, Followed
from models.statistics.kaplan_meier import survival_curve

LARGEST_GROUPS = 10
EVENTS_PER_GROUP = 5  # fewer groups where there are fewer events


@dataclass(frozen=True)
class CalibrationGroup:
    """Patients of similar predicted risk.

    Attributes
    ----------
    patients, events : in the group; events up to the time
    predicted : mean predicted risk at the time
    observed, low, high : 1 - Kaplan-Meier at the time with 95 % limits, NaN where nobody is followed so far; for an
        outcome that is known in every patient, its share with Wilson's limits
    """

    patients: int
    events: int
    predicted: float
    observed: float
    low: float
    high: float


def observed_risk(patients: Followed, months: float) -> tuple[float, float, float]:
    """1 - Kaplan-Meier at a time, with 95 % limits; NaN where nobody is followed so far."""
    survival, low, high = survival_curve(patients.times_months, patients.events).at(months)
    return 1 - survival, 1 - high, 1 - low


def calibration_groups(patients: Followed, months: float, risk: Floats) -> tuple[CalibrationGroup, ...]:
    """Groups of equal size by predicted risk, lowest first.

    At most `LARGEST_GROUPS`, and not more than one for each `EVENTS_PER_GROUP` events up to the time, at least two.
    Patients with the same predicted risk stay together.

    Parameters
    ----------
    risk : predicted probability of an event up to `months`, float64 (patients,), in the order of `patients`
    """
    place = _place(risk, patients.events_by(months))
    groups = []
    for number in np.unique(place):
        inside = place == number
        times, events = patients.times_months[inside], patients.events[inside]
        survival, low, high = survival_curve(times, events).at(months)
        groups.append(
            CalibrationGroup(
                patients=int(inside.sum()),
                events=int(np.count_nonzero(events & (times <= months))),
                predicted=float(risk[inside].mean()),
                observed=1 - survival,
                low=1 - high,
                high=1 - low,
            )
        )
    return tuple(groups)


def calibration_groups_of(probabilities: Floats, outcome: NDArray[np.bool_]) -> tuple[CalibrationGroup, ...]:
    """The same groups for an outcome that is known in every patient; the fewer of the two outcomes count as events.

    Parameters
    ----------
    probabilities : float64 (patients,)
    outcome : bool (patients,)
    """
    place = _place(probabilities, int(min(outcome.sum(), outcome.size - outcome.sum())))
    groups = []
    for number in np.unique(place):
        inside = place == number
        with_it, count = int(outcome[inside].sum()), int(inside.sum())
        limits = binomtest(with_it, count).proportion_ci(method="wilson")
        predicted = float(probabilities[inside].mean())
        groups.append(
            CalibrationGroup(count, with_it, predicted, with_it / count, float(limits.low), float(limits.high))
        )
    return tuple(groups)


def _place(risk: Floats, events: int) -> NDArray[np.intp]:
    """Number of the group of each patient, not all numbers used."""
    wanted = int(np.clip(events // EVENTS_PER_GROUP, 2, LARGEST_GROUPS))
    edges = np.quantile(risk, np.linspace(0, 1, wanted + 1)[1:-1], method="inverted_cdf")
    return np.asarray(np.searchsorted(np.unique(edges), risk, side="left"))


def calibration_slope(patients: Followed) -> CoxFit | None:
    """Cox regression on the log-risk itself: the coefficient is the slope; None where it cannot be estimated."""
    return fit_cox(patients.times_months, patients.events, patients.scores)
