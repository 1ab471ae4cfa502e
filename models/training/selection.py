"""Selection of a model's inputs: not constant, not a copy of another, associated with the outcome inside the fold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def uncorrelated(z: NDArray[np.float64], *, limit: float) -> NDArray[np.int64]:
    """Greedy correlation filter: an input is kept when its |r| with every input kept before is below `limit`.

    The outcome is not looked at, so the filter may see all training patients.

    Parameters
    ----------
    z : (patients, inputs), each input with mean 0 and standard deviation 1 (N denominator)

    Returns
    -------
    Indices of the inputs kept, increasing.
    """
    columns = np.asarray(z, dtype=np.float32)
    free = np.ones(z.shape[1], dtype=np.bool_)
    kept = []
    for index in range(z.shape[1]):
        if free[index]:
            kept.append(index)
            free[index:] &= np.abs(columns[:, index] @ columns[:, index:]) < limit * len(z)
    return np.array(kept, dtype=np.int64)


def null_martingale_residuals(times: NDArray[np.float64], events: NDArray[np.float64]) -> NDArray[np.float64]:
    """Events minus the Nelson-Aalen cumulative hazard at each patient's time: (patients,).

    Their covariance with an input is the Cox score statistic at coefficient 0 (Therneau, Grambsch & Fleming (1990),
    Biometrika 77:147-160), which makes one matrix product of a univariate screening.
    """
    distinct, inverse, counts = np.unique(times, return_inverse=True, return_counts=True)
    deaths = np.bincount(inverse, weights=events, minlength=distinct.size)
    at_risk = times.size - np.concatenate(([0], np.cumsum(counts)[:-1]))
    return np.asarray(events - np.cumsum(deaths / at_risk)[inverse])


def strongest(z: NDArray[np.float64], residuals: NDArray[np.float64], *, count: int) -> NDArray[np.int64]:
    """The `count` inputs with the largest |correlation| with the residuals, as increasing indices."""
    centred = z - z.mean(axis=0)
    spread = np.sqrt((centred**2).sum(axis=0))
    strength = np.abs(centred.T @ (residuals - residuals.mean())) / np.where(spread > 0, spread, np.inf)
    return np.sort(np.argsort(-strength, kind="stable")[:count])


def stratified_folds(labels: NDArray[np.bool_], *, folds: int, seed: int) -> NDArray[np.int64]:
    """A fold number from 0 to `folds` - 1 for each patient; both labels are spread evenly over the folds."""
    rng = np.random.default_rng(seed)
    fold = np.empty(labels.size, dtype=np.int64)
    start = 0
    for value in (True, False):
        members = rng.permutation(np.flatnonzero(labels == value))
        fold[members] = (np.arange(members.size) + start) % folds
        start += members.size
    return fold
