"""Audit trail of [audit]: DICOM audit messages to a file, to a syslog server, or both; off where neither is set.

Each goes its own way in a thread of its own, from a queue with bounds: a repository that is away holds up neither
receiving nor the file. What no longer fits into the queue is lost to the repository, and the log says how much.
Receiving is told per association and study, not per image.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, Full, Queue

from appliance.logs import describe
from appliance.peer_settings import Destination
from appliance.settings import Settings
from appliance.state.database import DatabaseUnavailable
from appliance.state.homes import Files, Home, open_files
from appliance.state.operator_actions import Action
from appliance.state.outbox import Waiting
from appliance.state.record_rows import DeliveryRecord, DeliveryState
from appliance.transport import client_tls
from dicom_io.audit import messages
from dicom_io.audit.messages import AuditedStudy, AuditMessage, Outcome, Participant, Source
from dicom_io.audit.syslog import Repository, Transport, syslog_message
from dicom_io.network.received import Received
from models.errors import RDeepNetError

LOG, LOG_OF_SERVICE = logging.getLogger("rdeepnet.audit"), logging.getLogger("rdeepnet.service")

QUEUE = 2000  # messages: hours of an outage, and two megabytes
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_END_S = 2.0  # what waits when a process ends is still sent within it

_OUTCOMES = {
    DeliveryState.DONE: Outcome.SUCCESS,
    DeliveryState.WAITING: Outcome.MINOR_FAILURE,
    DeliveryState.REFUSED: Outcome.SERIOUS_FAILURE,
}


class Outlet:
    """One way out: a queue and a thread that empties it.

    Parameters
    ----------
    name : in the log
    write : raises OSError where it must be tried again
    """

    def __init__(self, name: str, write: Callable[[AuditMessage], None]) -> None:
        self._name = name
        self._write = write
        self._queue: Queue[AuditMessage] = Queue(QUEUE)
        self._ending = threading.Event()
        self._lost = 0  # since the last that was delivered
        self._in_hand: AuditMessage | None = None
        self._thread = threading.Thread(target=self._work, name=f"audit {name}", daemon=True)
        self._thread.start()

    def put(self, message: AuditMessage) -> None:
        """Queues a message; never waits."""
        try:
            self._queue.put_nowait(message)
        except Full:
            if not self._lost:
                LOG.error("audit messages are being lost: %s takes none, and %d wait", self._name, QUEUE)
            self._lost += 1

    def close(self) -> None:
        """Sends what waits, for a short time, and ends."""
        self._ending.set()
        self._thread.join(_END_S)
        if unsent := self._queue.qsize() + self._lost + (self._in_hand is not None):
            LOG.error("%d audit messages were not sent to %s", unsent, self._name)

    def _work(self) -> None:
        while True:
            try:
                self._in_hand = self._queue.get(timeout=0.1)
            except Empty:
                if self._ending.is_set():
                    return
                continue
            if not self._is_delivered(self._in_hand):
                return
            self._in_hand = None

    def _is_delivered(self, message: AuditMessage) -> bool:
        """Deliver a message, however often it takes; returns False when it fails at the end."""
        pause_s = _SHORTEST_PAUSE_S
        while True:
            try:
                self._write(message)
            except (OSError, RDeepNetError) as error:
                if pause_s == _SHORTEST_PAUSE_S:
                    LOG.error("audit messages wait for %s", self._name, extra={"error": describe(error)})
                if self._ending.wait(pause_s):
                    return False
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                if self._lost:
                    LOG.error("%d audit messages were lost to %s", self._lost, self._name)
                    self._lost = 0
                return True


class Audit:
    """The audit trail of a process; every method may be called from any thread, and does nothing where it is off.

    Parameters
    ----------
    files : images and results, which stay the caller's; None where it opens them itself
    """

    def __init__(self, settings: Settings, files: Files | Home | None = None) -> None:
        self._settings = settings
        self._source = Source(settings.service.ae_title, settings.audit.site)
        self._own_files = open_files(settings) if files is None and is_on(settings) else None
        self._files = files or self._own_files
        self._lock = threading.Lock()
        self._arrived: dict[int, dict[tuple[str, str, str], list[str]]] = {}  # association → peer and study → classes
        self._outlets = [Outlet(name, write) for name, write in _ways(settings, self._source).items()]

    @property
    def is_on(self) -> bool:
        """Returns whether there is anybody to tell."""
        return bool(self._outlets)

    def put(self, message: AuditMessage) -> None:
        """Queues a message for every way out."""
        for outlet in self._outlets:
            outlet.put(message)

    def close(self) -> None:
        """Sends what waits, for a short time."""
        for outlet in self._outlets:
            outlet.close()
        if self._own_files is not None:
            self._own_files.close()

    def activity(self, *, starts: bool) -> None:
        """The service started, or stops."""
        self.put(messages.application_activity(self._source, _now(), starts=starts))

    def refused(self, title: str, address: str, why: str) -> None:
        """Logs and notes an association that was refused."""
        LOG_OF_SERVICE.warning("association refused: %s", why, extra={"peer": title, "address": address})
        self.put(messages.peer_refused(self._source, _now(), title=title, address=address, sentence=why))

    def not_secured(self, address: str, why: str) -> None:
        """Logs and notes a connection on which TLS was not agreed."""
        LOG_OF_SERVICE.warning("connection refused: %s", why, extra={"address": address})
        self.put(messages.peer_refused(self._source, _now(), title="", address=address, sentence=why))

    def storing(self, store: Callable[[Received], None]) -> Callable[[Received], None]:
        """The same function; what it has stored is noted for the end of its association."""
        if not self.is_on:
            return store

        def store_and_note(received: Received) -> None:
            store(received)
            if received.study_instance_uid:
                peer = (received.calling_title, received.address, received.study_instance_uid)
                with self._lock:
                    studies = self._arrived.setdefault(received.association, {})
                    studies.setdefault(peer, []).append(received.sop_class_uid)

        return store_and_note

    def closing(self, closed: Callable[[int], None]) -> Callable[[int], None]:
        """The same function; what an association has brought is told after it."""
        if not self.is_on:
            return closed

        def closed_and_told(association: int) -> None:
            closed(association)
            with self._lock:
                studies = self._arrived.pop(association, {})
            receiver = messages.this_application(self._source.title, is_requestor=False, role=messages.DESTINATION)
            for (title, address, study_uid), classes in studies.items():
                sender = Participant(title, is_requestor=True, role=messages.SOURCE, title=title, address=address)
                study = self._study(study_uid, messages.count_of(classes))
                self.put(messages.instances_transferred(sender, receiver, _now(), study))

        return closed_and_told

    def sending(self, delivery: DeliveryRecord, destination: Destination) -> None:
        """Results are about to be sent."""
        if study := self._results(delivery, destination):
            self.put(messages.transfer_begins(*self._ends(destination), _now(), study))

    def sent(self, delivery: DeliveryRecord, destination: Destination, *, state: DeliveryState, sentence: str) -> None:
        """Results were sent, or were not."""
        if study := self._results(delivery, destination):
            message = messages.instances_transferred(
                *self._ends(destination), _now(), study, outcome=_OUTCOMES[state], sentence=sentence
            )
            self.put(message)

    def deleted(self, study_uid: str, *, what: str) -> None:
        """Something of a study was deleted because of its age."""
        self.put(messages.study_deleted(self._source, _now(), AuditedStudy(study_uid), sentence=what))

    def acted(self, study_uid: str, action: Action, *, by: str) -> None:
        """An operator did something about a study."""
        study = self._study(study_uid, {})
        self.put(messages.operator_acted(self._source, _now(), study, operator=by, what=f"{action} of a study"))

    def read(self, study_uid: str, *, by: str, address: str) -> None:
        """An operator read the report of a study."""
        study = self._study(study_uid, {})
        self.put(messages.report_read(self._source, _now(), study, operator=by, address=address))

    def signed(self, operator: str, *, address: str, out: bool = False) -> None:
        """An operator signed in or out; somebody without a token of ours has no name."""
        message = messages.operator_signed(
            self._source, _now(), operator=operator or "unknown", address=address, out=out, is_known=bool(operator)
        )
        self.put(message)

    def _ends(self, destination: Destination) -> tuple[Participant, Participant]:
        """Sender and receiver of our results."""
        peer = Participant(
            destination.title,
            is_requestor=False,
            role=messages.DESTINATION,
            title=destination.title,
            address=destination.address,
        )
        return messages.this_application(self._source.title, is_requestor=True, role=messages.SOURCE), peer

    def _results(self, delivery: DeliveryRecord, destination: Destination) -> AuditedStudy | None:
        """Objects of a delivery for a destination; None where there is none, or the trail is off."""
        if not self.is_on or self._files is None:
            return None
        wanted = destination.chosen(self._files.outbox.objects(delivery.job_id))
        classes = messages.count_of(item.sop_class_uid for item in wanted)
        return self._study(delivery.study_uid, classes, result=(delivery.job_id, wanted[0])) if wanted else None

    def _study(
        self, study_uid: str, instances: Mapping[str, int], *, result: tuple[str, Waiting] | None = None
    ) -> AuditedStudy:
        """A study, with its Patient ID where a site wants it and a result, or else an image of it, has it."""
        if self._files is None or not self._settings.audit.patient_id:
            return AuditedStudy(study_uid, instances, "")
        from dicom_io.images.headers import patient_id  # loads pydicom, for this alone

        inbox, outbox = self._files.inbox, self._files.outbox
        try:
            with (
                outbox.fetched(result[0], [result[1].file_name])
                if result
                else inbox.fetched(study_uid, inbox.content(study_uid).instances[:1])
            ) as files:
                return AuditedStudy(study_uid, instances, patient_id(files[0]) if files else "")
        except (DatabaseUnavailable, OSError) as error:
            LOG.error("an audit message lacks its Patient ID", extra={"study": study_uid, "error": describe(error)})
            return AuditedStudy(study_uid, instances, "")


def told_at_once(settings: Settings, tell: Callable[[Audit], None]) -> None:
    """Tells the audit trail of one thing, from a process that keeps none open."""
    if not is_on(settings):
        return
    audit = Audit(settings)
    try:
        tell(audit)
    finally:
        audit.close()


def is_on(settings: Settings) -> bool:
    """Returns whether the settings have an audit trail."""
    return settings.audit.file is not None or bool(settings.audit.syslog_host)


def _ways(settings: Settings, source: Source) -> Mapping[str, Callable[[AuditMessage], None]]:
    """Name → how a message is written."""
    audit, ways = settings.audit, dict[str, Callable[[AuditMessage], None]]()
    if audit.file is not None:
        path = audit.file
        ways[str(path)] = lambda message: append(path, message.as_xml(source))
    if audit.syslog_host:
        repository, host = _repository(settings), socket.gethostname()
        ways[f"syslog at {audit.syslog_host}"] = lambda message: repository.send(
            syslog_message(message.as_xml(source), message.at, host=host)
        )
    return ways


def out_of_reach(settings: Settings) -> str:
    """A sentence when the file cannot be written or the server not be reached; empty when they can."""
    path = settings.audit.file
    if path is not None and not os.access(path if path.exists() else path.parent, os.W_OK):
        return (
            f"{path} cannot be written by this user (uid {os.getuid()}); expected a file or folder that it may write."
        )
    if settings.audit.syslog_host:
        try:
            _repository(settings).check()
        except (OSError, RDeepNetError) as error:
            where = (
                f"{settings.audit.syslog_host} port {settings.audit.syslog_port} ({settings.audit.syslog_transport})"
            )
            return f"The syslog server at {where} cannot be reached ({error}); check its address and its certificates."
    return ""


def _repository(settings: Settings) -> Repository:
    audit = settings.audit
    tls = client_tls(settings, plain=False) if audit.syslog_transport is Transport.TLS else None
    return Repository(audit.syslog_host, audit.syslog_port, transport=audit.syslog_transport, tls=tls)


def append(path: Path, line: str) -> None:
    """Appends a line to a file (0600), durably; the file may be moved away at any time."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        content = memoryview(f"{line}\n".encode())
        while content:
            content = content[os.write(handle, content) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _now() -> datetime:
    return datetime.now(UTC)
