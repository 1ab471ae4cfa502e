"""The command line: help, exit statuses, JSON shapes, and one sentence instead of a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit, status_of
from appliance.state.records import Records
from appliance.state.states import State
from appliance.state.takeover_records import TakeoverRecords
from dicom_io.errors import PeerUnavailable
from dicom_io.synthetic.study_writer import Grid, make_study
from models.errors import EngineUnavailable, PackageInvalid, StudyRejected
from models.version import software_version
from models.volume import Sequence
from tests.conftest import ROOT

RUNNER = CliRunner()
TINY = Grid(12, 48, 48, 10.0, (7.0, 7.0))


def command_lines() -> Iterator[tuple[str, ...]]:
    """Every command and sub-command."""
    group = typer.main.get_command(app)
    yield ()
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        yield (name,)
        for below in getattr(command, "commands", {}):
            yield (name, below)


@pytest.mark.parametrize("line", list(command_lines()), ids=" ".join)
def test_every_command_explains_itself(line: tuple[str, ...]) -> None:
    result = RUNNER.invoke(app, [*line, "--help"])
    assert result.exit_code == Exit.OK
    assert "Usage: " in result.stdout
    assert len(result.stdout.splitlines()) > 5


def test_there_are_the_commands_of_the_product() -> None:
    assert {" ".join(line) for line in command_lines()} >= {
        "", "run", "series", "features", "demo", "serve", "status", "show", "retry", "doctor",
        "models", "models make-demonstration", "models show", "models verify", "models sign", "models make-key",
        "models show-key",
        "train", "train recurrence", "train krt7-as", "train statements", "config", "config check", "config example",
    }  # fmt: skip


def test_version() -> None:
    result = RUNNER.invoke(app, ["--version"])
    assert result.stdout == f"rdeepnet {software_version()}\n"


def test_help_is_quick_because_libraries_are_loaded_in_the_commands() -> None:
    heavy = {"torch", "pydicom", "numba", "SimpleITK", "reportlab", "matplotlib", "onnxruntime", "dbos", "pandas"}
    code = f"import sys, appliance.cli; print(sorted({heavy!r} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


@pytest.mark.parametrize(
    "line", [["nonsense"], ["run"], ["run", "/nowhere", "--out", "x"], ["series", "/nowhere"], ["run", "--jobs", "0"]]
)
def test_wrong_usage(line: list[str]) -> None:
    assert RUNNER.invoke(app, line).exit_code == Exit.USAGE


def test_statuses_follow_what_the_caller_should_do() -> None:
    assert status_of(StudyRejected("")) == status_of(PeerUnavailable("")) == 1
    assert status_of(PackageInvalid("")) == status_of(EngineUnavailable("")) == 3


def test_the_example_configuration_is_right(tmp_path: Path) -> None:
    example = RUNNER.invoke(app, ["config", "example"])
    file = tmp_path / "rdeepnet.toml"
    file.write_text(example.stdout, encoding="utf-8")
    result = RUNNER.invoke(app, ["config", "check", str(file)])
    assert result.exit_code == Exit.OK
    assert "is valid: RDEEPNET on port 11112, 1 sender(s), 1 destination(s)" in result.stdout


def test_every_mistake_of_a_configuration_is_told_without_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "rdeepnet.toml"
    file.write_text('[service]\nport = 0\nprot = 1\n[study]\nidle_s = "long"\n', encoding="utf-8")
    result = RUNNER.invoke(app, ["config", "check", str(file)])
    assert result.exit_code == Exit.SETUP
    assert result.stdout == ""
    for found in ("port", "prot", "idle_s"):
        assert found in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("line", [["run", "--out", "results"], ["series"], ["features", "--out", "f.csv"]])
def test_a_folder_without_studies(line: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    result = RUNNER.invoke(app, [line[0], "empty", *line[1:]])
    assert result.exit_code == Exit.INCOMPLETE
    assert result.stderr.strip().endswith(
        "No DICOM study was found below empty. It holds no file. Name a folder that holds MR series."
    )


WRONG_LINES = [
    (["series", ".", "--assign", "t3w=1.2"], "t1c, t2w or tumour was expected"),
    (["run", ".", "--out", "o", "--assign", "t1c"], "ROLE=SERIES was expected"),
    (["run", ".", "--out", "o", "--confirm", "height"], "'height' is not one of breast"),
    (["retry", "1.2", "--assign", "t3w=1"], "t1c, t2w or tumour was expected"),
    (["cohort", "check", "-f", "none.csv", "-y", "none.csv"], "none.csv does not exist"),
    (["run", "nowhere", "--out", "o"], "nowhere does not exist"),
    (["series", ".", "--colour"], "No such option"),
    (["sereis", "."], "No such command"),
]


@pytest.mark.parametrize(("line", "sentence"), WRONG_LINES)
def test_a_wrong_line_is_a_mistake_of_usage_also_as_json(
    line: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = RUNNER.invoke(app, line)
    assert (result.exit_code, result.stdout) == (Exit.USAGE, "")
    as_json = RUNNER.invoke(app, [*line, "--json"])
    assert as_json.exit_code == Exit.USAGE
    said = json.loads(as_json.stdout)
    assert said["error"]["exit_status"] == Exit.USAGE
    assert sentence in said["error"]["sentence"]
    assert _mistakes(said) == []


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (["series", "."], Exit.INCOMPLETE),  # no study below it
        (["run", ".", "--out", "o"], Exit.INCOMPLETE),
        (["status"], Exit.SETUP),  # no service has worked here
        (["models", "--config", "rdeepnet.toml"], Exit.SETUP),
    ],
)
def test_an_error_is_json_where_json_was_asked_for(
    line: list[str], status: Exit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rdeepnet.toml").write_text('[service]\nstate_dir = "s"\n[models]\npackages = ["gone"]\n', "utf-8")
    result = RUNNER.invoke(app, [*line, "--json"], env={"RDEEPNET_CONFIG": "rdeepnet.toml"})
    assert result.exit_code == status
    said = json.loads(result.stdout)
    assert said["error"]["exit_status"] == status
    assert said["error"]["sentence"] in result.stderr
    assert _mistakes(said) == []
    without = RUNNER.invoke(app, line, env={"RDEEPNET_CONFIG": "rdeepnet.toml"})
    assert (without.exit_code, without.stdout) == (status, "")


def _mistakes(said: object) -> list[str]:
    schema = json.loads((ROOT / "docs" / "views.schema.json").read_text(encoding="utf-8"))
    validator = Draft202012Validator({"$ref": "#/$defs/error", "$defs": schema["$defs"]})
    return [error.message for error in validator.iter_errors(said)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], Exit.USAGE),
        (["--out", "f.csv", "--mask", "mask.nrrd"], Exit.USAGE),
        (["--out", "f.csv", "--id", "name"], Exit.USAGE),
        (["--out", "f.xlsx"], Exit.USAGE),
    ],
)
def test_features_of_a_folder_need_a_table(options: list[str], expected: Exit, tmp_path: Path) -> None:
    (tmp_path / "mask.nrrd").touch()
    options = [str(tmp_path / "mask.nrrd") if option == "mask.nrrd" else option for option in options]
    assert RUNNER.invoke(app, ["features", str(tmp_path), *options]).exit_code == expected


def test_series_says_how_each_would_be_taken(tmp_path: Path) -> None:
    make_study(tmp_path, sequences=(Sequence.T1C,), t1c=TINY)
    table = RUNNER.invoke(app, ["series", str(tmp_path)])
    assert table.exit_code == Exit.OK
    assert "T1+C" in table.stdout
    (study,) = json.loads(RUNNER.invoke(app, ["series", str(tmp_path), "--json"]).stdout)
    assert [row["role"] for row in study["rows"]] == ["T1+C", "", "Tumour (T1+C)"]
    assert study["refusals"] == []
    assert "T2W" in study["missing"][0]


def test_series_of_a_study_that_would_be_refused(tmp_path: Path) -> None:
    make_study(tmp_path, sequences=(Sequence.T1C,), t1c=TINY, segmented=())
    result = RUNNER.invoke(app, ["series", str(tmp_path)])
    assert result.exit_code == Exit.INCOMPLETE
    assert "Would be refused: " in result.stdout


def test_models(tmp_path: Path) -> None:
    packages = json.loads(RUNNER.invoke(app, ["models", "--json"]).stdout)
    assert [package["name"] for package in packages] == ["recurrence", "krt7_as", "recurrence_t1c"]
    assert {package["notice"] for package in packages} == {"demonstration model, not trained on patients"}
    assert [package["inputs"] for package in packages] == [3424, 1712, 1712]
    shown = RUNNER.invoke(app, ["models"])
    assert "demonstration model" in shown.stdout
    config = tmp_path / "rdeepnet.toml"
    config.write_text('[models]\npackages = ["not-there"]\n', encoding="utf-8")
    broken = RUNNER.invoke(app, ["models", "--config", str(config)])
    assert broken.exit_code == Exit.SETUP
    assert "not-there" in broken.stderr


@pytest.fixture
def state(tmp_path: Path) -> tuple[str, str]:
    """A configuration whose state folder knows one refused study; its path and the study's UID."""
    config = tmp_path / "rdeepnet.toml"
    config.write_text('[service]\nstate_dir = "state"\n', encoding="utf-8")
    records = Records(tmp_path / "state" / "studies.sqlite3")
    records.arrived("1.2.3.4")
    job = records.queue("1.2.3.4", digest="d")
    records.start(job)
    records.gave_up(job, state=State.REFUSED, sentence="No tumour was found.")
    records.close()
    return str(config), "1.2.3.4"


def test_a_takeover_is_part_of_the_history_that_show_prints(state: tuple[str, str]) -> None:
    config, uid = state
    records = Records(Path(config).parent / "state" / "studies.sqlite3")
    job = records.study(uid).job_id
    TakeoverRecords(records).taken_over([job], taken_from="b-0", taken_by="a")
    records.close()
    shown = " ".join(RUNNER.invoke(app, ["show", uid, "--config", config], env={"COLUMNS": "200"}).stdout.split())
    assert "Takeovers of its jobs from workers that were gone" in shown
    assert f"b-0 a {job}" in shown
    (takeover,) = json.loads(RUNNER.invoke(app, ["show", uid, "--config", config, "--json"]).stdout)["takeovers"]
    assert (takeover["taken_from"], takeover["taken_by"]) == ("b-0", "a")


def test_status_show_and_retry(state: tuple[str, str]) -> None:
    config, uid = state
    (line,) = json.loads(RUNNER.invoke(app, ["status", "--config", config, "--json"]).stdout)
    assert (line["study_instance_uid"], line["state"], line["sentence"]) == (uid, "refused", "No tumour was found.")
    assert uid in RUNNER.invoke(app, ["status", "--config", config]).stdout

    shown = RUNNER.invoke(app, ["show", uid, "--config", config])
    assert "refused: No tumour was found." in shown.stdout
    detail = json.loads(RUNNER.invoke(app, ["show", uid, "--config", config, "--json"]).stdout)
    assert [move["state"] for move in detail["moves"]] == ["received", "queued", "running", "refused"]

    again = RUNNER.invoke(app, ["retry", uid, "--config", config, "--json"])
    assert json.loads(again.stdout) == {"study_instance_uid": uid, "state": "queued"}
    twice = RUNNER.invoke(app, ["retry", uid, "--config", config])
    assert twice.exit_code == Exit.INCOMPLETE
    assert "queued" in twice.stderr


def test_a_study_nobody_knows(state: tuple[str, str]) -> None:
    result = RUNNER.invoke(app, ["show", "9.9", "--config", state[0]])
    assert result.exit_code == Exit.INCOMPLETE
    assert "rdeepnet status lists them" in result.stderr


@pytest.mark.parametrize("command", [["status"], ["show", "1"], ["retry", "1"]])
def test_a_state_folder_that_is_not_there(command: list[str], tmp_path: Path) -> None:
    config = tmp_path / "rdeepnet.toml"
    config.write_text('[service]\nstate_dir = "state"\n', encoding="utf-8")
    result = RUNNER.invoke(app, [*command, "--config", str(config)])
    assert result.exit_code == Exit.SETUP
    assert "rdeepnet serve" in result.stderr


def test_serve_without_peers_does_not_start(tmp_path: Path) -> None:
    config = tmp_path / "rdeepnet.toml"
    config.write_text('[service]\nstate_dir = "state"\n', encoding="utf-8")
    command = [sys.executable, "-m", "appliance.cli", "serve", "--config", str(config)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == Exit.SETUP
    assert answer.stderr.startswith("The service cannot start:\n  no [[senders]] is listed")
    assert "Traceback" not in answer.stderr


def test_doctor_finds_what_is_bad(tmp_path: Path) -> None:
    config = tmp_path / "rdeepnet.toml"
    config.write_text('[service]\nstate_dir = "state"\nhost = "127.0.0.1"\n', encoding="utf-8")
    result = RUNNER.invoke(app, ["doctor", "--config", str(config), "--json"])
    assert result.exit_code == Exit.INCOMPLETE
    found = {check["subject"]: check["verdict"] for check in json.loads(result.stdout)}
    assert found["settings"] == "bad"
    assert found["models"] == found["feature engine"] == "good"
    assert {"disk", "port", "GPU", "bias correction"} <= set(found)
