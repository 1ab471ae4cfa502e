"""Answers of STOW-RS where several hosts share a home: an instance is stored when it is in the home.

The web process knows neither database nor object store. It has made an instance safe on this host, and the receiver of
this host takes it from there into the home (`appliance/service/web_door.py`); what has left the spool is in the home,
or was put aside because the disk had damaged it. Answering before that was rejected: a host that is lost with its disk
would take images with it that a sender believes to be stored. To write into the home from here was rejected, too: the
receiver says when a study is complete, and what is in its hands must come to it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from appliance.service.pulse import PULSE, STOPPED_AFTER_S
from appliance.service.roles import ServiceRole
from appliance.service.web_door import STOW, UNREAD, name_aside
from appliance.state.worker_notes import supervision_in
from dicom_io.network.dicomweb.spool import SUFFIX

NO_PROGRESS_S = 30.0  # of the receiver, which has a round every second, and may wait for a database that fails over
LONGEST_S = 600.0  # senders do not wait longer; on a very busy machine 1,440 images took 105 s, sending and all
_LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Handed:
    """Names of files of a request that are not in the home.

    Attributes
    ----------
    waiting : the receiver has not taken them; it will
    put_aside : it could not read them
    """

    waiting: frozenset[str] = frozenset()
    put_aside: frozenset[str] = frozenset()


class Handover:
    """Waits for the receiver of this host to take what is in the spool.

    Parameters
    ----------
    state_dir : of the service
    no_progress_s : longest wait while it takes nothing at all
    longest_s : longest wait
    """

    def __init__(self, state_dir: Path, *, no_progress_s: float = NO_PROGRESS_S, longest_s: float = LONGEST_S) -> None:
        self._state_dir = state_dir
        self._spool, self._unread = state_dir / STOW, state_dir / UNREAD
        self._no_progress_s, self._longest_s = no_progress_s, longest_s

    def obstacle(self) -> str:
        """Sentence on what keeps the receiver of this host from taking anything; empty when it takes."""
        if supervision_in(self._state_dir).role == ServiceRole.WORKER:
            return "The service on this state folder has the role worker and takes no images; expected a receiver."
        pulse = self._state_dir / PULSE
        if not pulse.exists() or time.time() - pulse.stat().st_mtime > STOPPED_AFTER_S:
            return "The receiver of this host does not run; expected it beside this process."
        return ""

    async def handed(self, request: Path, names: Collection[str]) -> Handed:
        """Waits until some files of a request have been taken, as long as there is progress; which were not.

        Progress is that of the whole spool: requests are taken one after another.
        """
        begun_s = progress_s = time.monotonic()
        front = ""
        while True:
            waiting, now_front = await run_in_threadpool(self._look, request, names)
            now_s = time.monotonic()
            if now_front != front:
                front, progress_s = now_front, now_s
            is_over = now_s - progress_s > self._no_progress_s or now_s - begun_s > self._longest_s
            if not waiting or is_over:
                aside = frozenset(name for name in names if (self._unread / name_aside(request, name)).exists())
                return Handed(waiting, aside)
            await asyncio.sleep(_LOOK_EVERY_S)

    def _look(self, request: Path, names: Collection[str]) -> tuple[frozenset[str], str]:
        """Files of a request that have not been taken, and the file that is taken next of all."""
        waiting = frozenset(_files(request)).intersection(names)
        for other in sorted(self._spool.iterdir()) if waiting else ():
            if first := min(_files(other), default=""):
                return waiting, f"{other.name}/{first}"
        return waiting, ""


def _files(request: Path) -> list[str]:
    """Names of the instances of a request; none where it has been taken whole."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return [name for name in os.listdir(request) if name.endswith(SUFFIX)]
    return []
