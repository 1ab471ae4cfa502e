"""Logistic regression by maximum likelihood, for calibration.

Reference: Cox (1958), J R Stat Soc B 20:215-242. Equal to R `glm(y ~ x, binomial)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.statistics.followed import Floats

_STEPS = 50
_ILL = 1e12  # condition of the information: beyond, the outcome is separated or a covariate constant


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """A logistic model.

    Attributes
    ----------
    coefficients : float64 (columns,), of the design given
    covariance : float64 (columns, columns)
    """

    coefficients: Floats
    covariance: Floats


def fit_logistic(design: Floats, outcome: NDArray[np.bool_]) -> LogisticFit | None:
    """Fits by Newton's method; None where the likelihood has no single maximum.

    Parameters
    ----------
    design : float64 (patients, columns), with a column of ones where an intercept is wanted
    outcome : bool (patients,)
    """
    beta = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        fitted = 1 / (1 + np.exp(-np.clip(design @ beta, -500, 500)))
        information = (design * (fitted * (1 - fitted))[:, None]).T @ design
        if np.linalg.cond(information) > _ILL:
            return None
        step = np.linalg.solve(information, design.T @ (outcome - fitted))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            return LogisticFit(beta, np.asarray(np.linalg.inv(information)))
    return None
