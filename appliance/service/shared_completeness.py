"""Completeness of a study where several receivers may get its instances: the database's clock, and leases.

The same rules as in `completeness`, decided by the records: a study is due when nothing of it came to any receiver for
`idle_s` and no receiver holds a lease on it. This receiver renews its lease for as long as an association is open that
brought some of the study and has not been silent for too long; when it dies, the lease ends by itself.
"""

from __future__ import annotations

import threading

from appliance.state.arrival_records import ArrivalRecords

LEASE_S = 10.0  # a receiver that died holds its studies up so long, at most
_RENEW_EVERY_S = 2.0


class SharedCompleteness:
    """The leases of one receiver; every method may be called from any thread. Times are of a monotonic clock.

    Nothing here waits for the database but `arriving` and `take_due`, which the main loop calls: what an association
    tells is passed on with the next round.

    Parameters
    ----------
    carrier_idle_s : an open association that brings nothing of a study for so long besides no longer holds it up
    """

    def __init__(self, arrivals: ArrivalRecords, *, idle_s: float, carrier_idle_s: float, force_after_s: float) -> None:
        self._arrivals = arrivals
        self._idle_s = idle_s
        self._carrier_idle_s = carrier_idle_s
        self._force_after_s = force_after_s
        self._lock = threading.Lock()
        self._open: set[int] = set()
        self._carried: dict[str, set[int]] = {}  # study → open associations that brought some of it
        self._last_s: dict[str, float] = {}  # study → when one of them brought something last
        self._seen: set[str] = set()  # studies of which something came that changes nothing
        self._over: set[str] = set()  # studies whose lease is to be given back
        self._renewed_s = 0.0

    def opened(self, association: int) -> None:
        """An association was opened."""
        with self._lock:
            self._open.add(association)

    def closed(self, association: int) -> None:
        """An association ended, in whatever way."""
        with self._lock:
            self._open.discard(association)
            for study_uid, carriers in list(self._carried.items()):
                carriers.discard(association)
                if not carriers:
                    self._give_back(study_uid)

    def arrived(self, study_uid: str, *, association: int, now_s: float) -> None:
        """Something new of a study was kept, and recorded with a lease in the same transaction."""
        with self._lock:
            if association in self._open:
                self._carried.setdefault(study_uid, set()).add(association)
                self._last_s[study_uid] = now_s
                self._over.discard(study_uid)
            elif study_uid not in self._carried:  # it ended while its last instance was written
                self._over.add(study_uid)

    def seen(self, study_uid: str, *, association: int, now_s: float) -> None:
        """An instance that changes nothing came; where the study is arriving, its sender is evidently not done."""
        self.arrived(study_uid, association=association, now_s=now_s)
        with self._lock:
            self._seen.add(study_uid)

    def arriving(self) -> tuple[str, ...]:
        """Studies that wait to be complete, at whatever receiver."""
        return self._arrivals.arriving()

    def take_due(self, now_s: float) -> tuple[str, ...]:
        """Studies that are complete now; each is given to one host.

        Raises
        ------
        DatabaseUnavailable
            When the database does not answer now.
        """
        self._pass_on(now_s)
        return self._arrivals.due(idle_s=self._idle_s, force_after_s=self._force_after_s)

    def _pass_on(self, now_s: float) -> None:
        """Tells the database what the associations told since the last round."""
        with self._lock:
            seen, over = frozenset(self._seen), frozenset(self._over)
            for study_uid, last_s in list(self._last_s.items()):
                if now_s - last_s > self._idle_s + self._carrier_idle_s:  # the association brings something else
                    del self._carried[study_uid], self._last_s[study_uid]
            held = tuple(self._carried)
        if seen:
            self._arrivals.seen(seen, lease_s=LEASE_S)
            with self._lock:
                self._seen -= seen
        if over:
            self._arrivals.closed(over)
            with self._lock:
                self._over -= over
        if held and now_s - self._renewed_s >= _RENEW_EVERY_S:
            self._arrivals.renew(held, lease_s=LEASE_S)
            self._renewed_s = now_s

    def _give_back(self, study_uid: str) -> None:
        self._carried.pop(study_uid, None)
        self._last_s.pop(study_uid, None)
        self._over.add(study_uid)
