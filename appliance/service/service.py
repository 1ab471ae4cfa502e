"""The service: receiver → inbox → completeness → queue → worker → outbox → couriers, started and stopped in order.

The main loop is level-triggered: every round it compares what is on disk and in the records with what the queue
does, and puts right what differs. So a crash between any two writes needs no code of its own: the next round, or the
next start, finds the difference.
"""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import threading
import time
from datetime import UTC, datetime

from appliance.files import lock_folder, make_private_folder
from appliance.logs import configure, describe
from appliance.service.completeness import Completeness
from appliance.service.delivery import Courier
from appliance.service.health import Pulse
from appliance.service.lazy_pipeline import answerer, try_workbench
from appliance.service.notices import Notices, Posted
from appliance.service.receiving import (
    bounds,
    callers,
    committing,
    log_ended,
    log_failed,
    log_not_secured,
    log_refused,
)
from appliance.service.retention import Retention
from appliance.service.startup_checks import missing_peers
from appliance.service.storage_commitment import Commitments
from appliance.service.worker import Answerer, Worker
from appliance.settings import Settings
from appliance.state.commitment_records import CommitmentRecords
from appliance.state.inbox import Inbox, Kept
from appliance.state.job_queue import Fate, Jobs
from appliance.state.outbox import Outbox
from appliance.state.records import NotKept, Records
from appliance.state.states import State
from appliance.state.worker_name import worker_name
from appliance.transport import client_tls, listener_tls
from dicom_io.network.receive import Received, Receiver
from models.errors import SetupError
from models.version import software_version
from reports.notice.content import NoticeReason

LOG = logging.getLogger("rdeepnet.service")

# sysexits.h: the supervisor starts the service again, and the job is repeated
EXIT_HUNG = 75  # EX_TEMPFAIL
EXIT_DEFECT = 70  # EX_SOFTWARE

_FATES_EVERY_S = 5.0  # how often jobs in flight are compared with the queue
_RETENTION_EVERY_S = 3600.0


class Service:
    """All parts of the service in one process.

    Parameters
    ----------
    answer : what a study is answered with; the service itself computes nothing

    Raises
    ------
    SetupError
        When the settings do not make a working service, or another service holds the state folder.
    """

    def __init__(self, settings: Settings, *, answer: Answerer) -> None:
        check_service(settings)
        self._settings = settings
        state_dir = settings.service.state_dir
        make_private_folder(state_dir)
        self._lock = lock_folder(state_dir)
        names = [destination.name for destination in settings.destinations]
        self._records = Records(state_dir / "studies.sqlite3")
        self._inbox = Inbox(state_dir / "inbox")
        self._outbox = Outbox(state_dir / "outbox")
        self._completeness = Completeness(
            idle_s=settings.study.idle_s,
            carrier_idle_s=settings.service.idle_association_s,
            force_after_s=settings.study.force_after_s,
        )
        self._fresh_lock = threading.Lock()
        self._fresh: set[str] = set()  # studies with something new that the records do not know yet
        self._not_kept: dict[NotKept, None] = {}  # instances the records do not know yet, in order of arrival
        self._put: set[str] = set()  # jobs this process has queued
        self._next_fates_s = self._next_retention_s = 0.0
        self._pulse = Pulse(state_dir)
        self._notices = Notices(
            destinations=settings.destinations, inbox=self._inbox, outbox=self._outbox, records=self._records
        )
        worker = Worker(
            answer=answer,
            inbox=self._inbox,
            outbox=self._outbox,
            records=self._records,
            destinations=names,
            notices=self._notices,
        )
        self._jobs = Jobs(
            answer=worker.answer,
            conclude=worker.conclude,
            database_url=settings.jobs.database_url,
            folder=state_dir,
            executor=settings.jobs.executor or worker_name(self._records),
            poll_s=settings.jobs.poll_s,
            max_attempts=settings.jobs.max_attempts,
        )
        commitments = Commitments(
            destinations=committing(settings),
            settings=settings.delivery,
            records=CommitmentRecords(self._records),
            outbox=self._outbox,
        )
        self._couriers = [
            Courier(
                destination,
                calling_title=settings.service.ae_title,
                settings=settings.delivery,
                records=self._records,
                outbox=self._outbox,
                commitments=commitments,
                poll_s=settings.jobs.poll_s,
                tls=client_tls(settings, plain=destination.plain),
            )
            for destination in settings.destinations
        ]
        self._retention = Retention(
            settings.retention, records=self._records, inbox=self._inbox, outbox=self._outbox, jobs=self._jobs
        )
        self._receiver = Receiver(
            ae_title=settings.service.ae_title,
            callers=callers(settings),
            store=self._store,
            opened=self._completeness.opened,
            closed=self._completeness.closed,
            refused=log_refused,
            bounds=bounds(settings.service),
            folder=state_dir,
            ended=log_ended,
            failed=log_failed,
            reported=commitments.reported,
            tls=listener_tls(settings),
            not_secured=log_not_secured,
        )

    def start(self) -> None:
        """Resumes the work of the last process, then begins to listen."""
        self._records.interrupted()
        self._records.waiting_restarted(destinations=[d.name for d in self._settings.destinations])
        for study_uid in self._inbox.studies():
            record = self._records.find(study_uid)
            is_covered = record is not None and record.digest == self._inbox.content(study_uid).digest
            if record is None or record.state is State.RECEIVED or not is_covered:
                self._note(study_uid, association=0)
        self._jobs.start()
        for courier in self._couriers:
            courier.start()
        host, port = self._settings.service.host, self._settings.service.port
        self._receiver.start(host=host, port=port)
        self._pulse.beat(time.monotonic())
        LOG.info("service ready, version %s", software_version(), extra={"port": port})

    def work(self, stopping: threading.Event) -> int:
        """Does the rounds until `stopping`; returns an exit status, 0 when it was told to stop."""
        while not stopping.wait(self._settings.jobs.poll_s):
            try:
                self.round(time.monotonic())
                self._pulse.beat(time.monotonic())
            except sqlite3.OperationalError as error:  # a full or slow disk; senders get 0xA700 meanwhile
                LOG.error("the records cannot be written; the next round tries again", extra={"error": describe(error)})
            running_s = self._jobs.longest_running_s()
            if running_s > self._settings.jobs.hung_after_s:
                LOG.critical(
                    "a computation hangs; the process exits and repeats it at the next start",
                    extra={"seconds": running_s},
                )
                return EXIT_HUNG
            if not all(courier.is_alive for courier in self._couriers):
                LOG.critical("a delivery thread ended unexpectedly; the process exits")
                return EXIT_DEFECT
        return 0

    def round(self, now_s: float) -> None:
        """One round of the main loop."""
        self._record_not_kept()
        with self._fresh_lock:
            fresh = sorted(self._fresh)
        for study_uid in fresh:
            self._records.arrived(study_uid)
            with self._fresh_lock:
                self._fresh.discard(study_uid)
        for study_uid in self._completeness.take_due(now_s):
            self._complete(study_uid)
        if now_s >= self._next_fates_s:
            self._compare_with_queue()
            self._next_fates_s = now_s + _FATES_EVERY_S
        for record in self._records.studies_in(State.QUEUED):
            if record.job_id not in self._put:
                self._jobs.put(record.job_id)
                self._put.add(record.job_id)
        if now_s >= self._next_retention_s:
            self._retention.apply(datetime.now(UTC))
            self._next_retention_s = now_s + _RETENTION_EVERY_S

    def stop(self) -> bool:
        """Stops in the order of the flow; returns whether a computation was running.

        A computation cannot be interrupted: then the caller ends the process, and the job is repeated at next start.
        """
        self._receiver.stop()
        for courier in self._couriers:
            courier.stop()
        was_running = self._jobs.stop()
        self._last_not_kept()
        self._records.close()
        os.close(self._lock)
        LOG.info("service stopped" + (", a job is repeated at the next start" if was_running else ""))
        return was_running

    def _store(self, received: Received) -> None:
        """Stores an instance; when this returns, the receiver answers Success."""
        if not received.needed:
            self._acknowledge(received)
            return
        try:
            kept = self._inbox.keep(
                received.study_instance_uid,
                instance_uid=received.sop_instance_uid,
                meta=received.meta,
                dataset=received.dataset,
            )
        except OSError as error:
            LOG.error("an instance could not be written", extra={"error": describe(error)})
            raise
        if kept is Kept.NEWER_VERSION:
            LOG.warning(
                "an instance arrived again with different content; the newer version counts",
                extra={"study": received.study_instance_uid, "peer": received.calling_title},
            )
        if kept is Kept.KNOWN:
            self._completeness.seen(
                received.study_instance_uid, association=received.association, now_s=time.monotonic()
            )
        else:
            self._note(received.study_instance_uid, association=received.association)

    def _acknowledge(self, received: Received) -> None:
        """Count what is no input; it makes no study, and one that is arriving waits for what its sender has besides."""
        study_uid = received.study_instance_uid
        if not study_uid:
            LOG.info("instance acknowledged, no input and not readable", extra={"peer": received.calling_title})
            return
        self._completeness.seen(study_uid, association=received.association, now_s=time.monotonic())
        instance = NotKept(
            study_uid=study_uid,
            sop_instance_uid=received.sop_instance_uid,
            series_uid=received.series_instance_uid,
            sop_class_uid=received.sop_class_uid,
            is_ours=received.is_ours,
        )
        with self._fresh_lock:
            self._not_kept[instance] = None
        LOG.debug("instance acknowledged, no input", extra={"study": study_uid})

    def _record_not_kept(self) -> None:
        """Record what was counted since the last round, before a study that it belongs to can be complete."""
        with self._fresh_lock:
            instances = tuple(self._not_kept)
        if instances:
            self._records.not_kept(instances)
            with self._fresh_lock:
                for instance in instances:
                    del self._not_kept[instance]

    def _last_not_kept(self) -> None:
        try:
            self._record_not_kept()
        except sqlite3.OperationalError as error:  # they only lack in the count
            LOG.error("the records cannot be written", extra={"error": describe(error)})

    def _note(self, study_uid: str, *, association: int) -> None:
        """Something new of a study is safe."""
        self._completeness.arrived(study_uid, association=association, now_s=time.monotonic())
        with self._fresh_lock:
            self._fresh.add(study_uid)

    def _complete(self, study_uid: str) -> None:
        """Queues a study that fell silent; one the records cannot take now is complete again after the idle time."""
        content = self._inbox.content(study_uid)
        try:
            job_id = self._records.queue(study_uid, digest=content.digest)
        except sqlite3.OperationalError:
            self._note(study_uid, association=0)
            raise
        LOG.info("study complete", extra={"job": job_id, "instances": len(content.files)})

    def _compare_with_queue(self) -> None:
        """Fails studies whose job will never end."""
        for record in (*self._records.studies_in(State.QUEUED), *self._records.studies_in(State.RUNNING)):
            fate = self._jobs.fate(record.job_id)
            if fate in (Fate.IN_FLIGHT, Fate.UNKNOWN):
                continue
            if fate is Fate.EXHAUSTED:
                attempts = self._settings.jobs.max_attempts
                sentence = (
                    f"The computation crashed the service {attempts} times; see the log for the cause, then retry "
                    "the study."
                )
            else:
                sentence = (
                    "The queue ended this job without a result; see the log for the reason, then retry the study."
                )
            posted = self._notices.post(record, NoticeReason.FAILED, sentence) or Posted("", ())
            self._records.exhausted(
                record.job_id, sentence=sentence, notice_id=posted.job_id, destinations=posted.destinations
            )
            if self._records.study(record.study_uid).state is State.FAILED:
                LOG.error("study failed: %s", sentence, extra={"job": record.job_id})


def check_service(settings: Settings) -> None:
    """Checks that the settings are complete for a service.

    Raises
    ------
    SetupError
        When nobody may send, or nobody gets the results.
    """
    if mistakes := missing_peers(settings):
        raise SetupError(f"The settings are incomplete for a service: {'; '.join(mistakes)}.")


def serve(settings: Settings) -> int:
    """Runs the service until SIGTERM or SIGINT; returns the exit status of the process.

    Raises
    ------
    SetupError
        When it cannot start; the sentence says what to change.
    """
    configure(settings.logs)
    check_service(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _nothing_begun)
    try_workbench(settings)
    return run(settings, answer=answerer(settings))


def _nothing_begun(*_: object) -> None:
    """Told to stop before there is anything to stop."""
    raise SystemExit(0)


def run(settings: Settings, *, answer: Answerer) -> int:
    """Runs the service with a given way to answer studies, until SIGTERM or SIGINT."""
    stopping = threading.Event()
    service = Service(settings, answer=answer)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    service.start()
    status = service.work(stopping)
    if status != 0:
        _end(status)  # nothing can be trusted to stop in order
    if service.stop():
        _end(0)
    return 0


def _end(status: int) -> None:
    """Ends the process although a computation runs: threads cannot be interrupted, and exit would wait for them."""
    logging.shutdown()
    os._exit(status)
