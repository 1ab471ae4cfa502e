"""Explicit choices of series and segments for one study, made by an operator and remembered.

A choice holds from when it is made: over restarts, and for what arrives later. The newest counts, earlier ones stay in
the history of the study. One table in the file of records; series descriptions and UIDs, no patient data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from appliance.state.records import Records, as_text, asked_again, utc_now
from appliance.state.states import State

_SCHEMA = """
CREATE TABLE IF NOT EXISTS choices (
    study_uid  TEXT NOT NULL REFERENCES studies ON DELETE CASCADE,
    at         TEXT NOT NULL,
    assignment TEXT NOT NULL    -- JSON list of ROLE=SERIES; empty: the rules again
);
"""


@dataclass(frozen=True)
class Choice:
    """One choice, as the operator gave it; empty when it says to go by the rules again."""

    texts: tuple[str, ...]
    at: datetime


class Choices:
    """The choices in a file of records; every method is one transaction."""

    def __init__(self, records: Records) -> None:
        self._records = records
        with records.transaction() as database:
            database.execute(_SCHEMA)

    def choose(self, study_uid: str, texts: Sequence[str]) -> State:
        """Records a choice and has the study answered by it; returns the new state of the study.

        A study that is arriving stays so, and is answered by the choice when it is complete; what is being computed
        without it is dropped.

        Raises
        ------
        UnknownStudy
            When the study is not recorded.
        """
        with self._records.transaction() as database:
            state = asked_again(database, study_uid)
            database.execute(
                "INSERT INTO choices VALUES (?, ?, ?)", (study_uid, as_text(utc_now()), json.dumps(list(texts)))
            )
            return state

    def of_study(self, study_uid: str) -> tuple[Choice, ...]:
        """Every choice for a study, oldest first; the last one counts."""
        with self._records.transaction() as database:
            rows = database.execute("SELECT * FROM choices WHERE study_uid = ? ORDER BY rowid", (study_uid,)).fetchall()
        return tuple(Choice(tuple(json.loads(row["assignment"])), datetime.fromisoformat(row["at"])) for row in rows)

    def counting(self, study_uid: str) -> tuple[str, ...]:
        """The choice that counts for a study; empty when it goes by the rules."""
        made = self.of_study(study_uid)
        return made[-1].texts if made else ()
