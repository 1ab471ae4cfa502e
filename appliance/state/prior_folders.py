"""Folders for studies that were asked for as priors: they come by our port, and are no studies that were sent to us.

The worker makes a folder for each request, named by its Message ID and the Study Instance UID, and asks the archive for
the study; the archive repeats that ID in each object it sends (Move Originator Message ID), by which the receiver puts
the object there and nowhere else. Message IDs of priors are 32768 and more; what a person fetches has a lower one. An
object for a request that is no longer open is acknowledged and dropped. Nothing here survives a restart.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import mmap
from pathlib import Path

from appliance.files import make_private_folder
from models.files import write_whole

NAME = "priors"  # in the state folder
FIRST_MESSAGE_ID, LAST_MESSAGE_ID = 0x8000, 0xFFFF
_FILE, _DROPPED = ".dcm", ".dropped"


class PriorFolders:
    """Requests that are open, below the state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / NAME

    def clear(self) -> None:
        """At start of the service: requests of an earlier process are over."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def request(self, study_uid: str) -> Iterator[tuple[int, Path]]:
        """A new request: its Message ID, and the folder for its objects while the block runs."""
        make_private_folder(self._folder)
        while True:
            message_id = FIRST_MESSAGE_ID + secrets.randbelow(LAST_MESSAGE_ID - FIRST_MESSAGE_ID + 1)
            folder = self._of(message_id, study_uid)
            try:
                folder.mkdir(mode=0o700)
                break
            except FileExistsError:
                continue
        try:
            yield message_id, folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(
        self,
        message_id: int,
        *,
        study_uid: str,
        instance_uid: str,
        is_needed: bool,
        parts: tuple[bytes, bytes | memoryview | mmap],
    ) -> bool:
        """Keeps an object of a request, or notes that it came; False where nobody waits for it.

        Raises
        ------
        OSError
            When it cannot be written.
        """
        folder = self._of(message_id, study_uid)
        if not folder.is_dir():
            return False
        suffix = _FILE if is_needed else _DROPPED
        try:
            write_whole(folder / f"{instance_uid}{suffix}", parts if is_needed else ())
        except FileNotFoundError:  # the request ended meanwhile
            return False
        return True

    def _of(self, message_id: int, study_uid: str) -> Path:
        return self._folder / f"{message_id}_{study_uid}"


def arrived(folder: Path) -> tuple[tuple[Path, ...], int]:
    """Files of a request, and the number of objects that came, with those that are no input."""
    names = list(folder.iterdir())
    files = tuple(sorted(name for name in names if name.suffix == _FILE))
    return files, len(files) + sum(name.suffix == _DROPPED for name in names)
