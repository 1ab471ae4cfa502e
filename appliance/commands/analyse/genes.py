"""`rdeepnet analyse genes`: tables of read counts or TPM → TPM with names and biotypes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.commands.exit_status import writing_to
from appliance.commands.options import AsJson, echo, print_json
from appliance.commands.parameters import (
    ExpressionUnit,
    StrandName,
    TableFormat,
    existing_file,
    existing_files,
    listed,
)
from appliance.commands.progress import progress

if TYPE_CHECKING:
    from models.omics.genes import GeneTable

Expression = Annotated[
    list[Path],
    typer.Option(
        "--expression",
        "-e",
        callback=existing_files,
        metavar="FILE",
        help="Counts of featureCounts, HTSeq or STAR, TPM of RSEM or Salmon (genes), tables of GDC, or a matrix of "
        "genes × samples. May be repeated: one file for each sample.",
    ),
]
GeneAnnotation = Annotated[
    Path | None,
    typer.Option(
        "--annotation",
        "-a",
        callback=existing_file,
        metavar="FILE",
        help="Genes that rdeepnet annotation wrote, of the release the reads were counted with.",
        show_default=False,
    ),
]
Values = Annotated[
    ExpressionUnit | None,
    typer.Option(
        "--values",
        metavar=listed(ExpressionUnit),
        help="Values of a plain matrix, which are not guessed; log2tpm is log2 of TPM + 1.",
        show_default=False,
    ),
]
Library = Annotated[
    StrandName | None,
    typer.Option(
        "--strand",
        metavar=listed(StrandName),
        help="Strandedness of the library; needed for STAR. Default: what the table says.",
        show_default=False,
    ),
]
AddDuplicates = Annotated[
    bool, typer.Option("--add-duplicates", help="Add up rows of the same gene, which are refused otherwise.")
]
LowestTpm = Annotated[
    float, typer.Option("--lowest-tpm", min=0, help="A gene is expressed in a sample with at least this TPM.")
]
SmallestShare = Annotated[
    float,
    typer.Option(
        "--smallest-share", min=0, max=1, help="Genes expressed in a smaller share of the samples are left out."
    ),
]


def read_genes(
    expression: list[Path],
    annotation: Path | None,
    values: ExpressionUnit | None,
    strand: StrandName | None,
    *,
    adds_duplicates: bool,
) -> GeneTable:
    """The table of genes that the options name."""
    from models.omics.annotation import read_annotation
    from models.omics.genes import gene_table
    from models.omics.tables import Strand, read_expression
    from models.omics.values import Unit

    found = read_expression(
        expression,
        unit=None if values is None else Unit(values),
        strand=Strand.UNKNOWN if strand is None else Strand(strand),
        adds_duplicates=adds_duplicates,
    )
    return gene_table(found, None if annotation is None else read_annotation(annotation))


def genes(
    expression: Expression,
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for the tables.")],
    annotation: GeneAnnotation = None,
    values: Values = None,
    strand: Library = None,
    add_duplicates: AddDuplicates = False,
    lowest_tpm: LowestTpm = 0.1,
    smallest_share: SmallestShare = 0.2,
    table_format: Annotated[
        TableFormat, typer.Option("--format", metavar=listed(TableFormat), help="Format of the matrix of TPM.")
    ] = "csv",
    as_json: AsJson = False,
) -> None:
    """Turn tables of read counts into TPM with names and biotypes, checked, for all further analyses.

    Writes tpm.csv (all genes × samples), genes.csv, samples.csv, biotypes.csv, report.html, report.pdf, result.json and
    methods.txt to DIR. The filter marks genes in genes.csv and leaves none out of tpm.csv: TPM is a share of all genes.

    **Example**

        rdeepnet analyse genes --expression counts.txt --annotation genes.parquet --out genes
    """
    from appliance.offline.analysis import write_analysis
    from models.omics.genes import write_gene_table
    from models.omics.summary import summarise
    from models.omics.tpm import ExpressionFilter
    from models.training.expression import GENE
    from models.version import software_version
    from reports.analysis.omics.genes import compose_genes

    rule = ExpressionFilter(lowest_tpm, smallest_share)
    with writing_to(out), progress("Reading the tables"):
        table = read_genes(expression, annotation, values, strand, adds_duplicates=add_duplicates)
        summary = summarise(table, rule)
        caution = table.antisense_caution(GENE) if GENE in table.names else None
        report = compose_genes(
            summary,
            created=datetime.now(UTC).astimezone(),
            software=f"rdeepnet {software_version()}",
            cautions=() if caution is None else (caution,),
        )
        write_gene_table(table, out / f"tpm.{table_format}")
        write_analysis(out, report)
    if as_json:
        print_json(json.loads((out / "result.json").read_text(encoding="utf-8")))
        return
    for remark in report.result["remarks"]:
        echo(f"warning: {remark}", err=True)
    echo(rule.sentence(int(summary.kept.sum()), len(table)))
    echo(f"{out}: tpm.{table_format}, genes.csv, samples.csv, biotypes.csv, report.html, report.pdf, result.json")
