"""A package trained on an imported table: marked, refused by the appliance, used on tables of the same schema.

Kind: mechanics.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit
from appliance.offline.recipe import run_recipe
from appliance.settings import load_settings
from appliance.workbench import open_workbench
from dicom_io.rules import Assignment
from models.errors import PackageInvalid
from models.features.columns import ColumnKind
from models.inference.package import NOT_RUNNABLE, load_package
from tests.models.cohort.made_tables import values, write_features
from tests.models.importing.made_sources import write_table

RUNNER = CliRunner()
PATIENTS = 140
HEADER = ("ID", "adc_mean", "Age", "ER")


def schema(folder: Path, *, unit: str = "um2/s", settings: str = "params.yaml of 2021") -> Path:
    """A schema of the table: a feature of a sequence that the appliance does not know, and two clinical variables."""
    path = folder / f"schema_{unit.replace('/', '-')}.toml"
    path.write_text(
        f"""
        format = "table"
        patient = "ID"
        [provenance]
        settings = "{settings}"
        [columns]
        ID = {{ role = "ignore" }}
        adc_mean = {{ role = "feature", sequence = "adc", region = "tumour", feature = "mean", unit = "{unit}" }}
        Age = {{ role = "clinical", feature = "age", unit = "a" }}
        ER = {{ role = "clinical", values = {{ neg = 0, pos = 1 }} }}
        """
    )
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """table.csv, features.csv, outcomes.csv, a package trained on them, a configuration that names it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    rng = np.random.default_rng(5)
    adc, age = rng.normal(1000, 150, PATIENTS), rng.normal(55, 10, PATIENTS)
    er = rng.choice(["neg", "pos"], PATIENTS)
    write_table(folder / "table.csv", HEADER, zip([f"P{n}" for n in range(PATIENTS)], adc, age, er, strict=True))
    event, censored = rng.exponential(30 * np.exp((adc - 1000) / 150)), rng.uniform(20, 80, PATIENTS)
    times = np.maximum(np.minimum(event, censored), 0.1)
    rows = zip([f"P{n}" for n in range(PATIENTS)], times, (event <= censored).astype(int), strict=True)
    write_table(folder / "outcomes.csv", ("id", "time_months", "event"), rows)
    run("import", folder / "table.csv", "--schema", schema(folder), "--out", folder / "features.csv")
    tables = ("-f", folder / "features.csv", "-y", folder / "outcomes.csv")
    once = ("--recipe", "low-dimensional", "--outer-folds", 0, "--permutations", 0, "--refits", 0, "--device", "cpu")
    trained = json.loads(run("train", "recurrence", *tables, "--out", folder / "package", *once, "--json"))
    assert "no-outer-folds" in {note["code"] for note in trained["quality_notes"]}
    (folder / "rdeepnet.toml").write_text(f'[models]\npackages = ["{folder / "package"}"]\n')
    return folder


def run(*line: object, status: int = Exit.OK) -> str:
    """Standard output of a command, or its last sentence where it fails."""
    result = RUNNER.invoke(app, [str(one) for one in line])
    assert result.exit_code == status, result.output
    return result.stdout if status == Exit.OK else " ".join(result.stderr.split())


def test_it_says_so_everywhere(site: Path) -> None:
    package = load_package(site / "package")
    assert not package.is_runnable
    assert (package.sequences, package.regions) == ((), ())
    assert [(one.name, one.kind, one.unit) for one in package.foreign] == [
        ("adc_tumour_mean", ColumnKind.FEATURE, "um2/s"),
        ("clinical_age", ColumnKind.CLINICAL, "a"),
        ("clinical_ER", ColumnKind.CLINICAL, ""),
    ]
    assert json.loads(run("models", "show", site / "package", "--json"))["runs"] == NOT_RUNNABLE
    assert NOT_RUNNABLE in run("models", "show", site / "package")
    card = (site / "package" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"This model is {NOT_RUNNABLE}." in card
    assert "3 columns of an imported table offered" in card
    assert "Nothing is resampled" not in card
    assert "2 clinical variables." in card
    assert "There were no outer folds" in card
    assert 'inputs_from = "elsewhere"' in (site / "package" / "manifest.toml").read_text()
    run("models", "verify", site / "package")


def test_the_appliance_refuses_it(site: Path) -> None:
    settings = load_settings(site / "rdeepnet.toml")
    for refuse in (lambda: open_workbench(settings), lambda: run_recipe(settings, assignment=Assignment())):
        with pytest.raises(PackageInvalid, match=re.escape(f"'package' is {NOT_RUNNABLE}")):
            refuse()
    assert NOT_RUNNABLE in run("models", "--config", site / "rdeepnet.toml", status=Exit.SETUP)


def test_it_scores_tables_of_its_schema(site: Path, tmp_path: Path) -> None:
    scored = json.loads(
        run("score", site / "package", "-f", site / "features.csv", "--out", tmp_path / "s.csv", "--json")
    )
    assert scored["patients"] == PATIENTS
    # Three inputs have no direction outside their components: what is left there is rounding, and nobody is far by it.
    assert scored["validity"].get("outside", 0) <= 0.05 * PATIENTS
    table = site / "table.csv"
    run("import", table, "--schema", schema(tmp_path, settings="other.yaml"), "--out", tmp_path / "f.csv")
    other = json.loads(run("score", site / "package", "-f", tmp_path / "f.csv", "--out", tmp_path / "s.csv", "--json"))
    assert "feature-settings-differ" in {note["code"] for note in other["quality_notes"]}


def test_a_table_of_another_schema_is_refused(site: Path, tmp_path: Path) -> None:
    run("import", site / "table.csv", "--schema", schema(tmp_path, unit="mm2/s"), "--out", tmp_path / "f.csv")
    line = ("score", site / "package", "--out", tmp_path / "s.csv", "-f")
    said = run(*line, tmp_path / "f.csv", status=Exit.INCOMPLETE)
    assert "has something else in 1 column of the 3 inputs" in said
    assert "in um2/s; here it is" in said
    ours = write_features(tmp_path / "ours.csv", values(20))
    assert "lacks 3 columns of the 3 inputs" in run(*line, ours, status=Exit.INCOMPLETE)


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("manifest.toml", 'inputs_from = "elsewhere"', "", "sequences is missing"),
        ("manifest.toml", 'inputs_from = "elsewhere"', 'inputs_from = "elsewhere"\nsequences = ["t1c"]', "has none"),
        ("inputs.csv", ",clinical,", ",clinicl,", "SHA-256"),
    ],
)
def test_a_contradiction_in_the_package_is_refused(
    site: Path, tmp_path: Path, file: str, old: str, new: str, words: str
) -> None:
    shutil.copytree(site / "package", tmp_path / "package")
    path = tmp_path / "package" / file
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(PackageInvalid, match=words):
        load_package(tmp_path / "package")


def test_outer_folds_that_cannot_be_are_usage(site: Path, tmp_path: Path) -> None:
    line = ("train", "recurrence", "-f", site / "features.csv", "-y", site / "outcomes.csv", "--out", tmp_path / "p")
    for more, words in (
        (("--outer-folds", 0, "--recipe", "paper"), "an ensemble by one recipe was expected"),
        (("--outer-folds", 0, "--search", 2), "an ensemble by one recipe was expected"),
        (("--outer-folds", 1), "0, or at least 2 were expected"),
        (("--recipe", "low-dimensional", "--search", 2), "the recipe 'low-dimensional' is fixed"),
    ):
        assert words in run(*line, *more, status=Exit.USAGE)
