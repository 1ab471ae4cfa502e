"""The part of the service that peers see: it receives, says when a study is complete, and delivers the results."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

from appliance.logs import describe
from appliance.service.audit import Audit
from appliance.service.completeness import Completeness
from appliance.service.delivery import Courier
from appliance.service.destination_peers import web_peer_of
from appliance.service.fates import Fates
from appliance.service.fhir_delivery import fhir_sender
from appliance.service.hosts import is_gone
from appliance.service.intake import Intake
from appliance.service.prior_arrivals import apart
from appliance.service.receiving import bounds, callers, committing, log_ended, log_failed
from appliance.service.retention import Retention
from appliance.service.shared_completeness import SharedCompleteness
from appliance.service.storage_commitment import Commitments
from appliance.service.web_door import WebDoor
from appliance.settings import Settings
from appliance.state.arrival_records import ArrivalRecords
from appliance.state.commitment_records import CommitmentRecords
from appliance.state.database import DatabaseUnavailable
from appliance.state.homes import cohort_tasks
from appliance.state.host_records import HostRecords
from appliance.state.inbox import Inbox
from appliance.state.job_queue import JobQueue
from appliance.state.outbox import Outbox
from appliance.state.prior_folders import PriorFolders
from appliance.state.records import Records
from appliance.state.states import State
from appliance.state.worker_name import receiver_name
from appliance.transport import client_tls, listener_tls
from dicom_io.network.receive import Receiver

LOG = logging.getLogger("rdeepnet.service")

_SHARED_ROUND = 1.5  # polls: every second one, since many receivers ask one server
_FATES_EVERY_S = 5.0  # how often jobs in flight are compared with the queue; half as often where hosts share one
_RETENTION_EVERY_S = 3600.0
_TIDYING_ENDS_S = 10.0  # what it has not deleted then is deleted after the next start


class Reception:
    """Receiver, completeness, couriers, and what keeps records and queue in step.

    Attributes
    ----------
    has_work : a study arrives or is queued here, so that a worker is needed; in a shared home always
    """

    def __init__(
        self,
        settings: Settings,
        *,
        records: Records,
        inbox: Inbox,
        outbox: Outbox,
        queue: JobQueue,
        fates: Fates,
        audit: Audit,
    ) -> None:
        self.has_work = False
        self._settings = settings
        self._records = records
        self._queue = queue
        self._fates = fates
        completeness = _completeness(settings, records)
        self._intake = Intake(inbox=inbox, records=records, completeness=completeness)
        self._put: set[str] = set()  # jobs this process has queued
        self._next_round_s = self._next_fates_s = self._next_retention_s = 0.0
        self._tidying: threading.Thread | None = None
        commitments = Commitments(
            destinations=committing(settings),
            settings=settings.delivery,
            records=CommitmentRecords(records),
            outbox=outbox,
        )
        self._couriers = [
            Courier(
                destination,
                calling_title=settings.service.ae_title,
                settings=settings.delivery,
                records=records,
                outbox=outbox,
                commitments=commitments,
                poll_s=settings.jobs.poll_s,
                tls=client_tls(settings, plain=destination.plain),
                fhir=fhir_sender(destination, settings),
                web=web_peer_of(destination, settings, timeout_s=settings.delivery.timeout_s),
                audit=audit,
                host=receiver_name(settings),
            )
            for destination in settings.destinations
        ]
        self._retention = Retention(
            settings.retention, records=records, inbox=inbox, outbox=outbox, queue=queue, audit=audit
        )
        self._web_door = WebDoor(
            settings.service.state_dir,
            store=audit.storing(self._intake.store),
            opened=completeness.opened,
            closed=audit.closing(completeness.closed),
        )
        self._receiver = Receiver(
            ae_title=settings.service.ae_title,
            callers=callers(settings),
            store=audit.storing(apart(self._intake.store, settings)),
            opened=completeness.opened,
            closed=audit.closing(completeness.closed),
            refused=audit.refused,
            bounds=bounds(settings.service),
            folder=settings.service.state_dir,
            ended=log_ended,
            failed=log_failed,
            reported=commitments.reported,
            tls=listener_tls(settings),
            not_secured=audit.not_secured,
        )

    def start(self) -> None:
        """Resumes the work of the last process, then begins to listen."""
        self._records.waiting_restarted(
            destinations=[d.name for d in self._settings.destinations], host=receiver_name(self._settings)
        )
        PriorFolders(self._settings.service.state_dir).clear()
        self._intake.find_unfinished()
        for courier in self._couriers:
            courier.start()
        self._receiver.start(host=self._settings.service.host, port=self._settings.service.port)

    @property
    def is_alive(self) -> bool:
        """Returns whether every courier still works."""
        return all(courier.is_alive for courier in self._couriers)

    def round(self, now_s: float) -> None:
        """One round of the main loop."""
        self._web_door.round()
        if now_s >= self._next_round_s:
            self._intake.round(now_s)
            self._queue_complete()
            self._next_round_s = now_s + (_SHARED_ROUND * self._settings.jobs.poll_s if self._records.is_shared else 0)
        if now_s >= self._next_fates_s:
            with self._records.leader("rounds") as leads:  # each can do it for all
                if leads:
                    self._keep_in_step()
            self._next_fates_s = now_s + (2 if self._records.is_shared else 1) * _FATES_EVERY_S
        if now_s >= self._next_retention_s:
            self._next_retention_s = now_s + _RETENTION_EVERY_S
            if not self._records.is_shared:
                self._retention.apply(datetime.now(UTC))
            elif self._tidying is None or not self._tidying.is_alive():
                self._tidying = threading.Thread(target=self._tidy, name="retention", daemon=True)
                self._tidying.start()

    def _keep_in_step(self) -> None:
        """Compares records and queue, and gives free what the couriers of lost hosts had taken."""
        self._put -= set(self._fates.compare_with_queue())
        if self._records.is_shared:
            for host in filter(is_gone, HostRecords(self._records).hosts()):
                self._records.free_deliveries(host.name)

    def _tidy(self) -> None:
        """Deletes what is old, on one host, beside the rounds: in an object store it takes minutes."""
        try:
            with self._records.leader("retention") as leads:
                if leads:
                    now = datetime.now(UTC)
                    self._retention.apply(now)
                    too_old = now - timedelta(days=self._settings.retention.received_days)
                    cohort_tasks(self._settings, self._records).forget_before(too_old)
        except Exception as error:  # whatever it is, the service goes on, and the next hour tries again
            LOG.error("what is old was not deleted", extra={"error": describe(error)})

    def _queue_complete(self) -> None:
        """Queues the studies that are complete; to queue one twice is to queue it once."""
        queued = self._records.studies_in(State.QUEUED)
        self.has_work = self._records.is_shared or bool(queued) or self._intake.is_arriving()
        for record in queued:
            if record.job_id not in self._put:
                self._queue.put(record.job_id)
                self._put.add(record.job_id)

    def stop_threads(self) -> None:
        """Takes nothing more, and sends nothing more."""
        self._receiver.stop()
        for courier in self._couriers:
            courier.stop()
        if self._tidying is not None:
            self._tidying.join(timeout=_TIDYING_ENDS_S)

    def last_records(self) -> None:
        """Tells the records what was counted and not told yet; where they cannot be written it only lacks there."""
        try:
            self._intake.record_not_kept()
        except DatabaseUnavailable as error:
            LOG.error("the records cannot be written", extra={"error": describe(error)})


def _completeness(settings: Settings, records: Records) -> Completeness | SharedCompleteness:
    patience = {
        "idle_s": settings.study.idle_s,
        "carrier_idle_s": settings.service.idle_association_s,
        "force_after_s": settings.study.force_after_s,
    }
    if not records.is_shared:
        return Completeness(**patience)
    return SharedCompleteness(ArrivalRecords(records, receiver=receiver_name(settings)), **patience)
