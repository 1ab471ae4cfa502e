"""Summary of a table of genes: samples, biotypes, and what the filter leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.omics.annotation import LNCRNA_BIOTYPES
from models.omics.genes import GeneTable
from models.omics.tpm import ExpressionFilter

UNKNOWN = "not known"


@dataclass(frozen=True)
class BiotypeCount:
    """Genes of one biotype.

    Attributes
    ----------
    name : as in the annotation; "not known" where it has none
    genes, kept : all of them, and those that the filter keeps
    """

    name: str
    genes: int
    kept: int

    @property
    def is_lncrna(self) -> bool:
        """Counts as long non-coding RNA."""
        return self.name in LNCRNA_BIOTYPES


@dataclass(frozen=True)
class SampleCount:
    """A sample.

    Attributes
    ----------
    name : of the sample
    expressed : genes with at least the TPM of the filter
    lncrnas : long non-coding RNAs among them
    highest : share of the most expressed gene in all transcripts, 0 to 1
    highest_gene : its name
    """

    name: str
    expressed: int
    lncrnas: int
    highest: float
    highest_gene: str


@dataclass(frozen=True, eq=False)
class GeneSummary:
    """A table of genes with its filter.

    Attributes
    ----------
    kept : bool (genes,)
    biotypes : most genes first
    samples : in the order of the table
    zeros : share of zeros among all values
    """

    table: GeneTable
    rule: ExpressionFilter
    kept: NDArray[np.bool_]
    biotypes: tuple[BiotypeCount, ...]
    samples: tuple[SampleCount, ...]
    zeros: float

    @property
    def lncrnas(self) -> tuple[int, int]:
        """Long non-coding RNAs: all, and those that the filter keeps."""
        return int(self.table.is_lncrna.sum()), int((self.table.is_lncrna & self.kept).sum())


def summarise(table: GeneTable, rule: ExpressionFilter) -> GeneSummary:
    """Counts samples and biotypes."""
    kept = rule.keeps(table.tpm)
    biotypes = np.array([one or UNKNOWN for one in table.biotypes])
    names, codes = np.unique(biotypes, return_inverse=True)
    genes, kept_genes = np.bincount(codes), np.bincount(codes, weights=kept)
    counts = [BiotypeCount(str(one), int(n), int(k)) for one, n, k in zip(names, genes, kept_genes, strict=True)]
    expressed = table.tpm >= max(rule.lowest_tpm, np.finfo(np.float64).tiny)
    highest = table.tpm.argmax(axis=0)
    samples = tuple(
        SampleCount(
            name=name,
            expressed=int(expressed[:, column].sum()),
            lncrnas=int(expressed[table.is_lncrna, column].sum()),
            highest=float(table.tpm[highest[column], column] / 1e6),
            highest_gene=table.names[highest[column]],
        )
        for column, name in enumerate(table.samples)
    )
    return GeneSummary(
        table=table,
        rule=rule,
        kept=kept,
        biotypes=tuple(sorted(counts, key=lambda one: (-one.genes, one.name))),
        samples=samples,
        zeros=float(np.mean(table.tpm == 0)),
    )
