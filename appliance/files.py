"""Files that survive a power cut: written beside, fsynced, renamed, and their folder fsynced.

Everything below the state folder is readable by the service's user only (0700, 0600): images and results name the
patient.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
from collections.abc import Iterable, Sequence
from mmap import mmap
from pathlib import Path

from dicom_io.errors import NotReadable
from dicom_io.images.limits import opened
from models.errors import SetupError
from models.files import PART, write_whole

# Linux's magic numbers of ext4 (and of ext2 and ext3, which it drives today), xfs and btrfs
_SYNC_NAMES_WITH_FILES = (0xEF53, 0x58465342, 0x9123683E)

__all__ = [
    "PART",
    "digest_of_files",
    "lock_folder",
    "make_private_folder",
    "sync_folder",
    "syncs_names_with_files",
    "write_durably",
]


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


def syncs_names_with_files(folder: Path) -> bool:
    """Returns whether a sync of a file makes its name durable, too, also after a rename: ext4, xfs and btrfs.

    There a rename changes the inode of the file, and the sync of a file waits for the journal with its last change.
    """
    system = ctypes.create_string_buffer(256)  # struct statfs: 120 bytes, with the type of the file system first
    if ctypes.CDLL(None, use_errno=True).statfs(os.fsencode(folder), system) != 0:
        return False
    return ctypes.c_long.from_buffer(system).value in _SYNC_NAMES_WITH_FILES


def write_durably(path: Path, parts: Iterable[bytes | memoryview | mmap], *, syncs_folder: bool = True) -> None:
    """Writes a file (0600) completely or not at all, even across a power cut; several may write it at the same time.

    Parameters
    ----------
    syncs_folder : False: one sync instead of two, of the file after it has its name. It is as durable on the file
        systems of `syncs_names_with_files`, but a power cut before this returns may leave an incomplete file under
        the name, which the caller must tell from a whole one
    """
    write_whole(path, parts, syncs_named=not syncs_folder)
    if syncs_folder:
        sync_folder(path.parent)


def digest_of_files(files: Sequence[Path]) -> str:
    """SHA-256 over the contents of files, whatever their names and order: 64 hexadecimal digits.

    A file that cannot be read (a link that leads nowhere, a pipe, no permission) counts by its name: reading the study
    says so, and it is another study when the file has become readable.
    """
    digests = [_digest_of(file) for file in files]
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


def _digest_of(file: Path) -> str:
    try:
        with opened(file) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (NotReadable, OSError):
        return f"not readable: {hashlib.sha256(os.fsencode(file.name)).hexdigest()}"
