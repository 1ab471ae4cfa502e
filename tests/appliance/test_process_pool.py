"""A pool of worker processes: every task ends, whatever happens to one of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest

from appliance.process_pool import Broken, Done, answers, work_off
from models.errors import NotWritable, SetupError


def open_worker(offset: int) -> Callable[[int], tuple[int, int]]:
    """A worker that adds, and can be made to fail or die."""

    def answer(task: int) -> tuple[int, int]:
        if task == 13:
            raise ValueError("Synthetic^Patient^0001 has a bad image")
        if task in (28, 30):
            raise NotWritable("no room in out", because=OSError(task, "its reason"))
        if task == 66:
            os.kill(os.getpid(), signal.SIGKILL)
        return task + offset, os.getpid()

    return answer


def open_marked_worker() -> Callable[[int], str]:
    """A worker that says which one it is; the number of a process that has ended is given to another."""
    mark = uuid4().hex
    return lambda task: mark


def open_broken_worker() -> Callable[[int], int]:
    raise SetupError("no such device")


def test_every_task_is_answered_once() -> None:
    outcomes = list(work_off(range(7), partial(open_worker, 100), workers=2))
    assert {outcome.task: outcome.answer[0] for outcome in outcomes if isinstance(outcome, Done)} == {
        task: task + 100 for task in range(7)
    }
    assert len({outcome.answer[1] for outcome in outcomes if isinstance(outcome, Done)} | {os.getpid()}) >= 2


def test_workers_are_replaced() -> None:
    outcomes = list(work_off(range(5), open_marked_worker, workers=1, tasks_per_worker=2))
    assert len({outcome.answer for outcome in outcomes if isinstance(outcome, Done)}) == 3


def test_one_bad_task_and_one_dead_worker_do_not_stop_the_others() -> None:
    outcomes = list(work_off([1, 13, 2, 66, 3], partial(open_worker, 0), workers=1))
    broken = {outcome.task: outcome.reason for outcome in outcomes if isinstance(outcome, Broken)}
    assert sorted(broken) == [13, 66]
    assert "ValueError in test_process_pool.py" in broken[13]
    assert "Synthetic" not in broken[13]
    assert "signal 9" in broken[66]
    assert sorted(outcome.task for outcome in outcomes if isinstance(outcome, Done)) == [1, 2, 3]


def test_a_worker_that_can_not_start_is_a_set_up_error() -> None:
    with pytest.raises(SetupError, match="could not start: no such device"):
        list(work_off([1], open_broken_worker, workers=1))


def test_the_environment_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    list(work_off([1], partial(open_worker, 0), workers=2))
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "NUMBA_NUM_THREADS" not in os.environ


def test_one_at_a_time_needs_no_other_process_and_survives_a_bad_task() -> None:
    outcomes = list(answers([1, 13, 2], partial(open_worker, 100), jobs=1))
    assert [outcome.answer for outcome in outcomes if isinstance(outcome, Done)] == [
        (101, os.getpid()),
        (102, os.getpid()),
    ]
    (broken,) = [outcome for outcome in outcomes if isinstance(outcome, Broken)]
    assert (broken.task, broken.reason.split(",")[0]) == (13, "ValueError in test_process_pool.py")


def test_several_at_a_time_have_processes_of_their_own() -> None:
    (outcome,) = answers([66], partial(open_worker, 0), jobs=2)
    assert isinstance(outcome, Broken)
    assert "signal 9" in outcome.reason


@pytest.mark.parametrize("jobs", [1, 2])
def test_nothing_is_opened_for_no_task(jobs: int) -> None:
    assert not list(answers([], open_broken_worker, jobs=jobs))


def test_what_can_not_be_opened_here_is_said_as_it_is() -> None:
    with pytest.raises(SetupError, match=r"^no such device$"):
        list(answers([1], open_broken_worker, jobs=1))


def test_ctrl_c_is_no_bad_task() -> None:
    """It ends the whole run, not only the study it met."""

    def open_interrupted() -> Callable[[int], int]:
        def answer(task: int) -> int:
            if task == 2:
                signal.raise_signal(signal.SIGINT)
            return task

        return answer

    outcomes = answers([1, 2, 3], open_interrupted, jobs=1)
    assert next(outcomes) == Done(1, 1)
    with pytest.raises(KeyboardInterrupt):
        next(outcomes)
    assert not list(outcomes)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_full_disk_ends_all_tasks_and_a_closed_place_only_its_own(jobs: int) -> None:
    ended = answers([1, 30, 2, 28, 3], partial(open_worker, 0), jobs=jobs)  # EROFS, ENOSPC
    seen = []
    with pytest.raises(NotWritable, match="no room in out") as caught:
        seen.extend(outcome for outcome in iter(ended.__next__, None))
    assert caught.value.is_full
    assert {"no room in out"} >= {outcome.reason for outcome in seen if isinstance(outcome, Broken)}
    if jobs == 1:
        assert [type(outcome) for outcome in seen] == [Done, Broken, Done]
