"""Writes the tables of patients and their RNA for the paper's analyses, simulated, with what was planted.

No patient is behind them. Neoadjuvant therapy has a cohort of its own (`models.simulation.therapy`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.csv_table import lines
from models.features.names import features_of
from models.files import SHARED, write_output
from models.simulation import transcriptome
from models.simulation.cohort import Cohort, Truth, simulate_cohort
from models.simulation.feature_shape import measured_shape
from models.simulation.files import write_simulated_features
from models.simulation.transcriptome import ExpressionEffect, Transcriptome, simulate_transcriptome
from models.volume import Region, Sequence

PATIENTS = 698
RECURRENCES = 24  # among the patients with RNA: enriched, so that a screen has something to find
HIGH_SHARE = 0.25  # of patients whose simulated score is called high
_SUBTYPES = {"luminal A": 0.4, "luminal B": 0.3, "HER2-positive": 0.15, "TNBC": 0.15}


@dataclass(frozen=True)
class PatientAndRnaFiles:
    """Paths of the tables.

    Attributes
    ----------
    features, outcomes, scores : of 698 patients, as `rdeepnet features`, a site and `rdeepnet score` write them
    counts : of 92 of the 698 patients: genes as rows, samples as columns
    annotation, pathways, cell_types : GTF and two GMT files of the simulated genes
    truth : what was planted, JSON
    """

    features: Path
    outcomes: Path
    scores: Path
    counts: Path
    annotation: Path
    pathways: Path
    cell_types: Path
    truth: Path

    @classmethod
    def in_folder(cls, folder: Path) -> PatientAndRnaFiles:
        return cls(
            features=folder / "features.parquet",
            outcomes=folder / "outcomes.csv",
            scores=folder / "scores.csv",
            counts=folder / "counts.csv",
            annotation=folder / "genes.gtf",
            pathways=folder / "pathways.gmt",
            cell_types=folder / "cell_types.gmt",
            truth=folder / "truth.json",
        )


@dataclass(frozen=True)
class PlantedRna:
    """Tables that were written, and what was planted in them.

    Attributes
    ----------
    files : the tables
    lncrnas : names of the lncRNAs that follow the score, KRT7-AS not among them
    follows_score : KRT7-AS goes down with the score
    sets : "score" and "KRT7-AS" → names of the gene sets that follow them
    """

    files: PatientAndRnaFiles
    lncrnas: tuple[str, ...]
    follows_score: bool
    sets: dict[str, tuple[str, ...]]


def write_patients_and_rna(out: Path, *, seed: int, null: bool = False) -> PlantedRna:
    """Writes the tables of patients with outcomes, and of those with RNA, into a folder.

    Parameters
    ----------
    null : nothing is planted: features, scores and RNA say nothing about anything

    Raises
    ------
    SetupError
        When a file cannot be written.
    """
    files = PatientAndRnaFiles.in_folder(out)
    truth = Truth.NULL if null else Truth.STRONG
    cohort = simulate_cohort(
        measured_shape(features_of(Sequence, Region)), truth=truth, seed=seed, sizes={"training": PATIENTS}
    )
    rng = np.random.default_rng(seed + 1)
    identifiers = [f"S{number:05d}" for number in range(1, PATIENTS + 1)]
    risk = rng.normal(size=PATIENTS) if null else cohort.log_risk
    scores = 0.8 * risk + 0.6 * rng.normal(size=PATIENTS)
    sequenced = _sequenced(cohort, rng)
    rna = simulate_transcriptome(
        scores[sequenced], seed=seed + 2, effect=transcriptome.NOTHING if null else ExpressionEffect()
    )
    write_simulated_features(files.features, identifiers, cohort.names, cohort.values)
    _write_csv(files.outcomes, _outcomes(cohort, identifiers, risk, rng))
    _write_csv(files.scores, _scores(identifiers, scores))
    _write_rna(files, rna, [identifiers[row] for row in sequenced])
    content = {
        "seed": seed,
        "null": null,
        "lncrnas": list(rna.planted_lncrnas),
        "krt7_as_follows_the_score": not null,
        "gene_sets": {name: list(sets) for name, sets in rna.planted_sets.items()},
    }
    write_output(files.truth, (json.dumps(content, indent=1) + "\n").encode(), mode=SHARED)
    return PlantedRna(files, rna.planted_lncrnas, not null, rna.planted_sets)


def _sequenced(cohort: Cohort, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of the patients with RNA, in ascending order: patients with recurrence are over-represented."""
    events = np.flatnonzero(cohort.events == 1)
    others = np.flatnonzero(cohort.events == 0)
    with_event = rng.choice(events, size=min(RECURRENCES, events.size), replace=False)
    without = rng.choice(others, size=transcriptome.PATIENTS - with_event.size, replace=False)
    return np.asarray(np.sort(np.concatenate([with_event, without])))


def _outcomes(
    cohort: Cohort, identifiers: list[str], risk: NDArray[np.float64], rng: np.random.Generator
) -> Iterable[tuple[object, ...]]:
    """Clinical columns; the stage has a correlation of about .4 with the risk, age and subtype have none."""
    scaled = (risk - risk.mean()) / risk.std()
    latent = 0.4 * scaled + np.sqrt(1 - 0.4**2) * rng.normal(size=risk.size)
    stages = np.array(["I", "II", "III"])[np.searchsorted([-0.5, 0.9], latent)]
    ages = np.clip(np.round(rng.normal(52, 11, size=risk.size)), 24, 85).astype(int)
    subtypes = rng.choice(list(_SUBTYPES), p=list(_SUBTYPES.values()), size=risk.size)
    yield "id", "cohort", "time_months", "event", "age", "stage", "subtype"
    for row, identifier in enumerate(identifiers):
        yield (
            identifier,
            cohort.split[row],
            f"{cohort.times_months[row]:.3f}",
            int(cohort.events[row]),
            ages[row],
            stages[row],
            subtypes[row],
        )


def _scores(identifiers: list[str], scores: NDArray[np.float64]) -> Iterable[tuple[object, ...]]:
    cutoff = np.quantile(scores, 1 - HIGH_SHARE)
    yield "id", "score", "group"
    for identifier, score in zip(identifiers, scores, strict=True):
        yield identifier, f"{score:.6f}", "high" if score > cutoff else "low"


def _write_rna(files: PatientAndRnaFiles, rna: Transcriptome, samples: list[str]) -> None:
    rows = ((gene, *counts) for gene, counts in zip(rna.gene_ids, rna.counts.tolist(), strict=True))
    _write_csv(files.counts, [("gene_id", *samples), *rows])
    write_output(files.annotation, "".join(_gtf(rna)).encode(), mode=SHARED)
    for path, sets in ((files.pathways, rna.gene_sets), (files.cell_types, rna.cell_types)):
        text = "".join("\t".join((name, "simulated", *genes)) + "\n" for name, genes in sets.items())
        write_output(path, text.encode(), mode=SHARED)


def _gtf(rna: Transcriptome) -> Iterable[str]:
    """Annotation in GENCODE's form: gene, two transcripts, three exons."""
    yield "##description: simulated annotation in the form of GENCODE (no real coordinates)\n##format: gtf\n"
    for gene, name, biotype, exons in zip(rna.gene_ids, rna.gene_names, rna.biotypes, rna.exons, strict=True):
        common = f'gene_id "{gene}"; gene_type "{biotype}"; gene_name "{name}";'
        start, end = min(first for first, _ in exons), max(last for _, last in exons)
        yield _line("gene", start, end, common)
        transcripts = ((1, exons[:2]), (2, exons[2:]))
        for number, parts in transcripts:
            attributes = f'{common} transcript_id "{gene.replace("ENSG", "ENST")}{number}";'
            yield _line("transcript", parts[0][0], parts[-1][1], attributes)
            for first, last in parts:
                yield _line("exon", first, last, attributes)


def _line(feature: str, first: int, last: int, attributes: str) -> str:
    return f"chr1\tHAVANA\t{feature}\t{first}\t{last}\t.\t+\t.\t{attributes}\n"


def _write_csv(path: Path, rows: Iterable[Iterable[object]]) -> None:
    write_output(path, "".join(lines(rows)).encode(), mode=SHARED)
