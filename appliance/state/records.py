"""Records of every study: its state, its history, and the deliveries to each destination.

A small SQLite file of our own, beside the queue's database. Deriving states from the queue engine was rejected: it
knows nothing of "received", "sending" or "refused", its schema moves with its version, and `rdeepnet status` in
another process need not load it. The queue decides what runs; this file holds the state of each study. Where a crash
leaves the two apart, the service compares them at start and every few seconds, and the queue follows this file.

No patient data: Study Instance UIDs, states, sentences, times.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from appliance.files import make_private_folder
from appliance.state.states import FINAL, State, check_move
from models.errors import RDeepNetError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS studies (
    study_uid TEXT PRIMARY KEY,
    state     TEXT NOT NULL,
    sentence  TEXT NOT NULL DEFAULT '',   -- why it is refused or failed, "" otherwise
    digest    TEXT NOT NULL DEFAULT '',   -- content the current job answers
    attempt   INTEGER NOT NULL DEFAULT 0, -- jobs so far for this content
    job_id    TEXT NOT NULL DEFAULT '',
    asked_at  TEXT NOT NULL DEFAULT '',   -- when the current job was queued: the date of its report
    changed_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS moves (
    study_uid TEXT NOT NULL REFERENCES studies ON DELETE CASCADE,
    state     TEXT NOT NULL,
    job_id    TEXT NOT NULL,
    at        TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS moves_of_study ON moves (study_uid);
CREATE TABLE IF NOT EXISTS deliveries (
    job_id      TEXT NOT NULL,
    study_uid   TEXT NOT NULL REFERENCES studies ON DELETE CASCADE,
    destination TEXT NOT NULL,
    state       TEXT NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    next_at     TEXT NOT NULL,
    sentence    TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (job_id, destination)
);
CREATE TABLE IF NOT EXISTS refusals (     -- for counting alone
    study_uid TEXT NOT NULL REFERENCES studies ON DELETE CASCADE,
    code      TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS not_kept (     -- also of studies of which nothing was kept
    study_uid     TEXT NOT NULL,
    instance      TEXT NOT NULL,          -- SOP Instance UID: one that comes again counts once
    series_uid    TEXT NOT NULL,
    sop_class_uid TEXT NOT NULL,
    is_ours       INTEGER NOT NULL,
    at            TEXT NOT NULL,          -- when it came first
    PRIMARY KEY (study_uid, instance)
) WITHOUT ROWID;
"""


NOTICE = "notice"  # in the id of a delivery that is a notice, <study>:notice:<reason>, not results of a job


class DeliveryState(StrEnum):
    """Delivery of one job to one destination."""

    WAITING = "waiting"  # not everything is delivered yet; it is repeated
    DONE = "done"  # every object was stored
    REFUSED = "refused"  # an object was refused: an operator must act


@dataclass(frozen=True)
class StudyRecord:
    """One study as recorded."""

    study_uid: str
    state: State
    sentence: str
    digest: str
    attempt: int
    job_id: str
    asked_at: datetime | None
    changed_at: datetime


@dataclass(frozen=True)
class Move:
    """One step of a study's history."""

    state: State
    job_id: str
    at: datetime


@dataclass(frozen=True)
class DeliveryRecord:
    """State, attempts and reason of one job's delivery to one destination."""

    job_id: str
    study_uid: str
    destination: str
    state: DeliveryState
    attempts: int
    next_at: datetime
    sentence: str

    @property
    def is_notice(self) -> bool:
        """Returns whether a notice is delivered, and no results."""
        return f":{NOTICE}:" in self.job_id


@dataclass(frozen=True)
class NotKept:
    """An instance that was acknowledged and not kept, since no study is read from its like."""

    study_uid: str
    sop_instance_uid: str
    series_uid: str
    sop_class_uid: str
    is_ours: bool  # this product made it, and a PACS sent it back


@dataclass(frozen=True)
class NotKeptCount:
    """Instances of one class of a study that were not kept, each counted once however often it came."""

    sop_class_uid: str
    is_ours: bool
    instances: int


class UnknownStudy(RDeepNetError):
    """No study with this UID is recorded."""


class Records:
    """The file of records; every method is one transaction and may be called from any thread or process.

    Parameters
    ----------
    path : made when it does not exist (0600)
    read_only : only read an existing file, and never hold up who writes it; its tables are those the service made
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.is_read_only = read_only
        self._lock = threading.Lock()
        if read_only:
            self._database = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro",
                uri=True,
                isolation_level=None,
                timeout=5.0,
                check_same_thread=False,
            )
            self._database.row_factory = sqlite3.Row
            return
        make_private_folder(path.parent)
        path.touch(mode=0o600)
        self._database = sqlite3.connect(path, isolation_level=None, timeout=30.0, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")  # a state that was told survives a power cut
        self._database.execute("PRAGMA foreign_keys = ON")
        self._database.executescript(_SCHEMA)

    def make_tables(self, schema: str) -> None:
        """Makes the tables of a part of the records, if they are not there; where they are only read, nothing."""
        if self.is_read_only:
            return
        with self.transaction() as database:
            for statement in filter(str.strip, schema.split(";\n")):
                database.execute(statement)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._database.close()

    def arrived(self, study_uid: str) -> None:
        """Something new of a study came: it is `received`, from wherever it was."""
        with self.transaction() as database:
            row = _row(database, study_uid)
            if row is None:
                _insert(database, study_uid)
            elif row["state"] != State.RECEIVED:
                _move(database, row, State.RECEIVED)

    def queue(self, study_uid: str, *, digest: str) -> str:
        """The study is complete: `received` to `queued`; returns the id of its job."""
        with self.transaction() as database:
            row = _required(database, study_uid)
            check_move(State(row["state"]), State.QUEUED)
            return _new_job(database, row, digest=digest)

    def start(self, job_id: str) -> StudyRecord | None:
        """The worker takes a job; None when the study has moved on since (the job is not to be done).

        A job that is `running` already was interrupted and is started again.
        """
        with self.transaction() as database:
            row = _of_job(database, job_id)
            if row is None or row["state"] not in (State.QUEUED, State.RUNNING):
                return None
            if row["state"] == State.QUEUED:
                _move(database, row, State.RUNNING)
            return _record(_required(database, row["study_uid"]))

    def interrupted(self) -> None:
        """At start of the service nothing runs: `running` studies are `queued`."""
        with self.transaction() as database:
            for row in database.execute("SELECT * FROM studies WHERE state = ?", (State.RUNNING,)).fetchall():
                _move(database, row, State.QUEUED)

    def answered(self, job_id: str, *, destinations: Sequence[str]) -> bool:
        """Results of a job are in the outbox: `sending`; False when the study has moved on since.

        Called again for the same job it changes nothing and says True.
        """
        with self.transaction() as database:
            if database.execute("SELECT 1 FROM deliveries WHERE job_id = ?", (job_id,)).fetchone():
                return True
            row = _taken(database, job_id)
            if row is None:
                return False
            _move(database, row, State.SENDING)
            _deliver(database, row["study_uid"], job_id, destinations)
            return True

    def gave_up(
        self,
        job_id: str,
        *,
        state: State,
        sentence: str,
        code: str = "",
        notice_id: str = "",
        destinations: Sequence[str] = (),
    ) -> bool:
        """A job ended without results: `refused` or `failed`, with its sentence; False where it has moved on.

        A notice about it is to be delivered to `destinations`; one that was delivered before is not again. Refusals are
        counted by their code.
        """
        with self.transaction() as database:
            row = _taken(database, job_id)
            if row is None:
                return False
            _move(database, row, state, sentence=sentence)
            _deliver(database, row["study_uid"], notice_id, destinations)
            if state is State.REFUSED:
                database.execute("INSERT INTO refusals VALUES (?, ?)", (row["study_uid"], code))
            return True

    def exhausted(self, job_id: str, *, sentence: str, notice_id: str = "", destinations: Sequence[str] = ()) -> None:
        """A queued job will never run again: `failed`; nothing where the study has moved on."""
        with self.transaction() as database:
            row = _of_job(database, job_id)
            if row is not None and row["state"] in (State.QUEUED, State.RUNNING):
                _move(database, row, State.FAILED, sentence=sentence)
                _deliver(database, row["study_uid"], notice_id, destinations)

    def due_deliveries(self, destination: str) -> tuple[DeliveryRecord, ...]:
        """Deliveries to one destination whose time has come, oldest first."""
        with self.transaction() as database:
            rows = database.execute(
                "SELECT * FROM deliveries WHERE destination = ? AND state = ? AND next_at <= ? ORDER BY next_at, rowid",
                (destination, DeliveryState.WAITING, _now()),
            ).fetchall()
        return tuple(_delivery(row) for row in rows)

    def delivery_tried(
        self, delivery: DeliveryRecord, *, state: DeliveryState, sentence: str, next_at: datetime
    ) -> State | None:
        """Records an attempt; returns the new state of the study where this decided it.

        `delivered` when every destination has the study's current job, `failed` when none waits and one refused.
        """
        with self.transaction() as database:
            database.execute(
                "UPDATE deliveries SET state = ?, sentence = ?, next_at = ?, attempts = attempts + 1 "
                "WHERE job_id = ? AND destination = ?",
                (state, sentence, as_text(next_at), delivery.job_id, delivery.destination),
            )
            row = _of_job(database, delivery.job_id)
            if row is None or row["state"] != State.SENDING:
                return None
            reasons = {
                str(kind): text
                for kind, text in database.execute(
                    "SELECT state, max(sentence) FROM deliveries WHERE job_id = ? GROUP BY state", (delivery.job_id,)
                )
            }
            if DeliveryState.WAITING in reasons:
                return None
            if DeliveryState.REFUSED in reasons:
                _move(database, row, State.FAILED, sentence=reasons[DeliveryState.REFUSED])
                return State.FAILED
            _move(database, row, State.DELIVERED)
            return State.DELIVERED

    def waiting_restarted(self, *, destinations: Sequence[str]) -> None:
        """At start: tries waiting deliveries immediately; refuses those to destinations that no longer
        exist.
        """
        with self.transaction() as database:
            database.execute("UPDATE deliveries SET next_at = ? WHERE state = ?", (_now(), DeliveryState.WAITING))
        for delivery in self.deliveries():
            if delivery.state is DeliveryState.WAITING and delivery.destination not in destinations:
                sentence = f"the destination {delivery.destination} is no longer in the settings"
                self.delivery_tried(delivery, state=DeliveryState.REFUSED, sentence=sentence, next_at=utc_now())

    def retry(self, study_uid: str, *, has_results: bool, destination: str = "") -> State:
        """Retries a study for an operator; returns the new state.

        Existing results are sent again, to one destination or to all, otherwise the study is computed again; waiting
        deliveries are retried immediately.

        Raises
        ------
        IllegalMove
            When the study is arriving, queued or running: there is nothing to repeat yet.
        UnknownStudy
            When it is not recorded.
        """
        with self.transaction() as database:
            row = _required(database, study_uid)
            state = State(row["state"])
            if has_results and state is not State.REFUSED:
                if state is not State.SENDING:
                    check_move(state, State.SENDING)
                    _move(database, row, State.SENDING)
                database.execute(
                    "UPDATE deliveries SET state = ?, next_at = ?, sentence = '' "
                    "WHERE job_id = ? AND (state != ? OR ? = ?) AND ? IN ('', destination)",
                    (
                        *(DeliveryState.WAITING, _now(), row["job_id"], DeliveryState.DONE),
                        *(state, State.DELIVERED, destination),
                    ),
                )
                return State.SENDING
            check_move(state, State.QUEUED)
            _new_job(database, row, digest=row["digest"])
            return State.QUEUED

    def studies(self) -> tuple[StudyRecord, ...]:
        """Every study, the one that changed last first."""
        with self.transaction() as database:
            rows = database.execute("SELECT * FROM studies ORDER BY changed_at DESC, study_uid").fetchall()
        return tuple(_record(row) for row in rows)

    def studies_in(self, state: State) -> tuple[StudyRecord, ...]:
        """Studies in one state, the one that is longest in it first."""
        with self.transaction() as database:
            rows = database.execute("SELECT * FROM studies WHERE state = ? ORDER BY changed_at", (state,)).fetchall()
        return tuple(_record(row) for row in rows)

    def study(self, study_uid: str) -> StudyRecord:
        """One study; raises `UnknownStudy`."""
        with self.transaction() as database:
            return _record(_required(database, study_uid))

    def of_job(self, job_id: str) -> StudyRecord | None:
        """The study whose current job this is, None when it has moved on."""
        with self.transaction() as database:
            row = _of_job(database, job_id)
        return None if row is None else _record(row)

    def find(self, study_uid: str) -> StudyRecord | None:
        """One study, None when it is not recorded."""
        with self.transaction() as database:
            row = _row(database, study_uid)
        return None if row is None else _record(row)

    def moves(self, study_uid: str) -> tuple[Move, ...]:
        """The history of a study, oldest first."""
        with self.transaction() as database:
            rows = database.execute("SELECT * FROM moves WHERE study_uid = ? ORDER BY rowid", (study_uid,)).fetchall()
        return tuple(Move(State(row["state"]), row["job_id"], datetime.fromisoformat(row["at"])) for row in rows)

    def deliveries(self, study_uid: str = "") -> tuple[DeliveryRecord, ...]:
        """Deliveries of one study, or of all."""
        with self.transaction() as database:
            rows = database.execute(
                "SELECT * FROM deliveries WHERE study_uid = ? OR ? = '' ORDER BY rowid", (study_uid, study_uid)
            ).fetchall()
        return tuple(_delivery(row) for row in rows)

    def not_kept(self, instances: Iterable[NotKept]) -> None:
        """Record instances that were acknowledged and not kept; those that are recorded already change nothing."""
        with self.transaction() as database:
            now = _now()
            database.executemany(
                "INSERT OR IGNORE INTO not_kept VALUES (?, ?, ?, ?, ?, ?)",
                [(o.study_uid, o.sop_instance_uid, o.series_uid, o.sop_class_uid, o.is_ours, now) for o in instances],
            )

    def not_kept_by_class(self, study_uid: str) -> tuple[NotKeptCount, ...]:
        """Classes of a study that came and were not kept, the most frequent first."""
        with self.transaction() as database:
            rows = database.execute(
                "SELECT sop_class_uid, is_ours, count(*) AS instances FROM not_kept WHERE study_uid = ? "
                "GROUP BY sop_class_uid, is_ours ORDER BY instances DESC, sop_class_uid, is_ours",
                (study_uid,),
            ).fetchall()
        return tuple(NotKeptCount(row["sop_class_uid"], bool(row["is_ours"]), row["instances"]) for row in rows)

    def not_kept_by_series(self, study_uid: str) -> Mapping[str, int]:
        """Series Instance UID → instances that were not kept; an archive counts them among those of the series."""
        with self.transaction() as database:
            rows = database.execute(
                "SELECT series_uid, count(*) FROM not_kept WHERE study_uid = ? GROUP BY series_uid", (study_uid,)
            ).fetchall()
        return {str(series): int(count) for series, count in rows}

    def forget_not_kept(self, *, before: datetime) -> None:
        """Delete what came of studies that are not recorded themselves and came before a time."""
        with self.transaction() as database:
            database.execute(
                "DELETE FROM not_kept WHERE at < ? AND study_uid NOT IN (SELECT study_uid FROM studies)",
                (as_text(before),),
            )

    def forget(self, study_uid: str) -> None:
        """Deletes everything about a study that has come to an end."""
        with self.transaction() as database:
            row = _row(database, study_uid)
            if row is not None and row["state"] in FINAL:
                database.execute("DELETE FROM studies WHERE study_uid = ?", (study_uid,))
                database.execute("DELETE FROM not_kept WHERE study_uid = ?", (study_uid,))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction on the file: all of it, or nothing when the block raises."""
        with self._lock:
            self._database.execute("BEGIN" if self.is_read_only else "BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


def _row(database: sqlite3.Connection, study_uid: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = database.execute("SELECT * FROM studies WHERE study_uid = ?", (study_uid,)).fetchone()
    return row


def _required(database: sqlite3.Connection, study_uid: str) -> sqlite3.Row:
    row = _row(database, study_uid)
    if row is None:
        raise UnknownStudy(f"No study {study_uid} is recorded; rdeepnet status lists those that are.")
    return row


def _of_job(database: sqlite3.Connection, job_id: str) -> sqlite3.Row | None:
    """The study whose current job this is."""
    row: sqlite3.Row | None = database.execute("SELECT * FROM studies WHERE job_id = ?", (job_id,)).fetchone()
    return row


def _taken(database: sqlite3.Connection, job_id: str) -> sqlite3.Row | None:
    """The study a worker is on with this job; a job recovered after its computation was not started again before."""
    row = _of_job(database, job_id)
    if row is not None and row["state"] == State.QUEUED:
        _move(database, row, State.RUNNING)
        row = _of_job(database, job_id)
    return row if row is not None and row["state"] == State.RUNNING else None


def _deliver(database: sqlite3.Connection, study_uid: str, job_id: str, destinations: Sequence[str]) -> None:
    database.executemany(
        "INSERT OR IGNORE INTO deliveries (job_id, study_uid, destination, state, next_at) VALUES (?,?,?,?,?)",
        [(job_id, study_uid, name, DeliveryState.WAITING, _now()) for name in destinations],
    )


def _insert(database: sqlite3.Connection, study_uid: str) -> None:
    now = _now()
    database.execute(
        "INSERT INTO studies (study_uid, state, changed_at) VALUES (?, ?, ?)", (study_uid, State.RECEIVED, now)
    )
    database.execute("INSERT INTO moves VALUES (?, ?, ?, ?)", (study_uid, State.RECEIVED, "", now))


def _move(database: sqlite3.Connection, row: sqlite3.Row, state: State, *, sentence: str = "") -> None:
    check_move(State(row["state"]), state)
    now = _now()
    database.execute(
        "UPDATE studies SET state = ?, sentence = ?, changed_at = ? WHERE study_uid = ?",
        (state, sentence, now, row["study_uid"]),
    )
    database.execute("INSERT INTO moves VALUES (?, ?, ?, ?)", (row["study_uid"], state, row["job_id"], now))


def asked_again(database: sqlite3.Connection, study_uid: str) -> State:
    """Has a study answered again, whatever it was answered with; returns its state.

    One that is arriving or queued stays as it is. What is being computed is dropped, since its job no longer is the
    study's; results so far are still sent.
    """
    row = _required(database, study_uid)
    if row["state"] in (State.RECEIVED, State.QUEUED):
        return State(row["state"])
    _new_job(database, row, digest=row["digest"])
    return State.QUEUED


def _new_job(database: sqlite3.Connection, row: sqlite3.Row, *, digest: str) -> str:
    """Gives the study its own job for this content, and queues it.

    The id is `<study>:<content>`, so the same content twice is one job; an answer requested again explicitly carries
    the number of the attempt.
    """
    attempt = row["attempt"] + 1 if row["digest"] == digest else 1
    job_id = f"{row['study_uid']}:{digest[:32]}" + (f":{attempt}" if attempt > 1 else "")
    database.execute(
        "UPDATE studies SET digest = ?, attempt = ?, job_id = ?, asked_at = ? WHERE study_uid = ?",
        (digest, attempt, job_id, _now(), row["study_uid"]),
    )
    _move(database, _required(database, row["study_uid"]), State.QUEUED)
    return job_id


def _record(row: sqlite3.Row) -> StudyRecord:
    return StudyRecord(
        study_uid=row["study_uid"],
        state=State(row["state"]),
        sentence=row["sentence"],
        digest=row["digest"],
        attempt=row["attempt"],
        job_id=row["job_id"],
        asked_at=datetime.fromisoformat(row["asked_at"]) if row["asked_at"] else None,
        changed_at=datetime.fromisoformat(row["changed_at"]),
    )


def _delivery(row: sqlite3.Row) -> DeliveryRecord:
    return DeliveryRecord(
        job_id=row["job_id"],
        study_uid=row["study_uid"],
        destination=row["destination"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        next_at=datetime.fromisoformat(row["next_at"]),
        sentence=row["sentence"],
    )


def utc_now() -> datetime:
    """The time, as everything here is recorded."""
    return datetime.now(UTC)


def _now() -> str:
    return as_text(utc_now())


def as_text(moment: datetime) -> str:
    """UTC with microseconds always written, so that texts sort like times."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
