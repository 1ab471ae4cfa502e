"""Ctrl-C ends a command in a sentence, at every moment and whatever libraries make of it. Kind: mechanics."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit, Stopped, kept_so_far, writing_to
from appliance.offline import result_folder, runs
from appliance.process_pool import Done, work_off
from dicom_io.synthetic.study_writer import Grid, make_study
from models.volume import Sequence
from tests.appliance.test_json_views import mistakes

ROOT = Path(__file__).resolve().parent.parent.parent
TINY = Grid(16, 64, 64, 6.0, (5.0, 5.0))


def python(script: str) -> subprocess.CompletedProcess[str]:
    """A script in a process of its own, as the terminal starts it: SIGINT is not ignored."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def test_a_stopped_run_says_how_far_it_came_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (1, 2, 3):
        make_study(tmp_path / "in" / str(seed), seed=seed, sequences=(Sequence.T1C,), t1c=TINY, segmented=())
    out, real, seen = tmp_path / "out", runs.answer_to_folder, list[str]()

    def interrupted_at_the_second(task: runs.StudyTask, bench: runs.Workbench) -> runs.StudyOutcome:
        seen.append(task.study_instance_uid)
        if len(seen) == 2:
            (out / ".study-0.0.part").mkdir()  # as a worker leaves it that is ended while it writes
            signal.raise_signal(signal.SIGINT)
        return real(task, bench)

    monkeypatch.setattr(runs, "answer_to_folder", interrupted_at_the_second)
    result = CliRunner().invoke(app, ["run", str(tmp_path / "in"), "--out", str(out)])
    assert result.exit_code == Exit.STOPPED == 130  # 128 + 2, as a shell has it
    assert result.stderr.endswith(f"Stopped. 1 of 3 studies is in {out}; run again to go on.\n")
    assert [path.name[:6] for path in out.iterdir()] == ["study-"]


def test_a_stopped_command_with_a_folder_says_what_is_new_in_it(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.json").write_text("{}")

    def write(folder: Path, *names: str) -> None:
        with writing_to(folder):
            for name in names:
                (folder / name).write_text("new")
            raise KeyboardInterrupt

    def stopped(folder: Path, *names: str) -> str:
        with pytest.raises(Stopped) as caught:
            write(folder, *names)
        return str(caught.value)

    assert stopped(tmp_path / "out") == "Nothing was written."
    expected = f"In {tmp_path / 'out'} are new: a.json, old.json; run again for the rest."
    assert stopped(tmp_path / "out", "a.json", "old.json") == expected
    assert stopped(tmp_path / "other") == "Nothing was written."
    assert not (tmp_path / "other").exists()


def test_an_interrupt_that_typer_meets_itself_has_its_sentence() -> None:
    ended = python(
        """
        import signal
        from appliance.commands import exit_status
        def parse(*_):
            signal.raise_signal(signal.SIGINT)
        exit_status.Commands.parse_args = parse
        from appliance.entry import main
        main()
        """
    )
    assert (ended.returncode, ended.stderr) == (130, "Stopped.\n")


def test_a_full_disk_says_how_far_a_run_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in (1, 2, 3):
        make_study(tmp_path / "in" / str(seed), seed=seed, sequences=(Sequence.T1C,), t1c=TINY, segmented=())
    out, real, seen = tmp_path / "out", result_folder.replace_folder, list[Path]()

    def full_at_the_second(folder: Path, contents: dict[str, bytes]) -> None:
        seen.append(folder)
        if len(seen) == 2:
            raise OSError(28, "No space left on device")
        real(folder, contents)

    monkeypatch.setattr(result_folder, "replace_folder", full_at_the_second)
    result = CliRunner().invoke(app, ["run", str(tmp_path / "in"), "--out", str(out)])
    assert result.exit_code == Exit.INCOMPLETE
    assert len(seen) == 2  # the third was not computed in vain
    (last,) = [line for line in result.stderr.splitlines() if "No space left" in line]
    assert last.endswith(f"and that has space. 1 of 3 studies is in {out}; run again to go on.")
    assert [path.name[:6] for path in out.iterdir()] == ["study-"]


@pytest.mark.parametrize(
    ("done", "total", "words"),
    [(0, 1, "0 of 1 study are in"), (1, 5, "1 of 5 studies is in"), (2, 5, "2 of 5 studies are")],
)
def test_numbers_agree_with_their_words(done: int, total: int, words: str) -> None:
    assert kept_so_far(done, total, "out").startswith(words)


def test_a_command_without_results_only_stops(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runs, "plan_run", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    line = ["run", str(tmp_path), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, line)
    assert (result.exit_code, result.stderr.strip()) == (130, "Stopped.")
    said = json.loads(CliRunner().invoke(app, [*line, "--json"]).stdout)
    assert said == {"error": {"sentence": "Stopped.", "exit_status": 130}}
    assert mistakes("error", said) == []


def test_a_worker_is_not_interrupted_while_it_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "imported_by_worker.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\ndef prepare():\n    return abs\n"
    )
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)  # of this process only: the module is imported here, too
    try:
        monkeypatch.syspath_prepend(str(tmp_path))
        from imported_by_worker import prepare  # type: ignore[import-not-found]
    finally:
        signal.signal(signal.SIGINT, previous)
    assert list(work_off([-3], prepare, workers=1)) == [Done(-3, 3)]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_an_interrupt_while_the_command_is_loaded_is_a_word() -> None:
    ended = python(
        """
        import signal, sys
        class Finder:
            def find_spec(self, name, path, target=None):
                if name == "appliance.cli":
                    signal.raise_signal(signal.SIGINT)
        sys.meta_path.insert(0, Finder())
        from appliance.entry import main
        main()
        """
    )
    assert (ended.returncode, ended.stderr) == (130, "Stopped.\n")


@pytest.mark.parametrize(
    "lost",
    [
        "try:\n        signal.raise_signal(signal.SIGINT)\n    except BaseException:\n        pass",
        "try:\n        signal.raise_signal(signal.SIGINT)\n    except BaseException:\n        raise ImportError",
        "Lost()\n    time.sleep(20)",
    ],
    ids=["swallowed", "turned into another error", "met in a callback"],
)
def test_an_interrupt_that_a_library_keeps_to_itself_still_ends_the_work(lost: str) -> None:
    ended = python(
        f"""
import signal, time
from appliance import interrupts
from appliance.process_pool import answers
class Lost:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
def answer(task):
    print("task", task, flush=True)
    {lost}
interrupts.listen()
try:
    list(answers([1, 2], lambda: answer, jobs=1))
except KeyboardInterrupt:
    print("interrupted")
"""
    )
    assert (ended.stdout, ended.stderr) == ("task 1\ninterrupted\n", "")


def test_an_interrupt_of_a_background_job_stays_ignored() -> None:
    ended = python(
        """
        import signal
        from appliance import interrupts
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        interrupts.listen()
        signal.raise_signal(signal.SIGINT)
        print("goes on")
        """
    )
    assert re.fullmatch("goes on\n", ended.stdout)
