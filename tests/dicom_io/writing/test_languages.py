"""SR and PDF in another language: sentences change; codes, numbers, segments and their UIDs do not. Kind: mechanics."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import pydicom
import pytest
from pydicom import Dataset

from appliance.peer_settings import Destination
from appliance.state.outbox import Outgoing, Results
from dicom_io.answer import Answer, AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.writing.encode import encode
from dicom_io.writing.notice import make_notice
from reports.language import Language
from reports.languages.languages import CHINESE, GERMAN, WORDS
from reports.languages.words import Words
from tests.conftest import require_programs
from tests.dicom_io.made_studies import NOTICE, Made, header, make

LANGUAGE = ("121049", "DCM")


@pytest.fixture(scope="module")
def made() -> Made:
    return make()


@pytest.fixture(scope="module")
def answer(made: Made) -> Answer:
    """English for the site, the others for destinations."""
    shown = [made.report]
    shown += [replace(made.report, notice=words.labels.notice, language=words.language) for words in (GERMAN, CHINESE)]
    return encode(made.study, made.prepared, made.report, features_sr=True, shown=shown)


def only(answer: Answer, role: Role, language: Language | None) -> AnswerObject:
    (found,) = (one for one in answer.objects if one.role is role and one.language is language)
    return found


def items(dataset: Dataset, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Dataset]]:
    for place, item in enumerate(dataset.get("ContentSequence", ())):
        yield (*path, place), item
        yield from items(item, (*path, place))


def test_each_language_has_its_sr_and_pdf_and_all_share_the_segments(answer: Answer) -> None:
    made = [(one.role, one.language, one.is_default) for one in answer.objects]
    assert made == [
        (Role.SEG_T1C, None, True),
        (Role.SEG_T2W, None, True),
        *(
            (role, language, language is Language.ENGLISH)
            for language in WORDS
            for role in (Role.KEY_SR, Role.FEATURES_SR, Role.PDF)
        ),
    ]
    assert len({one.sop_instance_uid for one in answer.objects}) == len(answer.objects)
    assert len({str(one.dataset.SeriesInstanceUID) for one in answer.objects}) == len(answer.objects)


def test_english_alone_is_the_same_as_before(made: Made, answer: Answer) -> None:
    alone = encode(made.study, made.prepared, made.report, features_sr=True)
    assert [one.file for one in alone.objects] == [one.file for one in answer.objects if one.is_default]


def without_children(item: Dataset) -> list[pydicom.DataElement]:
    return [element for element in item if element.keyword != "ContentSequence"]


@pytest.mark.parametrize("words", [GERMAN, CHINESE], ids=lambda words: words.language)
def test_codes_and_numbers_are_those_of_the_english_sr(answer: Answer, words: Words) -> None:
    english, other = (only(answer, Role.KEY_SR, one).dataset for one in (Language.ENGLISH, words.language))
    ours, theirs = dict(items(other)), dict(items(english))
    assert set(ours) == set(theirs)
    for path, item in theirs.items():
        if item.ValueType == "CODE" and item.ConceptNameCodeSequence[0].CodeValue == LANGUAGE[0]:
            continue
        if item.ValueType == "TEXT":
            assert ours[path].ConceptNameCodeSequence == item.ConceptNameCodeSequence
        else:
            assert without_children(ours[path]) == without_children(item)


@pytest.mark.parametrize("words", [GERMAN, CHINESE], ids=lambda words: words.language)
def test_the_sr_names_its_language(answer: Answer, words: Words) -> None:
    """Row 2 of TID 1500, by TID 1204; the meaning of the code is English, as of every code."""
    dataset = only(answer, Role.KEY_SR, words.language).dataset
    (item,) = (one for one in dataset.ContentSequence if one.ConceptNameCodeSequence[0].CodeValue == LANGUAGE[0])
    assert item.RelationshipType == "HAS CONCEPT MOD"
    code = item.ConceptCodeSequence[0]
    assert (code.CodeValue, code.CodingSchemeDesignator) == (words.language.tag, "RFC5646")
    assert code.CodeMeaning == words.language.in_english
    assert dataset.SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.parametrize("words", [GERMAN, CHINESE], ids=lambda words: words.language)
def test_texts_are_read_back(answer: Answer, words: Words, tmp_path: Path) -> None:
    path = tmp_path / "sr.dcm"
    path.write_bytes(only(answer, Role.KEY_SR, words.language).file)
    texts = [str(item.TextValue) for _, item in items(pydicom.dcmread(path)) if item.ValueType == "TEXT"]
    assert words.labels.notice in texts
    label = words.labels.provenance_labels["Software"]
    assert any(text.startswith(f"{label}: ") for text in texts)
    assert isinstance(hd.sr.srread(path), hd.sr.Comprehensive3DSR)


@pytest.mark.peers
@pytest.mark.parametrize("words", [GERMAN, CHINESE], ids=lambda words: words.language)
def test_dciodvfy_finds_no_more_than_in_english(answer: Answer, words: Words, tmp_path: Path) -> None:
    require_programs("dciodvfy")

    def complaints(language: Language, role: Role) -> set[str]:
        path = tmp_path / f"{language}-{role}.dcm"
        path.write_bytes(only(answer, role, language).file)
        done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False, errors="replace")
        return {line for line in done.stderr.splitlines() if line.startswith(("Error", "Warning"))}

    for role in (Role.KEY_SR, Role.PDF):
        more = complaints(words.language, role) - complaints(Language.ENGLISH, role)
        assert more == set()


@pytest.mark.peers
def test_dcmtk_prints_the_texts(answer: Answer, tmp_path: Path) -> None:
    require_programs("dsrdump")
    path = tmp_path / "sr.dcm"
    path.write_bytes(only(answer, Role.KEY_SR, Language.CHINESE).file)
    printed = subprocess.run(["dsrdump", "+Pl", path], capture_output=True, text=True, check=True).stdout
    assert "仅供研究使用" in printed


def test_a_notice_in_another_language_is_another_object() -> None:
    made = [
        make_notice(header(), replace(NOTICE, language=language), laterality="L", after="") for language in Language
    ]
    assert len({one.sop_instance_uid for one in made}) == len(Language)
    assert {str(one.dataset.ImageComments) for one in made} == {str(made[0].dataset.ImageComments)}


def test_a_destination_takes_its_language_and_others_that_of_the_site(answer: Answer) -> None:
    listed = Results(json.loads(json.dumps(Outgoing(answer, ()).listed("job")))).objects()
    assert [(one.role, one.language, one.is_default) for one in listed] == [
        (one.role, one.language, one.is_default) for one in answer.objects
    ]
    pacs = Destination(name="pacs", ae_title="PACS", host="pacs")
    clinic = replace(pacs, name="clinic", language=Language.GERMAN)
    for destination, language in ((pacs, Language.ENGLISH), (clinic, Language.GERMAN)):
        assert [(one.role, one.language) for one in destination.chosen(listed)] == [
            (Role.SEG_T1C, None),
            (Role.SEG_T2W, None),
            *((role, language) for role in (Role.KEY_SR, Role.FEATURES_SR, Role.PDF)),
        ]


def test_results_of_an_earlier_version_go_to_every_destination() -> None:
    old = {"file": "1.dcm", "role": "key_sr", "sop_class_uid": "1", "sop_instance_uid": "2", "series_instance_uid": "3"}
    (item,) = Results({"objects": [old]}).objects()
    pacs = Destination(name="pacs", ae_title="PACS", host="pacs")
    assert pacs.chosen([item]) == (item,)
    assert replace(pacs, language=Language.GERMAN).chosen([item]) == (item,)


def test_what_is_in_the_language_of_the_site_alone_goes_to_every_destination(answer: Answer) -> None:
    pacs = Destination(name="pacs", ae_title="PACS", host="pacs")
    chinese, german = replace(pacs, language=Language.CHINESE), replace(pacs, language=Language.GERMAN)
    notice = make_notice(header(), replace(NOTICE, language=Language.GERMAN), laterality="L", after="")
    for destination in (pacs, chinese, german):
        assert destination.chosen([notice]) == (notice,)
    older = tuple(one for one in answer.objects if one.language is not Language.GERMAN)  # before the setting
    assert [one.language for one in german.chosen(older) if one.role is Role.KEY_SR] == [Language.ENGLISH]
    assert {one.role for one in german.chosen(older)} == {one.role for one in pacs.chosen(older)}
