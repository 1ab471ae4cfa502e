"""Repeated cross-validation: the outer folds drawn several times, so that figures do not hang on one division.

A figure is that of each division, averaged; the outputs of a patient are not averaged over divisions, since their mean
would be that of a larger ensemble than the one that is shipped, and better. Slope and baseline hazard are estimated on
all divisions together, every patient counted once in each.

References: Molinaro, Simon and Pfeiffer (2005), Bioinformatics 21:3301-3307; Kim (2009), Comput Stat Data Anal
53:3735-3745.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.constant import varies
from models.number_words import counted

DIVISIONS = 3
SPREAD = "Spread over divisions and seeds"
REPEATED = "training patients out of fold; each division draws its own outer folds, inner folds and networks"
_SEEDS = 50_000_000  # between divisions: more than the seeds of one of them


@dataclass(frozen=True, eq=False)
class OutOfFoldOutputs:
    """Outputs out of fold, of every patient once in each division.

    Attributes
    ----------
    outputs : float64 (divisions, patients), before calibration
    fold_of : int64 (divisions, patients), the outer fold that held the patient out
    """

    outputs: NDArray[np.float64]
    fold_of: NDArray[np.int64]

    @property
    def strata(self) -> NDArray[np.int64]:
        """A number for each fold of each division: int64 (divisions · patients,), in the order of `outputs.ravel()`."""
        return np.asarray(
            (self.fold_of + np.arange(len(self.fold_of))[:, None] * (self.fold_of.max() + 1)).ravel(), dtype=np.int64
        )

    def repeated(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the patients (patients,), once for each division."""
        return np.tile(values, len(self.outputs))


def seed_of(seed: int, division: int) -> int:
    """The seed of a division; that of the first is the seed itself."""
    return seed + _SEEDS * division


def spread_in_words(statistics: tuple[float, ...], outputs: NDArray[np.float64]) -> str:
    """Extremes of a statistic over the divisions, and how well the outputs of two of them agree.

    Parameters
    ----------
    outputs : float64 (divisions, patients)
    """
    if len(statistics) < 2:
        return "not measured: one division"
    agreement = (
        np.asarray(np.corrcoef(outputs))[np.triu_indices(len(outputs), 1)] if np.all(varies(outputs, axis=1)) else None
    )
    shown = "" if agreement is None else f"; scores of two divisions correlate with {float(agreement.mean()):.2f}"
    return (
        f"{min(statistics):.2f} to {max(statistics):.2f} in {counted(len(statistics), 'division')} "
        f"(standard deviation {float(np.std(statistics, ddof=1)):.3f}){shown}"
    )
