"""A copy of the state folder, made with the service running or stopped, from which a service can continue elsewhere.

The order keeps it consistent without stopping anything: the queue first, then the records, then results, then images.
What the service writes meanwhile is found in a later part of the copy, and there the next start puts right what
differs: a job that the records know as done is dropped, existing results are not computed again, images that no record
knows are a new study. What was told by alerts goes with it, so that nothing is told twice and no message is lost.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from appliance.files import PART, make_private_folder, sync_folder
from appliance.settings import Settings
from models.errors import SetupError

QUEUE, RECORDS, ALERTS = "queue.sqlite3", "studies.sqlite3", "alerts.sqlite3"
FOLDERS = ("outbox", "inbox")


@dataclass(frozen=True)
class Backup:
    """Files and bytes copied.

    Attributes
    ----------
    files, size : number of files and bytes
    """

    folder: Path
    files: int
    size: int


def back_up(settings: Settings, target: Path) -> Backup:
    """Copies the state folder to `target`, which appears only once it is complete.

    Raises
    ------
    SetupError
        When the state is in a shared home, there is none, `target` exists already, or a file cannot be read or written.
    """
    if settings.shared.is_used:
        bucket = f", then copy the bucket {settings.shared.objects_url}" if settings.shared.objects_url else ""
        raise SetupError(
            "Records, images and results are in the shared home, not in the state folder: back up the database with "
            f"pg_dump --format custom{bucket}; OPERATING.md has the commands, and how to restore."
        )
    state_dir = settings.service.state_dir
    if not (state_dir / RECORDS).is_file():
        raise SetupError(f"{state_dir} holds no state of a service; name the service's configuration file.")
    if target.exists():
        raise SetupError(f"{target} exists already; name a folder that does not exist: each backup needs its own.")
    if target.resolve().is_relative_to(state_dir.resolve()):
        raise SetupError(f"{target} lies in the state folder {state_dir}; name a folder outside of it.")
    part = target.with_name(f".{target.name}{PART}")
    try:
        shutil.rmtree(part, ignore_errors=True)
        make_private_folder(part)
        for name in (QUEUE, RECORDS, ALERTS):
            if (state_dir / name).is_file():
                _copy_database(state_dir / name, part / name)
        for name in FOLDERS:
            _copy_folder(state_dir / name, part / name)
        os.sync()
        part.rename(target)
        sync_folder(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise SetupError(
            f"The backup could not be made ({error}); look at the space, and whether this user may write to "
            f"{target.parent} and read {state_dir}."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)  # also when it is interrupted
    sizes = [path.stat().st_size for path in target.rglob("*") if path.is_file()]
    return Backup(target, len(sizes), sum(sizes))


def _copy_database(source: Path, target: Path) -> None:
    """SQLite's own online backup: one consistent moment, also while others write."""
    target.touch(mode=0o600)
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30.0)) as there,
        closing(sqlite3.connect(target)) as here,
    ):
        there.backup(here)


def _copy_folder(source: Path, target: Path) -> None:
    """Everything that is complete; what goes away meanwhile, by retention or a late instance, is left out."""
    target.mkdir(mode=0o700)
    try:
        entries = list(os.scandir(source))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.endswith(PART):
            continue
        if entry.is_dir(follow_symlinks=False):
            _copy_folder(Path(entry.path), target / entry.name)
            continue
        try:
            shutil.copyfile(entry.path, target / entry.name)
        except FileNotFoundError:
            continue
        (target / entry.name).chmod(0o600)
