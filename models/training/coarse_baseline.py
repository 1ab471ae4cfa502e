"""The baseline hazard as it leaves the site: whole months and groups of recurrences, no single patient's time.

Breslow's estimate has a step at each recurrence, so a table of it lists the days on which patients recurred. A package
holds it in whole months instead, on straight lines that join the horizons of the model, where survival is unchanged,
and such months between them as have at least five recurrences on either side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.statistics.grouped_months import grouped_months
from models.statistics.survival import BaselineHazard

FEWEST = 5  # recurrences between two points, unless both are horizons
_DIGITS = 6  # of a hazard: more would be a fingerprint of the sum of single patients that it was


@dataclass(frozen=True, eq=False)
class CoarseBaseline:
    """A baseline without single recurrences, and what that costs.

    Attributes
    ----------
    baseline : in whole months, and at the horizons; ends with the last horizon or group of recurrences
    loss : largest difference of recurrence-free survival at any horizon, among the log-risks given
    """

    baseline: BaselineHazard
    loss: float


def coarsened(
    exact: BaselineHazard, *, horizons_months: tuple[float, ...], log_risks: NDArray[np.float64]
) -> CoarseBaseline:
    """Coarsens Breslow's estimate; distinct times of recurrence count, so that ties only make the groups larger.

    Parameters
    ----------
    exact : one step for each time of recurrence
    horizons_months : increasing, inside the follow-up
    log_risks : float64 (patients,), for the loss
    """
    steps = exact.times_months[np.diff(exact.cumulative, prepend=0.0) > 0]
    points = grouped_months(steps, end_months=exact.end_months, always=horizons_months, fewest=FEWEST)
    hazards = [exact.at(point) for point in points]
    months = np.union1d(np.arange(1.0, math.floor(points[-1]) + 1), horizons_months)
    hazard = [float(f"{value:.{_DIGITS}g}") for value in np.interp(months, [0.0, *points], [0.0, *hazards])]
    baseline = BaselineHazard(months, np.array(hazard))
    lost = [np.abs(exact.survival(log_risks, at) - baseline.survival(log_risks, at)) for at in horizons_months]
    return CoarseBaseline(baseline, float(np.max(lost)))
