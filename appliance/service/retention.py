"""Deletes what is old enough: received images of finished studies first, much later their results and records.

Studies that are arriving, queued, running or sending are never touched, however old.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from appliance.settings import RetentionSettings
from appliance.state.inbox import Inbox
from appliance.state.job_queue import Jobs
from appliance.state.outbox import Outbox
from appliance.state.records import DeliveryState, Records
from appliance.state.states import FINAL

LOG = logging.getLogger("rdeepnet.retention")


class Retention:
    """Applies the settings of [retention]."""

    def __init__(
        self, settings: RetentionSettings, *, records: Records, inbox: Inbox, outbox: Outbox, jobs: Jobs
    ) -> None:
        # Results outlive the images: a record whose images are still there would be answered again.
        self._received = timedelta(days=settings.received_days)
        self._results = timedelta(days=max(settings.results_days, settings.received_days))
        self._records = records
        self._inbox = inbox
        self._outbox = outbox
        self._jobs = jobs

    def apply(self, now: datetime) -> None:
        """Deletes what is old enough at `now`."""
        self._records.forget_not_kept(before=now - self._received)
        waiting = {d.study_uid for d in self._records.deliveries() if d.state is DeliveryState.WAITING}
        received = set(self._inbox.studies())
        for record in self._records.studies():
            if record.state not in FINAL or record.study_uid in waiting:
                continue
            age = now - record.changed_at
            if age > self._received and record.study_uid in received:
                self._inbox.remove(record.study_uid)
                LOG.info("received images deleted", extra={"study": record.study_uid})
            if age > self._results:
                self._outbox.remove(record.study_uid)
                self._jobs.forget(record.study_uid)
                self._records.forget(record.study_uid)
                LOG.info("results and record deleted", extra={"study": record.study_uid})
