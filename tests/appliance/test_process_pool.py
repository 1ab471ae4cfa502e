"""A pool of worker processes: every task ends, whatever happens to one of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial

import pytest

from appliance.process_pool import Broken, Done, work_off
from models.errors import SetupError


def open_worker(offset: int) -> Callable[[int], tuple[int, int]]:
    """A worker that adds, and can be made to fail or die."""

    def answer(task: int) -> tuple[int, int]:
        if task == 13:
            raise ValueError("Synthetic^Patient^0001 has a bad image")
        if task == 66:
            os.kill(os.getpid(), signal.SIGKILL)
        return task + offset, os.getpid()

    return answer


def open_broken_worker() -> Callable[[int], int]:
    raise SetupError("no such device")


def test_every_task_is_answered_once() -> None:
    outcomes = list(work_off(range(7), partial(open_worker, 100), workers=2))
    assert {outcome.task: outcome.answer[0] for outcome in outcomes if isinstance(outcome, Done)} == {
        task: task + 100 for task in range(7)
    }
    assert len({outcome.answer[1] for outcome in outcomes if isinstance(outcome, Done)} | {os.getpid()}) >= 2


def test_workers_are_replaced() -> None:
    outcomes = list(work_off(range(5), partial(open_worker, 0), workers=1, tasks_per_worker=2))
    assert len({outcome.answer[1] for outcome in outcomes if isinstance(outcome, Done)}) == 3


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
