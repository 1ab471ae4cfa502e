"""Records of storage commitment: for every job and destination, whether the objects sent are kept.

    due ──▶ pending ──▶ committed | failed        due, pending ──▶ unsupported

Two tables of the records. A request is recorded before it is made, so that a report that overtakes the
answer, or comes after a crash, finds its transaction; the report of any request counts, also of an earlier one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from appliance.state.database import by_clock, clock, insert
from appliance.state.record_rows import DeliveryState, as_text
from appliance.state.records import Records
from appliance.state.tables import COMMITMENT_REQUESTS, COMMITMENTS, DELIVERIES
from dicom_io.implementation import derived_uid


class CommitmentState(StrEnum):
    """Commitment of a destination to the results of one job."""

    DUE = "due"  # it is about to be asked, or could not be yet; it is tried again
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

    def is_due(self, destination: str) -> bool:
        """Returns whether a job at a destination needs a request now: none sent yet, or no report for too long."""
        with self._records.transaction() as connection:
            due = connection.execute(_DUE.limit(1), {"destination": destination, "now": clock(connection)})
            return due.first() is not None

    def take(self, destination: str, *, at_most: int, lease_s: float) -> tuple[Job, ...]:
        """Jobs at a destination that need a request now; nobody else gets them for a time.

        None while another host takes its own: a lock for each destination keeps two from taking the same. They are
        then asked about at once, by each host on an association of its own.

        Parameters
        ----------
        lease_s : longer than the requests may take; a host that dies before it made them leaves them to others then
        """
        with self._records.leader(f"commitment {destination}") as leads:
            if not leads:
                return ()
            with self._records.transaction() as connection:
                now = clock(connection)
                rows = connection.execute(_DUE.limit(at_most), {"destination": destination, "now": now}).all()
                jobs = tuple(Job(*row) for row in rows)
                for job in jobs:
                    _lease(connection, job, until=now + timedelta(seconds=lease_s))
        return jobs

    def give_back(self, jobs: Sequence[Job]) -> None:
        """Jobs that were taken and not asked about are due now."""
        with self._records.transaction() as connection:
            for job in jobs:
                _update(connection, job, next_at=clock(connection))

    def ask_now(self, destination: str) -> None:
        """Ends the pauses before a destination is asked again."""
        with self._records.transaction() as connection:
            connection.execute(
                sa.update(COMMITMENTS)
                .where(COMMITMENTS.c.destination == destination, _IS_OPEN)
                .values(next_at=clock(connection))
            )

    def requests(self, job: Job) -> int:
        """Number of requests to a destination about a job."""
        requests = COMMITMENT_REQUESTS.c
        of_job = (requests.job_id == job.job_id, requests.destination == job.destination)
        with self._records.transaction() as connection:
            count: int = connection.execute(sa.select(sa.func.count()).where(*of_job)).scalar_one()
        return count

    def asking(self, job: Job, *, next_at: datetime) -> str:
        """A request is about to be made: `pending`; returns its Transaction UID, which is new every time."""
        with self._records.transaction() as connection:
            now = clock(connection)
            transaction_uid = derived_uid("commitment", job.job_id, job.destination, as_text(now))
            request = {"transaction_uid": transaction_uid, "asked_at": now, **asdict(job)}
            connection.execute(sa.insert(COMMITMENT_REQUESTS), request)
            again_at = by_clock(connection, next_at)
            _set(connection, job, state=CommitmentState.PENDING, sentence="", next_at=again_at)
        return transaction_uid

    def answered(self, jobs: Sequence[Job], *, state: CommitmentState, sentence: str, next_at: datetime) -> None:
        """Requests came to nothing, or could not be made; a report received meanwhile remains valid."""
        with self._records.transaction() as connection:
            for job in jobs:
                if _state(connection, job) in _OPEN:
                    _set(connection, job, state=state, sentence=sentence, next_at=by_clock(connection, next_at))

    def asked_by(self, transaction_uid: str) -> Job | None:
        """Job that the request with this Transaction UID was about; None when there was no such request."""
        by_uid = sa.select(COMMITMENT_REQUESTS).where(COMMITMENT_REQUESTS.c.transaction_uid == transaction_uid)
        with self._records.transaction() as connection:
            row = connection.execute(by_uid).one_or_none()
        return None if row is None else _job(row)

    def settled(self, job: Job, *, state: CommitmentState, sentence: str) -> None:
        """A report has come, or there is nothing to ask about."""
        with self._records.transaction() as connection:
            _set(connection, job, state=state, sentence=sentence, next_at=_NEVER)

    def of_study(self, study_uid: str = "") -> tuple[CommitmentRecord, ...]:
        """Commitment records of one study, or of all."""
        commitments, requests = _COUNTED, COMMITMENT_REQUESTS.c
        if study_uid:
            commitments = commitments.where(COMMITMENTS.c.study_uid == study_uid)
        with self._records.transaction() as connection:
            rows = connection.execute(commitments).all()
            counted = sa.select(requests.job_id, requests.destination, sa.func.count())
            if study_uid:
                counted = counted.where(requests.study_uid == study_uid)
            counts = {
                (job_id, destination): count
                for job_id, destination, count in connection.execute(
                    counted.group_by(requests.job_id, requests.destination)
                )
            }
        return tuple(
            CommitmentRecord(
                job_id=row.job_id,
                study_uid=row.study_uid,
                destination=row.destination,
                state=CommitmentState(row.state),
                since=row.since,
                requests=counts.get((row.job_id, row.destination), 0),
                sentence=row.sentence,
            )
            for row in rows
        )


_NEVER = datetime.max.replace(tzinfo=UTC)
_COUNTED = sa.select(COMMITMENTS).order_by(COMMITMENTS.c.rowid)
_OPEN = (CommitmentState.DUE, CommitmentState.PENDING)
_IS_OPEN = COMMITMENTS.c.state.in_(_OPEN)
_DUE = (
    sa.select(
        DELIVERIES.c.job_id, DELIVERIES.c.study_uid, DELIVERIES.c.destination, DELIVERIES.c.attempts.label("delivery")
    )
    .outerjoin(
        COMMITMENTS,
        sa.and_(COMMITMENTS.c.job_id == DELIVERIES.c.job_id, COMMITMENTS.c.destination == DELIVERIES.c.destination),
    )
    .where(
        DELIVERIES.c.destination == sa.bindparam("destination"),
        DELIVERIES.c.state == DeliveryState.DONE,
        sa.or_(
            COMMITMENTS.c.job_id.is_(None),
            COMMITMENTS.c.delivery < DELIVERIES.c.attempts,
            sa.and_(_IS_OPEN, COMMITMENTS.c.next_at <= sa.bindparam("now")),
        ),
    )
    .order_by(COMMITMENTS.c.next_at.nulls_first(), DELIVERIES.c.rowid)
)


def _job(row: sa.Row[Any]) -> Job:
    return Job(row.job_id, row.study_uid, row.destination, row.delivery)


def _of(job: Job) -> sa.ColumnElement[bool]:
    return sa.and_(COMMITMENTS.c.job_id == job.job_id, COMMITMENTS.c.destination == job.destination)


def _state(connection: sa.Connection, job: Job) -> str | None:
    """State of a job at its destination, which stays so until the transaction ends; None when nothing is recorded."""
    state: str | None = connection.execute(sa.select(COMMITMENTS.c.state).where(_of(job)).with_for_update()).scalar()
    return state


def _update(connection: sa.Connection, job: Job, *, next_at: datetime) -> bool:
    """Changes when a job that is open is due; returns whether it is open, for what was sent last."""
    open_job = (_of(job), _IS_OPEN, COMMITMENTS.c.delivery == job.delivery)
    return bool(connection.execute(sa.update(COMMITMENTS).where(*open_job).values(next_at=next_at)).rowcount)


def _lease(connection: sa.Connection, job: Job, *, until: datetime) -> None:
    """Has a job be due for nobody for a time; what is known of it stays."""
    if not _update(connection, job, next_at=until):
        _set(connection, job, state=CommitmentState.DUE, sentence="", next_at=until)


def _set(connection: sa.Connection, job: Job, *, state: CommitmentState, sentence: str, next_at: datetime) -> None:
    """Writes the state; `since` stays as long as the state does."""
    new = {"state": state, "since": clock(connection), "next_at": next_at, "sentence": sentence, **asdict(job)}
    upsert = insert(connection, COMMITMENTS).values(new)
    old, excluded = COMMITMENTS.c, upsert.excluded
    connection.execute(
        upsert.on_conflict_do_update(
            index_elements=["job_id", "destination"],
            set_={
                "since": sa.case((old.state == excluded.state, old.since), else_=excluded.since),
                "delivery": sa.case((old.delivery > excluded.delivery, old.delivery), else_=excluded.delivery),
                "state": excluded.state,
                "next_at": excluded.next_at,
                "sentence": excluded.sentence,
            },
        )
    )
