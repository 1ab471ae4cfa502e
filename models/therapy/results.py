"""Results of a therapy analysis: arrays and counts, frozen, for every encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.quality_notes import QualityNote
from models.statistics.feature_tests import HitCount, Scale
from models.statistics.followed import Floats
from models.statistics.moderated_t import ModeratedT
from models.therapy.correlation_change import CorrelationChange
from models.therapy.design import Comparison
from models.therapy.overlap import Overlap
from models.therapy.patients import TherapyPatients
from models.therapy.permutation import ChanceCount


@dataclass(frozen=True, eq=False)
class ComparedFeatures:
    """One comparison of every feature.

    Attributes
    ----------
    comparison : which
    patients : (of the first group, of the second); a paired comparison has pairs and 0
    first_means, second_means : float64 (features,), in the unit of the features: responders and non-responders, or
        before and after
    test : moderated t on the scale of the analysis; effects are first minus second group, or after minus before
    fdr : float64 (features,)
    count : hits, expected by chance, false discoveries controlled
    chance : hits beside permutations; None without permutations
    ordinary_hits : features with P < alpha in the plain t test of the same model
    other_calls : features that the plain t test calls otherwise than the moderated one
    unadjusted : P without covariates and blocks, None where there are none
    """

    comparison: Comparison
    patients: tuple[int, int]
    first_means: Floats
    second_means: Floats
    test: ModeratedT
    fdr: Floats
    count: HitCount
    chance: ChanceCount | None
    ordinary_hits: int
    other_calls: int
    unadjusted: Floats | None

    @property
    def is_hit(self) -> NDArray[np.bool_]:
        """Features with P < alpha: bool (features,)."""
        return np.asarray(self.test.p < self.count.alpha)

    @property
    def order(self) -> NDArray[np.intp]:
        """Features by P, smallest first."""
        return np.argsort(self.test.p, kind="stable")

    @property
    def survivors(self) -> int | None:
        """Hits without covariates that are hits with them as well; None where there are none."""
        if self.unadjusted is None:
            return None
        return int(np.count_nonzero((self.unadjusted < self.count.alpha) & self.is_hit))


@dataclass(frozen=True)
class TherapySettings:
    """Settings of a therapy analysis.

    Attributes
    ----------
    scale : of the features in the tests, over all examinations
    alpha : threshold of P and of the false discovery rate
    permutations : 0 does without
    seed : of the permutations
    adjusted, block : names of the covariates and of the column with blocks, "" for none
    """

    scale: Scale = Scale.Z
    alpha: float = 0.05
    permutations: int = 1000
    seed: int = 1
    adjusted: tuple[str, ...] = ()
    block: str = ""


@dataclass(frozen=True, eq=False)
class TherapyAnalysis:
    """Everything that `rdeepnet analyse therapy` computes.

    Attributes
    ----------
    patients : who was analysed, and who not
    names : of the features that were tested, in the order of every array
    constant : names of features that are constant and were not tested
    covariates_tested : names of features that are covariates and were not tested
    comparisons : all five
    overlap : of the first four
    correlation : change of the correlations among features; None with fewer than three features
    settings : as asked
    notes : doubts about tables and tests
    """

    patients: TherapyPatients
    names: tuple[str, ...]
    constant: tuple[str, ...]
    covariates_tested: tuple[str, ...]
    comparisons: Mapping[Comparison, ComparedFeatures]
    overlap: Overlap
    correlation: CorrelationChange | None
    settings: TherapySettings
    notes: tuple[QualityNote, ...]
