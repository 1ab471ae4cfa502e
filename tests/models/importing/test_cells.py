"""Cells, headers and names that ordinary programs write. Kind: regression; each was read wrongly or not at all."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from models.cohort.outcomes import read_cells as outcomes_of
from models.errors import CohortRejected
from models.importing.cell_numbers import is_number, numbers
from models.importing.cells import Cells, read_cells
from models.importing.provenance import differing
from models.importing.schema import ColumnRole
from models.importing.tables import guessed_schema, read_tables


def cells(folder: Path, content: str, *, name: str = "table.csv") -> Cells:
    path = folder / name
    path.write_bytes(content.encode())
    return read_cells(path)


def test_a_text_that_the_schema_states_is_no_empty_cell(tmp_path: Path) -> None:
    table = cells(tmp_path, "ID,chemo\nP1,None\nP2,Yes\nP3,\n")
    first, second, third = numbers(table, "chemo", {"None": 0.0, "Yes": 1.0})
    assert (first, second) == (0.0, 1.0)
    assert math.isnan(third)


def test_an_eigenvalue_of_pyradiomics_is_its_real_part(tmp_path: Path) -> None:
    table = cells(tmp_path, "ID,MCC,other\nP1,(0.5+0j),(0.5+0.1j)\nP2,(0.25-1e-17j),1\n")
    assert numbers(table, "MCC") == [0.5, 0.25]
    with pytest.raises(CohortRejected, match="no number"):
        numbers(table, "other")


def test_an_underscore_is_no_separator_of_thousands(tmp_path: Path) -> None:
    assert not is_number("1_000")
    with pytest.raises(CohortRejected, match="'1_000', which is no number"):
        numbers(cells(tmp_path, "ID,a\nP1,1_000\n"), "a")


def test_a_header_of_any_length_and_any_line_ends(tmp_path: Path) -> None:
    names = [f"feature_with_a_long_name_that_a_program_made_of_its_settings_{number:05d}" for number in range(2500)]
    row = ",".join("1" for _ in names)
    assert len(cells(tmp_path, f"ID,{','.join(names)}\nP1,{row}\n").header) == 2502
    assert cells(tmp_path, "ID;a\rP1;1\rP2;2\r").rows[1][:2] == ("P2", "2")
    assert cells(tmp_path, 'ID,"Age\n(years)"\r\nP1,50\r\n').header[1] == "Age (years)"


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *((name, ColumnRole.IGNORE) for name in ("OS.time", "RFS.months", "Survival.Time", "vital.status", "pCR")),
        *((name, ColumnRole.CLINICAL) for name in ("ER.status", "age", "T_stage")),
    ],
)
def test_names_of_outcomes_are_known_with_dots_and_capitals(tmp_path: Path, name: str, role: ColumnRole) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"ID,original_firstorder_Mean,{name}\nP1,1,0\nP2,2,1\n", encoding="utf-8")
    table, program = read_tables([path])
    assert guessed_schema(table, program).schema.columns[name].role is role


def test_settings_differ_also_where_one_is_none_and_the_other_absent() -> None:
    assert differing({"binWidth": 25, "sigma": None}, {"binWidth": 25}) == "sigma (None and not stated)"


def test_what_a_terminal_obeys_is_no_part_of_a_name(tmp_path: Path) -> None:
    table = cells(tmp_path, "ID,a\x1b[2Jge\nP1\x1b]0;owned\x07,50\nP\u202e2,60\n")
    assert (table.header[:2], [row[0] for row in table.rows]) == (("ID", "age"), ["P1", "P2"])
    outcomes = tmp_path / "outcomes.csv"
    outcomes.write_text("id,group\nP1\x1b[2J,a\x9bmb\n", encoding="utf-8")
    assert outcomes_of(outcomes) == (["id", "group"], [["P1", "ab"]])


def test_another_encoding_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.csv"
    path.write_text("id,time\nP1,5\n", encoding="utf-16")
    for read in (read_cells, outcomes_of):
        with pytest.raises(CohortRejected, match=r"outcomes.csv is not text in UTF-8 .*save it as CSV in UTF-8"):
            read(path)
