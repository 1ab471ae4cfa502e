"""Concordance of a score with follow-up: Harrell's C and Uno's C. Higher score means higher risk; .5 is no signal."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import CohortRejected
from models.statistics.followed import Floats, Followed, inverse, ratio
from models.statistics.survival import checked_outcomes
from models.statistics.wilson import PairsCompared, PairsWon, pairs_compared, pairs_won

_PAIRS = 4_000_000  # of case and patient, compared at a time


def harrell_c(patients: Followed, weights: Floats | None = None) -> Floats:
    """Share of usable pairs in which the patient with the earlier event has the higher score; ties count one half.

    A pair is usable when the earlier time is an event, or both times are equal and exactly one is an event.

    Parameters
    ----------
    weights : (resamples, patients); once each when None

    Returns
    -------
    float64 (resamples,); NaN where no pair is usable.

    References
    ----------
    Harrell et al. (1982), JAMA 247:2543-2546; R `survival::concordance(Surv(t, e) ~ score, reverse = TRUE)`.
    """
    weights = patients.once if weights is None else weights
    cases = np.flatnonzero(patients.events)
    return _weighted(patients, cases, weights[:, cases], weights)


def harrell_c_of(times_months: ArrayLike, events: ArrayLike, log_risk: ArrayLike) -> float:
    """`harrell_c` of patients in any order, given as arrays (patients,); a time of 0 is allowed.

    Raises
    ------
    CohortRejected
        When the arrays do not fit, there is no event, or no pair is usable.
    """
    times, flags, risks = checked_outcomes(times_months, events, log_risk)
    order = np.lexsort((~flags, times))
    value = float(harrell_c(Followed(times[order], flags[order], risks[order], order))[0])
    if np.isnan(value):
        raise CohortRejected("No pair of patients can be compared; at least one patient must outlive another's event.")
    return value


def uno_c(patients: Followed, *, tau_months: float, weights: Floats | None = None) -> Floats:
    """Uno's C up to `tau_months`: pairs weighted by 1/G(T-)² of the earlier event, so that it estimates the same
    whatever the censoring.

    Parameters
    ----------
    tau_months : only events before this time count
    weights : (resamples, patients); once each when None

    Returns
    -------
    float64 (resamples,); NaN where no pair is usable.

    References
    ----------
    Uno et al. (2011), Stat Med 30:1105-1117, equation 6; R `survival::concordance(..., timewt = "n/G2", ymax = tau)`.
    """
    weights = patients.once if weights is None else weights
    cases = np.flatnonzero(patients.events & (patients.times_months < tau_months))
    g = patients.censoring_survival_before(weights)[:, cases]
    return _weighted(patients, cases, weights[:, cases] * inverse(g) ** 2, weights)


def harrell_c_with_interval(patients: Followed) -> PairsWon | None:
    """`harrell_c` of every patient once, with its smoothed Wilson interval; None where no pair is usable."""
    cases = np.flatnonzero(patients.events)
    return _with_interval(patients, cases, np.ones(cases.size))


def harrell_c_compared(patients: Followed, others: Floats) -> PairsCompared | None:
    """`harrell_c` of the scores and of `others`, float64 (patients,) in the order of `patients`."""
    cases = np.flatnonzero(patients.events)
    outlives, agree = _pairs(patients, cases)
    by_others = _agree(others, cases, outlives)
    return pairs_compared(np.ones(cases.size), outlives.astype(np.float64), agree, by_others, patients.events)


def uno_c_with_interval(patients: Followed, *, tau_months: float) -> PairsWon | None:
    """`uno_c` of every patient once, with its smoothed Wilson interval; None where no pair is usable."""
    cases = np.flatnonzero(patients.events & (patients.times_months < tau_months))
    return _with_interval(patients, cases, inverse(patients.censoring_survival_before(patients.once)[0, cases]) ** 2)


def _with_interval(patients: Followed, cases: NDArray[np.int64], case_weights: Floats) -> PairsWon | None:
    outlives, agree = _pairs(patients, cases)
    is_case = np.zeros(len(patients), dtype=np.bool_)
    is_case[cases] = True
    return pairs_won(case_weights, outlives.astype(np.float64), agree, is_case)


def influences(patients: Followed) -> tuple[float, Floats]:
    """Harrell's C, and the influence of each patient on it in the order of `patients`: float64 (patients,), sum 0.

    The sum of their squares is the variance of the infinitesimal jackknife, as R `survival::concordance` has it.
    """
    concordant, usable = np.zeros(len(patients)), np.zeros(len(patients))
    for cases in _blocks(patients, np.flatnonzero(patients.events)):
        outlives, agree = _pairs(patients, cases)
        concordant += agree.sum(axis=0)
        usable += outlives.sum(axis=0)
        concordant[cases] += agree.sum(axis=1)
        usable[cases] += outlives.sum(axis=1)
    pairs = float(usable.sum()) / 2  # every pair belongs to two patients
    if pairs == 0:
        return float("nan"), np.zeros(len(patients))
    value = float(concordant.sum()) / 2 / pairs
    return value, np.asarray((concordant - value * usable) / pairs)


def _blocks(patients: Followed, cases: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The cases in blocks whose matrices of pairs stay below 32 MB; one block for hundreds of patients."""
    size = max(1, _PAIRS // len(patients))
    return [cases[start : start + size] for start in range(0, cases.size, size)]


def _weighted(patients: Followed, cases: NDArray[np.int64], case_weights: Floats, weights: Floats) -> Floats:
    concordant, usable, start = np.zeros(len(weights)), np.zeros(len(weights)), 0
    for block in _blocks(patients, cases):
        outlives, agree = _pairs(patients, block)
        of_block = case_weights[:, start : start + block.size]
        concordant += np.einsum("rp,rp->r", of_block @ agree, weights)
        usable += np.einsum("rp,rp->r", of_block @ outlives.astype(np.float64), weights)
        start += block.size
    return ratio(concordant, usable)


def _pairs(patients: Followed, cases: NDArray[np.int64]) -> tuple[NDArray[np.bool_], Floats]:
    """(cases, patients) twice: who outlives the case, and of those whose score is lower (1) or the same (.5)."""
    times = patients.times_months
    # Patients are in order of time, events first.
    outlives = (times > times[cases, None]) | ((times == times[cases, None]) & ~patients.events)
    return outlives, _agree(patients.scores, cases, outlives)


def _agree(scores: Floats, cases: NDArray[np.int64], outlives: NDArray[np.bool_]) -> Floats:
    return np.where(scores < scores[cases, None], 1.0, np.where(scores == scores[cases, None], 0.5, 0.0)) * outlives
