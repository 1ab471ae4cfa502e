"""The conformance statement says what the code does. Kind: mechanics."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.multival import MultiValue
from typer.testing import CliRunner

import dicom_io
from appliance.cli import app
from dicom_io import codes
from dicom_io.answer import Answer
from dicom_io.carried_values import TREATMENTS
from dicom_io.conformance.created_attributes import MODULES, Presence, presence
from dicom_io.network import accepted_classes, receive, storage_classes
from dicom_io.writing.encode import encode
from dicom_io.writing.notice import make_notice
from dicom_io.writing.patient_modules import CARRIED
from dicom_io.writing.required_attributes import KINDS
from tests.dicom_io.made_studies import NOTICE, REPLACED, REPLACEMENT, make

FILE = Path(dicom_io.__file__).with_name("CONFORMANCE.md")


def written(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["config", "conformance", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_file_is_what_the_code_says() -> None:
    assert FILE.read_text(encoding="utf-8") == written(), "write it again with make conformance, and look at the change"


def test_a_site_gets_its_own_values(tmp_path: Path) -> None:
    settings = tmp_path / "site.toml"
    settings.write_text('[service]\nae_title = "BREAST_AI"\nport = 4242\n[delivery]\ntimeout_s = 17.0\n')
    text = written("--config", str(settings))
    assert "`BREAST_AI`" in text
    assert "| Port of RECEIVER | 4242 |" in text
    assert "| 17 s (configurable) |" in text
    assert "`RDEEPNET`" not in text


def test_every_context_and_status_of_the_receiver_is_stated() -> None:
    text = written()
    for context in receive.supported_contexts():
        assert f"| {context.abstract_syntax} |" in text
    for sop_class in (*accepted_classes.INPUT_CLASSES, *storage_classes.other_classes()):
        assert f"| {sop_class} |" in text
    for syntax in accepted_classes.TRANSFER_SYNTAXES:
        assert f"| {syntax} |" in text
    for status in receive.Status:
        assert f"| 0x{status:04X} |" in text


def test_every_decision_on_a_value_that_is_not_allowed_is_stated_and_about_a_carried_attribute() -> None:
    text = written()
    for keyword, treatment in TREATMENTS.items():
        name = dictionary_description(tag_for_keyword(keyword) or 0)
        assert f"| {name} | {treatment.repair} | {treatment.otherwise} |" in text
    assert set(TREATMENTS) <= CARRIED


@pytest.fixture(scope="module")
def answer() -> Answer:
    made = make()
    report = replace(made.report, replaces=REPLACEMENT)
    answer = encode(made.study, made.prepared, report, features_sr=True, key_images=True, replaced=REPLACED)
    notice = make_notice(made.study.header, NOTICE, laterality="", after="")
    return replace(answer, objects=(*answer.objects, notice))


def test_every_attribute_of_an_object_is_listed_with_its_presence(answer: Answer) -> None:
    for item in answer.objects:
        kind = item.sop_class_uid
        present = {element.keyword for element in item.dataset}
        listed = {keyword for module in MODULES if kind in module.kinds for keyword in module.sources}
        assert present <= listed, f"{item.role}: {sorted(present - listed)} are not listed"
        demanded = {keyword for keyword in listed if presence(keyword, [kind]) is not Presence.NOT_ALWAYS}
        assert demanded <= present
        always = {keyword for keyword in listed if presence(keyword, [kind]) is Presence.ALWAYS}
        assert not [keyword for keyword in always if item.dataset[keyword].is_empty]


def test_what_is_stated_as_fixed_is_in_the_objects(answer: Answer) -> None:
    checked = 0
    for item in answer.objects:
        for module in MODULES:
            for keyword, source in module.sources.items() if item.sop_class_uid in module.kinds else ():
                if match := re.fullmatch(r"`(.+)`", source):
                    value = item.dataset[keyword].value
                    shown = "\\".join(value) if isinstance(value, MultiValue) else str(value)
                    assert shown == match[1], keyword
                    checked += 1
                elif source == "empty":
                    assert item.dataset[keyword].is_empty, keyword
    assert checked > 40


def test_every_carried_attribute_is_listed_as_carried() -> None:
    listed = {keyword for module in MODULES for keyword, source in module.sources.items() if source == "source images"}
    assert listed == CARRIED


def test_every_code_of_an_object_is_in_the_statement(answer: Answer) -> None:
    text = written()
    stated = set(re.findall(r"^\| ([A-Z0-9_]+) \| .+ \|$", text, re.MULTILINE))
    stated |= set(re.findall(r"^\| \w+ \| ([A-Z0-9_]+) \| 99RDEEPNET \| .+ \|$", text, re.MULTILINE))
    by_rule = {"THRESHOLD"}  # the identifier of a note in capitals, as the statement says
    found = set()
    for item in answer.objects:
        for code in private_values(item.dataset):
            found.add(code)
            assert code in stated | by_rule, code
    assert len(found) > 20


def private_values(dataset: object) -> set[str]:
    """Values of private codes at any depth."""
    values: set[str] = set()
    for element in dataset:  # type: ignore[attr-defined]
        if element.VR == "SQ":
            for item in element.value:
                if item.get("CodingSchemeDesignator") == codes.PRIVATE_SCHEME and "CodeValue" in item:
                    values.add(str(item.CodeValue))
                values |= private_values(item)
    return values


def test_no_private_code_has_two_meanings() -> None:
    values = [code.value for code in codes.private_codes()]
    assert len(values) == len(set(values))
    assert all(len(value) <= codes.LONGEST_VALUE for value in values)


def test_every_required_attribute_of_a_root_is_listed() -> None:
    text = FILE.read_text(encoding="utf-8")
    for module in MODULES:
        for keyword in module.sources:
            tag = tag_for_keyword(keyword)
            assert tag is not None
            assert f"| {dictionary_description(tag)} | ({tag >> 16:04X},{tag & 0xFFFF:04X}) |" in text
    assert set(KINDS) == {kind for module in MODULES for kind in module.kinds}
