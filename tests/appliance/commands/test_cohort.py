"""`rdeepnet cohort check`, `cohort simulate` and `evaluate` as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit
from models.cohort.features import read_features
from models.cohort.outcomes import read_outcomes
from models.cohort.patients import join
from models.inference.runtime import Provider, load_model
from models.simulation.cohort import Truth
from models.simulation.files import write_simulated_cohort
from tests.models.cohort.made_tables import COUNT, outcome_rows, values, write_features, write_outcomes
from tests.models.small_packages import NOTICE, write_small_package

RUNNER = CliRunner()


@pytest.fixture
def tables(tmp_path: Path) -> list[str]:
    write_small_package(tmp_path / "package")
    model = load_model(tmp_path / "package", provider=Provider.CPU)
    features = write_features(tmp_path / "features.csv", values())
    outcomes = write_outcomes(tmp_path / "outcomes.csv", outcome_rows(model.score(values())))
    return ["--features", str(features), "--outcomes", str(outcomes)]


def test_check_of_a_good_cohort(tables: list[str]) -> None:
    result = RUNNER.invoke(app, ["cohort", "check", *tables])
    assert (result.exit_code, result.output) == (Exit.OK, "No problem was found.\n")


def test_check_lists_refusals(tables: list[str]) -> None:
    outcomes = Path(tables[3])
    outcomes.write_text(outcomes.read_text().replace("0003,training,", "0003,training,-"))
    result = RUNNER.invoke(app, ["cohort", "check", *tables])
    assert result.exit_code == Exit.INCOMPLETE
    assert "refused  time-not-positive: outcomes.csv: row 4 has a time of zero or below" in result.output
    as_json = RUNNER.invoke(app, ["cohort", "check", "--json", *tables])
    assert [one["code"] for one in json.loads(as_json.output)["refusals"]] == ["time-not-positive"]


def test_evaluate_refuses_what_check_refuses(tables: list[str], tmp_path: Path) -> None:
    outcomes = Path(tables[3])
    outcomes.write_text(outcomes.read_text().replace("0003,training,", "0003,training,-"))
    out = tmp_path / "out"
    result = RUNNER.invoke(app, ["evaluate", str(tmp_path / "package"), *tables, "--out", str(out)])
    assert result.exit_code == Exit.INCOMPLETE
    assert "time-not-positive" in result.output
    assert not out.exists()


def test_evaluate_writes_three_reports(tables: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["evaluate", str(tmp_path / "package"), *tables, "--out", str(out), "--resamples", "100"]
    result = RUNNER.invoke(app, command)
    assert result.exit_code == Exit.OK, result.output
    assert sorted(path.name for path in out.iterdir()) == ["evaluation.html", "evaluation.json", "evaluation.pdf"]
    read = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert [one["cohort"] for one in read["recurrence"] if one["subgroup"] is None] == ["training", "testing"]
    assert read["model"]["notice"] == NOTICE
    assert NOTICE in result.output
    assert (out / "evaluation.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("options", "message"), [(["--time-unit", "weeks"], "weeks"), (["--column", "time"], "names no column")]
)
def test_wrong_options_are_named(tables: list[str], options: list[str], message: str) -> None:
    result = RUNNER.invoke(app, ["cohort", "check", *tables, *options])
    assert result.exit_code != Exit.OK
    assert message in result.output


def test_simulated_cohort_is_a_cohort(tmp_path: Path) -> None:
    sizes = {"training": 40, "validation": 10, "testing": 10}
    features, outcomes = write_simulated_cohort(tmp_path, truth=Truth.STRONG, seed=3, sizes=sizes)
    table = join(read_features(features), read_outcomes(outcomes))
    assert len(table) == 60
    assert len(table.features.names) == 3452
    assert set(table.clinical) == {"subtype", "therapy", "centre", "krt7_as_tpm"}
    refused = RUNNER.invoke(app, ["cohort", "simulate", "--out", str(tmp_path), "--truth", "wild"])
    assert refused.exit_code == Exit.USAGE


def test_score_writes_a_table_without_outcomes(tables: list[str], tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    result = RUNNER.invoke(app, ["score", str(tmp_path / "package"), *tables[:2], "--out", str(out)])
    assert result.exit_code == Exit.OK, result.output
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(
        "id,score,group,rfs_12_months,rfs_24_months,rfs_36_months,range_low,range_high,validity,reasons,familiar,"
    )
    assert len(lines) == 1 + COUNT
    # Random features of one scale are far from the package's training patients: no score is shown.
    scored = sum(line.split(",")[1] != "" for line in lines[1:])
    assert f"{scored} of {COUNT} patients scored by recurrence 0.1.0 ({NOTICE})" in result.output


def test_score_refuses_before_it_loads_anything(tables: list[str], tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["score", str(tmp_path / "package"), *tables[:2], "--out", str(tmp_path / "s.xlsx")])
    assert result.exit_code == Exit.INCOMPLETE
    assert "a .csv or .parquet file was expected" in result.output
