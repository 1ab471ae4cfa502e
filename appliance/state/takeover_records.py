"""Takeovers: jobs whose worker was gone, taken from it by another host.

A takeover starts the queue's own count of attempts again. This count does not, so a study that ends the worker of every
host stops wandering.

What the database server does is not counted: every worker ends when the server is started again, and when a standby
takes its place. PostgreSQL says itself when it was started. A promoted standby runs for longer than the studies it cuts
off, but on a new timeline, so a row without a job says since when each timeline is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from appliance.state.database import clock
from appliance.state.records import Records
from appliance.state.states import State
from appliance.state.tables import STUDIES, TAKEOVERS


@dataclass(frozen=True)
class Takeover:
    """One takeover of a job: from whom, and by whom."""

    job_id: str
    at: datetime
    taken_from: str
    taken_by: str

    @property
    def sentence(self) -> str:
        """Event in the history of a study."""
        return f"taken over by {self.taken_by} from {self.taken_from}, which was gone"


class TakeoverRecords:
    """The part of the records about takeovers; every method is one transaction."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def taken_over(self, job_ids: Sequence[str], *, taken_from: str = "", taken_by: str = "") -> Mapping[str, int]:
        """Records takeovers; returns how often each of these jobs was taken over by now.

        One that was begun before the database server was last started, or before another took its place, is not
        counted: that says nothing about the study.
        """
        if not job_ids:
            return {}
        with self._records.transaction() as connection:
            at = clock(connection)
            names = {"at": at, "taken_from": taken_from, "taken_by": taken_by}
            excused = _cut_off_by_the_server(connection, job_ids) if self._records.is_shared else frozenset()
            if rows := [{"job_id": job_id, **names} for job_id in job_ids if job_id not in excused]:
                connection.execute(sa.insert(TAKEOVERS), rows)
            counted = sa.select(TAKEOVERS.c.job_id, sa.func.count()).where(TAKEOVERS.c.job_id.in_(job_ids))
            found = connection.execute(counted.group_by(TAKEOVERS.c.job_id)).all()
        return {**dict.fromkeys(job_ids, 0), **{str(row[0]): int(row[1]) for row in found}}

    def server_seen(self) -> None:
        """Records which server answers, where it is another than before; workers say so when they begin their work."""
        if self._records.is_shared:
            with self._records.transaction() as connection:
                _server_since(connection)

    def of_study(self, study_uid: str) -> tuple[Takeover, ...]:
        """Takeovers of a study's jobs, oldest first."""
        of_study = TAKEOVERS.c.job_id.startswith(f"{study_uid}:", autoescape=True)
        with self._records.transaction() as connection:
            rows = connection.execute(sa.select(TAKEOVERS).where(of_study).order_by(TAKEOVERS.c.rowid)).all()
        return tuple(Takeover(row.job_id, row.at, row.taken_from, row.taken_by) for row in rows)

    def count(self) -> int:
        """Number of takeovers."""
        with self._records.transaction() as connection:
            count: int = connection.execute(sa.select(sa.func.count()).where(TAKEOVERS.c.job_id != "")).scalar_one()
        return count


def _cut_off_by_the_server(connection: sa.Connection, job_ids: Sequence[str]) -> frozenset[str]:
    """Jobs that run since before the database server was started, or took another's place."""
    began = sa.func.pg_postmaster_start_time(type_=sa.DateTime(timezone=True))
    since = _server_since(connection)
    cut_off = sa.select(STUDIES.c.job_id).where(
        STUDIES.c.job_id.in_(job_ids),
        STUDIES.c.state == State.RUNNING,
        STUDIES.c.changed_at < (began if since is None else sa.func.greatest(began, since)),
    )
    return frozenset(connection.execute(cut_off).scalars())


def _server_since(connection: sa.Connection) -> datetime | None:
    """Time at which the server that answers was first seen, None when it is the first or cannot be told from others."""
    server = _server(connection)
    if not server:
        return None
    seen = sa.select(TAKEOVERS.c.taken_by, sa.func.min(TAKEOVERS.c.at)).where(TAKEOVERS.c.job_id == "")
    known: dict[str, datetime] = {row[0]: row[1] for row in connection.execute(seen.group_by(TAKEOVERS.c.taken_by))}
    if server not in known:
        known[server] = clock(connection)
        row = {"at": known[server], "job_id": "", "taken_from": "", "taken_by": server}
        connection.execute(sa.insert(TAKEOVERS), row)
    return known[server] if len(known) > 1 else None


def _server(connection: sa.Connection) -> str:
    """The server by its system identifier and timeline, which a promoted standby begins; "" where it does not say."""
    try:
        with connection.begin_nested():
            return str(connection.execute(_SERVER).scalar_one())
    except DBAPIError as error:  # some providers keep their users from these functions
        if error.connection_invalidated:
            raise
        return ""


_SERVER = sa.text(
    "SELECT 'server ' || (SELECT system_identifier FROM pg_control_system()) "
    "|| ', timeline ' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
)
