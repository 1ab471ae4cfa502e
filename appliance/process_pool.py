"""A pool of worker processes for independent tasks, so that a bad task harms only itself.

Each worker is a fresh interpreter with its own pipe: whatever ends it (an error nobody foresaw, the kernel's memory
killer) is known to belong to the one task it was on, and the others go on. Workers are replaced after a number of
tasks, so that memory stays steady over a cohort. `concurrent.futures` was rejected: a worker that dies breaks its
whole pool without saying which task it was on.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, TypeVar

from appliance.interrupts import was_interrupted
from models.errors import NotWritable, RDeepNetError, SetupError
from models.threads import variables_of_worker

Task = TypeVar("Task")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Done(Generic[Task, Answer]):
    """A task with its answer."""

    task: Task
    answer: Answer


@dataclass(frozen=True)
class Broken(Generic[Task]):
    """A task that ended in an error nobody foresaw, or with its worker."""

    task: Task
    reason: str


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    task: Any = None
    is_busy: bool = False
    tasks_left: int = 0


def answers(
    tasks: Sequence[Task], prepare: Callable[[], Callable[[Task], Answer]], *, jobs: int
) -> Generator[Done[Task, Answer] | Broken[Task], None, None]:
    """Answers tasks `jobs` at a time: one at a time in this process, more in worker processes.

    One at a time, no second interpreter loads the libraries, and an error in one task does not stop the others; but
    what ends the process (a crash inside a library, the kernel's memory killer) ends it for all of them.

    Parameters
    ----------
    tasks, prepare : as `work_off`; `prepare` is not called when there are no tasks

    Raises
    ------
    SetupError
        When `prepare` or a worker process raises it.
    NotWritable
        When a task finds the disk full: the others would be computed in vain.
    KeyboardInterrupt
        At Ctrl-C, also one that a library kept to itself; worker processes have ended then.
    """
    if jobs > 1:
        yield from work_off(tasks, prepare, workers=min(jobs, max(1, len(tasks))))
    elif tasks:
        answer = prepare()
        for task in tasks:
            if was_interrupted():
                raise KeyboardInterrupt  # a library kept it to itself
            yield _answered_here(task, answer)


def _answered_here(task: Any, answer: Callable[[Any], Any]) -> Done[Any, Any] | Broken[Any]:
    """The task with its answer, or with the error that it ended in."""
    try:
        return Done(task, answer(task))
    except Exception as error:  # as in a worker: one bad task must not stop the others
        if was_interrupted():
            raise KeyboardInterrupt from error  # a library made an error of its own of it
        if isinstance(error, NotWritable) and error.is_full:
            raise
        return Broken(task, _described(error))


def work_off(
    tasks: Iterable[Task],
    prepare: Callable[[], Callable[[Task], Answer]],
    *,
    workers: int,
    tasks_per_worker: int = 25,
    within_s: float | None = None,
) -> Iterator[Done[Task, Answer] | Broken[Task]]:
    """Processes tasks in `workers` processes; outcomes come in the order in which they end.

    Parameters
    ----------
    tasks : picklable
    prepare : picklable; runs once in each worker and returns the function that answers one task
    workers : number of processes; the processor's cores are divided among them
    tasks_per_worker : number of tasks after which a worker is replaced
    within_s : where no task ends for so long, those that are being worked on are ended with their workers; None: never

    Raises
    ------
    SetupError
        When a worker cannot prepare itself.
    NotWritable
        When a task finds the disk full.
    """
    waiting = deque(tasks)
    pool: list[_Worker] = []
    try:
        with _shared_cores(workers):
            while waiting or any(worker.is_busy for worker in pool):
                pool = [worker for worker in pool if worker.is_busy or worker.tasks_left]
                while waiting and len(pool) < workers:
                    pool.append(_started(prepare, tasks_per_worker))
                for worker in pool:
                    if waiting and not worker.is_busy:
                        _hand_over(worker, waiting.popleft())
                ready = wait([worker.pipe for worker in pool if worker.is_busy], within_s)
                if not ready:
                    _end_busy(pool)
                for worker in [worker for worker in pool if worker.pipe in ready]:
                    yield _outcome(worker)
    finally:
        for worker in pool:
            _stop(worker)


def _started(prepare: Callable[[], Callable[[Any], Any]], tasks: int) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, prepare), daemon=True)
    with _interrupts_held():
        process.start()
    theirs.close()
    return _Worker(process, ours, tasks_left=tasks)


def _hand_over(worker: _Worker, task: Any) -> None:
    worker.task, worker.is_busy = task, True
    worker.tasks_left -= 1
    try:
        worker.pipe.send(task)
    except BrokenPipeError:
        return  # the worker is gone; reading its pipe says so


def _outcome(worker: _Worker) -> Done[Any, Any] | Broken[Any]:
    """Result of the worker's task; the worker is then free or stopped."""
    worker.is_busy = False
    try:
        kind, content = worker.pipe.recv()
    except (EOFError, ConnectionResetError):
        worker.tasks_left = 0
        worker.process.join()
        code = worker.process.exitcode
        how = (
            f"by signal {-code}, possibly for lack of memory" if code is not None and code < 0 else f"with code {code}"
        )
        return Broken(worker.task, f"The process that was computing it ended {how}.")
    if kind == "unprepared":
        raise SetupError(f"A worker process could not start: {content}")
    if kind == "full":
        sentence, number = content
        raise NotWritable(sentence, because=OSError(number, os.strerror(number)))
    if not worker.tasks_left:
        _stop(worker)
    return Done(worker.task, content) if kind == "answer" else Broken(worker.task, content)


def _end_busy(pool: Sequence[_Worker]) -> None:
    """Ends the workers that are on a task; their pipes say so then."""
    for worker in pool:
        if worker.is_busy:
            worker.process.kill()


def _stop(worker: _Worker) -> None:
    """Stops a worker; one that is busy is not waited for."""
    worker.pipe.close()
    if worker.is_busy:
        worker.process.terminate()
    worker.process.join()


def _work(pipe: Connection, prepare: Callable[[], Callable[[Any], Any]]) -> None:
    """The worker: prepare, then answer tasks until the other end of the pipe is closed."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # blocked since the start, see `_interrupts_held`; now also for its own
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        answer = prepare()
    except Exception as error:  # outermost loop of a worker: the parent must hear of everything
        pipe.recv()
        pipe.send(("unprepared", _described(error)))
        return
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            message = ("answer", answer(task))
        except Exception as error:  # outermost loop of a worker: one bad task must not stop the others
            is_full = isinstance(error, NotWritable) and error.is_full
            message = ("full", (str(error), errno.ENOSPC)) if is_full else ("broken", _described(error))
        try:
            pipe.send(message)
        except BrokenPipeError:
            return  # the parent has gone


def _described(error: Exception) -> str:
    """The sentence of one of our own errors; of another its type and place, since its text may hold patient data."""
    if isinstance(error, RDeepNetError):
        return str(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {os.path.basename(frame.filename)}, line {frame.lineno}"


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Blocks SIGINT in this thread; a process started meanwhile inherits that, also for its first imports.

    The terminal's Ctrl-C goes to the whole group of processes; what becomes of a worker is the parent's decision.
    """
    resource_tracker.ensure_running()  # its own start would unblock SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _shared_cores(workers: int) -> Iterator[None]:
    """Gives each worker its share of the cores: libraries read these variables when they are loaded in the worker."""
    share = max(1, (os.cpu_count() or 1) // max(1, workers))
    added = {name: value for name, value in variables_of_worker(share).items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
