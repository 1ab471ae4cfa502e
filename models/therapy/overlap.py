"""Overlap of the four lists of therapy and response.

A feature in all four lists differs between responders and non-responders before and after, and changes in both. That
needs no effect of response on change: where therapy moves everybody equally, large overlaps are common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from models.therapy.design import LISTS, Comparison
from models.therapy.permutation import ChanceCount


@dataclass(frozen=True)
class Intersection:
    """Features that are in some lists and in none of the others.

    Attributes
    ----------
    lists : in the order of `LISTS`; empty for the features in no list
    features : number of them
    expected : the number if lists were independent: product of their shares
    """

    lists: tuple[Comparison, ...]
    features: int
    expected: float


@dataclass(frozen=True, eq=False)
class Overlap:
    """Overlap of the four lists.

    Attributes
    ----------
    is_common : bool (features,), in all four lists
    expected : number of common features if the lists were independent
    intersections : all sixteen, by number of features
    response, nothing : the number of common features beside permutations, where response makes no difference, and where
        neither response nor therapy does; None without permutations
    """

    is_common: NDArray[np.bool_]
    expected: float
    intersections: tuple[Intersection, ...]
    response: ChanceCount | None = None
    nothing: ChanceCount | None = None

    @property
    def features(self) -> int:
        """Number of common features."""
        return int(np.count_nonzero(self.is_common))


def overlap_of(
    hits: Mapping[Comparison, NDArray[np.bool_]],
    drawn: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> Overlap:
    """The overlap of the lists, with the numbers that permutations gave.

    Parameters
    ----------
    hits : bool (features,) for each of the four lists
    drawn : common features in each permutation (`PermutedCounts.overlap_response`, `overlap_nothing`)
    """
    table = np.stack([hits[one] for one in LISTS])
    shares, total = table.mean(axis=1), table.shape[1]
    intersections = []
    for inside in product((True, False), repeat=len(LISTS)):
        wanted = np.array(inside)
        count = int(np.count_nonzero(np.all(table == wanted[:, None], axis=0)))
        expected = total * float(np.prod(np.where(wanted, shares, 1 - shares)))
        lists = tuple(one for one, chosen in zip(LISTS, inside, strict=True) if chosen)
        intersections.append(Intersection(lists, count, expected))
    common = np.all(table, axis=0)
    observed = int(np.count_nonzero(common))
    return Overlap(
        common,
        total * float(np.prod(shares)),
        tuple(sorted(intersections, key=lambda one: (-one.features, -len(one.lists)))),
        *(() if drawn is None else (ChanceCount(observed, drawn[0]), ChanceCount(observed, drawn[1]))),
    )
