"""Two groups of patients compared in many rows at once: genes, cell types, pathways, features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.number_words import counted
from models.statistics.feature_tests import HitCount, benjamini_hochberg, count_hits, student_t
from models.statistics.followed import Floats
from models.statistics.moderated_t import ModeratedT, two_groups

ALPHA = 0.05


@dataclass(frozen=True, eq=False)
class ComparedRows:
    """Second group against the first in every row.

    Attributes
    ----------
    names : of the rows
    groups : words of the first and the second group
    sizes : patients in them
    first_means, second_means : float64 (rows,), in the unit that was tested
    test : moderated t; effects are second minus first
    fdr : float64 (rows,)
    count : hits beside those expected by chance, and false discoveries controlled
    student : the same with Student's t test
    other_calls : rows that are a hit of one of both tests only
    """

    names: tuple[str, ...]
    groups: tuple[str, str]
    sizes: tuple[int, int]
    first_means: Floats
    second_means: Floats
    test: ModeratedT
    fdr: Floats
    count: HitCount
    student: HitCount
    other_calls: int

    @property
    def order(self) -> NDArray[np.intp]:
        """Rows by P, smallest first."""
        return np.argsort(self.test.p, kind="stable")

    @property
    def is_hit(self) -> NDArray[np.bool_]:
        """Rows with P below alpha."""
        return np.asarray(self.test.p < self.count.alpha)

    def sentence(self) -> str:
        """Hits, expectation by chance, false discoveries, and the weight of the shared variance."""
        prior = "infinite" if np.isinf(self.test.prior_degrees) else f"{self.test.prior_degrees:.1f}"
        second = self.groups[1][:1].upper() + self.groups[1][1:]
        return (
            f"{second} ({self.sizes[1]}) against {self.groups[0]} ({self.sizes[0]}): {self.count}. Student's t "
            f"test has {counted(self.student.hits, 'hit')} and calls {self.other_calls:,} otherwise (prior degrees of "
            f"freedom {prior})."
        )


def compare_rows(
    values: ArrayLike,
    is_second: ArrayLike,
    names: Sequence[str],
    groups: tuple[str, str],
    *,
    alpha: float = ALPHA,
    has_trend: bool = False,
) -> ComparedRows:
    """Moderated and Student's t tests of every row; arguments and errors as `two_groups`, rows must vary."""
    y, second = np.asarray(values, dtype=np.float64), np.asarray(is_second, dtype=np.bool_)
    test, student = two_groups(y, second, has_trend=has_trend), student_t(y, second)
    return ComparedRows(
        names=tuple(names),
        groups=groups,
        sizes=(int((~second).sum()), int(second.sum())),
        first_means=y[:, ~second].mean(axis=1),
        second_means=y[:, second].mean(axis=1),
        test=test,
        fdr=benjamini_hochberg(test.p),
        count=count_hits(test.p, alpha=alpha),
        student=count_hits(student.p, alpha=alpha),
        other_calls=int(np.count_nonzero((test.p < alpha) != (student.p < alpha))),
    )
