"""Months that group the times of events, so that a curve through them tells no single event's time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from models.statistics.followed import Floats


def grouped_months(times: ArrayLike, *, end_months: float, always: Sequence[float], fewest: int) -> tuple[float, ...]:
    """Points of a curve: the months of `always`, and whole months with enough events on either side.

    Parameters
    ----------
    times : of the events, in months, in any order
    end_months : no point is later
    always : increasing, not after the end
    fewest : events since the point before and until the next month of `always`
    """
    events: Floats = np.asarray(times, dtype=np.float64)

    def between(after: float, until: float) -> int:
        return int(np.count_nonzero((events > after) & (events <= until)))

    points: list[float] = []
    for month in np.union1d(np.arange(1.0, math.floor(end_months) + 1), always).tolist():
        ahead = next((one for one in always if one > month), None)
        is_group = between(points[-1] if points else 0.0, month) >= fewest
        if month in always or (is_group and (ahead is None or between(month, ahead) >= fewest)):
            points.append(month)
    return tuple(points)
