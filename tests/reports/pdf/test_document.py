"""The PDF says what the report says, on paper that holds it."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader
from reportlab.pdfgen.canvas import Canvas

from models.inference.outcome import NotApplicable
from models.quality_notes import QualityNote, Severity
from models.validity import Reason, State
from models.volume import Sequence
from reports import page_words, wording
from reports.content import Report
from reports.paper import Paper
from reports.pdf.charts import GroupCurves
from reports.pdf.document import render_pdf
from reports.pdf.theme import Typesetter
from tests.conftest import ROOT, require_programs
from tests.reports import examples

EXAMPLES = [examples.report, examples.t1c_only, examples.three_models, examples.many_notes, examples.long_texts]


def plain(text: str) -> str:
    """Text without line breaks and spaces, which depend on the layout."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def pages(pdf: bytes) -> list[str]:
    """Text of each page."""
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


@dataclass(frozen=True)
class Example:
    """A report, its PDF, and the text of its pages."""

    report: Report
    pdf: bytes
    pages: list[str]


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda make: make.__name__)
def example(request: pytest.FixtureRequest) -> Example:
    """Each of the example reports, rendered once."""
    make: Callable[[], Report] = request.param
    report = make()
    pdf = render_pdf(report)
    return Example(report, pdf, pages(pdf))


def test_page_one_holds_what_the_tumour_board_needs(example: Example) -> None:
    report, first = example.report, plain(example.pages[0])
    for label, value in page_words.identity(report.subject):
        assert plain(label) in first
        assert plain(value) in first
    for section in report.models:
        assert plain(section.headline) in first
        assert plain(section.conclusion) in first
        assert plain(section.model.title) in first
        for measurement in section.measurements:
            assert plain(measurement.shown) in first
        for measurement in section.measurements[1:-1]:
            assert plain(measurement.in_words) in first
    for section in report.not_applicable:
        assert plain(section.sentence) in first
    for image in report.key_images:
        assert plain(image.caption) in first
    warnings = [note for note in report.notes if note.severity is Severity.WARNING]
    for note in warnings[:3]:
        assert plain(note.sentence) in first
    if len(warnings) > 3:
        assert plain(wording.more_reasons(len(warnings) - 3, has_pages=True)) in first
    assert plain(report.not_checked) in first
    assert plain(wording.REVIEWED_BY) in first


def test_page_one_does_not_speak_of_a_model_that_stands_in_for_one_that_answered() -> None:
    table = examples.features()
    reason = "it substitutes for 'RDeepNet recurrence score', which was run because the study has all it needs"
    spare = NotApplicable(examples.identity("spare", title="Spare model"), reason, is_expected=True)
    outcomes = (examples.recurrence(table), examples.krt7_as(table), spare)
    said = pages(render_pdf(examples.report(notes=(), outcomes=outcomes)))
    assert "Spare model" not in said[0]
    assert "Spare model" in "".join(said[1:])


def test_names_of_features_stay_off_page_one() -> None:
    """The note under a reason's code has them for whoever looks further; the reason itself has none."""
    note = QualityNote("unlike-training-patients", Severity.WARNING, "Far inputs: t1c_original_glszm_ZoneEntropy (+7).")
    reason = Reason("unlike-training-patients", State.CONDITIONAL, "The images are unlike those of training.")
    outcome = examples.recurrence(examples.features(), notes=(note,)).held_to([reason])
    first, *later = pages(render_pdf(examples.report(notes=(), outcomes=(outcome,))))
    assert plain("To be confirmed: the images are unlike those of training.") in plain(first)
    assert "glszm_ZoneEntropy" not in plain(first)
    assert "glszm_ZoneEntropy" in plain("".join(later))


def test_every_page_carries_the_notices_and_its_number(example: Example) -> None:
    report, said = example.report, example.pages
    assert 2 <= len(said) <= 5
    for number, text in enumerate(said, start=1):
        assert plain(report.notice) in plain(text)
        for notice in report.notices:
            assert plain(notice) in plain(text)
        assert f"Page {number} of {len(said)}" in " ".join(text.split())
    for text in said[1:]:
        assert plain(page_words.running_head(report.subject)) in plain(text)


def test_the_pages_to_look_up_hold_the_rest(example: Example) -> None:
    report, text = example.report, plain("".join(example.pages))
    for note in report.notes:
        assert plain(note.sentence) in text
    for region in report.regions:
        leading = [feature for feature in region.features if feature.key in region.leading]
        for measurement in (region.volume, *leading):
            assert plain(measurement.label) in text
            assert plain(measurement.shown) in text
    for section in report.models:
        for feature in section.leading_features:
            assert plain(feature.label) in text
            assert plain(feature.shown) in text
        for label, _ in section.contributions[:6]:
            assert plain(label) in text
    for series in report.series:
        assert plain(series.series_instance_uid) in text
        assert plain(series.why) in text
    for label, value in report.provenance.items():
        assert plain(label) in text
        assert plain(value) in text


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render_pdf(examples.report()) == render_pdf(examples.report())
    here = render_pdf(examples.many_notes())
    program = (
        "import sys; from tests.reports import examples; from reports.pdf.document import render_pdf; "
        "render_pdf(examples.t1c_only()); sys.stdout.buffer.write(render_pdf(examples.many_notes()))"
    )
    elsewhere = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    assert elsewhere.stdout == here


def test_metadata_say_what_it_is_and_not_whose() -> None:
    report = examples.report()
    pdf = render_pdf(report)
    reader = PdfReader(io.BytesIO(pdf))
    assert reader.metadata is not None
    assert reader.metadata.title == report.title
    assert reader.metadata.author == report.provenance[wording.SOFTWARE]
    assert reader.metadata.subject == report.notice
    assert reader.metadata.creation_date == report.created.replace(microsecond=0)
    for value in reader.metadata.values():
        for private in (report.subject.patient_name, report.subject.patient_id, report.subject.accession_number):
            assert private not in str(value)
    root = reader.trailer["/Root"].get_object()
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]


@pytest.mark.peers
def test_every_font_is_embedded_and_searchable(tmp_path: Path) -> None:
    require_programs("pdffonts")
    file = tmp_path / "report.pdf"
    file.write_bytes(render_pdf(examples.many_notes()))
    listed = subprocess.run(["pdffonts", file], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert len(listed) >= 3
    for line in listed:
        embedded, subset, unicode_map = line.split()[-5:-2]
        assert (embedded, subset, unicode_map) == ("yes", "yes", "yes"), line


@pytest.mark.peers
def test_another_program_reads_the_same_numbers(tmp_path: Path) -> None:
    require_programs("pdftotext")
    report = examples.three_models()
    file = tmp_path / "report.pdf"
    file.write_bytes(render_pdf(report))
    done = subprocess.run(["pdftotext", "-f", "1", "-l", "1", file, "-"], capture_output=True, text=True, check=True)
    for section in report.models:
        for measurement in section.measurements:
            assert plain(measurement.shown) in plain(done.stdout)
    assert done.stderr == ""


@pytest.mark.peers
def test_nothing_sticks_out_of_the_page(example: Example, tmp_path: Path) -> None:
    require_programs("pdftotext")
    file = tmp_path / "report.pdf"
    file.write_bytes(example.pdf)
    boxes = subprocess.run(["pdftotext", "-bbox", file, "-"], capture_output=True, text=True, check=True).stdout
    words = re.findall(r'<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">', boxes)
    assert len(words) > 300
    # A4 is 595.3 × 841.9 points; the margins are 16 mm = 45.4 points at the sides.
    assert min(float(word[0]) for word in words) >= 45
    assert max(float(word[2]) for word in words) <= 595.3 - 45
    assert min(float(word[1]) for word in words) >= 20
    assert max(float(word[3]) for word in words) <= 841.9 - 20


def test_characters_without_a_font_are_named_in_the_report() -> None:
    text = plain("".join(pages(render_pdf(examples.many_notes(), typesetter=Typesetter(wide_files=())))))
    assert "□□□(Wang,Xiaomei)" in text
    assert "charactersareshownas□" in text
    assert "areshownas□" not in plain("".join(pages(render_pdf(examples.report()))))


def test_an_empty_report_is_still_a_report() -> None:
    report = replace(
        examples.report(notes=(), series=()),
        models=(),
        regions=(),
        key_images=(),
        notes=(),
        notices=(),
        provenance={},
    )
    said = pages(render_pdf(report))
    assert wording.NOTHING_AGAINST in " ".join(said[0].split())
    assert wording.NO_QUALITY_NOTES in " ".join(said[1].split())


def test_notes_flow_over_pages() -> None:
    notes = [
        QualityNote(f"made-{number}", Severity.NOTE, f"Remark number {number} of a hundred and twenty. " * 3)
        for number in range(120)
    ]
    said = pages(render_pdf(examples.report(notes=notes)))
    assert len(said) > 6
    text = plain("".join(said))
    for note in notes:
        assert plain(note.sentence) in text


def test_oblique_and_narrow_images() -> None:
    turn = np.deg2rad(30)
    direction = np.array([[0, np.sin(turn), np.cos(turn)], [0, np.cos(turn), -np.sin(turn)], [1, 0, 0]])
    report = examples.report(direction=direction, sequences=(Sequence.T2W,), size=40)
    assert report.key_images[0].edges == ("RP", "LA", "AR", "PL")
    assert "RP" in pages(render_pdf(report))[0].split()


SHOWING = [State.VALID, State.CONDITIONAL, State.BORDERLINE]


@pytest.mark.parametrize("paper", list(Paper))
@pytest.mark.parametrize("state", [*SHOWING, State.OUTSIDE, State.NOT_COMPUTABLE])
def test_page_one_in_every_state(state: State, paper: Paper) -> None:
    """With a Chinese name: pictures stay on it, place and picture of the training patients are where a score is."""
    subject = replace(examples.SUBJECT, patient_name="王小梅 (Wang, Xiaomei)", institution="上海市第一人民医院")
    report = examples.in_state(state, subject=subject)
    first, *later = [plain(text) for text in pages(render_pdf(report, paper=paper))]
    assert "王小梅(Wang,Xiaomei)" in first
    assert plain(wording.REVIEWED_BY) in first
    assert bool(later) is (state in SHOWING)
    for image in report.key_images:
        assert plain(image.caption) in first
    recurrence, krt7_as = report.models
    assert ("83 of 100 training patients" in recurrence.about) is (state in SHOWING)
    assert ("among the highest 1 of 100 training patients" in krt7_as.about) is (state in SHOWING)
    assert krt7_as.training_groups is None  # its task has no survival
    shown = recurrence.training_groups
    assert (shown is not None) is (state in SHOWING)
    if shown is None:
        assert plain(wording.TRAINING_GROUPS) not in first
        return
    for text in (shown.title, shown.note, recurrence.about, krt7_as.about, *(curve.label for curve in shown.curves)):
        assert plain(text) in first
    for curve in shown.curves:
        assert all(count in first for _, count in curve.at_risk)


@pytest.mark.parametrize("state", SHOWING)
def test_an_older_package_has_neither_place_nor_picture(state: State) -> None:
    report = examples.in_state(state, is_older=True)
    first = plain(pages(render_pdf(report))[0])
    for section in report.models:
        assert section.training_groups is None
        assert section.about.endswith("0.50 is chance).")
    assert "of100trainingpatients" not in first
    assert plain(wording.TRAINING_GROUPS) not in first
    assert plain("Hazard ratio") not in first


def test_the_curves_are_told_apart_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """High risk is dashed, low risk is not, whatever the state; each has its name at its end."""
    dashes: list[list[float]] = []
    drawn: list[str] = []
    canvas = Canvas(io.BytesIO())
    monkeypatch.setattr(canvas, "setDash", lambda pattern: dashes.append(list(pattern)))
    monkeypatch.setattr(canvas, "drawString", lambda x, y, text: drawn.append(text))
    groups = examples.in_state(State.BORDERLINE).models[0].training_groups
    assert groups is not None
    chart = GroupCurves(groups, width=114, is_coloured=False)
    chart.canv = canvas
    chart.draw()
    assert [bool(dash) for dash in dashes] == [False, False, True, False]
    assert drawn[-2:] == ["low 93%", "high 39%"]


@pytest.mark.parametrize("years", [1, 2, 4, 5])
def test_other_numbers_of_horizons(years: int) -> None:
    survival = tuple(0.95 - 0.04 * year for year in range(years))
    table = examples.features()
    report = examples.report(outcomes=(examples.recurrence(table, survival=survival),))
    first = plain(pages(render_pdf(report))[0])
    for measurement in report.models[0].measurements:
        assert plain(measurement.shown) in first
        assert plain(measurement.in_words) in first or measurement.key != "rfs"


def test_a_figure_stands_in_one_line() -> None:
    report = examples.report(outcomes=(examples.recurrence(examples.features(), survival=(0.999, 0.998, 0.883)),))
    lines = pages(render_pdf(report))[0].splitlines()
    assert [line for line in lines if line in (">99%", "88%")] == [">99%", ">99%", "88%"]


def test_rendering_is_quick() -> None:
    report = examples.three_models(size=320)
    render_pdf(report)  # fonts are read once in a process
    start = time.process_time()
    render_pdf(report)
    assert time.process_time() - start < 2.0
