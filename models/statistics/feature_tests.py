"""Tests of every feature at once, scales of features, and corrections for many tests: features × samples.

References: Benjamini and Hochberg (1995), J R Stat Soc B 57:289-300. Equal to R `t.test`, `wilcox.test(exact = FALSE)`,
`cor.test(method = "spearman", exact = FALSE)` and `p.adjust(method = "BH")`.

A test without a value (a constant feature) has NaN as statistic and P; `FeatureTests.undefined` names it, the
correction for many tests leaves it out, and whoever reports must say how many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtr
from scipy.stats import mannwhitneyu, rankdata

from models.constant import varies
from models.errors import StudyRejected
from models.number_words import agreeing, counted
from models.statistics.followed import Floats


class Scale(StrEnum):
    """Scale on which features of different units are compared."""

    Z = "z"  # each feature minus its mean, over its standard deviation (ddof 1)
    RANK = "rank"  # normal scores of the ranks: Φ⁻¹((rank - 3/8) / (n + 1/4)), mean ranks for ties (Blom)
    NONE = "none"  # as measured


@dataclass(frozen=True, eq=False)
class FeatureTests:
    """One test of each feature.

    Attributes
    ----------
    effects : float64 (features,), difference of means (second minus first), or correlation
    statistics : float64 (features,), t, or the standardised rank sum; NaN where the test is undefined
    p : float64 (features,), two-sided; NaN where the test is undefined
    degrees : float64 (features,), degrees of freedom; infinite for a normal approximation
    """

    effects: Floats
    statistics: Floats
    p: Floats
    degrees: Floats

    @property
    def undefined(self) -> NDArray[np.bool_]:
        """True where there is no test, since the feature is constant."""
        return np.isnan(self.p)


def scale_features(values: ArrayLike, scale: Scale) -> Floats:
    """Features on a scale over all samples given: (features, samples). Give before and after together.

    Raises
    ------
    StudyRejected
        When a value is not finite, or a feature is constant: it has no scale (`varies` tells which).
    """
    y = _finite(values)
    if scale is Scale.NONE:
        return y
    constant = int(np.count_nonzero(~varies(y, axis=1)))
    if constant:
        raise StudyRejected(
            f"{constant} of {counted(len(y), 'feature')} {agreeing(constant, 'is', 'are')} constant over the "
            f"{counted(y.shape[1], 'sample')} and cannot be scaled; leave {agreeing(constant, 'it', 'them')} out."
        )
    if scale is Scale.RANK:
        return np.asarray(ndtri((rankdata(y, axis=1) - 0.375) / (y.shape[1] + 0.25)))
    centred = y - y.mean(axis=1, keepdims=True)
    return np.asarray(centred / centred.std(axis=1, ddof=1, keepdims=True))


def student_t(values: ArrayLike, is_second: ArrayLike) -> FeatureTests:
    """Student's t test of two groups with one variance."""
    first, second = _groups(values, is_second)
    n, m = first.shape[1], second.shape[1]
    pooled = ((n - 1) * _variance(first) + (m - 1) * _variance(second)) / (n + m - 2)
    effects = second.mean(axis=1) - first.mean(axis=1)
    return _t(effects, pooled * (1 / n + 1 / m), np.full(len(effects), n + m - 2.0), _largest(values))


def welch_t(values: ArrayLike, is_second: ArrayLike) -> FeatureTests:
    """Welch's t test of two groups with a variance each."""
    first, second = _groups(values, is_second)
    a, b = _variance(first) / first.shape[1], _variance(second) / second.shape[1]
    bottom = a**2 / (first.shape[1] - 1) + b**2 / (second.shape[1] - 1)
    degrees = np.divide((a + b) ** 2, bottom, out=np.full_like(a, np.nan), where=bottom > 0)
    return _t(second.mean(axis=1) - first.mean(axis=1), a + b, degrees, _largest(values))


def paired_t(differences: ArrayLike) -> FeatureTests:
    """Paired t test: differences (features, pairs) against zero."""
    pairs = _finite(differences)
    if pairs.shape[1] < 2:
        raise StudyRejected(f"{pairs.shape[1]} pair was given; a paired test needs at least two.")
    effects, count = pairs.mean(axis=1), pairs.shape[1]
    return _t(effects, _variance(pairs) / count, np.full(len(pairs), count - 1.0), _largest(pairs))


def rank_sum(values: ArrayLike, is_second: ArrayLike) -> FeatureTests:
    """Wilcoxon's rank sum test by the normal approximation with corrections for ties and continuity.

    The effect is the probability that a patient of the second group has the larger value, ties counted half.
    """
    first, second = _groups(values, is_second)
    n, m = first.shape[1], second.shape[1]
    ranks = rankdata(np.hstack([first, second]), axis=1)
    larger = ranks[:, n:].sum(axis=1) - m * (m + 1) / 2
    defined = varies(np.hstack([first, second]), axis=1)
    p, statistics = np.full(len(first), np.nan), np.full(len(first), np.nan)
    if defined.any():
        found = mannwhitneyu(second[defined], first[defined], axis=1, method="asymptotic")
        p[defined] = found.pvalue
        statistics[defined] = -np.sign(larger[defined] - n * m / 2) * ndtri(np.maximum(p[defined], 1e-320) / 2)
    return FeatureTests(larger / (n * m), statistics, p, np.full(len(first), np.inf))


def spearman(values: ArrayLike, score: ArrayLike) -> FeatureTests:
    """Spearman's correlation of each feature with one score, P by the t approximation.

    R uses another formula below 1,290 samples without ties; with ties (zeros of expression) it uses this one, and one
    screen has one formula.
    """
    y, x = _finite(values), np.asarray(score, dtype=np.float64)
    if x.shape != (y.shape[1],) or not np.isfinite(x).all():
        raise StudyRejected(
            f"A score of shape {x.shape} was given for {y.shape[1]} samples; one finite number for each was expected."
        )
    if x.size < 3:
        raise StudyRejected(f"A correlation needs at least three samples; {x.size} given.")
    return correlation_tests(spearman_matrix(y, x[None])[:, 0], x.size)


def correlation_tests(rho: Floats, samples: int) -> FeatureTests:
    """Tests of correlations by t = rho sqrt((n - 2) / (1 - rho²)); NaN stays undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = rho * np.sqrt((samples - 2) / ((1 - rho) * (1 + rho)))
    p = np.asarray(2 * stdtr(samples - 2.0, -np.abs(t)), dtype=np.float64)
    return FeatureTests(rho, t, p, np.full(rho.shape, samples - 2.0))


def spearman_matrix(first: ArrayLike, second: ArrayLike) -> Floats:
    """Spearman's correlations of two sets of features over the same samples: (first, second).

    NaN in the row or column of a constant feature.
    """
    a = _unit_ranks(_finite(first))
    b = a if second is first else _unit_ranks(_finite(second))
    if a.shape[1] != b.shape[1]:
        raise StudyRejected(f"{a.shape[1]} and {b.shape[1]} samples were given; the same samples were expected.")
    return np.clip(a @ b.T, -1.0, 1.0)


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """False discovery rates (adjusted P) in the order of `p`; NaN is no test: it stays NaN and does not count.

    Raises
    ------
    StudyRejected
        When a P lies outside 0 to 1.
    """
    values = np.asarray(p, dtype=np.float64)
    tested = ~np.isnan(values)
    given = values[tested]
    if np.any((given < 0) | (given > 1)):
        raise StudyRejected("P values below 0 or above 1 were given.")
    order = np.argsort(-given, kind="stable")
    count = given.size
    adjusted = np.minimum.accumulate(count / np.arange(count, 0, -1) * given[order])
    rates, found = np.full(values.shape, np.nan), np.empty(count)
    found[order] = np.minimum(adjusted, 1.0)
    rates[tested] = found
    return rates


@dataclass(frozen=True)
class HitCount:
    """Number of hits of a list of tests, with its expectation by chance.

    Attributes
    ----------
    tested : tests with a value
    hits : tests with P below alpha
    expected : alpha × tested: mean number of hits if no feature differed
    discoveries : tests with a false discovery rate below alpha
    alpha : threshold of both
    """

    tested: int
    hits: int
    expected: float
    discoveries: int
    alpha: float

    def __str__(self) -> str:
        expected = f"{self.expected:,.0f}" if self.expected >= 10 else f"{self.expected:.1f}"
        return (
            f"{self.hits:,} of {self.tested:,} at P < {self.alpha:g} ({expected} expected by chance), "
            f"{self.discoveries:,} at a false discovery rate < {self.alpha:g}"
        )


def count_hits(p: ArrayLike, *, alpha: float = 0.05) -> HitCount:
    """Hits, expectation by chance and discoveries of a list of P values; NaN is no test."""
    values = np.asarray(p, dtype=np.float64)
    tested = int(np.count_nonzero(~np.isnan(values)))
    rates = benjamini_hochberg(values)
    hits, discoveries = np.count_nonzero(values < alpha), np.count_nonzero(rates < alpha)
    return HitCount(tested, int(hits), alpha * tested, int(discoveries), alpha)


def _finite(values: ArrayLike) -> Floats:
    y = np.asarray(values, dtype=np.float64)
    if y.ndim != 2:
        raise StudyRejected(f"Values of shape {y.shape} were given; (features, samples) was expected.")
    wrong = int(np.count_nonzero(~np.isfinite(y)))
    if wrong:
        raise StudyRejected(
            f"{wrong} of {counted(y.size, 'value')} {agreeing(wrong, 'is', 'are')} missing or not finite; leave out "
            "those features or samples."
        )
    return y


def _groups(values: ArrayLike, is_second: ArrayLike) -> tuple[Floats, Floats]:
    y, second = _finite(values), np.asarray(is_second).astype(np.bool_)
    if second.shape != (y.shape[1],):
        raise StudyRejected(f"{second.size} group labels were given for {y.shape[1]} samples; one each was expected.")
    counts = int(np.count_nonzero(~second)), int(np.count_nonzero(second))
    if min(counts) < 2:
        raise StudyRejected(f"The groups have {counts[0]} and {counts[1]} samples; at least two in each are needed.")
    return y[:, ~second], y[:, second]


def _variance(y: Floats) -> Floats:
    centred = y - y.mean(axis=1, keepdims=True)
    return np.asarray(np.einsum("ij,ij->i", centred, centred) / (y.shape[1] - 1))


def _largest(values: ArrayLike) -> Floats:
    return np.asarray(np.abs(np.asarray(values, dtype=np.float64)).max(axis=1))


def _t(effects: Floats, variances: Floats, degrees: Floats, largest: Floats) -> FeatureTests:
    """Undefined where the standard error is no more than rounding of the largest value."""
    errors = np.sqrt(variances)
    is_defined = (errors > 1e-14 * largest) & (errors > 0)
    t = np.divide(effects, errors, out=np.full_like(effects, np.nan), where=is_defined)
    return FeatureTests(effects, t, np.asarray(2 * stdtr(degrees, -np.abs(t)), dtype=np.float64), degrees)


def _unit_ranks(y: Floats) -> Floats:
    """Ranks minus their mean, over their length: products are correlations; NaN for constant features."""
    ranks = rankdata(y, axis=1)
    ranks -= (y.shape[1] + 1) / 2
    length = np.sqrt(np.einsum("ij,ij->i", ranks, ranks))
    return ranks / np.where(length > 0, length, np.nan)[:, None]
