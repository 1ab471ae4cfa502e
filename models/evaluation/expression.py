"""A KRT7-AS model on one group of patients: the probability of high expression against what was measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from models.evaluation.results import ExpressionResult
from models.statistics.delong import delong_auc
from models.statistics.estimate import Estimate, Found, NotEstimable
from models.statistics.followed import Floats
from models.statistics.roc import weighted_roc_curve

_Z = float(norm.ppf(0.975))


def evaluate_expression(
    probabilities: Floats,
    is_high: NDArray[np.bool_],
    *,
    cut_off: float,
    cohort: str,
    subgroup: tuple[str, str] | None,
) -> ExpressionResult:
    """All statistics of a KRT7-AS model.

    Parameters
    ----------
    probabilities : of high expression, float64 (patients,), 0 to 1
    is_high : what was measured, bool (patients,)
    """
    high, count = int(is_high.sum()), int(is_high.size)
    both = 0 < high < count
    auc: Found = NotEstimable(f"{high} of {count} patients have high expression; at least two of each are needed.")
    if min(high, count - high) >= 2:
        value, low, upper = delong_auc(is_high, probabilities)
        auc = Estimate(value, (low, upper), "DeLong")
    return ExpressionResult(
        cohort=cohort,
        subgroup=subgroup,
        patients=count,
        high=high,
        auc=auc,
        roc=weighted_roc_curve(probabilities, is_high.astype(float), (~is_high).astype(float)) if both else None,
        has_signal=auc.interval[0] > 0.5 if isinstance(auc, Estimate) and auc.interval is not None else None,
        sensitivity=_share(probabilities[is_high] > cut_off, "no patient has high expression"),
        specificity=_share(probabilities[~is_high] <= cut_off, "no patient has low expression"),
        brier=float(np.mean((probabilities - is_high) ** 2)),
        brier_null=float(is_high.mean() * (1 - is_high.mean())),
        predicted=float(probabilities.mean()),
        observed=_share(is_high, "there is no patient"),
        calibration_slope=_logistic_slope(probabilities, is_high),
    )


def _share(flags: NDArray[np.bool_], why_not: str) -> Found:
    if flags.size == 0:
        return NotEstimable(f"Not computed: {why_not}.")
    interval = binomtest(int(flags.sum()), int(flags.size)).proportion_ci(method="wilson")
    return Estimate(float(flags.mean()), (float(interval.low), float(interval.high)), "Wilson")


def _logistic_slope(probabilities: Floats, is_high: NDArray[np.bool_]) -> Found:
    """Slope of the logistic regression of the outcome on the logit of the probability (Cox 1958), by Newton steps."""
    clipped = np.clip(probabilities, 1e-9, 1 - 1e-9)
    design = np.column_stack([np.ones(clipped.size), np.log(clipped / (1 - clipped))])
    beta = np.zeros(2)
    for _ in range(50):
        fitted = 1 / (1 + np.exp(-np.clip(design @ beta, -500, 500)))
        information = (design * (fitted * (1 - fitted))[:, None]).T @ design
        if np.linalg.cond(information) > 1e12:
            break
        step = np.linalg.solve(information, design.T @ (is_high - fitted))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            spread = _Z * float(np.sqrt(np.linalg.inv(information)[1, 1]))
            return Estimate(float(beta[1]), (float(beta[1]) - spread, float(beta[1]) + spread), "logistic, Wald")
    return NotEstimable("The probabilities are all equal, or they separate the patients.")
