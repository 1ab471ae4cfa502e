"""`rdeepnet cohort check`, `cohort simulate` and `evaluate` as a user calls them."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit
from models.cohort.features import read_features
from models.cohort.outcomes import read_outcomes
from models.cohort.patients import join
from models.inference.runtime import Provider, load_model
from models.simulation.cohort import Truth
from models.simulation.files import write_simulated_cohort
from tests.conftest import ROOT
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
    assert result.exit_code == Exit.OK
    first, *lines = result.output.splitlines()
    assert first == (
        f"{COUNT} patients are in both tables: of {COUNT} rows of features 0 have no outcome, of {COUNT} rows of "
        "outcomes 0 have no features."
    )
    assert lines[-2:] == ["Nothing is missing.", "No problem was found."]


def time_of_half(rows: list[tuple[float, bool]]) -> float:
    """Reverse Kaplan-Meier by its definition: the first time at which at most half are still followed."""
    share = 1.0
    for time in sorted({time for time, _ in rows}):
        at_risk = sum(other >= time for other, _ in rows)
        share *= 1 - sum(other == time and is_censored for other, is_censored in rows) / at_risk
        if share <= 0.5:
            return time
    raise AssertionError("the median is not reached")


def test_check_says_what_is_in_the_tables(tables: list[str]) -> None:
    """Counted here from the text of the file."""
    outcomes = Path(tables[3])
    header, *rows = [line.split(",") for line in outcomes.read_text(encoding="utf-8").splitlines()]
    assert header == ["id", "cohort", "time_months", "event", "subtype", "krt7_as_high"]
    rows[0][0] = "elsewhere"  # without features; the features of 0000 then have no outcome
    rows[1][2] = rows[1][3] = ""
    rows[2][4] = ""
    outcomes.write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n", encoding="utf-8")
    shown = RUNNER.invoke(app, ["cohort", "check", *tables])
    found = json.loads(RUNNER.invoke(app, ["cohort", "check", "--json", *tables]).stdout)
    joined = rows[1:]
    assert (found["feature_rows"], found["outcome_rows"], found["joined"]) == (COUNT, COUNT, COUNT - 1)
    assert found["only_features"] == found["only_outcomes"] == 1
    assert found["missing"] == {"time": 1, "event": 1, "subtype": 1}
    assert found["without_some_features"] == 0
    assert "Missing: time of 1, event of 1, subtype of 1 of 159 patients." in shown.stdout
    for cohort in found["cohorts"]:
        own = [row for row in joined if row[1] == cohort["name"]]
        times = sorted(float(row[2]) for row in own if row[2])
        assert (cohort["patients"], cohort["times_known"]) == (len(own), len(times))
        assert cohort["events"] == sum(row[3] == "1" for row in own)
        assert (cohort["shortest_months"], cohort["longest_months"]) == (times[0], times[-1])
        assert cohort["median_months"] == pytest.approx(statistics.median(times))
        followed = [(float(row[2]), row[3] == "0") for row in own if row[2] and row[3]]
        assert cohort["follow_up_months"] == pytest.approx(time_of_half(followed))
        assert cohort["krt7_as_high"] == sum(row[5] == "1" for row in own)
        (line,) = [line for line in shown.stdout.splitlines() if line.split()[:1] == [cohort["name"]]]
        assert line.split()[1:3] == [str(cohort["patients"]), str(cohort["events"])]
    schema = json.loads((ROOT / "docs" / "views.schema.json").read_text(encoding="utf-8"))
    validator = Draft202012Validator({"$ref": "#/$defs/cohort_check", "$defs": schema["$defs"]})
    assert list(validator.iter_errors(found)) == []
    for key in found:
        assert not validator.is_valid({other: value for other, value in found.items() if other != key})


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
    package = str(tmp_path / "package")
    command = ["evaluate", package, *tables, "--out", str(out), "--resamples", "100", "--compare", package]
    result = RUNNER.invoke(app, command)
    assert result.exit_code == Exit.OK, result.output
    found = sorted(path.name for path in out.iterdir())
    assert found == ["comparison.csv", "evaluation.html", "evaluation.json", "evaluation.pdf", "figures"]
    assert "recurrence less recurrence, harrell_c: 0.00" in result.output
    figures = [path.name for path in (out / "figures").iterdir()]
    assert "forest-harrell-c.svg" in figures
    assert {Path(name).stem for name in figures if name.endswith(".svg")} == {
        Path(name).stem for name in figures if name.endswith(".pdf")
    }
    read = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert [one["cohort"] for one in read["recurrence"] if one["subgroup"] is None] == ["training", "testing"]
    assert read["model"]["notice"] == NOTICE
    assert NOTICE in result.output
    assert (out / "evaluation.pdf").read_bytes().startswith(b"%PDF-")


def test_evaluate_without_small_cells(tables: list[str], tmp_path: Path) -> None:
    command = ["evaluate", str(tmp_path / "package"), *tables, "--resamples", "100", "--out", str(tmp_path / "out")]
    result = RUNNER.invoke(app, [*command, "--suppress-below", "5"])
    assert result.exit_code == Exit.OK, result.output
    read = json.loads((tmp_path / "out" / "evaluation.json").read_text(encoding="utf-8"))
    assert "cells-suppressed" in {note["code"] for note in read["quality_notes"]}
    counts = [
        cell
        for one in read["recurrence"]
        for cell in (
            *(one["patients"], one["events"], one["patients"] - one["events"]),
            *(one["risk_groups"][side][what] for side in ("high", "low") for what in ("patients", "events")),
            *(horizon[what] for horizon in one["horizons"] for what in ("events", "followed_beyond")),
            *(
                group[what]
                for horizon in one["horizons"]
                for group in horizon["calibration"]
                for what in ("patients", "events")
            ),
        )
    ]
    assert counts
    assert not [count for count in counts if count in (1, 2, 3, 4)]
    # Above every count there is.
    assert RUNNER.invoke(app, [*command, "--suppress-below", "1000"]).exit_code == Exit.INCOMPLETE
    assert RUNNER.invoke(app, [*command, "--suppress-below", "1"]).exit_code == Exit.USAGE


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
    assert result.exit_code == Exit.USAGE
    assert "a .csv or .parquet file was expected" in result.output


def test_a_doubt_about_outcomes_is_overruled_by_its_name(tmp_path: Path) -> None:
    numbers = values(60)
    features = write_features(tmp_path / "features.csv", numbers)
    rows = outcome_rows(numbers[:, 0])
    for row in rows:
        row[2] = str(float(row[2]) / 12)
    outcomes = write_outcomes(tmp_path / "outcomes.csv", rows)
    line = ["cohort", "check", "--features", str(features), "--outcomes", str(outcomes)]
    refused = CliRunner().invoke(app, line)
    assert refused.exit_code == 1
    assert "time-looks-like-years" in refused.output
    taken = CliRunner().invoke(app, [*line, "--overrule", "time-looks-like-years"])
    assert taken.exit_code == 0, taken.output
    assert "Overruled:" in " ".join(taken.output.split())
    assert CliRunner().invoke(app, [*line, "--overrule", "no-such-doubt"]).exit_code == 2
