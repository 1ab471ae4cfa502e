"""Every sentence of the closed lists is said in every language, and no phrase outlives its English. Kind: mechanics.

`sentences.csv` holds, for each quality note and reason that can reach a report about a patient, sentences as the code
words them (collected from the tests of the rooms that make them, or copied from there). Whoever adds an identifier, or
words one anew, is told here which phrase is missing.
"""

from __future__ import annotations

import ast
import csv
import re
from datetime import date
from functools import cache

import pytest

from models.inference.change import Obstacle
from reports.change import OBSTACLES, archive_not_asked, not_used_note
from reports.change_facts import NotCompared
from reports.language import Language
from reports.languages.findings.phrase import slots
from reports.languages.findings.translate import PHRASES, match
from reports.languages.languages import CHINESE, ENGLISH, GERMAN, WORDS
from reports.notice.content import REASONS as NOTICE_REASONS
from tests.conftest import ROOT
from tests.dicom_io.test_note_codes import OTHER_TEXTS, identifiers

MARKS = ("(Englisch)", "（英文）")
OTHERS = (GERMAN, CHINESE)
# Identifiers without a sentence of their own in a report about a patient.
WITHOUT = {
    "few-events": "a verdict on a package, for evaluations and tables of scores",
    "few-patients": "the same",
    "not-computable": "its sentence is an error message, which stays English",
    "tumour-lost": "the same",
    "grow-cut": "a method",
    "half-way": "a method",
    "log-risk": "a scale",
    "semi-automatically": "a word",
    "csd-code": "a tag of a private element",
    "content-type": "a header of HTTP",
    "latin-1": "an encoding",
    "no-tumour": "a reason of a notice",
    "transaction-response": "a type of a FHIR bundle",
    "grid-wrap": "an argument of scipy",
}
# Notes that quote an error message or names; the rest of their sentences is translated.
QUOTING = {"sequence-left-out", "tumour-segments-unusable"}


def examples() -> list[tuple[str, str]]:
    """(identifier, sentence)."""
    path = ROOT / "tests" / "reports" / "languages" / "sentences.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        return [(row["code"], row["sentence"]) for row in csv.DictReader(lines)]


@pytest.mark.parametrize("words", OTHERS, ids=lambda words: words.language)
def test_every_sentence_is_translated(words: object) -> None:
    assert isinstance(words, type(ENGLISH))
    for code, sentence in examples():
        said = words.said(sentence)
        assert said != sentence, sentence
        if code not in QUOTING:
            assert not any(mark in said for mark in MARKS), f"{code}: no phrase for {sentence!r}"
            assert english_in(said, words.language) == [], f"{code}: {said!r} of {sentence!r}"


_WORDS = {
    Language.GERMAN: r"\b(the|were|are|and|of|to|slices?|not|with|has|have|been|which|that)\b",
    Language.CHINESE: r"\b(the|was|were|is|are|and|of|to|slices?|not|with|has|have|been|which|that)\b",
}


def english_in(said: str, language: Language) -> list[str]:
    """English words outside quoted names and terms of DICOM."""
    said = re.sub(r"'[^']*'|\"[^\"]*\"|“[^”]*”|Frames? of Reference|out of fold", "", said)
    return re.findall(_WORDS[language], said)


def test_every_identifier_has_an_example() -> None:
    known = {code for code, _ in examples()} | {*WITHOUT, *OBSTACLES, *OTHER_TEXTS}
    assert sorted({*identifiers()} - known) == [], "a line in sentences.csv was expected"


def test_an_identifier_that_is_gone_has_no_example() -> None:
    assert {code for code, _ in examples()} <= {*identifiers(), "sequence-missing"}


def test_a_translation_has_the_gaps_of_the_english_text() -> None:
    for phrase in PHRASES:
        for said in (phrase.de, phrase.zh):
            assert slots(said) == phrase.gaps, said
        assert phrase.de != phrase.en or phrase.zh != phrase.en


# Pieces of a phrase that the code puts together of shorter ones.
COMPOSED = frozenset(
    {
        "by whom is not stated on",
        "mm around the tumour and the",
        "of the box of the tumour and the",
        "of the rarer class for about",
        "oblique coronal slice",
        "oblique sagittal slice",
        "voxels needs more memory than",
    }
)


@cache
def texts_of_the_code() -> str:
    """Every text in the rooms that word something, the parts of an f-string one after the other."""
    found: list[str] = []
    for room in (
        "models",
        "dicom_io",
        "appliance/service",
        "reports/notice",
        "reports/compose.py",
        "reports/wording.py",
        "reports/page_words.py",
        "reports/change.py",
    ):
        path = ROOT / room
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            found += [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    found += [file.read_text(encoding="utf-8") for file in (ROOT / "models" / "packages").glob("*/manifest.toml")]
    return "\n".join(found).casefold()


def test_the_english_text_of_a_phrase_is_still_in_the_code() -> None:
    """A sentence that was worded anew leaves a phrase behind that fits nothing."""
    code = texts_of_the_code()
    stale: list[str] = []
    for phrase in PHRASES:
        for literal in phrase.literals:
            pieces = [piece.strip() for piece in re.split(r"[.:;,()]|\bexpected\b", literal)]
            long = (piece for piece in pieces if len(piece) >= 20 and piece not in COMPOSED)
            stale.extend(f"{piece!r} of {phrase.en!r}" for piece in long if piece.casefold() not in code)
    assert stale == []


def test_the_headings_of_the_notices_are_phrases() -> None:
    for row in NOTICE_REASONS.values():
        assert match(f"{row.heading[0].lower()}{row.heading[1:]}") is not None, row.heading


@pytest.mark.parametrize("obstacle", Obstacle)
def test_every_obstacle_of_a_comparison_is_translated(obstacle: Obstacle) -> None:
    for day in (date(2026, 3, 4), None):
        sentence = not_used_note(NotCompared(day, obstacle)).sentence
        for words in OTHERS:
            assert english_in(words.said(sentence), words.language) == []
            assert not words.said(sentence).startswith(MARKS)
    assert not any(words.said(archive_not_asked().sentence).startswith(MARKS) for words in OTHERS)


def test_an_unknown_sentence_stays_english_and_says_so() -> None:
    sentence = "Nobody has written this sentence before, 1.5 mm."
    assert GERMAN.said(sentence) == f"(Englisch) {sentence}"
    assert CHINESE.said(sentence) == f"（英文）{sentence}"
    assert ENGLISH.said(sentence) == sentence


def test_a_name_stays_as_it_is() -> None:
    assert (
        GERMAN.part("AX T1 DYN +C 2.5") != "AX T1 DYN +C 2.5"
    )  # a text outside quotes has the decimals of the language
    assert GERMAN.part('segment 1 "Tumour 2.5" (Neoplasm)') == 'Segment 1 "Tumour 2.5" (Neoplasm)'
    assert GERMAN.said(
        "The features were computed by 'own 1.0'; those of the training patients of 'a' by 'b 3.0.1'."
    ) == ("Die Merkmale wurden mit 'own 1.0' berechnet, die der Trainingspatientinnen von 'a' mit 'b 3.0.1'.")


def test_numbers_agree_with_their_nouns() -> None:
    one, two = (
        f"The tumour on T1+C has {text} inside its extent (slice 3): frames of the segmentation may be missing."
        for text in ("1 empty slice", "2 empty slices")
    )
    assert "1 leere Schicht " in GERMAN.said(one)
    assert "2 leere Schichten " in GERMAN.said(two)


def test_several_sentences_are_translated_one_by_one() -> None:
    said = "The segmentation on T1+C cannot be a breast tumour. It measures 8,190 cm³; at most 500 cm³ was expected."
    assert GERMAN.said(said) == (
        "Die Segmentierung auf T1+C kann kein Brusttumor sein. Volumen 8.190 cm³; erwartet wurde höchstens 500 cm³."
    )
    assert CHINESE.said(said) == "T1+C 上的分割不可能是乳腺肿瘤。体积为 8,190 cm³；预期不超过 500 cm³。"


def test_every_language_has_its_words() -> None:
    assert set(WORDS) == set(Language)
    assert [words.language for words in WORDS.values()] == list(WORDS)
