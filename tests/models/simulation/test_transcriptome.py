"""Simulated RNA, and the files of a simulated cohort of all phases. Kind: mechanics."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import false_discovery_control, spearmanr

from models.cohort.features import read_features
from models.cohort.outcomes import read_outcomes
from models.simulation import transcriptome
from models.simulation.patients_and_rna import PatientAndRnaFiles, write_patients_and_rna
from models.simulation.transcriptome import KRT7_AS, Transcriptome, simulate_transcriptome

SCORES = np.random.default_rng(1).normal(size=transcriptome.PATIENTS)


@pytest.fixture(scope="module")
def rna() -> Transcriptome:
    return simulate_transcriptome(SCORES, seed=2)


def log_expression(rna: Transcriptome) -> np.ndarray:
    return np.log2(rna.counts / rna.counts.sum(axis=0) * 1e6 + 1)


def correlations(rna: Transcriptome) -> tuple[np.ndarray, np.ndarray]:
    """Spearman correlations of all genes with the score, and their false discovery rates."""
    kept = (rna.counts > 0).mean(axis=1) > 0.5
    rho, p = np.zeros(len(kept)), np.ones(len(kept))
    for gene in np.flatnonzero(kept):
        rho[gene], p[gene] = spearmanr(log_expression(rna)[gene], SCORES)
    p[kept] = false_discovery_control(p[kept])
    return rho, p


def test_planted_lncrnas_follow_the_score_and_others_do_not(rna: Transcriptome) -> None:
    log = log_expression(rna)
    planted = [rna.gene_names.index(name) for name in rna.planted_lncrnas]
    assert all(abs(spearmanr(log[gene], SCORES)[0]) > 0.4 for gene in planted)
    assert spearmanr(log[rna.gene_names.index(KRT7_AS)], SCORES)[0] < -0.2
    others = [gene for gene, name in enumerate(rna.gene_names) if name.startswith("LNC") and gene not in planted][:100]
    expressed = [gene for gene in others if log[gene].std() > 0]
    assert np.mean([spearmanr(log[gene], SCORES)[1] < 0.05 for gene in expressed]) < 0.15


def test_genes_of_a_planted_set_follow_what_it_says(rna: Transcriptome) -> None:
    log = log_expression(rna)
    antisense = log[rna.gene_names.index(KRT7_AS)]
    for target, values in (("score", SCORES), (KRT7_AS, antisense)):
        for name in rna.planted_sets[target]:
            genes = [rna.gene_names.index(gene) for gene in rna.gene_sets[name]]
            assert spearmanr(log[genes].mean(axis=0), values)[0] > 0.5, name


def test_counts_are_whole_and_have_the_stated_spread(rna: Transcriptome) -> None:
    assert rna.counts.dtype == np.int64
    assert rna.counts.min() >= 0
    shares = rna.counts / rna.counts.sum(axis=0)
    untouched = [gene for gene, name in enumerate(rna.gene_names) if rna.counts[gene].mean() > 500]
    spread = shares[untouched].std(axis=1) / shares[untouched].mean(axis=1)
    assert np.median(spread) == pytest.approx(np.sqrt(0.15), rel=0.15)


def test_without_effect_nothing_is_planted() -> None:
    rna = simulate_transcriptome(SCORES, seed=2, effect=transcriptome.NOTHING)
    assert rna.planted_lncrnas == ()
    assert rna.planted_sets == {"score": (), KRT7_AS: ()}
    _, fdr = correlations(rna)
    assert (fdr < 0.05).sum() <= 3


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> PatientAndRnaFiles:
    return write_patients_and_rna(tmp_path_factory.mktemp("simulated"), seed=1).files


def test_the_tables_are_those_that_a_site_brings(files: PatientAndRnaFiles) -> None:
    features = read_features(files.features)
    assert (len(features.identifiers), len(features.names)) == (698, 3452)
    outcomes = read_outcomes(files.outcomes)
    assert outcomes.identifiers == features.identifiers
    header = files.counts.read_text().splitlines()[0].split(",")
    assert set(header[1:]) <= set(features.identifiers)
    assert len(header) == 1 + transcriptome.PATIENTS


def test_patients_with_rna_are_enriched_for_recurrence(files: PatientAndRnaFiles) -> None:
    sequenced = set(files.counts.read_text().splitlines()[0].split(",")[1:])
    lines = [line.split(",") for line in files.outcomes.read_text().splitlines()[1:]]
    assert sum(int(line[3]) for line in lines if line[0] in sequenced) == 24


def test_the_annotation_knows_every_counted_gene(files: PatientAndRnaFiles) -> None:
    counted = {line.split(",")[0] for line in files.counts.read_text().splitlines()[1:]}
    annotation = files.annotation.read_text()
    assert all(f'gene_id "{gene}"' in annotation for gene in counted)
    names = {name for line in files.pathways.read_text().splitlines() for name in line.split("\t")[2:]}
    assert all(f'gene_name "{name}"' in annotation for name in names)


def test_what_was_planted_is_written_down(files: PatientAndRnaFiles, tmp_path: Path) -> None:
    truth = json.loads(files.truth.read_text())
    assert len(truth["lncrnas"]) == 8
    assert truth["krt7_as_follows_the_score"] is True
    nothing = json.loads(write_patients_and_rna(tmp_path, seed=1, null=True).files.truth.read_text())
    assert nothing["lncrnas"] == []
    assert nothing["krt7_as_follows_the_score"] is False
