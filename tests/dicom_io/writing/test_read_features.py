"""Reading the features back out of a report, from content trees built by hand as earlier versions wrote them."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from typer.testing import CliRunner

from appliance.cli import app
from dicom_io.errors import NotReadable
from dicom_io.writing.read_features import read_answer
from models.features.table import Feature
from tests.dicom_io.writing.test_read_answer import code, conclusion, content, group, number, report

LONG = "t1c_peritumoral_wavelet-LLH_gldm_LargeDependenceHighGrayLevelEmphasis"
HASH = "F976279C38FE8"  # first 12 hexadecimal digits of `printf %s LONG | sha256sum`, coreutils 9.1


def coded(name: tuple[str, str], value: tuple[str, str], relationship: str = "CONTAINS") -> pydicom.Dataset:
    item = content("CODE", code(*name, "name"), relationship=relationship)
    item.ConceptCodeSequence = [code(*value, "value")]
    return item


def feature(name: tuple[str, str], value: str, *below: pydicom.Dataset) -> pydicom.Dataset:
    item = number("label", value, *below)
    item.ConceptNameCodeSequence = [code(*name, "label")]
    return item


def region(sequence: tuple[str, str], *numbers: pydicom.Dataset) -> pydicom.Dataset:
    return group(
        "Shell",
        content("IMAGE", code("121191", "DCM", "Referenced Segment")),
        coded(("121071", "DCM"), ("PERITUMORAL", "99RDEEPNET")),
        feature(("118565006", "SCT"), "1200"),
        *numbers,
        coded(("SEQUENCE", "99RDEEPNET"), sequence),
    )


def test_hashes_and_sequences_of_earlier_versions_are_known(tmp_path: Path) -> None:
    old = region(("SEQ_T1C", "99RDEEPNET"), feature((HASH, "99RDEEPNET"), "2.5"), feature(("ACUI", "IBSI"), "3.5"))
    answers, read = read_answer(report(tmp_path / "sr.dcm", old))
    assert answers == ()
    assert read.unknown == ()
    assert read.features == (
        Feature(LONG, 2.5, "1", None),
        Feature("t1c_peritumoral_original_glcm_Contrast", 3.5, "1", "ACUI"),
    )


def test_a_filtered_feature_has_no_code_of_ibsi_in_the_table(tmp_path: Path) -> None:
    modifiers = [
        coded(("FILTER", "99RDEEPNET"), ("25BO", "IBSI"), "HAS CONCEPT MOD"),
        coded(("SUBBAND", "99RDEEPNET"), ("LLH", "99RDEEPNET"), "HAS CONCEPT MOD"),
    ]
    new = region(("110805", "DCM"), feature(("9QMG", "IBSI"), "2.5", *modifiers))
    _, read = read_answer(report(tmp_path / "sr.dcm", new))
    assert read.features == (Feature(LONG.replace("t1c", "t2w"), 2.5, "1", None),)


def test_codes_of_another_version_are_named_and_fail_the_command(tmp_path: Path) -> None:
    new = region(("110805", "DCM"), feature(("ZZZZ", "IBSI"), "1"), feature(("ACUI", "IBSI"), "2"))
    path = report(tmp_path / "sr.dcm", new)
    _, read = read_answer(path)
    assert (len(read.features), read.unknown) == (1, ("label",))
    result = CliRunner().invoke(app, ["read-sr", str(path)])
    assert result.exit_code == 1
    assert "1 number has a code that this version does not know, and is left out: label" in result.stderr


def test_a_report_without_result_has_answers_only(tmp_path: Path) -> None:
    path = report(tmp_path / "sr.dcm", group("Model", conclusion("Group", "Indeterminate")))
    answers, read = read_answer(path)
    assert ([answer.model for answer in answers], read.features) == (["Model"], ())


@pytest.mark.parametrize(
    ("make_bad", "sentence"),
    [
        (lambda path: path.write_text("no DICOM"), r"sr\.dcm cannot be read as DICOM"),
        (lambda path: report(path, group("Lesion", number("Length", "12"))), "no measurement group of rdeepnet"),
        (lambda path: report(path, group("Broken", content("NUM", code("X", "Y", "Z")))), "is damaged"),
    ],
    ids=["no DICOM", "of others", "damaged"],
)
def test_what_is_no_answer_is_refused_with_a_sentence(make_bad: object, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "sr.dcm"
    assert callable(make_bad)
    make_bad(path)
    with pytest.raises(NotReadable, match=sentence):
        read_answer(path)
    result = CliRunner().invoke(app, ["read-sr", str(path)])
    assert result.exit_code == 1


def test_a_table_of_another_kind_is_a_mistake_in_the_command_line(tmp_path: Path) -> None:
    path = report(tmp_path / "sr.dcm", region(("110805", "DCM"), feature(("ACUI", "IBSI"), "2")))
    result = CliRunner().invoke(app, ["read-sr", str(path), "--out", str(tmp_path / "features.parquet")])
    assert result.exit_code == 2
    assert not (tmp_path / "features.parquet").exists()
