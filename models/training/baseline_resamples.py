"""Bootstrap of calibration slope and baseline hazard: how well the training patients know them.

Every sample is estimated as the model was: the slope inside the outer folds on out-of-fold outputs, then Breslow's
hazard of the outputs times that slope. The slope is found by Newton steps for all samples at once, with a weight for
each patient (how often the sample holds it) and Breslow's ties, since times are whole days and ties few.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.constant import varies
from models.statistics.baseline_resamples import FEWEST, BaselineResamples
from models.training.divisions import OutOfFoldOutputs

Floats = NDArray[np.float64]

RESAMPLES = 300
_STEPS = 30
_LARGEST_STEP = 1.0  # of the slope, in units of 1/SD of the output


def resample_baseline(
    times_months: Floats,
    events: Floats,
    unseen: OutOfFoldOutputs,
    *,
    slope: float,
    horizons_months: tuple[float, ...],
    seed: int,
) -> BaselineResamples | None:
    """Slope and hazard of 300 bootstrap samples; None where the slope is 0 or too few samples have both.

    Parameters
    ----------
    times_months, events : float64 (patients,)
    unseen : outputs out of fold and before calibration; a sample holds a patient as often in every division
    slope : of the model
    """
    if not slope > 0:
        return None
    rng = np.random.default_rng(seed)
    size = times_months.size
    weights = rng.multinomial(size, np.full(size, 1 / size), size=RESAMPLES).astype(np.float64)
    weights = np.tile(weights, len(unseen.outputs))
    times_months, events, outputs = unseen.repeated(times_months), unseen.repeated(events), unseen.outputs.ravel()
    slopes = weighted_slopes(times_months, events, outputs, weights=weights, strata=unseen.strata)
    usable = np.isfinite(slopes) & (slopes > 0)
    weights, slopes = weights[usable], slopes[usable]
    hazards = _hazards(times_months, events, outputs, weights, slopes, horizons_months)
    known = np.all(hazards > 0, axis=1)
    if np.count_nonzero(known) < FEWEST:
        return None
    return BaselineResamples(slopes[known] / slope, horizons_months, hazards[known])


def weighted_slopes(
    times: Floats, events: Floats, outputs: Floats, *, weights: Floats, strata: NDArray[np.int64]
) -> Floats:
    """Coefficients of a stratified Cox model with one covariate, one for each row of weights.

    (resamples, patients) → (resamples,); NaN where Newton's steps do not settle (the outputs separate the events).
    """
    spread = float(outputs.std())
    if not varies(outputs):
        return np.full(len(weights), np.nan)
    x = outputs / spread
    parts = [_Stratum(times[rows], events[rows], x[rows], weights[:, rows]) for rows in _rows(strata)]
    slopes = np.zeros(len(weights))
    for _ in range(_STEPS):
        derivatives = [part.derivatives(slopes) for part in parts]
        gradient, curvature = (np.sum([pair[i] for pair in derivatives], axis=0) for i in range(2))
        step = np.divide(gradient, curvature, out=np.full_like(gradient, np.nan), where=curvature > 1e-10)
        slopes = slopes + np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)
    return np.where(np.abs(step) < 1e-6, slopes / spread, np.nan)


def _rows(strata: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]


class _Stratum:
    """Partial likelihood of the patients of one fold, for all samples at once."""

    def __init__(self, times: Floats, events: Floats, x: Floats, weights: Floats) -> None:
        order = np.argsort(-times, kind="stable")
        ordered = times[order]
        self._x, self._weights = x[order], weights[:, order]
        self._deaths = self._weights * events[order]
        # Of each patient: the last one, in order of falling time, who is at risk at that patient's time.
        self._last = np.searchsorted(-ordered, -ordered, side="right") - 1

    def derivatives(self, slopes: Floats) -> tuple[Floats, Floats]:
        """Gradient of the log partial likelihood, and its negative curvature: two of (resamples,)."""
        risk = self._weights * np.exp(slopes[:, np.newaxis] * (self._x - self._x.max()))
        sums = [np.cumsum(risk * self._x**power, axis=1)[:, self._last] for power in range(3)]
        total = np.maximum(sums[0], 1e-300)
        mean, square = sums[1] / total, sums[2] / total
        gradient = (self._deaths * (self._x - mean)).sum(axis=1)
        return gradient, (self._deaths * (square - mean**2)).sum(axis=1)


def _hazards(
    times: Floats, events: Floats, outputs: Floats, weights: Floats, slopes: Floats, horizons: tuple[float, ...]
) -> Floats:
    """Breslow's H0 of each sample at the horizons: (resamples, horizons)."""
    order = np.argsort(-times, kind="stable")
    ordered, deaths = times[order], weights[:, order] * events[order]
    last = np.searchsorted(-ordered, -ordered, side="right") - 1
    risk = weights[:, order] * np.exp(slopes[:, np.newaxis] * outputs[order])
    at_risk = np.cumsum(risk, axis=1)[:, last]
    increments = np.divide(deaths, at_risk, out=np.zeros_like(deaths), where=at_risk > 0)
    return np.column_stack([increments[:, ordered <= months].sum(axis=1) for months in horizons])
