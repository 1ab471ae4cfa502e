"""Cox regression on one covariate: hazard ratio of two groups, calibration slope of a score.

lifelines' fitter takes any number of covariates and raises when one group has no event; with one covariate Newton's
method is a few lines, and a ratio that does not exist can be said in words.

References: Cox (1972), J R Stat Soc B 34:187-220; Efron (1977), JASA 72:557-565, for ties. Equal to R
`survival::coxph(Surv(t, e) ~ x, ties = "efron")`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from models.statistics.followed import Floats

_Z = float(norm.ppf(0.975))
_STEPS = 50
_LARGEST = 20.0  # log hazard ratio per standard deviation: beyond, the likelihood has no maximum


@dataclass(frozen=True)
class CoxFit:
    """A Cox model with one covariate.

    Attributes
    ----------
    coefficient, standard_error : of the log hazard per unit of the covariate
    log_likelihood : partial log-likelihood at the coefficient (Efron)
    """

    coefficient: float
    standard_error: float
    log_likelihood: float

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wald interval of the coefficient."""
        return self.coefficient - _Z * self.standard_error, self.coefficient + _Z * self.standard_error

    @property
    def p(self) -> float:
        """Two-sided p value of Wald's test of no effect."""
        return float(2 * norm.sf(abs(self.coefficient / self.standard_error)))


def fit_cox(times_months: ArrayLike, events: ArrayLike, covariate: ArrayLike) -> CoxFit | None:
    """Fits by Newton's method with halved steps; None where the likelihood has no maximum.

    That is so when the covariate is constant, there is no event, or the covariate separates the patients (one of two
    groups without event).
    """
    times, flags = np.asarray(times_months, dtype=np.float64), np.asarray(events).astype(np.bool_)
    x = np.asarray(covariate, dtype=np.float64)
    spread = float(x.std())
    if not flags.any() or spread <= 1e-12 * max(1.0, float(np.abs(x).max())):
        return None
    centre = float(x.mean())
    order = np.lexsort((~flags, times))
    times, flags, z = times[order], flags[order], (x[order] - centre) / spread
    beta, (value, slope, curvature) = 0.0, _derivatives(0.0, times, flags, z)
    for _ in range(_STEPS):
        if curvature <= 1e-10:
            return None
        step = slope / curvature
        while True:
            moved = _derivatives(beta + step, times, flags, z)
            if moved[0] >= value - 1e-12 * abs(value) or abs(step) < 1e-12:
                break
            step /= 2
        beta += step
        value, slope, curvature = moved
        if abs(beta) > _LARGEST:
            return None
        if abs(step) < 1e-10:
            return CoxFit(beta / spread, float(1 / (np.sqrt(curvature) * spread)), value)
    return None


def _derivatives(beta: float, times: Floats, events: np.ndarray, z: Floats) -> tuple[float, float, float]:
    """Partial log-likelihood, its slope, and its negative curvature (Efron); patients in order of time."""
    linear = beta * z
    risk = np.exp(linear - linear.max())
    moments = np.stack([risk, risk * z, risk * z * z])
    behind = np.cumsum(moments[:, ::-1], axis=1)[:, ::-1]
    value = slope = curvature = 0.0
    for time in np.unique(times[events]):
        start = int(np.searchsorted(times, time, side="left"))
        dying = np.flatnonzero((times == time) & events)
        share = np.arange(dying.size) / dying.size
        s0, s1, s2 = behind[:, start, None] - moments[:, dying].sum(axis=1)[:, None] * share
        mean = s1 / s0
        value += float(linear[dying].sum() - (np.log(s0) + linear.max()).sum())
        slope += float(z[dying].sum() - mean.sum())
        curvature += float((s2 / s0 - mean**2).sum())
    return value, slope, curvature
