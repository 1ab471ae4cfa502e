"""A KRT7-AS model on one group of patients: the probability of high expression against what was measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from models.evaluation.intervals import signal_of, won
from models.evaluation.overlap import TrainingOverlap
from models.evaluation.results import ExpressionResult
from models.number_words import agreeing, counted
from models.statistics.bootstrap import FEWEST_EVENTS
from models.statistics.calibration import calibration_groups_of
from models.statistics.decision_curve import DecisionCurve, decision_curve_of
from models.statistics.estimate import Estimate, Found, NotEstimable
from models.statistics.followed import Floats
from models.statistics.logistic import fit_logistic
from models.statistics.roc import binary_auc, weighted_roc_curve
from models.statistics.smooth_calibration import risk_histogram, smooth_calibration

_Z = float(norm.ppf(0.975))
_THRESHOLDS = 50


def evaluate_expression(
    probabilities: Floats,
    is_high: NDArray[np.bool_],
    *,
    cut_off: float,
    cohort: str,
    subgroup: tuple[str, str] | None,
    resamples: int = 1000,
    seed: int = 1,
    overlap: TrainingOverlap | None = None,
) -> ExpressionResult:
    """All statistics of a KRT7-AS model.

    Parameters
    ----------
    probabilities : of high expression, float64 (patients,), 0 to 1
    is_high : what was measured, bool (patients,)
    resamples, seed : of the bootstrap behind the band of the decision curve
    overlap : who of the patients the model was trained on
    """
    high, count = int(is_high.sum()), int(is_high.size)
    both = 0 < high < count
    auc = won(
        binary_auc(is_high, probabilities),
        f"{high} of {counted(count, 'patient')} {agreeing(high, 'has', 'have')} high expression; at least one with "
        "high and one with low is needed.",
    )
    return ExpressionResult(
        cohort=cohort,
        subgroup=subgroup,
        patients=count,
        high=high,
        auc=auc,
        roc=weighted_roc_curve(probabilities, is_high.astype(float), (~is_high).astype(float)) if both else None,
        has_signal=signal_of(auc, min(high, count - high)),
        sensitivity=_share(probabilities[is_high] > cut_off, "no patient has high expression"),
        specificity=_share(probabilities[~is_high] <= cut_off, "no patient has low expression"),
        brier=float(np.mean((probabilities - is_high) ** 2)),
        brier_null=float(is_high.mean() * (1 - is_high.mean())),
        predicted=float(probabilities.mean()),
        observed=_share(is_high, "there is no patient"),
        calibration_slope=_logistic_slope(probabilities, is_high),
        calibration=calibration_groups_of(probabilities, is_high) if both else (),
        calibration_curve=smooth_calibration(probabilities, is_high),
        risks=risk_histogram(probabilities),
        decision=_decision(probabilities, is_high, resamples=resamples, seed=seed) if both else None,
        overlap=overlap,
    )


def _share(flags: NDArray[np.bool_], why_not: str) -> Found:
    if flags.size == 0:
        return NotEstimable(f"Not computed: {why_not}.")
    interval = binomtest(int(flags.sum()), int(flags.size)).proportion_ci(method="wilson")
    return Estimate(float(flags.mean()), (float(interval.low), float(interval.high)), "Wilson")


def _logistic_slope(probabilities: Floats, is_high: NDArray[np.bool_]) -> Found:
    """Slope of the logistic regression of the outcome on the logit of the probability (Cox 1958)."""
    clipped = np.clip(probabilities, 1e-9, 1 - 1e-9)
    fit = fit_logistic(np.column_stack([np.ones(clipped.size), np.log(clipped / (1 - clipped))]), is_high)
    if fit is None:
        return NotEstimable("The probabilities are all equal, or they separate the patients.")
    slope, spread = float(fit.coefficients[1]), _Z * float(np.sqrt(fit.covariance[1, 1]))
    return Estimate(slope, (slope - spread, slope + spread), "logistic, Wald")


def _decision(probabilities: Floats, is_high: NDArray[np.bool_], *, resamples: int, seed: int) -> DecisionCurve:
    """Thresholds over the whole scale; the band by a bootstrap that does not depend on the order of the patients."""
    order = np.lexsort((is_high, probabilities))
    samples = None
    if min(is_high.sum(), is_high.size - is_high.sum()) >= FEWEST_EVENTS:
        count = is_high.size
        drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
        samples = drawn.astype(np.uint16)
    return decision_curve_of(probabilities[order], is_high[order], np.linspace(0.0, 0.98, _THRESHOLDS), samples)
