"""The file system below the state folder: write permission and free space."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from pathlib import Path

_NO_JOURNAL = "SQLITE_IOERR_SHMSIZE"  # no space for the index of the write-ahead log, as it is opened
_ROOM = 32 << 20  # bytes; the results of a study take 2 to 5 MB, the databases' journals some more


def existing_part(state_dir: Path) -> Path:
    """The state folder, or the nearest folder above it that exists."""
    return next(folder for folder in (state_dir, *state_dir.absolute().parents) if folder.exists())


def unwritable(state_dir: Path) -> str:
    """A sentence when this user cannot write there; empty when it can."""
    existing = existing_part(state_dir)
    if os.access(existing, os.W_OK | os.X_OK):
        return ""
    return (
        f"{existing} cannot be written by this user (uid {os.getuid()}); expected a folder of the service's user: "
        "change its owner, or mount a volume there that it may write."
    )


def exposed(state_dir: Path) -> str:
    """A sentence when others can read images or results there, or replace them; empty when they cannot.

    The folder itself may be readable (a fresh volume often is, 0755) where what is in it is private on its own.
    """
    if not state_dir.exists() or state_dir.stat().st_mode & 0o077 == 0:
        return ""
    inside = [state_dir / name for name in ("inbox", "outbox", "studies.sqlite3", "queue.sqlite3")]
    for path, forbidden in ((state_dir, 0o002), *((path, 0o077) for path in inside)):
        if path.exists() and (mode := path.stat().st_mode & 0o777) & forbidden:
            expected = "0700" if path.is_dir() else "0600"
            return (
                f"{path} has mode {mode:04o}, so others can read or replace what is in it; expected {expected}: run "
                f"chmod {expected[1:]} on it."
            )
    return ""


def free_gb(state_dir: Path) -> float:
    """Free space for it in 10⁹ bytes."""
    return shutil.disk_usage(existing_part(state_dir)).free / 1e9


def is_disk_full(error: BaseException | None) -> bool:
    """Returns whether a write failed for lack of space, in itself or in what caused it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        found = getattr(error, "orig", error)  # SQLite's own error, also where a library between has wrapped it
        if isinstance(found, sqlite3.OperationalError) and (
            "disk is full" in str(found) or getattr(found, "sqlite_errorname", "") == _NO_JOURNAL
        ):
            return True
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False


def has_room(state_dir: Path) -> bool:
    """Returns whether there is room for the results of a study and what is written beside them."""
    return shutil.disk_usage(existing_part(state_dir)).free >= _ROOM
