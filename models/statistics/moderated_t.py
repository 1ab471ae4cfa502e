"""Moderated t tests (limma): a linear model for each feature, variances shrunk towards those of all features.

Paired samples are a one-sample test on the differences: R's model with a block for each patient gives the same t.

References: Smyth (2004), Stat Appl Genet Mol Biol 3:3; Phipson et al. (2016), Ann Appl Stat 10:946-963. Equal to R
`limma::eBayes(limma::lmFit(y, design))` of limma 3.54 (`trend = TRUE` as well) without missing values, which are
refused here. Where the variances differ no more than chance makes them differ (infinite prior degrees of freedom) the
prior variance is their mean, as limma has it since January 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, ndtr, ndtri, polygamma, stdtr, stdtrit

from models.errors import StudyRejected
from models.number_words import agreeing, counted
from models.statistics.followed import Floats

_FLOOR = 1e-5  # of the median variance: a constant feature does not decide the prior


@dataclass(frozen=True, eq=False)
class LinearFit:
    """Least-squares fits of one design to all features.

    Attributes
    ----------
    effects : float64 (features,), the coefficient or contrast that is tested, in the unit of the values
    unscaled : its standard deviation for a residual variance of 1
    variances : float64 (features,), residual variances
    degrees : residual degrees of freedom, the same for all features
    means : float64 (features,), over all samples
    """

    effects: Floats
    unscaled: float
    variances: Floats
    degrees: int
    means: Floats


@dataclass(frozen=True, eq=False)
class ModeratedT:
    """Moderated t test of one coefficient, for each feature.

    Attributes
    ----------
    effects : float64 (features,); for two groups the mean of the second minus the mean of the first
    statistics : float64 (features,), moderated t
    p : float64 (features,), two-sided
    standard_errors : float64 (features,), from the shrunken variance
    degrees : degrees of freedom of the t distribution, the same for all features; infinite for one of normal shape
    prior_degrees : weight of the other features' variances; infinite where all features share one variance
    prior_variances : float64, one number, or (features,) with a trend
    """

    effects: Floats
    statistics: Floats
    p: Floats
    standard_errors: Floats
    degrees: float
    prior_degrees: float
    prior_variances: Floats

    @property
    def intervals(self) -> Floats:
        """95 % intervals of the effects: (features, 2)."""
        width = self.standard_errors * (stdtrit(self.degrees, 0.975) if np.isfinite(self.degrees) else ndtri(0.975))
        return np.stack([self.effects - width, self.effects + width], axis=1)


def moderated_t(
    values: ArrayLike, design: ArrayLike, *, tested: int | ArrayLike = -1, has_trend: bool = False
) -> ModeratedT:
    """Tests one coefficient of a linear model in every feature.

    Parameters
    ----------
    values : (features, samples), finite
    design : (samples, terms), of full column rank
    tested : column of the design, or the weights of a contrast of its coefficients: (terms,)
    has_trend : the prior variance follows the mean of the feature (a natural spline), for logarithms of expression

    Raises
    ------
    StudyRejected
        When the arrays do not fit, a value is not finite, the design cannot be solved, or no sample is left to
        estimate a variance.
    """
    fit = fit_linear(values, design, tested=tested)
    return moderate(fit, has_trend=has_trend)


def two_group_design(is_second: ArrayLike, covariates: ArrayLike | None = None) -> Floats:
    """Design whose last column is the difference of the second group from the first: (samples, terms).

    `covariates` is (samples, k); categories come as indicators (`indicators`).
    """
    second = np.asarray(is_second, dtype=np.float64)
    columns = [np.ones((second.size, 1)), second[:, None]]
    if covariates is not None:
        columns.insert(1, np.asarray(covariates, dtype=np.float64).reshape(second.size, -1))
    return np.hstack(columns)


def indicators(categories: ArrayLike) -> Floats:
    """Indicators of all categories but the first in order: (samples, categories - 1)."""
    _, codes = np.unique(np.asarray(categories), return_inverse=True)
    return np.eye(int(codes.max()) + 1)[codes][:, 1:]


def two_groups(
    values: ArrayLike, is_second: ArrayLike, *, covariates: ArrayLike | None = None, has_trend: bool = False
) -> ModeratedT:
    """Second group against the first. On differences of pairs it says whether change differs between the groups."""
    return moderated_t(values, two_group_design(is_second, covariates), has_trend=has_trend)


def paired(differences: ArrayLike) -> ModeratedT:
    """Mean of the differences (after minus before) against zero: (features, pairs)."""
    pairs = np.asarray(differences, dtype=np.float64)
    return moderated_t(pairs, np.ones((pairs.shape[-1], 1)))


def fit_linear(values: ArrayLike, design: ArrayLike, *, tested: int | ArrayLike = -1) -> LinearFit:
    """Least-squares fits; arguments and errors as `moderated_t`."""
    y, x = np.asarray(values, dtype=np.float64), np.asarray(design, dtype=np.float64)
    _check(y, x)
    q, r = np.linalg.qr(x)
    if np.abs(np.diag(r)).min() <= 1e-10 * np.abs(np.diag(r)).max():
        raise StudyRejected(
            f"The {x.shape[1]} terms of the model depend on each other over the {x.shape[0]} samples (a group or a "
            "covariate is constant, or one follows from the others); leave one out."
        )
    weights = np.zeros(x.shape[1])
    if np.ndim(tested) == 0:
        weights[int(np.asarray(tested))] = 1.0
    else:
        weights[:] = np.asarray(tested, dtype=np.float64)
    means = y.mean(axis=1)
    # Around its mean a feature in large numbers keeps its digits; the means go back in with the coefficients.
    has_constant = np.allclose(q @ (q.T @ np.ones(len(x))), 1.0)
    residual = y - means[:, None] if has_constant else y.copy()
    projected = residual @ q
    direction = np.linalg.solve(r.T, weights)  # the effect is (Qᵀy)·R⁻ᵀc
    shift = float(np.ones(len(x)) @ q @ direction) if has_constant else 0.0
    effects = projected @ direction + means * shift if abs(shift) > 1e-12 else projected @ direction
    residual -= projected @ q.T
    degrees = x.shape[0] - x.shape[1]
    variances = np.einsum("ij,ij->i", residual, residual) / degrees
    # Rounding is not variance: a feature that the model fits exactly has none.
    variances[variances <= (4 * np.finfo(np.float64).eps * np.abs(y).max(axis=1)) ** 2] = 0.0
    return LinearFit(effects, float(np.sqrt(direction @ direction)), variances, degrees, means)


def moderate(fit: LinearFit, *, has_trend: bool = False) -> ModeratedT:
    """Empirical Bayes statistics of a fit."""
    prior_degrees, prior = fit_prior(fit.variances, fit.degrees, fit.means if has_trend else None)
    if np.isinf(prior_degrees):
        shrunken = np.broadcast_to(prior, fit.variances.shape)
    else:
        shrunken = (fit.degrees * fit.variances + prior_degrees * prior) / (fit.degrees + prior_degrees)
    errors = np.sqrt(shrunken) * fit.unscaled
    # Not more degrees of freedom than all features have together.
    degrees = float(min(fit.degrees + prior_degrees, float(fit.degrees) * fit.variances.size))
    t = np.divide(fit.effects, errors, out=np.zeros_like(fit.effects), where=errors > 0)
    p: Floats = 2 * np.asarray(
        stdtr(degrees, -np.abs(t)) if np.isfinite(degrees) else ndtr(-np.abs(t)), dtype=np.float64
    )
    return ModeratedT(fit.effects, t, p, errors, degrees, prior_degrees, np.asarray(prior))


def ordinary_t(fit: LinearFit) -> ModeratedT:
    """Ordinary t statistics of a fit: nothing is shrunken, as limma does for a single feature."""
    errors = np.sqrt(fit.variances) * fit.unscaled
    t = np.divide(fit.effects, errors, out=np.zeros_like(fit.effects), where=errors > 0)
    p: Floats = 2 * np.asarray(stdtr(float(fit.degrees), -np.abs(t)), dtype=np.float64)
    return ModeratedT(fit.effects, t, p, errors, float(fit.degrees), 0.0, np.asarray(1.0))


def fit_priors(variances: Floats, degrees: float) -> tuple[Floats, Floats]:
    """Degrees of freedom and scales of the priors of many sets of variances: `fit_prior` of each column.

    Parameters
    ----------
    variances : (features, sets), at least two features
    degrees : residual degrees of freedom, the same for all

    Returns
    -------
    Prior degrees of freedom and prior variances, each (sets,).
    """
    middle = np.median(variances, axis=0)
    x = np.maximum(variances, _FLOOR * np.where(middle > 0, middle, 1.0))
    means = x.mean(axis=0)
    e = np.log(x, out=x)
    e += np.log(degrees / 2) - digamma(degrees / 2)
    level = e.mean(axis=0)
    e -= level
    excess = np.einsum("ij,ij->j", e, e) / (len(e) - 1) - float(polygamma(1, degrees / 2))
    prior_degrees = np.where(excess > 0, 2 * inverse_trigamma(np.where(excess > 0, excess, 1.0)), np.inf)
    finite = np.where(np.isfinite(prior_degrees), prior_degrees, 1.0)
    scales = np.exp(level + digamma(finite / 2) - np.log(finite / 2))
    return prior_degrees, np.where(np.isfinite(prior_degrees), scales, means)


def fit_prior(variances: Floats, degrees: float, covariate: Floats | None = None) -> tuple[float, Floats]:
    """Degrees of freedom and scale of the prior of the variances (limma's `fitFDist`).

    Parameters
    ----------
    variances : (features,), at least two
    degrees : residual degrees of freedom
    covariate : (features,), what the scale follows; the scale is then (features,), else one number

    Raises
    ------
    StudyRejected
        With fewer than two features.
    """
    if variances.size < 2:
        raise StudyRejected(
            f"{variances.size} feature was given; shrinking variances needs at least two. Use the plain t test."
        )
    knots = 0 if covariate is None else _terms_of_trend(covariate)
    if covariate is None or knots < 2:
        prior_degrees, scales = fit_priors(variances[:, None], degrees)
        return float(prior_degrees[0]), np.asarray(scales[0])
    middle = float(np.median(variances))
    x = np.maximum(variances, _FLOOR * (middle if middle > 0 else 1.0))
    e = np.log(x) - digamma(degrees / 2) + np.log(degrees / 2)
    basis = natural_spline(covariate, knots)
    trend = basis @ np.linalg.lstsq(basis, e, rcond=None)[0]
    spread = float(np.sum((e - trend) ** 2) / (e.size - knots)) if e.size > knots else 0.0
    excess = spread - float(polygamma(1, degrees / 2))
    if excess <= 0:
        return np.inf, np.exp(trend)
    strength = 2 * float(inverse_trigamma(excess))
    return strength, np.exp(trend + digamma(strength / 2) - np.log(strength / 2))


def inverse_trigamma(values: ArrayLike) -> Floats:
    """y with ψ′(y) = value for each of the positive values (Newton's method on 1/ψ′)."""
    x = np.asarray(values, dtype=np.float64)
    usual = np.clip(x, 1e-6, 1e7)
    y = 0.5 + 1 / usual
    for _ in range(50):
        first = polygamma(1, y)
        step = first * (1 - first / usual) / polygamma(2, y)
        y = y + step
        if np.all(-step / y < 1e-8):
            break
    return np.asarray(np.where(x > 1e7, 1 / np.sqrt(x), np.where(x < 1e-6, 1 / x, y)))


def natural_spline(x: Floats, terms: int) -> Floats:
    """Natural cubic spline with inner knots at equally spaced quantiles: (n, terms), the space of R's `ns`.

    `terms` counts the constant. Basis of truncated powers (Hastie, Tibshirani and Friedman, Elements of Statistical
    Learning, 5.2.1).
    """
    low, high = float(x.min()), float(x.max())
    z = (x - low) / (high - low)
    knots = np.concatenate([[0.0], np.quantile(z, np.arange(1, terms - 1) / (terms - 1)), [1.0]])

    def power(k: int) -> Floats:
        both = np.maximum(z - knots[k], 0) ** 3 - np.maximum(z - knots[-1], 0) ** 3
        return both / (knots[-1] - knots[k])

    last = power(len(knots) - 2)
    return np.column_stack([np.ones_like(z), z, *(power(k) - last for k in range(len(knots) - 2))])


def _terms_of_trend(covariate: Floats) -> int:
    count = covariate.size
    return min(1 + (count >= 3) + (count >= 6) + (count >= 30), int(np.unique(covariate).size))


def _check(y: Floats, x: Floats) -> None:
    if y.ndim != 2 or x.ndim != 2 or y.shape[1] != x.shape[0] or y.shape[0] == 0:
        raise StudyRejected(
            f"Values of shape {y.shape} and a design of shape {x.shape} were given; (features, samples) and (samples, "
            "terms), and at least one feature, were expected."
        )
    wrong = int(np.count_nonzero(~np.isfinite(y)))
    if wrong:
        raise StudyRejected(
            f"{wrong} of {counted(y.size, 'value')} {agreeing(wrong, 'is', 'are')} missing or not finite; leave out "
            "those features or samples, since shrunken variances need every value."
        )
    if not np.isfinite(x).all():
        raise StudyRejected("The design holds numbers that are missing or not finite; leave out those samples.")
    if x.shape[0] <= x.shape[1]:
        raise StudyRejected(
            f"{x.shape[0]} samples cannot estimate {x.shape[1]} terms and a variance; at least {x.shape[1] + 1} are "
            "needed."
        )
