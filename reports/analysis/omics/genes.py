"""Composes the report of `rdeepnet analyse genes`."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from models.number_words import counted
from models.omics.summary import GeneSummary
from models.omics.tables import Strand
from reports import wording
from reports.analysis.content import AnalysisReport, Column, Format, Paragraph, Section, Table


def compose_genes(
    summary: GeneSummary, *, created: datetime, software: str, cautions: tuple[str, ...]
) -> AnalysisReport:
    """The report.

    Parameters
    ----------
    created : when, with its time zone
    software : name and version
    cautions : sentences that stand first
    """
    table = summary.table
    all_lncrnas, kept_lncrnas = summary.lncrnas
    filtered = summary.rule.sentence(int(summary.kept.sum()), len(table))
    lncrnas = summary.rule.sentence(kept_lncrnas, all_lncrnas, "long non-coding RNAs")
    strand = "not known" if table.strand is Strand.UNKNOWN else str(table.strand)
    methods = (
        f"{table.made_from} TPM are shares of all genes that were counted ({len(table):,}); genes were selected "
        f"afterwards and not scaled again. {filtered} {lncrnas} Computed with {software}."
    )
    return AnalysisReport(
        analysis="genes",
        title="Gene expression",
        subtitle=f"{counted(f'{len(table):,}', 'gene')}, {counted(f'{len(table.samples):,}', 'sample')}",
        strip="Groups of patients, not one patient",
        notice=wording.NOTICE,
        facts=(
            ("Expression", table.made_from),
            ("Library", f"strand {strand}"),
            ("Zeros", f"{100 * summary.zeros:.0f} % of all values"),
        ),
        sections=(
            Section(
                "Summary",
                (
                    *(Paragraph(one, is_warning=True) for one in cautions),
                    Paragraph(filtered),
                    Paragraph(lncrnas),
                    *(Paragraph(one, is_warning=True) for one in table.remarks),
                    _biotypes(summary),
                ),
            ),
            Section("Samples", (_samples(summary),)),
            Section("Genes", (_genes(summary),)),
        ),
        methods=(methods,),
        result={
            "genes": len(table),
            "samples": list(table.samples),
            "made_from": table.made_from,
            "strand": str(table.strand),
            "filter": {"lowest_tpm": summary.rule.lowest_tpm, "smallest_share": summary.rule.smallest_share},
            "kept": int(summary.kept.sum()),
            "lncrnas": {"genes": all_lncrnas, "kept": kept_lncrnas},
            "biotypes": {one.name: {"genes": one.genes, "kept": one.kept} for one in summary.biotypes},
            "remarks": [*cautions, *table.remarks],
        },
        created=created,
        software=software,
    )


def _biotypes(summary: GeneSummary) -> Table:
    return Table(
        "biotypes",
        "Biotypes of the annotation, and the genes that the filter keeps.",
        (
            Column("biotype", "Biotype"),
            Column("is_lncrna", "Long non-coding", Format.TEXT, "Counts as long non-coding RNA in the analyses."),
            Column("genes", "Genes", Format.COUNT),
            Column("kept", "Kept", Format.COUNT),
        ),
        tuple((one.name, "yes" if one.is_lncrna else "", one.genes, one.kept) for one in summary.biotypes),
    )


def _samples(summary: GeneSummary) -> Table:
    return Table(
        "samples",
        f"Genes with at least {summary.rule.lowest_tpm:g} TPM in each sample, and its most expressed gene: a large "
        "share of one gene lowers the TPM of all others.",
        (
            Column("sample", "Sample"),
            Column("expressed", "Genes expressed", Format.COUNT),
            Column("lncrnas", "Long non-coding", Format.COUNT),
            Column("highest_gene", "Most expressed"),
            Column("highest_share", "Its share", Format.PERCENT),
        ),
        tuple((one.name, one.expressed, one.lncrnas, one.highest_gene, one.highest) for one in summary.samples),
    )


def _genes(summary: GeneSummary) -> Table:
    table = summary.table
    middle, expressed = np.median(table.tpm, axis=1), np.mean(table.tpm >= summary.rule.lowest_tpm, axis=1)
    order = np.argsort(-middle, kind="stable").tolist()
    return Table(
        "genes",
        "Genes by their median TPM.",
        (
            Column("gene", "Identifier"),
            Column("gene_name", "Name"),
            Column("gene_type", "Biotype"),
            Column("median_tpm", "Median TPM", Format.NUMBER),
            Column("expressed_share", "Expressed in", Format.PERCENT),
            Column("kept", "Kept", Format.TEXT),
        ),
        tuple(
            (
                table.identifiers[row],
                table.names[row],
                table.biotypes[row],
                float(middle[row]),
                float(expressed[row]),
                "yes" if summary.kept[row] else "no",
            )
            for row in order
        ),
    )
