"""Checks of expression values against what they are said to be: counts, TPM, or logarithms of TPM."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from models.errors import CohortRejected
from models.number_words import agreeing
from models.omics.tpm import MILLION, TOLERANCE, Floats

_LARGEST_LOG = 25.0  # log2 of more than any TPM


class Unit(StrEnum):
    """Unit of expression values."""

    COUNTS = "counts"  # reads of a gene
    TPM = "tpm"  # transcripts per million
    LOG2_TPM = "log2tpm"  # log2(TPM + 1)


def check_values(values: Floats, unit: Unit) -> tuple[Floats, Unit]:
    """Values as counts or TPM (logarithms are undone), and which of both they are.

    Raises
    ------
    CohortRejected
        When they cannot be in that unit; the sentence says what they look like.
    """
    number = f"{values.size:,} {agreeing(values.size, 'value')}"
    infinite = np.count_nonzero(~np.isfinite(values))
    if infinite:
        raise CohortRejected(f"{infinite:,} of {number} {agreeing(infinite, 'is', 'are')} infinite; none was expected.")
    negative = int(np.count_nonzero(values < 0))
    if negative:
        looks = " They look like centred logarithms." if negative > 0.05 * values.size else ""
        raise CohortRejected(
            f"{negative:,} of {number} {agreeing(negative, 'is', 'are')} negative (lowest {values.min():.4g}); "
            f"{_words(unit)} are never.{looks} Give the values as the program wrote them."
        )
    if unit is Unit.COUNTS:
        _check_counts(values)
        return values, unit
    if unit is Unit.TPM:
        _check_tpm(values)
        return values, unit
    return _undone(values), Unit.TPM


def _words(unit: Unit) -> str:
    return {Unit.COUNTS: "counts", Unit.TPM: "TPM", Unit.LOG2_TPM: "log2(TPM + 1)"}[unit]


def _sums_to_million(sums: Floats) -> bool:
    return bool(np.all(np.abs(sums / MILLION - 1) <= TOLERANCE))


def _check_counts(values: Floats) -> None:
    whole = values == np.floor(values)
    if whole.mean() > 0.5 or not values.any():
        return
    sums = values.sum(axis=0)
    if _sums_to_million(sums):
        raise CohortRejected(
            "The values were called counts, but every sample adds up to a million and most are no whole numbers: they "
            "are TPM. Say --values tpm."
        )
    if values.max() < _LARGEST_LOG:
        raise CohortRejected(
            f"The values were called counts, but {100 * (1 - whole.mean()):.0f} % are no whole numbers and the largest "
            f"is {values.max():.4g}: they look like logarithms. Give counts, or say --values log2tpm."
        )


def _check_tpm(values: Floats) -> None:
    sums = values.sum(axis=0)
    if _sums_to_million(sums):
        return
    smallest, largest = float(sums.min()), float(sums.max())
    found = (
        f"The values were called TPM, but the samples add up to {smallest:,.0f} to {largest:,.0f} instead of 1,000,000"
    )
    if values.max() < _LARGEST_LOG:
        undone = (2**values - 1).sum(axis=0)
        right = " (undone they add up to a million)" if _sums_to_million(undone) else ""
        raise CohortRejected(
            f"{found}, and the largest value is {values.max():.4g}: they are logarithms{right}. Say --values log2tpm."
        )
    if np.all(values == np.floor(values)):
        raise CohortRejected(f"{found}, and all are whole numbers: they are counts. Say --values counts.")
    if largest <= MILLION * (1 + TOLERANCE) and largest < 1.2 * smallest:
        kind = "genes are missing from the table (TPM is a share of all genes), or they are FPKM"
    else:
        kind = "they are FPKM or another unit, or genes are missing from the table"
    raise CohortRejected(f"{found}: {kind}. Give TPM of all genes, or counts with gene lengths.")


def _undone(values: Floats) -> Floats:
    if values.max() > _LARGEST_LOG:
        raise CohortRejected(
            f"The values were called log2(TPM + 1), but the largest is {values.max():,.4g}, and log2 of a million is "
            "20: they are no logarithms. Say --values tpm, or counts."
        )
    undone = np.exp2(values) - 1
    sums = undone.sum(axis=0)
    if _sums_to_million(sums):
        return undone
    again = np.exp2(np.minimum(undone, 1000)) - 1 if undone.max() <= _LARGEST_LOG else None
    if again is not None and _sums_to_million(again.sum(axis=0)):
        raise CohortRejected(
            f"The values were called log2(TPM + 1), but log2 was applied twice (the largest is {values.max():.4g}; "
            "undone twice the samples add up to a million). Apply it once."
        )
    raise CohortRejected(
        f"The values were called log2(TPM + 1), but undone the samples add up to {sums.min():,.0f} to "
        f"{sums.max():,.0f} instead of 1,000,000: another offset than 1, FPKM, or missing genes. Give TPM of all "
        "genes, or counts."
    )
