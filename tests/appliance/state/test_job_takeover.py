"""The queue that several hosts share, on a real PostgreSQL: locks, takeovers, priorities, versions. Kind: mechanics.

Workers that die or are cut off are real processes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from appliance.state.job_queue import Fate, JobQueue, Priority, QueuePlace
from appliance.state.job_takeover import EXECUTOR_LOCK, JobTakeover
from appliance.state.job_worker import JobWorker
from appliance.state.postgres import LockProbe, NameTaken, ServerUnavailable, SessionLock, watched
from models.errors import SetupError
from tests.end_to_end.postgres import Postgres
from tests.end_to_end.running import wait_for

pytestmark = pytest.mark.peers

JOB = "1.2.3:abc"
_NUMBERS = count()

# A worker of a name and version, which notes each step in a file; while the file `hold` is there, its answers last.
WORKER = """
import os, sys, threading, time
from pathlib import Path
from appliance.state.job_queue import QueuePlace
from appliance.state.job_worker import JobWorker

folder, executor, url, version = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]

def note(step, job_id):
    with (folder / "steps").open("a") as file:
        file.write(f"{executor} {step} {job_id}\\n")

def answer(job_id):
    note("answer", job_id)
    while (folder / "hold").exists():
        time.sleep(0.02)
    return "outcome"

JobWorker(
    QueuePlace(folder=folder, executor=executor, database_url=url, version=version),
    answer=answer,
    conclude=lambda job_id, outcome: note("conclude", job_id),
    poll_s=0.05,
    max_attempts=3,
    lost=lambda: os._exit(75),
).start()
(folder / f"{executor} ready").touch()
threading.Event().wait()
"""


@pytest.fixture(scope="module")
def with_tables(postgres: Postgres) -> str:
    """Name of a database with the queue's tables: making them takes a second, copying them does not."""
    postgres.execute("CREATE DATABASE queue_tables")
    queue = JobQueue(QueuePlace(folder=Path(), executor="-", database_url=postgres.url("queue_tables")))
    queue.open()
    queue.close()
    return "queue_tables"


@pytest.fixture
def place(tmp_path: Path, postgres: Postgres, with_tables: str) -> QueuePlace:
    """A queue in a database of the test's own."""
    in_it = f"FROM pg_stat_activity WHERE datname = '{with_tables}'"
    postgres.execute(f"SELECT pg_terminate_backend(pid) {in_it}")
    wait_for(lambda: not postgres.execute(f"SELECT 1 {in_it}"), what="nobody in it")
    name = f"queue{next(_NUMBERS)}"
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE {with_tables}")
    return QueuePlace(folder=tmp_path, executor="one", database_url=postgres.url(name))


class Workers:
    """Workers as processes."""

    def __init__(self, place: QueuePlace) -> None:
        self._place = place
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, executor: str, *, version: str = "1") -> subprocess.Popen[bytes]:
        """Starts one, and waits until it takes jobs."""
        ready = self._place.folder / f"{executor} ready"
        ready.unlink(missing_ok=True)
        arguments = [str(self._place.folder), executor, self._place.database_url, version]
        process = subprocess.Popen([sys.executable, "-c", WORKER, *arguments])
        self._processes[executor] = process

        def is_ready() -> bool:
            assert process.poll() is None, "it ended"
            return ready.exists()

        wait_for(is_ready, what=f"worker {executor} to be ready")
        return process

    def steps(self) -> list[str]:
        """Each step that was begun: "WORKER STEP JOB"."""
        path = self._place.folder / "steps"
        return path.read_text().splitlines() if path.exists() else []

    def hold(self) -> None:
        """Lets answers last from now on."""
        (self._place.folder / "hold").touch()

    def go_on(self) -> None:
        (self._place.folder / "hold").unlink(missing_ok=True)

    def end(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()


@pytest.fixture
def workers(place: QueuePlace) -> Iterator[Workers]:
    started = Workers(place)
    try:
        yield started
    finally:
        started.end()


@contextmanager
def opened(place: QueuePlace) -> Iterator[JobQueue]:
    queue = JobQueue(place)
    queue.open()
    try:
        yield queue
    finally:
        queue.close()


@contextmanager
def looking(
    place: QueuePlace,
    queue: JobQueue,
    interrupted: Callable[[Sequence[str], str], Sequence[str]] = lambda jobs, executor: jobs,
) -> Iterator[JobTakeover]:
    takeover = JobTakeover(place.database_url, queue, interrupted=interrupted)
    try:
        yield takeover
    finally:
        takeover.stop()


def wait_for_fate(queue: JobQueue, fate: Fate, job_id: str = JOB) -> None:
    wait_for(lambda: queue.fate(job_id) is fate, what=f"the job to be {fate}")


def test_jobs_of_a_killed_worker_are_begun_again_by_another_and_counted(place: QueuePlace, workers: Workers) -> None:
    counted: list[str] = []

    def interrupted(job_ids: Sequence[str], executor: str) -> Sequence[str]:
        counted.extend(job_ids)
        return job_ids

    with opened(place) as queue, looking(place, queue, interrupted) as takeover:
        workers.hold()
        killed = workers.start("one")
        queue.put(JOB)
        wait_for(lambda: workers.steps() == [f"one answer {JOB}"], what="the job to have begun")
        assert takeover.look() == (), "its worker is alive"
        takeover.start()
        killed.kill()
        workers.go_on()
        wait_for(lambda: counted, what="the takeover")
        workers.start("other")
        wait_for_fate(queue, Fate.DONE)
    assert counted == [JOB]
    assert workers.steps() == [f"one answer {JOB}", f"other answer {JOB}", f"other conclude {JOB}"]


def test_a_job_that_is_not_to_be_begun_again_stays_as_it_is(place: QueuePlace, workers: Workers) -> None:
    """A job that the caller cancels for having ended too many workers is not queued again behind its back."""
    with opened(place) as queue:

        def interrupted(job_ids: Sequence[str], executor: str) -> Sequence[str]:
            for job_id in job_ids:
                queue.cancel(job_id)
            return ()

        with looking(place, queue, interrupted) as takeover:
            workers.hold()
            killed = workers.start("one")
            queue.put(JOB)
            wait_for(workers.steps, what="the job to have begun")
            killed.kill()
            wait_for(lambda: takeover.look() or queue.fate(JOB) is Fate.BROKEN, what="the takeover")
        assert queue.fate(JOB) is Fate.BROKEN
        assert queue.begun() == {}


def test_a_worker_whose_lock_is_cut_ends_itself_and_its_job_is_done_elsewhere(
    place: QueuePlace, workers: Workers, postgres: Postgres
) -> None:
    with opened(place) as queue, looking(place, queue) as takeover:
        workers.hold()
        cut = workers.start("one")
        queue.put(JOB)
        wait_for(workers.steps, what="the job to have begun")
        takeover.start()
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rdeepnet executor one'"
        )
        assert cut.wait(timeout=60) == os.EX_TEMPFAIL
        workers.go_on()
        workers.start("other")
        wait_for_fate(queue, Fate.DONE)
    assert [step for step in workers.steps() if "conclude" in step] == [f"other conclude {JOB}"]


def test_a_worker_that_only_stands_still_keeps_its_jobs(place: QueuePlace, workers: Workers) -> None:
    with opened(place) as queue, looking(place, queue) as takeover:
        workers.hold()
        process = workers.start("one")
        queue.put(JOB)
        wait_for(workers.steps, what="the job to have begun")
        process.send_signal(signal.SIGSTOP)
        assert takeover.look() == ()
        process.send_signal(signal.SIGCONT)
        workers.go_on()
        wait_for_fate(queue, Fate.DONE)
    assert len(workers.steps()) == 2


def test_a_restarted_worker_of_the_same_name_counts_what_it_left(place: QueuePlace, workers: Workers) -> None:
    """Nobody looks meanwhile: the worker is back before anybody noticed that it was gone."""
    with opened(place) as queue:
        workers.hold()
        killed = workers.start("one")
        queue.put(JOB)
        wait_for(workers.steps, what="the job to have begun")
        killed.kill()
        killed.wait()
        counted: list[str] = []

        def interrupted(job_ids: Sequence[str], executor: str) -> Sequence[str]:
            counted.extend(job_ids)
            return job_ids

        worker = JobWorker(
            place,
            answer=lambda job_id: "outcome",
            conclude=lambda job_id, outcome: None,
            poll_s=0.05,
            max_attempts=3,
            interrupted=interrupted,
        )
        worker.start()
        try:
            wait_for_fate(queue, Fate.DONE)
        finally:
            worker.stop()
    assert counted == [JOB]


def test_two_workers_do_not_share_a_name(place: QueuePlace, workers: Workers, postgres: Postgres) -> None:
    workers.start("one")
    second = JobWorker(place, answer=lambda _: "", conclude=lambda *_: None, poll_s=0.05, max_attempts=3)
    with pytest.raises(SetupError, match="Another worker works under the name one"):
        second.start()


def test_a_pushed_study_overtakes_a_cohort(place: QueuePlace, workers: Workers) -> None:
    with opened(place) as queue:
        for number in range(3):
            queue.put(f"1.9.{number}:c", priority=Priority.COHORT)
        queue.put("1.2.1:p")
        queue.put("1.2.2:p")
        workers.start("one")
        wait_for(lambda: len(workers.steps()) == 10, what="all jobs")
    answered = [step.split()[2] for step in workers.steps() if "answer" in step]
    assert answered == ["1.2.1:p", "1.2.2:p", "1.9.0:c", "1.9.1:c", "1.9.2:c"]


def test_jobs_of_an_older_version_wait_for_its_last_worker(place: QueuePlace, workers: Workers) -> None:
    """A rolling upgrade: the old worker has one job running and one waiting when the new host comes."""
    old = replace(place, version="0")
    with opened(old) as of_old, opened(place) as of_new, looking(place, of_new) as takeover:
        workers.hold()
        last = workers.start("old", version="0")
        of_old.put(JOB)
        wait_for(workers.steps, what="the job to have begun")
        of_old.put("1.2.4:def")
        workers.start("new", version="1")
        assert takeover.renew_older() == (), "an old worker lives and will take them"
        last.kill()
        last.wait()
        wait_for(lambda: takeover.look() == (JOB,), what="the takeover of what it was at")
        wait_for(lambda: set(takeover.renew_older()) == {JOB, "1.2.4:def"}, what="the move to our version")
        workers.go_on()
        for job_id in (JOB, "1.2.4:def"):
            wait_for_fate(of_new, Fate.DONE, job_id)
    assert sorted(step for step in workers.steps() if "conclude" in step) == [
        f"new conclude {JOB}",
        "new conclude 1.2.4:def",
    ]


def test_two_hosts_that_start_at_once_make_the_tables_once(tmp_path: Path, postgres: Postgres) -> None:
    postgres.execute("CREATE DATABASE fresh")
    code = (
        "import sys; from pathlib import Path; from appliance.state.job_queue import JobQueue, QueuePlace\n"
        "queue = JobQueue(QueuePlace(folder=Path(sys.argv[1]), executor='-', database_url=sys.argv[2]))\n"
        "queue.open(); queue.put('1.2.3:abc'); queue.close()"
    )
    hosts = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), postgres.url("fresh")]) for _ in range(3)]
    assert [host.wait(timeout=120) for host in hosts] == [0, 0, 0]


def test_a_lock_is_of_one_holder_and_ends_with_its_session(place: QueuePlace, postgres: Postgres) -> None:
    name, probe = EXECUTOR_LOCK.format("x"), LockProbe(place.database_url)
    held = SessionLock(place.database_url, name)
    try:
        with pytest.raises(NameTaken):
            SessionLock(place.database_url, name, within_s=0.0)
        with probe.free(name) as is_free:
            assert not is_free
        assert held.is_held()
        postgres.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rdeepnet {name}'"
        )
        wait_for(lambda: not held.is_held(), what="the session to be gone")
        with probe.free(name) as is_free:
            assert is_free
            with pytest.raises(NameTaken):
                SessionLock(place.database_url, name, within_s=0.0)
        SessionLock(place.database_url, name).close()
    finally:
        held.close()
        probe.close()


def test_a_probe_without_a_server_says_so_and_works_again(place: QueuePlace, postgres: Postgres) -> None:
    probe = LockProbe(place.database_url)
    try:
        with probe.free("x"):
            pass
        postgres.stop()
        try:
            with pytest.raises(ServerUnavailable), probe.free("x"):
                raise AssertionError("it cannot know")
        finally:
            postgres.start()
        with probe.free("x") as is_free:
            assert is_free
    finally:
        probe.close()


def test_connections_notice_a_dead_machine_within_35_seconds(place: QueuePlace) -> None:
    """Both ends: the server's keepalive gives the lock of a dead host back, ours ends a worker that is cut off."""
    lock = SessionLock(place.database_url, "watched")
    try:
        shown = [
            lock._connection.execute(f"SHOW tcp_keepalives_{name}".encode()).fetchone()  # type: ignore[index]
            for name in ("idle", "interval", "count")
        ]
        idle, interval, times = (int(str(row[0])) for row in shown if row is not None)
        assert idle + interval * times <= 35
        assert lock._connection.info.get_parameters()["tcp_user_timeout"] == "10000"
    finally:
        lock.close()


@pytest.mark.parametrize("url", ["postgresql://u@h/d", "postgresql://u@h/d?sslmode=verify-full"])
def test_a_watched_url_keeps_what_it_said(url: str) -> None:
    assert watched(url).startswith(url)
    assert watched(url).count("?") == 1
    assert "keepalives_idle=15" in watched(url)
    own = f"{url}{'&' if '?' in url else '?'}connect_timeout=3"
    assert watched(own).count("connect_timeout") == 1
