"""`rdeepnet analyse radiogenomics`: genes, pathways, cell types and long non-coding RNAs behind the score."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from appliance.commands.analyse.genes import (
    AddDuplicates,
    Expression,
    GeneAnnotation,
    Library,
    LowestTpm,
    SmallestShare,
    Values,
    read_genes,
)
from appliance.commands.analyse.options import Alpha, AnalysisOut, Seed
from appliance.commands.cohort import Column, Unit
from appliance.commands.exit_status import writing_to
from appliance.commands.options import AsJson, echo, print_json, stdout
from appliance.commands.parameters import as_mistake, existing_file, existing_files, listed, one_of
from appliance.commands.progress import progress
from appliance.commands.tables import Table

if TYPE_CHECKING:
    from models.omics.gene_groups import Cut
    from models.omics.radiogenomics import Radiogenomics

TiesName = Literal["mean", "row-order"]


def radiogenomics(
    expression: Expression,
    scores: Annotated[
        Path,
        typer.Option(
            "--scores",
            "-s",
            callback=existing_file,
            metavar="FILE",
            help="CSV with id, score and perhaps group, as rdeepnet score writes it.",
        ),
    ],
    out: AnalysisOut,
    annotation: GeneAnnotation = None,
    outcomes: Annotated[
        Path | None,
        typer.Option(
            "--outcomes",
            "-y",
            callback=existing_file,
            metavar="FILE",
            help="CSV: id, time_months, event, clinical columns; without it nothing is said about survival.",
            show_default=False,
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            "--features",
            "-f",
            callback=existing_file,
            metavar="FILE",
            help="Table that rdeepnet features wrote, for features × lncRNAs.",
            show_default=False,
        ),
    ] = None,
    feature_list: Annotated[
        Path | None,
        typer.Option(
            "--feature-list",
            callback=existing_file,
            metavar="FILE",
            help="CSV whose first column names the features to take, such as overlap.csv of analyse therapy; default: "
            "all.",
            show_default=False,
        ),
    ] = None,
    cells: Annotated[
        list[Path] | None,
        typer.Option(
            "--cells",
            callback=existing_files,
            metavar="FILE",
            help="Gene sets of cell types for ssGSEA: GMT, or the table of Charoentong et al. May be repeated.",
            show_default=False,
        ),
    ] = None,
    gene_sets: Annotated[
        list[Path] | None,
        typer.Option(
            "--gene-sets",
            callback=existing_files,
            metavar="FILE",
            help="Pathways for GSVA, over-representation and enrichment: GMT. May be repeated.",
            show_default=False,
        ),
    ] = None,
    lncrna: Annotated[
        str, typer.Option("--lncrna", metavar="GENE", help="Gene to look at in depth, by identifier or name.")
    ] = "KRT7-AS",
    gene_cut: Annotated[
        str,
        typer.Option(
            "--gene-cut",
            metavar="median|optimal|TPM",
            autocompletion=one_of("median", "optimal"),
            help="High expression of that gene is above it; of optimal the P is corrected.",
        ),
    ] = "median",
    cut_off: Annotated[
        float | None,
        typer.Option(
            "--cut-off",
            metavar="SCORE",
            help="High risk is above it; default: that of the groups in the table of scores, else the median.",
            show_default=False,
        ),
    ] = None,
    values: Values = None,
    strand: Library = None,
    add_duplicates: AddDuplicates = False,
    lowest_tpm: LowestTpm = 0.1,
    smallest_share: SmallestShare = 0.2,
    alpha: Alpha = 0.05,
    fdr: Annotated[
        bool, typer.Option("--fdr", help="Carry lists on by the false discovery rate instead of P.")
    ] = False,
    ties: Annotated[
        TiesName,
        typer.Option(
            "--ties",
            metavar=listed(TiesName),
            help="Genes that tie in a sample share their mean place, or are in the order of the table as in R's GSVA.",
        ),
    ] = "mean",
    permutations: Annotated[
        int, typer.Option("--permutations", min=10, metavar="N", help="Sampled sets behind preranked enrichment.")
    ] = 1000,
    seed: Seed = 1,
    column: Column = None,
    time_unit: Unit = "months",
    as_json: AsJson = False,
) -> None:
    """Relate the score to gene expression: genes, cell types, pathways, long non-coding RNAs, one of them in depth.

    Every count stands beside its expectation by chance and the false discovery rate. Survival is tested by likelihood
    ratio, refused below 5 events and doubted below 10; genes that were selected on the same patients are named as such.

    Writes report.html, report.pdf, result.json, CSV tables, figures and methods.txt to DIR, and krt7-as.csv with the
    label of each patient, gene and cut, which rdeepnet train krt7-as takes.

    **Example**

        rdeepnet analyse radiogenomics --expression genes/tpm.csv --values tpm --scores scores.csv
        --outcomes outcomes.csv --features features.parquet --cells cells.gmt --gene-sets reactome.gmt --out rna
    """
    from appliance.offline.radiogenomics import RadiogenomicsInput, radiogenomics_into
    from models.cohort.outcomes import OutcomeColumns, TimeUnit
    from models.omics.radiogenomics import RadiogenomicsSettings
    from models.omics.set_scores import Ties
    from models.omics.tpm import ExpressionFilter

    with as_mistake("--column"):
        columns = OutcomeColumns().renamed(tuple(column or ()))
    settings = RadiogenomicsSettings(
        gene=lncrna,
        cut=_cut(gene_cut),
        rule=ExpressionFilter(lowest_tpm, smallest_share),
        alpha=alpha,
        selects_by_fdr=fdr,
        features=None if feature_list is None else _listed_features(feature_list),
        ties=Ties(ties),
        permutations=permutations,
        seed=seed,
    )
    given = RadiogenomicsInput(
        scores, outcomes, features, cells or (), gene_sets or (), columns, TimeUnit(time_unit), cut_off
    )
    with writing_to(out), progress("Reading tables") as running:
        genes = read_genes(expression, annotation, values, strand, adds_duplicates=add_duplicates)
        analysis, files = radiogenomics_into(
            out, genes, given, settings, created=datetime.now(UTC).astimezone(), tell=running.tell
        )
    if as_json:
        print_json(json.loads((out / "result.json").read_text(encoding="utf-8")))
        return
    _print(analysis)
    echo(f"{out}: {', '.join(name for name in files if '/' not in name)}, figures/")


def _cut(text: str) -> Cut | float:
    """The cut as it was asked for; another text is a mistake in the command line."""
    from models.omics.gene_groups import Cut

    if text in (Cut.MEDIAN, Cut.OPTIMAL):
        return Cut(text)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise typer.BadParameter(f"'{text}' is no TPM, and neither median nor optimal", param_hint="--gene-cut")
    return value


def _listed_features(path: Path) -> tuple[str, ...]:
    from models.cohort.outcomes import read_cells

    _, rows = read_cells(path)
    return tuple(dict.fromkeys(row[0].strip() for row in rows))


def _print(analysis: Radiogenomics) -> None:
    """Counts beside chance, and every sentence of the first page."""
    from reports.analysis.cells import shown
    from reports.analysis.omics.tables import counts_table
    from reports.analysis.omics.words import first_words

    content = counts_table(analysis)
    rows = [[shown(value, of.format) for value, of in zip(row, content.columns, strict=True)] for row in content.rows]
    stdout().print(Table("Lists and chance", [of.title for of in content.columns], rows))
    for paragraph in first_words(analysis):
        echo(f"warning: {paragraph.sentence}" if paragraph.is_warning else paragraph.sentence, err=paragraph.is_warning)
    for remark in analysis.remarks:
        echo(remark)
