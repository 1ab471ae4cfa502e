"""The contact sheet of a draft in every language: texts, glyphs, PDF/A; its objects. Kind: mechanics."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pikepdf
import pytest

from models.volume import Sequence, Volume
from reports import fonts
from reports.draft.contact_sheet import DraftPictures, contact_sheet
from reports.draft.words import DRAFT_WORDS
from reports.language import Language
from reports.languages.languages import WORDS
from reports.pdf.theme import Typesetter
from tests.conftest import require_programs
from tests.reports import examples
from tests.reports.languages.test_findings import english_in

CREATED = datetime(2026, 7, 3, 14, 25, tzinfo=UTC)
SHAPE = (6, 40, 40)
OTHERS = [language for language in Language if language is not Language.ENGLISH]


def pictures(language: Language) -> DraftPictures:
    draft, strokes = np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)
    draft[1:4, 10:22, 12:30], strokes[2, 14:18, 16:24] = True, True
    affine = np.array([[0, 0, 1.25, 0], [0, 1.25, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])
    voxels = np.arange(float(np.prod(SHAPE)), dtype=np.float32).reshape(SHAPE)
    return DraftPictures(
        subject=examples.report().subject,
        sequence=Sequence.T1C,
        image=Volume(affine=affine, voxels=voxels),
        draft=draft,
        strokes=strokes,
        method=("grow-cut from strokes", "1"),
        made_from="phase 2 minus phase 1; phase 5 is the late one",
        created=CREATED,
        language=language,
    )


def needs_font(language: Language) -> None:
    if language is Language.CHINESE and not any(Path(file).is_file() for file in fonts.WIDE_FILES):
        pytest.skip("no font with Chinese characters: apt-get install fonts-wqy-microhei")


@pytest.mark.parametrize("language", Language)
def test_the_sheet_is_in_its_language(language: Language, tmp_path: Path) -> None:
    require_programs("pdftotext")
    needs_font(language)
    typesetter = Typesetter(language=language)
    made = contact_sheet(pictures(language), typesetter=typesetter)
    assert typesetter.missing == 0
    file = tmp_path / "sheet.pdf"
    file.write_bytes(made)
    with pikepdf.open(file) as pdf:
        assert str(pdf.Root.Lang) == language.tag
        assert str(pdf.docinfo["/Title"]) == DRAFT_WORDS[language].title
    done = subprocess.run(["pdftotext", file, "-"], capture_output=True, text=True, check=True)
    text, words = re.sub(r"\s", "", done.stdout), DRAFT_WORDS[language]
    volume = WORDS[language].say.volume(3 * 12 * 18 * 2.0 * 1.25**2)
    for said in (
        words.title,
        words.strip,
        words.legend,
        words.what_to_do,
        words.slices_shown(3, 2, 4, 6),
        words.extent_shown("6 × 15 × 22"),
        words.painted_shown(1, "3"),
        words.slice_shown(3) + words.is_painted,
        words.slice_shown(1) + words.is_empty,
        words.method_shown("grow-cut from strokes", "1"),
        volume,
        WORDS[language].labels.research_use_only,
    ):
        assert re.sub(r"\s", "", said) in text, said
    assert contact_sheet(pictures(language)) == made


@pytest.mark.parametrize("language", OTHERS)
def test_the_sheet_is_pdf_a(language: Language, tmp_path: Path) -> None:
    pdfa = pytest.importorskip("pikepdf.pdfa", reason="pikepdf[pdfa] is not installed")
    needs_font(language)
    file = tmp_path / "sheet.pdf"
    file.write_bytes(contact_sheet(pictures(language)))
    assert pdfa.validate_written(file, "2b").findings == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_english_sentence_is_left(language: Language) -> None:
    words, english = DRAFT_WORDS[language], DRAFT_WORDS[Language.ENGLISH]
    for field in dataclasses.fields(words):
        said = getattr(words, field.name)
        if isinstance(said, str):
            assert said != getattr(english, field.name) or field.name == "between", field.name
            assert english_in(said, language) == []
    for part in ("the image alone", "phase 2 minus phase 1", "phase 5 is the late one"):
        assert english_in(WORDS[language].part(part), language) == []
        assert WORDS[language].part(part) != part
