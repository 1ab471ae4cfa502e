"""Hosts that work on these records: who is there, who is gone, and what each does.

A sign of life, for people and monitors: who may take a job from whom is decided by locks, not by these rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from appliance.state.database import clock, insert
from appliance.state.records import Records
from appliance.state.tables import HOSTS

_FORGOTTEN_AFTER = timedelta(days=7)


@dataclass(frozen=True)
class Host:
    """One process that works on the records.

    Attributes
    ----------
    name, role : of the process; together they are unique
    version : of the software
    started_at, seen_at : by the database's clock
    silent_s : seconds since it was seen
    doing : what it says of itself
    """

    name: str
    role: str
    version: str
    started_at: datetime
    seen_at: datetime
    silent_s: float
    doing: Mapping[str, Any] = field(default_factory=dict)


class HostRecords:
    """The part of the records about hosts; every method is one transaction."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def started(self, name: str, *, role: str, version: str) -> None:
        """Records that a process begins its work; who was not seen for a week is forgotten."""
        with self._records.transaction() as connection:
            now = clock(connection)
            connection.execute(sa.delete(HOSTS).where(HOSTS.c.seen_at < now - _FORGOTTEN_AFTER))
            row = {"name": name, "role": role, "version": version, "started_at": now, "seen_at": now, "doing": ""}
            upsert = insert(connection, HOSTS).values(row)
            changed = {column: upsert.excluded[column] for column in ("version", "started_at", "seen_at", "doing")}
            connection.execute(upsert.on_conflict_do_update(index_elements=["name", "role"], set_=changed))

    def seen(self, name: str, *, role: str, version: str, doing: Mapping[str, Any] | None = None) -> None:
        """Records a sign of life of a process, and what it does, which JSON can say."""
        with self._records.transaction() as connection:
            now = clock(connection)
            row = {"name": name, "role": role, "version": version, "started_at": now, "seen_at": now}
            upsert = insert(connection, HOSTS).values({**row, "doing": json.dumps(dict(doing or {}))})
            changed = {column: upsert.excluded[column] for column in ("version", "seen_at", "doing")}
            connection.execute(upsert.on_conflict_do_update(index_elements=["name", "role"], set_=changed))

    def stopped(self, name: str, *, role: str) -> None:
        """A process was told to stop: it is not missed."""
        with self._records.transaction() as connection:
            connection.execute(sa.delete(HOSTS).where(HOSTS.c.name == name, HOSTS.c.role == role))

    def hosts(self) -> tuple[Host, ...]:
        """All that were seen and not told to stop, by role and name."""
        with self._records.transaction() as connection:
            now = clock(connection)
            rows = connection.execute(sa.select(HOSTS).order_by(HOSTS.c.role, HOSTS.c.name)).all()
        return tuple(
            Host(
                name=row.name,
                role=row.role,
                version=row.version,
                started_at=row.started_at,
                seen_at=row.seen_at,
                silent_s=max(0.0, (now - row.seen_at).total_seconds()),
                doing=json.loads(row.doing) if row.doing else {},
            )
            for row in rows
        )
