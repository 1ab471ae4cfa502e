"""Takeovers: jobs whose worker was gone, taken from it by another host.

A takeover starts the queue's own count of attempts again. This count does not, so a study that ends the worker of every
host stops wandering.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from appliance.state.database import clock
from appliance.state.records import Records
from appliance.state.tables import TAKEOVERS


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
        """Records takeovers; returns how often each of these jobs was taken over by now."""
        if not job_ids:
            return {}
        with self._records.transaction() as connection:
            at = clock(connection)
            names = {"at": at, "taken_from": taken_from, "taken_by": taken_by}
            connection.execute(sa.insert(TAKEOVERS), [{"job_id": job_id, **names} for job_id in job_ids])
            counted = sa.select(TAKEOVERS.c.job_id, sa.func.count()).where(TAKEOVERS.c.job_id.in_(job_ids))
            rows = connection.execute(counted.group_by(TAKEOVERS.c.job_id)).all()
        return {str(row[0]): int(row[1]) for row in rows}

    def of_study(self, study_uid: str) -> tuple[Takeover, ...]:
        """Takeovers of a study's jobs, oldest first."""
        of_study = TAKEOVERS.c.job_id.startswith(f"{study_uid}:", autoescape=True)
        with self._records.transaction() as connection:
            rows = connection.execute(sa.select(TAKEOVERS).where(of_study).order_by(TAKEOVERS.c.rowid)).all()
        return tuple(Takeover(row.job_id, row.at, row.taken_from, row.taken_by) for row in rows)

    def count(self) -> int:
        """Number of takeovers."""
        with self._records.transaction() as connection:
            count: int = connection.execute(sa.select(sa.func.count()).select_from(TAKEOVERS)).scalar_one()
        return count
