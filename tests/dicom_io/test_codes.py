"""Coded concepts: stable, unique and readable. Kind: regression, invariant."""

from __future__ import annotations

import csv
import re

import pytest

from dicom_io import codes
from dicom_io.conformance.code_table import HEADER, code_rows
from models.csv_table import unescaped
from models.volume import Region, Sequence
from reports.content import Measurement
from tests.conftest import ROOT
from tests.dicom_io.made_studies import features, model_sections, subject


def published() -> list[tuple[str, ...]]:
    """Rows of the table that the documentation has."""
    with (ROOT / "docs" / "reference" / "sr-codes.csv").open(encoding="utf-8", newline="") as stream:
        return [tuple(map(unescaped, row)) for row in csv.reader(stream)]


def test_a_published_code_keeps_its_value_and_meaning() -> None:
    """Reports in archives have these codes: rows are added, never changed."""
    header, *rows = published()
    assert tuple(header) == HEADER
    now = set(code_rows())
    assert [row for row in rows if row not in now] == [], "changed or gone: give the new thing a code of its own"
    assert sorted(now - set(rows)) == [], "new: python -m dicom_io.conformance.code_table > docs/reference/sr-codes.csv"


def test_every_code_is_of_one_thing_and_fits() -> None:
    _, *rows = published()
    codes_of = [(value, scheme) for _, _, value, scheme, _ in rows]
    assert len(set(codes_of)) == len(codes_of) > 200
    assert all(0 < len(value) <= codes.LONGEST_VALUE for value, _ in codes_of)
    assert all(len(row[4]) <= codes.LONGEST_MEANING for row in rows)
    private = [value for value, scheme in codes_of if scheme == codes.PRIVATE_SCHEME]
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", value) for value in private)
    hexadecimal = re.compile(r"(?=.*[0-9])[A-Z][0-9A-F]{12}")
    assert not [value for value in private if hexadecimal.fullmatch(value)]


def test_the_horizon_stands_beside_its_code() -> None:
    section = model_sections(features(Sequence.T1C, Region.INTRATUMORAL, count=12))[0]
    made = [codes.quantity(row) for row in section.measurements]
    assert [code.value for code in made] == ["RECURRENCE_SCORE", "RFS", "RFS", "RFS", "CUT_OFF"]
    assert [code.meaning for code in made[1:4]] == [f"Recurrence-free survival at {n} months" for n in (12, 24, 36)]


def test_a_number_that_no_model_gives_is_a_defect() -> None:
    row = Measurement(key="another", label="Another", value=1.0, unit="1", shown="1")
    with pytest.raises(ValueError, match="'another' has no code"):
        codes.quantity(row)


def test_the_group_speaks_the_words_of_the_report() -> None:
    risk, krt7 = model_sections(features(Sequence.T1C, Region.INTRATUMORAL, count=12))
    assert (codes.group(risk).value, codes.group(risk).meaning) == ("15508007", "High risk")
    assert (codes.group(krt7).value, codes.group(krt7).meaning) == ("KRT7_AS_LOW", "Low expression of KRT7-AS")
    assert codes.question(risk) != codes.question(krt7)


def test_a_unit_that_is_not_in_the_table_means_itself() -> None:
    assert codes.unit("mm3").meaning == "cubic millimeter"
    assert codes.unit("mm4").meaning == "mm4"


@pytest.mark.parametrize(("laterality", "code"), [("L", "7771000"), ("R", "24028007"), ("B", "51440002")])
def test_laterality(laterality: str, code: str) -> None:
    side = codes.side(subject(laterality=laterality))
    assert side is not None
    assert side.value == code


def test_no_laterality_is_none() -> None:
    assert codes.side(subject(laterality="")) is None
