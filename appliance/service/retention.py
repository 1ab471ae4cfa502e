"""Deletes what is old enough: received images of finished studies first, much later their results and records.

Studies that are arriving, queued, running or sending are never touched, however old; nor is one whose draft waits for a
person: without its images nothing could be answered. An alert reminds of it until somebody decides, and when that is to
drop it, its age counts from there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from appliance.logs import describe
from appliance.service.audit import Audit
from appliance.settings import RetentionSettings
from appliance.state.database import DatabaseUnavailable
from appliance.state.inbox import Inbox
from appliance.state.job_queue import JobQueue
from appliance.state.not_kept_records import NotKeptRecords
from appliance.state.operator_actions import OperatorAction, OperatorActions, is_dropped
from appliance.state.outbox import Outbox
from appliance.state.record_rows import DeliveryState, StudyRecord
from appliance.state.records import Records
from appliance.state.states import FINAL, State

LOG = logging.getLogger("rdeepnet.retention")

_SWEEP_EVERY = timedelta(days=1)  # it lists everything there is


class Retention:
    """Applies the settings of [retention]."""

    def __init__(
        self,
        settings: RetentionSettings,
        *,
        records: Records,
        inbox: Inbox,
        outbox: Outbox,
        queue: JobQueue,
        audit: Audit,
    ) -> None:
        # Results outlive the images: a record whose images are still there would be answered again.
        self._received = timedelta(days=settings.received_days)
        self._results = timedelta(days=max(settings.results_days, settings.received_days))
        self._records = records
        self._not_kept = NotKeptRecords(records)
        self._inbox = inbox
        self._outbox = outbox
        self._queue = queue
        self._audit = audit
        self._next_sweep = datetime.min.replace(tzinfo=UTC)

    def apply(self, now: datetime) -> None:
        """Deletes what is old enough at `now`."""
        self._not_kept.forget_before(now - self._received)
        waiting = {d.study_uid for d in self._records.deliveries() if d.state is DeliveryState.WAITING}
        received = set(self._inbox.studies())
        dropped = OperatorActions(self._records).dropped()
        for record in self._records.studies():
            ended_at = _ended_at(record, dropped)
            if ended_at is None or record.study_uid in waiting:
                continue
            age = now - ended_at
            if age > self._received and record.study_uid in received:
                self._inbox.remove(record.study_uid)
                self._audit.deleted(record.study_uid, what="received images, because of their age")
                LOG.info("received images deleted", extra={"study": record.study_uid})
            if age > self._results:
                if self._records.find(record.study_uid) != record or not self._has_ended(record):
                    continue  # it moved on meanwhile
                self._outbox.remove(record.study_uid)
                self._queue.forget(record.study_uid)
                self._records.forget(record.study_uid)
                self._not_kept.forget(record.study_uid)
                self._audit.deleted(record.study_uid, what="results and record, because of their age")
                LOG.info("results and record deleted", extra={"study": record.study_uid})
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_EVERY
            self._sweep(now)

    def _has_ended(self, record: StudyRecord) -> bool:
        return _ended_at(record, OperatorActions(self._records).dropped()) is not None

    def _sweep(self, now: datetime) -> None:
        try:
            swept = self._inbox.sweep(now)
        except DatabaseUnavailable as error:  # what nobody names can wait for another day
            LOG.warning("what a crash left behind was not swept", extra={"error": describe(error)})
            return
        if swept.objects:
            LOG.info("%d objects of %d bytes that no record names were deleted", swept.objects, swept.size)


def _ended_at(record: StudyRecord, dropped: Mapping[str, OperatorAction]) -> datetime | None:
    """Time at which a study came to its end; None for one that is not finished."""
    if record.state is State.REVIEW:
        return dropped[record.study_uid].at if is_dropped(record, dropped) else None
    return record.changed_at if record.state in FINAL else None
