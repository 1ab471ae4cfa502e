"""Everything the page shows about studies, read from the records and the outbox, which it never writes."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from appliance.service.study_status import StudyDetail, show_study, worst_deliveries
from appliance.service.study_status import in_words as class_in_words
from appliance.settings import Settings
from appliance.state.database import DatabaseUnavailable
from appliance.state.homes import Home, open_home
from appliance.state.monitoring import arrivals
from appliance.state.not_kept_records import NotKeptCount
from appliance.state.operator_actions import OperatorAction, OperatorActions, is_dropped
from appliance.state.outbox import Outbox
from appliance.state.record_rows import DeliveryRecord, DeliveryState, StudyRecord, utc_now
from appliance.state.states import SETTLED_BY_DROP, State
from models.errors import SetupError

UNFINISHED = (State.RECEIVED, State.QUEUED, State.RUNNING, State.SENDING)

_STUDIES_TIMED = 20  # the last ones: enough for a median, few enough files to read at every view


@dataclass(frozen=True)
class StudyRow:
    """One study in a list.

    Attributes
    ----------
    since : since when it is in its state
    sentence : why it is refused or failed, or what keeps its results from a destination
    dropped : the drop, where an operator settled it
    """

    study_uid: str
    state: State
    since: datetime
    sentence: str
    dropped: OperatorAction | None = None

    @property
    def needs_somebody(self) -> bool:
        """Returns whether an operator should act."""
        return self.state in (State.REFUSED, State.FAILED) and self.dropped is None

    @property
    def waits_for_review(self) -> bool:
        """Returns whether its draft waits for a person."""
        return self.state is State.REVIEW and self.dropped is None

    @property
    def can_be_dropped(self) -> bool:
        """Returns whether it waits for somebody who may settle it."""
        return self.state in SETTLED_BY_DROP and self.dropped is None


@dataclass(frozen=True)
class DestinationRow:
    """One destination, and what it lacks.

    Attributes
    ----------
    waiting, refused : studies whose results wait for it; which it refuses, of current jobs that were not dropped
    waiting_since : since when the oldest of them waits
    sentence : its last answer to one of them
    last_success : when the last study was delivered that has all its results at this destination
    """

    name: str
    waiting: int
    refused: int
    waiting_since: datetime | None
    sentence: str
    last_success: datetime | None


@dataclass(frozen=True)
class Overview:
    """The whole state folder at one moment.

    Attributes
    ----------
    counts : every state, also those without studies
    waiting_since : arrival of the unfinished study that has waited longest
    seconds_per_study : median over the last studies with results; None before the first
    """

    at: datetime
    studies: tuple[StudyRow, ...]
    counts: Mapping[State, int]
    waiting_since: datetime | None
    destinations: tuple[DestinationRow, ...]
    seconds_per_study: float | None

    @property
    def attention(self) -> tuple[StudyRow, ...]:
        """Studies that an operator should act on, the last first."""
        return tuple(row for row in self.studies if row.needs_somebody)

    @property
    def drafts(self) -> tuple[StudyRow, ...]:
        """Studies whose draft waits for a person, the one that waits longest first."""
        return tuple(sorted((row for row in self.studies if row.waits_for_review), key=lambda row: row.since))


@dataclass(frozen=True)
class StudyPage:
    """One study in full, with what operators did."""

    detail: StudyDetail
    actions: tuple[OperatorAction, ...]
    row: StudyRow

    @property
    def history(self) -> tuple[tuple[datetime, str, str], ...]:
        """Time, event and operator of everything that happened, oldest first."""
        moves = [(move.at, move.state.value, "") for move in self.detail.moves]
        actions = [
            (action.at, action.action + (f": {action.sentence}" if action.sentence else ""), action.by)
            for action in self.actions
        ]
        takeovers = [(takeover.at, takeover.sentence, "") for takeover in self.detail.takeovers]
        return tuple(sorted([*moves, *actions, *takeovers], key=lambda event: event[0]))

    def in_words(self, count: NotKeptCount) -> str:
        """A class of instances that were not kept, by name."""
        return class_in_words(count)


class RecordsUnreadable(SetupError):
    """The records cannot be read now; the page says so and is tried again."""


def overview(settings: Settings) -> Overview:
    """Reads the state folder.

    Raises
    ------
    SetupError
        When no service has ever worked there, or the records cannot be read now.
    """
    home = _open(settings)
    records = home.records
    try:
        studies = records.studies()
        deliveries = records.deliveries()
        dropped = OperatorActions(records).dropped()
        arrived = arrivals(records)
        seconds_per_study = _seconds_per_study(studies, home.outbox)
    except DatabaseUnavailable as error:
        raise _unreadable(error) from error
    finally:
        home.close()
    rows = _rows(studies, deliveries, dropped)
    counts = Counter(record.state for record in studies)
    return Overview(
        at=utc_now(),
        studies=rows,
        counts={state: counts[state] for state in State},
        waiting_since=min(
            (arrived.get(r.study_uid, r.changed_at) for r in studies if r.state in UNFINISHED), default=None
        ),
        destinations=tuple(
            _destination(destination.name, studies, deliveries, dropped) for destination in settings.destinations
        ),
        seconds_per_study=seconds_per_study,
    )


def study_page(settings: Settings, study_uid: str) -> StudyPage:
    """Reads one study.

    Raises
    ------
    UnknownStudy
        When it is not recorded.
    SetupError
        When no service has ever worked there, or the records cannot be read now.
    """
    try:
        detail = show_study(settings, study_uid, read_only=True)
        home = _open(settings)
        try:
            dropped = OperatorActions(home.records).dropped()
        finally:
            home.close()
    except DatabaseUnavailable as error:
        raise _unreadable(error) from error
    (row,) = _rows((detail.record,), detail.deliveries, dropped)
    return StudyPage(detail, detail.actions, row)


def _open(settings: Settings) -> Home:
    try:
        return open_home(settings, read_only=True)
    except DatabaseUnavailable as error:
        raise _unreadable(error) from error


def _unreadable(error: DatabaseUnavailable) -> RecordsUnreadable:
    return RecordsUnreadable(
        f"The records cannot be read. {error} Expected those of a running service of this version: start it with "
        "rdeepnet serve, then load this page again."
    )


def _rows(
    studies: Sequence[StudyRecord], deliveries: Sequence[DeliveryRecord], dropped: Mapping[str, OperatorAction]
) -> tuple[StudyRow, ...]:
    waits = worst_deliveries(deliveries)
    return tuple(
        StudyRow(
            study_uid=record.study_uid,
            state=record.state,
            since=record.changed_at,
            sentence=record.sentence or (waits.get(record.job_id, "") if record.state is State.SENDING else ""),
            dropped=dropped[record.study_uid] if is_dropped(record, dropped) else None,
        )
        for record in studies
    )


def _destination(
    name: str,
    studies: Sequence[StudyRecord],
    deliveries: Sequence[DeliveryRecord],
    dropped: Mapping[str, OperatorAction],
) -> DestinationRow:
    by_job = {record.job_id: record for record in studies if record.job_id}
    own = [one for one in deliveries if one.destination == name]
    waiting = [one for one in own if one.state is DeliveryState.WAITING]
    refused = [
        one
        for one in own
        if one.state is DeliveryState.REFUSED and one.job_id in by_job and not is_dropped(by_job[one.job_id], dropped)
    ]
    delivered = [
        by_job[one.job_id].changed_at
        for one in own
        if one.state is DeliveryState.DONE and one.job_id in by_job and by_job[one.job_id].state is State.DELIVERED
    ]
    return DestinationRow(
        name=name,
        waiting=len(waiting),
        refused=len(refused),
        waiting_since=min((by_job[one.job_id].changed_at for one in waiting if one.job_id in by_job), default=None),
        sentence=next((one.sentence for one in reversed([*refused, *waiting]) if one.sentence), ""),
        last_success=max(delivered, default=None),
    )


def _seconds_per_study(studies: Sequence[StudyRecord], outbox: Outbox) -> float | None:
    seconds = []
    for record in studies:
        if record.job_id and record.state in (State.SENDING, State.DELIVERED):
            stages = outbox.stages(record.job_id)
            if stages:
                seconds.append(sum(stage.seconds for stage in stages))
            if len(seconds) == _STUDIES_TIMED:
                break
    return statistics.median(seconds) if seconds else None
