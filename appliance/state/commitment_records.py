"""Records of storage commitment: for every job and destination, whether the objects sent are kept.

    due ──▶ pending ──▶ committed | failed        due, pending ──▶ unsupported

Two tables in the file of records. A request is recorded before it is made, so that a report that overtakes the
answer, or comes after a crash, finds its transaction; the report of any request counts, also of an earlier one.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from appliance.state.records import DeliveryState, Records, as_text, utc_now
from dicom_io.uids import derived_uid

_SCHEMA = """
CREATE TABLE IF NOT EXISTS commitments (
    job_id      TEXT NOT NULL,
    study_uid   TEXT NOT NULL REFERENCES studies ON DELETE CASCADE,
    destination TEXT NOT NULL,
    state       TEXT NOT NULL,
    since       TEXT NOT NULL,
    next_at     TEXT NOT NULL,              -- when it is asked again, while due or pending
    delivery    INTEGER NOT NULL,           -- attempt of the delivery it is about: what was sent again is asked again
    sentence    TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (job_id, destination)
);
CREATE TABLE IF NOT EXISTS commitment_requests (
    transaction_uid TEXT PRIMARY KEY,
    job_id          TEXT NOT NULL,
    study_uid       TEXT NOT NULL REFERENCES studies ON DELETE CASCADE,
    destination     TEXT NOT NULL,
    delivery        INTEGER NOT NULL,
    asked_at        TEXT NOT NULL
);
"""


class CommitmentState(StrEnum):
    """Commitment of a destination to the results of one job."""

    DUE = "due"  # it could not be asked yet; it is tried again
    PENDING = "pending"  # it was asked, the report has not come; it is asked again after a time
    COMMITTED = "committed"  # it keeps every object
    FAILED = "failed"  # it does not keep an object, or refused the request: an operator must act
    UNSUPPORTED = "unsupported"  # it does not offer storage commitment; it is not asked again


@dataclass(frozen=True)
class Job:
    """Subject of a request: the results of a job at a destination, after the last attempt of a delivery."""

    job_id: str
    study_uid: str
    destination: str
    delivery: int


@dataclass(frozen=True)
class CommitmentRecord:
    """Commitment of one destination to one job.

    Attributes
    ----------
    since : when it came into this state; while pending, the first request without a report
    requests : how often it was asked
    sentence : why it failed, or why it is still due; else empty
    """

    job_id: str
    study_uid: str
    destination: str
    state: CommitmentState
    since: datetime
    requests: int
    sentence: str


class CommitmentRecords:
    """The part of the records about storage commitment; every method is one transaction."""

    def __init__(self, records: Records) -> None:
        self._records = records
        records.make_tables(_SCHEMA)

    def due(self, destination: str) -> tuple[Job, ...]:
        """Jobs at a destination that need a request now: none sent yet, or no report for too
        long.
        """
        with self._records.transaction() as database:
            rows = database.execute(
                "SELECT d.job_id, d.study_uid, d.destination, d.attempts AS delivery FROM deliveries d "
                "LEFT JOIN commitments c ON c.job_id = d.job_id AND c.destination = d.destination "
                "WHERE d.destination = ? AND d.state = ? "
                "AND (c.job_id IS NULL OR c.delivery < d.attempts OR (c.state IN (?, ?) AND c.next_at <= ?)) "
                "ORDER BY c.next_at, d.rowid",
                (destination, DeliveryState.DONE, CommitmentState.DUE, CommitmentState.PENDING, as_text(utc_now())),
            ).fetchall()
        return tuple(_job(row) for row in rows)

    def requests(self, job: Job) -> int:
        """Number of requests to a destination about a job."""
        with self._records.transaction() as database:
            return _requests(database, job.job_id, job.destination)

    def asking(self, job: Job, *, next_at: datetime) -> str:
        """A request is about to be made: `pending`; returns its Transaction UID, which is new every time."""
        now = as_text(utc_now())
        transaction_uid = derived_uid("commitment", job.job_id, job.destination, now)
        with self._records.transaction() as database:
            database.execute(
                "INSERT INTO commitment_requests VALUES (?, ?, ?, ?, ?, ?)",
                (transaction_uid, job.job_id, job.study_uid, job.destination, job.delivery, now),
            )
            _set(database, job, state=CommitmentState.PENDING, sentence="", next_at=next_at)
        return transaction_uid

    def answered(self, job: Job, *, state: CommitmentState, sentence: str, next_at: datetime) -> None:
        """The request that was recorded came to nothing; a report received meanwhile remains valid."""
        with self._records.transaction() as database:
            row = database.execute(
                "SELECT state FROM commitments WHERE job_id = ? AND destination = ?", (job.job_id, job.destination)
            ).fetchone()
            if row is not None and row["state"] == CommitmentState.PENDING:
                _set(database, job, state=state, sentence=sentence, next_at=next_at)

    def asked_by(self, transaction_uid: str) -> Job | None:
        """Job that the request with this Transaction UID was about; None when there was no such request."""
        with self._records.transaction() as database:
            row = database.execute(
                "SELECT * FROM commitment_requests WHERE transaction_uid = ?", (transaction_uid,)
            ).fetchone()
        return None if row is None else _job(row)

    def settled(self, job: Job, *, state: CommitmentState, sentence: str) -> None:
        """A report has come, or there is nothing to ask about."""
        with self._records.transaction() as database:
            _set(database, job, state=state, sentence=sentence, next_at=datetime.max.replace(tzinfo=UTC))

    def of_study(self, study_uid: str = "") -> tuple[CommitmentRecord, ...]:
        """Commitment records of one study, or of all."""
        with self._records.transaction() as database:
            rows = database.execute(
                "SELECT * FROM commitments WHERE study_uid = ? OR ? = '' ORDER BY rowid", (study_uid, study_uid)
            ).fetchall()
            return tuple(
                CommitmentRecord(
                    job_id=row["job_id"],
                    study_uid=row["study_uid"],
                    destination=row["destination"],
                    state=CommitmentState(row["state"]),
                    since=datetime.fromisoformat(row["since"]),
                    requests=_requests(database, row["job_id"], row["destination"]),
                    sentence=row["sentence"],
                )
                for row in rows
            )


def _job(row: sqlite3.Row) -> Job:
    return Job(row["job_id"], row["study_uid"], row["destination"], row["delivery"])


def _requests(database: sqlite3.Connection, job_id: str, destination: str) -> int:
    query = "SELECT count(*) FROM commitment_requests WHERE job_id = ? AND destination = ?"
    return int(database.execute(query, (job_id, destination)).fetchone()[0])


def _set(database: sqlite3.Connection, job: Job, *, state: CommitmentState, sentence: str, next_at: datetime) -> None:
    """Writes the state; `since` stays as long as the state does."""
    database.execute(
        "INSERT INTO commitments (job_id, study_uid, destination, delivery, state, since, next_at, sentence) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job_id, destination) DO UPDATE SET "
        "since = CASE WHEN state = excluded.state THEN since ELSE excluded.since END, "
        "delivery = max(delivery, excluded.delivery), "
        "state = excluded.state, next_at = excluded.next_at, sentence = excluded.sentence",
        (
            job.job_id,
            job.study_uid,
            job.destination,
            job.delivery,
            state,
            as_text(utc_now()),
            as_text(next_at),
            sentence,
        ),
    )
