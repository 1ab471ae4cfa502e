"""Watch while a fault lasts: the port answers an echo at every moment; the memory that is taken."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from dicom_io.network.echo import echo
from dicom_io.network.peer import Peer
from models.errors import RDeepNetError
from tests.faults.home import AE_TITLE, SENDER, Home, children_of
from tests.faults.results import Tally

ECHO_S = 5.0  # an echo is answered within it at every moment


class Watch:
    """Asks for an echo and looks at the memory all the time, within a `with` block."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._before_mb = self._most_mb = 0.0
        self._longest_s = 0.0
        self._refusals: list[str] = []

    def __enter__(self) -> Watch:
        self._before_mb = memory_mb(self._home.process_id)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def say(self, tally: Tally, *, most_mb: float) -> None:
        """Put what was seen into a tally; more than was expected is a problem."""
        grown_mb = max(0.0, self._most_mb - self._before_mb)
        if self._refusals:
            tally.problems.append(f"{len(self._refusals)} echoes were not answered, the first: {self._refusals[0]}")
        if self._longest_s > ECHO_S:
            tally.problems.append(f"an echo took {self._longest_s:.1f} s; expected at most {ECHO_S:g} s")
        if grown_mb > most_mb:
            tally.problems.append(f"memory grew by {grown_mb:.0f} MB; expected at most {most_mb:g}")
        said = f"echo within {self._longest_s:.1f} s, memory +{grown_mb:.0f} MB"
        tally.measured = f"{said}; {tally.measured}" if tally.measured else said

    def _look(self) -> None:
        peer = Peer(AE_TITLE, "127.0.0.1", self._home.port, SENDER, 2 * ECHO_S)
        next_s = 0.0
        while not self._over.wait(0.03):
            self._most_mb = max(self._most_mb, memory_mb(self._home.process_id))
            if time.monotonic() < next_s:
                continue
            asked_s = time.monotonic()
            try:
                echo(peer)
            except RDeepNetError as error:
                self._refusals.append(str(error))
            self._longest_s = max(self._longest_s, time.monotonic() - asked_s)
            next_s = time.monotonic() + 0.2


def memory_mb(process_id: int) -> float:
    """Resident memory of a process and those it has started."""
    try:
        pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6 + sum(map(memory_mb, children_of(process_id)))
