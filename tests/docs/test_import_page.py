"""The page for researchers with features of their own: its commands run as they stand. Kind: mechanics."""

from __future__ import annotations

import contextlib
import csv
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit
from models.importing.schema import ColumnRole, read_schema
from tests.conftest import ROOT
from tests.models.importing.made_sources import FEATURES, pyradiomics_header, pyradiomics_row, write_table

PAGE = ROOT / "docs" / "how-to" / "import-features.md"
PATIENTS = 130
# The page trains with all checks; one training is enough to see that its command is right.
ONCE = ("--outer-folds", "0", "--permutations", "0", "--refits", "0", "--device", "cpu")


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def write_tables(folder: Path) -> None:
    """radiomics.csv of PyRadiomics and outcomes.csv: one feature carries the risk."""
    rng = np.random.default_rng(11)
    values = rng.normal(size=(PATIENTS, len(FEATURES)))
    rows = [pyradiomics_row([f"P{n:03d}"], n, values[n].tolist()) for n in range(PATIENTS)]
    write_table(folder / "radiomics.csv", pyradiomics_header("PatientID"), rows)
    event, censored = rng.exponential(40 * np.exp(-1.5 * values[:, 0])), rng.uniform(20, 80, PATIENTS)
    cohorts = ["training" if n < 0.8 * PATIENTS else "test" for n in range(PATIENTS)]
    write_table(
        folder / "outcomes.csv",
        ("id", "cohort", "time_months", "event"),
        (
            (f"P{n:03d}", cohorts[n], f"{max(min(event[n], censored[n]), 0.1):.2f}", int(event[n] <= censored[n]))
            for n in range(PATIENTS)
        ),
    )


def test_the_commands_of_the_page_lead_to_a_package_and_its_evaluation(tmp_path: Path) -> None:
    write_tables(tmp_path)
    lines = [line for block in blocks("console") for line in block.splitlines()]
    assert len(lines) == 7
    with contextlib.chdir(tmp_path):
        for line in lines:
            dollar, program, *arguments = shlex.split(line)
            assert (dollar, program) == ("$", "rdeepnet")
            more = ONCE if arguments[0] == "train" else ("--resamples", "100") if arguments[0] == "evaluate" else ()
            result = CliRunner().invoke(app, [*arguments, *more])
            assert result.exit_code == Exit.OK, (line, result.output)
    evaluation = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())
    assert {one["cohort"] for one in evaluation["recurrence"]} == {"training", "test"}
    with (tmp_path / "scores.csv").open(newline="") as stream:
        assert sum(row["score"] != "" for row in csv.DictReader(stream)) > 0.8 * PATIENTS
    # Of the third command the schema is the guess of the second: the same columns by another name of their place.
    assert (tmp_path / "features.csv").read_text().startswith("patient,image_roi_original_firstorder_")


def test_the_schema_of_the_page_is_one(tmp_path: Path) -> None:
    (text,) = blocks("text")
    (tmp_path / "schema.toml").write_text(text)
    schema = read_schema(tmp_path / "schema.toml")
    assert schema.columns["ER"].values == {"negative": 0.0, "positive": 1.0}
    assert schema.columns["ADC_mean"].sequence == "adc"
    assert {rule.role for rule in schema.columns.values()} == set(ColumnRole)


@pytest.mark.parametrize(
    "words", ["not runnable by the appliance: its inputs come from elsewhere", "none written by Slicer"]
)
def test_the_page_says_what_does_not_work_and_was_not_tried(words: str) -> None:
    assert words in " ".join(PAGE.read_text(encoding="utf-8").split())
