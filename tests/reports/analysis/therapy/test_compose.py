"""Report of a therapy analysis: words that never claim more than the numbers. Kind: mechanics."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from models.therapy.analysis import analyse_therapy
from models.therapy.design import Comparison
from models.therapy.permutation import ChanceCount
from models.therapy.results import ComparedFeatures, TherapyAnalysis, TherapySettings
from reports.analysis.content import AnalysisReport, Paragraph
from reports.analysis.therapy import words
from reports.analysis.therapy.compose import compose_therapy
from tests.models.therapy.made_cohorts import made_patients, null_cohort

CREATED = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def analysis() -> TherapyAnalysis:
    cohort = null_cohort(4, features=30)
    after = cohort.after + 0.8 * np.arange(30)[:, None] / 10
    return analyse_therapy(
        made_patients(cohort.before, after, cohort.responded), TherapySettings(permutations=30, alpha=0.2)
    )


@pytest.fixture(scope="module")
def report(analysis: TherapyAnalysis) -> AnalysisReport:
    return compose_therapy(analysis, created=CREATED, software="rdeepnet 0", sources=("pre", "post", "clinical"))


def texts(report: AnalysisReport) -> str:
    return " ".join(
        block.sentence for section in report.sections for block in section.blocks if isinstance(block, Paragraph)
    )


def test_counts_in_the_report_are_those_of_the_analysis(analysis: TherapyAnalysis, report: AnalysisReport) -> None:
    counts = next(table for table in report.tables() if table.name == "counts")
    keys = [column.key for column in counts.columns]
    for row, compared in zip(counts.rows, analysis.comparisons.values(), strict=False):
        cells = dict(zip(keys, row, strict=True))
        assert cells["hits"] == compared.count.hits
        assert cells["expected"] == pytest.approx(0.2 * 30)
        assert compared.chance is not None
        assert cells["permutation_p"] == compared.chance.p
    classes = next(table for table in report.tables() if table.name == "classes")
    assert sum(int(str(row[2])) for row in classes.rows) == 30


def test_the_paper_is_labelled_and_only_beside_radiomic_features(
    analysis: TherapyAnalysis, report: AnalysisReport
) -> None:
    counts = next(table for table in report.tables() if table.name == "counts")
    assert counts.columns[-1].title == "Paper"
    assert "not our result" in counts.caption
    renamed = replace(analysis, names=tuple(f"x{number}" for number in range(30)), correlation=None)
    patients = replace(analysis.patients, names=renamed.names)
    plain = compose_therapy(replace(renamed, patients=patients), created=CREATED, software="r", sources=("a", "b", "c"))
    assert all(column.title != "Paper" for table in plain.tables() for column in table.columns)


def test_every_note_of_honesty_is_there(report: AnalysisReport) -> None:
    text = texts(report)
    assert text.count(words.NOT_EVIDENCE) == 2
    assert f"{words.SIZE} {words.SIZE_ADVICE}" in text
    assert words.READERS in text
    for chart in report.charts():
        if chart.name.startswith("heatmap"):
            assert words.CLUSTERED in chart.caption


def chance_of(compared: ComparedFeatures, *, p_is_small: bool, discoveries: int) -> str:
    drawn = np.zeros(999, dtype=np.int64) if p_is_small else np.full(999, 10_000)
    count = replace(compared.count, hits=60, tested=1000, alpha=0.05, expected=50.0, discoveries=discoveries)
    return words.direct_answer(replace(compared, count=count, chance=ChanceCount(60, drawn)))


def test_the_direct_answer_follows_permutations_and_corrections(analysis: TherapyAnalysis) -> None:
    change = analysis.comparisons[Comparison.CHANGE]
    assert "It does in more features than shuffled labels give." in chance_of(change, p_is_small=True, discoveries=0)
    assert "No difference was shown" in chance_of(change, p_is_small=False, discoveries=0)
    both = chance_of(change, p_is_small=False, discoveries=4)
    assert "It does in the features that pass the correction" in both
    assert "not beyond what shuffled labels give" in both
    assert "60 of 1,000 features at P < 0.05 (50 expected by chance), 4 at a false discovery rate" in both


def test_methods_name_what_was_done(analysis: TherapyAnalysis, report: AnalysisReport) -> None:
    text = "\n".join(report.methods)
    assert "16 responders and 8 non-responders" in text
    assert "moderated t tests" in text
    assert "30 permutations (seed 1)" in text
    assert "the threshold was 0.2" in text
    assert "rdeepnet 0" in text
    assert "adjusted" not in text
    assert report.result["comparisons"]["before"]["hits"] == analysis.comparisons[Comparison.BEFORE].count.hits
