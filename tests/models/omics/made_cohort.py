"""A small cohort with planted truth: lncRNAs that follow the score, one that protects, a pathway of high risk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.cohort.features import FeatureRows
from models.cohort.outcomes import OutcomeRows
from models.omics.gene_sets import GeneSet, SetFile
from models.omics.genes import GeneTable, write_gene_table
from models.omics.tables import Strand
from tests.models.small_packages import input_names

PATIENTS, GENES, LNCRNAS = 60, 600, 200
PLANTED = 12  # lncRNAs that follow the score
RAISED = 30  # coding genes that are higher in high risk
GENE = "KRT7-AS"


@dataclass(frozen=True, eq=False)
class MadeCohort:
    """The tables, and the truth."""

    genes: GeneTable
    scores: dict[str, float]
    outcomes: OutcomeRows
    features: FeatureRows
    pathways: SetFile
    cells: SetFile


def make_cohort(*, seed: int = 1, effect: float = 1.0) -> MadeCohort:
    """Genes 0 to 199 are lncRNAs; the last of them is KRT7-AS; with `effect` 0 nothing is related to anything."""
    rng = np.random.default_rng(seed)
    names = [f"LNC{n:03d}" for n in range(LNCRNAS - 1)] + [GENE, "KRT7"]
    names += [f"GENE{n:03d}" for n in range(GENES - len(names))]
    score = rng.normal(1, 0.5, PATIENTS)
    z = (score - score.mean()) / score.std()
    log = rng.normal(rng.uniform(1, 6, (GENES, 1)), 1.0, (GENES, PATIENTS))
    log[:PLANTED] += effect * z
    log[LNCRNAS + 5 : LNCRNAS + 5 + RAISED] += effect * (score > np.median(score))
    krt = log[LNCRNAS - 1]
    log[LNCRNAS + 100 : LNCRNAS + 125] += effect * (krt > np.median(krt))
    log[150:160] = rng.normal(-9, 1, (10, PATIENTS))  # not expressed
    tpm = np.exp2(np.maximum(log, -12))
    tpm = np.where(tpm < 0.02, 0, tpm)
    tpm = tpm / tpm.sum(axis=0) * 1e6
    ids = tuple(f"P{n:03d}" for n in range(PATIENTS))
    hazard = np.exp(effect * (0.8 * z - 1.5 * (krt - krt.mean())))
    times = rng.exponential(60 / hazard) + 0.5
    censored = rng.uniform(20, 90, PATIENTS)
    features = rng.normal(size=(PATIENTS, 12))
    features[:, :3] += effect * (krt - krt.mean())[:, None]
    return MadeCohort(
        genes=GeneTable(
            identifiers=tuple(f"ENSG{n:011d}.1" for n in range(GENES)),
            names=tuple(names),
            biotypes=("lncRNA",) * LNCRNAS + ("protein_coding",) * (GENES - LNCRNAS),
            samples=ids,
            tpm=tpm,
            strand=Strand.REVERSE,
            made_from="TPM that a test made.",
        ),
        scores=dict(zip(ids, score.tolist(), strict=True)),
        outcomes=OutcomeRows(
            source="outcomes.csv",
            identifiers=ids,
            cohorts=("all",) * PATIENTS,
            patients=ids,
            times_months=np.minimum(times, censored),
            events=(times <= censored).astype(np.float64),
            krt7_as_high=np.full(PATIENTS, np.nan),
            clinical={"stage": tuple(rng.choice(["I", "II", "III"], PATIENTS).tolist())},
        ),
        features=FeatureRows(
            source="features.csv",
            identifiers=ids,
            names=input_names()[:12],
            values=features,
            settings_digests=("d",) * PATIENTS,
            engines=("own",) * PATIENTS,
            bias_corrections=("own",) * PATIENTS,
        ),
        pathways=SetFile(
            "pathways.gmt",
            (
                GeneSet("raised in high risk", "", tuple(names[LNCRNAS + 5 : LNCRNAS + 5 + RAISED])),
                GeneSet("raised with KRT7-AS", "", tuple(names[LNCRNAS + 100 : LNCRNAS + 125])),
                *(
                    GeneSet(f"random {n}", "", tuple(rng.choice(names[LNCRNAS:], 20, replace=False).tolist()))
                    for n in range(10)
                ),
            ),
        ),
        cells=SetFile(
            "cells.gmt",
            (
                GeneSet("cell of high risk", "", tuple(names[LNCRNAS + 5 : LNCRNAS + 15])),
                *(
                    GeneSet(f"cell {n}", "", tuple(names[LNCRNAS + 200 + 5 * n : LNCRNAS + 205 + 5 * n]))
                    for n in range(8)
                ),
            ),
        ),
    )


def write_cohort(folder: Path, made: MadeCohort) -> Path:
    """Writes the tables as a site has them: tpm.csv, scores.csv, outcomes.csv, features.csv, cells.gmt, "
    "pathways.gmt."""
    write_gene_table(made.genes, folder / "tpm.csv")
    (folder / "scores.csv").write_text("id,score\n" + "".join(f"{one},{score}\n" for one, score in made.scores.items()))
    outcomes, features = made.outcomes, made.features
    rows = zip(outcomes.identifiers, outcomes.times_months, outcomes.events, outcomes.clinical["stage"], strict=True)
    (folder / "outcomes.csv").write_text(
        "id,time_months,event,stage\n"
        + "".join(f"{one},{time},{event:.0f},{stage}\n" for one, time, event, stage in rows)
    )
    header = ",".join(("patient", *features.names, "settings_digest", "engine", "bias_correction"))
    lines = [
        ",".join([one, *map(str, values), "d", "own", "own"])
        for one, values in zip(features.identifiers, features.values.tolist(), strict=True)
    ]
    (folder / "features.csv").write_text("\n".join([header, *lines]) + "\n")
    for name, file in (("cells", made.cells), ("pathways", made.pathways)):
        text = "".join("\t".join([one.name, "made", *one.genes]) + "\n" for one in file.sets)
        (folder / f"{name}.gmt").write_text(text)
    return folder
