"""Pages in every language: PDF/A, no missing glyph, no line that begins with a comma. Kind: mechanics."""

from __future__ import annotations

import io
import re
import subprocess
from pathlib import Path

import numpy as np
import pikepdf
import pytest

from models.errors import SetupError
from models.validity import State
from reports import fonts
from reports.language import Language
from reports.languages.decimals import NO_BREAK
from reports.languages.languages import WORDS
from reports.notice.content import Notice, NoticeReason
from reports.notice.picture import notice_picture
from reports.paper import Paper
from reports.pdf.document import render_pdf
from reports.pdf.theme import Typesetter
from tests.conftest import require_programs
from tests.reports import examples

OTHERS = [language for language in Language if language is not Language.ENGLISH]
WIDE = next((file for file in fonts.WIDE_FILES if Path(file).is_file()), None)
needs_a_font = pytest.mark.skipif(
    WIDE is None, reason="no font with Chinese characters: apt-get install fonts-wqy-microhei"
)
CANNOT_START = "，。；：、）？！"


@pytest.fixture(scope="module", params=OTHERS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Language, Path]:
    """A report with both models in doubt: it has every part of a page."""
    language: Language = request.param
    if language is Language.CHINESE and WIDE is None:
        pytest.skip("no font with Chinese characters")
    path = tmp_path_factory.mktemp("pdf") / "report.pdf"
    path.write_bytes(render_pdf(examples.in_state(State.CONDITIONAL, language=language), paper=Paper.LETTER))
    return language, path


def text_of(file: Path) -> str:
    require_programs("pdftotext")
    return subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, text=True, check=True).stdout


def test_the_file_is_pdf_a_and_names_its_language(made: tuple[Language, Path]) -> None:
    pdfa = pytest.importorskip("pikepdf.pdfa", reason="pikepdf[pdfa] is not installed")
    language, file = made
    assert pdfa.validate_written(file, "2b").findings == []
    with pikepdf.open(file) as pdf:
        assert str(pdf.Root.Lang) == language.tag
        assert str(pdf.docinfo["/Title"]).startswith(WORDS[language].labels.title)


def test_every_character_has_a_glyph(made: tuple[Language, Path]) -> None:
    language, file = made
    typesetter = Typesetter(language=language)
    render_pdf(examples.in_state(State.CONDITIONAL, language=language), typesetter=typesetter)
    assert typesetter.missing == 0
    text = text_of(file)
    assert fonts.REPLACEMENT not in text
    assert "\ufffd" not in text


def test_labels_and_notice_are_on_the_pages(made: tuple[Language, Path]) -> None:
    language, file = made
    labels, text = WORDS[language].labels, re.sub(r"\s", "", text_of(file))
    for said in (
        labels.title,
        labels.research_use_only,
        labels.why,
        labels.key_images,
        labels.quality_notes,
        labels.regions,
        labels.series,
        labels.provenance,
        labels.how_to_read,
        labels.reviewed_by,
        labels.lowers,
        labels.training_groups,
        labels.whole_slice,
        *(meaning for _, meaning in labels.reading_guide),
    ):
        assert re.sub(r"\s", "", said) in text, said
    assert text.count(re.sub(r"\s", "", labels.research_use_only)) >= 4  # the strip of every page


def test_the_same_report_gives_the_same_bytes(made: tuple[Language, Path]) -> None:
    language, file = made
    again = render_pdf(examples.in_state(State.CONDITIONAL, language=language), paper=Paper.LETTER)
    assert again == file.read_bytes()


def test_no_line_begins_with_a_comma(made: tuple[Language, Path]) -> None:
    _, file = made
    lines = [line.strip() for line in text_of(file).splitlines()]
    assert [line for line in lines if line[:1] in CANNOT_START and line] == []


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("state", State)
def test_every_state_fits_its_pages(state: State, language: Language) -> None:
    if language is Language.CHINESE and WIDE is None:
        pytest.skip("no font with Chinese characters")
    pages = render_pdf(examples.in_state(state, language=language))
    with pikepdf.open(io.BytesIO(pages)) as pdf:
        assert len(pdf.pages) <= 5 if state.shows_score else len(pdf.pages) == 1


def test_german_numbers_have_a_comma() -> None:
    report = examples.report(language=Language.GERMAN)
    shown = [row.shown for section in report.models for row in section.measurements]
    assert "1,43" in shown
    assert f"88{NO_BREAK}%" in shown
    assert not [text for text in shown if re.search(r"\d\.\d", text)]
    values = [row.value for section in report.models for row in section.measurements]
    assert values == [row.value for section in examples.report().models for row in section.measurements]


def test_a_language_changes_words_and_no_number() -> None:
    english, german = (
        examples.in_state(State.CONDITIONAL),
        examples.in_state(State.CONDITIONAL, language=Language.GERMAN),
    )
    assert english.state is german.state
    for one, other in zip(english.models, german.models, strict=True):
        assert one.group is other.group
        assert [reason.code for reason in one.validity.reasons] == [reason.code for reason in other.validity.reasons]
        assert one.conclusion != other.conclusion
    assert [(note.code, note.severity) for note in english.notes] == [
        (note.code, note.severity) for note in german.notes
    ]
    for image, other_image in zip(english.key_images, german.key_images, strict=True):
        assert np.array_equal(image.pixels, other_image.pixels)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("reason", NoticeReason)
def test_a_notice_is_drawn_in_the_language(reason: NoticeReason, language: Language) -> None:
    if language is Language.CHINESE and WIDE is None:
        pytest.skip("no font with Chinese characters")
    notice = Notice(
        reason, "Found " + "more than one thing, " * 60, "3 objects: 3 MR", examples.CREATED, language=language
    )
    picture = notice_picture(notice, software="RDeepNet 0.1.0")
    assert picture.max() == 255
    assert picture[-30:].max() == 0, "the words run over the foot"
    assert picture[:, -30:].max() == 0, "the words run over the edge"


@needs_a_font
def test_a_font_with_chinese_characters_is_taken() -> None:
    fonts.require_characters((), "中文复发风险")
    fonts.require_characters((str(WIDE),), "中文复发风险")


def test_a_file_that_is_no_truetype_font_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "font.otf"
    file.write_bytes(b"OTTO")
    with pytest.raises(SetupError, match=r"font\.otf cannot be read, or has no TrueType outlines"):
        fonts.require_characters((str(file),), "中文")


def test_a_machine_without_chinese_characters_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "WIDE_FILES", ("/nowhere/font.ttc",))
    with pytest.raises(SetupError, match="Install the Debian package fonts-wqy-microhei"):
        fonts.require_characters((), "中文")
