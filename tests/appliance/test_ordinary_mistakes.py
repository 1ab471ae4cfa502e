"""An ordinary mistake at the command line is one sentence and a documented status, no traceback. Kind: mechanics."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from appliance.cli import app
from appliance.commands.exit_status import Exit, end_of, status_of
from dicom_io.synthetic.study_writer import Grid, make_study
from models.errors import NotWritable
from models.files import require_writable
from models.volume import Sequence

ROOT = Path(__file__).resolve().parent.parent.parent
TINY = Grid(16, 64, 64, 6.0, (5.0, 5.0))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that is refused at once, since nothing is segmented."""
    root = tmp_path_factory.mktemp("study")
    make_study(root, seed=1, sequences=(Sequence.T1C,), t1c=TINY, segmented=())
    return root


def invoke(*line: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in line])


def command(*line: str, stdout: int, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from appliance.entry import main; main()", *line],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


@pytest.mark.parametrize("words", [("run",), ("features",)])
@pytest.mark.parametrize("place", ["below a file", "in /proc"])
def test_an_output_that_cannot_be_is_said_before_the_work(
    study: Path, tmp_path: Path, words: tuple[str, ...], place: str
) -> None:
    (tmp_path / "file").write_text("precious")
    folder = tmp_path / "file" / "x" if place == "below a file" else Path("/proc/x")
    result = invoke(*words, study, "--out", folder if words == ("run",) else folder / "table.csv")
    assert result.exit_code == Exit.USAGE
    assert result.stderr.strip().splitlines()[-1].startswith(f"The folder {folder} cannot be made (")
    assert "Traceback" not in result.output
    assert (tmp_path / "file").read_text() == "precious"


def test_a_full_disk_is_not_a_wrong_command_line() -> None:
    full = NotWritable("full", because=OSError(28, "No space left on device"))
    closed = NotWritable("closed", because=OSError(30, "Read-only file system"))
    assert (status_of(full), status_of(closed)) == (Exit.INCOMPLETE, Exit.USAGE)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write to every folder")
def test_a_folder_without_permission_is_a_wrong_place(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(NotWritable, match=r"cannot be written to \(Permission denied\)"):
        require_writable(tmp_path)


def test_a_trial_of_a_folder_leaves_nothing(tmp_path: Path) -> None:
    require_writable(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("line", [("--help",), ("models", "--help")])
def test_standard_output_on_a_full_disk(line: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        ended = command(*line, stdout=full.fileno())
    assert ended.returncode == Exit.INCOMPLETE
    assert ended.stderr.startswith("Standard output cannot be used (No space left on device); expected a place")
    assert ended.stderr.count("\n") == 1


def test_a_name_that_the_terminal_cannot_show(study: Path, tmp_path: Path) -> None:
    line = ("run", str(study), "--out", str(tmp_path / "é"))
    ended = command(*line, stdout=subprocess.PIPE, PYTHONIOENCODING="ascii")
    assert ended.returncode == Exit.INCOMPLETE  # the study is refused
    assert "Traceback" not in ended.stderr
    assert "\\xe9" in ended.stdout  # the name of the folder, over the table
    assert "\\u2013" in ended.stdout  # the dash of a study without models


def test_a_folder_of_studies_is_no_model_package_and_stays(study: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,b\n")
    result = invoke("evaluate", study, "--features", table, "--outcomes", table, "--out", tmp_path / "out")
    assert result.stderr.strip() == f"{study} holds no manifest.toml; give the folder of a model package."
    assert result.exit_code == Exit.SETUP


def test_an_error_of_the_system_that_nobody_met_before_is_a_sentence() -> None:
    ended = end_of(IsADirectoryError(21, "Is a directory", "table.csv"))
    assert ended is not None
    assert ended[0].startswith("table.csv cannot be used (Is a directory); expected")
    assert ended[1] is Exit.INCOMPLETE
    assert end_of(BrokenPipeError(32, "Broken pipe")) is None  # a reader who has seen enough: typer ends in silence
    assert end_of(ValueError("a mistake of ours")) is None  # a traceback helps to correct it


def test_links_to_folders_are_named_where_there_is_nothing_else(study: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "linked").symlink_to(study)
    result = invoke("run", tmp_path / "in", "--out", tmp_path / "out")
    assert result.exit_code == Exit.INCOMPLETE
    assert "(linked): a link to a folder, which is not followed: name the folder itself" in result.stderr
