"""Ends of workers, and jobs that were put back, in the records: for the sentence of a study, and for counting.

The queue counts attempts itself, but it does not know how a process ended, and its count starts again with every job
that is put back. This count does not, so a study that ends its worker again and again is failed in any case.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from appliance.state.database import clock
from appliance.state.records import Records
from appliance.state.tables import JOBS_PUT_BACK, WORKER_ENDS


class WorkerRecords:
    """The part of the records about workers; every method is one transaction."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def ended(self, how: str, job_id: str = "") -> tuple[str, ...]:
        """Records the end of a worker; returns all ends on this job so far, none without a job."""
        with self._records.transaction() as connection:
            connection.execute(sa.insert(WORKER_ENDS), {"at": clock(connection), "how": how, "job_id": job_id})
        return self.ends_on(job_id) if job_id else ()

    def ends_on(self, job_id: str) -> tuple[str, ...]:
        """Ends of workers on a job, in words, oldest first."""
        of_job = sa.select(WORKER_ENDS.c.how).where(WORKER_ENDS.c.job_id == job_id).order_by(WORKER_ENDS.c.rowid)
        with self._records.transaction() as connection:
            rows = connection.execute(of_job).all()
        return tuple(str(row.how) for row in rows)

    def put_back(self, job_ids: Sequence[str]) -> None:
        """Records jobs that were put back into the queue."""
        with self._records.transaction() as connection:
            now = clock(connection)
            if job_ids:
                connection.execute(sa.insert(JOBS_PUT_BACK), [{"at": now, "job_id": job_id} for job_id in job_ids])

    def counts(self) -> tuple[int, int]:
        """Number of ends, and of jobs put back."""
        with self._records.transaction() as connection:
            ends, back = (
                connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                for table in (WORKER_ENDS, JOBS_PUT_BACK)
            )
        return ends, back
