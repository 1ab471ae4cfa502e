"""Profile interval of a log hazard ratio with Firth's penalty: it exists also where one of two groups has no event.

References: Firth (1993), Biometrika 80:27-38; Heinze and Schemper (2001), Biometrics 57:114-119.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import chi2

from models.statistics.cox import NoMaximum, PartialLikelihood

_HALF_CHI_SQUARE = float(chi2.ppf(0.95, 1)) / 2  # 1.92

_FARTHEST = 300.0  # log hazard ratio for one standard deviation: beyond, exp() leaves double precision


def firth_interval(times_months: ArrayLike, events: ArrayLike, covariate: ArrayLike) -> tuple[float, float] | None:
    """95 % interval of the coefficient of one covariate; None where there is no event or no contrast.

    All b whose penalised log-likelihood l(b) + ½ log I(b) lies within 1.92 of its maximum. With few events it covers
    where Wald's interval is missing or too short; with many both agree.
    """
    try:
        likelihood = PartialLikelihood.of(
            times_months, events, np.asarray(covariate, dtype=np.float64)[:, np.newaxis], None
        )
    except NoMaximum:
        return None

    def penalised(beta: float) -> float:
        value, _, curvature = likelihood.derivatives(np.array([beta]))
        information = float(curvature[0, 0])
        return float(value + 0.5 * np.log(information)) if information > 0 else -1e300

    if penalised(0.0) <= -1e300:
        return None  # at every event all patients at risk are alike
    best = minimize_scalar(lambda beta: -penalised(beta), bracket=(-0.5, 0.5), method="brent")
    lowest = -float(best.fun) - _HALF_CHI_SQUARE

    def limit(direction: float) -> float | None:
        far = 1.0
        while penalised(float(best.x) + direction * far) > lowest:
            far *= 2
            if far > _FARTHEST:
                return None
        return float(brentq(lambda beta: penalised(beta) - lowest, best.x, best.x + direction * far))

    low, high = limit(-1.0), limit(1.0)
    if low is None or high is None:
        return None  # the patients say nothing about the ratio
    spread = float(likelihood.spread[0])
    return low / spread, high / spread
