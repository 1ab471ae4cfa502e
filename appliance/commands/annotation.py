"""`rdeepnet annotation`: the genes of a GTF with their lengths and biotypes, as a small table."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from appliance.commands.options import AsJson, echo, print_json, stdout
from appliance.commands.parameters import existing_file
from appliance.commands.progress import progress
from appliance.commands.tables import Table
from models.number_words import agreeing


def annotation(
    gtf: Annotated[
        Path,
        typer.Argument(
            callback=existing_file, metavar="GTF", help="Annotation of GENCODE or Ensembl: .gtf or .gtf.gz."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", dir_okay=False, metavar="FILE", help="Table to write: a .parquet file.")
    ],
    as_json: AsJson = False,
) -> None:
    """Read names, biotypes and union-exon lengths of all genes from a GTF, once for all analyses.

    Take the GTF the reads were counted with: another release has other genes and lengths. A length is the number of
    bases that the exons of a gene cover together, as featureCounts states it.

    **Example**

        rdeepnet annotation gencode.v27.annotation.gtf.gz --out genes.parquet
    """
    from models.omics.annotation import read_gtf, write_annotation

    if out.suffix != ".parquet":
        raise typer.BadParameter(f"'{out.name}' does not end in .parquet", param_hint="--out")
    with progress(f"Reading {gtf.name}"):
        genes = read_gtf(gtf)
        write_annotation(genes, out)
    counts = Counter(one or "not known" for one in genes.biotypes)
    lncrnas = int(genes.is_lncrna.sum())
    if as_json:
        print_json(
            {
                "genes": len(genes),
                "lncrnas": lncrnas,
                "release": genes.release,
                "biotypes": dict(counts.most_common()),
                "remarks": list(genes.remarks),
                "file": str(out),
            }
        )
        return
    rows = [(name, f"{count:,}") for name, count in counts.most_common(12)]
    stdout().print(Table("Genes by biotype", ("Biotype", "Genes"), rows))
    for remark in genes.remarks:
        echo(f"warning: {remark}", err=True)
    release = f" of {genes.release}" if genes.release else ""
    echo(f"{out}: {len(genes):,} {agreeing(len(genes), 'gene')}{release}, {lncrnas:,} of them long non-coding RNAs")
