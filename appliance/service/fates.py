"""Ends of jobs that the worker could not record itself: it died of them too often, or the queue gave them up."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence

from appliance.service.notices import Maker, Notices, Posted
from appliance.service.worker_child import End
from appliance.settings import Settings
from appliance.state.inbox import Inbox, InboxReader
from appliance.state.job_queue import Fate, JobQueue
from appliance.state.outbox import Outbox
from appliance.state.record_rows import StudyRecord
from appliance.state.records import Records
from appliance.state.states import State
from appliance.state.takeover_records import TakeoverRecords
from appliance.state.worker_records import WorkerRecords
from models.number_words import counted
from reports.notice.content import NoticeReason

LOG = logging.getLogger("rdeepnet.service")


class Fates:
    """Fails studies whose job will never end.

    Parameters
    ----------
    max_attempts : how often a job may end its worker
    is_shared : workers of other hosts take jobs from the queue, too: what they leave is taken over behind their lock
    """

    def __init__(
        self, *, records: Records, queue: JobQueue, notices: Notices, max_attempts: int, is_shared: bool
    ) -> None:
        self._is_shared = is_shared
        self._records = records
        self._workers = WorkerRecords(records)
        self._takeovers = TakeoverRecords(records)
        self._queue = queue
        self._notices = notices
        self._max_attempts = max_attempts

    def worker_ended(self, end: End) -> None:
        """The worker of this host has ended: nothing runs, and a job that ended it too often is not begun again.

        In a shared home the end is noted alone: whoever finds the worker's lock free does the rest.

        Raises
        ------
        QueueUnavailable
            When the queue cannot be told now; it counts attempts itself, so the job ends there later.
        """
        if self._is_shared:
            if end.how:
                self._workers.ended(end.how, end.job_id)
            return
        self._records.interrupted()
        if not end.how:
            return
        ends = self._workers.ended(end.how, end.job_id)
        if len(ends) >= self._max_attempts:
            self._queue.cancel(end.job_id)
            self._exhausted(end.job_id)

    def interrupted(self, job_ids: Sequence[str], executor: str) -> tuple[str, ...]:
        """The worker of some jobs is gone, in a shared home: counts that, and returns those that are to be begun again.

        The caller holds the lock of that worker. A job that ended its workers too often is failed.

        Raises
        ------
        QueueUnavailable, DatabaseUnavailable
            When the server does not answer now; the caller finds the jobs again.
        """
        counts = self._takeovers.taken_over(job_ids, taken_from=executor, taken_by=socket.gethostname())
        spent = [job_id for job_id in job_ids if counts[job_id] >= self._max_attempts]
        for job_id in spent:
            self._queue.cancel(job_id)
            self._exhausted(job_id)
        again = tuple(job_id for job_id in job_ids if job_id not in spent)
        self._records.interrupted(again)
        return again

    def compare_with_queue(self) -> tuple[str, ...]:
        """Fails what is unfinished here and ended in the queue; returns the jobs that the queue does not know."""
        records = (*self._records.studies_in(State.QUEUED), *self._records.studies_in(State.RUNNING))
        fates = self._queue.fates([record.job_id for record in records])
        for record in records:
            fate = fates[record.job_id]
            if self._records.of_job(record.job_id) != record:  # it moved on while the queue was asked
                continue
            if fate in (Fate.IN_FLIGHT, Fate.UNKNOWN):
                continue
            if fate is Fate.EXHAUSTED or len(self._workers.ends_on(record.job_id)) >= self._max_attempts:
                self._exhausted(record.job_id)
            else:
                sentence = "The queue ended this job without a result; see the log for why, then retry the study."
                self._fail(record, sentence)
        return tuple(record.job_id for record in records if fates[record.job_id] is Fate.UNKNOWN)

    def _exhausted(self, job_id: str) -> None:
        record = self._records.of_job(job_id)
        if record is None:
            return
        hows = dict.fromkeys(self._workers.ends_on(job_id))
        how = f" ({'; '.join(hows)})" if hows else ""
        sentence = (
            f"The computation ended its process {counted(self._max_attempts, 'time')}{how}; see the log for the cause, "
            "then retry the study."
            if hows or not self._is_shared
            else f"The worker that computed it was gone {counted(self._max_attempts, 'time')} before it was done "
            "(killed, without power, or cut off from the database); see the logs of the hosts, then retry the study."
        )
        self._fail(record, sentence)

    def _fail(self, record: StudyRecord, sentence: str) -> None:
        posted = self._notices.post(record, NoticeReason.FAILED, sentence) or Posted("", ())
        self._records.exhausted(
            record.job_id, sentence=sentence, notice_id=posted.job_id, destinations=posted.destinations
        )
        if self._records.study(record.study_uid).state is State.FAILED:
            LOG.error("study failed: %s", sentence, extra={"job": record.job_id})


def fates_of(
    settings: Settings,
    *,
    records: Records,
    inbox: Inbox | InboxReader,
    outbox: Outbox,
    queue: JobQueue,
    make: Maker | None = None,
) -> Fates:
    """The fates of the jobs of a service with these settings; `make` makes notices."""
    return Fates(
        records=records,
        queue=queue,
        notices=Notices(
            destinations=settings.destinations,
            inbox=inbox,
            outbox=outbox,
            records=records,
            make=make,
            language=settings.report.language,
            fonts=settings.report.fonts,
        ),
        max_attempts=settings.jobs.max_attempts,
        is_shared=settings.shared.is_used,
    )
