"""The durable queue, as the service sees it: DBOS, which only this module and `job_worker` know. The rest of the
product speaks of jobs.

A job is one study's content to be answered; its id says which, so asking for it twice is one job. It has two steps,
each of which may be repeated: `answer` computes and fills the outbox, `conclude` records its outcome. They are executed
by a worker, a process of its own, to which the queue is the only hand-over: one that dies in the middle leaves the job
to the next, which goes on at the unfinished step. Any number of workers may take jobs from one queue on PostgreSQL.

Decisions: portable JSON in the database (the default, pickle, is unreadable elsewhere and lets a row run code);
arguments and results are ids and sentences, never arrays or names; our own version of the order of steps, raised only
when that changes; one job at a time (`worker_concurrency`), since one fills the GPU and the memory.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, WorkflowStatus, WorkflowStatusString
from sqlalchemy.exc import SQLAlchemyError

from appliance.files import make_private_folder
from appliance.state.connections import queue_engine
from appliance.state.disk import is_disk_full
from appliance.state.postgres import QUEUE_SCHEMA, SessionLock, watched
from models.errors import RDeepNetError

APPLICATION = "rdeepnet"
PIPELINE_VERSION = "1"  # of the order of steps in `job_worker`; raise it only when that changes
QUEUE = "studies"
WORKFLOW = "answer_study"

_TABLES_WITHIN_S = 120.0  # making them waits for the transactions of others: 20 s were seen

IN_FLIGHT = [WorkflowStatusString.PENDING.value, WorkflowStatusString.ENQUEUED.value]


class QueueUnavailable(RDeepNetError):
    """The queue's database does not answer now; what was asked of it is asked again later."""


class Priority(IntEnum):
    """Urgency of a job; of those that wait, the smallest is begun first, and of equals the oldest."""

    PUSHED = 1  # a study that was sent to us: somebody waits for it
    COHORT = 10  # one of many that are computed for research


class Fate(StrEnum):
    """State of a job in the queue."""

    IN_FLIGHT = "in flight"  # waits or runs
    DONE = "done"  # both steps are done
    EXHAUSTED = "exhausted"  # it ended its worker too often and is not tried again
    BROKEN = "broken"  # a step raised what it must not raise, or somebody cancelled it
    UNKNOWN = "unknown"  # never queued here


@dataclass(frozen=True)
class QueuePlace:
    """Place of a queue, and name of the worker whose jobs are in it.

    Attributes
    ----------
    folder : for the database (0600) where it is SQLite
    executor : stable name of the worker, by which its unfinished jobs are found; never used by two live processes: the
        worker holds a lock on its state folder, and on PostgreSQL one on the name
    database_url : "" for an SQLite file in `folder`, else a PostgreSQL URL, whose queue all hosts share
    version : of the order of steps; for tests
    """

    folder: Path
    executor: str
    database_url: str = ""
    version: str = PIPELINE_VERSION

    @property
    def is_shared(self) -> bool:
        """Returns whether other hosts work on the same queue."""
        return bool(self.database_url)

    @property
    def url(self) -> str:
        """URL of the database."""
        return watched(self.database_url) if self.is_shared else f"sqlite:///{self.folder / 'queue.sqlite3'}"

    @property
    def schema(self) -> str | None:
        """Schema in the database; None for SQLite."""
        return QUEUE_SCHEMA if self.is_shared else None

    def prepare(self) -> None:
        """Makes the tables if they are not there, one host at a time.

        Raises
        ------
        SetupError
            When a PostgreSQL database cannot be used.
        """
        if not self.is_shared:
            make_private_folder(self.folder)
            _prepare_sqlite(self.folder / "queue.sqlite3")
            DBOS.migrate(self.url, schema="dbos")
            return
        lock = SessionLock(self.database_url, "queue tables", within_s=_TABLES_WITHIN_S)
        try:
            DBOS.migrate(self.url, schema=QUEUE_SCHEMA)
        finally:
            lock.close()


class JobQueue:
    """The queue for who puts jobs into it and asks what became of them; it executes none."""

    def __init__(self, place: QueuePlace) -> None:
        self._place = place
        self._opened: DBOSClient | None = None
        self._engine: sa.Engine | None = None

    def open(self, *, prepared: bool = False) -> None:
        """Opens the queue, and makes its tables unless somebody `prepared` them.

        Raises
        ------
        SetupError
            When a PostgreSQL database cannot be used.
        """
        if not prepared:
            self._place.prepare()
        self._engine = queue_engine(self._place.url, "rdeepnet queue") if self._place.is_shared else None
        self._opened = DBOSClient(
            system_database_url=self._place.url,
            system_database_engine=self._engine,
            dbos_system_schema=self._place.schema or "dbos",
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            lazy=True,
            retry_connection_errors=False,  # the caller has other things to do than to wait for a server
        )

    def put(self, job_id: str, *, priority: Priority = Priority.PUSHED) -> None:
        """Queues a job; one that is queued, running or done already stays as it is."""
        with self._asked() as client:
            client.enqueue(
                {
                    "queue_name": QUEUE,
                    "workflow_name": WORKFLOW,
                    "workflow_id": job_id,
                    "app_version": self._place.version,
                    "priority": int(priority),
                },
                job_id,
            )

    def fate(self, job_id: str) -> Fate:
        """State of a job in the queue."""
        return self.fates([job_id])[job_id]

    def fates(self, job_ids: Sequence[str]) -> Mapping[str, Fate]:
        """State of each of some jobs in the queue."""
        with self._asked() as client:
            found = (
                client.list_workflows(workflow_ids=list(job_ids), load_input=False, load_output=False)
                if job_ids
                else []
            )
        known = {status.workflow_id: _fate(status) for status in found}
        return {job_id: known.get(job_id, Fate.UNKNOWN) for job_id in job_ids}

    def begun(self, *, executor: str | None = None) -> Mapping[str, tuple[str, ...]]:
        """Worker → jobs that it has begun and not ended, of every worker or of one."""
        with self._asked() as client:
            found = client.list_workflows(
                status=WorkflowStatusString.PENDING.value,
                name=WORKFLOW,
                executor_id=executor,
                load_input=False,
                load_output=False,
            )
        jobs: dict[str, list[str]] = defaultdict(list)
        for status in found:
            jobs[str(status.executor_id)].append(status.workflow_id)
        return {name: tuple(sorted(ids)) for name, ids in jobs.items()}

    def put_back(self, job_ids: Sequence[str]) -> None:
        """Queues jobs again that were begun and that nobody executes; those that ended stay as they are."""
        if job_ids:
            with self._asked() as client:
                client.resume_workflows(list(job_ids), queue_name=QUEUE)

    def of_older_versions(self) -> Mapping[str, tuple[str, ...]]:
        """Version of the steps, older than ours → jobs in flight that wait for a worker of that version."""
        older = [str(number) for number in range(int(self._place.version))]
        if not older:
            return {}
        with self._asked() as client:
            found = client.list_workflows(
                status=IN_FLIGHT, name=WORKFLOW, app_version=older, load_input=False, load_output=False
            )
        jobs: dict[str, list[str]] = defaultdict(list)
        for status in found:
            jobs[str(status.app_version)].append(status.workflow_id)
        return {version: tuple(sorted(ids)) for version, ids in jobs.items()}

    def renew(self, job_id: str) -> None:
        """Moves a job in flight to our version of the steps; those that are done are kept."""
        with self._asked() as client:
            done = len(client.list_workflow_steps(job_id))
            client.cancel_workflow(job_id)
            client.rewind_workflow(
                job_id, start_step=done + 1, application_version=self._place.version, queue_name=QUEUE
            )

    def cancel(self, job_id: str) -> None:
        """Has a job never be begun again."""
        with self._asked() as client:
            client.cancel_workflow(job_id)

    def forget(self, study_uid: str) -> None:
        """Deletes what the queue keeps of a study's finished jobs."""
        with self._asked() as client:
            jobs = client.list_workflows(workflow_id_prefix=f"{study_uid}:", load_input=False, load_output=False)
            finished = [status.workflow_id for status in jobs if status.status not in IN_FLIGHT]
            if finished:
                client.delete_workflows(finished)

    def delete(self, job_ids: Sequence[str]) -> None:
        """Deletes jobs, whatever became of them; one that runs is not begun again."""
        if job_ids:
            with self._asked() as client:
                client.cancel_workflows(list(job_ids))
                client.delete_workflows(list(job_ids))

    def close(self) -> None:
        """Closes the queue; jobs stay where they are."""
        if self._opened is not None:
            self._opened.destroy()
            self._opened = None
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    @contextmanager
    def _asked(self) -> Iterator[DBOSClient]:
        assert self._opened is not None, "open it first"
        try:
            yield self._opened
        except SQLAlchemyError as error:
            why = "its disk is full" if is_disk_full(error) else "it does not answer"
            raise QueueUnavailable(f"The queue's database cannot be used now: {why}; it is tried again.") from error


def _fate(status: WorkflowStatus) -> Fate:
    if status.status in (*IN_FLIGHT, WorkflowStatusString.DELAYED.value):
        return Fate.IN_FLIGHT
    if status.status == WorkflowStatusString.SUCCESS.value:
        return Fate.DONE
    if status.status == WorkflowStatusString.MAX_RECOVERY_ATTEMPTS_EXCEEDED.value:
        return Fate.EXHAUSTED
    return Fate.BROKEN


def _prepare_sqlite(path: Path) -> None:
    """Makes the file private before anything is in it; write-ahead logging stays with the file."""
    path.touch(mode=0o600)
    database = sqlite3.connect(path)
    try:
        database.execute("PRAGMA journal_mode = WAL")
    finally:
        database.close()
