"""Two packages on the same patients: differences of their performance, paired, with intervals that cover."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.evaluation.recurrence import FrozenModel, decision_at, integration_months, last_followed
from models.evaluation.results import ComparedCurves, Comparison, Difference
from models.inference.outcome import ModelIdentity
from models.number_words import counted
from models.statistics.bootstrap import FEWEST_EVENTS
from models.statistics.brier import brier_difference
from models.statistics.concordance import harrell_c_compared
from models.statistics.decision_curve import decision_curve_of
from models.statistics.estimate import Estimate, NotEstimable
from models.statistics.followed import Floats, Followed
from models.statistics.kaplan_meier import FEWEST_AT_RISK
from models.statistics.roc import auc_compared, binary_auc_compared
from models.statistics.wilson import PairsCompared

METHOD = "smoothed Wilson limits of both, squared and added with their correlation"
_THRESHOLDS = 50


def compare_recurrence(
    times_months: Floats,
    events: Floats,
    scores: Floats,
    other_scores: Floats,
    models: tuple[FrozenModel, FrozenModel],
    *,
    other: ModelIdentity,
    cohort: str,
    subgroup: tuple[str, str] | None,
) -> Comparison:
    """Harrell's C, AUC and net benefit at the horizons both have, and the integrated Brier score up to the last.

    Parameters
    ----------
    times_months, events, scores, other_scores : float64 (patients,); scores are log-risks
    """
    patients = Followed.of(times_months, events, scores)
    others = other_scores[patients.order]
    first, second = models
    horizons = [months for months in first.horizons_months if months in second.horizons_months]
    found = [_pairs("harrell_c", None, harrell_c_compared(patients, others), "No pair of patients can be compared.")]
    found += [
        _pairs(
            "auc",
            months,
            auc_compared(patients, others, months),
            f"By {months:g} months nobody had an event, or nobody is followed beyond.",
        )
        for months in horizons
    ]
    decisions = []
    if horizons:
        found.append(_brier(patients, others, models, last_followed(patients, horizons)))
    for months in horizons:
        curves = [
            decision_at(patients, months, 1 - model.baseline.survival(one, months))
            for model, one in zip(models, (patients.scores, others), strict=True)
        ]
        if curves[0] is not None and curves[1] is not None and patients.at_risk_at(months) >= FEWEST_AT_RISK:
            decisions.append(ComparedCurves(months, curves[0], curves[1]))
    return Comparison(other, cohort, subgroup, len(patients), patients.event_count, tuple(found), tuple(decisions))


def compare_expression(
    is_high: NDArray[np.bool_],
    probabilities: Floats,
    other_probabilities: Floats,
    *,
    other: ModelIdentity,
    cohort: str,
    subgroup: tuple[str, str] | None,
) -> Comparison:
    """The AUC and the net benefit of two models of KRT7-AS; probabilities (patients,)."""
    compared = binary_auc_compared(is_high, probabilities, other_probabilities)
    found = _pairs("auc", None, compared, "One patient with high and one with low expression are needed.")
    decisions: Sequence[ComparedCurves] = ()
    if compared is not None:
        thresholds = np.linspace(0.0, 0.98, _THRESHOLDS)
        curves = [decision_curve_of(one, is_high, thresholds) for one in (probabilities, other_probabilities)]
        decisions = [ComparedCurves(None, curves[0], curves[1])]
    return Comparison(other, cohort, subgroup, is_high.size, int(is_high.sum()), (found,), tuple(decisions))


def _pairs(measure: str, months: float | None, found: PairsCompared | None, why_not: str) -> Difference:
    if found is None:
        missing = NotEstimable(why_not)
        return Difference(measure, months, missing, missing, missing)
    one, two = (
        Estimate(each.share, (each.low, each.high), f"smoothed Wilson, effective number {each.effective:.1f}")
        for each in (found.first, found.second)
    )
    method = f"{METHOD} {found.correlation:.2f}"
    return Difference(measure, months, one, two, Estimate(found.difference, found.interval, method))


def _brier(patients: Followed, others: Floats, models: tuple[FrozenModel, FrozenModel], tau: float) -> Difference:
    """Integrated Brier scores up to tau; lower is better."""
    months = integration_months(patients, tau)
    count = patients.events_by(tau)
    if count < FEWEST_EVENTS or patients.at_risk_after(tau) < 1:
        missing = NotEstimable(
            f"{counted(count, 'event')} up to {tau:g} months; at least {FEWEST_EVENTS}, and a patient followed beyond, "
            "are needed."
        )
        return Difference("integrated_brier", tau, missing, missing, missing)
    first, second = models
    value, other, difference, interval = brier_difference(
        patients,
        months,
        lambda t: first.baseline.survival(patients.scores, t),
        lambda t: second.baseline.survival(others, t),
    )
    return Difference(
        "integrated_brier",
        tau,
        Estimate(value, None, "no interval: see the difference"),
        Estimate(other, None, "no interval: see the difference"),
        Estimate(difference, interval, f"paired losses, t of {count - 1}"),
    )
