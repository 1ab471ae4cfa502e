"""Records of every study: its state, its history, and the deliveries to each destination.

A database of our own, beside the queue's: a small SQLite file, or tables that several hosts share (`database`).
Deriving states from the queue engine was rejected: it knows nothing of "received", "sending" or "refused", its schema
moves with its version, and `rdeepnet status` in another process need not load it. The queue decides what runs; the
records hold the state of each study. Where a crash leaves the two apart, the service compares them at start and every
few seconds, and the queue follows the records.

No patient data: Study Instance UIDs, states, sentences, times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from appliance.state.database import Database, by_clock, clock, open_database
from appliance.state.record_rows import (
    DeliveryRecord,
    DeliveryState,
    Move,
    StudyRecord,
    delivery_record,
    study_record,
    utc_now,
)
from appliance.state.states import FINAL, IllegalMove, State, check_move
from appliance.state.study_moves import (
    add_deliveries,
    arrive,
    move,
    new_job,
    required_row,
    row_of_job,
    study_row,
    taken_row,
)
from appliance.state.tables import ARRIVALS, DELIVERIES, MOVES, REFUSALS, STUDIES

_OF_ALL = sa.select(STUDIES).order_by(STUDIES.c.changed_at.desc(), STUDIES.c.study_uid)
_IN_STATE = (
    sa.select(STUDIES)
    .where(STUDIES.c.state == sa.bindparam("state"))
    .order_by(STUDIES.c.changed_at, STUDIES.c.study_uid)
)
_DUE = (
    sa.select(DELIVERIES)
    .where(
        DELIVERIES.c.destination == sa.bindparam("destination"),
        DELIVERIES.c.state == DeliveryState.WAITING,
        DELIVERIES.c.next_at <= sa.bindparam("now"),
        sa.or_(DELIVERIES.c.leased_until.is_(None), DELIVERIES.c.leased_until <= sa.bindparam("now")),
    )
    .order_by(DELIVERIES.c.next_at, DELIVERIES.c.rowid)
    .with_for_update(skip_locked=True)
)


class Records:
    """The records; every method is one transaction and may be called from any thread or process.

    Parameters
    ----------
    place : the database, or where it is: an SQLite file, made when it does not exist (0600), or a PostgreSQL URL
    read_only : only read an existing database, and never hold up who writes it; its tables are those the service made
    """

    def __init__(self, place: Database | Path | str, *, read_only: bool = False) -> None:
        self.database = place if isinstance(place, Database) else open_database(place, read_only=read_only)

    @property
    def is_read_only(self) -> bool:
        """Returns whether nothing can be recorded."""
        return self.database.is_read_only

    @property
    def is_shared(self) -> bool:
        """Returns whether several hosts use these records."""
        return self.database.is_shared

    def close(self) -> None:
        """Closes the database."""
        self.database.close()

    def transaction(self) -> AbstractContextManager[sa.Connection]:
        """One transaction on the records: all of it, or nothing when the block raises `DatabaseUnavailable`."""
        return self.database.transaction()

    def leader(self, task: str) -> AbstractContextManager[bool]:
        """Says who does a task that one host does for all: True for the one, as long as the block runs.

        Another host gets True at once when that one dies; always True where there is one host.
        """
        return self.database.lock(task)

    def arrived(self, study_uid: str) -> None:
        """Something new of a study came: it is `received`, from wherever it was."""
        with self.transaction() as connection:
            arrive(connection, study_uid)

    def queue(self, study_uid: str, *, digest: str) -> str:
        """The study is complete: `received` to `queued`; returns the id of its job.

        Where a host notices arrivals for all hosts (`arrival_records`), and something of the study came since that
        host found it complete, nothing changes, and the id is empty: the digest is of less than is here.
        """
        with self.transaction() as connection:
            row = required_row(connection, study_uid)
            if row.state != State.RECEIVED:
                raise IllegalMove(f"The study is {row.state}; only one that is arriving (received) becomes complete.")
            arriving = sa.select(ARRIVALS.c.study_uid).where(ARRIVALS.c.study_uid == study_uid)
            if connection.execute(arriving.where(ARRIVALS.c.taken_until.is_(None))).first() is not None:
                return ""
            connection.execute(sa.delete(ARRIVALS).where(ARRIVALS.c.study_uid == study_uid))
            return new_job(connection, row, digest=digest)

    def start(self, job_id: str) -> StudyRecord | None:
        """The worker takes a job; None when the study has moved on since (the job is not to be done).

        A job that is `running` already was interrupted and is started again.
        """
        with self.transaction() as connection:
            row = row_of_job(connection, job_id)
            if row is None or row.state not in (State.QUEUED, State.RUNNING):
                return None
            if row.state == State.QUEUED:
                move(connection, row, State.RUNNING)
            return study_record(required_row(connection, row.study_uid))

    def interrupted(self, job_ids: Sequence[str] | None = None) -> None:
        """Nobody computes some jobs any longer: those that are `running` are `queued`.

        Parameters
        ----------
        job_ids : those whose worker is gone; None for every job, which only the one service of an SQLite file may say
        """
        if job_ids is None and self.is_shared:
            raise ValueError("other hosts are computing: name the jobs that were interrupted")
        running = sa.select(STUDIES).where(STUDIES.c.state == State.RUNNING)
        if job_ids is not None:
            running = running.where(STUDIES.c.job_id.in_(job_ids))
        with self.transaction() as connection:
            for row in connection.execute(running.order_by(STUDIES.c.study_uid).with_for_update()).all():
                move(connection, row, State.QUEUED)

    def answered(self, job_id: str, *, destinations: Sequence[str]) -> bool:
        """Results of a job are in the outbox: `sending`; False when the study has moved on since.

        Called again for the same job it changes nothing and says True.
        """
        with self.transaction() as connection:
            row_of_job(connection, job_id)  # locked first: another worker may be at the same job
            queued = sa.select(DELIVERIES.c.job_id).where(DELIVERIES.c.job_id == job_id)
            if connection.execute(queued.limit(1)).first() is not None:
                return True
            row = taken_row(connection, job_id)
            if row is None:
                return False
            move(connection, row, State.SENDING)
            add_deliveries(connection, row.study_uid, job_id, destinations)
            return True

    def drafted(self, job_id: str, *, sentence: str, destinations: Sequence[str]) -> bool:
        """A draft is in the outbox, and waits for a person: `review`; False when the study has moved on since.

        Called again for the same job it changes nothing and says True.
        """
        with self.transaction() as connection:
            row = row_of_job(connection, job_id)
            if row is not None and row.state == State.REVIEW:
                return True
            row = taken_row(connection, job_id)
            if row is None:
                return False
            move(connection, row, State.REVIEW, sentence=sentence)
            add_deliveries(connection, row.study_uid, job_id, destinations)
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
        with self.transaction() as connection:
            row = taken_row(connection, job_id)
            if row is None:
                return False
            move(connection, row, state, sentence=sentence)
            add_deliveries(connection, row.study_uid, notice_id, destinations)
            if state is State.REFUSED:
                connection.execute(sa.insert(REFUSALS), {"study_uid": row.study_uid, "code": code})
            return True

    def exhausted(self, job_id: str, *, sentence: str, notice_id: str = "", destinations: Sequence[str] = ()) -> None:
        """A queued job will never run again: `failed`; nothing where the study has moved on."""
        with self.transaction() as connection:
            row = row_of_job(connection, job_id)
            if row is not None and row.state in (State.QUEUED, State.RUNNING):
                move(connection, row, State.FAILED, sentence=sentence)
                add_deliveries(connection, row.study_uid, notice_id, destinations)

    def take_deliveries(
        self, destination: str, *, lease_s: float, host: str = "", at_most: int | None = None
    ) -> tuple[DeliveryRecord, ...]:
        """Deliveries to one destination whose time has come, oldest first; nobody else gets them for a time.

        Parameters
        ----------
        lease_s : longer than the delivery may take; a courier that dies leaves it to others after that, and one that
            ends an attempt with `delivery_tried` gives it back
        host : of the courier, so that it gets its own back when it starts again
        """
        with self.transaction() as connection:
            now = clock(connection)
            due = _DUE if at_most is None else _DUE.limit(at_most)
            rows = connection.execute(due, {"destination": destination, "now": now}).all()
            for row in rows:
                connection.execute(
                    sa.update(DELIVERIES)
                    .where(DELIVERIES.c.job_id == row.job_id, DELIVERIES.c.destination == row.destination)
                    .values(leased_until=now + timedelta(seconds=lease_s), leased_by=host)
                )
        return tuple(delivery_record(row) for row in rows)

    def keep_delivery(self, delivery: DeliveryRecord, *, lease_s: float) -> None:
        """Has a courier keep a delivery for so long from now on."""
        with self.transaction() as connection:
            connection.execute(
                sa.update(DELIVERIES)
                .where(DELIVERIES.c.job_id == delivery.job_id, DELIVERIES.c.destination == delivery.destination)
                .values(leased_until=clock(connection) + timedelta(seconds=lease_s))
            )

    def free_deliveries(self, host: str) -> None:
        """The couriers of a host are gone: what they had taken is due again."""
        with self.transaction() as connection:
            connection.execute(
                sa.update(DELIVERIES).where(DELIVERIES.c.leased_by == host).values(leased_until=None, leased_by="")
            )

    def delivery_tried(
        self, delivery: DeliveryRecord, *, state: DeliveryState, sentence: str, next_at: datetime
    ) -> State | None:
        """Records an attempt; returns the new state of the study where this decided it.

        `delivered` when every destination has the study's current job, `failed` when none waits and one refused. A
        delivery that somebody else brought to its end meanwhile stays as it is.
        """
        with self.transaction() as connection:
            row = study_row(connection, delivery.study_uid)  # locked first: the last two attempts may end together
            of_job = DELIVERIES.c.job_id == delivery.job_id
            connection.execute(
                sa.update(DELIVERIES)
                .where(
                    of_job,
                    DELIVERIES.c.destination == delivery.destination,
                    DELIVERIES.c.state == DeliveryState.WAITING,
                )
                .values(
                    state=state,
                    sentence=sentence,
                    next_at=by_clock(connection, next_at),
                    attempts=DELIVERIES.c.attempts + 1,
                    leased_until=None,
                    leased_by="",
                )
            )
            if row is None or row.job_id != delivery.job_id or row.state != State.SENDING:
                return None
            worst = sa.select(DELIVERIES.c.state, sa.func.max(DELIVERIES.c.sentence)).where(of_job)
            reasons = {str(kind): text for kind, text in connection.execute(worst.group_by(DELIVERIES.c.state))}
            if DeliveryState.WAITING in reasons:
                return None
            if DeliveryState.REFUSED in reasons:
                move(connection, row, State.FAILED, sentence=reasons[DeliveryState.REFUSED])
                return State.FAILED
            move(connection, row, State.DELIVERED)
            return State.DELIVERED

    def try_now(self, destination: str) -> None:
        """Tries waiting deliveries to one destination immediately."""
        with self.transaction() as connection:
            connection.execute(
                sa.update(DELIVERIES)
                .where(DELIVERIES.c.state == DeliveryState.WAITING, DELIVERIES.c.destination == destination)
                .values(next_at=clock(connection))
            )

    def waiting_restarted(self, *, destinations: Sequence[str], host: str = "") -> None:
        """At start: tries waiting deliveries immediately; refuses those to destinations that no longer exist.

        In the shared home another host may know a destination that this one does not, so nothing is refused there, and
        what is waited for is to be shown (`waiting`). What other hosts have taken stays theirs; what `host` itself had
        taken is due.
        """
        waiting = DELIVERIES.c.state == DeliveryState.WAITING
        with self.transaction() as connection:
            now = clock(connection)
            free = sa.or_(
                sa.literal(not self.is_shared),
                DELIVERIES.c.leased_until.is_(None),
                DELIVERIES.c.leased_until <= now,
                DELIVERIES.c.leased_by == host,
            )
            if self.is_shared:
                free = sa.and_(free, DELIVERIES.c.destination.in_(destinations))
            connection.execute(
                sa.update(DELIVERIES).where(waiting, free).values(next_at=now, leased_until=None, leased_by="")
            )
            unknown = sa.select(DELIVERIES).where(waiting, free, DELIVERIES.c.destination.not_in(destinations))
            rows = connection.execute(unknown).all()
        for delivery in map(delivery_record, rows):
            sentence = f"the destination {delivery.destination} is no longer in the settings"
            self.delivery_tried(delivery, state=DeliveryState.REFUSED, sentence=sentence, next_at=utc_now())

    def waiting(self) -> Mapping[str, int]:
        """Destination → number of deliveries that wait for it."""
        counted = sa.select(DELIVERIES.c.destination, sa.func.count()).where(
            DELIVERIES.c.state == DeliveryState.WAITING
        )
        with self.transaction() as connection:
            rows = connection.execute(counted.group_by(DELIVERIES.c.destination)).all()
        return {str(name): int(count) for name, count in rows}

    def retry(self, study_uid: str, *, has_results: bool, destination: str = "") -> State:
        """Retries a study for an operator; returns the new state.

        Existing results are sent again, to one destination or to all, otherwise the study is computed again; waiting
        deliveries are retried immediately. A draft is sent again, and still waits for a person.

        Raises
        ------
        IllegalMove
            When the study is arriving, queued or running: there is nothing to repeat yet.
        UnknownStudy
            When it is not recorded.
        """
        with self.transaction() as connection:
            row = required_row(connection, study_uid)
            state = State(row.state)
            if has_results and state is not State.REFUSED:
                after = State.REVIEW if state is State.REVIEW else State.SENDING  # a draft stays one
                if state is not after:
                    check_move(state, after)
                    move(connection, row, after)
                again = sa.update(DELIVERIES).where(DELIVERIES.c.job_id == row.job_id)
                if state not in (State.DELIVERED, State.REVIEW):
                    again = again.where(DELIVERIES.c.state != DeliveryState.DONE)
                if destination:
                    again = again.where(DELIVERIES.c.destination == destination)
                connection.execute(again.values(state=DeliveryState.WAITING, next_at=clock(connection), sentence=""))
                return after
            check_move(state, State.QUEUED)
            new_job(connection, row, digest=row.digest)
            return State.QUEUED

    def studies(self) -> tuple[StudyRecord, ...]:
        """Every study, the one that changed last first."""
        with self.transaction() as connection:
            rows = connection.execute(_OF_ALL).all()
        return tuple(study_record(row) for row in rows)

    def studies_in(self, state: State) -> tuple[StudyRecord, ...]:
        """Studies in one state, the one that is longest in it first."""
        with self.transaction() as connection:
            rows = connection.execute(_IN_STATE, {"state": state}).all()
        return tuple(study_record(row) for row in rows)

    def study(self, study_uid: str) -> StudyRecord:
        """One study; raises `UnknownStudy`."""
        with self.transaction() as connection:
            return study_record(required_row(connection, study_uid, locked=False))

    def of_job(self, job_id: str) -> StudyRecord | None:
        """The study whose current job this is, None when it has moved on."""
        with self.transaction() as connection:
            row = row_of_job(connection, job_id, locked=False)
        return None if row is None else study_record(row)

    def find(self, study_uid: str) -> StudyRecord | None:
        """One study, None when it is not recorded."""
        with self.transaction() as connection:
            row = study_row(connection, study_uid, locked=False)
        return None if row is None else study_record(row)

    def moves(self, study_uid: str) -> tuple[Move, ...]:
        """The history of a study, oldest first."""
        moves = sa.select(MOVES.c.state, MOVES.c.job_id, MOVES.c.at).order_by(MOVES.c.rowid)
        with self.transaction() as connection:
            rows = connection.execute(moves.where(MOVES.c.study_uid == study_uid)).all()
        return tuple(Move(State(row.state), row.job_id, row.at) for row in rows)

    def deliveries(self, study_uid: str = "") -> tuple[DeliveryRecord, ...]:
        """Deliveries of one study, or of all."""
        chosen = sa.select(DELIVERIES).order_by(DELIVERIES.c.rowid)
        if study_uid:
            chosen = chosen.where(DELIVERIES.c.study_uid == study_uid)
        with self.transaction() as connection:
            rows = connection.execute(chosen).all()
        return tuple(delivery_record(row) for row in rows)

    def forget(self, study_uid: str) -> None:
        """Deletes everything about a study that has come to an end."""
        with self.transaction() as connection:
            row = study_row(connection, study_uid)
            if row is not None and row.state in FINAL:
                connection.execute(sa.delete(STUDIES).where(STUDIES.c.study_uid == study_uid))
