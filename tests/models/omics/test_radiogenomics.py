"""The whole radiogenomic analysis on a cohort with planted truth, and on one without any."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from models.cohort.outcomes import read_outcomes
from models.errors import CohortRejected
from models.omics.gene_groups import Cut, GeneGroups, gene_groups, write_labels
from models.omics.lncrna_screen import LncrnaScreen, Survival
from models.omics.over_representation import OverRepresentation
from models.omics.patients import RnaPatients, join_rna, shape_of
from models.omics.radiogenomics import GeneInDepth, Radiogenomics, RadiogenomicsSettings, analyse_radiogenomics
from models.statistics.estimate import Estimate, NotEstimable
from tests.models.omics.made_cohort import GENE, PATIENTS, PLANTED, RAISED, MadeCohort, make_cohort


@pytest.fixture(scope="module")
def made() -> MadeCohort:
    return make_cohort()


@pytest.fixture(scope="module")
def patients(made: MadeCohort) -> RnaPatients:
    return join_rna(made.genes, made.scores, outcomes=made.outcomes, features=made.features)


@pytest.fixture(scope="module")
def found(made: MadeCohort, patients: RnaPatients) -> Radiogenomics:
    steps: list[str] = []
    result = analyse_radiogenomics(
        patients,
        cells=[made.cells],
        pathways=[made.pathways],
        settings=RadiogenomicsSettings(permutations=500),
        tell=lambda what, done, total: steps.append(f"{done}/{total}"),
    )
    assert steps == [f"{done}/6" for done in range(1, 7)]
    return result


def depth_of(found: Radiogenomics) -> GeneInDepth:
    assert isinstance(found.depth, GeneInDepth)
    return found.depth


def screen_of(found: Radiogenomics) -> LncrnaScreen:
    assert isinstance(found.lncrnas, LncrnaScreen)
    return found.lncrnas


def test_the_filter_is_said(found: Radiogenomics) -> None:
    assert len(found.kept) == 590
    assert found.remarks[0].startswith("590 of 600 genes have at least 0.1 TPM")


def test_planted_genes_are_found(found: Radiogenomics) -> None:
    hits = {name for name, hit in zip(found.genes.names, found.genes.is_hit, strict=True) if hit}
    raised = {f"GENE{n:03d}" for n in range(4, 4 + RAISED)}
    assert len(raised & hits) >= 25
    assert "expected by chance" in found.genes.sentence()
    assert found.genes.count.expected == pytest.approx(0.05 * 590)
    assert found.genes.names[found.genes.order[0]] in hits


def test_planted_pathway_and_cells_are_first(found: Radiogenomics) -> None:
    assert isinstance(found.over_representation, OverRepresentation)
    assert found.over_representation.names[0] == "raised in high risk"
    assert found.pathways is not None
    assert found.cells is not None
    for scored, name in ((found.pathways, "raised in high risk"), (found.cells, "cell of high risk")):
        assert scored.by_risk.names[scored.by_risk.order[0]] == name
        assert scored.by_risk.test.effects[scored.by_risk.order[0]] > 0
        assert scored.with_score.p[scored.by_risk.order[0]] < 0.01
    assert found.pathways.by_gene is not None
    assert found.pathways.by_gene.names[found.pathways.by_gene.order[0]] == "raised with KRT7-AS"


def test_planted_lncrnas_are_selected_and_tested(found: Radiogenomics, patients: RnaPatients) -> None:
    screen = screen_of(found)
    assert len(screen.rows) == 190
    planted = set(range(PLANTED))
    selected = {int(screen.rows[position]) for position in screen.selected}
    assert planted <= selected
    rho = spearmanr(patients.genes.tpm[0], patients.scores).statistic
    assert screen.correlation.effects[0] == pytest.approx(rho)
    assert isinstance(screen.survival, Survival)
    assert screen.survival.count.tested == len(screen.selected)
    assert screen.survival.count_of_all.tested == 190
    assert set(screen.prognostic.tolist()) <= set(screen.selected.tolist())
    text = " ".join(screen.sentences())
    assert "of 190 at P < 0.05 (9.5 expected by chance)" in text
    assert "selected by their correlation with the score on these same patients" in text


def test_the_gene_in_depth(found: Radiogenomics) -> None:
    depth = depth_of(found)
    assert depth.groups.counts == (30, 30)
    assert "the median of the patients" in depth.groups.sentence()
    survival = depth.groups.survival
    assert not isinstance(survival, NotEstimable)
    assert isinstance(survival.ratio, Estimate)
    assert survival.ratio.value > 1  # low expression is worse: it protects
    assert survival.test.p < 0.05
    assert not isinstance(depth.features, NotEstimable)
    assert set(depth.features.order[:3].tolist()) == {0, 1, 2}
    assert depth.enrichment is not None
    best = int(np.argmin(depth.enrichment.camera.p))
    assert depth.enrichment.sets.names[best] == "raised with KRT7-AS"
    assert depth.enrichment.walk.scores[best] > 0.5
    assert depth.enrichment.partner is not None
    assert depth.enrichment.partner[0] == "KRT7"
    # The gene that makes the groups does not rank itself.
    assert len(depth.enrichment.statistics) == len(found.kept) - 1
    assert depth.genes.names[depth.genes.order[0]] == GENE


def test_the_matrix_is_of_features_and_prognostic_lncrnas(found: Radiogenomics) -> None:
    assert not isinstance(found.matrix, NotEstimable)
    screen = screen_of(found)
    positions = screen.prognostic if screen.prognostic.size else screen.selected
    assert found.matrix.rho.shape == (12, len(positions))
    assert found.matrix.count.tested == found.matrix.rho.size


def test_without_any_effect_counts_are_those_of_chance() -> None:
    counts, expected = [], 0.0
    for seed in range(5):
        null = make_cohort(seed=seed, effect=0.0)
        joined = join_rna(null.genes, null.scores, outcomes=null.outcomes)
        result = analyse_radiogenomics(joined)
        counts.append((result.genes.count.hits, screen_of(result).count.hits))
        expected = result.genes.count.expected
        assert result.genes.count.discoveries <= 2
    assert 0.5 < np.mean([genes for genes, _ in counts]) / expected < 2
    assert np.mean([lncrnas for _, lncrnas in counts]) < 20  # 9.5 expected


def test_what_is_lacking_is_a_reason(made: MadeCohort) -> None:
    bare = replace(made.genes, biotypes=("",) * len(made.genes), names=tuple(f"N{n}" for n in range(len(made.genes))))
    result = analyse_radiogenomics(join_rna(bare, made.scores))
    for missing, words in (
        (result.lncrnas, "biotypes of the genes are not known"),
        (result.depth, "None of the 600 genes is called 'KRT7-AS'"),
        (result.over_representation, "No pathways were given"),
        (result.matrix, "biotypes"),
    ):
        assert isinstance(missing, NotEstimable)
        assert words in missing.reason
    assert result.cells is None
    with pytest.raises(CohortRejected, match="is called 'XIST'"):
        analyse_radiogenomics(join_rna(bare, made.scores), settings=RadiogenomicsSettings(gene="XIST"))
    with pytest.raises(CohortRejected, match="1 of the 1 named features"):
        analyse_radiogenomics(join_rna(bare, made.scores), settings=RadiogenomicsSettings(features=("x",)))


def test_both_sides_are_counted(made: MadeCohort) -> None:
    scores = {**dict(list(made.scores.items())[5:]), "elsewhere": 1.0}
    joined = join_rna(made.genes, scores, outcomes=made.outcomes, features=made.features).joined
    assert joined.sentence() == (
        f"{PATIENTS - 5} patients are analysed: of 60 samples with expression 5 lack a score or features, of 56 scores "
        "1 lacks expression, 60 rows of features, 60 of outcomes. 55 of the analysed patients have follow-up."
    )
    with pytest.raises(
        CohortRejected, match=r"0 patients are in the tables .*samples look like A999, scores like AA-9"
    ):
        join_rna(made.genes, {"PX-1": 1.0})
    with pytest.raises(CohortRejected, match="0 of 60 patients have a score above 99"):
        join_rna(made.genes, made.scores, cut_off=99)
    twice = replace(made.outcomes, identifiers=("P000", *made.outcomes.identifiers[:-1]))
    with pytest.raises(CohortRejected, match=r"outcomes\.csv has 1 row with an id that another row has"):
        join_rna(made.genes, made.scores, outcomes=twice)
    assert shape_of("TCGA-A1-B23") == "AAAA-A9-A99"


def with_events(made: MadeCohort, count: int) -> RnaPatients:
    events = np.zeros(PATIENTS)
    events[np.argsort(made.outcomes.times_months)[:count]] = 1
    return join_rna(made.genes, made.scores, outcomes=replace(made.outcomes, events=events))


def test_few_events_are_refused_or_said(made: MadeCohort) -> None:
    result = analyse_radiogenomics(with_events(made, 4))
    survival = screen_of(result).survival
    assert isinstance(survival, NotEstimable)
    assert "4 of 60 followed patients had an event" in survival.reason
    groups = depth_of(result).groups.survival
    assert isinstance(groups, NotEstimable)
    assert "needs at least 5" in groups.reason
    few = analyse_radiogenomics(with_events(made, 7))
    assert screen_of(few).sentences()[0].startswith("Only 7 of 60 patients had an event")
    survival_of_gene = depth_of(few).groups.survival
    assert not isinstance(survival_of_gene, NotEstimable)
    assert survival_of_gene.sentences(GENE)[0].startswith("Only 7 of 60 followed patients")


def test_a_selected_cut_has_a_corrected_p(patients: RnaPatients) -> None:
    groups: GeneGroups = gene_groups(patients, GENE, Cut.OPTIMAL)
    assert not isinstance(groups.survival, NotEstimable)
    assert groups.survival.selected is not None
    assert groups.survival.selected.p_lausen94 >= groups.survival.test.p
    assert "Lausen's correction" in groups.survival.sentences(GENE)[-1]
    by_number = gene_groups(patients, "ENSG00000000199", groups.cut_tpm)
    assert by_number.cut is Cut.GIVEN
    np.testing.assert_array_equal(by_number.is_high, groups.is_high)
    with pytest.raises(CohortRejected, match="0 of 60 patients have more than 1e"):
        gene_groups(patients, GENE, 1e7)


def test_labels_are_outcomes_for_training(patients: RnaPatients, tmp_path: Path) -> None:
    groups = gene_groups(patients, GENE)
    write_labels(groups, patients, tmp_path / "labels.csv")
    outcomes = read_outcomes(tmp_path / "labels.csv")
    np.testing.assert_array_equal(outcomes.krt7_as_high == 1, groups.is_high)
    assert outcomes.identifiers == patients.identifiers
    with (tmp_path / "labels.csv").open() as stream:
        row = next(csv.DictReader(stream))
    assert (row["gene"], row["gene_name"], row["cut"]) == ("ENSG00000000199", GENE, "median")
    assert float(row["cut_tpm"]) == groups.cut_tpm
