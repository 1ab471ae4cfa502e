"""Wilson intervals: of shares, and of every statistic that counts won pairs of a case and a comparator.

A bootstrap percentile or a Wald interval of a concordance is too short with few events, always on the optimistic side,
and collapses to a point where every pair is won. Wilson's interval with an effective number of observations covers,
exists with one case and one comparator, and stays within 0 and 1.

References: Wilson (1927), JASA 22:209-212; Schuurhuis, Konietschke and Brunner (2025), Biom J 67:e70096, for the ratio
of the variance to its largest value; Kish (1965), Survey Sampling, for the effective number of weighted observations;
Rothman (1978), J Chronic Dis 31:557-560, for survival. The half case of each kind is Agresti and Coull's idea
(1998, Am Stat 52:119-126). Coverage: tests/benchmarks/COVERAGE.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from models.statistics.followed import Floats

FEW_CONTROLS = 30  # below, the spread of the comparators is that of their placements, as for the cases
_Z = float(norm.ppf(0.975))


@dataclass(frozen=True)
class PairsWon:
    """Share of pairs in which the case has the higher score, with its 95 % interval.

    Attributes
    ----------
    share : ties count one half
    low, high : 0 to 1
    effective : observations that a plain share would need to be as uncertain
    """

    share: float
    low: float
    high: float
    effective: float


@dataclass(frozen=True)
class PairsCompared:
    """Two scores on the same pairs of the same patients.

    Attributes
    ----------
    first, second : the concordance of each
    correlation : of the two estimates, -1 to 1
    """

    first: PairsWon
    second: PairsWon
    correlation: float

    @property
    def difference(self) -> float:
        """Returns the share won by the first less that won by the second."""
        return self.first.share - self.second.share

    @property
    def interval(self) -> tuple[float, float]:
        """Returns the 95 % interval of the difference, from the two intervals and their correlation.

        Newcombe's square-and-add for paired shares (1998, Stat Med 17:2635-2650), as Zou and Donner (2008, Stat Med
        27:1693-1702) have it for any two estimates with intervals of their own.
        """

        def away(one: float, other: float) -> float:
            return math.sqrt(max(0.0, one**2 + other**2 - 2 * self.correlation * one * other))

        first, second = self.first, self.second
        below = away(first.share - first.low, second.high - second.share)
        above = away(first.high - first.share, second.share - second.low)
        return max(-1.0, self.difference - below), min(1.0, self.difference + above)


def wilson(share: float, effective: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of an effective number of observations, which need not be whole."""
    n = effective
    centre = share + _Z**2 / (2 * n)
    half = _Z * math.sqrt(max(0.0, share * (1 - share)) / n + _Z**2 / (4 * n**2))
    scale = 1 + _Z**2 / n
    return max(0.0, float((centre - half) / scale)), min(1.0, float((centre + half) / scale))


def kish(weights: Floats) -> float:
    """Effective number of weighted observations, (Σw)²/Σw²; 0 where all weights are 0."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def pairs_won(
    case_weights: Floats, comparable: Floats, won: Floats, is_case: np.ndarray, *, is_binary: bool = False
) -> PairsWon | None:
    """A concordance of cases with comparators, and its smoothed Wilson interval.

    Parameters
    ----------
    case_weights : float64 (cases,), at least 0
    comparable : (cases, patients), 1 where the pair counts
    won : (cases, patients), 1 where the case has the higher score, .5 where both have the same, 0 where not comparable
    is_case : bool (patients,)
    is_binary : every comparator stands against every case: its spread is that of its placement

    Returns
    -------
    None where no pair counts.
    """
    found = _won_by_several(case_weights, comparable, (won,), is_case, is_binary=is_binary)
    return None if found is None else found[0][0]


def pairs_compared(
    case_weights: Floats,
    comparable: Floats,
    won: Floats,
    others: Floats,
    is_case: np.ndarray,
    *,
    is_binary: bool = False,
) -> PairsCompared | None:
    """The concordances of two scores with the same pairs, and the interval of their difference.

    Parameters
    ----------
    won, others : as `won` in `pairs_won`, by the first and by the second score; the rest as there

    Returns
    -------
    None where no pair counts.
    """
    found = _won_by_several(case_weights, comparable, (won, others), is_case, is_binary=is_binary)
    if found is None:
        return None
    (first, second), covariance = found
    correlation = float(covariance[0, 1] / math.sqrt(covariance[0, 0] * covariance[1, 1]))
    return PairsCompared(first, second, max(-1.0, min(1.0, correlation)))


def _won_by_several(
    case_weights: Floats, comparable: Floats, won: tuple[Floats, ...], is_case: np.ndarray, *, is_binary: bool
) -> tuple[tuple[PairsWon, ...], Floats] | None:
    """Each score's concordance, and the smoothed covariance (scores, scores) of them all; None where no pair counts."""
    # Of each case, and of each patient: pairs, and those won by each score (scores, ·).
    of_case = case_weights * comparable.sum(axis=1)
    total = float(of_case.sum())
    if total <= 0:
        return None
    of_patient, won_of_case = case_weights @ comparable, np.stack([case_weights * one.sum(axis=1) for one in won])
    won_of_patient = np.stack([case_weights @ one for one in won])
    shares = won_of_case.sum(axis=1) / total
    smoothed, covariance = _smoothed(of_case, won_of_case)
    is_comparator = ~is_case & (of_patient > 0)
    if is_binary or np.count_nonzero(is_comparator) < FEW_CONTROLS:
        if is_comparator.any():
            covariance = covariance + _smoothed(of_patient[is_comparator], won_of_patient[:, is_comparator])[1]
    else:
        influence = ((won_of_patient - shares[:, None] * of_patient) / total)[:, ~is_case]
        covariance = covariance + influence @ influence.T
    effective = smoothed * (1 - smoothed) / np.diag(covariance)
    return (
        tuple(
            PairsWon(float(share), *wilson(float(share), float(number)), float(number))
            for share, number in zip(shares, effective, strict=True)
        ),
        covariance,
    )


def _smoothed(counted: Floats, won: Floats) -> tuple[Floats, Floats]:
    """Mean placements by each score (scores,) and their covariance, after one observation is added.

    Half of it wins all and half wins none by each score: in one half by both scores alike, in the other by each on its
    own. By both alike throughout, differences cover 84-100 %; by each on its own, they are a tenth wider for nothing.
    """
    there = counted > 0
    weight = counted[there] / counted[there].sum()
    placement = won[:, there] / counted[there]
    number = kish(weight)
    mean = (number * (placement @ weight) + 0.5) / (number + 1)
    deviation = placement - mean[:, None]
    alike = 0.5 * (np.outer(1 - mean, 1 - mean) + np.outer(mean, mean))
    added = 0.5 * (alike + np.outer(0.5 - mean, 0.5 - mean))
    np.fill_diagonal(added, 0.5 * mean**2 + 0.5 * (1 - mean) ** 2)
    return mean, (number * (deviation * weight) @ deviation.T + added) / (number * (number + 1))
