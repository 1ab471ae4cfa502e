"""Time-dependent ROC: patients with the event by a time, against those free of it then.

Cases had their event at or before the time, weighted by 1/G(T-); controls were followed beyond it. Patients censored
before the time are neither; the weights represent them. Cumulative cases, dynamic controls.

References: Uno et al. (2007), JASA 102:527-537; Blanche et al. (2013), Stat Med 32:5381-5397. Equal to R
`riskRegression::Score(..., metrics = "AUC")`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.statistics.followed import Floats, Followed, inverse, ratio
from models.statistics.wilson import PairsCompared, PairsWon, kish, pairs_compared, pairs_won, wilson


@dataclass(frozen=True, eq=False)
class RocCurve:
    """A ROC curve, from (0, 0) to (1, 1).

    Attributes
    ----------
    thresholds : float64 (k,), decreasing; positive is `score > threshold`, the first is +inf's stand-in: the maximum
    false_positive, true_positive : float64 (k,), not decreasing, 0 to 1
    low, high : float64 (k,), 95 % limits of the true-positive share at each threshold (Wilson, Kish's number of cases)
    """

    thresholds: Floats
    false_positive: Floats
    true_positive: Floats
    low: Floats
    high: Floats


def case_and_control_weights(patients: Followed, months: float, weights: Floats) -> tuple[Floats, Floats]:
    """Weights as a case and as a control at a time: two arrays (resamples, patients), 0 for who is not one."""
    is_case = patients.events & (patients.times_months <= months)
    cases = weights * inverse(patients.censoring_survival_before(weights)) * is_case
    return cases, weights * (patients.times_months > months)


def auc_at(patients: Followed, months: float, weights: Floats | None = None) -> Floats:
    """Area under the ROC curve at a time; tied scores count one half.

    Parameters
    ----------
    weights : (resamples, patients); once each when None

    Returns
    -------
    float64 (resamples,); NaN where there is no case or no control.
    """
    weights = patients.once if weights is None else weights
    cases, controls = case_and_control_weights(patients, months, weights)
    chosen = np.flatnonzero(patients.events & (patients.times_months <= months))
    won = np.einsum("rp,rp->r", cases[:, chosen] @ _above(patients.scores, chosen), controls)
    return ratio(won, cases.sum(axis=1) * controls.sum(axis=1))


def auc_with_interval(patients: Followed, months: float) -> PairsWon | None:
    """`auc_at` of every patient once, with its smoothed Wilson interval; None where there is no case or no control."""
    cases, controls = (one[0] for one in case_and_control_weights(patients, months, patients.once))
    is_case = patients.events & (patients.times_months <= months)
    chosen = np.flatnonzero(is_case)
    comparable = np.broadcast_to(controls, (chosen.size, controls.size))
    return pairs_won(cases[chosen], comparable, _above(patients.scores, chosen) * comparable, is_case)


def auc_compared(patients: Followed, others: Floats, months: float) -> PairsCompared | None:
    """`auc_at` of the scores and of `others`, float64 (patients,) in the order of `patients`.

    None where there is no case or no control.
    """
    cases, controls = (one[0] for one in case_and_control_weights(patients, months, patients.once))
    is_case = patients.events & (patients.times_months <= months)
    chosen = np.flatnonzero(is_case)
    comparable = np.broadcast_to(controls, (chosen.size, controls.size))
    ours, theirs = (_above(scores, chosen) * comparable for scores in (patients.scores, others))
    return pairs_compared(cases[chosen], comparable, ours, theirs, is_case)


def binary_auc(outcomes: NDArray[np.bool_], scores: Floats) -> PairsWon | None:
    """Area under the ROC curve of a binary outcome, with its smoothed Wilson interval of both sides.

    Parameters
    ----------
    outcomes, scores : (patients,); higher score means outcome true, tied scores count one half

    Returns
    -------
    None where one of the two outcomes is missing.
    """
    chosen = np.flatnonzero(outcomes)
    comparable = np.broadcast_to((~outcomes).astype(np.float64), (chosen.size, outcomes.size))
    return pairs_won(np.ones(chosen.size), comparable, _above(scores, chosen) * comparable, outcomes, is_binary=True)


def binary_auc_compared(outcomes: NDArray[np.bool_], scores: Floats, others: Floats) -> PairsCompared | None:
    """`binary_auc` of the scores and of `others` (patients,); None where one of the two outcomes is missing."""
    chosen = np.flatnonzero(outcomes)
    comparable = np.broadcast_to((~outcomes).astype(np.float64), (chosen.size, outcomes.size))
    ours, theirs = (_above(one, chosen) * comparable for one in (scores, others))
    return pairs_compared(np.ones(chosen.size), comparable, ours, theirs, outcomes, is_binary=True)


def _above(scores: Floats, chosen: NDArray[np.int64]) -> Floats:
    """(chosen, patients): 1 where the chosen patient has the higher score, .5 where both have the same, else 0."""
    return np.where(scores[chosen, None] > scores, 1.0, np.where(scores[chosen, None] == scores, 0.5, 0.0))


def sensitivity_at(patients: Followed, months: float, *, cut_off: float, weights: Floats | None = None) -> Floats:
    """Share of those with the event by a time whose score is above the cut-off: (resamples,), NaN without cases."""
    weights = patients.once if weights is None else weights
    cases, _ = case_and_control_weights(patients, months, weights)
    return ratio(cases @ (patients.scores > cut_off).astype(np.float64), cases.sum(axis=1))


def specificity_at(patients: Followed, months: float, *, cut_off: float, weights: Floats | None = None) -> Floats:
    """Share of those free of the event at a time whose score is not above the cut-off: (resamples,), NaN without."""
    weights = patients.once if weights is None else weights
    _, controls = case_and_control_weights(patients, months, weights)
    return ratio(controls @ (patients.scores <= cut_off).astype(np.float64), controls.sum(axis=1))


def roc_curve_at(patients: Followed, months: float) -> RocCurve | None:
    """The ROC curve at a time, None where there is no case or no control."""
    cases, controls = (one[0] for one in case_and_control_weights(patients, months, patients.once))
    if not (cases.sum() > 0 and controls.sum() > 0):
        return None
    return weighted_roc_curve(patients.scores, cases, controls)


def weighted_roc_curve(scores: Floats, cases: Floats, controls: NDArray[np.float64]) -> RocCurve:
    """A ROC curve from each patient's weight as a case and as a control: one point for each different score."""
    thresholds = np.unique(scores)[::-1]
    place = np.searchsorted(-thresholds, -scores)
    true = np.cumsum(np.bincount(place, cases, thresholds.size)) / cases.sum()
    false = np.cumsum(np.bincount(place, controls, thresholds.size)) / controls.sum()
    # Above the k-th largest score lie the k - 1 larger ones; the last point, (1, 1), takes everyone.
    zero = np.zeros(1)
    lowest = np.nextafter(thresholds[-1], -np.inf)
    sensitivity = np.minimum(np.concatenate([zero, true]), 1.0)
    low, high = np.array([wilson(float(share), kish(cases)) for share in sensitivity]).T
    return RocCurve(
        np.concatenate([thresholds, [lowest]]),
        np.minimum(np.concatenate([zero, false]), 1.0),
        sensitivity,
        low,
        high,
    )
