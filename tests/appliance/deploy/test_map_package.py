"""The MONAI Application Package: manifests, export, and a run as an orchestrator starts it. Kind: mechanics.

The field names and defaults of the manifests are those of the MAP specification 1.0.0, tables "Application Manifest
Fields", "Package Manifest Fields" and "Environment Variables".
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.deploy.map_package import (
    APP,
    PKG,
    MapPaths,
    application_manifest,
    as_json,
    export,
    package_manifest,
    packages_in,
)
from models.errors import SetupError
from models.inference.package import shipped_packages
from tests.appliance.deploy.map_package import check_map_output, make_map_folders

COMMITTED = Path(__file__).resolve().parents[3] / "appliance" / "deploy" / "map"
SEMANTIC_VERSION = re.compile(r"\d+\.\d+\.\d+")


@pytest.mark.parametrize(("name", "made"), [(APP, application_manifest()), (PKG, package_manifest())])
def test_the_committed_manifests_are_those_of_the_code(name: str, made: dict[str, object]) -> None:
    remedy = "write them again: rdeepnet map manifests --out appliance/deploy/map"
    assert (COMMITTED / name).read_text(encoding="utf-8") == as_json(made), remedy


def test_the_application_manifest_has_what_the_specification_asks_for() -> None:
    manifest = application_manifest()
    assert json.loads(manifest["command"])[0] == "rdeepnet", "a JSON array in a string, as the packager writes it"
    assert manifest["type"] in ("service", "application")
    assert manifest["input"]["formats"]
    assert manifest["output"]["format"]
    assert manifest["workingDirectory"].startswith("/")
    assert manifest["readiness"]["type"] == "command"
    assert isinstance(manifest["timeout"], int)
    for version in ("apiVersion", "sdkVersion", "version"):
        assert SEMANTIC_VERSION.fullmatch(manifest[version])
    assert set(manifest["environment"]) == {
        "HOLOSCAN_INPUT_PATH", "HOLOSCAN_OUTPUT_PATH", "HOLOSCAN_WORKDIR", "HOLOSCAN_MODEL_PATH",
        "HOLOSCAN_CONFIG_PATH", "HOLOSCAN_APP_MANIFEST_PATH", "HOLOSCAN_PKG_MANIFEST_PATH", "HOLOSCAN_DOCS",
        "HOLOSCAN_LOGS",
    }  # fmt: skip
    environment = manifest["environment"]
    assert f"{manifest['workingDirectory']}/{manifest['input']['path']}" == environment["HOLOSCAN_INPUT_PATH"]
    assert f"{manifest['workingDirectory']}/{manifest['output']['path']}" == environment["HOLOSCAN_OUTPUT_PATH"]


def test_the_package_manifest_has_what_the_specification_asks_for() -> None:
    manifest = package_manifest()
    assert manifest["applicationRoot"].startswith("/")
    assert manifest["modelRoot"].startswith("/")
    assert [model["path"] for model in manifest["models"]] == [folder.name for folder in shipped_packages()]
    assert all(re.fullmatch(r"\S{1,128}", model["name"]) for model in manifest["models"])
    resources = manifest["resources"]
    assert re.fullmatch(r"\d+(\.\d)?(Mi|Gi)", resources["memory"])
    assert re.fullmatch(r"\d+(\.\d)?(Mi|Gi)", resources["sharedMemory"])
    assert resources["gpu"] == 0
    assert resources["cpu"] > 0


@pytest.mark.parametrize("command", [["map", "run"], ["models"]])
def test_the_commands_of_the_manifest_exist(command: list[str]) -> None:
    manifest = application_manifest()
    named = [json.loads(manifest["command"]), manifest["readiness"]["command"]]
    assert ["rdeepnet", *command] in named
    assert CliRunner().invoke(app, [*command, "--help"]).exit_code == 0


def test_an_orchestrator_says_where_things_are() -> None:
    assert MapPaths.from_environment({}) == MapPaths()
    given = {"HOLOSCAN_WORKDIR": "/scratch", "HOLOSCAN_INPUT_PATH": "in", "HOLOSCAN_OUTPUT_PATH": "/results/"}
    paths = MapPaths.from_environment(given)
    assert (paths.input, paths.output, paths.workdir) == (Path("/scratch/in"), Path("/results"), Path("/scratch"))
    assert paths.models == MapPaths().models


def test_packages_come_in_the_order_of_the_report_and_others_after_them(tmp_path: Path) -> None:
    for name in ("a_site", "recurrence_t1c", "krt7_as", "recurrence"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.toml").touch()
    (tmp_path / "no_package").mkdir()
    names = [package.name for package in packages_in(tmp_path)]
    assert names == ["recurrence", "krt7_as", "recurrence_t1c", "a_site"]
    assert packages_in(tmp_path / "none") == ()


def test_show_prints_the_manifests() -> None:
    both = CliRunner().invoke(app, ["map", "show"])
    assert both.exit_code == 0
    assert re.findall(r"=+ (\S+) =+", both.stdout) == [APP, PKG]
    one = CliRunner().invoke(app, ["map", "show", "pkg"])
    assert json.loads(one.stdout) == package_manifest()


def test_show_prints_the_manifests_of_the_image_where_there_are_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / APP).write_text('{"version": "9.9.9"}\n')
    monkeypatch.setenv("HOLOSCAN_APP_MANIFEST_PATH", str(tmp_path / APP))
    assert json.loads(CliRunner().invoke(app, ["map", "show", "app"]).stdout) == {"version": "9.9.9"}


def test_extract_copies_everything_to_an_empty_folder(tmp_path: Path) -> None:
    written = export(MapPaths(config=tmp_path / "none"), root=tmp_path)
    assert [folder.name for folder in written] == ["app", "config", "models", "docs"]
    assert json.loads((tmp_path / "config" / APP).read_text()) == application_manifest()
    assert json.loads((tmp_path / "config" / PKG).read_text()) == package_manifest()
    assert packages_in(tmp_path / "models") == tuple(tmp_path / "models" / p.name for p in shipped_packages())
    assert (tmp_path / "app" / "appliance" / "deploy" / "map_package.py").is_file()
    assert (tmp_path / "app" / "rdeepnet.py").is_file()
    documents = {entry.name for entry in (tmp_path / "docs").iterdir()}
    assert documents >= {"OPERATING.md", "CONFORMANCE.md", "LICENSE", "MODEL_CARD_recurrence.md"}
    assert not list(tmp_path.rglob("__pycache__"))
    export(MapPaths(config=tmp_path / "none"), root=tmp_path)  # again, over what is there


def test_extract_copies_only_to_the_folders_that_are_mounted(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    config = tmp_path / "app.toml"
    config.touch()
    assert export(MapPaths(config=config), root=tmp_path) == (tmp_path / "config",)
    assert {entry.name for entry in (tmp_path / "config").iterdir()} == {APP, PKG, "app.toml"}


def test_extract_says_what_to_do_where_nothing_is_mounted_or_it_can_not_write(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="make a folder on the host and mount it"):
        export(MapPaths(), root=tmp_path / "none")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "appliance").touch()
    with pytest.raises(SetupError, match="cannot be written"):
        export(MapPaths(), root=tmp_path)


@pytest.mark.parametrize(
    ("given", "status", "sentence"),
    [
        ({"HOLOSCAN_INPUT_PATH": "none"}, 3, "mount it, or set HOLOSCAN_INPUT_PATH"),
        ({"HOLOSCAN_OUTPUT_PATH": "file/out"}, 3, "cannot be written"),
        ({"HOLOSCAN_CONFIG_PATH": "file"}, 3, "is not TOML"),
        ({}, 1, "No DICOM study was found"),
    ],
)
def test_what_an_orchestrator_does_wrong_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], status: int, sentence: str
) -> None:
    (tmp_path / "input").mkdir()
    (tmp_path / "file").write_text("key: value\n")
    for name, value in {"HOLOSCAN_WORKDIR": str(tmp_path), "HOLOSCAN_INPUT_PATH": "input"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOLOSCAN_OUTPUT_PATH", "output")
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(app, ["map", "run"])
    assert result.exit_code == status
    assert sentence in result.stderr


@pytest.mark.slow
def test_a_run_as_an_orchestrator_starts_it(tmp_path: Path) -> None:
    folders = make_map_folders(tmp_path)
    program = str(Path(sys.executable).with_name("rdeepnet"))
    command = [program, *json.loads(application_manifest()["command"])[1:]]
    result = subprocess.run(
        command,
        env={**os.environ, **folders.environment()},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    check_map_output(folders.output)


@pytest.mark.parametrize(
    ("words", "variables", "becomes"),
    [
        ("serve", {}, "serve"),
        ("serve", {"HOLOSCAN_INPUT_PATH": "/var/holoscan/input"}, "map run"),
        ("show", {}, "map show"),
        ("show app", {}, "map show app"),
        ("show 1.2.840.1", {}, "show 1.2.840.1"),
        ("extract", {}, "map extract"),
        ("help", {}, "map help"),
        ("map run", {}, "map run"),
        ("doctor --json", {"HOLOSCAN_INPUT_PATH": "/var/holoscan/input"}, "doctor --json"),
    ],
)
def test_the_image_understands_orchestrators(
    tmp_path: Path, words: str, variables: dict[str, str], becomes: str
) -> None:
    """The image's start script, with a program in place of rdeepnet that says what it was called with."""
    script = (COMMITTED.parent / "container" / "entrypoint.sh").read_text(encoding="utf-8")
    (tmp_path / "rdeepnet").write_text('#!/bin/sh\necho "$* in $PWD"\n')
    (tmp_path / "rdeepnet").chmod(0o755)
    command = ["sh", "-c", script.replace("/tmp/rdeepnet", str(tmp_path)), "entrypoint.sh", *words.split()]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOLOSCAN_WORKDIR": str(tmp_path), **variables}
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert result.stdout.strip() == f"{becomes} in {tmp_path if becomes.startswith('map') else Path.cwd()}"
