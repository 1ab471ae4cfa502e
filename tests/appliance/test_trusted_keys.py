"""With trusted keys, a package that none of them signed is refused wherever it is loaded. Kind: mechanics.

The loader refuses; what is tested here is that every door hands it the keys of the settings, and that the answer names
the key.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

import rdeepnet
from appliance.cli import app
from appliance.commands.exit_status import Exit
from appliance.deploy.map_package import MapPaths, map_settings
from appliance.offline.recipe import run_recipe
from appliance.service.bench import answerer, try_workbench
from appliance.service.worker import Asked
from appliance.settings import Settings, load_settings
from dicom_io.rules import NO_ASSIGNMENT
from dicom_io.synthetic.study_writer import SMALL_T1C, SMALL_T2W, make_study
from models.errors import SetupError
from models.inference.signature import fingerprints, make_key, public_file
from models.inference.signing import sign_package
from tests.conftest import ROOT
from tests.models.small_packages import write_small_package

RUNNER = CliRunner()
LOADERS = {"load_package", "load_model", "load_models"}
NONE = {"assignment": NO_ASSIGNMENT}
ANY = "trusted_keys=()"  # a door that says so


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_key(tmp_path / "site.pem")
    return tmp_path / "site.pem"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    write_small_package(tmp_path / "packages" / "recurrence")
    return tmp_path / "packages" / "recurrence"


@pytest.fixture
def config(key: Path, package: Path, tmp_path: Path) -> Path:
    """Settings that trust one key; the paths are relative to their folder."""
    path = tmp_path / "rdeepnet.toml"
    path.write_text(
        '[service]\nstate_dir = "state"\nhost = "127.0.0.1"\n'
        '[models]\npackages = ["packages/recurrence"]\ntrusted_keys = ["site.pem.pub"]\n',
        encoding="utf-8",
    )
    return path


def test_every_command_refuses_an_unsigned_package(config: Path, package: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    make_study(tmp_path / "studies", seed=1, t1c=SMALL_T1C, t2w=SMALL_T2W)
    table = tmp_path / "table.csv"
    table.write_text("no table\n")
    tables = ["--features", str(table), "--config", str(config)]
    lines = {
        "run": ["run", str(tmp_path / "studies"), "--out", out, "--config", str(config)],
        "score": ["score", str(package), "--out", f"{out}.csv", *tables],
        "evaluate": ["evaluate", str(package), "--outcomes", str(table), "--out", out, *tables],
        "models": ["models", "--config", str(config)],
        "verify": ["models", "verify", str(package), "--config", str(config)],
    }
    for name, line in lines.items():
        refused = RUNNER.invoke(app, line)
        assert (name, refused.exit_code) == (name, Exit.SETUP)
        assert "is not signed; a signature by the trusted key" in refused.stderr, name
    doctor = json.loads(RUNNER.invoke(app, ["doctor", "--config", str(config), "--json"]).stdout)
    (found,) = [check for check in doctor if check["subject"] == "models"]
    assert found["verdict"] == "bad"
    assert "is not signed" in found["sentence"]


@pytest.mark.slow
def test_the_service_its_worker_and_the_map_refuse_it_and_take_the_signed_one(
    config: Path, key: Path, package: Path, tmp_path: Path
) -> None:
    settings = load_settings(config)
    study = make_study(tmp_path / "study", seed=1, t1c=SMALL_T1C, t2w=SMALL_T2W)
    asked = Asked(datetime.now(UTC))
    with pytest.raises(SetupError, match="is not signed"):
        try_workbench(settings)  # the start of serve
    with pytest.raises(SetupError, match="is not signed"):
        answerer(settings)(study.files, asked)  # the worker
    mapped = map_settings(dataclasses.replace(MapPaths(), config=config, models=package.parent))
    with pytest.raises(SetupError, match="is not signed"):
        run_recipe(mapped, assignment=NO_ASSIGNMENT)
    with pytest.raises(SetupError, match="is not signed"):
        rdeepnet.load_package(package, trusted_keys=[public_file(key)])
    sign_package(package, private_key=key)
    try_workbench(settings)


def test_a_signed_package_runs_until_its_cut_off_is_edited(config: Path, key: Path, package: Path) -> None:
    fingerprint = sign_package(package, private_key=key)
    shown = RUNNER.invoke(app, ["models", "--config", str(config), "--json"])
    assert [one["signed_by"] for one in json.loads(shown.stdout)] == [fingerprint]
    verified = RUNNER.invoke(app, ["models", "verify", str(package), "--config", str(config)])
    assert f"signed by a trusted key ({fingerprint[:16]})" in verified.stdout
    manifest = package / "manifest.toml"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("cut_off = 1.1", "cut_off = 3"))
    without_keys = config.with_name("without_keys.toml")
    without_keys.write_text('[models]\npackages = ["packages/recurrence"]\n')
    for line in (["--config", str(config)], ["--config", str(without_keys)], ["show", str(package)]):
        refused = RUNNER.invoke(app, ["models", *line])
        assert refused.exit_code == Exit.SETUP
        assert "was changed after it was signed" in refused.stderr


def test_a_file_that_is_no_key_is_a_mistake_of_the_configuration(config: Path, key: Path) -> None:
    assert RUNNER.invoke(app, ["config", "check", str(config)]).exit_code == Exit.OK
    public_file(key).write_text("no key")
    refused = RUNNER.invoke(app, ["config", "check", str(config)])
    assert refused.exit_code == Exit.SETUP
    assert "is no public key in PEM" in refused.stderr


def test_the_recipe_of_a_run_names_the_key(config: Path, key: Path, package: Path) -> None:
    unsigned = run_recipe(Settings(models=dataclasses.replace(Settings().models, packages=(package,))), **NONE)
    fingerprint = sign_package(package, private_key=key)
    signed = run_recipe(load_settings(config), **NONE)
    assert [one[2] for one in (*unsigned["models"], *signed["models"])] == ["", fingerprint]


@pytest.mark.slow
def test_the_answer_names_the_key(key: Path, tmp_path: Path) -> None:
    """Of an answered study: result.json, PDF and SR show one Report, whose provenance has it."""
    package = shutil.copytree(rdeepnet.shipped_packages()[2], tmp_path / "signed")
    fingerprint = sign_package(package, private_key=key)
    make_study(tmp_path / "study", seed=1, t1c=SMALL_T1C, t2w=SMALL_T2W)
    models = dataclasses.replace(Settings().models, packages=(package,), trusted_keys=(public_file(key),))
    preprocessing = dataclasses.replace(Settings().preprocessing, n4="none")
    result = rdeepnet.answer(tmp_path / "study", settings=Settings(models=models, preprocessing=preprocessing))
    assert fingerprint in result.report.provenance["Model recurrence_t1c"]
    assert result.outcomes[0].model.signed_by == fingerprint == fingerprints([public_file(key)])[0]
    (key_sr,) = [made for made in result.answer.objects if made.role == "key_sr"]
    assert fingerprint.encode() in key_sr.file


def calls() -> Iterator[tuple[str, ast.Call]]:
    for file in sorted((ROOT / "appliance").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in LOADERS:
                yield file.relative_to(ROOT).as_posix(), node


def test_no_code_of_the_appliance_loads_a_package_without_saying_which_keys_count() -> None:
    found = list(calls())
    assert len(found) >= 6
    assert [
        f"{file}:{call.lineno}" for file, call in found if "trusted_keys" not in {k.arg for k in call.keywords}
    ] == []
    said = {file for file, call in found if ANY in {f"{k.arg}={ast.unparse(k.value)}" for k in call.keywords}}
    # The description of a package for a person, and the bill of what we ship ourselves.
    assert said == {"appliance/commands/model_packages.py", "appliance/deploy/sbom.py"}
