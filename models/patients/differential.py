"""Features that differ between the risk groups: moderated t test beside Student's, with what chance alone would give.

The risk groups are a function of these very features. That features differ between them is how the score works and no
evidence of anything in the patients: a p value here describes the model.

References: Smyth (2004), Stat Appl Genet Mol Biol 3:3; see `models.statistics.moderated_t`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.cohort.features import FeatureRows
from models.constant import varies
from models.number_words import counted
from models.statistics.clustering import Clustering, cluster
from models.statistics.estimate import NotEstimable
from models.statistics.feature_tests import (
    HitCount,
    Scale,
    benjamini_hochberg,
    count_hits,
    scale_features,
    student_t,
)
from models.statistics.followed import Floats
from models.statistics.moderated_t import two_groups

ALPHA = 0.05
MOST_DRAWN = 800  # rows of a heatmap


@dataclass(frozen=True, eq=False)
class DifferentialFeatures:
    """Features of high against low risk.

    Attributes
    ----------
    names : of the tested features, in the order of the table
    high, low : patients of each group
    effects, low_limits, high_limits : float64 (features,), mean of high minus mean of low on the scale, 95 % limits
    statistics, p, fdr : of the moderated t test
    student_p, student_fdr : of Student's t test
    mean_high, mean_low : in the unit of the feature
    scale : on which features were compared
    prior_degrees : of the moderated test; infinite: all variances are taken to be one
    moderated, student : hits of both tests beside their expectation by chance
    disagreements : features that are a hit of one test only
    constant, incomplete : features that were not tested, since they have one value, or are missing in patients
    drawn : places of the features with a false discovery rate below alpha, smallest P first, at most `MOST_DRAWN`
    clustering : of these features and the patients; None where there are none
    is_high : bool (patients,)
    """

    names: tuple[str, ...]
    high: int
    low: int
    effects: Floats
    low_limits: Floats
    high_limits: Floats
    statistics: Floats
    p: Floats
    fdr: Floats
    student_p: Floats
    student_fdr: Floats
    mean_high: Floats
    mean_low: Floats
    scale: Scale
    prior_degrees: float
    moderated: HitCount
    student: HitCount
    disagreements: int
    constant: int
    incomplete: int
    drawn: NDArray[np.intp]
    clustering: Clustering | None
    is_high: NDArray[np.bool_]


def differential_features(
    features: FeatureRows, is_high: NDArray[np.bool_], *, scale: Scale = Scale.Z, alpha: float = ALPHA
) -> DifferentialFeatures | NotEstimable:
    """Compares every feature that all patients have and that is not constant.

    Parameters
    ----------
    is_high : bool (patients,)
    """
    counts = int(is_high.sum()), int((~is_high).sum())
    if min(counts) < 2:
        return NotEstimable(
            f"{counted(counts[0], 'patient is', 'patients are')} of high and {counts[1]} of low risk; at least two in "
            "each group are needed."
        )
    values = features.values.T
    complete: NDArray[np.bool_] = np.all(np.isfinite(values), axis=1)
    changing = np.zeros_like(complete)
    changing[complete] = varies(values[complete], axis=1)
    if not changing.any():
        return NotEstimable(
            f"None of the {counted(complete.size, 'feature')} is known in all {values.shape[1]} patients and varies "
            "among them."
        )
    if np.count_nonzero(changing) < 2:
        return NotEstimable(
            f"1 of the {counted(complete.size, 'feature')} can be compared; the moderated t test shares variances "
            "between features and needs at least two."
        )
    tested = values[changing]
    scaled = scale_features(tested, scale)
    moderated, student = two_groups(scaled, is_high), student_t(scaled, is_high)
    limits = moderated.intervals
    fdr = benjamini_hochberg(moderated.p)
    found = np.flatnonzero(fdr < alpha)
    drawn = found[np.argsort(moderated.p[found], kind="stable")][:MOST_DRAWN]
    return DifferentialFeatures(
        names=tuple(name for name, kept in zip(features.names, changing, strict=True) if kept),
        high=counts[0],
        low=counts[1],
        effects=moderated.effects,
        low_limits=limits[:, 0],
        high_limits=limits[:, 1],
        statistics=moderated.statistics,
        p=moderated.p,
        fdr=fdr,
        student_p=student.p,
        student_fdr=benjamini_hochberg(student.p),
        mean_high=tested[:, is_high].mean(axis=1),
        mean_low=tested[:, ~is_high].mean(axis=1),
        scale=scale,
        prior_degrees=moderated.prior_degrees,
        moderated=count_hits(moderated.p, alpha=alpha),
        student=count_hits(student.p, alpha=alpha),
        disagreements=int(np.count_nonzero((moderated.p < alpha) != (student.p < alpha))),
        constant=int((complete & ~changing).sum()),
        incomplete=int((~complete).sum()),
        drawn=drawn,
        clustering=cluster(tested[drawn]) if drawn.size else None,
        is_high=is_high,
    )
