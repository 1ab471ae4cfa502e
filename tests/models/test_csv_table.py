"""Cells that no spreadsheet takes for formulas, read back exactly. Kind: invariant."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from models.csv_table import escaped, lines, rows_of, unescaped
from tests.conftest import ROOT

AWKWARD = "'=+-@;\t\r\n ,\"1.e5a\uff1d"


@given(some.lists(some.lists(some.text(AWKWARD, max_size=8), min_size=2, max_size=3), min_size=1, max_size=3))
def test_what_is_written_is_read_back_and_no_cell_is_a_formula(rows: list[list[str]]) -> None:
    text = "".join(lines(rows))
    assert rows_of(io.StringIO(text, newline="")) == rows
    for row in csv.reader(io.StringIO(text, newline=""), strict=True):
        for cell in row:
            assert cell == "" or cell[0] not in "=@\t\r\n\uff1d"
            assert cell[:1] not in ("+", "-") or float(cell) is not None  # a number, or float raises
            assert ";=" not in cell


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("'=1+1", "''=1+1"),
        ("-", "'-"),
        ("-x", "'-x"),
        ("-0.5", "-0.5"),
        ("+1e5", "+1e5"),
        ("-inf", "-inf"),
        ("O'Neill", "O'Neill"),
        ("a;=b", "a;'=b"),
        ("–", "–"),
    ],
)
def test_escape(cell: str, written: str) -> None:
    assert escaped(cell) == written
    assert unescaped(written) == cell


def test_numbers_keep_all_digits_and_nothing_is_an_empty_cell() -> None:
    assert "".join(lines([[0.1 + 0.2, -1e-300, 7, None, "x"]])) == "0.30000000000000004,-1e-300,7,,x\n"


def test_every_table_of_the_product_is_written_and_read_here() -> None:
    """No other module names csv.writer or csv.reader; pyarrow reads the wide tables, and unescapes their texts."""
    packages = (ROOT / name for name in ("appliance", "dicom_io", "models", "reports"))
    own = ROOT / "models" / "csv_table.py"
    files: list[Path] = [path for folder in packages for path in folder.rglob("*.py") if path != own]
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not any(name in text for name in ("csv.writer", "csv.reader", "csv.Dict", "to_csv")), path
