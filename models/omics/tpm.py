"""Transcripts per million, and the filter of genes that are expressed.

TPM: reads per base of the gene, divided by the sum of these over all genes of the sample, times a million (Wagner, Kin
and Lynch (2012), Theory Biosci 131:281-285). The sum is over all genes that were counted: a selection of genes comes
after it and is not scaled again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import CohortRejected
from models.number_words import counted

Floats = NDArray[np.float64]

MILLION = 1e6
TOLERANCE = 0.01  # of the sum of a column


def tpm(counts: ArrayLike, lengths: ArrayLike) -> Floats:
    """Transcripts per million: counts (genes, samples), lengths (genes,) in bases → (genes, samples).

    Raises
    ------
    CohortRejected
        When the arrays do not fit, a length is not positive, a count is negative, or a sample has no read.
    """
    reads, bases = np.asarray(counts, dtype=np.float64), np.asarray(lengths, dtype=np.float64)
    if reads.ndim != 2 or bases.shape != reads.shape[:1]:
        raise CohortRejected(
            f"Counts of shape {reads.shape}, lengths {bases.shape}; genes × samples and genes expected."
        )
    if not (np.all(bases > 0) and np.all(np.isfinite(bases)) and np.all(reads >= 0) and np.all(np.isfinite(reads))):
        raise CohortRejected("Gene lengths must be positive and counts not negative; correct the table.")
    rate = reads / bases[:, np.newaxis]
    total = rate.sum(axis=0)
    if np.any(total == 0):
        raise CohortRejected(
            f"{counted(int((total == 0).sum()), 'sample has', 'samples have')} no read at all; leave them out."
        )
    rate /= total / MILLION
    return rate


def log2_tpm(values: ArrayLike) -> Floats:
    """log2(TPM + 1)."""
    return np.log2(np.asarray(values, dtype=np.float64) + 1)


@dataclass(frozen=True)
class ExpressionFilter:
    """Keeps genes with at least `lowest_tpm` in at least `smallest_share` of the samples."""

    lowest_tpm: float = 0.1
    smallest_share: float = 0.2

    def __post_init__(self) -> None:
        if not (self.lowest_tpm >= 0 and 0 <= self.smallest_share <= 1):
            raise CohortRejected(
                f"The filter of {self.lowest_tpm:g} TPM in {self.smallest_share:g} of the samples cannot be; a TPM of "
                "at least 0 and a share between 0 and 1 were expected."
            )

    def keeps(self, values: ArrayLike) -> NDArray[np.bool_]:
        """True for the genes that are kept: TPM (genes, samples) → (genes,)."""
        expressed = np.asarray(values) >= self.lowest_tpm
        # In whole samples: .2 of 15 is 3, whatever the rounding of the product.
        fewest = int(np.ceil(self.smallest_share * expressed.shape[1] - 1e-9))
        return np.asarray(expressed.sum(axis=1) >= fewest)

    def sentence(self, kept: int, of: int, what: str = "genes") -> str:
        """The filter with the number it left."""
        left_out = "the others were left out of the tests" if kept < of else "none was left out"
        return (
            f"{kept:,} of {of:,} {what} have at least {self.lowest_tpm:g} TPM in at least "
            f"{100 * self.smallest_share:g} % of the samples; {left_out}."
        )
