"""The commands that train: from tables to a package that verifies, and what they refuse."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit
from models.acquisition import AcquisitionRange, SeveralTumours
from models.features.settings import FeatureSettings
from models.inference.package import load_package
from models.simulation.cohort import Truth, simulate_cohort
from models.simulation.feature_shape import generic_shape
from models.volume import Region, Sequence
from tests.appliance.test_json_views import mistakes
from tests.models.cohort.made_tables import outcome_rows, values, write_features, write_outcomes
from tests.models.small_packages import grey_level_names

RUNNER = CliRunner()
SIZES = {"training": 250, "testing": 30}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """features.csv, outcomes.csv and counts.csv of a small simulated cohort."""
    folder = tmp_path_factory.mktemp("tables")
    names = tuple(f"{s}_{r}_{name}" for s in Sequence for r in Region for name in grey_level_names(15))
    cohort = simulate_cohort(generic_shape(names, blocks=20, seed=3), truth=Truth.STRONG, seed=5, sizes=SIZES)
    ids = [f"P{number:03d}" for number in range(len(cohort.values))]
    origin = [FeatureSettings().digest(), "own 1", "own N4"]
    with (folder / "features.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        acquired = ["acquisition_t1c_slice_mm", "acquisition_t1c_thickness_mm", "acquisition_t2w_field_strength_t"]
        writer.writerow(
            ["patient", *names, *acquired, "settings_digest", "engine", "bias_correction", "several_tumours"]
        )
        for number, (name, row) in enumerate(zip(ids, cohort.values, strict=True)):
            sizes = ["1.5" if number % 2 else "2", "2.5" if number == 7 else "", ""]
            writer.writerow([name, *map(repr, row.tolist()), *sizes, *origin, "largest"])
    with (folder / "outcomes.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "cohort", "time_months", "event"])
        rows = zip(ids, cohort.split, cohort.times_months, cohort.events, strict=True)
        writer.writerows([name, split, repr(float(t)), int(e)] for name, split, t, e in rows)
    with (folder / "counts.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["gene", "length", *ids])
        writer.writerows([f"g{number}", 1000, *([500] * len(ids))] for number in range(150))
        writer.writerow(["KRT7-AS", 800, *np.round(100 * cohort.krt7_as_tpm).astype(int)])
    return folder


@pytest.mark.slow
def test_recurrence_from_tables_to_a_signed_package(tables: Path, tmp_path: Path) -> None:
    package, statements = tmp_path / "site", tmp_path / "statements.toml"
    template = RUNNER.invoke(app, ["train", "statements"]).stdout
    statements.write_text(template.replace('ethics = ""', 'ethics = "Approved."'), encoding="utf-8")
    result = RUNNER.invoke(
        app,
        [
            "train",
            "recurrence",
            "-f",
            str(tables / "features.csv"),
            "-y",
            str(tables / "outcomes.csv"),
            "-o",
            str(package),
            "--cut-off",
            "optimal",
            "--permutations",
            "1",
            "--divisions",
            "1",
            "--device",
            "cpu",
            "--statements",
            str(statements),
        ],
    )
    assert result.exit_code == Exit.OK, result.output
    assert "Penalised Cox model" in result.stdout
    shown = json.loads(RUNNER.invoke(app, ["models", "show", str(package), "--json"]).stdout)
    assert (shown["name"], shown["patients"], shown["statements"]["ethics"]) == ("site", SIZES["training"], "Approved.")
    images = load_package(package).images
    assert images.several_tumours is SeveralTumours.LARGEST
    assert images.ranges == {Sequence.T1C: AcquisitionRange(slice_mm=(1.5, 2.5))}  # of T2W nothing is stated
    card = (package / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "T1+C images: slices 1.5 to 2.5 mm." in card
    assert "Several tumours of one patient: the largest was taken." in card
    assert "not evaluated on patients" in shown["notice"]
    assert (shown["engine"], shown["bias_correction"]) == ("own 1", "own N4")
    key = tmp_path / "key.pem"
    assert RUNNER.invoke(app, ["models", "make-key", str(key)]).exit_code == Exit.OK
    assert RUNNER.invoke(app, ["models", "verify", str(package), "--key", f"{key}.pub"]).exit_code == Exit.SETUP
    assert RUNNER.invoke(app, ["models", "sign", str(package), "--key", str(key)]).exit_code == Exit.OK
    verified = RUNNER.invoke(app, ["models", "verify", str(package), "--key", f"{key}.pub"])
    assert verified.exit_code == Exit.OK
    assert "signed by a trusted key" in verified.stdout
    assert shown["digest"] in verified.stdout


@pytest.mark.slow
def test_krt7_as_from_counts(tables: Path, tmp_path: Path) -> None:
    result = RUNNER.invoke(
        app,
        [
            "train",
            "krt7-as",
            "-f",
            str(tables / "features.csv"),
            "--counts",
            str(tables / "counts.csv"),
            "-o",
            str(tmp_path / "krt7"),
            "--permutations",
            "0",
            "--divisions",
            "1",
            "--sequence",
            "t1c",
            "--search",
            "2",
            "--json",
        ],
    )
    assert result.exit_code == Exit.OK, result.output
    said = json.loads(result.stdout)
    assert mistakes("train", said) == []
    assert [one for one in said["quality_notes"] if one["sentence"].startswith("2 recipes were tried")]
    assert said["model"]["name"] == "krt7"
    shown = json.loads(RUNNER.invoke(app, ["models", "show", str(tmp_path / "krt7"), "--json"]).stdout)
    assert shown["sequences"] == ["T1+C"]
    assert "held-out loss" in shown["search"]["trial_2"]
    assert 0.45 < shown["events"] / shown["patients"] <= 0.5  # counts are whole, so some are equal to the median
    assert "TPM of KRT7-AS (the median of the training patients)" in shown["trained_on"]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["--recipe", "best"], Exit.USAGE, "not one of 'ensemble', 'low-dimensional', 'paper'"),
        (["--recipe", "paper", "--search", "3"], Exit.USAGE, "the recipe 'paper' is fixed"),
        (["--refits", "3"], Exit.USAGE, "0 or at least 6 were expected"),
        (["--cut-off", "high"], Exit.USAGE, "neither a number nor optimal"),
        (["--sequence", "adc"], Exit.USAGE, "not one of t1c, t2w"),
        (["--cohort", "validation"], Exit.INCOMPLETE, "There is no cohort 'validation'"),
        (["--device", "tpu"], Exit.USAGE, "not one of 'auto', 'cpu', 'cuda'"),
    ],
)
def test_wrong_options_are_refused(
    tables: Path, tmp_path: Path, arguments: list[str], status: Exit, sentence: str
) -> None:
    given = ["-f", str(tables / "features.csv"), "-y", str(tables / "outcomes.csv"), "-o", str(tmp_path / "out")]
    result = RUNNER.invoke(app, ["train", "recurrence", *given, *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == status
    assert sentence in result.output
    assert not (tmp_path / "out").exists()


def test_outcomes_or_counts_not_both(tables: Path, tmp_path: Path) -> None:
    given = ["-f", str(tables / "features.csv"), "-o", str(tmp_path / "out")]
    assert RUNNER.invoke(app, ["train", "krt7-as", *given]).exit_code == Exit.USAGE


@pytest.mark.parametrize(
    ("events", "command", "sentence"),
    [
        (3, "recurrence", "10 events are needed for 5 folds in 5 folds; of the 40 training patients 3 had one"),
        (3, "krt7-as", "25 patients of each class are needed for 5 folds in 5 folds"),
    ],
)
def test_data_that_cannot_be_trained_on_are_no_wrong_installation(
    tmp_path: Path, events: int, command: str, sentence: str
) -> None:
    features = write_features(tmp_path / "features.csv", values(40))
    made = outcome_rows(values(40)[:, 0])
    rows = [[row[0], "training", row[2], str(int(n < events)), *row[4:]] for n, row in enumerate(made)]
    outcomes = write_outcomes(tmp_path / "outcomes.csv", rows)
    given = ["--features", str(features), "--outcomes", str(outcomes), "--out", str(tmp_path / "package")]
    result = RUNNER.invoke(app, ["train", command, *given, "--permutations", "0", "--refits", "0"])
    assert result.exit_code == Exit.INCOMPLETE
    assert sentence in " ".join(result.stderr.split())
