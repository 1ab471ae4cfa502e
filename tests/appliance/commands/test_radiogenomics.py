"""`rdeepnet analyse radiogenomics` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.analyse.radiogenomics import TiesName
from appliance.commands.exit_status import Exit
from models.cohort.features import read_features
from models.cohort.outcomes import read_outcomes
from models.cohort.patients import join
from models.omics.set_scores import Ties
from tests.models.omics.made_cohort import make_cohort, write_cohort
from tests.models.small_packages import input_names

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cohort(tmp_path_factory.mktemp("cohort"), make_cohort())


def line(cohort: Path, out: Path, *more: str) -> list[str]:
    return [
        *("analyse", "radiogenomics", "-e", str(cohort / "tpm.csv"), "--values", "tpm", "--strand", "reverse"),
        *("-s", str(cohort / "scores.csv"), "-o", str(out), *more),
    ]


def test_everything_from_tables(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    more = ["-y", str(cohort / "outcomes.csv"), "-f", str(cohort / "features.csv"), "--permutations", "100"]
    more += ["--cells", str(cohort / "cells.gmt"), "--gene-sets", str(cohort / "pathways.gmt")]
    result = RUNNER.invoke(app, line(cohort, out, *more))
    assert result.exit_code == Exit.OK, result.output
    assert "Lists and chance" in result.stdout
    assert "60 patients are analysed" in result.stdout
    found = json.loads((out / "result.json").read_text())
    assert set(found["files"]) <= {path.relative_to(out).as_posix() for path in out.rglob("*")}
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF")
    # The labels are outcomes that training takes with the features.
    joined = join(read_features(cohort / "features.csv"), read_outcomes(out / "krt7-as.csv"))
    assert joined.krt7_as_high.sum() == 30


def test_expression_and_scores_alone(cohort: Path, tmp_path: Path) -> None:
    features = tmp_path / "list.csv"
    features.write_text("\n".join(("feature", *input_names()[1:3])) + "\n")
    more = ["--json", "--fdr", "--ties", "row-order", "--gene-cut", "600", "-f", str(cohort / "features.csv")]
    result = RUNNER.invoke(app, line(cohort, tmp_path / "out", *more, "--feature-list", str(features)))
    assert result.exit_code == Exit.OK, result.output
    found = json.loads(result.stdout)
    assert found["settings"]["cut"] == 600
    assert found["gene_in_depth"]["features"]["tested"] == 2
    assert "0 of 0 followed patients" in found["gene_in_depth"]["survival"]["reason"]


def test_mistakes_are_sentences(cohort: Path, tmp_path: Path) -> None:
    for more, status, words in (
        (["--lncrna", "XIST"], Exit.INCOMPLETE, "None of the 600 genes is called 'XIST'"),
        (["--gene-cut", "high"], Exit.USAGE, "neither median nor optimal"),
        (["--gene-cut", "1e9"], Exit.INCOMPLETE, "Give another cut"),
        (["--cells", str(cohort / "scores.csv")], Exit.INCOMPLETE, "has no tab"),
    ):
        result = RUNNER.invoke(app, line(cohort, tmp_path / "out", *more))
        assert result.exit_code == status
        assert words in " ".join(result.stderr.split())
        assert not (tmp_path / "out").exists()


def test_options_offer_what_there_is() -> None:
    assert set(get_args(TiesName)) == set(Ties)
