"""Over-representation of gene sets among selected genes.

P(X ≥ k) of the hypergeometric distribution, over the genes that were tested and are in any set. Equal to
clusterProfiler (DOSE 3.29.2) with the query inside the universe; genes outside it, which DOSE counts as drawn, are
refused. False discovery rates are over the sets with at least one selected gene, as there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from models.errors import StudyRejected
from models.number_words import agreeing
from models.omics.gene_sets import MatchedSets
from models.statistics.feature_tests import HitCount, benjamini_hochberg, count_hits
from models.statistics.followed import Floats

SMALLEST, LARGEST = 10, 500  # genes of a set inside the universe


@dataclass(frozen=True, eq=False)
class OverRepresentation:
    """Sets with at least one selected gene, by ascending P.

    Attributes
    ----------
    sets : their rows in the matched sets
    names : of the sets
    hits : int64 (sets,), selected genes of the set
    sizes : int64 (sets,), genes of the set inside the universe
    p, fdr : float64 (sets,)
    hit_genes : for each set, rows of its selected genes
    drawn, selected : selected genes inside the universe, and all selected genes
    universe : genes that were tested and are in any set
    sets_tested, sets_left_out : sets of a fitting size, and those of another
    repeats : for each set, the number of sets above it with exactly the same selected genes
    """

    sets: NDArray[np.int64]
    names: tuple[str, ...]
    hits: NDArray[np.int64]
    sizes: NDArray[np.int64]
    p: Floats
    fdr: Floats
    hit_genes: tuple[NDArray[np.int64], ...]
    drawn: int
    selected: int
    universe: int
    sets_tested: int
    sets_left_out: int
    repeats: tuple[int, ...]

    @property
    def count(self) -> HitCount:
        """Sets at P < .05, with the number expected by chance."""
        return count_hits(self.p)

    @property
    def ratios(self) -> Floats:
        """Share of the set among the selected genes over its share of the universe."""
        return (self.hits / self.drawn) / (self.sizes / self.universe)

    def remarks(self) -> tuple[str, ...]:
        """Sentences about universe and annotation."""
        share = 100 * self.drawn / self.selected
        universe = (
            f"{self.drawn:,} of {self.selected:,} selected genes ({share:.0f} %) are in any set; the universe is the "
            f"{self.universe:,} tested genes that are in any set. False discovery rates are over the {len(self.p):,} "
            f"of {self.sets_tested:,} sets with a selected gene."
        )
        found = [universe]
        if self.sets_left_out:
            left_out = agreeing(self.sets_left_out, "set was", "sets were")
            found.append(f"{self.sets_left_out:,} {left_out} left out for the number of genes inside the universe.")
        if repeated := sum(count > 0 for count in self.repeats):
            found.append(
                f"{repeated:,} {agreeing(repeated, 'set has', 'sets have')} the same selected genes as another above "
                f"{agreeing(repeated, 'it: it is no evidence of its', 'them: they are no evidence of their')} own."
            )
        return tuple(found)


def over_represented(
    sets: MatchedSets | Sequence[NDArray[np.int64]],
    selected: Collection[int],
    tested: Collection[int],
    *,
    names: Sequence[str] | None = None,
    smallest: int = SMALLEST,
    largest: int = LARGEST,
) -> OverRepresentation:
    """Tests every set.

    Parameters
    ----------
    sets : rows of the genes of each set
    selected : rows of the selected genes, all of them tested
    tested : rows of all genes that were tested
    smallest, largest : genes of a set inside the universe; other sets are left out

    Raises
    ------
    StudyRejected
        When a selected gene was not tested, or no selected gene is in any set.
    """
    members = sets.members if isinstance(sets, MatchedSets) else tuple(sets)
    labels = sets.names if isinstance(sets, MatchedSets) else tuple(names or map(str, range(len(members))))
    chosen, universe_of = np.unique(np.asarray(list(selected))), np.unique(np.asarray(list(tested)))
    outside = np.setdiff1d(chosen, universe_of)
    if outside.size:
        raise StudyRejected(
            f"{outside.size:,} of {chosen.size:,} selected genes are not among the {universe_of.size:,} tested ones; "
            "counting them as drawn would change P. Select from the tested genes."
        )
    count = 1 + max((int(rows.max()) for rows in (universe_of, *members) if rows.size), default=-1)
    in_universe, in_drawn = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    for rows in members:
        in_universe[rows] = True
    tested_rows = np.zeros(count, dtype=np.bool_)
    tested_rows[universe_of] = True
    in_universe &= tested_rows
    drawn = chosen[in_universe[chosen]]
    in_drawn[drawn] = True
    if not drawn.size:
        raise StudyRejected(
            f"None of the {chosen.size:,} selected {agreeing(chosen.size, 'gene')} is in any of the {len(members):,} "
            f"{agreeing(len(members), 'set')}; nothing can be tested."
        )
    inside = [np.unique(rows[in_universe[rows]]) for rows in members]
    tests = [place for place, rows in enumerate(inside) if smallest <= rows.size <= largest]
    hit = {place: inside[place][in_drawn[inside[place]]] for place in tests}
    kept = [place for place in tests if hit[place].size]
    universe = int(np.count_nonzero(in_universe))
    hits = np.array([hit[place].size for place in kept], dtype=np.int64)
    sizes = np.array([inside[place].size for place in kept], dtype=np.int64)
    p = np.asarray(hypergeom.sf(hits - 1, universe, sizes, drawn.size), dtype=np.float64)
    order = np.lexsort((np.arange(p.size), p))
    genes = tuple(hit[kept[place]] for place in order)
    return OverRepresentation(
        sets=np.array(kept, dtype=np.int64)[order],
        names=tuple(labels[kept[place]] for place in order),
        hits=hits[order],
        sizes=sizes[order],
        p=p[order],
        fdr=benjamini_hochberg(p)[order],
        hit_genes=genes,
        drawn=int(drawn.size),
        selected=int(chosen.size),
        universe=universe,
        sets_tested=len(tests),
        sets_left_out=len(members) - len(tests),
        repeats=_repeats(genes),
    )


def _repeats(genes: tuple[NDArray[np.int64], ...]) -> tuple[int, ...]:
    seen: dict[bytes, int] = {}
    found = []
    for rows in genes:
        key = rows.tobytes()
        found.append(seen.get(key, 0))
        seen[key] = seen.get(key, 0) + 1
    return tuple(found)
