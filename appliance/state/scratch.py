"""Scratch folders: files of the shared home, on this machine for as long as they are read.

A process has a folder of its own, which it keeps locked; the kernel gives the lock back when the process ends, in
whatever way. So who finds a folder whose lock is free deletes it, and never one that is in use. Process ids were
rejected: containers that share a volume number theirs each by itself.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.files import make_private_folder


class Scratch:
    """Folders for one process below a folder that several processes of this machine may use.

    Parameters
    ----------
    folder : made when it is first needed (0700); what processes left there that have ended is deleted
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._own: tuple[Path, int] | None = None  # our folder, and the handle of its lock

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder (0700) while the block runs; several may be in use at once.

        Raises
        ------
        OSError
            When the disk is full or cannot be written.
        """
        folder = Path(tempfile.mkdtemp(dir=self._ours()))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Deletes all of it."""
        with self._lock:
            if self._own is not None:
                folder, handle = self._own
                shutil.rmtree(folder, ignore_errors=True)
                os.close(handle)
                self._own = None

    def _ours(self) -> Path:
        with self._lock:
            if self._own is None:
                make_private_folder(self._folder)
                _sweep(self._folder)
                self._own = _made(self._folder)
            return self._own[0]


def _made(parent: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(dir=parent))
        try:
            handle = _locked(folder)
        except FileNotFoundError:
            continue
        # Who swept it between its making and its locking may have begun to delete it.
        if handle is not None and folder.exists():
            return folder, handle
        if handle is not None:
            os.close(handle)


def _sweep(parent: Path) -> None:
    """Deletes the folders of processes that have ended."""
    for folder in parent.iterdir():
        try:
            handle = _locked(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if handle is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(handle)


def _locked(folder: Path) -> int | None:
    """Handle of the lock of a folder; None when another process has it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
