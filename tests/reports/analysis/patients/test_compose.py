"""Report of the analysis of patients: what must be said, where, and that every file agrees with the analysis."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from models.patients.added_value import AddedValue
from models.patients.analyse import AnalysisSettings, PatientAnalysis, analyse_patients
from models.patients.differential import DifferentialFeatures
from models.patients.scores import CutOffRule
from models.patients.study import Study
from reports.analysis.content import AnalysisReport, Paragraph, Section
from reports.analysis.files import analysis_files
from reports.analysis.patients.compose import compose_patients, stems_of
from reports.analysis.patients.tables import PAPER_COHORTS
from reports.analysis.patients.words import hits_words, p_words

CREATED = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def report(made_analysis: PatientAnalysis) -> AnalysisReport:
    return compose_patients(made_analysis, created=CREATED, software="rdeepnet 0.0")


@pytest.fixture(scope="module")
def files(report: AnalysisReport) -> dict[str, bytes]:
    return analysis_files(report)


def rows_of(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[name].decode())))


def sentences(section: Section) -> str:
    return " ".join(block.sentence for block in section.blocks if isinstance(block, Paragraph))


def test_every_part_is_there(report: AnalysisReport, files: dict[str, bytes]) -> None:
    assert [section.title for section in report.sections if section.level == 1] == [
        "Summary: what the score adds beyond clinical covariates",
        "Flow of patients",
        "Characteristics",
        "The score and clinical covariates together",
        "Subgroups",
        "Features of high and low risk",
        "Cut-off",
        "Notes on the data",
    ]
    figures = {name.removeprefix("figures/").removesuffix(".svg") for name in files if name.endswith(".svg")}
    assert figures == {
        "patient-flow",
        "survival-training",
        "survival-testing",
        "forest-score-training",
        "forest-score-testing",
        "forest-groups-training",
        "forest-groups-testing",
        "features-heatmap",
        "cut-off-search",
    }
    for chart in report.charts():
        assert len(chart.alternative) > 40


def test_the_summary_says_what_the_score_adds(made_analysis: PatientAnalysis, report: AnalysisReport) -> None:
    text = sentences(report.sections[0])
    for one in made_analysis.sets:
        assert isinstance(one.added, AddedValue)
        assert f"{one.name}: the score adds to age, stage and subtype (likelihood-ratio" in text
        assert p_words(one.added.beyond_clinical.p) in text
    assert "These patients trained the model: the result is apparent." in text


def test_tables_hold_the_numbers(made_analysis: PatientAnalysis, files: dict[str, bytes]) -> None:
    for row, one in zip(rows_of(files, "added-value.csv"), made_analysis.sets, strict=True):
        assert isinstance(one.added, AddedValue)
        assert float(row["p"]) == one.added.beyond_clinical.p
        assert float(row["c_clinical"]) == one.added.c_clinical
    found = made_analysis.features
    assert isinstance(found, DifferentialFeatures)
    rows = rows_of(files, "features-high-vs-low.csv")
    assert [float(row["p"]) for row in rows] == sorted(found.p.tolist())
    assert {"feature", "effect", "low", "high", "t", "p", "fdr", "mean_high_risk", "n_low_risk"} <= set(rows[0])
    flow = rows_of(files, "flow.csv")
    assert [(row["reason"], row["left_out"]) for row in flow if row["reason"]][:2] == [
        ("no surgery", "2"),
        ("stage IV", "2"),
    ]
    result = json.loads(files["result.json"])
    assert result["flow"]["recruited"] == 200
    assert result["features"]["moderated"]["hits"] == found.moderated.hits
    assert result["sets"][0]["added_value"]["coefficients"][0]["together"]["method"].startswith("Cox regression")
    assert sorted(files) == result["files"]


def test_counts_stand_beside_chance(made_analysis: PatientAnalysis, report: AnalysisReport) -> None:
    found = made_analysis.features
    assert isinstance(found, DifferentialFeatures)
    section = next(one for one in report.sections if one.title == "Features of high and low risk")
    assert hits_words(found.moderated) in sentences(section)
    assert "of 20 features at P < 0.05 (1.0 expected by chance)" in hits_words(found.moderated)
    assert "how the score works, not evidence" in sentences(section)
    subgroups = " ".join(sentences(one) for one in report.sections)
    assert "tests at P < 0.05 (0.1 expected by chance)" in subgroups or "(0.2 expected by chance)" in subgroups


def test_the_paper_is_labelled(files: dict[str, bytes]) -> None:
    rows = rows_of(files, "cohorts.csv")
    assert [(row["cohort"], row["source"]) for row in rows] == [
        ("training", "here"),
        ("training", "paper"),
        ("testing", "here"),
        ("testing", "paper"),
    ]
    assert (
        tuple(rows[1][name] for name in ("patients", "high_risk", "follow_up", "rfs", "hazard_ratio"))
        == (PAPER_COHORTS["training"])
    )


def test_few_events_are_on_the_first_page(made_study: Study, made_settings: AnalysisSettings) -> None:
    events = made_study.events & (np.cumsum(made_study.events) <= 8)
    few = analyse_patients(replace(made_study, events=events, rule=CutOffRule.OPTIMAL), made_settings)
    report = compose_patients(few, created=CREATED, software="rdeepnet 0.0")
    warnings = [
        block.sentence for block in report.sections[0].blocks if isinstance(block, Paragraph) and block.is_warning
    ]
    assert any("training: 8 events among" in sentence for sentence in warnings)
    assert any("for each; with fewer than 10 coefficients are unstable" in sentence for sentence in warnings)
    assert any("selected in the cohort 'training'" in sentence for sentence in warnings)
    assert any("testing: 0 events" in sentence and "no model is fitted" in sentence for sentence in warnings)
    assert "not estimable" in sentences(report.sections[0])


def test_no_patient_is_named(files: dict[str, bytes]) -> None:
    for name, content in files.items():
        if not name.endswith(".pdf"):
            assert not re.search(rb"P0\d{3}", content), name


def test_methods_name_tests_and_settings(files: dict[str, bytes]) -> None:
    methods = files["methods.txt"].decode()
    for words in (
        "Fisher's exact test",
        "reverse Kaplan-Meier",
        "100 bootstrap samples (seed 20230815)",
        "Efron",
        "limma",
    ):
        assert words in methods


def test_cohorts_of_any_name_have_files_of_their_own() -> None:
    assert stems_of(["testing", "Testing", "é 中", "中", "all cohorts but training"]) == [
        "testing",
        "testing-2",
        "e",
        "4",
        "all-cohorts-but-training",
    ]
