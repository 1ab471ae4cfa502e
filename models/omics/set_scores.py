"""Scores of gene sets in each sample: ssGSEA and GSVA.

References: Barbie et al. (2009), Nature 462:108-112; Hänzelmann, Castelo and Guinney (2013), BMC Bioinformatics 14:7.
Equal to R GSVA 2.0.5 with `Ties.ROW_ORDER`. R's scores depend on the order of the rows where genes tie in a sample
(the zeros of expression): shuffled rows moved raw ssGSEA scores by 6 of a range of 308. By default tied genes share
their mean place, so that the order does not matter, and constant genes, which say nothing about a sample, are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, pdtr
from scipy.stats import rankdata

from models.compiled import compiled
from models.constant import varies
from models.errors import StudyRejected
from models.number_words import agreeing
from models.statistics.followed import Floats

Ints = NDArray[np.int64]
_STEPS, _LARGEST = 10_000, 10.0  # of R's table of the normal distribution


class Ties(StrEnum):
    """Places of genes with equal values in a sample."""

    MEAN = "mean"  # all take their mean place; constant genes are left out
    ROW_ORDER = "row-order"  # in the order of the rows, as in R's GSVA; ssGSEA keeps constant genes


class Kernel(StrEnum):
    """Estimate of the distribution of a gene over the samples (GSVA)."""

    GAUSSIAN = "gaussian"  # for log2(TPM + 1)
    POISSON = "poisson"  # for whole-number counts
    NONE = "none"  # the empirical distribution


@dataclass(frozen=True, eq=False)
class SetScores:
    """Scores of sets in samples.

    Attributes
    ----------
    scores : float64 (sets, samples); comparable within this cohort only
    genes : number of genes that took part
    left_out : number of constant genes that were left out
    zeros : share of zeros among the values
    """

    scores: Floats
    genes: int
    left_out: int
    zeros: float

    @property
    def scaled(self) -> Floats:
        """Scores over their range, as GSVA normalises ssGSEA: for display; another patient or set changes all."""
        return self.scores / float(np.ptp(self.scores)) if varies(self.scores.ravel()) else self.scores.copy()

    def remark(self) -> str:
        """Sentence about the genes that took part."""
        constant = (
            f"; {self.left_out:,} constant {agreeing(self.left_out, 'gene was', 'genes were')} left out"
            if self.left_out
            else ""
        )
        return (
            f"{self.genes:,} {agreeing(self.genes, 'gene')} took part, {100 * self.zeros:.0f} % of "
            f"{agreeing(self.genes, 'its values', 'their values')} are zero{constant}."
        )


def ssgsea(values: ArrayLike, members: Sequence[Ints], *, alpha: float = 0.25, ties: Ties = Ties.MEAN) -> SetScores:
    """Raw ssGSEA scores.

    Parameters
    ----------
    values : (genes, samples), finite; only ranks within a sample count
    members : rows of the genes of each set
    alpha : exponent of the ranks

    Raises
    ------
    StudyRejected
        When a value is not finite, a set is empty or holds all genes.
    """
    y, sets, left_out = _prepared(values, members, drops_constant=ties is Ties.MEAN)
    count = len(y)
    scores = np.empty((len(sets), y.shape[1]))
    flat, ends = _flattened(sets)
    for sample in range(y.shape[1]):
        # R truncates mean ranks to whole numbers: two tied genes at 2.5 both have rank 2.
        ranks = rankdata(y[:, sample]).astype(np.int64)
        order = np.argsort(-ranks, kind="stable")
        places = np.empty(count)
        places[order] = np.arange(count)
        if ties is Ties.MEAN:
            places = count - rankdata(y[:, sample])
        weights = ranks.astype(np.float64) ** alpha
        scores[:, sample] = _integrals(flat, ends, weights, places, float(count))
    return SetScores(scores, count, left_out, float(np.mean(y == 0)))


@compiled
def _integrals(  # pragma: no cover - compiled
    flat: Ints, ends: Ints, weights: Floats, places: Floats, count: float
) -> Floats:
    """Sum over all places of (share of weight above) - (share of other genes above), for each set."""
    found = np.empty(ends.size)
    start = 0
    for one in range(ends.size):
        weighted = weight = steps = 0.0
        for i in range(start, ends[one]):
            gene = flat[i]
            weighted += weights[gene] * (count - places[gene])
            weight += weights[gene]
            steps += count - places[gene]
        found[one] = weighted / weight - (count * (count + 1) / 2 - steps) / (count - (ends[one] - start))
        start = ends[one]
    return found


def gsva(
    values: ArrayLike,
    members: Sequence[Ints],
    *,
    kernel: Kernel = Kernel.GAUSSIAN,
    ties: Ties = Ties.MEAN,
    tau: float = 1.0,
    takes_difference: bool = True,
) -> SetScores:
    """GSVA scores.

    Parameters
    ----------
    values : (genes, samples), finite
    members : rows of the genes of each set
    tau : exponent of the rank statistic
    takes_difference : the largest deviation above zero minus the largest below (R's `maxDiff`), else the larger of both

    Raises
    ------
    StudyRejected
        When a value is not finite, a set is empty or holds all genes, there is one sample, or the Poisson kernel is
        asked for values that are no whole numbers.
    """
    y, sets, left_out = _prepared(values, members, drops_constant=True)
    if y.shape[1] < 2:
        raise StudyRejected("GSVA compares samples with each other; one sample was given, two or more were expected.")
    zeros = float(np.mean(y == 0))
    positions = _positions(y, kernel)
    flat, ends = _flattened(sets)
    count = len(y)
    scores = np.empty((len(sets), y.shape[1]))
    for sample in range(y.shape[1]):
        column = np.ascontiguousarray(positions[:, sample])
        order = np.argsort(-column, kind="stable")
        first, last = _blocks(column, order, ties is Ties.ROW_ORDER)
        statistics = np.abs(count - (first + last) / 2 - count / 2) ** tau
        scores[:, sample] = _walks(flat, ends, first, last, statistics, takes_difference)
    return SetScores(scores, count, left_out, zeros)


@compiled
def _blocks(column: Floats, order: Ints, is_row_order: bool) -> tuple[Ints, Ints]:  # pragma: no cover - compiled
    """First and last place (from 0) of the tie that each gene belongs to."""
    count = column.size
    first, last = np.empty(count, np.int64), np.empty(count, np.int64)
    start = 0
    while start < count:
        end = start
        if not is_row_order:
            while end + 1 < count and column[order[end + 1]] == column[order[start]]:
                end += 1
        for place in range(start, end + 1):
            first[order[place]] = start
            last[order[place]] = end
        start = end + 1
    return first, last


@compiled
def _walks(  # pragma: no cover - compiled
    flat: Ints, ends: Ints, first: Ints, last: Ints, statistics: Floats, takes_difference: bool
) -> Floats:
    """Score of each set: the walk is looked at before and after its hits alone, where it turns.

    Genes that tie are one step of the walk, hits and misses together.
    """
    count = first.size
    found = np.empty(ends.size)
    start = 0
    for one in range(ends.size):
        genes = flat[start : ends[one]]
        size = genes.size
        total = 0.0
        for gene in genes:
            total += statistics[gene]
        down = 1.0 / (count - size)
        by_place = np.argsort(first[genes])
        highest = lowest = 0.0
        hits, weight = 0, 0.0
        i = 0
        while i < size:
            block = first[genes[by_place[i]]]
            end = last[genes[by_place[i]]]
            before = weight / total - (block - hits) * down
            while i < size and first[genes[by_place[i]]] == block:
                weight += statistics[genes[by_place[i]]]
                hits += 1
                i += 1
            after = weight / total - (end + 1 - hits) * down
            highest = max(highest, before, after)
            lowest = min(lowest, before, after)
        if takes_difference:
            found[one] = highest + lowest
        else:
            found[one] = highest if highest > abs(lowest) else lowest
        start = ends[one]
    return found


def _positions(y: Floats, kernel: Kernel) -> Floats:
    """Position of each value in the distribution of its gene: (genes, samples)."""
    if kernel is Kernel.NONE:
        return np.asarray(rankdata(y, method="max", axis=1) / y.shape[1])
    if kernel is Kernel.GAUSSIAN:
        return _gaussian_positions(y, y.std(axis=1, ddof=1) / 4, _normal_table())
    broken = np.count_nonzero(y != np.floor(y))
    if broken or np.any(y < 0):
        raise StudyRejected(
            f"The Poisson kernel was asked for {broken:,} "
            f"{agreeing(broken, 'value that is no whole number', 'values that are no whole numbers')}; it is for "
            "counts. Take the Gaussian kernel for log2(TPM + 1)."
        )
    share = np.empty_like(y)
    for gene, counts in enumerate(y):
        different, back = np.unique(counts, return_inverse=True)
        often = np.bincount(back)
        rate = different + 0.5
        away = (different[:, None] - rate) / np.sqrt(rate)
        below = (away > 0).astype(np.float64)  # ten standard deviations away it is 0 or 1 to all digits
        near = np.abs(away) < 40
        below[near] = pdtr(
            np.broadcast_to(different[:, None], near.shape)[near], np.broadcast_to(rate, near.shape)[near]
        )
        share[gene] = (below @ often / counts.size)[back]
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log((1 - share) / share))


@cache
def _normal_table() -> Floats:
    return np.asarray(ndtr(_LARGEST * np.arange(_STEPS + 1) / _STEPS))


@compiled
def _gaussian_positions(y: Floats, widths: Floats, table: Floats) -> Floats:  # pragma: no cover - compiled
    """Logit of the kernel estimate, with the table of the normal distribution that R looks it up in."""
    found = np.empty_like(y)
    samples = y.shape[1]
    steps = table.size - 1
    for gene in range(y.shape[0]):
        for j in range(samples):
            total = 0.0
            for i in range(samples):
                v = (y[gene, j] - y[gene, i]) / widths[gene]
                if v < -10.0:
                    continue
                if v > 10.0:
                    total += 1.0
                elif v < 0:
                    total += 1.0 - table[int(-v / 10.0 * steps)]
                else:
                    total += table[int(v / 10.0 * steps)]
            share = total / samples
            found[gene, j] = -np.log((1.0 - share) / share)
    return found


def _prepared(values: ArrayLike, members: Sequence[Ints], *, drops_constant: bool) -> tuple[Floats, list[Ints], int]:
    """Values, sets as rows of them, and the number of constant genes that were left out."""
    y = np.asarray(values, dtype=np.float64)
    if y.ndim != 2 or not np.isfinite(y).all():
        raise StudyRejected(
            f"Values of shape {y.shape} with {np.count_nonzero(~np.isfinite(y))} that are not finite were given; "
            "(genes, samples) without missing values was expected."
        )
    sets = [np.unique(np.asarray(rows, dtype=np.int64)) for rows in members]
    left_out = 0
    if drops_constant:
        kept = varies(y, axis=1) if y.shape[1] > 1 else np.ones(len(y), dtype=np.bool_)
        left_out = int(np.count_nonzero(~kept))
        if left_out:
            new_row = np.cumsum(kept) - 1
            sets = [new_row[rows[kept[rows]]] for rows in sets]
            y = y[kept]
    wrong = [place for place, rows in enumerate(sets) if not 0 < rows.size < len(y)]
    if wrong:
        raise StudyRejected(
            f"{len(wrong):,} of {len(sets):,} {agreeing(len(sets), 'set')} {agreeing(len(wrong), 'has', 'have')} none, "
            f"or all, of the {len(y):,} {agreeing(len(y), 'gene that varies', 'genes that vary')}; leave "
            f"{agreeing(len(wrong), 'it', 'them')} out."
        )
    return y, sets, left_out


def _flattened(sets: Sequence[Ints]) -> tuple[Ints, Ints]:
    """All members after each other, and where each set ends."""
    ends = np.cumsum([rows.size for rows in sets]).astype(np.int64)
    return np.concatenate(sets).astype(np.int64) if sets else np.empty(0, np.int64), ends
