"""Correlations among features before and after therapy, in responders and non-responders.

Spearman's correlations on one order of the features, clustered on all patients before therapy. The mean |rho| of noise
is sqrt(2 / (π (n - 1))): larger in the smaller group, so that groups are compared after it is taken off. The change
within a group is tested by swapping the two examinations within patients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from models.progress import Tell, silent
from models.statistics.feature_tests import spearman_matrix
from models.statistics.followed import Floats

MOST_TESTED = 120  # features in the permutations, drawn at random: ranks of all of them would cost minutes
MOST_SHOWN = 400  # cells on a side of a matrix that is shown; larger ones are averaged over blocks
FEWEST_FEATURES = 3


@dataclass(frozen=True, eq=False)
class GroupCorrelation:
    """Correlations among features in one group.

    Attributes
    ----------
    patients : of the group
    before, after : float64 (cells, cells), Spearman's rho in the shared order, averaged over blocks where there are
        more features than cells
    mean_before, mean_after : mean |rho| over all pairs of features
    noise : mean |rho| that independent features have with so many patients
    tested_change : mean |rho| after - before over the features that were tested by permutation
    p : two-sided, by swapping examinations within patients; NaN without permutations
    """

    patients: int
    before: Floats
    after: Floats
    mean_before: float
    mean_after: float
    noise: float
    tested_change: float
    p: float


@dataclass(frozen=True, eq=False)
class CorrelationChange:
    """Correlations in both groups on one order of the features.

    Attributes
    ----------
    order : intp (features,), shared order
    features_per_cell : features that one cell of a matrix stands for
    tested_features : features in the permutations
    permutations : number of them
    responders, non_responders : the groups
    """

    order: NDArray[np.intp]
    features_per_cell: int
    tested_features: int
    permutations: int
    responders: GroupCorrelation
    non_responders: GroupCorrelation


def correlation_change(
    before: Floats,
    after: Floats,
    responded: NDArray[np.bool_],
    *,
    permutations: int,
    seed: int,
    tell: Tell = silent,
) -> CorrelationChange:
    """Correlations before and after therapy in both groups.

    Parameters
    ----------
    before, after : (features, patients), finite; a feature that is constant in a group has no correlation there and
        counts as 0
    tell : told after every fifty permutations
    """
    order = shared_order(before)
    rng = np.random.default_rng(seed)
    count = len(before)
    tested = np.sort(rng.choice(count, size=min(count, MOST_TESTED), replace=False))
    per_cell = -(-count // MOST_SHOWN)
    groups: Mapping[bool, NDArray[np.bool_]] = {True: responded, False: ~responded}
    found = {}
    for done, (name, chosen) in enumerate(groups.items()):

        def told(swaps: int, start: int = done * permutations) -> None:
            tell("permutations of correlations", start + swaps, 2 * permutations)

        one, other = before[:, chosen], after[:, chosen]
        change, p = _tested_change(one[tested], other[tested], permutations, rng, told)
        first, second = correlations(one), correlations(other)
        patients = int(chosen.sum())
        found[name] = GroupCorrelation(
            patients=patients,
            before=_in_cells(first[np.ix_(order, order)], per_cell),
            after=_in_cells(second[np.ix_(order, order)], per_cell),
            mean_before=mean_size(first),
            mean_after=mean_size(second),
            noise=mean_noise(patients),
            tested_change=change,
            p=p,
        )
    return CorrelationChange(order, per_cell, len(tested), permutations, found[True], found[False])


def correlations(values: Floats) -> Floats:
    """Spearman's correlations among features (features, features); 0 where a feature is constant, 1 on the diagonal."""
    matrix = np.nan_to_num(spearman_matrix(values, values))
    np.fill_diagonal(matrix, 1.0)
    return matrix


def shared_order(values: Floats) -> NDArray[np.intp]:
    """Order of the features by complete linkage on 1 - rho."""
    distance = 1 - correlations(values)
    np.fill_diagonal(distance, 0.0)
    condensed = squareform((distance + distance.T) / 2, checks=False)
    return np.asarray(leaves_list(linkage(np.maximum(condensed, 0.0), "complete")), dtype=np.intp)


def mean_size(matrix: Floats) -> float:
    """Mean |rho| over all pairs of different features."""
    count = len(matrix)
    return float((np.abs(matrix).sum() - np.abs(np.diag(matrix)).sum()) / (count * (count - 1)))


def mean_noise(patients: int) -> float:
    """Mean |rho| of independent features: rho is about normal with variance 1 / (n - 1)."""
    return sqrt(2 / (pi * (patients - 1)))


def _tested_change(
    before: Floats,
    after: Floats,
    permutations: int,
    rng: np.random.Generator,
    told: Callable[[int], None],
) -> tuple[float, float]:
    """Change of mean |rho|, and its two-sided P by swapping examinations within patients."""
    observed = mean_size(correlations(after)) - mean_size(correlations(before))
    if not permutations:
        return observed, float("nan")
    larger = 1
    for number in range(permutations):
        swapped = rng.random(before.shape[1]) < 0.5
        one, other = np.where(swapped, after, before), np.where(swapped, before, after)
        drawn = mean_size(correlations(other)) - mean_size(correlations(one))
        larger += abs(drawn) >= abs(observed)
        if number % 50 == 49:
            told(number + 1)
    return observed, larger / (permutations + 1)


def _in_cells(matrix: Floats, per_cell: int) -> Floats:
    """Means over blocks of features; the last block of a side is smaller where it does not divide."""
    if per_cell == 1:
        return matrix
    starts = np.arange(0, len(matrix), per_cell)
    sums = np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1)
    sizes = np.diff(np.append(starts, len(matrix)))
    return np.asarray(sums / np.outer(sizes, sizes))
