"""Statistics with the intervals that cover (`models.statistics.wilson`, Firth, the log scale), in words."""

from __future__ import annotations

import math
from collections.abc import Callable

from models.statistics.bootstrap import FEWEST_EVENTS
from models.statistics.brier import brier_at, brier_interval, integrated_brier
from models.statistics.estimate import Estimate, Found, NotEstimable
from models.statistics.followed import Floats, Followed
from models.statistics.wilson import PairsWon, wilson


def brier(patients: Followed, months: Floats, survival_at: Callable[[float], Floats], why_not: str) -> Found:
    """Brier score at one time, or integrated over several."""
    if len(months) == 1:
        value = float(brier_at(patients, float(months[0]), survival_at(float(months[0])))[0])
    else:
        value = float(integrated_brier(patients, months, survival_at)[0])
    if math.isnan(value):
        return NotEstimable(why_not)
    events = patients.events_by(float(months[-1]))
    if events < FEWEST_EVENTS:
        return Estimate(value, None, f"no interval: fewer than {FEWEST_EVENTS} events")
    if value == 0:
        return Estimate(value, None, "no interval: every prediction is right")
    return Estimate(value, brier_interval(patients, months, survival_at), f"log scale, t of {events - 1}")


def won(found: PairsWon | None, why_not: str) -> Found:
    if found is None:
        return NotEstimable(why_not)
    return Estimate(found.share, (found.low, found.high), f"smoothed Wilson, effective number {found.effective:.1f}")


def share(value: float, effective: float, why_not: str) -> Found:
    if math.isnan(value):
        return NotEstimable(why_not)
    return Estimate(value, wilson(value, effective), f"Wilson, effective number {effective:.1f}")


def signal_of(found: Found, events: int) -> bool | None:
    """Returns whether the interval of a concordance lies above .5; None where so few events tell nothing."""
    if not isinstance(found, Estimate) or found.interval is None or events < FEWEST_EVENTS:
        return None
    return found.interval[0] > 0.5


def bounded(bounds: tuple[float, float] | None) -> str:
    """The interval of a ratio without estimate, in words."""
    if bounds is None:
        return ""
    low, high = (math.exp(one) for one in bounds)
    return f" Firth's 95 % interval: {low:.3g} to {high:.3g}."
