"""Numbers of hits that chance gives: labels shuffled over patients, pairs swapped.

Features are correlated, so that the number of hits at P < .05 varies far more than independent tests would: only
permutation says what a number of hits means. Three null hypotheses, each with its own draws:

- response makes no difference: labels are shuffled over patients (inside blocks), both examinations of a patient stay
  together and in order; whatever therapy does to everybody stays in the data;
- therapy makes no difference within a group: the order of each pair is drawn (the sign of its difference);
- neither makes a difference: both.

A draw costs one matrix product for each regressor: with the regressors made orthonormal, the tested one last, the
moderated t is its coefficient over the shrunken residual deviation. With covariates the label is first made orthogonal
to them and then shuffled (Smith's method in Winkler et al. 2014, NeuroImage 92:381-397).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from models.progress import Tell, silent
from models.statistics.followed import Floats
from models.statistics.moderated_t import fit_priors
from models.therapy.design import LISTS, Cohort, Comparison

Flags = NDArray[np.bool_]
_AT_A_TIME = 100  # draws: their (features, draws) arrays stay in the cache of the processor


@dataclass(frozen=True, eq=False)
class ChanceCount:
    """A number of hits beside what permutation gives.

    Attributes
    ----------
    observed : number of hits
    drawn : int64 (draws,), the same number in each permutation
    """

    observed: int
    drawn: NDArray[np.int64]

    @property
    def p(self) -> float:
        """Share of permutations with at least as many hits; the data count as one of them (Phipson and Smyth 2010)."""
        return (1 + int(np.count_nonzero(self.drawn >= self.observed))) / (1 + self.drawn.size)

    @property
    def median(self) -> float:
        """Half of the permutations have at most as many hits."""
        return float(np.median(self.drawn))

    @property
    def upper(self) -> float:
        """95th percentile of the permutations."""
        return float(np.quantile(self.drawn, 0.95))


@dataclass(frozen=True, eq=False)
class PermutedCounts:
    """Hits of the lists and of their overlap in every permutation.

    Attributes
    ----------
    lists : drawn numbers of hits of each comparison under its own null hypothesis
    overlap_response : of the overlap, where response makes no difference and therapy what it does to everybody
    overlap_nothing : of the overlap, where neither response nor therapy makes a difference
    """

    lists: dict[Comparison, NDArray[np.int64]]
    overlap_response: NDArray[np.int64]
    overlap_nothing: NDArray[np.int64]


def permuted_counts(
    cohort: Cohort,
    *,
    alpha: float,
    permutations: int,
    seed: int,
    tell: Tell = silent,
) -> PermutedCounts:
    """Draws the numbers of hits (P < alpha) under the three null hypotheses.

    Parameters
    ----------
    tell : told after every hundred permutations
    """
    rng = np.random.default_rng(seed)
    lists: dict[Comparison, list[NDArray[np.int64]]] = {comparison: [] for comparison in Comparison}
    response, nothing = [], []
    done = 0
    for count in _chunks(permutations):
        orders = shuffled_orders(rng, count, len(cohort.responded), cohort.blocks)
        signs = rng.choice(np.array([-1.0, 1.0]), size=(count, len(cohort.responded)))
        in_order = {one: hits_in_draws(cohort, one, orders, None, alpha) for one in Comparison}
        for comparison, hits in in_order.items():
            if not comparison.is_paired:
                lists[comparison].append(np.count_nonzero(hits, axis=0))
        for comparison in (Comparison.RESPONDERS, Comparison.NON_RESPONDERS):
            lists[comparison].append(np.count_nonzero(hits_in_draws(cohort, comparison, None, signs, alpha), axis=0))
        response.append(_overlap([in_order[one] for one in LISTS]))
        nothing.append(_overlap([hits_in_draws(cohort, one, orders, signs, alpha) for one in LISTS]))
        done += count
        tell("permutations of labels and pairs", done, permutations)
    return PermutedCounts(
        {comparison: np.concatenate(drawn) for comparison, drawn in lists.items()},
        np.concatenate(response),
        np.concatenate(nothing),
    )


def shuffled_orders(
    rng: np.random.Generator, count: int, patients: int, blocks: Sequence[str] | None = None
) -> NDArray[np.intp]:
    """Orders of the patients, shuffled inside their blocks: (count, patients)."""
    orders = np.tile(np.arange(patients), (count, 1))
    names = np.zeros(patients) if blocks is None else np.unique(np.asarray(blocks), return_inverse=True)[1]
    for name in np.unique(names):
        places = np.flatnonzero(names == name)
        orders[:, places] = rng.permuted(orders[:, places], axis=1)
    return orders


def _chunks(total: int) -> Iterator[int]:
    for start in range(0, total, _AT_A_TIME):
        yield min(_AT_A_TIME, total - start)


def _overlap(hits: Sequence[Flags]) -> NDArray[np.int64]:
    return np.count_nonzero(np.logical_and.reduce(hits), axis=0)


def hits_in_draws(
    cohort: Cohort, comparison: Comparison, orders: NDArray[np.intp] | None, signs: Floats | None, alpha: float
) -> Flags:
    """Significant features in each draw: bool (features, draws).

    Parameters
    ----------
    orders : (draws, patients), of the labels; None keeps them
    signs : (draws, patients), -1 swaps the examinations of a patient; None keeps them
    """
    group = cohort.group(comparison)
    if comparison.is_paired:
        members = group[None] if orders is None else group[orders]
        regressors = cohort.nuisance(comparison)[None]
        tested = cohort.tested(comparison)[None] if signs is None else signs
        # Swapping a pair turns the sign of its difference and of its covariates: the same as turning that of the
        # constant, with the values as they are.
        designs = _stacked(regressors, tested) * members[:, :, None]
        values = cohort.values(comparison)
        return _significant(values, None, None, designs, members, int(group.sum()), alpha)
    label = cohort.tested(comparison)
    if cohort.covariates:
        nuisance = cohort.nuisance(comparison)
        label = label - nuisance @ np.linalg.lstsq(nuisance, label, rcond=None)[0]
    drawn = label[None] if orders is None else label[orders]
    if signs is None:
        designs = _stacked(cohort.nuisance(comparison)[None], drawn)
        return _significant(cohort.values(comparison), None, None, designs, None, len(label), alpha)
    level, half, nuisance_level, nuisance_half = _halves(cohort, comparison)
    designs = _stacked(nuisance_level[None] + signs[:, :, None] * nuisance_half[None], drawn)
    return _significant(level, half, signs, designs, None, len(label), alpha)


def _stacked(regressors: Floats, tested: Floats) -> Floats:
    """Designs (draws, patients, terms) with the tested regressor last; either may have one draw for all."""
    count = max(len(regressors), len(tested))
    regressors = np.broadcast_to(regressors, (count, *regressors.shape[1:]))
    return np.concatenate([regressors, np.broadcast_to(tested, (count, tested.shape[1]))[:, :, None]], axis=2)


def _halves(cohort: Cohort, comparison: Comparison) -> tuple[Floats, Floats, Floats, Floats]:
    """Values and regressors as level + sign × half, where sign -1 swaps the two examinations of a patient."""
    values, regressors = cohort.values(comparison), cohort.nuisance(comparison)
    other = {Comparison.BEFORE: Comparison.AFTER, Comparison.AFTER: Comparison.BEFORE}[comparison]
    others, other_regressors = cohort.values(other), cohort.nuisance(other)
    return (
        (values + others) / 2,
        (values - others) / 2,
        (regressors + other_regressors) / 2,
        (regressors - other_regressors) / 2,
    )


def _significant(
    level: Floats,
    half: Floats | None,
    signs: Floats | None,
    designs: Floats,
    members: Flags | None,
    samples: int,
    alpha: float,
) -> Flags:
    """Features with P < alpha of the last regressor: bool (features, draws).

    Parameters
    ----------
    level, half, signs : values are `level`, or `level + signs × half` in each draw
    designs : (draws, patients, terms); zero for patients who are no members of the group in that draw
    members : (draws, patients); None: all
    samples : patients of the group, the same number in every draw
    """
    basis = np.linalg.qr(designs)[0]
    draws, terms = designs.shape[0], designs.shape[2]
    squares = np.einsum("ij,ij->i", level, level)[:, None]
    if half is not None and signs is not None:
        squares = (level**2 + half**2) @ np.ones((level.shape[1], 1)) + 2 * (level * half) @ signs.T
    elif members is not None:
        squares = level**2 @ members.T.astype(np.float64)
    residual = np.broadcast_to(squares, (len(level), draws)).copy()
    coefficient = np.empty_like(residual)
    for term in range(terms):
        direction = np.ascontiguousarray(basis[:, :, term].T)
        coefficient = level @ direction
        if half is not None and signs is not None:
            coefficient += half @ (direction * signs.T)
        residual -= coefficient**2
    degrees = samples - terms
    floor = 1e-14 * np.maximum(squares, np.finfo(np.float64).tiny)
    variances = np.where(residual > floor, residual, 0.0) / degrees
    if len(level) == 1:  # one feature: nothing to shrink towards
        total, shrunken = np.full(draws, float(degrees)), variances
    else:
        prior, scale = fit_priors(variances, degrees)
        total = np.minimum(degrees + prior, float(degrees) * len(level))
        is_finite = np.isfinite(prior)
        weight = np.where(is_finite, prior, 1.0)
        shrunken = np.where(is_finite, (degrees * variances + weight * scale) / (degrees + weight), scale)
    critical = np.where(np.isfinite(total), stdtrit(np.where(np.isfinite(total), total, 1.0), 1 - alpha / 2), 0.0)
    critical = np.where(np.isfinite(total), critical, ndtri(1 - alpha / 2))
    return np.asarray(coefficient**2 > shrunken * critical**2)
