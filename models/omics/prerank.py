"""Gene set enrichment along a ranking (preranked GSEA), with sampled sets for the P value.

References: Subramanian et al. (2005), PNAS 102:15545-15550; Korotkevich et al. (2021), bioRxiv 060012. Enrichment
scores and leading edges equal R fgsea; normalised scores and P carry the noise of sampling, as `fgseaSimple`'s do.
Sampling genes ignores that genes are correlated, so these P values are too small: `camera.py` is the honest sibling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.compiled import compiled
from models.errors import StudyRejected
from models.number_words import agreeing, counted
from models.statistics.feature_tests import benjamini_hochberg
from models.statistics.followed import Floats

Ints = NDArray[np.int64]
MOST_TIES = 0.01  # of the genes
PERMUTATIONS = 1000


@dataclass(frozen=True, eq=False)
class Prerank:
    """Enrichment of each set along a ranking.

    Attributes
    ----------
    scores : float64 (sets,), enrichment scores; positive: towards the top
    normalised : float64 (sets,), over the mean of the sampled scores of the same sign; NaN where none had it
    p, fdr : float64 (sets,), from sampled sets of the same size: at least 1 / (samples of the same sign + 1)
    sizes : int64 (sets,)
    leading_edges : for each set, rows of the genes up to the extreme, from the end of the ranking it lies at
    permutations : number of sampled sets for each size
    """

    scores: Floats
    normalised: Floats
    p: Floats
    fdr: Floats
    sizes: Ints
    leading_edges: tuple[Ints, ...]
    permutations: int


def prerank(
    statistics: ArrayLike,
    members: Sequence[Ints],
    *,
    exponent: float = 1.0,
    permutations: int = PERMUTATIONS,
    seed: int = 1,
) -> Prerank:
    """Tests every set.

    Parameters
    ----------
    statistics : (genes,), a moderated t or a correlation; genes to be left out (the gene that ranks) are not in it
    members : rows of the genes of each set

    Raises
    ------
    StudyRejected
        When a statistic is not finite, more than 1 % of the genes tie, or a set is empty or holds all genes.
    """
    values = np.asarray(statistics, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise StudyRejected(
            f"A ranking of shape {values.shape} with "
            f"{counted(np.count_nonzero(~np.isfinite(values)), 'value that is', 'values that are')} not finite was "
            "given; one finite statistic for each gene was expected."
        )
    ties = values.size - np.unique(values).size
    if ties > MOST_TIES * values.size:
        raise StudyRejected(
            f"{ties:,} of {values.size:,} {agreeing(values.size, 'gene')} {agreeing(ties, 'ties', 'tie')} in the "
            f"ranking ({100 * ties / values.size:.1f} %); {agreeing(ties, 'its', 'their')} order would decide. Filter "
            "genes that are not expressed, or rank by a finer statistic."
        )
    sets = [np.unique(np.asarray(rows, dtype=np.int64)) for rows in members]
    wrong = sum(not 0 < rows.size < values.size for rows in sets)
    if wrong:
        raise StudyRejected(f"{wrong:,} of {len(sets):,} sets have none, or all, of the genes; leave them out.")
    order = np.argsort(-values, kind="stable")
    place = np.empty(values.size, dtype=np.int64)
    place[order] = np.arange(values.size)
    weights = np.abs(values[order]) ** exponent
    sizes = np.array([rows.size for rows in sets], dtype=np.int64)
    scores, edges = np.empty(len(sets)), []
    for number, rows in enumerate(sets):
        places = np.sort(place[rows])
        scores[number], peak = _score(weights, places)
        edge = places[: peak + 1] if scores[number] > 0 else places[peak:][::-1]
        edges.append(order[edge])
    p, normalised = np.empty(len(sets)), np.full(len(sets), np.nan)
    rng = np.random.default_rng(seed)
    for size in np.unique(sizes):
        sampled = _sampled(weights, int(size), permutations, rng)
        for number in np.flatnonzero(sizes == size).tolist():
            same = sampled[sampled >= 0] if scores[number] >= 0 else sampled[sampled < 0]
            extreme = np.count_nonzero(np.abs(same) >= abs(scores[number]))
            p[number] = (extreme + 1) / (same.size + 1)
            if same.size:
                normalised[number] = scores[number] / np.abs(same).mean()
    return Prerank(scores, normalised, p, benjamini_hochberg(p), sizes, tuple(edges), permutations)


def running_sum(statistics: ArrayLike, rows: Ints, *, exponent: float = 1.0) -> Floats:
    """The walk of one set along the ranking, for a figure: float64 (genes,), after each gene."""
    values = np.asarray(statistics, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    is_hit = np.isin(order, rows)
    steps = np.where(is_hit, np.abs(values[order]) ** exponent, 0.0)
    return np.asarray(np.cumsum(steps) / steps.sum() - np.cumsum(~is_hit) / (~is_hit).sum())


@compiled
def _score(weights: Floats, places: Ints) -> tuple[float, int]:  # pragma: no cover - compiled
    """Extreme of the walk, and the number (from 0) of the hit at it."""
    total = 0.0
    for place in places:
        total += weights[place]
    size, others = places.size, weights.size - places.size
    highest, lowest, top, bottom = -np.inf, np.inf, 0, 0
    risen = 0.0
    for k in range(size):
        missed = (places[k] - k) / others
        before = risen / total - missed if total > 0 else k / size - missed
        risen += weights[places[k]]
        after = risen / total - missed if total > 0 else (k + 1) / size - missed
        if after > highest:
            highest, top = after, k
        if before < lowest:
            lowest, bottom = before, k
    if highest == -lowest:
        return 0.0, 0
    if highest > -lowest:
        return highest, top
    return lowest, bottom


@compiled
def _sampled(
    weights: Floats, size: int, permutations: int, rng: np.random.Generator
) -> Floats:  # pragma: no cover - compiled
    """Scores of sampled sets of one size."""
    count = weights.size
    genes = np.arange(count)
    found = np.empty(permutations)
    for number in range(permutations):
        for k in range(size):
            other = k + int(rng.random() * (count - k))
            genes[k], genes[other] = genes[other], genes[k]
        found[number] = _score(weights, np.sort(genes[:size]))[0]
    return found
