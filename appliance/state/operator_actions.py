"""Actions of operators on studies: what was done, by whom and why. They are part of a study's history.

Two tables in the file of records. What an operator wants of the running service (answer a study without waiting for
silence) is left there, too: the service takes it in its next round, so that no other process needs to reach it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from appliance.state.records import Records, StudyRecord, as_text, utc_now

_SCHEMA = """
CREATE TABLE IF NOT EXISTS operator_actions (
    study_uid TEXT NOT NULL REFERENCES studies ON DELETE CASCADE,
    at        TEXT NOT NULL,
    action    TEXT NOT NULL,
    by        TEXT NOT NULL,
    sentence  TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS operator_actions_of_study ON operator_actions (study_uid);
CREATE TABLE IF NOT EXISTS wanted_now (
    study_uid TEXT PRIMARY KEY REFERENCES studies ON DELETE CASCADE
);
"""


class Action(StrEnum):
    """Actions on a study."""

    RETRY = "retry"  # send its results again, or compute it again if it has none
    ANSWER_NOW = "answer now"  # do not wait until nothing more of it arrives
    CHOOSE = "choose series"  # answer it by an explicit choice, or by the rules again
    DROP = "drop"  # nothing more is done about a refused or failed study; the reason says why


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
        records.make_tables(_SCHEMA)

    def note(self, study_uid: str, action: Action, *, by: str, sentence: str = "") -> None:
        """Records an action on a study."""
        with self._records.transaction() as database:
            _note(database, study_uid, action, by, sentence)

    def want_now(self, study_uid: str, *, by: str) -> None:
        """Has the service answer a study that is arriving in its next round."""
        with self._records.transaction() as database:
            database.execute("INSERT OR IGNORE INTO wanted_now VALUES (?)", (study_uid,))
            _note(database, study_uid, Action.ANSWER_NOW, by, "")

    def take_wanted_now(self) -> tuple[str, ...]:
        """Studies wanted now, each given out once."""
        with self._records.transaction() as database:
            wanted = tuple(str(row["study_uid"]) for row in database.execute("SELECT study_uid FROM wanted_now"))
            if wanted:
                database.execute("DELETE FROM wanted_now")
        return wanted

    def of_study(self, study_uid: str) -> tuple[OperatorAction, ...]:
        """Actions on a study, oldest first."""
        with self._records.transaction() as database:
            rows = database.execute(
                "SELECT * FROM operator_actions WHERE study_uid = ? ORDER BY rowid", (study_uid,)
            ).fetchall()
        return tuple(_action(row) for row in rows)

    def dropped(self) -> Mapping[str, OperatorAction]:
        """Study Instance UID → the last time it was dropped; one that moved on since is no longer dropped."""
        with self._records.transaction() as database:
            rows = database.execute(
                "SELECT * FROM operator_actions WHERE action = ? ORDER BY rowid", (Action.DROP,)
            ).fetchall()
        return {row["study_uid"]: _action(row) for row in rows}


def is_dropped(record: StudyRecord, dropped: Mapping[str, OperatorAction]) -> bool:
    """Returns whether a study was dropped and has not moved since."""
    action = dropped.get(record.study_uid)
    return action is not None and action.at >= record.changed_at


def _note(database: sqlite3.Connection, study_uid: str, action: Action, by: str, sentence: str) -> None:
    database.execute(
        "INSERT INTO operator_actions VALUES (?, ?, ?, ?, ?)", (study_uid, as_text(utc_now()), action, by, sentence)
    )


def _action(row: sqlite3.Row) -> OperatorAction:
    return OperatorAction(
        row["study_uid"], datetime.fromisoformat(row["at"]), Action(row["action"]), row["by"], row["sentence"]
    )
