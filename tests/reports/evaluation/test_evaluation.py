"""The three encodings of one evaluation: the same sentences, notices on every page, documented keys, no NaN."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest
from matplotlib.figure import Figure
from pypdf import PdfReader

from models.evaluation.compared import compare_expression
from models.evaluation.expression import evaluate_expression
from models.evaluation.overlap import TrainingOverlap
from models.evaluation.recurrence import FrozenModel, evaluate_recurrence
from models.evaluation.results import Evaluation
from models.evaluation.withheld import WithheldGroups
from models.inference.outcome import ModelIdentity
from models.quality_notes import QualityNote, Severity
from models.statistics.estimate import Estimate
from models.statistics.followed import Followed
from models.statistics.risk_coverage import RiskCoverage
from models.statistics.survival import BaselineHazard
from reports import wording
from reports.evaluation import words
from reports.evaluation.compose import compose_evaluation
from reports.evaluation.content import EvaluationReport, FigureRow, Part, TableBlock, Text
from reports.evaluation.html_encoder import render_evaluation_html
from reports.evaluation.json_encoder import as_json, render_evaluation_json
from reports.evaluation.pdf_encoder import render_evaluation_pdf
from reports.figures import panel
from reports.figures.chart import Chart
from reports.figures.encode import files
from reports.figures.theme import Theme
from tests.reports.pdf.test_archive import require_pdf_a

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SOFTWARE = "rdeepnet 0.1.0"
IDENTITY = ModelIdentity("recurrence", "1.0.0", "ab" * 32, "RDeepNet <score>", "demonstration model & nothing else")
QUALITY_NOTE = QualityNote("few-events", Severity.WARNING, "The cohort 'b' has 2 events among 12 patients.")
DOCUMENT = Path(__file__).resolve().parents[3] / "reports" / "EVALUATION.md"


def group(count: int, *, cohort: str, subgroup: tuple[str, str] | None = None, effect: float, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=count)
    recurrence, censoring = rng.exponential(150 * np.exp(-effect * scores)), rng.uniform(20, 70, count)
    return evaluate_recurrence(
        Followed.of(np.minimum(recurrence, censoring), recurrence <= censoring, scores),
        FrozenModel(1.1, (12.0, 24.0, 36.0), BaselineHazard(np.array([6.0, 20.0, 40.0]), np.array([0.05, 0.1, 0.3]))),
        cohort=cohort,
        subgroup=subgroup,
        resamples=100,
        seed=1,
    )


WITHHELD = WithheldGroups(
    "a",
    100,
    6,
    (
        RiskCoverage(0.0, 0.0, 0.0, 0.13, None),
        RiskCoverage(1.28, 0.8, 0.33, 0.026, 0.34),
        RiskCoverage(3.0, 0.99, 1.0, None, 0.2),
    ),
)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return Evaluation(
        model=IDENTITY,
        cut_off=1.1,
        horizons_months=(12.0, 24.0, 36.0),
        resamples=100,
        seed=1,
        seconds_to_score=0.5,
        patients_scored=262,
        recurrence=(
            group(150, cohort="training", effect=1.2, seed=1),
            group(60, cohort="training", subgroup=("subtype", "TNBC"), effect=1.2, seed=2),
            group(100, cohort="a", effect=0.0, seed=3),
            group(12, cohort="b", effect=1.0, seed=4),
        ),
        expression=(),
        notes=(QUALITY_NOTE,),
        withheld=(WITHHELD,),
    )


@pytest.fixture(scope="module")
def expression_evaluation() -> Evaluation:
    rng = np.random.default_rng(0)
    probabilities = rng.uniform(size=80)
    result = evaluate_expression(
        probabilities, rng.uniform(size=80) < probabilities, cut_off=0.5, cohort="testing", subgroup=None
    )
    return Evaluation(IDENTITY, 0.5, (), 100, 1, 0.5, 80, (), (result,), ())


@pytest.fixture(scope="module")
def report(evaluation: Evaluation) -> EvaluationReport:
    return compose_evaluation(evaluation, created=CREATED, software=SOFTWARE)


@pytest.fixture(scope="module")
def pdf(report: EvaluationReport) -> bytes:
    return render_evaluation_pdf(report)


@pytest.fixture(scope="module")
def html(report: EvaluationReport) -> str:
    return render_evaluation_html(report)


def test_what_is_withheld_is_a_table_and_a_figure(report: EvaluationReport) -> None:
    (part,) = [part for part in report.parts if part.title == "Between the groups: a"]
    sentence, pictures, table, _ = part.blocks
    assert isinstance(sentence, Text)
    assert "33 % of 100 patients are between the groups" in sentence.sentence
    assert "of the groups shown, 2.6 % are another one" in sentence.sentence
    assert isinstance(pictures, FigureRow)
    assert pictures.figures[0].alternative == (
        "± 0: 0 % borderline, 13.0 % flips; ± 1.28: 33 % borderline, 2.6 % flips"
    )
    assert isinstance(table, TableBlock)
    assert table.rows[2] == ("± 3", "99 %", "100 %", "–", "20 %")


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_no_signal_is_said(evaluation: Evaluation) -> None:
    without = evaluation.recurrence[2]
    assert without.has_signal is False
    assert words.conclusions(without)[0].startswith("No signal: Harrell's C is ")
    assert "contains 0.5" in words.conclusions(without)[0]


def test_small_cohorts_are_told_what_they_can_not_show(evaluation: Evaluation) -> None:
    few = evaluation.recurrence[3]
    assert few.events < 30
    assert f"{few.events} events among 12 patients" in words.conclusions(few)[1]


def test_training_is_apparent(evaluation: Evaluation) -> None:
    assert any("apparent" in sentence for sentence in words.conclusions(evaluation.recurrence[0]))
    assert not any("apparent" in sentence for sentence in words.conclusions(evaluation.recurrence[2]))


def test_reference_groups_are_named(evaluation: Evaluation) -> None:
    text = " ".join(words.conclusions(evaluation.recurrence[0]))
    assert "(reference: low)" in text
    assert "(reference: high)" in text


def test_every_page_has_the_notices(pdf: bytes) -> None:
    pages = PdfReader(io.BytesIO(pdf)).pages
    assert len(pages) >= 4
    for page in pages:
        text = squeezed(page.extract_text())
        assert squeezed(wording.NOTICE) in text
        assert squeezed(IDENTITY.notice) in text


def test_pdf_and_html_say_every_sentence(report: EvaluationReport, pdf: bytes, html: str) -> None:
    paper = squeezed("".join(p.extract_text() for p in PdfReader(io.BytesIO(pdf)).pages))
    sentences = [block.sentence for part in report.parts for block in part.blocks if isinstance(block, Text)]
    assert QUALITY_NOTE.sentence in sentences
    for sentence in sentences:
        assert squeezed(sentence) in paper
        assert sentence.replace("'", "&#x27;").replace("<", "&lt;") in html
    assert "RDeepNet &lt;score&gt;" in html
    assert "demonstration model &amp; nothing else" in html
    assert wording.NOTICE in html
    assert "<script" not in html


def test_same_report_same_bytes(evaluation: Evaluation, pdf: bytes, html: str) -> None:
    again = compose_evaluation(evaluation, created=CREATED, software=SOFTWARE)
    assert render_evaluation_pdf(again) == pdf
    assert render_evaluation_html(again) == html


def test_figures_are_vectors_whose_words_can_be_found(report: EvaluationReport, pdf: bytes, html: str) -> None:
    charts = list(report.charts())
    assert len({chart.name for chart in charts}) == len(charts) > 10
    reader = PdfReader(io.BytesIO(pdf))
    assert not any(page.images for page in reader.pages)
    paper = squeezed("".join(page.extract_text() for page in reader.pages))
    for words_of_a_figure in ("Events so far", "Censored so far", "act on no one", "1 − specificity, %", "E90"):
        assert squeezed(words_of_a_figure) in paper
        assert words_of_a_figure in html
    assert html.count("<svg ") == len(charts)
    assert "<img" not in html
    identifiers = re.findall(r' id="([^"]+)"', html)
    assert len(set(identifiers)) == len(identifiers)
    for chart in charts:
        assert quoteattr(chart.alternative) in html


def test_the_pdf_is_for_an_archive(pdf: bytes, tmp_path: Path) -> None:
    (tmp_path / "evaluation.pdf").write_bytes(pdf)
    require_pdf_a(tmp_path / "evaluation.pdf")


def test_fonts_of_the_pdf_are_embedded(pdf: bytes) -> None:
    for page in PdfReader(io.BytesIO(pdf)).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            assert "/FontFile2" in font.get_object()["/FontDescriptor"].get_object()


def test_cohorts_have_the_same_axes(report: EvaluationReport) -> None:
    for beginning in ("calibration-", "decision-curve-"):
        charts = [c for c in report.charts() if c.name.startswith(beginning) and c.name.endswith("-36-months")]
        assert len(charts) >= 2
        limits = {(*c.figure().axes[0].get_xlim(), *c.figure().axes[0].get_ylim()) for c in charts}
        assert len(limits) == 1


def test_one_patient_no_event_and_odd_names_have_their_figures(evaluation: Evaluation) -> None:
    model = FrozenModel(1.1, (12.0,), BaselineHazard(np.array([6.0, 20.0]), np.array([0.05, 0.1])))
    odd = tuple(
        evaluate_recurrence(
            Followed.of(np.linspace(1, 60, count), np.arange(count) < events, np.linspace(0, 2, count)),
            model,
            cohort=f"病院 {count} $x$ <&",
            subgroup=None,
            resamples=100,
            seed=1,
        )
        for count, events in ((1, 0), (3, 1), (40, 0), (12, 12))
    )
    report = compose_evaluation(replace(evaluation, recurrence=odd, withheld=()), created=CREATED, software=SOFTWARE)
    made = [files(chart) for chart in report.charts()]
    assert len(made) >= 8
    assert all(contents for one in made for contents in one.values())
    assert render_evaluation_html(report).count("<svg ") == len(made)
    assert "病院 1 $x$ &lt;&amp;" in render_evaluation_html(report)


def test_two_cohorts_of_one_file_name_have_figures_of_their_own(evaluation: Evaluation) -> None:
    first, second = (replace(evaluation.recurrence[0], cohort=name) for name in ("site a", "Site-A"))
    report = compose_evaluation(
        replace(evaluation, recurrence=(first, second), withheld=()), created=CREATED, software=SOFTWARE
    )
    names = [chart.name for chart in report.charts()]
    assert len(set(names)) == len(names)
    assert {"roc-site-a", "roc-site-a-2"} <= set(names)


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(keys(one) for one in value.values()))
    return set().union(*(keys(one) for one in value)) if isinstance(value, list) else set()


def test_json_keys_are_documented(evaluation: Evaluation, expression_evaluation: Evaluation) -> None:
    documented = set(re.findall(r"`([a-z_0-9]+)`", DOCUMENT.read_text(encoding="utf-8")))
    scores = np.linspace(0.01, 0.4, 40)
    outcome = np.arange(40) % 2 == 0
    full = replace(
        evaluation,
        recurrence=(replace(evaluation.recurrence[0], overlap=TrainingOverlap(12, 2, 1)), *evaluation.recurrence[1:]),
        verdicts=(QualityNote("demonstration", Severity.WARNING, "A demonstration."),),
        comparisons=(
            compare_expression(outcome, scores, scores[::-1], other=evaluation.model, cohort="all", subgroup=None),
        ),
    )
    written = keys(as_json(full, created=CREATED, software=SOFTWARE))
    written |= keys(as_json(expression_evaluation, created=CREATED, software=SOFTWARE))
    assert written == documented


def test_json_has_no_nan_and_gives_reasons(evaluation: Evaluation) -> None:
    text = render_evaluation_json(evaluation, created=CREATED, software=SOFTWARE)
    read = json.loads(text)
    assert "NaN" not in text
    assert read["recurrence"][0]["harrell_c"]["low"] < read["recurrence"][0]["harrell_c"]["value"]
    small = read["recurrence"][3]["risk_groups"]["hazard_ratio_low_vs_high"]
    assert (small["value"] is None) == (small["reason"] is not None)
    assert small["reference"] == "high"


def test_expression_report(expression_evaluation: Evaluation) -> None:
    report = compose_evaluation(expression_evaluation, created=CREATED, software=SOFTWARE)
    text = squeezed("".join(p.extract_text() for p in PdfReader(io.BytesIO(render_evaluation_pdf(report))).pages))
    assert squeezed("higher scores go with high expression") in text
    names = [chart.name for chart in report.charts()]
    assert names == ["forest-auc", "roc-testing", "calibration-testing", "decision-curve-testing"]
    assert "smoothed by half a patient of each kind" in render_evaluation_html(report)


def test_few_events_have_no_log_rank_p(evaluation: Evaluation) -> None:
    assert words.log_rank_words(evaluation.recurrence[0]).startswith("log-rank P")
    rare = replace(evaluation.recurrence[0], events=3)
    assert words.log_rank_words(rare) == "too few events for a log-rank test"
    assert "too few events for a log-rank test" in " ".join(words.conclusions(rare))


def test_no_page_of_the_pdf_is_blank(evaluation: Evaluation) -> None:
    """A part that ends with its page is followed by the next part, not by an empty page, whatever its length."""
    report = compose_evaluation(evaluation, created=CREATED, software=SOFTWARE)
    picture = next(block for part in report.parts for block in part.blocks if isinstance(block, Chart))
    counts = []
    for height in range(60, 160, 4):  # points; the first part comes to the end of its page on the way

        def draw(theme: Theme, width_mm: float, height: float = height) -> Figure:
            return panel.new_figure(theme, width_mm, height)

        sentences = (Text("A sentence.", False),) * 30
        first = Part("First part", 1, (*sentences, replace(picture, width_mm=28.0, draw=draw)))
        second = Part("Second part", 1, (Text("Another sentence.", False),), starts_page=True)
        pages = PdfReader(io.BytesIO(render_evaluation_pdf(replace(report, parts=(first, second))))).pages
        assert all(re.search(r"sentence\.|Harrell", page.extract_text()) for page in pages), height
        counts.append(len(pages))
    assert counts == sorted(counts)
    assert set(counts) == {2, 3}


def test_digits_tell_a_number_from_its_limit() -> None:
    result = group(150, cohort="x", effect=1.2, seed=1)
    close = Estimate(0.55, (0.5004, 0.6), "bootstrap")
    assert words.shown(close) == "0.55 (0.50–0.60)"
    said = words.conclusions(replace(result, harrell_c=close))[0]
    assert said == "Harrell's C is 0.5500 (0.5004–0.6000): higher scores go with earlier recurrence."
    horizon = replace(result.horizons[-1], predicted_risk=0.11997, observed_risk=Estimate(0.2, (0.12, 0.3), "KM"))
    slope = Estimate(0.9, (0.8, 0.9996), "Cox")
    sentences = words.conclusions(replace(result, horizons=(horizon,), calibration_slope=slope))
    assert sentences[-1] == (
        "Mean predicted risk at 36 months 11.997 %, observed 20.000 % (12.000–30.000): the level is not right for "
        "these patients; calibration slope 0.9000 (0.8000–0.9996): predictions are too extreme."
    )


@pytest.mark.parametrize(
    ("share", "shown"), [(0.0, "0.0 %"), (0.0003, "0.03 %"), (0.9996, "99.96 %"), (1.0, "100.0 %"), (0.065, "6.5 %")]
)
def test_a_share_is_never_none_or_all_of_something_that_is_neither(share: float, shown: str) -> None:
    assert words.share(share) == shown
    assert words.percent(Estimate(share, None, "")) == shown


def test_one_of_each_is_singular() -> None:
    alone = words.withheld(replace(WITHHELD, patients=1))
    assert "33 % of 1 patient is between the groups" in alone
    result = group(150, cohort="x", effect=1.2, seed=1)
    high = replace(result.groups.high, patients=1, events=1)
    said = " ".join(words.conclusions(replace(result, groups=replace(result.groups, high=high))))
    assert "1 patient (1 event) is above the cut-off" in said


def test_captions_name_what_is_there(report: EvaluationReport, expression_evaluation: Evaluation) -> None:
    tables = [block for part in report.parts for block in part.blocks if isinstance(block, TableBlock)]
    for one in tables:
        assert ("Brier" in one.caption) <= any("Brier" in text for text in one.header), one.caption
    expression = compose_evaluation(expression_evaluation, created=CREATED, software=SOFTWARE)
    html = render_evaluation_html(expression)
    assert re.search(r"testing, high / patients \d+ / 80", html)  # in the words of the forest, not "events"
    assert "event" not in html.split("How it was computed")[0].split("<main>")[1]
