"""Decision curve: what acting on predictions above a threshold would bring, in true positives per patient.

Net benefit = P(event | chosen) · share chosen - P(no event | chosen) · share chosen · threshold / (1 - threshold), with
P by Kaplan-Meier among the chosen. Compared with treating everyone and treating no one (0).

References: Vickers and Elkin (2006), Med Decis Making 26:565-574; Vickers et al. (2008), BMC Med Inform Decis Mak 8:53,
for censored outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.statistics.followed import Floats, Followed
from models.statistics.kaplan_meier import survival_curve


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit by threshold probability.

    Attributes
    ----------
    thresholds : float64 (k,), 0 to 1, increasing
    model, everyone : float64 (k,), net benefit of acting by the model, and of acting on all; acting on none is 0.
        NaN where the risk of the chosen patients at the time is not known (none of them is followed so far).
    """

    thresholds: Floats
    model: Floats
    everyone: Floats


def decision_curve(patients: Followed, months: float, risk: Floats, thresholds: Floats) -> DecisionCurve:
    """Net benefit at a time.

    Parameters
    ----------
    risk : predicted probability of an event up to `months`, float64 (patients,), in the order of `patients`
    thresholds : float64 (k,), at least 0 and below 1; a patient is chosen when `risk > threshold`
    """
    everyone = np.ones(len(patients), dtype=np.bool_)
    model = [_net_benefit(patients, months, risk > threshold, float(threshold)) for threshold in thresholds]
    all_ = [_net_benefit(patients, months, everyone, float(threshold)) for threshold in thresholds]
    return DecisionCurve(np.asarray(thresholds), np.array(model), np.array(all_))


def _net_benefit(patients: Followed, months: float, chosen: np.ndarray, threshold: float) -> float:
    if not chosen.any():
        return 0.0
    survival, _, _ = survival_curve(patients.times_months[chosen], patients.events[chosen]).at(months)
    return float(chosen.mean() * ((1 - survival) - survival * threshold / (1 - threshold)))
