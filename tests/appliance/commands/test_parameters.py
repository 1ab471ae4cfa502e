"""Parameters of commands: closed lists, their completion, paths that must exist, and flags. Kind: mechanics."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands import parameters
from appliance.commands.exit_status import Exit
from appliance.offline.feature_file import RowId
from appliance.settings import Settings, load_settings
from appliance.state.records import Records
from appliance.state.states import State
from models.cohort.outcomes import TimeUnit
from models.errors import SetupError
from models.features.extract import DEVICES, ENGINES
from models.inference.runtime import Provider
from models.intended_use import Item
from models.preprocessing.prepare import BIAS_CORRECTIONS
from models.pseudonyms import Dates
from models.simulation.cohort import Truth
from models.statistics.feature_tests import Scale
from models.volume import Region, Sequence
from tests.conftest import ROOT

RUNNER = CliRunner()
PACKAGES = ROOT / "models" / "packages"


@pytest.mark.parametrize(
    ("written", "members"),
    [
        (parameters.DatesTreated, Dates),
        (parameters.RowId, RowId),
        (parameters.ConfirmedItem, Item),
        (parameters.TimeUnit, TimeUnit),
        (parameters.Truth, Truth),
        (parameters.SequenceName, Sequence),
        (parameters.RegionName, (*Region, "all")),
        (parameters.ScaleName, Scale),
        (parameters.DeviceName, DEVICES),
        (parameters.EngineName, ENGINES),
        (parameters.BiasCorrection, BIAS_CORRECTIONS),
    ],
)
def test_lists_of_the_command_line_are_those_of_the_code(written: Any, members: Iterable[str]) -> None:
    assert set(get_args(written)) == {str(member) for member in members}


@pytest.mark.parametrize(
    ("table", "key", "members"),
    [
        ("features", "engine", ENGINES),
        ("features", "device", DEVICES),
        ("preprocessing", "n4", BIAS_CORRECTIONS),
        ("preprocessing", "device", DEVICES),
        ("models", "provider", Provider),
    ],
)
def test_lists_of_the_settings_are_those_of_the_code(
    table: str, key: str, members: Iterable[str], tmp_path: Path
) -> None:
    file = tmp_path / "c.toml"
    for member in members:
        file.write_text(f'[{table}]\n{key} = "{member}"\n')
        assert getattr(getattr(load_settings(file), table), key) == member
    file.write_text(f'[{table}]\n{key} = "{getattr(getattr(Settings(), table), key)}2"\n')
    with pytest.raises(SetupError, match=rf"line 2: {table}\.{key} is .*; did you mean"):
        load_settings(file)


def completed(*words: str, shell: str = "bash") -> list[str]:
    """Values that a shell offers for the last word."""
    line = {
        "bash": {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": " ".join(words)},
        "fish": {"_TYPER_COMPLETE_ARGS": " ".join(words), "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    result = RUNNER.invoke(app, [], prog_name="rdeepnet", env={**line, "_RDEEPNET_COMPLETE": f"complete_{shell}"})
    assert result.exit_code == 0, result.output
    return [line for line in result.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (("run", ".", "--dates", ""), get_args(parameters.DatesTreated)),
        (("run", ".", "--confirm", ""), get_args(parameters.ConfirmedItem)),
        (("run", ".", "--assign", "t2w"), ("t2w=", "t2w=none")),
        (("features", ".", "--id", ""), get_args(parameters.RowId)),
        (("features", ".", "--engine", ""), ENGINES),
        (("features", ".", "--n4", ""), BIAS_CORRECTIONS),
        (("train", "recurrence", "--sequence", ""), tuple(Sequence)),
        (("train", "recurrence", "--recipe", ""), get_args(parameters.RecipeName)),
        (("train", "recurrence", "--device", "c"), ("cpu", "cuda")),
        (("train", "recurrence", "--cut-off", ""), ("optimal",)),
        (("train", "krt7-as", "--threshold", ""), ("median",)),
        (("cohort", "simulate", "--truth", ""), tuple(Truth)),
        (("cohort", "check", "--time-unit", ""), tuple(TimeUnit)),
        (("cohort", "check", "--column", "t"), ("time=",)),
        (("pseudonymise", "table", "x", "--id", ""), get_args(parameters.RowId)),
        (("map", "show", ""), ("app", "pkg")),
        (("retry", "--state", ""), tuple(State)),
    ],
    ids=lambda one: " ".join(one),
)
def test_values_of_closed_lists_are_completed(words: tuple[str, ...], values: tuple[str, ...]) -> None:
    assert set(completed("rdeepnet", *words)) == set(values)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_the_same(shell: str) -> None:
    text = "\n".join(completed("rdeepnet", "cohort", "simulate", "--truth", "", shell=shell))
    assert all(truth in text for truth in Truth)


def test_packages_are_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {str(path.parent) for path in PACKAGES.glob("*/manifest.toml")}
    assert set(completed("rdeepnet", "models", "show", "")) >= ours
    monkeypatch.chdir(PACKAGES.parent)
    assert completed("rdeepnet", "evaluate", "packages/k") == ["packages/krt7_as"]
    assert completed("rdeepnet", "score", "nowhere/k") == []


def test_studies_and_destinations_of_the_configuration_are_completed(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(
        '[service]\nstate_dir = "state"\n[[destinations]]\nname = "pacs"\nae_title = "P"\nhost = "h"\nport = 104\n'
    )
    at = ("--config", str(config))
    assert completed("rdeepnet", "show", *at, "") == []  # no service has run
    records = Records(tmp_path / "state" / "studies.sqlite3")
    records.arrived("1.2.3")
    records.arrived("2.5")
    records.close()
    assert completed("rdeepnet", "show", *at, "1") == ["1.2.3"]
    assert completed("rdeepnet", "retry", *at, "--destination", "") == ["pacs"]
    config.write_text("broken")
    assert completed("rdeepnet", "retry", *at, "--destination", "") == completed("rdeepnet", "show", *at, "") == []


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (["run", "none", "--out", "o"], "FOLDER: none does not exist; name a folder that does."),
        (["run", "file", "--out", "o"], "FOLDER: file is a file; name a folder."),
        (["series", "loop"], "FOLDER: loop cannot be used (Too many levels of symbolic links); name a folder that exi"),
        (["features", "none"], "FOLDER|IMAGE: none does not exist; name a folder or file that does."),
        (["run", ".", "--out", "o", "--config", "none"], "--config: none does not exist; name a file that does."),
        (["status", "--config", "."], "--config: . is a folder; name a file."),
        (["config", "check", "none"], "FILE: none does not exist; name a file that does."),
        (["models", "verify", "none"], "PACKAGE...: none does not exist; name a folder that does."),
        (["models", "show-key", "none"], "FILE...: none does not exist; name a file that does."),
        (["score", ".", "-f", "none", "-o", "o.csv"], "--features: none does not exist; name a file that does."),
        (["score", ".", "-f", "file", "-o", "o.txt"], "--out: The scores were to go to 'o.txt'; a .csv or .parquet"),
        (["cohort", "check", "-f", "file", "-y", "file", "--column", "x"], "--column: 'x' names no column; ROLE=NAME"),
    ],
)
def test_a_mistake_in_the_line_is_one_sentence(
    line: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("loop").symlink_to("loop")
    result = RUNNER.invoke(app, line)
    assert (result.exit_code, result.stdout) == (Exit.USAGE, "")
    assert result.stderr.startswith(sentence)
    assert result.stderr.count("\n") == 1


def test_flags_are_shown_without_a_type_and_values_with_one() -> None:
    for command in ([], ["run"], ["models"], ["models", "show"]):
        text = RUNNER.invoke(app, [*command, "--help"]).stdout
        assert "<bool>" not in text
        (line,) = [line for line in text.splitlines() if "--help" in line and "-h" in line]
        assert line.split(" -h ")[1].split()[:2] == ["Show", "this"]
    assert "shift|drop" in RUNNER.invoke(app, ["run", "--help"]).stdout


def _leaves(command: Any, path: tuple[str, ...] = ()) -> Iterable[tuple[str, Any]]:
    below = getattr(command, "commands", {})
    if not below or command.invoke_without_command:
        yield " ".join(path), command
    for name, inner in below.items():
        yield from _leaves(inner, (*path, name))


def test_every_command_with_a_result_writes_json() -> None:
    """All but servers, which end with a log, and those whose output is a document."""
    without = {"serve", "worker", "web", "config example", "config conformance", "train statements", "map help"}
    for name, command in _leaves(typer.main.get_command(app)):
        options = [text for parameter in command.params for text in parameter.opts]
        assert ("--json" in options) != (name in without), name
