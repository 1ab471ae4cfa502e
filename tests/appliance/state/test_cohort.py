"""A cohort handed to workers of a shared home, on a real PostgreSQL: asked, answered, taken back. Kind: mechanics."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.service.cohort import CohortWorker, Compute, Question, hand_over, opened
from appliance.settings import ServiceSettings, Settings
from appliance.shared_settings import SharedSettings
from appliance.state.cohort_tasks import CohortTasks, TaskAnswer, job_of, task_of
from appliance.state.homes import cohort_tasks, open_receiving_home
from appliance.state.job_queue import Fate, JobQueue, QueuePlace
from appliance.state.job_worker import JobWorker
from models.errors import SetupError, StudyRejected
from tests.end_to_end.running import wait_for

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def settings(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a shared home whose tables are there."""
    state_dir = tmp_path_factory.mktemp("state")
    made = Settings(service=ServiceSettings(state_dir=state_dir), shared=SharedSettings(database_url=new_database()))
    open_receiving_home(made, last_pulse_s=math.inf, receiver="one", lease_s=1.0).close()
    place(made).prepare()
    return made


def place(settings: Settings) -> QueuePlace:
    return QueuePlace(folder=settings.service.state_dir, executor="worker", database_url=settings.shared.database_url)


@pytest.fixture
def home(settings: Settings) -> Iterator[tuple[JobQueue, CohortTasks]]:
    """Queue and tasks, as who asks opens them."""
    with opened(settings) as (queue, tasks, _):
        yield queue, tasks


@contextmanager
def working(settings: Settings, compute: Compute | None) -> Iterator[None]:
    """A worker in this process."""
    home = open_receiving_home(settings, last_pulse_s=math.inf, receiver="worker", lease_s=1.0)
    cohorts = CohortWorker(cohort_tasks(settings, home.records), compute)

    def answer(job_id: str) -> str:
        cohorts.answer(task_of(job_id))
        return ""

    worker = JobWorker(place(settings), answer=answer, conclude=lambda *_: None, poll_s=0.05, max_attempts=3)
    worker.start()
    try:
        yield
    finally:
        worker.stop()
        home.close()


def questions(folder: Path, *texts: str) -> list[Question]:
    """A question for each text, with two files that say it."""
    made = []
    for text in texts:
        files = (folder / f"{text}-a", folder / f"{text}-b")
        for file in files:
            file.write_bytes(file.name.encode())
        made.append(Question(text, files))
    return made


def joined(question: str, files: Sequence[Path], folder: Path) -> None:
    """The files' contents, one after the other; questions that begin with "bad" are refused or end in a defect."""
    if question == "bad":
        raise StudyRejected("This study has no tumour.")
    if question == "badly":
        raise ZeroDivisionError("of a patient")
    (folder / "joined").write_bytes(b" ".join(file.read_bytes() for file in files))
    (folder / "asked").write_text(question, encoding="utf-8")


def test_every_question_is_answered_and_nothing_of_it_is_left(
    tmp_path: Path, settings: Settings, home: tuple[JobQueue, CohortTasks]
) -> None:
    queue, tasks = home
    asked = questions(tmp_path, "one", "two", "bad", "badly", "three")
    with working(settings, joined):
        answers = dict(hand_over(asked, queue=queue, tasks=tasks, at_once=2))
    assert [answers[number].files.get("joined", b"") for number in range(5)] == [
        b"one-a one-b",
        b"two-a two-b",
        b"",
        b"",
        b"three-a three-b",
    ]
    assert answers[0].files["asked"] == b"one"
    assert answers[2].reason == "This study has no tumour."
    assert "ZeroDivisionError" in answers[3].reason
    assert "patient" not in answers[3].reason
    assert left(settings) == (0, 0, 0)


def left(settings: Settings) -> tuple[int, ...]:
    """Rows of tasks, of answers and of bytes."""
    import psycopg

    with psycopg.connect(settings.shared.database_url) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM rdeepnet.{table}".encode()).fetchone()
            for table in ("cohort_tasks", "cohort_answers", "pieces")
        ]
    return tuple(int(row[0]) for row in counts if row is not None)


def test_who_stops_asking_takes_back_what_is_open(
    tmp_path: Path, settings: Settings, home: tuple[JobQueue, CohortTasks]
) -> None:
    queue, tasks = home
    begun, go_on = threading.Event(), threading.Event()

    def waits(question: str, files: Sequence[Path], folder: Path) -> None:
        if question == "second":
            begun.set()
            go_on.wait(60)
        joined(question, files, folder)

    with working(settings, waits):
        asking = hand_over(questions(tmp_path, "first", "second", "third"), queue=queue, tasks=tasks, at_once=3)
        assert next(asking)[0] == 0
        assert begun.wait(60)
        asking.close()
        assert left(settings) == (0, 0, 0)
        go_on.set()  # the answer to what nobody asks any longer is dropped
        after = dict(hand_over(questions(tmp_path, "fourth"), queue=queue, tasks=tasks, at_once=1))
    assert after[0].files["joined"] == b"fourth-a fourth-b"
    assert left(settings) == (0, 0, 0)


def test_a_question_that_ended_its_workers_is_told_so(
    tmp_path: Path, settings: Settings, home: tuple[JobQueue, CohortTasks]
) -> None:
    queue, tasks = home
    answers: list[tuple[int, TaskAnswer]] = []
    asking = threading.Thread(
        target=lambda: answers.extend(hand_over(questions(tmp_path, "deadly"), queue=queue, tasks=tasks, at_once=1))
    )
    asking.start()
    wait_for(lambda: left(settings)[0] == 1, what="the question")
    with opened(settings) as (other, _, _):
        (job_id,) = wait_for(lambda: waiting_jobs(settings), what="its job")
        other.cancel(job_id)
    asking.join(timeout=60)
    ((number, answer),) = answers
    assert number == 0
    assert "ended its workers too often, or was cancelled" in answer.reason
    assert left(settings) == (0, 0, 0)


def waiting_jobs(settings: Settings) -> list[str]:
    import psycopg

    with psycopg.connect(settings.shared.database_url) as connection:
        rows = connection.execute(
            "SELECT workflow_uuid FROM rdeepnet_queue.workflow_status WHERE status = 'ENQUEUED'"
        ).fetchall()
    return [str(row[0]) for row in rows]


def test_the_first_answer_counts_and_old_questions_are_forgotten(
    tmp_path: Path, settings: Settings, home: tuple[JobQueue, CohortTasks]
) -> None:
    queue, tasks = home
    (question,) = questions(tmp_path, "twice")
    task_id = tasks.ask(question.text, question.files)
    assert tasks.answer_to(task_id) is None
    tasks.answer(task_id, TaskAnswer({"a": b"1"}))
    tasks.answer(task_id, TaskAnswer({"a": b"2"}))
    answer = tasks.answer_to(task_id)
    assert answer is not None
    assert answer.files == {"a": b"1"}
    with tasks.taken(task_id) as task:
        assert task is None, "it is answered"
    tasks.forget_before(datetime.now(UTC) - timedelta(days=1))
    assert tasks.answer_to(task_id) is not None
    tasks.forget_before(datetime.now(UTC) + timedelta(days=1))
    assert tasks.answer_to(task_id) is None
    tasks.answer(task_id, TaskAnswer({"a": b"3"}))
    assert left(settings) == (0, 0, 0)
    assert queue.fate(job_of(task_id)) is Fate.UNKNOWN


def test_a_worker_that_computes_no_cohorts_says_so(
    tmp_path: Path, settings: Settings, home: tuple[JobQueue, CohortTasks]
) -> None:
    queue, tasks = home
    with working(settings, None):
        answers = dict(hand_over(questions(tmp_path, "none"), queue=queue, tasks=tasks, at_once=1))
    assert answers[0].reason == "The worker that took this study computes no cohorts."


def test_without_a_shared_home_there_is_nobody_to_ask() -> None:
    with pytest.raises(SetupError, match=r"database_url in \[shared\] is empty"), opened(Settings()):
        raise AssertionError("it is not opened")
    assert task_of("1.2.3:abc") == ""
    assert task_of(job_of("x")) == "x"
