"""Completeness of a study. DICOM has no signal for it, so silence decides.

A study is due when nothing of it has arrived for `idle_s`, over all associations, and no association that carried it
is still open; when nothing of it has arrived for `carrier_idle_s` besides, although one is open, since that one is
silent or brings something else; or when it has been arriving for `force_after_s`. A late instance starts it again. Pure
bookkeeping: the clock is an argument, and after a restart the caller says again what is waiting.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class _Waiting:
    """A study that is arriving."""

    first_s: float
    last_s: float
    carriers: set[int] = field(default_factory=set)  # associations that brought some of it


class Completeness:
    """Arrival times of studies; every method may be called from any thread. Times are of a monotonic clock."""

    def __init__(self, *, idle_s: float, carrier_idle_s: float, force_after_s: float) -> None:
        self._idle_s = idle_s
        self._carrier_idle_s = carrier_idle_s
        self._force_after_s = force_after_s
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._open: set[int] = set()

    def opened(self, association: int) -> None:
        """An association was opened."""
        with self._lock:
            self._open.add(association)

    def closed(self, association: int) -> None:
        """An association ended, in whatever way."""
        with self._lock:
            self._open.discard(association)
            for waiting in self._waiting.values():
                waiting.carriers.discard(association)

    def arrived(self, study_uid: str, *, association: int, now_s: float) -> None:
        """Something new of a study is safe on disk (association 0: found on disk at start)."""
        with self._lock:
            waiting = self._waiting.setdefault(study_uid, _Waiting(first_s=now_s, last_s=now_s))
            waiting.last_s = max(waiting.last_s, now_s)
            if association in self._open:  # it may have ended while its last instance was written
                waiting.carriers.add(association)

    def seen(self, study_uid: str, *, association: int, now_s: float) -> None:
        """An instance that changes nothing came; where the study is arriving, its sender is evidently not done."""
        with self._lock:
            is_waiting = study_uid in self._waiting
        if is_waiting:
            self.arrived(study_uid, association=association, now_s=now_s)

    def arriving(self) -> tuple[str, ...]:
        """Studies that wait to be complete."""
        with self._lock:
            return tuple(self._waiting)

    def take_due(self, now_s: float) -> tuple[str, ...]:
        """Studies that are complete now; each is given out once, until something new of it arrives."""
        with self._lock:
            due = tuple(study for study, waiting in self._waiting.items() if self._is_due(waiting, now_s))
            for study in due:
                del self._waiting[study]
            return due

    def _is_due(self, waiting: _Waiting, now_s: float) -> bool:
        patience_s = self._idle_s + (self._carrier_idle_s if waiting.carriers else 0.0)
        is_silent = now_s - waiting.last_s >= patience_s
        return is_silent or now_s - waiting.first_s >= self._force_after_s
