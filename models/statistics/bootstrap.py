"""Percentile intervals from bootstrap samples of patients.

Reference: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.number_words import counted
from models.statistics.estimate import Estimate, Found, NotEstimable
from models.statistics.followed import Floats

FEWEST_EVENTS = 5  # with fewer, the samples repeat the same few events and the interval is far too short
_FEWEST_USABLE = 0.9  # share of the samples in which the statistic exists
_CELLS = 2_000_000  # of one batch of samples


def resampled_estimate(
    statistic: Callable[[Floats | None], Floats], samples: NDArray[np.uint16], *, events: int, why_not: str
) -> Found:
    """A statistic with its 95 % percentile interval.

    Parameters
    ----------
    statistic : of weights (resamples, patients), or of every patient once for None
    samples : (resamples, patients), how often each patient is in each sample
    events : what the statistic rests on; with fewer than `FEWEST_EVENTS` there is no interval
    why_not : the reason where the statistic does not exist
    """
    value = float(statistic(None)[0])
    if not np.isfinite(value):
        return NotEstimable(why_not)
    if events < FEWEST_EVENTS:
        return Estimate(value, None, f"no interval: fewer than {FEWEST_EVENTS} events")
    batch = max(1, _CELLS // samples.shape[1])
    parts = [statistic(samples[at : at + batch].astype(np.float64)) for at in range(0, len(samples), batch)]
    found = np.concatenate(parts)
    usable = found[np.isfinite(found)]
    if usable.size < _FEWEST_USABLE * found.size:
        return Estimate(
            value, None, f"no interval: it exists in {usable.size} of {counted(found.size, 'bootstrap sample')} only"
        )
    low, high = (float(one) for one in np.quantile(usable, (0.025, 0.975)))
    if low == high:
        return Estimate(value, None, "no interval: every bootstrap sample gives the same value")
    return Estimate(value, (low, high), f"bootstrap percentile, {counted(usable.size, 'sample')}")
