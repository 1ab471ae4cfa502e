"""Moves of a study from state to state: what the methods of the records share, inside one transaction of theirs.

Whoever decides on a study locks its row first, and before anything else: on PostgreSQL two hosts then decide one after
the other, and cannot wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from appliance.state.database import clock, insert_new
from appliance.state.record_rows import DeliveryState, UnknownStudy
from appliance.state.states import State, check_move
from appliance.state.tables import DELIVERIES, MOVES, STUDIES

_BY_UID = sa.select(STUDIES).where(STUDIES.c.study_uid == sa.bindparam("study_uid"))
_BY_JOB = sa.select(STUDIES).where(STUDIES.c.job_id == sa.bindparam("job_id"))
_BY_UID_LOCKED, _BY_JOB_LOCKED = _BY_UID.with_for_update(), _BY_JOB.with_for_update()
_SET_STATE = (
    sa.update(STUDIES)
    .where(STUDIES.c.study_uid == sa.bindparam("uid"))
    .values({name: sa.bindparam(name) for name in ("state", "sentence", "changed_at")})
)
_SET_JOB = (
    sa.update(STUDIES)
    .where(STUDIES.c.study_uid == sa.bindparam("uid"))
    .values({name: sa.bindparam(name) for name in ("digest", "attempt", "job_id", "asked_at")})
)
_ADD_MOVE = sa.insert(MOVES)


def study_row(connection: sa.Connection, study_uid: str, *, locked: bool = True) -> sa.Row[Any] | None:
    """The row of a study, locked until the transaction ends unless it is only read."""
    return connection.execute(_BY_UID_LOCKED if locked else _BY_UID, {"study_uid": study_uid}).one_or_none()


def required_row(connection: sa.Connection, study_uid: str, *, locked: bool = True) -> sa.Row[Any]:
    row = study_row(connection, study_uid, locked=locked)
    if row is None:
        raise UnknownStudy(f"No study {study_uid} is recorded; rdeepnet status lists those that are.")
    return row


def row_of_job(connection: sa.Connection, job_id: str, *, locked: bool = True) -> sa.Row[Any] | None:
    """The study whose current job this is."""
    return connection.execute(_BY_JOB_LOCKED if locked else _BY_JOB, {"job_id": job_id}).one_or_none()


def taken_row(connection: sa.Connection, job_id: str) -> sa.Row[Any] | None:
    """The study a worker is on with this job; a job recovered after its computation was not started again before."""
    row = row_of_job(connection, job_id)
    if row is not None and row.state == State.QUEUED:
        move(connection, row, State.RUNNING)
        row = row_of_job(connection, job_id)
    return row if row is not None and row.state == State.RUNNING else None


def add_deliveries(connection: sa.Connection, study_uid: str, job_id: str, destinations: Sequence[str]) -> None:
    if destinations:
        now = clock(connection)
        shared = {"job_id": job_id, "study_uid": study_uid, "state": DeliveryState.WAITING, "next_at": now}
        connection.execute(
            insert_new(connection, DELIVERIES),
            [{**shared, "destination": name} for name in destinations],
        )


def arrive(connection: sa.Connection, study_uid: str) -> None:
    """Something new of a study came: it is `received`, from wherever it was."""
    row = study_row(connection, study_uid)
    if row is None:
        now = clock(connection)
        new = {"study_uid": study_uid, "state": State.RECEIVED, "changed_at": now}
        first = insert_new(connection, STUDIES).execution_options(preserve_rowcount=True)
        if connection.execute(first, new).rowcount == 1:
            moved = {"study_uid": study_uid, "state": State.RECEIVED, "job_id": "", "at": now}
            connection.execute(_ADD_MOVE, moved)
            return
        row = required_row(connection, study_uid)  # another host was first
    if row.state != State.RECEIVED:
        move(connection, row, State.RECEIVED)


def move(connection: sa.Connection, row: sa.Row[Any], state: State, *, sentence: str = "") -> None:
    check_move(State(row.state), state)
    now = clock(connection)
    connection.execute(_SET_STATE, {"uid": row.study_uid, "state": state, "sentence": sentence, "changed_at": now})
    connection.execute(_ADD_MOVE, {"study_uid": row.study_uid, "state": state, "job_id": row.job_id, "at": now})


def asked_again(connection: sa.Connection, study_uid: str) -> State:
    """Has a study answered again, whatever it was answered with; returns its state.

    One that is arriving or queued stays as it is. What is being computed is dropped, since its job no longer is the
    study's; results so far are still sent.
    """
    row = required_row(connection, study_uid)
    if row.state in (State.RECEIVED, State.QUEUED):
        return State(row.state)
    new_job(connection, row, digest=row.digest)
    return State.QUEUED


def new_job(connection: sa.Connection, row: sa.Row[Any], *, digest: str) -> str:
    """Gives the study its own job for this content, and queues it.

    The id is `<study>:<content>`, so the same content twice is one job; an answer requested again explicitly carries
    the number of the attempt.
    """
    attempt = row.attempt + 1 if row.digest == digest else 1
    job_id = f"{row.study_uid}:{digest[:32]}" + (f":{attempt}" if attempt > 1 else "")
    values = {"digest": digest, "attempt": attempt, "job_id": job_id, "asked_at": clock(connection)}
    connection.execute(_SET_JOB, {"uid": row.study_uid, **values})
    move(connection, required_row(connection, row.study_uid), State.QUEUED)
    return job_id
