"""Comparison of groups of patients in one number or one category: tests, and differences that do not grow with them.

A p value of a table of characteristics says little: with many patients a small difference has a small one. The
standardised difference does not depend on their number; above 0.1 is commonly called an imbalance.

References: Welch (1947, 1951) for unequal variances; Wilcoxon (1945), Kruskal and Wallis (1952) for ranks; Austin
(2009), Stat Med 28:3083-3107, and Yang and Dalton (2012), SAS Global Forum 335, for standardised differences. Equal to
R `t.test`, `oneway.test`, `wilcox.test(exact = FALSE)`, `kruskal.test`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import f_oneway, kruskal

from models.constant import varies
from models.statistics.feature_tests import rank_sum, welch_t
from models.statistics.followed import Floats

IMBALANCE = 0.1  # standardised difference


@dataclass(frozen=True)
class NumberTests:
    """Tests whether a number is the same in all groups.

    Attributes
    ----------
    mean_p : Welch's t test; Welch's analysis of variance of more than two groups; None where it cannot be computed
    rank_p : Wilcoxon rank-sum, Kruskal-Wallis of more than two groups; None where it cannot be computed
    standardised_difference : of the means, the largest of all pairs of groups; None where nothing varies
    """

    mean_p: float | None
    rank_p: float | None
    standardised_difference: float | None


def compare_numbers(groups: Sequence[ArrayLike]) -> NumberTests:
    """Compares a number between two or more groups; groups without a value are left out."""
    values = [array for one in groups if (array := np.asarray(one, dtype=np.float64)).size]
    if len(values) < 2 or not varies(np.concatenate(values)):
        return NumberTests(None, None, None)
    has_variance = all(array.size > 1 for array in values) and all(varies(array) for array in values)
    mean_p = rank_p = None
    if len(values) == 2:
        both, is_second = np.concatenate(values)[None], np.repeat([False, True], [array.size for array in values])
        if has_variance:
            mean_p = float(welch_t(both, is_second).p[0])
        if min(array.size for array in values) > 1:
            rank_p = float(rank_sum(both, is_second).p[0])
    else:
        if has_variance:
            mean_p = _welch_anova(values)
        rank_p = float(kruskal(*values).pvalue)
    pairs = [_difference(one, other) for one, other in combinations(values, 2)]
    known = [abs(pair) for pair in pairs if pair is not None]
    return NumberTests(mean_p, rank_p, max(known) if known else None)


def category_difference(counts: ArrayLike) -> float | None:
    """Standardised difference of the shares of categories, the largest of all pairs of groups.

    The distance of the two vectors of shares in their pooled multinomial covariance; of two categories that is
    |p1 - p2| / sqrt((p1 q1 + p2 q2) / 2). None with one group, infinite where two groups have no category in common.

    Parameters
    ----------
    counts : integers (categories, groups)
    """
    table = np.asarray(counts, dtype=np.float64)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return None
    shares = table / table.sum(axis=0)
    known = []
    for one, other in combinations(range(shares.shape[1]), 2):
        present = shares[:, one] + shares[:, other] > 0
        p, q = shares[present][1:, one], shares[present][1:, other]
        if not p.size:
            known.append(0.0)
            continue
        pooled = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
        inverse = np.linalg.pinv(pooled, rcond=1e-10, hermitian=True)
        # Shares that differ along a direction in which neither group varies are infinitely far apart.
        is_apart = not np.allclose(pooled @ inverse @ (p - q), p - q, atol=1e-9)
        known.append(float("inf") if is_apart else float(np.sqrt(max(0.0, (p - q) @ inverse @ (p - q)))))
    return max(known) if known else None


def _difference(one: Floats, other: Floats) -> float | None:
    if one.size < 2 or other.size < 2:
        return None
    if not (varies(one) or varies(other)):
        return None
    pooled = float(np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2))
    return float(one.mean() - other.mean()) / pooled


def _welch_anova(groups: Sequence[Floats]) -> float:
    return float(f_oneway(*groups, equal_var=False).pvalue)
