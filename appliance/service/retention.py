"""Deletes what is old enough: received images of finished studies first, much later their results and records.

Studies that are arriving, queued, running or sending are never touched, however old.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from appliance.logs import describe
from appliance.service.audit import Audit
from appliance.settings import RetentionSettings
from appliance.state.database import DatabaseUnavailable
from appliance.state.inbox import Inbox
from appliance.state.job_queue import JobQueue
from appliance.state.not_kept_records import NotKeptRecords
from appliance.state.outbox import Outbox
from appliance.state.record_rows import DeliveryState
from appliance.state.records import Records
from appliance.state.states import FINAL

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
        for record in self._records.studies():
            if record.state not in FINAL or record.study_uid in waiting:
                continue
            age = now - record.changed_at
            if age > self._received and record.study_uid in received:
                self._inbox.remove(record.study_uid)
                self._audit.deleted(record.study_uid, what="received images, because of their age")
                LOG.info("received images deleted", extra={"study": record.study_uid})
            if age > self._results:
                if self._records.find(record.study_uid) != record:  # it moved on meanwhile
                    continue
                self._outbox.remove(record.study_uid)
                self._queue.forget(record.study_uid)
                self._records.forget(record.study_uid)
                self._not_kept.forget(record.study_uid)
                self._audit.deleted(record.study_uid, what="results and record, because of their age")
                LOG.info("results and record deleted", extra={"study": record.study_uid})
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_EVERY
            self._sweep(now)

    def _sweep(self, now: datetime) -> None:
        try:
            swept = self._inbox.sweep(now)
        except DatabaseUnavailable as error:  # what nobody names can wait for another day
            LOG.warning("what a crash left behind was not swept", extra={"error": describe(error)})
            return
        if swept.objects:
            LOG.info("%d objects of %d bytes that no record names were deleted", swept.objects, swept.size)
