"""Retrying studies for an operator, from any process: one, with an explicit choice if it needs one, or many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from appliance.service.study_status import found
from appliance.settings import Settings
from appliance.state.choices import Choices
from appliance.state.homes import Home, open_home, open_records
from appliance.state.record_rows import DeliveryState, StudyRecord
from appliance.state.records import Records
from appliance.state.states import IllegalMove, State
from dicom_io.rules import Assignment
from models.errors import SetupError


@dataclass(frozen=True)
class Retried:
    """Outcome for one study: its state now, and why it was not retried (else empty)."""

    study: str
    state: State
    sentence: str = ""


@dataclass(frozen=True)
class Filter:
    """Conditions on recorded studies; all of them hold together.

    Attributes
    ----------
    state : their state
    since : their last change, at or after
    destination : one that does not have all results of the current job; with the state `delivered`, one that has
    """

    state: State | None = None
    since: datetime | None = None
    destination: str = ""

    @property
    def is_empty(self) -> bool:
        """Returns whether it means every study."""
        return self == Filter()

    def takes(self, record: StudyRecord, records: Records) -> bool:
        """Returns whether it means a study."""
        if self.state is not None and record.state is not self.state:
            return False
        if self.since is not None and record.changed_at < self.since:
            return False
        if not self.destination:
            return True
        wanted = self.state is State.DELIVERED
        return any(
            one.destination == self.destination
            and one.job_id == record.job_id
            and (wanted or one.state is not DeliveryState.DONE)
            for one in records.deliveries(record.study_uid)
        )


def retry_study(settings: Settings, study: str, *, destination: str = "") -> State:
    """Retries a study: sends its results again, to one destination or to all, or computes it again if it has none.

    Returns
    -------
    The state it is in now: `sending` or `queued`.

    Raises
    ------
    IllegalMove
        When it is arriving, queued or running: there is nothing to repeat yet.
    UnknownStudy
        When none matches, or more than one.
    SetupError
        When no service has ever worked on the state folder, or the destination is not in the settings.
    """
    _check(settings, destination)
    home = open_home(settings)
    try:
        return _retry(home, found(home.records, study), destination)
    finally:
        home.close()


def choose_for_study(settings: Settings, study: str, texts: Sequence[str]) -> State:
    """Has a study answered by an explicit choice of series and segments, which is remembered.

    Parameters
    ----------
    texts : the whole choice, as `--assign` takes it; empty to go by the rules again

    Returns
    -------
    The state it is in now: `queued`, or `received` while it is arriving.

    Raises
    ------
    UnknownStudy
        When none matches, or more than one.
    SetupError
        When the choice is wrong, or no service has ever worked on the state folder.
    """
    Assignment.parse(texts)
    records = open_records(settings)
    try:
        return Choices(records).choose(found(records, study).study_uid, texts)
    finally:
        records.close()


def retry_studies(settings: Settings, which: Filter) -> tuple[Retried, ...]:
    """Retries every study that a filter means; one that cannot be retried now says why and holds up no other.

    Raises
    ------
    SetupError
        When the filter is empty, names no destination of the settings, or no service has ever worked here.
    """
    if which.is_empty:
        raise SetupError("No study is named; expected a study, or at least one of --state, --since and --destination.")
    _check(settings, which.destination)
    home = open_home(settings)
    try:
        outcomes = []
        for record in home.records.studies():
            if which.takes(record, home.records):
                try:
                    state = _retry(home, record, which.destination)
                    outcomes.append(Retried(record.study_uid, state))
                except IllegalMove as error:
                    outcomes.append(Retried(record.study_uid, record.state, str(error)))
        return tuple(outcomes)
    finally:
        home.close()


def _retry(home: Home, record: StudyRecord, destination: str) -> State:
    has_results = bool(record.job_id) and home.outbox.has(record.job_id)
    return home.records.retry(record.study_uid, has_results=has_results, destination=destination)


def _check(settings: Settings, destination: str) -> None:
    names = [one.name for one in settings.destinations]
    if destination and destination not in names:
        raise SetupError(f"No destination is called '{destination}'; expected one of {', '.join(names) or 'none'}.")
