"""Actions of operators on studies: what was done, by whom and why. They are part of a study's history.

Two tables of the records. What an operator wants of the running service (answer a study without waiting for
silence) is left there, too: the service takes it in its next round, so that no other process needs to reach it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from appliance.state.database import clock, insert_new
from appliance.state.record_rows import StudyRecord
from appliance.state.records import Records
from appliance.state.states import SETTLED_BY_DROP, IllegalMove, State
from appliance.state.study_moves import new_job, required_row
from appliance.state.tables import OPERATOR_ACTIONS, WANTED_NOW

_IN_ORDER = sa.select(OPERATOR_ACTIONS).order_by(OPERATOR_ACTIONS.c.rowid)


class Action(StrEnum):
    """Actions on a study."""

    RETRY = "retry"  # send its results again, or compute it again if it has none
    ANSWER_NOW = "answer now"  # do not wait until nothing more of it arrives
    CHOOSE = "choose series"  # answer it by an explicit choice, or by the rules again
    ACCEPT = "accept draft"  # the draft of its tumour is right: it is answered with it
    DROP = "drop"  # nothing more is done about a refused or failed study, or a draft; the reason says why


@dataclass(frozen=True)
class OperatorAction:
    """One action: by whom, and a reason or a result where there is one."""

    study_uid: str
    at: datetime
    action: Action
    by: str
    sentence: str


class OperatorActions:
    """The part of the records about operators; every method is one transaction."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def note(self, study_uid: str, action: Action, *, by: str, sentence: str = "") -> None:
        """Records an action on a study."""
        with self._records.transaction() as connection:
            _note(connection, study_uid, action, by, sentence)

    def want_now(self, study_uid: str, *, by: str) -> None:
        """Has the service answer a study that is arriving in its next round."""
        with self._records.transaction() as connection:
            connection.execute(insert_new(connection, WANTED_NOW), {"study_uid": study_uid})
            _note(connection, study_uid, Action.ANSWER_NOW, by, "")

    def accept(self, study_uid: str, draft_uid: str, *, job_id: str, by: str) -> None:
        """Records that a person accepted the draft that a job made, and queues its study to be answered with it.

        Raises
        ------
        IllegalMove
            When the study has no draft that waits for a person.
        """
        with self._records.transaction() as connection:
            row = required_row(connection, study_uid)
            if row.state != State.REVIEW or row.job_id != job_id:
                raise IllegalMove(f"The study is {row.state}; only a draft that waits for a person can be accepted.")
            _note(connection, study_uid, Action.ACCEPT, by, draft_uid)
            new_job(connection, row, digest=row.digest)

    def drop(self, study_uid: str, *, by: str, reason: str) -> State:
        """Records that nothing more is done about a study; returns its state, which stays.

        Raises
        ------
        IllegalMove
            When the study does not wait for somebody.
        """
        with self._records.transaction() as connection:
            row = required_row(connection, study_uid)
            if row.state not in SETTLED_BY_DROP:
                raise IllegalMove(
                    f"The study is {row.state}; only a refused or failed study, or a draft in review, can be dropped."
                )
            _note(connection, study_uid, Action.DROP, by, reason)
            return State(row.state)

    def acceptance(self, study_uid: str) -> OperatorAction | None:
        """The last acceptance of a draft of a study, whose SOP Instance UID is the sentence; None without one."""
        accepted = [one for one in self.of_study(study_uid) if one.action is Action.ACCEPT]
        return accepted[-1] if accepted else None

    def take_wanted_now(self) -> tuple[str, ...]:
        """Studies wanted now, each given out once, to a service that keeps in memory what arrives.

        Where receivers share the records, `ArrivalRecords.due` finds them by itself.
        """
        with self._records.transaction() as connection:
            rows = connection.execute(sa.select(WANTED_NOW).with_for_update(skip_locked=True)).all()
            wanted = tuple(str(row.study_uid) for row in rows)
            if wanted:
                connection.execute(sa.delete(WANTED_NOW).where(WANTED_NOW.c.study_uid.in_(wanted)))
        return wanted

    def of_study(self, study_uid: str) -> tuple[OperatorAction, ...]:
        """Actions on a study, oldest first."""
        with self._records.transaction() as connection:
            rows = connection.execute(_IN_ORDER.where(OPERATOR_ACTIONS.c.study_uid == study_uid)).all()
        return tuple(_action(row) for row in rows)

    def dropped(self) -> Mapping[str, OperatorAction]:
        """Study Instance UID → the last time it was dropped, unless it was retried since: a draft that is sent again
        does not move. One that moved on since is no longer dropped.
        """
        of_these = OPERATOR_ACTIONS.c.action.in_((Action.DROP, Action.RETRY))
        with self._records.transaction() as connection:
            rows = connection.execute(_IN_ORDER.where(of_these)).all()
        last = {row.study_uid: _action(row) for row in rows}
        return {study_uid: one for study_uid, one in last.items() if one.action is Action.DROP}


def is_dropped(record: StudyRecord, dropped: Mapping[str, OperatorAction]) -> bool:
    """Returns whether a study was dropped and has not moved since."""
    action = dropped.get(record.study_uid)
    return action is not None and action.at >= record.changed_at


def _note(connection: sa.Connection, study_uid: str, action: Action, by: str, sentence: str) -> None:
    note = {"study_uid": study_uid, "at": clock(connection), "action": action, "by": by, "sentence": sentence}
    connection.execute(sa.insert(OPERATOR_ACTIONS), note)


def _action(row: sa.Row[Any]) -> OperatorAction:
    return OperatorAction(row.study_uid, row.at, Action(row.action), row.by, row.sentence)
