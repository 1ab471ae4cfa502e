"""Decision curve: what acting on predictions above a threshold would bring, in true positives per patient.

Net benefit = P(event | chosen) · share chosen - P(no event | chosen) · share chosen · threshold / (1 - threshold), with
P by Kaplan-Meier among the chosen. Compared with treating everyone and treating no one (0).

References: Vickers and Elkin (2006), Med Decis Making 26:565-574; Vickers et al. (2008), BMC Med Inform Decis Mak 8:53,
for censored outcomes. The band is a bootstrap over patients, pointwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.statistics.followed import Floats, Followed
from models.statistics.kaplan_meier import weighted_survival_at

_FEWEST_USABLE = 0.9  # share of the bootstrap samples in which the benefit is known


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit by threshold probability.

    Attributes
    ----------
    thresholds : float64 (k,), 0 to 1, increasing
    model, everyone : float64 (k,), net benefit of acting by the model, and of acting on all; acting on none is 0.
        NaN where the risk of the chosen patients at the time is not known (none of them is followed so far).
    low, high : float64 (k,), pointwise 95 % bootstrap percentiles of the model; NaN where there are none
    """

    thresholds: Floats
    model: Floats
    everyone: Floats
    low: Floats
    high: Floats


def decision_curve(
    patients: Followed, months: float, risk: Floats, thresholds: Floats, samples: NDArray[np.uint16] | None = None
) -> DecisionCurve:
    """Net benefit at a time.

    Parameters
    ----------
    risk : predicted probability of an event up to `months`, float64 (patients,), in the order of `patients`
    thresholds : float64 (k,), at least 0 and below 1; a patient is chosen when `risk > threshold`
    samples : (resamples, patients), how often each patient is in each bootstrap sample; None for no band
    """
    # The chosen are nested: as many chosen, the same chosen.
    chosen_survival: dict[int, tuple[Floats, Floats]] = {}

    def benefit(weights: Floats, chosen: NDArray[np.bool_], threshold: float) -> Floats:
        count = int(chosen.sum())
        if not count:
            return np.zeros(len(weights))
        if count not in chosen_survival:
            own = weights[:, chosen]
            times, events = patients.times_months[chosen], patients.events[chosen]
            survival = weighted_survival_at(times, events, months, own)
            followed = (own * (times >= months)).sum(axis=1) > 0
            known = followed | (survival == 0) | (own.sum(axis=1) == 0)
            chosen_survival[count] = own.sum(axis=1) / weights.sum(axis=1), np.where(known, survival, np.nan)
        share, survival = chosen_survival[count]
        return _net_benefit(share * (1 - survival), share * survival, threshold)

    everyone = np.ones(len(patients), dtype=np.bool_)
    model = np.array([benefit(patients.once, risk > one, float(one))[0] for one in thresholds])
    all_ = np.array([benefit(patients.once, everyone, float(one))[0] for one in thresholds])
    chosen_survival.clear()
    low = high = np.full(thresholds.size, np.nan)
    if samples is not None:
        weights = samples.astype(np.float64)
        low, high = _limits(np.stack([benefit(weights, risk > one, float(one)) for one in thresholds], axis=1))
    return DecisionCurve(np.asarray(thresholds), model, all_, low, high)


def decision_curve_of(
    probabilities: Floats, outcome: NDArray[np.bool_], thresholds: Floats, samples: NDArray[np.uint16] | None = None
) -> DecisionCurve:
    """Net benefit for an outcome that is known in every patient.

    Parameters
    ----------
    probabilities : float64 (patients,)
    outcome : bool (patients,)
    thresholds, samples : as in `decision_curve`
    """
    chosen = (probabilities[:, None] > thresholds).astype(np.float64)

    def benefit(weights: Floats, among: Floats) -> Floats:
        count = weights.sum(axis=1, keepdims=True)
        true, false = (weights * outcome) @ among / count, (weights * ~outcome) @ among / count
        return _net_benefit(true, false, thresholds)

    once = np.ones((1, outcome.size))
    low = high = np.full(thresholds.size, np.nan)
    if samples is not None:
        low, high = _limits(benefit(samples.astype(np.float64), chosen))
    return DecisionCurve(
        np.asarray(thresholds), benefit(once, chosen)[0], benefit(once, np.ones_like(chosen))[0], low, high
    )


def _net_benefit(true: Floats, false: Floats, threshold: float | Floats) -> Floats:
    """Net benefit of shares of true and false positives among all patients."""
    return np.asarray(true - false * threshold / (1 - threshold))


def _limits(resampled: Floats) -> tuple[Floats, Floats]:
    """95 % percentile limits over the samples (resamples, k), NaN where the benefit is often not known."""
    usable = np.isfinite(resampled).mean(axis=0) >= _FEWEST_USABLE
    limits = np.full((2, resampled.shape[1]), np.nan)
    limits[:, usable] = np.nanquantile(resampled[:, usable], (0.025, 0.975), axis=0)
    return limits[0], limits[1]
