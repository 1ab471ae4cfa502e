"""Two notes in the state folder: what the worker is executing, by the worker; how it fares, by the service.

Each is one small file that its writer overwrites in place, so that it can be written on a full disk, and by a process
that is about to be killed; who reads it needs no lock and no library. It is a sign, not a protocol: work is handed
over by the queue alone.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

_SIZE = 1024  # bytes of a note, always all of them: a write needs no new block
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_WORKER, _SERVICE = "worker.note", "service.note"


class Doing(StrEnum):
    """Occupation of a worker."""

    OPENING = "opening"  # loads the libraries and checks the models; takes no job
    WAITING = "waiting"  # for a job
    COMPUTING = "computing"  # a job
    OUT_OF_SPACE = "out of space"  # with a job, until there is space on the disk
    CUT_OFF = "cut off"  # with a job, until the database answers


@dataclass(frozen=True)
class Activity:
    """Occupation of one worker.

    Attributes
    ----------
    pid : of the process
    doing, job_id, since_s : its occupation, with which job, and since when by the monotonic clock of this boot
    allowance_s : seconds that this may take longer than other jobs
    done : jobs that this process has brought to an end
    boot : of the machine, since the clock counts from there
    """

    pid: int
    doing: Doing
    job_id: str = ""
    since_s: float = 0.0
    allowance_s: float = 0.0
    done: int = 0
    boot: str = ""


@dataclass(frozen=True)
class Supervision:
    """State of the worker as the service sees it, and of the service itself.

    Attributes
    ----------
    pid : of the running worker, 0 when none runs
    failures : ends in a row before the worker did anything; 0 when it works
    how : how it ended last, in words
    next_at : UTC, ISO 8601, when it is started again; "" while it runs
    trouble : a sentence on what keeps the service from its work; "" when nothing does
    role : of this process of the service; "" in a note of a version without roles
    """

    pid: int = 0
    failures: int = 0
    how: str = ""
    next_at: str = ""
    trouble: str = ""
    role: str = ""


class WorkerNote:
    """The worker's note, for its writer."""

    def __init__(self, folder: Path) -> None:
        self._file = _NoteFile(folder / _WORKER)

    def write(self, activity: Activity) -> None:
        """Replaces what it says."""
        self._file.write(asdict(activity) | {"boot": boot_id()})


class ServiceNote:
    """The service's note, for its writer."""

    def __init__(self, folder: Path) -> None:
        self._file = _NoteFile(folder / _SERVICE)
        self._last: Supervision | None = None

    def write(self, supervision: Supervision) -> None:
        """Replaces what it says, if that is something else."""
        if supervision != self._last:
            self._file.write(asdict(supervision))
            self._last = supervision


def activity_in(folder: Path) -> Activity | None:
    """Content of the worker's note; None where there is none of this boot."""
    values = _content(folder / _WORKER)
    if values is None or values.get("boot") != boot_id():
        return None
    return Activity(**values | {"doing": Doing(values["doing"])})


def supervision_in(folder: Path) -> Supervision:
    """Content of the service's note; nothing is wrong where there is none."""
    values = _content(folder / _SERVICE)
    return Supervision() if values is None else Supervision(**values)


def boot_id() -> str:
    """The time since the machine started last; monotonic clocks of two of them cannot be compared."""
    return _BOOT.read_text(encoding="ascii").strip() if _BOOT.exists() else ""


class _NoteFile:
    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.posix_fallocate(self._handle, 0, _SIZE)  # it can still be written when the disk is full

    def write(self, values: dict[str, Any]) -> None:
        os.pwrite(self._handle, json.dumps(values).encode().ljust(_SIZE), 0)


def _content(path: Path) -> dict[str, Any] | None:
    """Values of a note; None where there is none, or only the beginning of one."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None
