"""Competitive test of gene sets that allows for correlation between their genes (limma's camera).

Reference: Wu and Smyth (2012), Nucleic Acids Res 40:e133. Equal to R `limma::camera(y, index, design)` of limma 3.54
with its default correlation of .01 between the genes of a set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from models.errors import StudyRejected
from models.number_words import agreeing
from models.statistics.feature_tests import benjamini_hochberg
from models.statistics.followed import Floats
from models.statistics.moderated_t import ModeratedT, moderated_t

CORRELATION = 0.01  # between the genes of a set


@dataclass(frozen=True, eq=False)
class Camera:
    """Test of each set against the other genes.

    Attributes
    ----------
    statistics : float64 (sets,), t of the genes of the set against all others; positive: they are higher
    p, fdr : float64 (sets,), two-sided
    sizes : int64 (sets,)
    """

    statistics: Floats
    p: Floats
    fdr: Floats
    sizes: NDArray[np.int64]


def camera(
    values: ArrayLike,
    members: Sequence[NDArray[np.int64]],
    design: ArrayLike,
    *,
    tested: int = -1,
    correlation: float = CORRELATION,
) -> Camera:
    """Tests every set for one coefficient; `values`, `design` and errors as `moderated_t`."""
    return camera_of(moderated_t(values, design, tested=tested), members, correlation=correlation)


def camera_of(fit: ModeratedT, members: Sequence[NDArray[np.int64]], *, correlation: float = CORRELATION) -> Camera:
    """Tests every set on the moderated t of all genes.

    Raises
    ------
    StudyRejected
        When a set is empty or leaves fewer than two other genes.
    """
    z = normal_scores(fit.statistics, fit.degrees)
    count, mean, variance = z.size, float(z.mean()), float(z.var(ddof=1))
    sizes = np.array([np.unique(rows).size for rows in members], dtype=np.int64)
    wrong = int(np.count_nonzero((sizes == 0) | (sizes > count - 2)))
    if wrong:
        raise StudyRejected(
            f"{wrong:,} of {sizes.size:,} {agreeing(sizes.size, 'set')} {agreeing(wrong, 'has', 'have')} none, or "
            f"nearly all, of the {count:,} {agreeing(count, 'gene')}."
        )
    inside = np.array([z[np.unique(rows)].mean() for rows in members])
    others = count - sizes
    delta = count / others * (inside - mean)
    pooled = ((count - 1) * variance - delta**2 * sizes * others / count) / (count - 2)
    inflation = 1 + (sizes - 1) * correlation
    t = delta / np.sqrt(pooled * (inflation / sizes + 1 / others))
    p = np.asarray(2 * stdtr(count - 2.0, -np.abs(t)), dtype=np.float64)
    return Camera(t, p, benjamini_hochberg(p), sizes)


def normal_scores(t: Floats, degrees: float) -> Floats:
    """Normal deviates of the same tail as t, by Hill's expansion (limma's `zscoreT(method = "hill")`).

    Reference: Hill (1970), Commun ACM 13:617-619.
    """
    if not np.isfinite(degrees):
        return t
    a = degrees - 0.5
    b = 48 * a * a
    z = a * np.log1p(t / degrees * t)
    tail = (((-0.4 * z - 3.3) * z - 24) * z - 85.5) / (0.8 * z * z + 100 + b)
    return np.asarray(((tail + z + 3) / b + 1) * np.sqrt(z) * np.sign(t))
