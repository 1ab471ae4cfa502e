"""The worker: the process that computes. It takes jobs from the durable queue itself, one at a time.

The service starts it and starts it again; between them there is the queue, and nothing else. What a worker needs of a
study is on disk: the instances, the records, the explicit choices. It opens them as a reader beside the receiver.
"""

from __future__ import annotations

import ctypes
import fcntl
import logging
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, TypeVar

from appliance.logs import configure, describe
from appliance.service.cohort import CohortWorker, Compute
from appliance.service.fates import fates_of
from appliance.service.memory import limit_memory, offer_to_the_kernel
from appliance.service.notices import Notices
from appliance.service.priors import own_priors
from appliance.service.worker import Answerer, Worker
from appliance.settings import Settings
from appliance.state.cohort_tasks import task_of
from appliance.state.database import DatabaseUnavailable
from appliance.state.disk import has_room, is_disk_full
from appliance.state.homes import Home, cohort_tasks, open_home
from appliance.state.job_queue import JobQueue, QueuePlace, QueueUnavailable
from appliance.state.job_worker import JobWorker
from appliance.state.records import Records
from appliance.state.takeover_records import TakeoverRecords
from appliance.state.worker_name import host_and_gpu, worker_name
from appliance.state.worker_notes import Activity, Doing, WorkerNote
from appliance.state.worker_records import WorkerRecords
from models.errors import SetupError
from models.version import software_version

LOG = logging.getLogger("rdeepnet.worker")

FIRST_STUDY_S = 120.0  # the first study of a new installation compiles kernels: 20 s on two slow cores

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LOCK_WITHIN_S = 10.0  # a predecessor that is killed gives its memory back first
_SPACE_MIN_S, _SPACE_MAX_S = 1.0, 30.0

T = TypeVar("T")
A = TypeVar("A", bound=Answerer)


def work(
    settings: Settings,
    *,
    open_answer: Callable[[Settings], A],
    cohorts: Callable[[Settings, A], Compute] | None = None,
    first_study_s: float = FIRST_STUDY_S,
) -> int:
    """Works until SIGTERM or SIGINT; returns the exit status of the process.

    Parameters
    ----------
    open_answer : opens what studies are answered with; called once, before the first job is taken
    cohorts : what studies of cohorts are answered with, in a shared home; None leaves them unanswered
    first_study_s : how much longer the first study may take

    Raises
    ------
    SetupError
        When it cannot start; the sentence says what to change.
    """
    configure(settings.logs)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    offer_to_the_kernel()
    state_dir = settings.service.state_dir
    lock = _locked(state_dir)
    activity = _Note(state_dir, first_study_s=first_study_s, is_shared=settings.shared.is_used)
    answer = open_answer(settings)
    limit_memory(settings.worker.memory_gib)  # a limit before would count what the libraries map as they are loaded
    activity.wait_for_room(stopping)
    try:
        compute = None if cohorts is None else cohorts(settings, answer)
        jobs, queue, home = _opened(settings, answer, compute, activity)
        if not stopping.is_set():
            jobs.start()
            activity.waiting()
            LOG.info("worker ready, version %s", software_version())
    except (DatabaseUnavailable, QueueUnavailable) as error:
        LOG.error("the worker cannot begin now", extra={"error": describe(error)})
        _end(os.EX_TEMPFAIL)  # the service starts it again
    stopping.wait()
    was_running = jobs.stop()
    LOG.info("worker stopped" + (", its job is repeated" if was_running else ""))
    if was_running:
        _end(0)
    queue.close()
    home.close()
    os.close(lock)
    return 0


def _opened(
    settings: Settings, answer: Answerer, compute: Compute | None, activity: _Note
) -> tuple[JobWorker, JobQueue, Home]:
    home = open_home(settings)
    records, inbox, outbox = home.records, home.inbox, home.outbox
    worker = Worker(
        answer=answer,
        inbox=inbox,
        outbox=outbox,
        records=records,
        destinations=[destination.name for destination in settings.destinations],
        draft_destinations=[destination.name for destination in settings.destinations if destination.drafts],
        notices=Notices(
            destinations=settings.destinations,
            inbox=inbox,
            outbox=outbox,
            records=records,
            language=settings.report.language,
            fonts=settings.report.fonts,
        ),
        memory_gib=settings.worker.memory_gib,
        own_priors=own_priors(settings, outbox),
    )

    cohorts = (
        CohortWorker(cohort_tasks(settings, records), compute, memory_gib=settings.worker.memory_gib)
        if records.is_shared
        else None
    )

    def answered(job_id: str) -> str:
        if cohorts is not None and (task_id := task_of(job_id)):
            activity.with_space(job_id, lambda: cohorts.answer(task_id))
            return ""
        return activity.with_space(job_id, lambda: worker.answer(job_id))

    def concluded(job_id: str, outcome: str) -> None:
        if not task_of(job_id):
            activity.with_space(job_id, lambda: worker.conclude(job_id, outcome))
        activity.ended()

    place = queue_place(settings, records)
    queue = JobQueue(place)
    queue.open(prepared=True)  # by the service, which was there before its worker
    fates = fates_of(settings, records=records, inbox=inbox, outbox=outbox, queue=queue)
    TakeoverRecords(records).server_seen()
    jobs = JobWorker(
        place,
        answer=answered,
        conclude=concluded,
        poll_s=settings.jobs.poll_s,
        max_attempts=settings.jobs.max_attempts,
        put_back=WorkerRecords(records).put_back,
        interrupted=fates.interrupted,
        lost=_lost,
    )
    return jobs, queue, home


def _lost() -> None:
    """Ends this process: another host may begin our job again at any moment."""
    LOG.critical("the database no longer knows this worker; it ends, and its job is begun again elsewhere")
    _end(os.EX_TEMPFAIL)


class _Note:
    """The worker's note, kept while it works; and the wait for space, which it says there."""

    def __init__(self, state_dir: Path, *, first_study_s: float, is_shared: bool) -> None:
        self._is_shared = is_shared
        self._state_dir = state_dir
        self._note = WorkerNote(state_dir)
        self._first_study_s = first_study_s
        self._done = 0
        self._write(Activity(os.getpid(), Doing.OPENING))

    def wait_for_room(self, stopping: threading.Event) -> None:
        """Waits until the databases can be opened."""
        while not has_room(self._state_dir):
            self._write(Activity(os.getpid(), Doing.OUT_OF_SPACE))
            if stopping.wait(_SPACE_MIN_S):
                _end(0)

    def waiting(self) -> None:
        """It takes jobs."""
        self._write(Activity(os.getpid(), Doing.WAITING))

    def ended(self) -> None:
        """A job has come to its end."""
        self._done += 1
        self.waiting()

    def with_space(self, job_id: str, step: Callable[[], T]) -> T:
        """Result of a step of a job, repeated for as long as the disk is too full for it, or a database away."""
        pause_s = _SPACE_MIN_S
        while True:
            try:
                with self._computing(job_id):
                    return step()
            except Exception as error:  # a full disk has the class of whichever library met it
                if isinstance(error, DatabaseUnavailable) and self._is_shared:
                    LOG.error("the job waits for the database", extra={"job": job_id, "error": describe(error)})
                    self._write(Activity(os.getpid(), Doing.CUT_OFF, job_id))
                elif is_disk_full(error):
                    LOG.error("the disk is full; the job waits", extra={"job": job_id, "error": describe(error)})
                    self._write(Activity(os.getpid(), Doing.OUT_OF_SPACE, job_id))
                else:
                    raise
            time.sleep(pause_s)
            while not has_room(self._state_dir):
                time.sleep(_SPACE_MIN_S)
            pause_s = min(2 * pause_s, _SPACE_MAX_S)

    @contextmanager
    def _computing(self, job_id: str) -> Iterator[None]:
        allowance_s = 0.0 if self._done else self._first_study_s
        self._write(Activity(os.getpid(), Doing.COMPUTING, job_id, allowance_s=allowance_s))
        yield
        self.waiting()

    def _write(self, activity: Activity) -> None:
        self._note.write(replace(activity, since_s=time.monotonic(), done=self._done))


def queue_place(settings: Settings, records: Records) -> QueuePlace:
    """The queue of a service, for itself and for its worker."""
    return QueuePlace(
        folder=settings.service.state_dir,
        executor=executor_name(settings, records),
        database_url=settings.shared.database_url,
    )


def executor_name(settings: Settings, records: Records) -> str:
    """The name under which the worker of these settings takes jobs."""
    return settings.jobs.executor or (host_and_gpu() if settings.shared.is_used else worker_name(records))


def hand_over(settings: Settings) -> bytes:
    """The bytes a service writes to its worker: its settings as it has read them, and who it is."""
    return pickle.dumps((settings, os.getpid()))


def taken_over() -> Settings:
    """Settings from the service that started this process, which ends with that service.

    Read from the service and not from its file, which somebody may be editing.
    """
    settings, service = pickle.load(sys.stdin.buffer)  # noqa: S301  written by our own parent
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != service:  # it ended before it was asked for
        _end(1)
    assert isinstance(settings, Settings)
    return settings


def _locked(state_dir: Path) -> int:
    """The handle of the lock of a worker on a state folder, so that no two work under one name."""
    if not state_dir.is_dir():
        raise SetupError(f"{state_dir} does not exist; expected the state folder of a service: start rdeepnet serve.")
    handle = os.open(state_dir / "worker.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    end_s = time.monotonic() + _LOCK_WITHIN_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() < end_s:
                time.sleep(0.1)
                continue
            os.close(handle)
            raise SetupError(
                f"Another worker works on {state_dir}; expected one per state folder: the service starts its own."
            ) from error
        return handle


def _end(status: int) -> NoReturn:
    """Ends the process although a computation runs: threads cannot be interrupted, and exit would wait for them."""
    logging.shutdown()
    os._exit(status)
