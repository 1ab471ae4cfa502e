"""Cost of the radiogenomic computations: `python -m tests.benchmarks.bench_omics` writes OMICS.md.

60,000 genes of 92 patients, 12,312 of them lncRNAs, 1,542 pathways of 10 to 500 genes, 28 cell types: the size of the
paper's cohort with all of Reactome. CPU seconds, and the largest memory of the process. Where Rscript has limma and
GSVA, they do the same on the same values (GSVA on 6,000 genes, since it takes minutes).
"""

from __future__ import annotations

import gzip
import platform
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from models.cohort.outcomes import OutcomeRows
from models.omics.annotation import read_gtf
from models.omics.cox_screen import screen_cox
from models.omics.gene_sets import GeneSet, SetFile
from models.omics.genes import GeneTable
from models.omics.patients import join_rna
from models.omics.radiogenomics import RadiogenomicsSettings, analyse_radiogenomics
from models.omics.set_scores import Ties, gsva, ssgsea
from models.omics.tables import Strand
from models.omics.tpm import log2_tpm
from models.statistics.feature_tests import spearman
from models.statistics.moderated_t import two_groups

TARGET = Path(__file__).with_name("OMICS.md")
GENES, PATIENTS, LNCRNAS, PATHWAYS, CELLS = 60_000, 92, 12_312, 1_542, 28
PART = 6_000  # genes for R's GSVA

R = """
suppressMessages(library(limma)); has <- suppressMessages(requireNamespace("GSVA", quietly = TRUE))
folder <- commandArgs(TRUE)[1]
read <- function(name, rows) matrix(readBin(file.path(folder, name), "double", rows * %d), rows)
cpu <- function(f) { t <- proc.time(); invisible(capture.output(f()))
  p <- proc.time() - t; cat(p[["user.self"]] + p[["sys.self"]], "") }
y <- read("all.bin", %d); g <- rep(0:1, length.out = %d)
cpu(function() eBayes(lmFit(y, model.matrix(~ g)), trend = TRUE))
if (has) { z <- read("part.bin", %d); rownames(z) <- seq_len(nrow(z))
  sets <- lapply(strsplit(readLines(file.path(folder, "sets.txt")), " "), identity); names(sets) <- seq_along(sets)
  old <- packageVersion("GSVA") < "1.50"
  cpu(function() if (old) GSVA::gsva(z, sets, method = "gsva", kcdf = "Gaussian", parallel.sz = 1, verbose = FALSE) else
    GSVA::gsva(GSVA::gsvaParam(z, sets, kcdf = "Gaussian"), verbose = FALSE))
  cpu(function() if (old) GSVA::gsva(z, sets, method = "ssgsea", parallel.sz = 1, verbose = FALSE) else
    GSVA::gsva(GSVA::ssgseaParam(z, sets), verbose = FALSE)) }
cat(as.character(packageVersion("limma")), if (has) as.character(packageVersion("GSVA")) else "-")
"""


def seconds(work: Callable[[], Any]) -> float:
    """CPU seconds of one call."""
    before = time.process_time()
    work()
    return time.process_time() - before


def made_genes(rng: np.random.Generator) -> GeneTable:
    """TPM with a third of zeros."""
    log = rng.normal(rng.normal(-1, 3, (GENES, 1)), 1.0, (GENES, PATIENTS))
    values = np.where(log < -2.5, 0.0, np.exp2(log))
    return GeneTable(
        identifiers=tuple(f"ENSG{row:011d}.1" for row in range(GENES)),
        names=tuple(f"G{row}" if row else "KRT7-AS" for row in range(GENES)),
        biotypes=("lncRNA",) * LNCRNAS + ("protein_coding",) * (GENES - LNCRNAS),
        samples=tuple(f"P{column:02d}" for column in range(PATIENTS)),
        tpm=values / values.sum(axis=0) * 1e6,
        strand=Strand.REVERSE,
        made_from="TPM that a benchmark made.",
    )


def made_sets(rng: np.random.Generator, names: tuple[str, ...], count: int, largest: int) -> SetFile:
    """Sets of genes at random, most of them small."""
    sizes = np.exp(rng.uniform(np.log(10), np.log(largest), count)).astype(int)
    return SetFile(
        "made.gmt",
        tuple(
            GeneSet(f"set {number}", "", tuple(names[row] for row in rng.choice(len(names), size, replace=False)))
            for number, size in enumerate(sizes)
        ),
    )


def gtf_seconds() -> tuple[float, int]:
    """CPU seconds to read a compressed GTF, and its number of lines."""
    about = 'gene_id "ENSG{0:011d}.1"; gene_type "lncRNA"; gene_name "G{0}"; level 2;'
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "made.gtf.gz"
        count = 0
        with gzip.open(path, "wt", compresslevel=1) as stream:
            for gene in range(GENES):
                for number, kind in enumerate(("gene", "transcript", *["exon"] * 8, "CDS", "CDS")):
                    start = 1000 * gene + 50 * number
                    text = about.format(gene)
                    stream.write(f"chr1\tMADE\t{kind}\t{start + 1}\t{start + 90}\t.\t+\t.\t{text}\n")
                    count += 1
        return seconds(lambda: read_gtf(path)), count


def r_seconds(log: np.ndarray, members: list[np.ndarray]) -> tuple[list[str], list[np.ndarray]] | None:
    """CPU seconds of R for limma, GSVA, ssGSEA, then versions; None where Rscript or limma is not installed."""
    inside = [rows[rows < LNCRNAS + PART] - LNCRNAS for rows in members]  # sets hold coding genes
    inside = [rows for rows in inside if rows.size >= 2]
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "all.bin").write_bytes(log.T.tobytes())
        (folder / "part.bin").write_bytes(log[LNCRNAS : LNCRNAS + PART].T.tobytes())
        (folder / "sets.txt").write_text("\n".join(" ".join(map(str, rows + 1)) for rows in inside) + "\n")
        script = R % (PATIENTS, GENES, PATIENTS, PART)
        (folder / "run.R").write_text(script)
        done = subprocess.run(
            ["Rscript", str(folder / "run.R"), name], capture_output=True, text=True, check=False, timeout=3600
        )
    return (done.stdout.split(), inside) if done.returncode == 0 else None


def main() -> None:
    """Measure, and write the table."""
    rng = np.random.default_rng(1)
    genes = made_genes(rng)
    log = log2_tpm(genes.tpm)
    scores = rng.normal(size=PATIENTS)
    times, events = rng.exponential(40, PATIENTS) + 1, (rng.random(PATIENTS) < 0.3).astype(np.float64)
    pathways = made_sets(rng, genes.names[LNCRNAS:], PATHWAYS, 500)
    cells = made_sets(rng, genes.names[LNCRNAS:], CELLS, 60)
    members = [np.array([0 if one == "KRT7-AS" else int(one[1:]) for one in made.genes]) for made in pathways.sets]
    cell_members = [np.array([int(one[1:]) for one in made.genes]) for made in cells.sets]
    group = np.arange(PATIENTS) % 2 == 1
    for ties in Ties:  # compiled before it is measured
        gsva(log[:200, :5], [np.arange(5)], ties=ties)
        ssgsea(log[:200, :5], [np.arange(5)], ties=ties)
    screen_cox(log[:5], times, events)
    rows = [
        ("moderated t with trend, 60,000 genes", seconds(lambda: two_groups(log, group, has_trend=True))),
        ("Spearman with the score, 12,312 lncRNAs", seconds(lambda: spearman(log[:LNCRNAS], scores))),
        ("Cox, 12,312 lncRNAs", seconds(lambda: screen_cox(log[:LNCRNAS], times, events))),
        ("ssGSEA, 28 cell types, 60,000 genes", seconds(lambda: ssgsea(log, cell_members))),
        ("GSVA, 1,542 pathways, 60,000 genes", seconds(lambda: gsva(log, members))),
    ]
    ids = genes.samples
    outcomes = OutcomeRows("", ids, ("all",) * PATIENTS, ids, times, events, np.full(PATIENTS, np.nan), {})
    patients = join_rna(genes, dict(zip(ids, scores.tolist(), strict=True)), outcomes=outcomes)
    whole = seconds(
        lambda: analyse_radiogenomics(
            patients, cells=[cells], pathways=[pathways], settings=RadiogenomicsSettings(gene=genes.identifiers[20_000])
        )
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows.append(("the whole analysis (filter, both comparisons, 1,000 sampled sets a size)", whole))
    gtf, lines = gtf_seconds()
    rows.append((f"a compressed GTF of {lines:,} lines", gtf))
    found = r_seconds(log, members)
    text = "R not here."
    if found is not None:
        numbers, inside = found
        limma, rest = float(numbers[0]), numbers[1:]
        text = "| what | ours | R | R is slower by |\n| --- | --- | --- | --- |\n"
        ours = rows[0][1]
        text += f"| limma {numbers[-2]}, trend, 60,000 genes | {ours:.2f} | {limma:.2f} | {limma / ours:.1f} |\n"
        if numbers[-1] != "-":
            part = log[LNCRNAS : LNCRNAS + PART]
            for place, (what, work) in enumerate(
                (
                    ("GSVA", lambda: gsva(part, inside, ties=Ties.ROW_ORDER)),
                    ("ssGSEA", lambda: ssgsea(part, inside, ties=Ties.ROW_ORDER)),
                )
            ):
                mine, theirs = seconds(work), float(rest[place])
                name = f"{what} (GSVA {numbers[-1]}), {PART:,} genes, {len(inside):,} sets"
                text += f"| {name} | {mine:.2f} | {theirs:.2f} | {theirs / mine:.1f} |\n"
    TARGET.write_text(
        f"""# Cost of the radiogenomic computations

Made by `python -m tests.benchmarks.bench_omics`: {GENES:,} genes of {PATIENTS} simulated patients, CPU seconds on
one of 2 shared cores ({platform.machine()}), Python {platform.python_version()}. Largest memory of the process:
{memory:,.0f} MiB.

| what | CPU-s |
| --- | --- |
{chr(10).join(f"| {what} | {cost:.2f} |" for what, cost in rows)}

{text}
""",
        encoding="utf-8",
    )
    print(TARGET.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
