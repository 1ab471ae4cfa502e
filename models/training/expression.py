"""Expression of a gene from read counts, and the rule that calls it high.

The table must hold all genes that were counted, not a selection: TPM is a share of them.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.cohort.outcomes import WHOLE_COHORT, OutcomeRows
from models.csv_table import rows_of
from models.errors import CohortRejected
from models.number_words import agreeing, counted
from models.omics.tpm import tpm

GENE = "KRT7-AS"
_FEWEST_GENES = 100  # a table with fewer is a selection, whose TPM would mean something else


@dataclass(frozen=True, eq=False)
class Counts:
    """Read counts of some patients.

    Attributes
    ----------
    source : name of the file
    genes : names, different
    lengths : float64 (genes,), bases, positive
    identifiers : of the patients
    counts : float64 (genes, patients), not negative
    """

    source: str
    genes: tuple[str, ...]
    lengths: NDArray[np.float64]
    identifiers: tuple[str, ...]
    counts: NDArray[np.float64]

    def of(self, identifiers: Collection[str]) -> Counts:
        """Those of some patients, in the order here.

        Raises
        ------
        CohortRejected
            When there is none of them.
        """
        wanted = set(identifiers)
        kept = [column for column, identifier in enumerate(self.identifiers) if identifier in wanted]
        if not kept:
            raise CohortRejected(
                f"None of the {counted(len(self.identifiers), 'patient')} of {self.source} has features; the ids of "
                "the features were expected as names of its columns."
            )
        chosen = tuple(self.identifiers[column] for column in kept)
        return replace(self, identifiers=chosen, counts=self.counts[:, kept])


@dataclass(frozen=True)
class HighExpression:
    """The rule: high is above the threshold.

    Attributes
    ----------
    threshold_tpm : in transcripts per million
    words : for manifest and card
    """

    threshold_tpm: float
    words: str


def read_counts(path: Path) -> Counts:
    """Reads a CSV file with the columns `gene`, `length` (bases), then one for each patient, by id.

    Raises
    ------
    CohortRejected
        When the file does not exist or is not such a table.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            header, *rows = [row for row in rows_of(stream) if row]
    except OSError as error:
        raise CohortRejected(f"{path} cannot be read ({error.strerror}); give the table of read counts.") from error
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise CohortRejected(f"{path.name} is not a table of comma-separated values in UTF-8: {error}.") from error
    if header[:2] != ["gene", "length"] or len(header) < 3 or len(set(header)) != len(header):
        raise CohortRejected(
            f"{path.name} begins with the columns {', '.join(header[:4])}; gene, length and one column for each "
            "patient, none duplicated, were expected."
        )
    if any(len(row) != len(header) for row in rows):
        raise CohortRejected(f"{path.name}: every row must have {counted(len(header), 'cell')}.")
    genes = tuple(row[0].strip() for row in rows)
    if len(genes) < _FEWEST_GENES:
        raise CohortRejected(
            f"{path.name} has {counted(len(genes), 'gene')}; all genes that were counted are needed (at least "
            f"{_FEWEST_GENES}), because TPM is a share of all transcripts."
        )
    if len(set(genes)) != len(genes):
        twice = next(gene for gene in genes if genes.count(gene) > 1)
        raise CohortRejected(f"{path.name} has the gene '{twice}' more than once; add its counts up.")
    numbers = np.array([[_number(cell, path) for cell in row[1:]] for row in rows])
    return Counts(path.name, genes, numbers[:, 0], tuple(name.strip() for name in header[2:]), numbers[:, 1:])


def _number(cell: str, path: Path) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CohortRejected(f"{path.name} holds '{cell[:20]}' where a number was expected.")
    return value


def gene_tpm(counts: Counts, gene: str) -> NDArray[np.float64]:
    """Expression of one gene: float64 (patients,), transcripts per million.

    Raises
    ------
    CohortRejected
        When the gene is not in the table, or as `tpm`.
    """
    if gene not in counts.genes:
        raise CohortRejected(f"{counts.source} has no gene '{gene}'; name the gene as written there with --gene.")
    return np.asarray(tpm(counts.counts, counts.lengths)[counts.genes.index(gene)])


def high_expression(expression: NDArray[np.float64], *, threshold_tpm: float | None, gene: str) -> HighExpression:
    """The rule for these patients: above a given threshold, or above their median where it is None.

    Raises
    ------
    CohortRejected
        When all patients are on one side.
    """
    threshold = float(np.median(expression)) if threshold_tpm is None else threshold_tpm
    high = int(np.count_nonzero(expression > threshold))
    if not 0 < high < expression.size:
        raise CohortRejected(
            f"{high} of {counted(expression.size, 'patient')} {agreeing(high, 'has', 'have')} more than {threshold:g} "
            f"TPM of {gene}; patients on both sides were expected. Give another threshold."
        )
    source = "the median of the training patients" if threshold_tpm is None else "given"
    return HighExpression(threshold, f"High expression is above {threshold:.4g} TPM of {gene} ({source}).")


def outcomes_of(counts: Counts, expression: NDArray[np.float64], rule: HighExpression) -> OutcomeRows:
    """Outcomes of these patients, all in one cohort, without follow-up."""
    unknown = np.full(expression.size, np.nan)
    return OutcomeRows(
        source=counts.source,
        identifiers=counts.identifiers,
        cohorts=(WHOLE_COHORT,) * expression.size,
        patients=counts.identifiers,
        times_months=unknown,
        events=unknown,
        krt7_as_high=(expression > rule.threshold_tpm).astype(np.float64),
        clinical={},
    )
