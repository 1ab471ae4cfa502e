"""Rows of the records as values: studies, moves, deliveries; and times as they are written there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from appliance.state.states import State
from models.errors import RDeepNetError

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


class UnknownStudy(RDeepNetError):
    """No study with this UID is recorded."""


def study_record(row: sa.Row[Any]) -> StudyRecord:
    """A row of the table of studies."""
    return StudyRecord(
        study_uid=row.study_uid,
        state=State(row.state),
        sentence=row.sentence,
        digest=row.digest,
        attempt=row.attempt,
        job_id=row.job_id,
        asked_at=row.asked_at,
        changed_at=row.changed_at,
    )


def delivery_record(row: sa.Row[Any]) -> DeliveryRecord:
    """A row of the table of deliveries."""
    return DeliveryRecord(
        job_id=row.job_id,
        study_uid=row.study_uid,
        destination=row.destination,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        next_at=row.next_at,
        sentence=row.sentence,
    )


def utc_now() -> datetime:
    """The time, as everything here is recorded."""
    return datetime.now(UTC)


def as_text(moment: datetime) -> str:
    """UTC with microseconds always written, so that texts sort like times."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
