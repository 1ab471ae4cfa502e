"""Brier score at a time, and integrated: the mean squared distance of predicted survival from what happened.

Lower is better; 0 is perfect. Compare with the score of a prediction that knows no patient, the Kaplan-Meier estimate
of the same patients. Censoring is weighted away by 1/G(T-) for events up to the time and 1/G(t) beyond it.

References: Graf et al. (1999), Stat Med 18:2529-2545. Equal to R `riskRegression::Score(..., metrics = "Brier")`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import t as student

from models.number_words import counted
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
    total = _losses(patients, months, survival, weights).sum(axis=1) / weights.sum(axis=1)
    known = (weights * (patients.times_months > months)).sum(axis=1) > 0
    return np.where(known, total, np.nan)


def brier_interval(patients: Followed, months: Floats, survival_at: Callable[[float], Floats]) -> tuple[float, float]:
    """95 % interval of the Brier score at a time, or of its mean over several, for predictions fixed beforehand.

    On the log scale, with the standard deviation of the patients' losses (their influence where the censoring weights
    are taken as known) and Student's t of the events less one.

    Parameters
    ----------
    months : float64 (k,); with several, the score is integrated by the trapezoidal rule
    survival_at : predicted survival of the patients at a time, float64 (patients,)

    Raises
    ------
    ValueError
        With fewer than two events up to the last time, or a score of 0: there is no interval.
    """
    events = patients.events_by(float(months[-1]))
    loss = _loss(patients, months, survival_at)
    score = float(loss.mean())
    if events < 2 or not score > 0:
        raise ValueError(
            f"{counted(events, 'event')} and a score of {score:g}; at least two events and a positive score expected"
        )
    half = float(student.ppf(0.975, events - 1)) * float(loss.std(ddof=1)) / np.sqrt(loss.size) / score
    return score * float(np.exp(-half)), score * float(np.exp(half))


def brier_difference(
    patients: Followed,
    months: Floats,
    survival_at: Callable[[float], Floats],
    other_at: Callable[[float], Floats],
) -> tuple[float, float, float, tuple[float, float]]:
    """Brier scores of two predictions on the same patients, the first less the second, and its 95 % interval.

    The mean of the patients' differences in loss, its standard error, and Student's t of the events less one.

    Parameters
    ----------
    months, survival_at, other_at : as in `brier_interval`

    Raises
    ------
    ValueError
        With fewer than two events up to the last time: there is no interval.
    """
    events = patients.events_by(float(months[-1]))
    if events < 2:
        raise ValueError(f"{counted(events, 'event')}; at least two were expected")
    first, second = _loss(patients, months, survival_at), _loss(patients, months, other_at)
    loss = first - second
    difference = float(loss.mean())
    half = float(student.ppf(0.975, events - 1)) * float(loss.std(ddof=1)) / float(np.sqrt(loss.size))
    return float(first.mean()), float(second.mean()), difference, (difference - half, difference + half)


def _loss(patients: Followed, months: Floats, survival_at: Callable[[float], Floats]) -> Floats:
    """Loss of each patient at a time, or its mean over several: (patients,)."""
    losses = np.stack([_losses(patients, float(t), survival_at(float(t)), patients.once)[0] for t in months])
    whole = losses[0] if len(months) == 1 else np.trapezoid(losses, months, axis=0) / (months[-1] - months[0])
    return np.asarray(whole)


def _losses(patients: Followed, months: float, survival: Floats, weights: Floats) -> Floats:
    """Weighted squared distances, (resamples, patients)."""
    had_event = patients.events & (patients.times_months <= months)
    beyond = patients.times_months > months
    case = weights * inverse(patients.censoring_survival_before(weights)) * had_event
    control = weights * beyond * inverse(patients.censoring_survival_at(weights, months))[:, None]
    return np.asarray(case * survival**2 + control * (1 - survival) ** 2)


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
