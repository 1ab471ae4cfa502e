"""Delivery: from the outbox to each destination, repeated until it succeeds or an operator decides.

One thread for each destination, so that a peer that does not answer delays nobody else. Where several hosts share the
records, each has such a thread, and a lease says which of them has a delivery; one whose courier dies is repeated by
another when its lease ends. Repeating an object creates no duplicate at the peer: its UID is derived from its content.
Giving up after some attempts was rejected: results of a night on which the archive was down would be lost. So was
giving up where the peer rejects the association, since a PACS that does not know us yet would fail every study of the
first day; a refusal of one object stays one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.logs import describe
from appliance.peer_settings import Destination
from appliance.service.audit import Audit
from appliance.service.destination_peers import peer_of
from appliance.service.fhir_delivery import FhirSender, bundles_of
from appliance.service.storage_commitment import Commitments
from appliance.settings import DeliverySettings
from appliance.state.database import DatabaseUnavailable
from appliance.state.outbox import Outbox
from appliance.state.record_rows import DeliveryRecord, DeliveryState
from appliance.state.records import Records
from appliance.state.stored_bytes import BytesMissing
from dicom_io.errors import PeerRefused, PeerRejected, PeerUnavailable
from dicom_io.network.dicomweb.store import store
from dicom_io.network.dicomweb.web_peer import WebPeer
from dicom_io.network.peer import Delivery, Sent
from dicom_io.network.send import send
from dicom_io.network.tls import ClientTls

LOG = logging.getLogger("rdeepnet.delivery")

_SET_BACK_S = 1.0  # the wall clock is set back by more than drift makes up
_SHARED_POLLS = 2  # couriers of many hosts ask one server: half as often
_SHARED_ASK_S = 3.0  # between two looks for results that an archive is to be asked about
_OPERATIONS_BESIDES = 4  # to connect, to open and to close the association, and one to spare


def _wall_ahead_s() -> float:
    """Seconds by which the wall clock is ahead of the monotonic one; it changes when the wall clock is set."""
    return time.time() - time.monotonic()


def pause_s(attempts: int, *, settings: DeliverySettings, asked_s: float = 0.0) -> float:
    """Pause after so many attempts without success: doubled each time, or as the peer asks if that is longer.

    It is never longer than the maximum, whatever a peer asks for.
    """
    return float(min(settings.retry_max_s, max(asked_s, settings.retry_min_s * 2.0 ** min(attempts - 1, 32))))


class Courier:
    """Brings results to one destination, and asks it whether it keeps them, in a thread of its own.

    Parameters
    ----------
    poll_s : interval between two polls for work
    tls : how the connection is secured; None leaves it plain
    web : the server of a destination that is reached by STOW-RS; None for C-STORE
    fhir : what brings FHIR bundles to a destination that takes nothing else; None for DICOM objects
    audit : told before and after every attempt
    host : name of this one, where several share the records
    """

    def __init__(
        self,
        destination: Destination,
        *,
        calling_title: str,
        settings: DeliverySettings,
        records: Records,
        outbox: Outbox,
        commitments: Commitments,
        poll_s: float,
        audit: Audit,
        tls: ClientTls | None = None,
        web: WebPeer | None = None,
        fhir: FhirSender | None = None,
        host: str = "",
    ) -> None:
        self._destination = destination
        self._peer = peer_of(destination, calling_title=calling_title, timeout_s=settings.timeout_s, tls=tls)
        self._web = web
        self._fhir = fhir
        self._settings = settings
        self._records = records
        self._outbox = outbox
        self._commitments = commitments
        self._audit = audit
        self._host = host
        self._poll_s = poll_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"courier-{destination.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finishes the attempt that runs, for as long as one answer may take, then ends."""
        self._stopping.set()
        self._thread.join(timeout=self._settings.timeout_s)

    @property
    def is_alive(self) -> bool:
        """Returns whether the thread is running; if it ended by itself, that is a defect the service must notice."""
        return self._thread.is_alive()

    def _work(self) -> None:
        ahead_s, said, next_ask_s = _wall_ahead_s(), "", 0.0
        poll_s = (_SHARED_POLLS if self._records.is_shared else 1) * self._poll_s
        while not self._stopping.wait(poll_s):
            try:
                if _wall_ahead_s() < ahead_s - _SET_BACK_S:  # what was to be tried in a minute would wait for longer
                    LOG.warning("the clock was set back; what waits is tried now")
                    self._records.try_now(self._destination.name)
                    self._commitments.ask_now(self._destination.name)
                ahead_s = _wall_ahead_s()
                self._deliver_due()
                if time.monotonic() >= next_ask_s:
                    while not self._stopping.is_set() and self._asked_next():
                        self._deliver_due()
                    next_ask_s = time.monotonic() + (_SHARED_ASK_S if self._records.is_shared else 0.0)
                said = ""
            except DatabaseUnavailable as error:  # what was sent is sent again, as the same
                if said != (said := describe(error)):  # once, for as long as it is so
                    LOG.error("the records cannot be written; the next round tries again", extra={"error": said})

    def _deliver_due(self) -> None:
        while (delivery := self._taken()) is not None:
            self.deliver(delivery)

    def _asked_next(self) -> bool:
        """Asks whether the results of some jobs are kept; returns whether it has asked."""
        return self._commitments.is_due(self._destination.name) and self._commitments.ask_next(
            self._destination.name, self._peer
        )

    def _taken(self) -> DeliveryRecord | None:
        """The next delivery, which nobody else makes meanwhile; None when none is due."""
        if self._stopping.is_set():
            return None
        lease_s = _OPERATIONS_BESIDES * self._settings.timeout_s
        taken = self._records.take_deliveries(self._destination.name, lease_s=lease_s, host=self._host, at_most=1)
        return taken[0] if taken else None

    def deliver(self, delivery: DeliveryRecord) -> DeliveryState:
        """Tries one delivery and records its result."""
        self._audit.sending(delivery, self._destination)
        asked_s = 0.0

        def send_files(files: Sequence[Path]) -> tuple[Sent, ...]:
            lease_s = (len(files) + _OPERATIONS_BESIDES) * self._settings.timeout_s
            self._records.keep_delivery(delivery, lease_s=lease_s)
            try:
                if self._fhir is not None:
                    return tuple(self._fhir(file, delivery.study_uid) for file in files)
                return send(files, self._peer) if self._web is None else store(files, self._web)
            except PeerUnavailable as error:
                nonlocal asked_s
                asked_s = error.after_s
                raise

        state, sentence = attempt(delivery, destination=self._destination, outbox=self._outbox, send_files=send_files)
        self._audit.sent(delivery, self._destination, state=state, sentence=sentence)
        pause = pause_s(delivery.attempts + 1, settings=self._settings, asked_s=asked_s)
        decided = self._records.delivery_tried(
            delivery, state=state, sentence=sentence, next_at=datetime.now(UTC) + timedelta(seconds=pause)
        )
        extra = {"job": delivery.job_id, "destination": self._destination.name, "attempt": delivery.attempts + 1}
        if state is DeliveryState.DONE:
            LOG.info("results delivered", extra=extra)
        elif state is DeliveryState.WAITING:
            LOG.warning("results wait: %s", sentence, extra={**extra, "seconds": pause})
        else:
            LOG.error("results refused: %s", sentence, extra=extra)
        if decided is not None:
            LOG.info("study %s", decided, extra={"job": delivery.job_id})
        return state


def attempt(
    delivery: DeliveryRecord,
    *,
    destination: Destination,
    outbox: Outbox,
    send_files: Callable[[Sequence[Path]], tuple[Sent, ...]],
) -> tuple[DeliveryState, str]:
    """Sends what the destination wants of a job; returns what it has now, and a sentence where that is not all."""
    if not outbox.has(delivery.job_id):
        return DeliveryState.REFUSED, "the results are no longer in the outbox: retry computes the study again"
    try:
        if destination.is_fhir:
            wanted = bundles_of(delivery, outbox)
        else:
            wanted = [item.file_name for item in destination.chosen(outbox.objects(delivery.job_id))]
        with outbox.fetched(delivery.job_id, wanted) as files:
            results = send_files(files) if files else ()
    except (PeerUnavailable, PeerRejected) as error:
        return DeliveryState.WAITING, str(error)
    except (PeerRefused, BytesMissing) as error:
        return DeliveryState.REFUSED, str(error)
    except OSError as error:
        return DeliveryState.WAITING, f"the results cannot be read or put on this machine's disk ({error.strerror})"
    for result, state in ((Delivery.REFUSED, DeliveryState.REFUSED), (Delivery.UNAVAILABLE, DeliveryState.WAITING)):
        sentences = [sent.sentence for sent in results if sent.delivery is result]
        if sentences:
            return state, sentences[0]
    return DeliveryState.DONE, ""
