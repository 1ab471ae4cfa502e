"""The change since an earlier study in every language: its page, its texts in the SR, its notes. Kind: mechanics.

dciodvfy is the oracle of the SR; the numbers are those of the English report.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset

from dicom_io.answer import Answer
from dicom_io.answer_roles import Role
from dicom_io.writing.comparison import with_comparison
from dicom_io.writing.encode import encode
from models.inference.change import StudyMeasured, TumourSize
from reports import fonts
from reports.change import PRIOR_NOT_USED, change_section
from reports.content import ChangeSection, Report
from reports.language import Language
from reports.languages.decimals import NO_BREAK
from reports.languages.languages import CHINESE, GERMAN
from reports.languages.words import Words
from reports.pdf.document import render_pdf
from reports.pdf.theme import Typesetter
from tests.conftest import require_programs
from tests.dicom_io.writing.test_comparison import MADE, NOW, prior, report_with, then
from tests.reports.languages.test_findings import MARKS, english_in

OTHERS = pytest.mark.parametrize("words", [GERMAN, CHINESE], ids=lambda words: words.language)
LENGTHS_MM = {"original_shape_Maximum3DDiameter": 41.2, "original_shape_MinorAxisLength": 21.4}


def sized(volume_mm3: float) -> dict[str, object]:
    return {"sizes": {sequence: TumourSize(volume_mm3, LENGTHS_MM) for sequence in NOW.sizes}}


def earlier() -> StudyMeasured:
    models = tuple(
        one if one.value is None else replace(one, value=one.value - 0.2, low=one.value - 0.3, high=one.value - 0.1)
        for one in NOW.models
    )
    return then(**sized(12300.0), models=models, software="rdeepnet 0.0.9")


@pytest.fixture(scope="module")
def english() -> Report:
    """Compared with one of two earlier studies; the other is named in a note."""
    return report_with(prior(measured=earlier()), prior(days=300), now=replace(NOW, **sized(8100.0)))  # type: ignore[arg-type]


def in_language(english: Report, words: Words) -> Report:
    return with_comparison(replace(MADE.report, notice=words.labels.notice, language=words.language), english)


def section_of(report: Report) -> ChangeSection:
    assert report.change is not None
    return report.change


def texts_of(section: ChangeSection) -> Iterator[str]:
    yield from (section.title, section.interval_shown, *section.columns, *section.sentences)
    for row in section.rows:
        yield from (row.label, row.then_shown, row.now_shown, row.change_shown, row.model_title)


def test_dates_decimals_and_units_are_those_of_the_language(english: Report) -> None:
    german, chinese = (section_of(in_language(english, words)) for words in (GERMAN, CHINESE))
    assert german.title == "Veränderung seit 23.02.2026"
    assert chinese.title == "自 2026年2月23日以来的变化"
    assert (german.interval_shown, chinese.interval_shown) == ("128 Tage", "128 天")
    assert german.columns[1:] == ("23.02.2026", "01.07.2026", "Veränderung")
    first, other = german.rows[0], chinese.rows[0]
    assert (first.label, other.label) == ("Tumorvolumen, T1+C", "肿瘤体积，T1+C")
    assert (first.then_shown, first.change_shown) == ("12,30 cm³", f"−4,20 cm³ (−34{NO_BREAK}%)")
    assert (other.then_shown, other.change_shown) == ("12.30 cm³", "−4.20 cm³ (−34%)")
    expression = german.rows[-1].change_shown, chinese.rows[-1].change_shown
    assert expression == ("+20 Prozentpunkte", "+20 个百分点")
    assert not [text for text in texts_of(german) if re.search(r"\d\.\d\d?\b(?!\.)", text) and "rdeepnet" not in text]


@OTHERS
def test_no_english_word_is_left_and_no_number_changes(english: Report, words: Words) -> None:
    ours, theirs = section_of(in_language(english, words)), section_of(english)
    for text, before in zip(texts_of(ours), texts_of(theirs), strict=True):
        assert english_in(text, words.language) == []
        assert text != before or not re.search(r"[a-z]{5}", before.replace("rdeepnet", "")), text
    numbers = [[(row.then and row.then.value, row.now and row.now.value) for row in one.rows] for one in (ours, theirs)]
    assert numbers[0] == numbers[1]
    assert change_section(theirs.facts) == theirs


@OTHERS
@pytest.mark.parametrize("is_now", [True, False])
def test_an_empty_segment_and_a_model_of_one_study_only(words: Words, is_now: bool) -> None:
    nothing = {"sizes": {sequence: TumourSize(0.0, {}) for sequence in NOW.sizes}}
    fewer = replace(NOW, models=NOW.models[:1])
    if is_now:
        report = report_with(prior(), now=replace(fewer, **nothing))  # type: ignore[arg-type]
    else:
        report = report_with(prior(measured=then(**nothing, models=fewer.models)))
    section = section_of(in_language(report, words))
    labels = words.labels.change
    row = section.rows[0]
    shown = row.now_shown if is_now else row.then_shown
    assert shown == words.say.not_there("0", labels.no_tumour)
    assert (labels.empty_now in section.sentences) is is_now
    assert (labels.empty_then in section.sentences) is not is_now
    (title,) = section.facts.change.only_then if is_now else section.facts.change.only_now
    assert words.say.only_one_computed(words.part(title), is_now=not is_now) in section.sentences


@OTHERS
def test_studies_that_are_not_compared_are_named_in_every_language(english: Report, words: Words) -> None:
    """They were left out of reports in another language than English once."""
    (note,) = (note for note in in_language(english, words).notes if note.code == PRIOR_NOT_USED)
    assert english_in(note.sentence, words.language) == []
    assert not note.sentence.startswith(MARKS)


@OTHERS
def test_the_page_has_the_texts(english: Report, words: Words, tmp_path: Path) -> None:
    require_programs("pdftotext")
    if words.language is Language.CHINESE and not any(Path(file).is_file() for file in fonts.WIDE_FILES):
        pytest.skip("no font with Chinese characters: apt-get install fonts-wqy-microhei")
    report = in_language(english, words)
    typesetter = Typesetter(language=words.language)
    file = tmp_path / "report.pdf"
    file.write_bytes(render_pdf(report, typesetter=typesetter))
    assert typesetter.missing == 0
    done = subprocess.run(["pdftotext", "-f", "2", file, "-"], capture_output=True, text=True, check=True)
    page = re.sub(r"\s", "", done.stdout)
    section = section_of(report)
    for text in (*section.sentences, section.title, words.labels.change.interval, *section.columns):
        assert re.sub(r"\s", "", text) in page


def items(dataset: Dataset) -> Iterator[Dataset]:
    for item in dataset.get("ContentSequence", ()):
        yield item
        yield from items(item)


@pytest.fixture(scope="module")
def answer(english: Report) -> Answer:
    shown = [english, *(in_language(english, words) for words in (GERMAN, CHINESE))]
    return encode(MADE.study, MADE.prepared, english, features_sr=False, shown=shown)


def sr_of(answer: Answer, language: Language, folder: Path) -> Path:
    (found,) = (one for one in answer.objects if one.role is Role.KEY_SR and one.language is language)
    path = folder / f"{language}.dcm"
    path.write_bytes(found.file)
    return path


@OTHERS
def test_the_sr_says_it_and_keeps_codes_and_numbers(
    english: Report, answer: Answer, words: Words, tmp_path: Path
) -> None:
    read = [pydicom.dcmread(sr_of(answer, one, tmp_path)) for one in (words.language, Language.ENGLISH)]
    texts = [item.TextValue for item in items(read[0]) if item.ValueType == "TEXT"]
    section = section_of(in_language(english, words))
    row = section.rows[0]
    assert words.say.change_headline(section.title, section.interval_shown) in texts
    assert words.say.change_line(row.label, row.then_shown, row.now_shown, row.change_shown) in texts
    assert set(section.sentences) <= set(texts)
    numbers = [[item for item in items(one) if item.ValueType == "NUM"] for one in read]
    for ours, theirs in zip(*numbers, strict=True):
        assert ours.MeasuredValueSequence == theirs.MeasuredValueSequence
        assert ours.ConceptNameCodeSequence == theirs.ConceptNameCodeSequence


def test_every_decimal_string_fits(answer: Answer, tmp_path: Path) -> None:
    """The plausible range of the earlier expression is 9.999999999999996 percentage points wide on one side."""
    numbers = [
        item for item in items(pydicom.dcmread(sr_of(answer, Language.ENGLISH, tmp_path))) if item.ValueType == "NUM"
    ]
    exact = [item.MeasuredValueSequence[0].FloatingPointValue for item in numbers]
    assert any(9.99 < value < 10 for value in exact)
    assert all(len(str(item.MeasuredValueSequence[0].NumericValue)) <= 16 for item in numbers)


@pytest.mark.peers
@OTHERS
def test_dciodvfy_finds_no_more_than_in_english(answer: Answer, words: Words, tmp_path: Path) -> None:
    require_programs("dciodvfy")

    def complaints(language: Language) -> set[str]:
        path = sr_of(answer, language, tmp_path)
        done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False, errors="replace")
        return {line for line in done.stderr.splitlines() if line.startswith(("Error", "Warning"))}

    assert complaints(words.language) - complaints(Language.ENGLISH) == set()
