"""A recurrence model on one group of patients: every statistic, at a cut-off that is frozen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import bounded, brier, share, signal_of, won
from models.evaluation.overlap import TrainingOverlap
from models.evaluation.results import AucAtTime, HorizonResult, RecurrenceResult, RiskGroup, RiskGroups
from models.number_words import counted
from models.statistics.bootstrap import FEWEST_EVENTS, resampled_estimate
from models.statistics.brier import brier_at, integrated_brier
from models.statistics.calibration import calibration_groups, calibration_slope, observed_risk
from models.statistics.concordance import harrell_c_with_interval, uno_c_with_interval
from models.statistics.cox import CoxFit, fit_cox
from models.statistics.decision_curve import DecisionCurve, decision_curve
from models.statistics.estimate import Estimate, Found, NotEstimable
from models.statistics.firth import firth_interval
from models.statistics.followed import Floats, Followed, ratio
from models.statistics.kaplan_meier import (
    FEWEST_AT_RISK,
    log_rank,
    median_follow_up,
    survival_curve,
    weighted_survival_at,
)
from models.statistics.roc import (
    auc_with_interval,
    case_and_control_weights,
    roc_curve_at,
    sensitivity_at,
    specificity_at,
)
from models.statistics.smooth_calibration import risk_histogram, smooth_calibration_at
from models.statistics.survival import BaselineHazard
from models.statistics.wilson import kish

_KAPLAN_MEIER = "Kaplan-Meier, Wilson with Greenwood's number"
_SCORE_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_GRID_MONTHS = 1.0  # of the integrated Brier score
_AUC_TIMES = 16  # at most, of the AUC over time


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
    overlap: TrainingOverlap | None = None,
) -> RecurrenceResult:
    """All statistics of a recurrence model on one group of patients; the scores are log-risks.

    `overlap` is handed on: who of them the model was trained on.
    """
    samples = patients.resampled(resamples=resamples, seed=seed)
    events = patients.event_count
    tau = last_followed(patients, model.horizons_months)
    c = won(harrell_c_with_interval(patients), _no_pairs(events, len(patients)))
    model_score, null_score = _integrated(patients, model, tau, samples)
    return RecurrenceResult(
        cohort=cohort,
        subgroup=subgroup,
        patients=len(patients),
        events=events,
        follow_up=_follow_up(patients),
        harrell_c=c,
        uno_c=won(uno_c_with_interval(patients, tau_months=tau), _no_pairs(patients.events_by(tau), len(patients))),
        tau_months=tau,
        has_signal=signal_of(c, events),
        calibration_slope=_slope(calibration_slope(patients)),
        integrated_brier=model_score,
        integrated_brier_null=null_score,
        groups=risk_groups(patients, model.cut_off),
        horizons=tuple(_at_horizon(patients, model, months, samples) for months in model.horizons_months),
        scores=tuple(float(score) for score in np.quantile(patients.scores, _SCORE_QUANTILES)),
        auc_over_time=_auc_over_time(patients, model, samples),
        overlap=overlap,
    )


def risk_groups(patients: Followed, cut_off: float) -> RiskGroups:
    """High against low risk: curves, log-rank test and hazard ratio in both directions."""
    is_high = patients.scores > cut_off
    times, events = patients.times_months, patients.events

    def group(inside: NDArray[np.bool_]) -> RiskGroup:
        curve = survival_curve(times[inside], events[inside]) if inside.any() else None
        return RiskGroup(int(inside.sum()), int(np.count_nonzero(events & inside)), curve)

    high, low = group(is_high), group(~is_high)
    fit = fit_cox(times, events, is_high) if (events & is_high).any() and (events & ~is_high).any() else None
    if fit is None:
        reason, bounds = _no_ratio(high, low), firth_interval(times, events, is_high)
        high_ratio: Found = NotEstimable(reason + bounded(bounds))
        low_ratio: Found = NotEstimable(reason + bounded(bounds and (-bounds[1], -bounds[0])))
    else:
        lower, upper = firth_interval(times, events, is_high) or fit.interval
        high_ratio = _exponentiated(fit.coefficient, lower, upper)
        low_ratio = _exponentiated(-fit.coefficient, -upper, -lower)
    return RiskGroups(high, low, log_rank(times, events, is_high), high_ratio, low_ratio, fit.p if fit else None)


def _at_horizon(patients: Followed, model: FrozenModel, months: float, samples: NDArray[np.uint16]) -> HorizonResult:
    survival = model.baseline.survival(patients.scores, months)
    risk = 1 - survival
    events, beyond = patients.events_by(months), patients.at_risk_after(months)
    why_not = _not_both(patients, months)
    observed, low, high = observed_risk(patients, months)
    mean_risk = float(risk.mean())
    cases, controls = (one[0] for one in case_and_control_weights(patients, months, patients.once))

    def null(w: Floats | None) -> Floats:
        weights = patients.once if w is None else w
        whole = weighted_survival_at(patients.times_months, patients.events, months, weights)
        return brier_at(patients, months, whole[:, None], weights)

    def scaled(w: Floats | None) -> Floats:
        return 1 - ratio(brier_at(patients, months, survival, w), null(w))

    def bootstrapped(statistic: Callable[[Floats | None], Floats]) -> Found:
        if not known:
            return NotEstimable(why_not)
        return resampled_estimate(statistic, samples, events=events, why_not=why_not)

    known = not math.isnan(observed) and patients.at_risk_at(months) >= FEWEST_AT_RISK
    if not known:
        observed = math.nan
    limits = (low, high) if known and not math.isnan(low) else None
    return HorizonResult(
        months=months,
        events=events,
        followed_beyond=beyond,
        survival=_kaplan_meier(1 - observed, None if limits is None else (1 - high, 1 - low), why_not),
        auc=won(auc_with_interval(patients, months), why_not),
        roc=roc_curve_at(patients, months),
        sensitivity=share(float(sensitivity_at(patients, months, cut_off=model.cut_off)[0]), kish(cases), why_not),
        specificity=share(float(specificity_at(patients, months, cut_off=model.cut_off)[0]), kish(controls), why_not),
        brier=brier(patients, np.array([months]), lambda _: survival, why_not) if known else NotEstimable(why_not),
        brier_null=bootstrapped(null),
        scaled_brier=bootstrapped(scaled),
        predicted_risk=mean_risk,
        observed_risk=_kaplan_meier(observed, limits, why_not),
        observed_to_expected=_kaplan_meier(
            observed / mean_risk if mean_risk > 0 else math.nan,
            None if limits is None or mean_risk <= 0 else (low / mean_risk, high / mean_risk),
            why_not,
        ),
        calibration=calibration_groups(patients, months, risk) if known else (),
        decision=decision_at(patients, months, risk, _fewer(samples)) if known else None,
        calibration_curve=smooth_calibration_at(patients, months, risk) if known else None,
        risks=risk_histogram(risk),
    )


def decision_at(
    patients: Followed, months: float, risk: Floats, samples: NDArray[np.uint16] | None = None
) -> DecisionCurve | None:
    """Thresholds from 0 to three times the observed risk, where decisions are made, at most .5; None without event.

    Parameters
    ----------
    risk : predicted, float64 (patients,)
    samples : for a band, where there are events enough; None for none
    """
    events = patients.events_by(months)
    if not events:
        return None
    most = min(0.5, max(0.05, 3 * observed_risk(patients, months)[0]))
    return decision_curve(
        patients, months, risk, np.linspace(0.0, most, 51), samples if events >= FEWEST_EVENTS else None
    )


def _auc_over_time(patients: Followed, model: FrozenModel, samples: NDArray[np.uint16]) -> tuple[AucAtTime, ...]:
    """The AUC by whole months up to the last horizon, where events and patients beyond are enough to speak of."""
    last = model.horizons_months[-1]
    step = max(1, math.ceil(last / _AUC_TIMES))
    times = sorted({*(float(month) for month in range(step, math.floor(last) + 1, step)), *model.horizons_months})

    def point(months: float) -> AucAtTime:
        why_not = _not_both(patients, months)
        return AucAtTime(
            months,
            won(auc_with_interval(patients, months), why_not),
        )

    return tuple(
        point(months)
        for months in times
        if patients.events_by(months) >= FEWEST_EVENTS and patients.at_risk_after(months) >= FEWEST_AT_RISK
    )


def _fewer(samples: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """A fifth of the samples: precise enough where each of them takes a whole curve."""
    return samples[: max(1, len(samples) // 5)]


def _integrated(patients: Followed, model: FrozenModel, tau: float, samples: NDArray[np.uint16]) -> tuple[Found, Found]:
    """Integrated Brier score of the model and of Kaplan-Meier, from 0 to tau by the month."""
    months = integration_months(patients, tau)
    why_not = _not_both(patients, tau)

    def of_everyone(w: Floats | None) -> Floats:
        weights = patients.once if w is None else w
        return integrated_brier(
            patients,
            months,
            lambda t: weighted_survival_at(patients.times_months, patients.events, t, weights)[:, None],
            weights,
        )

    fewer = _fewer(samples)
    events = patients.events_by(tau)
    return (
        brier(patients, months, lambda t: model.baseline.survival(patients.scores, t), why_not),
        resampled_estimate(of_everyone, fewer, events=events, why_not=why_not),
    )


def integration_months(patients: Followed, tau: float) -> Floats:
    """Months from 0 to tau over which the Brier score is integrated."""
    months = np.linspace(0.0, tau, max(2, round(tau / _GRID_MONTHS) + 1))
    months[0] = min(1e-6, float(patients.times_months[0]) / 2)  # the hazard is not defined at 0 itself
    return months


def last_followed(patients: Followed, horizons: Sequence[float]) -> float:
    """The last horizon to which enough patients are followed without event; else the first."""
    followed = [months for months in horizons if patients.at_risk_at(months) >= FEWEST_AT_RISK]
    return followed[-1] if followed else horizons[0]


def _follow_up(patients: Followed) -> Found:
    median, low, high = median_follow_up(patients.times_months, patients.events)
    if math.isnan(median):
        return NotEstimable("Fewer than half of the patients would have been censored: the median is not reached.")
    if math.isnan(low) or math.isnan(high):
        return Estimate(median, None, "reverse Kaplan-Meier; no interval: a limit of the curve does not reach one half")
    return Estimate(median, (low, high), "reverse Kaplan-Meier, Brookmeyer-Crowley, Wilson")


def _slope(fit: CoxFit | None) -> Found:
    if fit is None:
        return NotEstimable("There is no event, all scores are equal, or the scores separate the patients.")
    return Estimate(fit.coefficient, fit.interval, "Cox regression, Wald")


def _exponentiated(coefficient: float, low: float, high: float) -> Estimate:
    return Estimate(
        math.exp(coefficient), (math.exp(low), math.exp(high)), "Cox regression, Efron ties, Firth's profile"
    )


def _kaplan_meier(value: float, limits: tuple[float, float] | None, why_not: str) -> Found:
    if math.isnan(value):
        return NotEstimable(why_not)
    if limits is None:
        return Estimate(value, None, f"{_KAPLAN_MEIER}; no interval where survival is 0")
    return Estimate(value, limits, _KAPLAN_MEIER)


def _no_pairs(events: int, patients: int) -> str:
    return f"No pair of patients can be compared ({counted(events, 'event')} among {counted(patients, 'patient')})."


def _not_both(patients: Followed, months: float) -> str:
    """The reason why a statistic at a time cannot be estimated."""
    events, at_risk, beyond = (
        count(months) for count in (patients.events_by, patients.at_risk_at, patients.at_risk_after)
    )
    if 0 < at_risk < FEWEST_AT_RISK:
        return (
            f"{counted(at_risk, 'patient is', 'patients are')} followed to {months:g} months; at least "
            f"{FEWEST_AT_RISK} are needed to say what happens by then."
        )
    reason = (
        f"By {months:g} months {counted(events, 'patient')} had an event and {beyond} are followed beyond; both are "
        "needed."
    )
    if not beyond and at_risk:
        reason += f" The follow-up of {counted(at_risk, 'patient')} ends at exactly {months:g} months; later is needed."
    return reason


def _no_ratio(high: RiskGroup, low: RiskGroup) -> str:
    for group, name in ((high, "high"), (low, "low")):
        if not group.patients:
            return f"No patient is in the {name}-risk group."
    for group, name in ((high, "high"), (low, "low")):
        if not group.events:
            return (
                f"No event is in the {name}-risk group ({counted(group.patients, 'patient')}): the hazard ratio is "
                "not finite."
            )
    return "The likelihood has no maximum: the groups are separated in time."
