"""The summary of out-of-fold scores that a package holds: made here, read by `models.inference.training_scores`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.evaluation.recurrence import risk_groups
from models.evaluation.results import RiskGroup, RiskGroups
from models.inference.outcome import Group, GroupCurve
from models.inference.training_scores import FEWEST_AT_RISK, FEWEST_BETWEEN, TrainingScores
from models.statistics.estimate import Estimate
from models.statistics.followed import Followed
from models.statistics.grouped_months import grouped_months
from models.training.interval import widened

Floats = NDArray[np.float64]

QUANTILES = 99  # at most
_DECIMALS = 3


def summary_of(
    scores: Floats, *, groups: tuple[GroupCurve, ...] = (), ratio: tuple[float, float, float] | None = None
) -> TrainingScores | None:
    """The summary of scores (patients,), on the scale of the score; None where there are too few patients."""
    quantiles = quantiles_of(scores)
    if not quantiles:
        return None
    return TrainingScores(patients=int(scores.size), quantiles=quantiles, groups=groups, hazard_ratio=ratio)


def quantiles_of(scores: Floats) -> tuple[float, ...]:
    """Quantiles of scores (patients,), with `FEWEST_BETWEEN` patients between two; none of too few patients."""
    intervals = min(QUANTILES + 1, scores.size // FEWEST_BETWEEN)
    if intervals < 2:
        return ()
    found = np.quantile(scores, np.arange(1, intervals) / intervals).round(_DECIMALS)
    return tuple((found + 0.0).tolist())  # no -0.0


def recurrence_summary(
    times_months: Floats,
    events: Floats,
    scores: Floats,
    *,
    cut_off: float,
    is_selected: bool,
    horizons_months: tuple[float, ...],
    folds: int,
) -> TrainingScores | None:
    """The summary with the curves of the groups, up to the last horizon, and their hazard ratio.

    Parameters
    ----------
    scores : float64 (patients,), each by a model trained without that patient
    is_selected : the cut-off was selected on these patients: no ratio then, it would be flattered
    folds : of the cross-validation the scores are from
    """
    found = risk_groups(Followed.of(times_months, events, scores), cut_off)
    curves = [_curve(group, one, horizons_months) for group, one in ((Group.LOW, found.low), (Group.HIGH, found.high))]
    shown = tuple(curve for curve in curves if curve is not None)
    if len(shown) < len(curves):
        return summary_of(scores)
    return summary_of(scores, groups=shown, ratio=None if is_selected else hazard_ratio(found, folds=folds))


def hazard_ratio(groups: RiskGroups, *, folds: int) -> tuple[float, float, float] | None:
    """High against low risk with the 95 % interval, widened on the log scale; None where it cannot be estimated."""
    found = groups.hazard_ratio_high
    if not isinstance(found, Estimate) or found.interval is None:
        return None
    low, high = widened(math.log(found.value), *(math.log(limit) for limit in found.interval), folds=folds)
    value, low, high = (float(f"{number:.3g}") for number in (found.value, math.exp(low), math.exp(high)))
    return value, low, high


def _curve(group: Group, found: RiskGroup, horizons_months: tuple[float, ...]) -> GroupCurve | None:
    """The curve by whole months while enough patients are at risk; None where there are too few from the start.

    Straight between months that group at least `FEWEST_BETWEEN` recurrences, so that it tells no patient's time.
    """
    if found.curve is None or found.curve.at_risk[0] < FEWEST_AT_RISK:
        return None
    months = range(int(horizons_months[-1]) + 1)
    counts = found.curve.numbers_at_risk(months)
    last = max(month for month, count in zip(months, counts, strict=True) if count >= FEWEST_AT_RISK)
    if last == 0:
        return None
    horizons = [month for month in horizons_months if month < last]
    points = grouped_months(
        np.repeat(found.curve.times_months, found.curve.events.astype(int)),
        end_months=last,
        always=(*horizons, float(last)),
        fewest=FEWEST_BETWEEN,
    )
    survival = np.interp(range(last + 1), (0.0, *points), (1.0, *(found.curve.at(point)[0] for point in points)))
    marks = [month for month in (0, *(int(month) for month in horizons_months)) if month <= last]
    return GroupCurve(
        group=group,
        patients=int(found.curve.at_risk[0]),
        events=int(found.curve.events.sum()),
        survival=tuple(survival.round(_DECIMALS).tolist()),
        at_risk_months=tuple(marks),
        at_risk=tuple(counts[month] for month in marks),
    )
