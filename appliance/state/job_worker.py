"""The durable queue, as a worker sees it: takes jobs and executes their two steps, one job at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from dbos import DBOS, DBOSPortableJSONSerializer, WorkflowStatusString

from appliance.logs import describe
from appliance.state.connections import queue_engine
from appliance.state.disk import is_disk_full
from appliance.state.job_queue import APPLICATION, IN_FLIGHT, QUEUE, WORKFLOW, JobQueue, QueuePlace
from appliance.state.job_takeover import EXECUTOR_LOCK, STEPS_LOCK
from appliance.state.postgres import NameTaken, SessionLock
from models.errors import SetupError

LOG = logging.getLogger("rdeepnet.jobs")

STEPS = ("answer", "conclude")
_CHECK_LOCK_EVERY_S = 1.0  # others look every second, too, and begin our job again as soon as it is free
_SHARED_POLLS = 2  # many workers ask one server, each twice at a poll: half as often
_INTERNAL_POLL_S = 60.0
_LOOK_EVERY_S = 3.0  # a job that seems lost at two looks is; the queue writes within milliseconds


class JobWorker:
    """Executes the jobs of a queue in threads of this process; there is one per process.

    Parameters
    ----------
    place : the queue; nobody else works under the name of its executor
    answer : computes a job and fills the outbox; returns what `conclude` needs, as text. It may be called again for
        the same job, and must then have the same result.
    conclude : records the outcome of a job, from the text; it may also be called again
    max_attempts : how often a job may be begun; one that ends its process every time is then exhausted
    put_back : called with jobs that were begun according to the queue, that nobody executed, and that are queued again
    interrupted : in a queue that several hosts share, called with jobs that an earlier process of this name has begun
        and not ended, and the name; returns those that are to be begun again
    lost : called, from a thread, when the lock on the name is lost: others may take over the job that runs, so this
        process must end at once
    """

    def __init__(
        self,
        place: QueuePlace,
        *,
        answer: Callable[[str], str],
        conclude: Callable[[str, str], None],
        poll_s: float,
        max_attempts: int,
        put_back: Callable[[Sequence[str]], None] = lambda _: None,
        interrupted: Callable[[Sequence[str], str], Sequence[str]] = lambda job_ids, executor: job_ids,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._place = place
        self._answer = answer
        self._conclude = conclude
        self._poll_s = poll_s
        self._max_attempts = max_attempts
        self._put_back = put_back
        self._interrupted = interrupted
        self._lost_lock = lost
        self._lock: SessionLock | None = None
        self._engine: sa.Engine | None = None
        self._executing_lock = threading.Lock()
        self._executing: set[str] = set()
        self._stopping = threading.Event()
        self._reconciler = threading.Thread(target=self._reconcile, name="reconcile", daemon=True)

    def start(self) -> None:
        """Takes back what this worker left unfinished, and begins to work.

        Raises
        ------
        SetupError
            When a PostgreSQL database cannot be used, or another worker has the name.
        """
        if self._place.is_shared:
            self._lock = self._locked()
            self._take_back()
            self._engine = queue_engine(self._place.url, "rdeepnet worker queue")
        dbos = DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": self._place.url,
                "system_database_engine": self._engine,
                "dbos_system_schema": self._place.schema,
                "application_version": self._place.version,
                "executor_id": self._place.executor,
                "serializer": DBOSPortableJSONSerializer(),
                "log_level": "WARNING",
                "enable_otlp": False,
            }
        )
        self._register()
        DBOS.listen_queues([QUEUE])
        # Nothing of ours is in DBOS's own queue, and there is no setting for how often it is looked at.
        dbos._registry.get_internal_queue()._polling_interval_sec = _INTERNAL_POLL_S
        DBOS.launch()
        poll_s = (_SHARED_POLLS if self._place.is_shared else 1) * self._poll_s
        DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=poll_s, on_conflict="always_update")
        if self._lock is None:
            self._adopt()
        else:
            threading.Thread(target=self._hold, args=(self._lock,), name="hold", daemon=True).start()
        self._reconciler.start()

    def _locked(self) -> SessionLock:
        """The lock on our name, and our share of that on our version of the steps."""
        name = self._place.executor
        try:
            lock = SessionLock(self._place.database_url, EXECUTOR_LOCK.format(name))
        except NameTaken as error:
            raise SetupError(
                f"Another worker works under the name {name} in the PostgreSQL database; expected a name for each "
                "worker: give this one another (executor in [jobs]), another host name, or another GPU "
                "(CUDA_VISIBLE_DEVICES)."
            ) from error
        lock.share(STEPS_LOCK.format(self._place.version))
        LOG.info("the queue is on PostgreSQL", extra={"worker": name})
        return lock

    def _take_back(self) -> None:
        """Queues again what an earlier process of our name left, unless somebody has taken it over already."""
        queue = JobQueue(self._place)
        queue.open(prepared=True)
        try:
            jobs = queue.begun(executor=self._place.executor).get(self._place.executor, ())
            queue.put_back(self._interrupted(jobs, self._place.executor) if jobs else ())
        finally:
            queue.close()

    def _hold(self, lock: SessionLock) -> None:
        """Says when the lock is lost, for as long as the worker works."""
        while not self._stopping.wait(_CHECK_LOCK_EVERY_S):
            if not lock.is_held() and not self._stopping.is_set():
                self._lost_lock()
                return

    def _register(self) -> None:
        """Registers the workflow under names that stay the same over versions; DBOS marks functions, not methods."""

        @DBOS.step(name=STEPS[0])
        def answer(job_id: str) -> str:
            return self._answer(job_id)

        @DBOS.step(name=STEPS[1])
        def conclude(job_id: str, outcome: str) -> None:
            self._conclude(job_id, outcome)

        # The first start is one attempt, every recovery another.
        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=self._max_attempts - 1)
        def answer_study(job_id: str) -> str:
            with self._executed(job_id):
                outcome = answer(job_id)
                conclude(job_id, outcome)
                return outcome

    @contextmanager
    def _executed(self, job_id: str) -> Iterator[None]:
        """Counts a job as executed meanwhile.

        Where the disk is too full for what the queue itself writes about a step, the job is left as it is, begun and
        unfinished, instead of becoming an error: it is put back as soon as that can be written.
        """
        with self._executing_lock:
            self._executing.add(job_id)
        try:
            yield
        except Exception as error:  # a full disk has the class of whichever library met it; all else is raised again
            if is_disk_full(error):
                LOG.warning("the queue's disk is full; the job goes on later", extra={"job": job_id})
                raise _LeftAsItIs from error
            raise
        finally:
            with self._executing_lock:
                self._executing.discard(job_id)

    def stop(self) -> bool:
        """Stops working; returns whether a job was running.

        A computation cannot be interrupted: where one runs, the caller ends the process (`os._exit`), and the job
        is repeated by the next. That attempt does not count, since the job did nothing wrong.
        """
        self._stopping.set()
        with self._executing_lock:
            running = sorted(self._executing)
        if running:
            try:
                DBOS.resume_workflows(running, queue_name=QUEUE)  # queued again, attempts reset
            except Exception as error:  # whatever it is: it is recovered by the next start, and the attempt counts
                LOG.error("the running job cannot be queued again", extra={"error": describe(error)})
        DBOS.destroy(destroy_registry=True)
        if self._engine is not None:
            self._engine.dispose()
        if self._lock is not None:
            self._lock.close()
        return bool(running)

    def _reconcile(self) -> None:
        """Puts back, as long as the worker works, jobs that a write lost by the queue left begun and unfinished."""
        lost: frozenset[str] = frozenset()
        while not self._stopping.wait(_LOOK_EVERY_S):
            try:
                found = self._lost()
                twice = sorted(found & lost)
                lost = found - frozenset(twice)
                if twice:
                    DBOS.resume_workflows(twice, queue_name=QUEUE)
                    self._put_back(twice)
                    for job_id in twice:
                        LOG.warning("a job that nobody executed is queued again", extra={"job": job_id})
            except Exception as error:  # a full disk, a database that is away: the next look tries again
                LOG.error("lost jobs cannot be looked for", extra={"error": describe(error)})

    def _lost(self) -> frozenset[str]:
        """Jobs that this worker has begun, according to the queue, and does not execute."""
        pending = DBOS.list_workflows(
            status=WorkflowStatusString.PENDING.value,
            name=WORKFLOW,
            executor_id=self._place.executor,
            load_input=False,
            load_output=False,
        )
        with self._executing_lock:
            return frozenset(status.workflow_id for status in pending) - self._executing

    def _adopt(self) -> None:
        """Jobs in flight that nobody would ever take: every job in this queue is ours, whoever had it.

        Under another version of the steps: cancelled and rewound to the first step that is not done; finished steps
        are kept. Running under another name of this worker: queued again.
        """
        for status in DBOS.list_workflows(status=IN_FLIGHT, name=WORKFLOW, load_input=False):
            if status.app_version != self._place.version:
                done = len(DBOS.list_workflow_steps(status.workflow_id))
                DBOS.cancel_workflow(status.workflow_id)
                DBOS.rewind_workflow(
                    status.workflow_id, start_step=done + 1, application_version=self._place.version, queue_name=QUEUE
                )
                LOG.info("job taken over from an older version of the pipeline", extra={"job": status.workflow_id})
            elif status.status == WorkflowStatusString.PENDING.value and status.executor_id != self._place.executor:
                DBOS.resume_workflows([status.workflow_id], queue_name=QUEUE)
                LOG.info("job taken over from another name of this worker", extra={"job": status.workflow_id})


class _LeftAsItIs(BaseException):
    """Ends the execution of a job past all that would record it as an error."""
