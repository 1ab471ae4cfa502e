"""`rdeepnet analyse patients` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit
from models.inference.runtime import Provider, load_model
from tests.models.cohort.made_tables import outcome_rows, values, write_features, write_outcomes
from tests.models.patients.made_study import write_study
from tests.models.small_packages import NOTICE, write_small_package

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    features, outcomes, scores = write_study(tmp_path_factory.mktemp("study"))
    return ["-f", str(features), "-y", str(outcomes), "-s", str(scores)]


def test_scores_of_a_table(tables: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = RUNNER.invoke(
        app,
        [
            *("analyse", "patients", *tables, "--excluded", "excluded", "--resamples", "100", "-o", str(out)),
            *("--covariate", "age", "--covariate", "stage=I", "--subgroup", "subtype"),
        ],
    )
    assert result.exit_code == Exit.OK, result.output
    assert "What the score adds beyond clinical covariates" in result.output
    assert "incomplete-cases: training: 2 of 110 patients" in result.output
    written = json.loads((out / "result.json").read_text())
    assert written["analysis"] == "patients"
    assert {name for name in written["files"] if "/" not in name} <= {path.name for path in out.iterdir()}
    assert written["sets"][0]["added_value"]["covariates"] == ["age", "stage"]
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF")


def test_scores_of_a_package_as_json(tmp_path: Path) -> None:
    write_small_package(tmp_path / "package")
    model = load_model(tmp_path / "package", provider=Provider.CPU)
    features = write_features(tmp_path / "features.csv", values())
    outcomes = write_outcomes(tmp_path / "outcomes.csv", outcome_rows(model.score(values())))
    result = RUNNER.invoke(
        app,
        [
            *("analyse", "patients", "-f", str(features), "-y", str(outcomes), "-p", str(tmp_path / "package")),
            *("--resamples", "100", "-o", str(tmp_path / "out"), "--json"),
        ],
    )
    assert result.exit_code == Exit.OK, result.output
    written = json.loads(result.stdout)
    assert written["score"]["cut_off"] == model.package.cut_off
    assert written["score"]["cut_off_rule"] == "package"
    assert written["score"]["notice"] == NOTICE
    assert NOTICE in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert written["sets"][0]["added_value"]["covariates"] == ["subtype"]


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--package", "nowhere"], Exit.USAGE, "nowhere does not exist"),
        (["--cut-off", "best"], Exit.USAGE, "neither median nor optimal"),
        (["--covariate", "stage="], Exit.USAGE, "NAME=REFERENCE"),
        (["--covariate", "height"], Exit.INCOMPLETE, "no clinical column 'height'"),
        (["--covariate", "stage=IV"], Exit.INCOMPLETE, "no level 'IV'; it has I, II, III"),
        (["--training", "nowhere"], Exit.INCOMPLETE, "no cohort 'nowhere'"),
    ],
)
def test_mistakes_end_in_a_sentence(
    tables: list[str], tmp_path: Path, options: list[str], status: Exit, words: str
) -> None:
    out = tmp_path / "out"
    result = RUNNER.invoke(app, ["analyse", "patients", *tables, "--resamples", "100", "-o", str(out), *options])
    assert result.exit_code == status
    assert words in " ".join(result.output.split())
    assert not out.exists()


def test_a_scorer_is_needed(tables: list[str], tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["analyse", "patients", *tables[:4], "-o", str(tmp_path / "out")])
    assert result.exit_code == Exit.USAGE
    assert "one of --package and --scores was expected" in " ".join(result.output.split())
