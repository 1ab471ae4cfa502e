"""Brier score at a time, and integrated: the mean squared distance of predicted survival from what happened.

Lower is better; 0 is perfect. Compare with the score of a prediction that knows no patient, the Kaplan-Meier estimate
of the same patients. Censoring is weighted away by 1/G(T-) for events up to the time and 1/G(t) beyond it.

References: Graf et al. (1999), Stat Med 18:2529-2545. Equal to R `riskRegression::Score(..., metrics = "Brier")`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.statistics.followed import Floats, Followed, inverse


def brier_at(patients: Followed, months: float, survival: Floats, weights: Floats | None = None) -> Floats:
    """Brier score at a time.

    Parameters
    ----------
    survival : predicted probability of no event up to `months`: float64 (patients,) in the order of `patients`, or
        (resamples, 1) for one prediction for all
    weights : (resamples, patients); once each when None

    Returns
    -------
    float64 (resamples,); NaN where nobody of the sample is followed up to the time.
    """
    weights = patients.once if weights is None else weights
    had_event = patients.events & (patients.times_months <= months)
    beyond = patients.times_months > months
    case = weights * inverse(patients.censoring_survival_before(weights)) * had_event
    control = weights * beyond * inverse(patients.censoring_survival_at(weights, months))[:, None]
    total = (case * survival**2 + control * (1 - survival) ** 2).sum(axis=1) / weights.sum(axis=1)
    known = (weights * beyond).sum(axis=1) > 0
    return np.where(known, total, np.nan)


def integrated_brier(
    patients: Followed, months: Floats, survival_at: Callable[[float], Floats], weights: Floats | None = None
) -> Floats:
    """Mean of the Brier score over time, by the trapezoidal rule over `months`.

    Parameters
    ----------
    months : float64 (k,), increasing, at least two
    survival_at : predicted survival of the patients at a time, as `brier_at` takes it

    Returns
    -------
    float64 (resamples,)
    """
    scores = np.stack([brier_at(patients, float(t), survival_at(float(t)), weights) for t in months])
    return np.asarray(np.trapezoid(scores, months, axis=0) / (months[-1] - months[0]))
