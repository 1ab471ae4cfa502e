"""The file system below the state folder: write permission and free space."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


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
