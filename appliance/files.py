"""Files that survive a power cut: written beside, fsynced, renamed, and their folder fsynced.

Everything below the state folder is readable by the service's user only (0700, 0600): images and results name the
patient.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Sequence
from mmap import mmap
from pathlib import Path

from models.errors import SetupError

PART = ".part"  # suffix of what is not complete; left behind only by a crash


def make_private_folder(folder: Path) -> None:
    """Makes a folder (0700) durably, and its parents."""
    if folder.is_dir():
        return
    make_private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Makes names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(path: Path, parts: Iterable[bytes | mmap], *, part_name: str = "") -> None:
    """Writes a file (0600) completely or not at all, even across a power cut.

    `part_name` tells apart writers of the same path at the same time.
    """
    part = path.with_name(f".{path.name}{part_name}{PART}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb", buffering=0) as file:
            for content in parts:
                _write_all(file.fileno(), content)
            os.fsync(file.fileno())
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def digest_of_files(files: Sequence[Path]) -> str:
    """SHA-256 over the contents of files, whatever their names and order: 64 hexadecimal digits."""
    digests = []
    for file in files:
        with file.open("rb") as stream:
            digests.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def lock_folder(folder: Path) -> int:
    """Keeps every other process away from a state folder until this one ends; returns the handle of the lock.

    Raises
    ------
    SetupError
        When another process holds it.
    """
    handle = os.open(folder / "service.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise SetupError(
            f"Another service uses {folder}; expected one service per state folder: stop the other, or give "
            "this one its own state_dir in [service]."
        ) from error
    return handle


def _write_all(handle: int, content: bytes | mmap) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]
