"""Concordance of a score with follow-up: Harrell's C and Uno's C. Higher score means higher risk; .5 is no signal."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from models.errors import SetupError
from models.statistics.followed import Floats, Followed, inverse, ratio
from models.statistics.survival import checked_outcomes


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
    SetupError
        When the arrays do not fit, there is no event, or no pair is usable.
    """
    times, flags, risks = checked_outcomes(times_months, events, log_risk)
    order = np.lexsort((~flags, times))
    value = float(harrell_c(Followed(times[order], flags[order], risks[order], order))[0])
    if np.isnan(value):
        raise SetupError("No pair of patients can be compared; at least one patient must outlive another's event.")
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


def _weighted(patients: Followed, cases: np.ndarray, case_weights: Floats, weights: Floats) -> Floats:
    times, scores = patients.times_months, patients.scores
    # (cases, patients): who outlives whom; patients are in order of time, events first.
    outlives = (times > times[cases, None]) | ((times == times[cases, None]) & ~patients.events)
    agree = np.where(scores < scores[cases, None], 1.0, np.where(scores == scores[cases, None], 0.5, 0.0)) * outlives
    concordant = np.einsum("rp,rp->r", case_weights @ agree, weights)
    usable = np.einsum("rp,rp->r", case_weights @ outlives.astype(np.float64), weights)
    return ratio(concordant, usable)
