"""The sign of life of a running service, in its state folder.

The main loop touches a file after every round that did its work: received studies checked, jobs queued and compared
with the queue, delivery threads alive, records written. When the pulse stops, one of these has stopped.
"""

from __future__ import annotations

from pathlib import Path

PULSE = "pulse"  # name of the file
STOPPED_AFTER_S = 60.0  # SQLite waits up to half a minute for a lock

_BEAT_EVERY_S = 5.0


class Pulse:
    """The sign of life of a service in its state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / PULSE
        self._next_s = float("-inf")

    def last_s(self) -> float:
        """Time of the last sign of life (seconds since 1970), also of an earlier process; 0 where there was none."""
        return self._path.stat().st_mtime if self._path.exists() else 0.0

    def beat(self, now_s: float) -> None:
        """Records that a round was done; the file is touched every few seconds only.

        A full disk does not stop it: the file has no content.
        """
        if now_s >= self._next_s:
            self._path.touch(mode=0o600)
            self._next_s = now_s + _BEAT_EVERY_S
