"""The durable queue: DBOS, and the only module that knows it. The rest of the product speaks of jobs.

A job is one study's content to be answered; its id says which, so asking for it twice is one job. It has two steps,
each of which may be repeated: `answer` computes and fills the outbox, `conclude` records its outcome. A process
that dies in the middle leaves the job to the next start, which goes on at the unfinished step.

Decisions: portable JSON in the database (the default, pickle, is unreadable elsewhere and lets a row run code);
arguments and results are ids and sentences, never arrays or names; our own version of the order of steps, raised only
when that changes; one job at a time (`worker_concurrency`), since one fills the GPU and the memory.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID, WorkflowStatusString

from appliance.files import make_private_folder
from appliance.state.postgres import QueueDatabase
from appliance.state.worker_name import schema_name

LOG = logging.getLogger("rdeepnet.jobs")

PIPELINE_VERSION = "1"  # of the order of steps below; raise it only when that changes
QUEUE = "studies"
WORKFLOW = "answer_study"
STEPS = ("answer", "conclude")

_IN_FLIGHT = [WorkflowStatusString.PENDING.value, WorkflowStatusString.ENQUEUED.value]


class Fate(StrEnum):
    """State of a job in the queue."""

    IN_FLIGHT = "in flight"  # waits or runs
    DONE = "done"  # both steps are done
    EXHAUSTED = "exhausted"  # it ended its worker too often and is not tried again
    BROKEN = "broken"  # a step raised what it must not raise, or somebody cancelled it
    UNKNOWN = "unknown"  # never queued here


class Jobs:
    """The queue and its worker in this process; there is one per process.

    Parameters
    ----------
    answer : computes a job and fills the outbox; returns what `conclude` needs, as text. It may be called again for
        the same job, and must then have the same result.
    conclude : records the outcome of a job, from the text; it may also be called again
    database_url : "" for an SQLite file in `folder`, else a PostgreSQL URL; there the queue has a schema of its own,
        named after the executor, so that several workers may share the database and none takes another's jobs, whose
        images it does not have
    folder : for the database (0600)
    executor : stable name of this worker, by which its unfinished jobs are found; never used by two live processes
        (the service holds a lock on its state folder, and on the schema)
    max_attempts : how often a job may be begun; one that ends its process every time is then exhausted
    version : of the order of steps; for tests
    """

    def __init__(
        self,
        *,
        answer: Callable[[str], str],
        conclude: Callable[[str, str], None],
        database_url: str,
        folder: Path,
        executor: str,
        poll_s: float,
        max_attempts: int,
        version: str = PIPELINE_VERSION,
    ) -> None:
        self._answer = answer
        self._conclude = conclude
        self._url = database_url or f"sqlite:///{folder / 'queue.sqlite3'}"
        self._schema = schema_name(executor) if database_url else None
        self._database: QueueDatabase | None = None
        self._folder = folder
        self._executor = executor
        self._poll_s = poll_s
        self._max_attempts = max_attempts
        self._version = version
        self._running_lock = threading.Lock()
        self._running_since_s: dict[str, float] = {}

    def start(self) -> None:
        """Opens the queue, takes back what this worker left unfinished, and begins to work.

        Raises
        ------
        SetupError
            When a PostgreSQL database cannot be used.
        """
        make_private_folder(self._folder)
        if self._schema is None:
            _prepare_sqlite(self._folder / "queue.sqlite3")
        else:
            self._database = QueueDatabase(self._url, schema=self._schema)
            LOG.info("the queue is on PostgreSQL", extra={"schema": self._schema})
        DBOS(
            config={
                "name": "rdeepnet",
                "system_database_url": self._url,
                "dbos_system_schema": self._schema,
                "application_version": self._version,
                "executor_id": self._executor,
                "serializer": DBOSPortableJSONSerializer(),
                "log_level": "WARNING",
                "enable_otlp": False,
            }
        )
        self._workflow = self._registered()
        DBOS.listen_queues([QUEUE])
        DBOS.launch()
        DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=self._poll_s, on_conflict="always_update")
        self._adopt()

    def _registered(self) -> Callable[[str], str]:
        """The workflow, under names that stay the same over versions; DBOS marks functions, so methods are wrapped."""

        @DBOS.step(name=STEPS[0])
        def answer(job_id: str) -> str:
            return self._run_answer(job_id)

        @DBOS.step(name=STEPS[1])
        def conclude(job_id: str, outcome: str) -> None:
            self._conclude(job_id, outcome)

        # The first start is one attempt, every recovery another.
        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=self._max_attempts - 1)
        def answer_study(job_id: str) -> str:
            outcome = answer(job_id)
            conclude(job_id, outcome)
            return outcome

        return answer_study

    def put(self, job_id: str) -> None:
        """Queues a job; one that is queued, running or done already stays as it is."""
        with SetWorkflowID(job_id):
            DBOS.enqueue_workflow(QUEUE, self._workflow, job_id)

    def fate(self, job_id: str) -> Fate:
        """State of a job in the queue."""
        status = DBOS.get_workflow_status(job_id)
        if status is None:
            return Fate.UNKNOWN
        if status.status in (*_IN_FLIGHT, WorkflowStatusString.DELAYED.value):
            return Fate.IN_FLIGHT
        if status.status == WorkflowStatusString.SUCCESS.value:
            return Fate.DONE
        if status.status == WorkflowStatusString.MAX_RECOVERY_ATTEMPTS_EXCEEDED.value:
            return Fate.EXHAUSTED
        return Fate.BROKEN

    def forget(self, study_uid: str) -> None:
        """Deletes what the queue keeps of a study's finished jobs."""
        jobs = DBOS.list_workflows(workflow_id_prefix=f"{study_uid}:", load_input=False, load_output=False)
        finished = [status.workflow_id for status in jobs if status.status not in _IN_FLIGHT]
        if finished:
            DBOS.delete_workflows(finished)

    def longest_running_s(self) -> float:
        """Seconds that the current job has been running, 0 when there is none."""
        with self._running_lock:
            begun = min(self._running_since_s.values(), default=None)
        return 0.0 if begun is None else time.monotonic() - begun

    def stop(self) -> bool:
        """Stops working; returns whether a job was running.

        A computation cannot be interrupted: where one runs, the caller ends the process (`os._exit`), and the job
        is repeated at the next start. That attempt does not count, since the job did nothing wrong.
        """
        with self._running_lock:
            running = list(self._running_since_s)
        if running:
            DBOS.resume_workflows(running, queue_name=QUEUE)  # queued again, attempts reset
        DBOS.destroy(destroy_registry=True)
        if self._database is not None:
            self._database.close()
        return bool(running)

    def _run_answer(self, job_id: str) -> str:
        with self._running_lock:
            self._running_since_s[job_id] = time.monotonic()
        try:
            return self._answer(job_id)
        finally:
            with self._running_lock:
                del self._running_since_s[job_id]

    def _adopt(self) -> None:
        """Jobs in flight that nobody would ever take: every job in this queue is ours, whoever had it.

        Under another version of the steps: cancelled and rewound to the first step that is not done; finished steps
        are kept. Running under another name of this worker: queued again.
        """
        for status in DBOS.list_workflows(status=_IN_FLIGHT, name=WORKFLOW, load_input=False):
            if status.app_version != self._version:
                done = len(DBOS.list_workflow_steps(status.workflow_id))
                DBOS.cancel_workflow(status.workflow_id)
                DBOS.rewind_workflow(
                    status.workflow_id, start_step=done + 1, application_version=self._version, queue_name=QUEUE
                )
                LOG.info("job taken over from an older version of the pipeline", extra={"job": status.workflow_id})
            elif status.status == WorkflowStatusString.PENDING.value and status.executor_id != self._executor:
                DBOS.resume_workflows([status.workflow_id], queue_name=QUEUE)
                LOG.info("job taken over from another name of this worker", extra={"job": status.workflow_id})


def _prepare_sqlite(path: Path) -> None:
    """Makes the file private before anything is in it; write-ahead logging stays with the file."""
    path.touch(mode=0o600)
    database = sqlite3.connect(path)
    try:
        database.execute("PRAGMA journal_mode = WAL")
    finally:
        database.close()
