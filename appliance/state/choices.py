"""Explicit choices of series and segments for one study, made by an operator and remembered.

A choice holds from when it is made: over restarts, and for what arrives later. The newest counts, earlier ones stay in
the history of the study. One table of the records; series descriptions and UIDs, no patient data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from appliance.state.database import clock
from appliance.state.records import Records
from appliance.state.states import State
from appliance.state.study_moves import asked_again
from appliance.state.tables import CHOICES


@dataclass(frozen=True)
class Choice:
    """One choice, as the operator gave it; empty when it says to go by the rules again."""

    texts: tuple[str, ...]
    at: datetime


class Choices:
    """The choices in the records; every method is one transaction."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def choose(self, study_uid: str, texts: Sequence[str]) -> State:
        """Records a choice and has the study answered by it; returns the new state of the study.

        A study that is arriving stays so, and is answered by the choice when it is complete; what is being computed
        without it is dropped.

        Raises
        ------
        UnknownStudy
            When the study is not recorded.
        """
        with self._records.transaction() as connection:
            state = asked_again(connection, study_uid)
            choice = {"study_uid": study_uid, "at": clock(connection), "assignment": json.dumps(list(texts))}
            connection.execute(sa.insert(CHOICES), choice)
            return state

    def of_study(self, study_uid: str) -> tuple[Choice, ...]:
        """Every choice for a study, oldest first; the last one counts."""
        of_study = sa.select(CHOICES).where(CHOICES.c.study_uid == study_uid).order_by(CHOICES.c.rowid)
        with self._records.transaction() as connection:
            rows = connection.execute(of_study).all()
        return tuple(Choice(tuple(json.loads(row.assignment)), row.at) for row in rows)

    def counting(self, study_uid: str) -> tuple[str, ...]:
        """The choice that counts for a study; empty when it goes by the rules."""
        made = self.of_study(study_uid)
        return made[-1].texts if made else ()
