"""A cohort handed to the workers of a shared home, beside the studies that are sent to it: both ends of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from appliance.logs import describe
from appliance.service.hosts import no_worker
from appliance.service.memory import give_back, in_words, is_out_of_memory
from appliance.settings import Settings
from appliance.state.cohort_tasks import CohortTasks, TaskAnswer, job_of, task_of
from appliance.state.database import DatabaseUnavailable
from appliance.state.disk import is_disk_full
from appliance.state.homes import cohort_tasks, open_records
from appliance.state.host_records import HostRecords
from appliance.state.job_queue import Fate, JobQueue, Priority, QueuePlace, QueueUnavailable
from models.errors import RDeepNetError, SetupError
from models.number_words import agreeing, counted

LOG = logging.getLogger("rdeepnet.cohort")

_LOOK_EVERY_S = 0.5
_LOOK_FOR_WORKERS_S = 5.0

# Question as JSON, files, and the empty folder that the answer is written to.
Compute = Callable[[str, Sequence[Path], Path], None]


@dataclass(frozen=True)
class Question:
    """One study to hand over: all that its answer depends on, as JSON, and its files."""

    text: str
    files: tuple[Path, ...]


class CohortWorker:
    """Answers tasks in a worker.

    Parameters
    ----------
    compute : answers one; None in a worker that cannot
    memory_gib : limit of this process, for the sentence about a study that needs more
    """

    def __init__(self, tasks: CohortTasks, compute: Compute | None, *, memory_gib: float = 0.0) -> None:
        self._tasks = tasks
        self._compute = compute
        self._memory_gib = memory_gib

    def answer(self, task_id: str) -> None:
        """Answers a task; called again it answers again, and the first answer counts.

        Raises
        ------
        Exception
            When the disk is full, whatever says so, or the database does not answer: the step is tried again.
        """
        begun_s = time.monotonic()
        with self._tasks.taken(task_id) as task:
            if task is None:
                LOG.info("task dropped: nobody asks any longer", extra={"job": job_of(task_id)})
                return
            self._tasks.answer(task_id, self._computed(*task, task_id=task_id))
        LOG.info("task answered", extra={"job": job_of(task_id), "seconds": time.monotonic() - begun_s})

    def _computed(self, question: str, files: Sequence[Path], folder: Path, *, task_id: str) -> TaskAnswer:
        if self._compute is None:
            return TaskAnswer({}, "The worker that took this study computes no cohorts.")
        try:
            self._compute(question, files, folder)
        except Exception as error:  # whatever it is, the next task must be answered
            if is_disk_full(error) or isinstance(error, DatabaseUnavailable):
                raise
            LOG.error("task failed", extra={"job": job_of(task_id), "error": describe(error)})
            if is_out_of_memory(error):
                give_back()
                return TaskAnswer({}, in_words(self._memory_gib))
            if isinstance(error, RDeepNetError):
                return TaskAnswer({}, str(error))
            return TaskAnswer({}, f"An unexpected error ({type(error).__name__}); see the log of the worker for where.")
        return TaskAnswer({file.name: file.read_bytes() for file in sorted(folder.iterdir())})


class Opened(NamedTuple):
    """A shared home, for who hands a cohort over."""

    queue: JobQueue
    tasks: CohortTasks
    hosts: HostRecords


@contextmanager
def opened(settings: Settings) -> Iterator[Opened]:
    """Queue, tasks and hosts of the shared home of these settings.

    Raises
    ------
    SetupError
        When there is none, or no service has ever worked there.
    DatabaseUnavailable
        When the database does not answer now.
    """
    if not settings.shared.is_used:
        raise SetupError(
            "There is no database whose workers could compute: database_url in [shared] is empty; name one (--config), "
            "or compute here."
        )
    records = open_records(settings)
    try:
        place = QueuePlace(folder=settings.service.state_dir, executor="-", database_url=settings.shared.database_url)
        queue = JobQueue(place)
        queue.open(prepared=True)
        try:
            yield Opened(queue, cohort_tasks(settings, records), HostRecords(records))
        finally:
            queue.close()
    finally:
        records.close()


def hand_over(
    questions: Sequence[Question],
    *,
    queue: JobQueue,
    tasks: CohortTasks,
    at_once: int,
    said: Callable[[str], None] = lambda _: None,
    hosts: HostRecords | None = None,
) -> Generator[tuple[int, TaskAnswer], None, None]:
    """Has the workers answer questions; yields the number of each and its answer, as they end.

    A database that is away is waited for. Whoever ends the generator takes back what is still open.

    Parameters
    ----------
    at_once : questions whose files are in the home at a time
    said : told once, in a sentence, what is waited for
    hosts : of the home; without them nothing is said about workers that are missing
    """
    waiting, open_tasks, trouble = list(enumerate(questions)), dict[str, int](), ""
    missing = _MissingWorkers(hosts, said)
    try:
        while waiting or open_tasks:
            try:
                while waiting and len(open_tasks) < at_once:
                    number, question = waiting[0]
                    task_id = tasks.ask(question.text, question.files)
                    open_tasks[task_id] = number
                    del waiting[0]
                    queue.put(job_of(task_id), priority=Priority.COHORT)
                yield from _ended(open_tasks, queue=queue, tasks=tasks)
                missing.look(len(waiting) + len(open_tasks))
                trouble = ""
            except (DatabaseUnavailable, QueueUnavailable) as error:
                if str(error) != trouble:
                    trouble = str(error)
                    said(trouble)
            if open_tasks or trouble:
                time.sleep(_LOOK_EVERY_S)
    finally:
        if open_tasks:
            _take_back(list(open_tasks), queue=queue, tasks=tasks)


class _MissingWorkers:
    """Says once when studies wait and no worker is there, and once when one is there again."""

    def __init__(self, hosts: HostRecords | None, said: Callable[[str], None]) -> None:
        self._hosts = hosts
        self._said = said
        self._next_s = 0.0
        self._is_missing = False

    def look(self, studies: int) -> None:
        """Looks for workers every few seconds while studies wait."""
        now_s = time.monotonic()
        if self._hosts is None or now_s < self._next_s or not studies:
            return
        self._next_s = now_s + _LOOK_FOR_WORKERS_S
        was_missing, sentence = self._is_missing, no_worker(self._hosts.hosts())
        self._is_missing = bool(sentence)
        if sentence and not was_missing:
            self._said(
                f"{sentence} {counted(studies, 'study', 'studies')} {agreeing(studies, 'waits', 'wait')} for it."
            )
        elif was_missing and not sentence:
            self._said("A worker is there again.")


def _ended(
    open_tasks: dict[str, int], *, queue: JobQueue, tasks: CohortTasks
) -> Generator[tuple[int, TaskAnswer], None, None]:
    """Answers to those tasks that have ended; they are no longer open, and forgotten."""
    for job_id, fate in queue.fates([job_of(task_id) for task_id in open_tasks]).items():
        task_id = task_of(job_id)
        if fate is Fate.UNKNOWN:  # it could not be queued when it was asked
            queue.put(job_id, priority=Priority.COHORT)
        if fate in (Fate.IN_FLIGHT, Fate.UNKNOWN):
            continue
        answer = tasks.answer_to(task_id) if fate is Fate.DONE else None
        if answer is None:
            answer = TaskAnswer({}, "It ended its workers too often, or was cancelled; see the logs of the workers.")
        number = open_tasks.pop(task_id)
        _take_back([task_id], queue=queue, tasks=tasks)  # before who asked may end this
        yield number, answer


def _take_back(task_ids: Sequence[str], *, queue: JobQueue, tasks: CohortTasks) -> None:
    """Forgets tasks; where the database is away it is done later by the service."""
    try:
        queue.delete([job_of(task_id) for task_id in task_ids])
        tasks.forget(task_ids)
    except (DatabaseUnavailable, QueueUnavailable) as error:
        LOG.warning("studies of a cohort are left in the database", extra={"error": describe(error)})
