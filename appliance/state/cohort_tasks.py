"""Studies of a cohort that somebody handed to the workers of a shared home: a question with its files, and its answer.

    asked (row and files) ──▶ job in the queue ──▶ answered (row and files) ──▶ fetched by who asked, and forgotten

It is no study of the records: nobody sent it, it is delivered to nobody, and who asked waits for the answer. What they
leave behind when they are ended is forgotten after a time.
"""

from __future__ import annotations

import io
import secrets
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from mmap import ACCESS_READ, mmap
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from appliance.state.database import Database
from appliance.state.scratch import Scratch
from appliance.state.stored_bytes import StoredBytes, missing, new_key
from appliance.state.tables import COHORT_ANSWERS, COHORT_TASKS

_JOB = "cohort:"  # with which the id of a job begins that is a task and not a study


@dataclass(frozen=True)
class TaskAnswer:
    """Answer to a task.

    Attributes
    ----------
    files : name → content
    reason : why there are none, as a sentence; "" when there are
    """

    files: Mapping[str, bytes]
    reason: str = ""


def job_of(task_id: str) -> str:
    """Id of the job of a task."""
    return f"{_JOB}{task_id}"


def task_of(job_id: str) -> str:
    """Id of the task of a job; "" of a job that is a study."""
    return job_id.removeprefix(_JOB) if job_id.startswith(_JOB) else ""


class CohortTasks:
    """The tasks in a shared home; every method may be called from any thread of any host.

    Raises
    ------
    DatabaseUnavailable
        Every method, when database or object store do not answer now.
    """

    def __init__(self, database: Database, *, stored: StoredBytes, scratch: Scratch) -> None:
        self._database = database
        self._stored = stored
        self._scratch = scratch

    def ask(self, question: str, files: Sequence[Path]) -> str:
        """Records a task with its files; returns its id.

        Parameters
        ----------
        question : all that its answer depends on besides, as JSON
        """
        task_id = secrets.token_hex(16)
        key = new_key(f"cohort/{task_id}")
        with _zipped(files) as bundle:
            self._stored.put(key, (bundle,))
            with self._database.transaction() as connection:
                connection.execute(_ASK, {"task_id": task_id, "question": question, "key": key})
                self._stored.put_with(connection, key, (bundle,))
        return task_id

    @contextmanager
    def taken(self, task_id: str) -> Iterator[tuple[str, tuple[Path, ...], Path] | None]:
        """Question and files of a task, and an empty folder, on this machine while the block runs.

        None when it was answered or forgotten.
        """
        with self._database.transaction() as connection:
            row = connection.execute(_TASK, {"task": task_id}).first()
        if row is None:
            yield None
            return
        with self._scratch.folder() as folder:
            bundle, images, empty = folder / "bundle.zip", folder / "images", folder / "answer"
            self._stored.fetch({row.key: bundle})
            with zipfile.ZipFile(bundle) as zipped:
                zipped.extractall(images)
            bundle.unlink()
            empty.mkdir(mode=0o700)
            yield row.question, tuple(sorted(images.iterdir())), empty

    def answer(self, task_id: str, answer: TaskAnswer) -> None:
        """Records the answer to a task; a second one, or one to a task that was forgotten, changes nothing."""
        bundle = io.BytesIO()
        with zipfile.ZipFile(bundle, "w", zipfile.ZIP_STORED) as zipped:
            for name, content in answer.files.items():
                zipped.writestr(name, content)
        parts, key = (bundle.getvalue(),), new_key(f"cohort/{task_id}.answer")
        self._stored.put(key, parts)
        with self._database.transaction() as connection:
            is_asked = connection.execute(_TASK_LOCKED, {"task": task_id}).first() is not None
            row = {"task_id": task_id, "reason": answer.reason, "key": key}
            is_first = is_asked and connection.execute(_ANSWER, row).first() is not None
            if is_first:
                self._stored.put_with(connection, key, parts)
        if not is_first:
            self._stored.drop([key])

    def answer_to(self, task_id: str) -> TaskAnswer | None:
        """The answer to a task, None when there is none yet."""
        with self._database.transaction() as connection:
            row = connection.execute(_ANSWER_TO, {"task": task_id}).first()
        if row is None:
            return None
        with tempfile.TemporaryDirectory() as folder:
            bundle = Path(folder) / "answer.zip"
            self._stored.fetch({row.key: bundle})
            with zipfile.ZipFile(bundle) as zipped:
                return TaskAnswer({name: zipped.read(name) for name in zipped.namelist()}, row.reason)

    def forget(self, task_ids: Sequence[str]) -> None:
        """Deletes tasks and their answers."""
        self._delete(COHORT_TASKS.c.task_id.in_(task_ids))

    def forget_before(self, moment: datetime) -> None:
        """Deletes tasks that were asked before a time, whose asker is gone."""
        self._delete(COHORT_TASKS.c.asked_at < moment)

    def _delete(self, which: sa.ColumnElement[bool]) -> None:
        with self._database.transaction() as connection:
            ids = list(connection.execute(sa.select(COHORT_TASKS.c.task_id).where(which).with_for_update()).scalars())
            keys = []
            for table in (COHORT_ANSWERS, COHORT_TASKS):
                deleted = sa.delete(table).where(table.c.task_id.in_(ids)).returning(table.c.key)
                keys += list(connection.execute(deleted).scalars())
            if keys:
                self._stored.drop_with(connection, keys)
        self._stored.drop(keys)


@contextmanager
def _zipped(files: Sequence[Path]) -> Iterator[mmap]:
    """The files as one, in their order, in a temporary file that is mapped into memory."""
    if not files:
        raise missing("a cohort's study without files")
    with tempfile.TemporaryFile() as bundle:
        with zipfile.ZipFile(bundle, "w", zipfile.ZIP_STORED) as zipped:
            for number, file in enumerate(files):
                zipped.write(file, f"{number:06d}.dcm")
        bundle.flush()
        with closing(mmap(bundle.fileno(), 0, access=ACCESS_READ)) as mapped:
            yield mapped


_ASK = sa.insert(COHORT_TASKS)
_TASK = sa.select(COHORT_TASKS).where(
    COHORT_TASKS.c.task_id == sa.bindparam("task"),
    ~sa.exists().where(COHORT_ANSWERS.c.task_id == sa.bindparam("task")),
)
_TASK_LOCKED = sa.select(COHORT_TASKS.c.task_id).where(COHORT_TASKS.c.task_id == sa.bindparam("task")).with_for_update()
_ANSWER = postgresql.insert(COHORT_ANSWERS).on_conflict_do_nothing().returning(COHORT_ANSWERS.c.task_id)
_ANSWER_TO = sa.select(COHORT_ANSWERS).where(COHORT_ANSWERS.c.task_id == sa.bindparam("task"))
