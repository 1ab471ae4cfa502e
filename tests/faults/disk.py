"""A disk that is full: while images arrive, while a job is recorded, while results are written, and at start.

The state folder is on a small file system in memory of its own; where none may be mounted, the run says so.
"""

from __future__ import annotations

import errno
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dicom_io.network.echo import echo
from dicom_io.network.peer import Peer
from tests.faults.answers import Kind
from tests.faults.home import AE_TITLE, SENDER, Home, Stuck, wait_for
from tests.faults.kills import Trial, judge
from tests.faults.results import Tally

GROUP = "Disk full"
SIZE = "64m"  # the worker wants 32 of them free
OUT_OF_RESOURCES = 0xA700
FULL_S = 4.0  # how long it stays full


class NoFileSystem(Exception):
    """No file system may be mounted here."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 64 MB; raises `NoFileSystem`."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "rdeepnet-faults", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NoFileSystem("mount is not installed") from error
    if mounted.returncode:
        raise NoFileSystem(mounted.stderr.strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(disk: Path, *, but: int = 0) -> Iterator[None]:
    """Full but for so many bytes, within the block."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for piece in (1024**2, 4096, 1):
            try:
                while True:
                    file.write(bytes(piece))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        if but:
            os.ftruncate(file.fileno(), max(0, ballast.stat().st_size - but))
    try:
        yield
    finally:
        ballast.unlink()


def _inbox(home: Home, disk: Path, trial: Trial, tally: Tally) -> None:
    """A sender is told that there is no space, and an echo is answered; later the same push succeeds."""
    with full(disk):
        statuses = home.push_once(trial.datasets)
        if set(statuses) != {OUT_OF_RESOURCES}:
            tally.problems.append(f"a sender was answered {statuses}; expected 0xA700 for every object")
        echo(Peer(AE_TITLE, "127.0.0.1", home.port, SENDER, 5.0))
        time.sleep(FULL_S / 2)
    trial.push()


def _held(home: Home, trial: Trial) -> Path:
    """Pushed, and its job held in the computation."""
    hold = home.control / "hold"
    hold.touch()
    trial.push()
    wait_for(lambda: home.stated(trial.study_uid).state == "running", what="the study is not running")
    time.sleep(0.3)  # the computation has begun
    return hold


def _job(home: Home, disk: Path, trial: Trial, tally: Tally) -> None:
    hold = _held(home, trial)
    with full(disk):
        hold.unlink()
        time.sleep(FULL_S)


def _outbox(home: Home, disk: Path, trial: Trial, tally: Tally) -> None:
    hold = _held(home, trial)
    with full(disk, but=1024**2):  # enough for the records, and not for the results
        hold.unlink()
        time.sleep(FULL_S)


def _start(home: Home, disk: Path, trial: Trial, tally: Tally) -> None:
    hold = _held(home, trial)
    logged = len(home.log())
    with home.down():
        hold.unlink()
        filled = full(disk)
        filled.__enter__()
    try:
        time.sleep(FULL_S)
        if "Traceback" in home.log()[logged:]:
            tally.problems.append("a start on a full disk ends in a traceback; expected a sentence")
    finally:
        filled.__exit__(None, None, None)


_PLACES: dict[str, tuple[Kind, Callable[[Home, Path, Trial, Tally], None]]] = {
    "while images arrive": (Kind.ORDINARY, _inbox),
    "while the end of a job is recorded": (Kind.ORDINARY, _job),
    "while results are written": (Kind.LARGE, _outbox),
    "at start, with a job under way": (Kind.ORDINARY, _start),
}
PLACES = tuple(_PLACES)


def fill(folder: Path, place: str, *, trials: int) -> Tally:
    """Fills the disk at a place, and gives space back after some seconds; nobody restarts anything."""
    tally = Tally(GROUP, place)
    kind, act = _PLACES[place]
    with small_disk(folder / "disk") as disk:
        home = Home(folder, state_dir=disk / "state")
        done = []
        home.start()
        try:
            for number in range(trials):
                home.wait_until_listening()
                trial = Trial(home, f"{place} {number} {time.monotonic_ns()}", kind=kind)
                tally.trials += 1
                try:
                    act(home, disk, trial, tally)
                    space_s = time.monotonic()
                    _wait_for_end(home, trial, tally)
                    tally.recover_s.append(round(time.monotonic() - space_s, 2))
                except Stuck as stuck:
                    tally.stuck += 1
                    tally.problems.append(str(stuck).splitlines()[0])
                    (home.control / "hold").unlink(missing_ok=True)
                    continue
                done.append(trial)
            judge(tally, home, done)
        finally:
            home.stop()
    return tally


def _wait_for_end(home: Home, trial: Trial, tally: Tally) -> None:
    """Delivered, or failed with a sentence and delivered by a retry."""

    wait_for(lambda: home.is_settled(trial.study_uid), what="the study is not at its end")
    stated = home.stated(trial.study_uid)
    if stated.state == "failed":
        tally.problems.append(f"the study failed instead of waiting for space: {stated.sentence}")
        trial.operate_until_done("retry")
    trial.wait_for_end("delivered")
