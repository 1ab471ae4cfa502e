"""Studies that are arriving, where any of several receivers may get the next instance: who completes one, and when.

    arrived ──▶ silent for long enough, no association open ──▶ taken by one host ──▶ queued
       ▲                                                            │
       └──────────── something new came, or that host died ◀────────┘

All times are of the database's clock. A receiver that has an association open which brings the study renews a lease on
it; one that dies no longer does. A study is taken for a time, not deleted: `Records.queue` deletes it in the
transaction that queues the study, unless something of it came meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import sqlalchemy as sa

from appliance.state.database import clock, insert
from appliance.state.records import Records
from appliance.state.study_moves import arrive
from appliance.state.tables import ARRIVALS, STUDIES, WANTED_NOW

_TAKEN_S = 60.0  # from finding a study complete to queueing it: the digest of its content is computed between

_LAST = sa.select(
    ARRIVALS.c.study_uid,
    sa.func.min(ARRIVALS.c.first_at).label("first_at"),
    sa.func.max(ARRIVALS.c.arrived_at).label("arrived_at"),
    sa.func.max(ARRIVALS.c.open_until).label("open_until"),
    sa.func.min(sa.func.coalesce(ARRIVALS.c.taken_until, ARRIVALS.c.arrived_at)).label("free_at"),
).group_by(ARRIVALS.c.study_uid)


class ArrivalRecords:
    """The part of the records about studies that are arriving; every method is one transaction.

    Parameters
    ----------
    receiver : name of this host among those that use the records
    """

    def __init__(self, records: Records, *, receiver: str) -> None:
        self._records = records
        self._receiver = receiver

    def arrived(self, study_uid: str, *, lease_s: float) -> None:
        """Something new of a study is safe: it is `received`, and waits for silence."""
        with self._records.transaction() as connection:
            note_arrival(connection, study_uid, receiver=self._receiver, lease_s=lease_s)

    def seen(self, study_uids: Iterable[str], *, lease_s: float) -> None:
        """Instances came that change nothing; where their study is arriving, its sender is evidently not done."""
        with self._records.transaction() as connection:
            uids = sorted(_that_arrive(connection, study_uids))
            if uids:
                held = sa.select(STUDIES.c.study_uid).where(STUDIES.c.study_uid.in_(uids)).order_by(STUDIES.c.study_uid)
                connection.execute(held.with_for_update())
            for study_uid in _that_arrive(connection, uids):  # again: it may have been queued before we had it
                note_arrival(connection, study_uid, receiver=self._receiver, lease_s=lease_s)

    def renew(self, study_uids: Iterable[str], *, lease_s: float) -> None:
        """Associations that bring these studies to this receiver are still open."""
        self._set_lease(study_uids, lease_s)

    def closed(self, study_uids: Iterable[str]) -> None:
        """The last association that brought these studies to this receiver has ended; others may have theirs."""
        self._set_lease(study_uids, 0.0)

    def due(self, *, idle_s: float, force_after_s: float) -> tuple[str, ...]:
        """Studies that are complete now; each is given to one host, which queues it.

        A study is due when nothing of it came for `idle_s` and no receiver holds a lease; when it has been arriving for
        `force_after_s`; or when an operator wants it now. One whose host does not queue it is due again after a minute.
        """
        taken = []
        with self._records.transaction() as connection:
            now = clock(connection)
            wanted = {row.study_uid for row in connection.execute(sa.select(WANTED_NOW)).all()}
            silent, forced = now - timedelta(seconds=idle_s), now - timedelta(seconds=force_after_s)
            last = _LAST.subquery()
            candidates = sa.select(last.c.study_uid).where(
                last.c.free_at <= now,
                sa.or_(
                    sa.and_(last.c.arrived_at <= silent, last.c.open_until <= now),
                    last.c.first_at <= forced,
                    last.c.study_uid.in_(sa.select(WANTED_NOW.c.study_uid)),
                ),
            )
            found = sorted(row.study_uid for row in connection.execute(candidates).all())
            # An instance that is just being recorded holds its study; whoever has it now says when it is due.
            locked = (
                sa.select(STUDIES.c.study_uid)
                .where(STUDIES.c.study_uid.in_(found))
                .order_by(STUDIES.c.study_uid)
                .with_for_update(skip_locked=True)
            )
            ours = [row.study_uid for row in connection.execute(locked).all()] if found else []
            if ours:  # looked at again, since something may have come before we had them
                taken = [
                    row.study_uid for row in connection.execute(candidates.where(last.c.study_uid.in_(ours))).all()
                ]
                connection.execute(
                    sa.update(ARRIVALS)
                    .where(ARRIVALS.c.study_uid.in_(taken))
                    .values(taken_until=now + timedelta(seconds=_TAKEN_S))
                )
            if wanted & set(taken):
                connection.execute(sa.delete(WANTED_NOW).where(WANTED_NOW.c.study_uid.in_(taken)))
        return tuple(sorted(taken))

    def arriving(self) -> tuple[str, ...]:
        """Studies that wait to be complete, at whatever receiver."""
        with self._records.transaction() as connection:
            rows = connection.execute(sa.select(ARRIVALS.c.study_uid).distinct().order_by(ARRIVALS.c.study_uid)).all()
        return tuple(row.study_uid for row in rows)

    def _set_lease(self, study_uids: Iterable[str], lease_s: float) -> None:
        uids = sorted(set(study_uids))
        if not uids:
            return
        with self._records.transaction() as connection:
            connection.execute(
                sa.update(ARRIVALS)
                .where(ARRIVALS.c.receiver == self._receiver, ARRIVALS.c.study_uid.in_(uids))
                .values(open_until=clock(connection) + timedelta(seconds=lease_s))
            )


def note_arrival(connection: sa.Connection, study_uid: str, *, receiver: str, lease_s: float) -> None:
    """Something new of a study is recorded in this very transaction, of which this is the end.

    The study's row is locked from here on: who completes it waits, or sees what came.
    """
    arrive(connection, study_uid)
    now = clock(connection)
    row = {
        "study_uid": study_uid,
        "receiver": receiver,
        "first_at": now,
        "arrived_at": now,
        "open_until": now + timedelta(seconds=lease_s),
    }
    upsert = insert(connection, ARRIVALS).values(row)
    excluded = upsert.excluded
    connection.execute(
        upsert.on_conflict_do_update(
            index_elements=["study_uid", "receiver"],
            set_={"arrived_at": excluded.arrived_at, "open_until": excluded.open_until, "taken_until": None},
        )
    )


def _that_arrive(connection: sa.Connection, study_uids: Iterable[str]) -> list[str]:
    arriving = sa.select(ARRIVALS.c.study_uid).distinct().where(ARRIVALS.c.study_uid.in_(sorted(set(study_uids))))
    return sorted(row.study_uid for row in connection.execute(arriving).all())
