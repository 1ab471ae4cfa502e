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


def free_gb(state_dir: Path) -> float:
    """Free space for it in 10⁹ bytes."""
    return shutil.disk_usage(existing_part(state_dir)).free / 1e9
