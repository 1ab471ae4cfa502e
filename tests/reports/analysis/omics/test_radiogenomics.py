"""Report of the radiogenomic analysis: what must be said, where, and that every file agrees with the analysis."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree

import numpy as np
import pytest

from models.omics.patients import join_rna
from models.omics.radiogenomics import GeneInDepth, Radiogenomics, RadiogenomicsSettings, analyse_radiogenomics
from models.statistics.estimate import NotEstimable
from reports.analysis.content import AnalysisReport, Paragraph, Section
from reports.analysis.files import analysis_files
from reports.analysis.omics import words
from reports.analysis.omics.radiogenomics import compose_radiogenomics
from reports.figures.theme import GREYSCALE
from tests.models.omics.made_cohort import PATIENTS, MadeCohort, make_cohort

CREATED = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)


def composed(analysis: Radiogenomics) -> AnalysisReport:
    return compose_radiogenomics(
        analysis, created=CREATED, software="rdeepnet 0.0", sources=(("Scores", "scores.csv"),)
    )


@pytest.fixture(scope="module")
def made() -> MadeCohort:
    return make_cohort()


@pytest.fixture(scope="module")
def analysis(made: MadeCohort) -> Radiogenomics:
    patients = join_rna(made.genes, made.scores, outcomes=made.outcomes, features=made.features)
    return analyse_radiogenomics(
        patients, cells=[made.cells], pathways=[made.pathways], settings=RadiogenomicsSettings(permutations=100)
    )


@pytest.fixture(scope="module")
def report(analysis: Radiogenomics) -> AnalysisReport:
    return composed(analysis)


@pytest.fixture(scope="module")
def files(report: AnalysisReport) -> dict[str, bytes]:
    return analysis_files(report)


def sentences(section: Section) -> str:
    return " ".join(block.sentence for block in section.blocks if isinstance(block, Paragraph))


def rows_of(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[name].decode())))


def test_every_part_is_there(report: AnalysisReport, files: dict[str, bytes]) -> None:
    assert [section.title for section in report.sections if section.level == 1] == [
        "Summary",
        "Genes of high and low risk (A2)",
        "Cell types (A5 to A7)",
        "Pathways (A4)",
        "Pathways among the differential genes (A3)",
        "Long non-coding RNAs and the score (C1, C2)",
        "Features and long non-coding RNAs (C4)",
        "KRT7-AS in depth",
        "Methods",
    ]
    figures = {name.removeprefix("figures/").removesuffix(".svg") for name in files if name.endswith(".svg")}
    assert figures == {
        "cells-by-gene",
        "cells-by-risk",
        "enrichment",
        "features-by-gene",
        "features-lncrnas",
        "forest-lncrnas",
        "heatmap-genes",
        "over-representation",
        "overview",
        "pathways-by-gene",
        "pathways-by-risk",
        "survival-by-gene",
        "volcano-genes",
    }
    for name in figures:
        ElementTree.fromstring(files[f"figures/{name}.svg"])


def test_every_count_stands_beside_chance(files: dict[str, bytes], analysis: Radiogenomics) -> None:
    rows = {row["list"]: row for row in rows_of(files, "counts.csv")}
    genes = rows["genes, high against low risk"]
    assert (int(genes["tested"]), int(genes["hits"])) == (analysis.genes.count.tested, analysis.genes.count.hits)
    assert float(genes["expected"]) == pytest.approx(0.05 * 590)
    assert all(row["expected"] and row["discoveries"] for row in rows.values())


def test_tables_hold_effect_interval_statistic_p_fdr_n_and_means(
    files: dict[str, bytes], analysis: Radiogenomics
) -> None:
    first = rows_of(files, "genes.csv")[0]
    row = analysis.genes.order[0]
    assert first["name"] == analysis.genes.names[row]
    assert float(first["effect"]) == float(first["mean_second"]) - float(first["mean_first"]) or np.isclose(
        float(first["effect"]), float(first["mean_second"]) - float(first["mean_first"])
    )
    assert float(first["low"]) < float(first["effect"]) < float(first["high"])
    assert float(first["p"]) == analysis.genes.test.p[row]
    assert int(first["n"]) == PATIENTS
    lncrnas = rows_of(files, "lncrnas.csv")
    assert len(lncrnas) == 190
    assert {"hazard_ratio", "hr_low", "hr_high", "cox_p", "cox_fdr", "hr_groups"} <= set(lncrnas[0])
    assert len(rows_of(files, "cells-scores.csv")) == 9 * PATIENTS


def test_what_must_be_said(report: AnalysisReport) -> None:
    by_title = {section.title: sentences(section) for section in report.sections}
    screen = by_title["Long non-coding RNAs and the score (C1, C2)"]
    assert "on these same patients" in screen
    assert "Paper (not our result): 47 lncRNAs" in screen
    assert words.STEPS in by_title["KRT7-AS in depth"]
    assert words.SAMPLED in by_title["Genes, cell types and pathways by KRT7-AS (C7)"]
    assert words.ONE_COHORT in by_title["Cell types (A5 to A7)"]
    assert words.ONE_COHORT in by_title["Pathways (A4)"]
    heatmap = next(chart for chart in report.charts() if chart.name == "heatmap-genes")
    assert words.CONSTRUCTED in heatmap.caption
    assert "60 patients are analysed" in by_title["Summary"]


def test_the_result_is_json_and_agrees(files: dict[str, bytes], analysis: Radiogenomics) -> None:
    found = json.loads(files["result.json"])
    assert found["genes"]["hits"] == analysis.genes.count.hits
    assert found["gene_in_depth"]["name"] == "KRT7-AS"
    assert found["gene_in_depth"]["survival"]["hazard_ratio_low_against_high"] > 1
    assert found["lncrnas"]["correlation"]["tested"] == 190
    assert isinstance(analysis.depth, GeneInDepth)
    assert found["gene_in_depth"]["cut_tpm"] == analysis.depth.groups.cut_tpm
    assert "moderated t tests with a trend" in files["methods.txt"].decode()


def test_every_figure_is_drawn_in_grey(report: AnalysisReport) -> None:
    for chart in report.charts():
        width, height = chart.size(GREYSCALE)
        assert 100 < height < 800
        assert width < 520


def test_few_events_stand_on_the_first_page(made: MadeCohort) -> None:
    events = np.zeros(PATIENTS)
    events[np.argsort(made.outcomes.times_months)[:6]] = 1
    patients = join_rna(made.genes, made.scores, outcomes=replace(made.outcomes, events=events))
    first = composed(analyse_radiogenomics(patients)).sections[0].blocks[0]
    assert isinstance(first, Paragraph)
    assert first.is_warning
    assert first.sentence.startswith("Only 6 of 60 followed patients had an event")


def test_what_is_lacking_is_said_and_nothing_fails(made: MadeCohort) -> None:
    bare = replace(
        made.genes, biotypes=("",) * len(made.genes), names=tuple(f"N{row}" for row in range(len(made.genes)))
    )
    analysis = analyse_radiogenomics(join_rna(bare, made.scores))
    report = composed(analysis)
    text = " ".join(sentences(section) for section in report.sections)
    assert "biotypes of the genes are not known" in text
    assert "No patient has follow-up" in text
    assert isinstance(analysis.depth, NotEstimable)
    assert analysis.depth.reason in text
    assert json.loads(analysis_files(report)["result.json"])["cells"] is None
