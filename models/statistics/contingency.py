"""Fisher's exact test of a table of counts, also larger than 2 × 2.

Two by two: scipy's test with the conditional odds ratio. Larger: the sum over all tables with the same margins that are
not more probable, enumerated where there are few enough; where there are not, a Monte-Carlo estimate with a fixed seed,
which names itself. R refuses large ones ("FEXACT error 6") until `simulate.p.value = TRUE`, which is that estimate.

References: Freeman and Halton (1951), Biometrika 38:141-149; Patefield (1981), Appl Stat 30:91-97, for random tables.
Equal to R `fisher.test`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln
from scipy.stats import fisher_exact, random_table
from scipy.stats.contingency import odds_ratio

_MOST_TABLES = 10_000_000  # enumerated in two or three seconds
_AT_A_TIME = 20_000  # tables without their last two columns, of which each has hundreds of ways to go on
_RANDOM_TABLES = 100_000
_SEED = 20230815
_SLACK = 1e-7  # relative: tables as probable as the one observed count, as in R


@dataclass(frozen=True)
class FisherTest:
    """Fisher's exact test.

    Attributes
    ----------
    p : two-sided
    method : "exact", or the number of random tables
    odds_ratio : conditional maximum-likelihood estimate of a 2 × 2 table; None for larger ones, infinite with a zero
    """

    p: float
    method: str
    odds_ratio: float | None = None


def fisher_test(counts: ArrayLike) -> FisherTest | None:
    """Tests rows against columns; None when fewer than two rows or two columns have a count.

    Parameters
    ----------
    counts : integers (rows, columns), not negative; rows and columns without a count are left out
    """
    table = np.asarray(counts, dtype=np.int64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(table.shape) < 2:
        return None
    if table.shape == (2, 2):
        return FisherTest(float(fisher_exact(table).pvalue), "exact", float(odds_ratio(table).statistic))
    if table.shape[0] < table.shape[1]:
        table = table.T
    rows, columns = table.sum(axis=1), np.sort(table.sum(axis=0))
    observed = float(_log_weights(table[None])[0])
    if _bound(rows, columns) <= _MOST_TABLES:
        return FisherTest(_enumerated(rows, columns, observed), "exact")
    drawn = random_table(rows, columns).rvs(size=_RANDOM_TABLES, random_state=np.random.default_rng(_SEED))
    extreme = int(np.count_nonzero(_log_weights(np.asarray(drawn, dtype=np.int64)) <= observed + _SLACK))
    return FisherTest((extreme + 1) / (_RANDOM_TABLES + 1), f"Monte Carlo, {_RANDOM_TABLES} tables")


def _log_weights(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """Logarithm of each table's probability, but for what all tables with the same margins share."""
    return np.asarray(-gammaln(tables + 1.0).sum(axis=(1, 2)))


def _bound(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> float:
    """At most so many tables: each column but the last as if it were alone, and no row could run out."""
    return math.prod(math.comb(int(total) + rows.size - 1, rows.size - 1) for total in columns[:-1])


def _enumerated(rows: NDArray[np.int64], columns: NDArray[np.int64], observed: float) -> float:
    """Share of the probability of tables that are not more probable than the observed one."""
    left, weight = rows[None, :].copy(), np.zeros(1)
    for total in columns[:-2]:
        left, weight = _one_column(left, weight, int(total))
    whole = extreme = 0.0
    for start in range(0, len(left), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        rest, found = _one_column(left[part], weight[part], int(columns[-2]))
        found = found - gammaln(rest + 1.0).sum(axis=1)  # the last column takes what is left
        probability = np.exp(found - observed)
        whole += float(probability.sum())
        extreme += float(probability[found <= observed + _SLACK].sum())
    return min(1.0, extreme / whole)


def _one_column(
    left: NDArray[np.int64], weight: NDArray[np.float64], total: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """All ways to fill one column from what is left of the rows, (tables, rows), with their log weights so far."""
    open_ = np.full(len(left), total, dtype=np.int64)
    for row in range(left.shape[1]):
        behind = left[:, row + 1 :].sum(axis=1)
        low, high = np.maximum(0, open_ - behind), np.minimum(open_, left[:, row])
        ways = high - low + 1
        chosen = np.repeat(low, ways) + np.arange(ways.sum()) - np.repeat(np.cumsum(ways) - ways, ways)
        left, open_ = np.repeat(left, ways, axis=0), np.repeat(open_, ways) - chosen
        left[:, row] -= chosen
        weight = np.repeat(weight, ways) - gammaln(chosen + 1.0)
    return left, weight
