"""The risk-coverage curve of the borderline rule: what withholding a group costs and saves.

For every patient and every other training, the group by the score is compared with the group by the other training. A
patient is withheld when the range, score ± factor · spread, holds the cut-off; the fewer are withheld, the more groups
that are shown flip. Reference: El-Yaniv and Wiener (2010), J Mach Learn Res 11:1605-1641 (selective classification).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FACTORS = (0.0, 0.5, 0.75, 1.0, 1.28, 1.5, 1.96, 2.5, 3.0)


@dataclass(frozen=True)
class RiskCoverage:
    """One point of the curve.

    Attributes
    ----------
    factor : half width of the range, in spreads
    held : share of the other trainings' scores that lie in the range
    withheld : share of patients without a group
    flips_shown, flips_withheld : share of other trainings that say the other group, among patients with and without a
        group; None where there is no such patient
    """

    factor: float
    held: float
    withheld: float
    flips_shown: float | None
    flips_withheld: float | None


def risk_coverage(
    scores: Floats, others: Floats, spreads: Floats, *, cut_off: float, factors: tuple[float, ...] = FACTORS
) -> tuple[RiskCoverage, ...]:
    """The curve, one point for each factor.

    Parameters
    ----------
    scores : float64 (patients,), on the log-risk or logit scale, as everything here
    others : float64 (patients, trainings), scores of other trainings; NaN where one says nothing about a patient
    spreads : float64 (patients,) or (patients, trainings): the spread the range is made of
    """
    counted = ~np.isnan(others)
    distance = np.abs(others - scores[:, np.newaxis])
    wide = np.broadcast_to(spreads if spreads.ndim == 2 else spreads[:, np.newaxis], others.shape)
    flips = (others > cut_off) != (scores > cut_off)[:, np.newaxis]
    from_cut_off = np.broadcast_to(np.abs(scores - cut_off)[:, np.newaxis], others.shape)
    curve = []
    for factor in factors:
        withheld = from_cut_off <= factor * wide
        curve.append(
            RiskCoverage(
                factor,
                held=float(np.mean((distance <= factor * wide)[counted])),
                withheld=float(np.mean(withheld[counted])),
                flips_shown=_share(flips, counted & ~withheld),
                flips_withheld=_share(flips, counted & withheld),
            )
        )
    return tuple(curve)


def leave_one_out(scores: Floats, refits: Floats) -> Floats:
    """Deviation from the score of all refits but one: (patients,), (patients, refits) → (patients, refits).

    Root mean square, as `models.inference.plausible_range.spread`, so that each refit can be tried on the others.
    """
    squares = (refits - scores[:, np.newaxis]) ** 2
    return np.asarray(np.sqrt((squares.sum(axis=1, keepdims=True) - squares) / (refits.shape[1] - 1)))


def _share(flags: NDArray[np.bool_], where: NDArray[np.bool_]) -> float | None:
    return float(np.mean(flags[where])) if where.any() else None
