"""The durable queue: a real DBOS on a real SQLite file; processes that die are real processes. Kind: mechanics."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dbos._sys_db import SystemDatabase
from sqlalchemy.exc import OperationalError

from appliance.state import job_worker
from appliance.state.job_queue import Fate, JobQueue, QueuePlace, QueueUnavailable
from appliance.state.job_worker import JobWorker

JOB = "1.2.3:abc"

# A worker that dies with status 9 in the step named by its second argument, after noting each step it begins.
DYING = """
import os, sys, time
from pathlib import Path
from appliance.state.job_queue import JobQueue, QueuePlace
from appliance.state.job_worker import JobWorker

folder, dies_in, version = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

def note(step):
    with (folder / "steps").open("a") as file:
        file.write(step + "\\n")
    if step == dies_in:
        os._exit(9)

def answer(job_id):
    note("answer")
    return "outcome"

place = QueuePlace(folder=folder, executor="worker", version=version)
queue = JobQueue(place)
queue.open()
JobWorker(place, answer=answer, conclude=lambda job_id, outcome: note("conclude"), poll_s=0.05, max_attempts=3).start()
queue.put("1.2.3:abc")
end = time.monotonic() + 30
while time.monotonic() < end:
    time.sleep(0.05)
    if queue.fate("1.2.3:abc").name != "IN_FLIGHT":
        os._exit(0)
os._exit(1)
"""


# The service before the computation had a process of its own: queue and worker in one, and it dies in the first step.
PREVIOUS = """
import os, sys, time
from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID

DBOS(config={"name": "rdeepnet", "system_database_url": "sqlite:///" + sys.argv[1] + "/queue.sqlite3",
             "application_version": "1", "executor_id": "worker", "serializer": DBOSPortableJSONSerializer(),
             "log_level": "WARNING", "enable_otlp": False})

@DBOS.step(name="answer")
def answer(job_id):
    os._exit(9)

@DBOS.step(name="conclude")
def conclude(job_id, outcome):
    pass

@DBOS.workflow(name="answer_study", max_recovery_attempts=2)
def answer_study(job_id):
    conclude(job_id, answer(job_id))

DBOS.listen_queues(["studies"])
DBOS.launch()
DBOS.register_queue("studies", worker_concurrency=1, polling_interval_sec=2.0, on_conflict="always_update")
for job in ("1.2.3:abc", "1.2.4:def"):
    with SetWorkflowID(job):
        DBOS.enqueue_workflow("studies", answer_study, job)
time.sleep(60)
"""


def run_dying(folder: Path, *, dies_in: str, version: str = "1") -> int:
    """Run a worker until it dies (9) or the job has ended (0)."""
    command = [sys.executable, "-c", DYING, str(folder), dies_in, version]
    return subprocess.run(command, check=False, timeout=120, stderr=subprocess.DEVNULL).returncode


def steps(folder: Path) -> list[str]:
    return (folder / "steps").read_text().splitlines()


@contextmanager
def working(
    folder: Path, *, answer: Callable[[str], str], version: str = "1", executor: str = "worker"
) -> Iterator[tuple[JobQueue, list[tuple[str, str]]]]:
    """A queue with a worker in this process, and what it concluded."""
    concluded: list[tuple[str, str]] = []
    place = QueuePlace(folder=folder, executor=executor, version=version)
    queue = JobQueue(place)
    queue.open()
    worker = JobWorker(
        place,
        answer=answer,
        conclude=lambda job_id, outcome: concluded.append((job_id, outcome)),
        poll_s=0.05,
        max_attempts=3,
    )
    worker.start()
    try:
        yield queue, concluded
    finally:
        worker.stop()
        queue.close()


def wait_for_end(jobs: JobQueue, job_id: str = JOB) -> Fate:
    end = time.monotonic() + 30
    while (fate := jobs.fate(job_id)) is Fate.IN_FLIGHT and time.monotonic() < end:
        time.sleep(0.02)
    return fate


def test_a_job_is_answered_and_concluded_once_however_often_it_is_put(tmp_path: Path) -> None:
    answered: list[str] = []

    def answer(job_id: str) -> str:
        answered.append(job_id)
        return "outcome"

    with working(tmp_path, answer=answer) as (jobs, concluded):
        assert jobs.fate(JOB) is Fate.UNKNOWN
        for _ in range(3):
            jobs.put(JOB)
        assert wait_for_end(jobs) is Fate.DONE
        jobs.put(JOB)
        assert jobs.fate(JOB) is Fate.DONE
    assert answered == [JOB]
    assert concluded == [(JOB, "outcome")]


def test_one_job_at_a_time(tmp_path: Path) -> None:
    lock, most = threading.Lock(), 0

    def answer(job_id: str) -> str:
        nonlocal most
        assert lock.acquire(blocking=False), "another job runs"
        most += 1
        time.sleep(0.1)
        lock.release()
        return "outcome"

    with working(tmp_path, answer=answer) as (jobs, _):
        names = [f"1.2.3:{number}" for number in range(4)]
        for name in names:
            jobs.put(name)
        assert [wait_for_end(jobs, name) for name in names] == [Fate.DONE] * 4
    assert most == 4


def test_a_job_that_raises_is_broken_and_the_next_one_runs(tmp_path: Path) -> None:
    def answer(job_id: str) -> str:
        if job_id == JOB:
            raise OSError("no records")
        return "outcome"

    with working(tmp_path, answer=answer) as (jobs, _):
        jobs.put(JOB)
        jobs.put("1.2.4:def")
        assert wait_for_end(jobs) is Fate.BROKEN
        assert wait_for_end(jobs, "1.2.4:def") is Fate.DONE


def test_a_finished_job_can_be_forgotten(tmp_path: Path) -> None:
    with working(tmp_path, answer=lambda job_id: "outcome") as (jobs, _):
        jobs.put(JOB)
        jobs.put("1.2.34:abc")
        wait_for_end(jobs)
        wait_for_end(jobs, "1.2.34:abc")
        jobs.forget("1.2.3")
        assert jobs.fate(JOB) is Fate.UNKNOWN
        assert jobs.fate("1.2.34:abc") is Fate.DONE, "another study with the same beginning"


def test_a_process_that_dies_after_the_first_step_does_not_repeat_it(tmp_path: Path) -> None:
    assert run_dying(tmp_path, dies_in="conclude") == 9
    assert run_dying(tmp_path, dies_in="never") == 0
    assert steps(tmp_path) == ["answer", "conclude", "conclude"]


def test_a_job_that_kills_its_process_every_time_is_exhausted(tmp_path: Path) -> None:
    for _ in range(3):
        assert run_dying(tmp_path, dies_in="answer") == 9
    assert run_dying(tmp_path, dies_in="answer") == 0, "it is not begun a fourth time"
    assert steps(tmp_path) == ["answer"] * 3
    with working(tmp_path, answer=lambda job_id: "outcome") as (jobs, _):
        assert jobs.fate(JOB) is Fate.EXHAUSTED


def test_a_job_in_flight_under_an_older_version_goes_on_at_its_unfinished_step(tmp_path: Path) -> None:
    assert run_dying(tmp_path, dies_in="conclude", version="0") == 9

    def answer(job_id: str) -> str:
        raise AssertionError("the first step was done under the older version")

    with working(tmp_path, answer=answer) as (jobs, concluded):
        assert wait_for_end(jobs) is Fate.DONE
    assert concluded == [(JOB, "outcome")]


def test_a_job_of_a_worker_that_has_another_name_now_goes_on(tmp_path: Path) -> None:
    assert run_dying(tmp_path, dies_in="conclude") == 9

    def answer(job_id: str) -> str:
        raise AssertionError("the first step was done under the other name")

    with working(tmp_path, answer=answer, executor="renamed") as (jobs, concluded):
        assert wait_for_end(jobs) is Fate.DONE
    assert concluded == [(JOB, "outcome")]


def test_jobs_of_the_version_that_computed_in_the_service_are_taken_over(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PREVIOUS, str(tmp_path)]
    assert subprocess.run(command, check=False, timeout=120, stderr=subprocess.DEVNULL).returncode == 9
    answered: list[str] = []

    def answer(job_id: str) -> str:
        answered.append(job_id)
        return "outcome"

    with working(tmp_path, answer=answer) as (jobs, concluded):
        jobs.put("1.2.4:def")
        assert [wait_for_end(jobs, job) for job in (JOB, "1.2.4:def")] == [Fate.DONE, Fate.DONE]
    assert sorted(answered) == [JOB, "1.2.4:def"], "one was running, the other waited"
    assert len(concluded) == 2


def test_the_database_is_private_and_readable_json(tmp_path: Path) -> None:
    with working(tmp_path, answer=lambda job_id: "outcome") as (jobs, _):
        jobs.put(JOB)
        wait_for_end(jobs)
    path = tmp_path / "queue.sqlite3"
    assert path.stat().st_mode & 0o777 == 0o600
    database = sqlite3.connect(path)
    try:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        (serialization,) = database.execute("SELECT serialization FROM workflow_status").fetchone()
        (inputs,) = database.execute("SELECT inputs FROM workflow_input").fetchone()
    finally:
        database.close()
    assert serialization == "portable_json"
    assert json.loads(inputs) == {"positionalArgs": [JOB], "namedArgs": {}}


def test_a_cancelled_job_is_not_begun(tmp_path: Path) -> None:
    go_on = threading.Event()

    def answer(job_id: str) -> str:
        go_on.wait(30)
        return "outcome"

    with working(tmp_path, answer=answer) as (jobs, concluded):
        jobs.put("1.2.4:def")
        jobs.put(JOB)
        jobs.cancel(JOB)
        go_on.set()
        assert wait_for_end(jobs, "1.2.4:def") is Fate.DONE
        assert jobs.fate(JOB) is Fate.BROKEN
    assert concluded == [("1.2.4:def", "outcome")]


def test_a_job_whose_row_says_begun_while_nobody_executes_it_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """State after a full disk: the queue could not write what became of a step, neither its result nor an error."""
    monkeypatch.setattr(job_worker, "_LOOK_EVERY_S", 0.3)
    real, full = SystemDatabase.record_operation_result, [True]

    def record(self: SystemDatabase, *arguments: Any, **named: Any) -> None:
        if full[0]:
            raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
        real(self, *arguments, **named)

    monkeypatch.setattr(SystemDatabase, "record_operation_result", record)
    put_back: list[str] = []
    place = QueuePlace(folder=tmp_path, executor="worker")
    queue = JobQueue(place)
    queue.open()
    begun: list[str] = []

    def answer(job_id: str) -> str:
        begun.append(job_id)
        return "outcome"

    worker = JobWorker(
        place, answer=answer, conclude=lambda *_: None, poll_s=0.05, max_attempts=3, put_back=put_back.extend
    )
    worker.start()
    try:
        queue.put(JOB)
        end = time.monotonic() + 30
        while len(begun) < 5 and time.monotonic() < end:  # more often than max_attempts: it is not the job's fault
            time.sleep(0.02)
        full[0] = False
        assert wait_for_end(queue) is Fate.DONE
    finally:
        worker.stop()
        queue.close()
    assert len(put_back) >= 4
    assert set(put_back) == {JOB}


def test_a_queue_on_a_full_disk_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = JobQueue(QueuePlace(folder=tmp_path, executor="worker"))
    queue.open()

    def full(self: SystemDatabase, *arguments: Any, **named: Any) -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(SystemDatabase, "init_workflow", full)
    with pytest.raises(QueueUnavailable, match="its disk is full"):
        queue.put(JOB)
    queue.close()
