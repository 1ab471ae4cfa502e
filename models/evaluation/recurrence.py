"""A recurrence model on one group of patients: every statistic, at a cut-off that is frozen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.results import HorizonResult, RecurrenceResult, RiskGroup, RiskGroups
from models.statistics.bootstrap import resampled_estimate
from models.statistics.brier import brier_at, integrated_brier
from models.statistics.calibration import calibration_groups, calibration_slope, observed_risk
from models.statistics.concordance import harrell_c, uno_c
from models.statistics.cox import CoxFit, fit_cox
from models.statistics.decision_curve import DecisionCurve, decision_curve
from models.statistics.estimate import Estimate, Found, NotEstimable
from models.statistics.followed import Floats, Followed, ratio
from models.statistics.kaplan_meier import log_rank, median_follow_up, survival_curve, weighted_survival_at
from models.statistics.roc import auc_at, roc_curve_at, sensitivity_at, specificity_at
from models.statistics.survival import BaselineHazard

_KAPLAN_MEIER = "Kaplan-Meier, Greenwood, log scale"
_SCORE_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_GRID_MONTHS = 1.0  # of the integrated Brier score


@dataclass(frozen=True, eq=False)
class FrozenModel:
    """Parameters taken from the package and never fitted to the patients.

    Attributes
    ----------
    cut_off : above it is high risk
    horizons_months : increasing
    baseline : cumulative baseline hazard
    """

    cut_off: float
    horizons_months: tuple[float, ...]
    baseline: BaselineHazard


def evaluate_recurrence(
    patients: Followed,
    model: FrozenModel,
    *,
    cohort: str,
    subgroup: tuple[str, str] | None,
    resamples: int,
    seed: int,
) -> RecurrenceResult:
    """All statistics of a recurrence model on one group of patients; the scores are log-risks."""
    samples = patients.resampled(resamples=resamples, seed=seed)
    events = patients.event_count
    tau = _last_followed(patients, model.horizons_months)
    c = resampled_estimate(
        lambda w: harrell_c(patients, w), samples, events=events, why_not=_no_pairs(events, len(patients))
    )
    model_score, null_score = _integrated(patients, model, tau, samples)
    return RecurrenceResult(
        cohort=cohort,
        subgroup=subgroup,
        patients=len(patients),
        events=events,
        follow_up=_follow_up(patients),
        harrell_c=c,
        uno_c=resampled_estimate(
            lambda w: uno_c(patients, tau_months=tau, weights=w),
            samples,
            events=patients.events_by(tau),
            why_not=_no_pairs(patients.events_by(tau), len(patients)),
        ),
        tau_months=tau,
        has_signal=c.interval[0] > 0.5 if isinstance(c, Estimate) and c.interval is not None else None,
        calibration_slope=_slope(calibration_slope(patients)),
        integrated_brier=model_score,
        integrated_brier_null=null_score,
        groups=risk_groups(patients, model.cut_off),
        horizons=tuple(_at_horizon(patients, model, months, samples) for months in model.horizons_months),
        scores=tuple(float(score) for score in np.quantile(patients.scores, _SCORE_QUANTILES)),
    )


def risk_groups(patients: Followed, cut_off: float) -> RiskGroups:
    """High against low risk: curves, log-rank test and hazard ratio in both directions."""
    is_high = patients.scores > cut_off
    times, events = patients.times_months, patients.events

    def group(inside: NDArray[np.bool_]) -> RiskGroup:
        curve = survival_curve(times[inside], events[inside]) if inside.any() else None
        return RiskGroup(int(inside.sum()), int(np.count_nonzero(events & inside)), curve)

    high, low = group(is_high), group(~is_high)
    fit = fit_cox(times, events, is_high) if min(high.events, low.events) > 0 else None
    if fit is None:
        reason = _no_ratio(high, low)
        high_ratio: Found = NotEstimable(reason)
        low_ratio: Found = NotEstimable(reason)
    else:
        lower, upper = fit.interval
        high_ratio = _exponentiated(fit.coefficient, lower, upper)
        low_ratio = _exponentiated(-fit.coefficient, -upper, -lower)
    return RiskGroups(high, low, log_rank(times, events, is_high), high_ratio, low_ratio, fit.p if fit else None)


def _at_horizon(patients: Followed, model: FrozenModel, months: float, samples: NDArray[np.uint16]) -> HorizonResult:
    survival = model.baseline.survival(patients.scores, months)
    risk = 1 - survival
    events, beyond = patients.events_by(months), patients.at_risk_after(months)
    why_not = _not_both(months, events, beyond)
    observed, low, high = observed_risk(patients, months)
    mean_risk = float(risk.mean())

    def null(w: Floats | None) -> Floats:
        weights = patients.once if w is None else w
        whole = weighted_survival_at(patients.times_months, patients.events, months, weights)
        return brier_at(patients, months, whole[:, None], weights)

    def scaled(w: Floats | None) -> Floats:
        return 1 - ratio(brier_at(patients, months, survival, w), null(w))

    known = not math.isnan(observed)
    limits = (low, high) if known and events and not math.isnan(low) else None
    return HorizonResult(
        months=months,
        events=events,
        followed_beyond=beyond,
        survival=_kaplan_meier(1 - observed, None if limits is None else (1 - high, 1 - low), why_not),
        auc=resampled_estimate(lambda w: auc_at(patients, months, w), samples, events=events, why_not=why_not),
        roc=roc_curve_at(patients, months),
        sensitivity=resampled_estimate(
            lambda w: sensitivity_at(patients, months, cut_off=model.cut_off, weights=w),
            samples,
            events=events,
            why_not=why_not,
        ),
        specificity=resampled_estimate(
            lambda w: specificity_at(patients, months, cut_off=model.cut_off, weights=w),
            samples,
            events=beyond,
            why_not=why_not,
        ),
        brier=resampled_estimate(
            lambda w: brier_at(patients, months, survival, w), samples, events=events, why_not=why_not
        ),
        brier_null=resampled_estimate(null, samples, events=events, why_not=why_not),
        scaled_brier=resampled_estimate(scaled, samples, events=events, why_not=why_not),
        predicted_risk=mean_risk,
        observed_risk=_kaplan_meier(observed, limits, why_not),
        observed_to_expected=_kaplan_meier(
            observed / mean_risk if mean_risk > 0 else math.nan,
            None if limits is None or mean_risk <= 0 else (low / mean_risk, high / mean_risk),
            why_not,
        ),
        calibration=calibration_groups(patients, months, risk) if known else (),
        decision=_decision(patients, months, risk, events) if known else None,
    )


def _decision(patients: Followed, months: float, risk: Floats, events: int) -> DecisionCurve | None:
    """Thresholds from 0 to three times the observed risk, where decisions are made, at most .5."""
    if not events:
        return None
    most = min(0.5, max(0.05, 3 * observed_risk(patients, months)[0]))
    return decision_curve(patients, months, risk, np.linspace(0.0, most, 51))


def _integrated(patients: Followed, model: FrozenModel, tau: float, samples: NDArray[np.uint16]) -> tuple[Found, Found]:
    """Integrated Brier score of the model and of Kaplan-Meier, from 0 to tau by the month."""
    months = np.linspace(0.0, tau, max(2, round(tau / _GRID_MONTHS) + 1))
    months[0] = min(1e-6, float(patients.times_months[0]) / 2)  # the hazard is not defined at 0 itself
    why_not = _not_both(tau, patients.events_by(tau), patients.at_risk_after(tau))

    def of_model(w: Floats | None) -> Floats:
        return integrated_brier(patients, months, lambda t: model.baseline.survival(patients.scores, t), w)

    def of_everyone(w: Floats | None) -> Floats:
        weights = patients.once if w is None else w
        return integrated_brier(
            patients,
            months,
            lambda t: weighted_survival_at(patients.times_months, patients.events, t, weights)[:, None],
            weights,
        )

    # Each sample takes every month: a fifth of the samples gives its interval precisely enough.
    fewer = samples[: max(1, len(samples) // 5)]
    events = patients.events_by(tau)
    return (
        resampled_estimate(of_model, fewer, events=events, why_not=why_not),
        resampled_estimate(of_everyone, fewer, events=events, why_not=why_not),
    )


def _last_followed(patients: Followed, horizons: Sequence[float]) -> float:
    """The last horizon beyond which at least one patient is followed; else the first."""
    followed = [months for months in horizons if patients.at_risk_after(months) > 0]
    return followed[-1] if followed else horizons[0]


def _follow_up(patients: Followed) -> Found:
    median, low, high = median_follow_up(patients.times_months, patients.events)
    if math.isnan(median):
        return NotEstimable("Fewer than half of the patients would have been censored: the median is not reached.")
    if math.isnan(low) or math.isnan(high):
        return Estimate(median, None, "reverse Kaplan-Meier; no interval: a limit of the curve does not reach one half")
    return Estimate(median, (low, high), "reverse Kaplan-Meier, Brookmeyer-Crowley, log scale")


def _slope(fit: CoxFit | None) -> Found:
    if fit is None:
        return NotEstimable("There is no event, all scores are equal, or the scores separate the patients.")
    return Estimate(fit.coefficient, fit.interval, "Cox regression, Wald")


def _exponentiated(coefficient: float, low: float, high: float) -> Estimate:
    return Estimate(math.exp(coefficient), (math.exp(low), math.exp(high)), "Cox regression, Efron ties, Wald")


def _kaplan_meier(value: float, limits: tuple[float, float] | None, why_not: str) -> Found:
    if math.isnan(value):
        return NotEstimable(why_not)
    if limits is None:
        return Estimate(value, None, f"{_KAPLAN_MEIER}; no interval where survival is 0 or there is no event")
    return Estimate(value, limits, _KAPLAN_MEIER)


def _no_pairs(events: int, patients: int) -> str:
    return f"No pair of patients can be compared ({events} events among {patients} patients)."


def _not_both(months: float, events: int, beyond: int) -> str:
    return f"By {months:g} months {events} patients had an event and {beyond} are followed beyond; both are needed."


def _no_ratio(high: RiskGroup, low: RiskGroup) -> str:
    for group, name in ((high, "high"), (low, "low")):
        if not group.patients:
            return f"No patient is in the {name}-risk group."
    for group, name in ((high, "high"), (low, "low")):
        if not group.events:
            return f"No event is in the {name}-risk group ({group.patients} patients): the hazard ratio is not finite."
    return "The likelihood has no maximum: the groups are separated in time."
