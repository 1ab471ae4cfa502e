"""The one way to write a file: beside its place under a name nobody can guess, then renamed.

A folder of results may be open to others (a share, /tmp). So the name of what is not complete is random, it is made and
never opened where something is there already, and no link is followed; the rename replaces a link instead of writing
through it. What names patients is readable by its owner alone.

Reading back what an earlier run left is as careful: no link, no pipe that would be waited for.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from io import BufferedReader
from mmap import mmap
from pathlib import Path

from models.errors import NotWritable

PART = ".part"  # suffix of what is not complete; left behind only by a crash
OLD = ".old"  # suffix of a folder that is being replaced
PRIVATE = 0o600  # images, results and tables name patients
SHARED = 0o666  # model packages and what has no patient in it; the umask of the user decides


def write_output(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Writes a file that a user asked for completely or not at all, and makes its folder (0700) where there is none.

    Raises
    ------
    NotWritable
        When it cannot be written.
    """
    try:
        make_output_folder(path.parent)
        write_whole(path, (content,), mode=mode)
    except OSError as error:
        raise NotWritable(
            f"{path} cannot be written ({error.strerror}); name a place that this user may write to and that has "
            "space.",
            because=error,
        ) from error


def make_output_folder(folder: Path) -> None:
    """Makes a folder (0700) that a user asked for, and its parents; one that exists stays as it is.

    Raises
    ------
    NotWritable
        When it cannot be made.
    """
    try:
        for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        if not folder.is_dir():
            raise NotADirectoryError(0, "it is no folder")
    except OSError as error:
        raise NotWritable(
            f"The folder {folder} cannot be made ({error.strerror}); name another one.", because=error
        ) from error


def require_writable(folder: Path) -> None:
    """Makes a folder that a user asked for and writes a file to it and away again: before hours of work, not after.

    Raises
    ------
    NotWritable
        When it cannot be made or written to.
    """
    make_output_folder(folder)
    try:
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b"0")
            trial.flush()
    except OSError as error:
        raise NotWritable(
            f"The folder {folder} cannot be written to ({error.strerror}); name one that this user may write to and "
            "that has space.",
            because=error,
        ) from error


def write_into_folder(
    folder: Path, contents: Mapping[str, bytes], *, instead_of: Iterable[str] = (), mode: int
) -> None:
    """Writes files into a folder (0700 where it is new), which gets all of them or none; what else it holds stays.

    All are written into a folder in it first, where a full disk or an interrupt costs nothing that was there: beside
    it may be another file system, or no permission.

    Parameters
    ----------
    instead_of : names of files that are taken away as the new ones come

    Raises
    ------
    NotWritable
        When they cannot be written.
    """
    make_output_folder(folder)
    for left_by_a_crash in folder.glob(f".*{PART}"):
        remove(left_by_a_crash)
    part = _beside(folder / "files", PART)
    try:
        part.mkdir(mode=0o700)
        for name, content in contents.items():
            write_whole(part / name, (content,), mode=mode)
        for name in instead_of:
            (folder / name).unlink(missing_ok=True)
        for name in contents:
            (part / name).rename(folder / name)
    except OSError as error:
        raise NotWritable(
            f"{folder} cannot be written ({error.strerror}); name a place that this user may write to and that has "
            "space.",
            because=error,
        ) from error
    finally:
        remove(part)


def write_whole(
    path: Path, parts: Iterable[bytes | memoryview | mmap], *, mode: int = PRIVATE, syncs_named: bool = False
) -> None:
    """Writes a file completely or not at all, with its bytes on the disk before it has its name.

    Parameters
    ----------
    syncs_named : True: its bytes and its name reach the disk together, after it has the name; where that fails, the
        name is taken away, unless another file has it by now

    Raises
    ------
    OSError
        When it cannot be written; nothing is left of it.
    """
    part = _beside(path, PART)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb", buffering=0) as file:
            for content in parts:
                _write_all(file.fileno(), content)
            if not syncs_named:
                os.fsync(file.fileno())
            part.rename(path)
            if syncs_named:
                _sync_named(file.fileno(), path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def replace_folder(folder: Path, contents: dict[str, bytes]) -> None:
    """Puts a complete folder (0700) with these files in place of whatever has its name.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    part, old = _beside(folder, PART), _beside(folder, OLD)
    part.mkdir(mode=0o700)
    try:
        for name, content in contents.items():
            write_whole(part / name, (content,))
        if os.path.lexists(folder):
            folder.rename(old)
        part.rename(folder)
    except BaseException:
        remove(part)
        raise
    remove(old)


def remove(path: Path) -> None:
    """Removes a file, a link (not what it leads to) or a folder with all in it, where there is one and it may be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink()
    except OSError:
        return


def open_regular(path: Path) -> BufferedReader:
    """A file for reading: a regular one, itself and not through a link. It is not waited for.

    Raises
    ------
    OSError
        When it is something else, or cannot be opened.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(0, "it is no file but a pipe, socket, device or folder", str(path))
    return os.fdopen(handle, "rb")


def _beside(path: Path, suffix: str) -> Path:
    """A name beside a path that nobody can guess."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}{suffix}")


def _sync_named(handle: int, path: Path) -> None:
    try:
        os.fsync(handle)
    except OSError:
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(handle).st_ino:
                path.unlink()
        raise


def _write_all(handle: int, content: bytes | memoryview | mmap) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]
