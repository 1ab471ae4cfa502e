"""Smooth calibration curve: the observed risk of patients with a predicted one, without groups, and its distances.

The outcome is regressed on the predicted risk itself: a Cox model on log(-log(1 - risk)), stopped at the time, or a
logistic one on the log odds, with a restricted cubic spline of three knots at the 10th, 50th and 90th percentile. With
fewer than `EVENTS_FOR_A_SPLINE` events, or where the spline has no maximum, the curve is a straight line on that scale;
with fewer than `FEWEST_EVENTS` there is none. ICI, E50 and E90 are the mean, median and 90th percentile over the
patients of the distance between predicted and smoothed risk; with few events they are too large, since the curve
follows chance.

References: Austin, Harrell and van Klaveren (2020), Stat Med 39:2714-2742, for survival; Austin and Steyerberg (2019),
Stat Med 38:4051-4065, for ICI, E50 and E90; Harrell (2015), RMS, 2nd ed., Springer, 2.4.5, for the spline;
van Houwelingen (2007), Scand J Stat 34:70-85, for stopping at the time: hazards that change later do not count.
Curve and band equal R `survfit(coxph(...), conf.type = "log-log")` without ties and `predict(glm(...), se.fit = TRUE)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from models.statistics.bootstrap import FEWEST_EVENTS
from models.statistics.cox import CoxModel, NoMaximum, fit_cox_model
from models.statistics.followed import Floats, Followed
from models.statistics.logistic import fit_logistic

EVENTS_FOR_A_SPLINE = 20  # ten for each of its two coefficients
HIDDEN_AT_ENDS = 4  # the curve begins and ends with the fifth patient from either end
HISTOGRAM_BINS = 25
_KNOTS = (0.1, 0.5, 0.9)
_POINTS = 50
_Z = float(norm.ppf(0.975))
_EDGE = 1e-9  # a risk of exactly 0 or 1 has no place on the scale of the regression


@dataclass(frozen=True, eq=False)
class CalibrationCurve:
    """A smooth calibration curve.

    Attributes
    ----------
    predicted : float64 (k,), increasing risks, from the fifth lowest to the fifth highest of the patients
    observed, low, high : float64 (k,), smoothed risk with pointwise 95 % limits
    ici, e50, e90 : mean, median and 90th percentile of |smoothed - predicted| over all patients
    is_line : too few events for a spline, or it has no maximum
    """

    predicted: Floats
    observed: Floats
    low: Floats
    high: Floats
    ici: float
    e50: float
    e90: float
    is_line: bool


@dataclass(frozen=True, eq=False)
class RiskHistogram:
    """Patients by predicted risk.

    Attributes
    ----------
    edges : float64 (k + 1,), of bins of equal width, from 0
    patients : int (k,)
    """

    edges: Floats
    patients: NDArray[np.int64]


def risk_histogram(risk: Floats) -> RiskHistogram:
    """Patients in `HISTOGRAM_BINS` bins from 0 to the highest risk."""
    top = max(float(risk.max()), 1e-6)
    counts, edges = np.histogram(risk, bins=HISTOGRAM_BINS, range=(0.0, top))
    return RiskHistogram(edges, counts.astype(np.int64))


def smooth_calibration_at(patients: Followed, months: float, risk: Floats) -> CalibrationCurve | None:
    """The curve at a time; None with too few events, nobody followed so far, or one predicted risk for all.

    Parameters
    ----------
    risk : predicted probability of an event up to `months`, float64 (patients,), in the order of `patients`
    """
    events = patients.events_by(months)
    if events < FEWEST_EVENTS or not patients.at_risk_after(months):
        return None
    x = np.log(-np.log1p(-np.clip(risk, _EDGE, 1 - _EDGE)))
    times = np.minimum(patients.times_months, months)
    stopped = patients.events & (patients.times_months <= months)
    for knots in _tried(x, events):
        try:
            model = fit_cox_model(times, stopped, spline_basis(x, knots))
        except NoMaximum:
            continue
        if not model.separated.any():
            break
    else:
        return None
    hazard = _StoppedHazard.of(model, times, stopped, spline_basis(x, knots))

    def smoothed(at: Floats) -> tuple[Floats, Floats, Floats]:
        log_hazard, error = hazard.log_hazard(spline_basis(at, knots))
        low, middle, high = (1 - np.exp(-np.exp(log_hazard + z * error)) for z in (-_Z, 0.0, _Z))
        return middle, low, high

    grid = _grid(risk)
    at_grid = np.log(-np.log1p(-np.clip(grid, _EDGE, 1 - _EDGE)))
    return _curve(grid, smoothed(at_grid), risk, smoothed(x)[0], is_line=not knots)


def smooth_calibration(probabilities: Floats, outcome: NDArray[np.bool_]) -> CalibrationCurve | None:
    """The curve of a binary outcome; None with too few patients on one side, or one probability for all.

    Parameters
    ----------
    probabilities : float64 (patients,)
    outcome : bool (patients,)
    """
    fewer = int(min(outcome.sum(), outcome.size - outcome.sum()))
    if fewer < FEWEST_EVENTS:
        return None
    x = _logit(probabilities)

    def design(at: Floats, knots: tuple[float, ...]) -> Floats:
        return np.column_stack([np.ones(at.size), spline_basis(at, knots)])

    for knots in _tried(x, fewer):
        fit = fit_logistic(design(x, knots), outcome)
        if fit is not None:
            break
    else:
        return None

    def smoothed(at: Floats) -> tuple[Floats, Floats, Floats]:
        rows = design(at, knots)
        linear = rows @ fit.coefficients
        error = np.sqrt(np.einsum("ij,jk,ik->i", rows, fit.covariance, rows))
        middle, low, high = (1 / (1 + np.exp(-(linear + z * error))) for z in (0.0, -_Z, _Z))
        return middle, low, high

    grid = _grid(probabilities)
    return _curve(grid, smoothed(_logit(grid)), probabilities, smoothed(x)[0], is_line=not knots)


def spline_basis(x: Floats, knots: tuple[float, ...]) -> Floats:
    """Restricted cubic spline: x, and a column for each knot but two, scaled by the squared range of the knots.

    Without knots, x alone. Returns float64 (n, 1 + max(0, knots - 2)). Equal to R `Hmisc::rcspline.eval(norm = 2)`.
    """
    columns = [x]
    if knots:
        last, before = knots[-1], knots[-2]
        scale = (last - knots[0]) ** 2

        def cubed(values: Floats) -> Floats:
            return np.maximum(values, 0.0) ** 3

        for knot in knots[:-2]:
            tail = cubed(x - before) * (last - knot) - cubed(x - last) * (before - knot)
            columns.append((cubed(x - knot) - tail / (last - before)) / scale)
    return np.column_stack(columns)


@dataclass(frozen=True, eq=False)
class _StoppedHazard:
    """Cumulative hazard of a Cox model at the end of its follow-up, with its error (Tsiatis 1981, Breslow's ties).

    Attributes
    ----------
    coefficients, covariance, centre : of the model; covariates are taken less their mean
    base : cumulative hazard at the centre
    own : Σ d / S0², the variance of the baseline alone
    pull : (p,), Σ d / S0 · mean covariate of the risk set
    """

    coefficients: Floats
    covariance: Floats
    centre: Floats
    base: float
    own: float
    pull: Floats

    @classmethod
    def of(cls, model: CoxModel, times: Floats, events: NDArray[np.bool_], basis: Floats) -> _StoppedHazard:
        centre = basis.mean(axis=0)
        z = basis - centre
        risk = np.exp(z @ model.coefficients)
        # In order of time: the risk set of an event is the first patient of its time and all behind.
        first = np.searchsorted(times, times[events], side="left")
        s0 = np.cumsum(risk[::-1])[::-1][first]
        s1 = np.cumsum((risk[:, None] * z)[::-1], axis=0)[::-1][first]
        return cls(
            model.coefficients,
            model.covariance,
            centre,
            float((1 / s0).sum()),
            float((1 / s0**2).sum()),
            np.asarray((s1 / s0[:, None] ** 2).sum(axis=0)),
        )

    def log_hazard(self, basis: Floats) -> tuple[Floats, Floats]:
        """Log cumulative hazard of covariates (n, p), and its standard error: two arrays (n,)."""
        z = basis - self.centre
        away = z - self.pull / self.base
        variance = self.own / self.base**2 + np.einsum("ij,jk,ik->i", away, self.covariance, away)
        return np.log(self.base) + z @ self.coefficients, np.sqrt(variance)


def _tried(x: Floats, events: int) -> tuple[tuple[float, ...], ...]:
    """Knots in the order to try: three where events and values are enough, then none, a straight line."""
    found = tuple(float(one) for one in np.quantile(x, _KNOTS))
    if events < EVENTS_FOR_A_SPLINE or min(np.diff(found)) <= 1e-6 * max(1.0, abs(found[1])):
        return ((),)
    return found, ()


def _grid(risk: Floats) -> Floats:
    """Risks that the curve is drawn at, from the fifth lowest to the fifth highest."""
    ends = np.sort(risk)[[HIDDEN_AT_ENDS, -1 - HIDDEN_AT_ENDS]] if risk.size > 2 * HIDDEN_AT_ENDS + 1 else (0.0, 1.0)
    return np.linspace(float(ends[0]), float(ends[1]), _POINTS)


def _curve(
    grid: Floats, at_grid: tuple[Floats, Floats, Floats], risk: Floats, smoothed: Floats, *, is_line: bool
) -> CalibrationCurve:
    distance = np.abs(smoothed - risk)
    return CalibrationCurve(
        grid, *at_grid, float(distance.mean()), float(np.median(distance)), float(np.quantile(distance, 0.9)), is_line
    )


def _logit(probabilities: Floats) -> Floats:
    clipped = np.clip(probabilities, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(clipped / (1 - clipped)))
