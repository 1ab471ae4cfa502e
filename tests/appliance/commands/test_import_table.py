"""`rdeepnet import`: what it prints and writes, and one sentence for everything that is wrong. Kind: mechanics."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit
from tests.appliance.test_json_views import mistakes
from tests.models.importing.made_sources import SETTINGS, write_pyradiomics, write_table

RUNNER = CliRunner()


def changed(path: Path, row: int, column: str, text: str) -> None:
    """One cell replaced; row 1 is the first below the header."""
    with path.open(newline="") as stream:
        header, *rows = csv.reader(stream)
    rows[row - 1][header.index(column)] = text
    write_table(path, header, rows)


def refused(*line: object) -> str:
    """The one sentence with which a command refuses its data."""
    result = RUNNER.invoke(app, ["import", *map(str, line)])
    assert result.exit_code == Exit.INCOMPLETE, result.output
    (sentence,) = result.stderr.splitlines()
    assert sentence.endswith((".", ")"))
    return sentence


def test_what_was_brought_in_and_what_stayed_out_is_said(tmp_path: Path) -> None:
    source, out = write_pyradiomics(tmp_path / "r.csv"), tmp_path / "f.csv"
    with source.open(newline="") as stream:
        header, *rows = csv.reader(stream)
    write_table(source, [*header, "relapse"], [[*row, "1"] for row in rows])
    result = RUNNER.invoke(app, ["import", str(source), "--out", str(out), "--sequence", "t1c", "--region", "tumour"])
    assert result.exit_code == Exit.OK, result.output
    assert "Left out: 1 column that is no feature of pyradiomics (relapse)" in result.stderr
    assert "4 patients, 20 columns: t1c tumour (20); software PyRadiomics 3.0.1, settings" in result.stdout
    assert out.read_text().startswith("patient,t1c_tumour_original_firstorder_10Percentile,")
    shown = RUNNER.invoke(app, ["import", str(source), "--out", str(out), "--json"])
    document = json.loads(shown.stdout)
    assert mistakes("import", document) == []
    assert (document["patients"], document["columns"], document["left_out"]) == (4, 20, ["relapse"])


def test_a_guess_is_a_schema_that_import_takes(tmp_path: Path) -> None:
    source, schema = write_pyradiomics(tmp_path / "r.csv"), tmp_path / "schema.toml"
    shown = RUNNER.invoke(app, ["import", str(source), "--guess"])
    assert RUNNER.invoke(app, ["import", str(source), "--guess", "--out", str(schema)]).exit_code == Exit.OK
    assert schema.read_text() == shown.stdout
    result = RUNNER.invoke(app, ["import", str(source), "--schema", str(schema), "--out", str(tmp_path / "f.csv")])
    assert result.exit_code == Exit.OK, result.output
    document = json.loads(RUNNER.invoke(app, ["import", str(source), "--guess", "--json"]).stdout)
    assert mistakes("import", document) == []
    assert document["schema"] == shown.stdout


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ([], "name the table to write"),
        (["--out", "f.csv", "--schema", "SOURCE", "--guess"], "takes no --guess"),
        (["--out", "f.xlsx"], ".csv or .parquet was expected"),
    ],
)
def test_a_wrong_line_is_usage(tmp_path: Path, line: list[str], words: str) -> None:
    source = str(write_pyradiomics(tmp_path / "r.csv"))
    result = RUNNER.invoke(app, ["import", source, *(source if one == "SOURCE" else one for one in line)])
    assert result.exit_code == Exit.USAGE, result.output
    assert words in " ".join(result.stderr.split())


CELLS = {
    "text for a number": (2, "original_glcm_Contrast", "high", "'high', which is no number"),
    "decimal comma": (2, "original_glcm_Contrast", "0,25", "a number with a comma; decimal points alone"),
    "infinite": (2, "original_glcm_Contrast", "inf", "row 2 is infinite"),
    "no patient": (2, "PatientID", "", "no patient in row 2"),
    "same patient": (2, "PatientID", "P000", "row 1 and row 2 have the same patient"),
    "other settings": (
        3,
        "diagnostics_Configuration_Settings",
        SETTINGS.replace("25", "5"),
        "row 1 and row 3 were made with different settings: binWidth (25 and 5)",
    ),
}


@pytest.mark.parametrize("case", CELLS)
def test_a_wrong_cell_is_named(tmp_path: Path, case: str) -> None:
    row, column, text, words = CELLS[case]
    source = write_pyradiomics(tmp_path / "r.csv")
    changed(source, row, column, text)
    assert words in refused(source, "--out", tmp_path / "f.csv")
    assert not (tmp_path / "f.csv").exists()


def test_wrong_tables(tmp_path: Path) -> None:
    out = ("--out", tmp_path / "f.csv")
    copies = write_pyradiomics(tmp_path / "copies.csv", changes={2: 0})
    assert "row 1 and row 3 are the same row twice" in refused(copies, *out)

    same_name = write_pyradiomics(tmp_path / "names.csv")
    for row in (1, 2):
        changed(same_name, row, "Image", "image.nrrd")
        changed(same_name, row, "PatientID", "P1")
    assert "the same patient and image name and two different images" in refused(same_name, *out)
    assert "two different images" in refused(same_name, *out, "--id", "Image")

    for name, content, words in (
        ("pipes.csv", "a|b\n1|2\n", "has one column"),
        ("ragged.csv", "ID,original_glcm_Contrast\nP1,0,25\n", "row 1 has 3 cells, the header 2. A decimal comma"),
        ("empty.csv", "", "has one column"),
        ("header.csv", "ID,original_glcm_Contrast\n", "no row below its header"),
        ("twice.csv", "ID,a,a\n1,2,3\n", "the column 'a' more than once"),
        ("nameless.csv", "ID,,a\n1,2,3\n", "column 2 has no name"),
        ("table.xlsx", "x", "Save the table as CSV"),
        ("other.csv", "ID,mean\n1,2\n", "of no program that is known"),
        ("slicer.csv", "Feature Class,Feature Name,Seg\nglcm,Contrast,1\n", "has no column 'Image type'"),
    ):
        (tmp_path / name).write_text(content)
        assert words in refused(tmp_path / name, *out), name
    (tmp_path / "utf16.csv").write_bytes("ID,mean\n1,2\n".encode("utf-16"))
    assert "is not text in UTF-8" in refused(tmp_path / "utf16.csv", *out)
    assert "has no column 'Nobody'" in refused(write_pyradiomics(tmp_path / "r.csv"), *out, "--id", "Nobody")
    assert "--sequence or --region" in refused(tmp_path / "r.csv", *out, "--sequence", "T1 C")
    (tmp_path / "b").mkdir()
    assert "the same name" in refused(tmp_path / "r.csv", write_pyradiomics(tmp_path / "b" / "r.csv"), *out)
    assert "tables of one program" in refused(tmp_path / "r.csv", tmp_path / "other.csv", *out)


def test_wrong_schemas(tmp_path: Path) -> None:
    source, schema = write_pyradiomics(tmp_path / "r.csv"), tmp_path / "s.toml"
    good = RUNNER.invoke(app, ["import", str(source), "--guess"]).stdout
    line = (source, "--schema", schema, "--out", tmp_path / "f.csv")
    column = '"original_glcm_Contrast" = { role = "feature" }'
    for old, new, words in (
        (column, "", "has 1 column that the schema does not name (first: 'original_glcm_Contrast')"),
        (column, f'{column}\n"more" = {{ role = "feature" }}', "lacks 1 column of the schema (first: 'more')"),
        (column, column.replace("Contrast", "Id"), "is not valid TOML"),
        (column, column.replace("}", ', feature = "original_glcm_Id" }'), "by the schema; each was expected once"),
        (
            'every = "image"',
            'column = "Mask"\nvalues = { t1c = "*t1*" }',
            "fits none of t1c; each row needs one sequence",
        ),
    ):
        schema.write_text(good.replace(old, new, 1))
        assert words in refused(*line), new
    for old, new, words in (
        ('role = "feature"', 'role = "featur"', 'did you mean "feature"?'),
        ('every = "image"', "", "has no sequence"),
        ('patient = "PatientID"', 'patient = "PatientID"\npatient_pattern = "P"', "expected one, which is the patient"),
        ('every = "image"', 'every = "T1_C"', "lower-case letters"),
    ):
        schema.write_text(good.replace(old, new, 1))
        result = RUNNER.invoke(app, ["import", *map(str, line)])
        assert result.exit_code == Exit.INCOMPLETE
        assert words in " ".join(result.stderr.split()), new
    schema.write_text(good.replace('patient = "PatientID"', 'patient = "PatientID"\npatient_pattern = "P0*([1-9])"', 1))
    assert "patient_pattern fits nothing in the column 'PatientID' of row 1" in refused(*line)
