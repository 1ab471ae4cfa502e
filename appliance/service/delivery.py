"""Delivery: from the outbox to each destination, repeated until it succeeds or an operator decides.

One thread for each destination, so that a peer that does not answer delays nobody else. Repeating an object creates no
duplicate at the peer: its UID is derived from its content. Giving up after some attempts was rejected: results of a
night on which the archive was down would be lost. So was giving up where the peer rejects the association, since a PACS
that does not know us yet would fail every study of the first day; a refusal of one object stays one.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.logs import describe
from appliance.service.storage_commitment import Commitments
from appliance.settings import DeliverySettings, Destination
from appliance.state.outbox import Outbox
from appliance.state.records import DeliveryRecord, DeliveryState, Records
from dicom_io.errors import PeerRefused, PeerRejected, PeerUnavailable
from dicom_io.network.send import Delivery, Peer, Sent, send
from dicom_io.network.tls import ClientTls

LOG = logging.getLogger("rdeepnet.delivery")


def peer_of(destination: Destination, *, calling_title: str, timeout_s: float, tls: ClientTls | None = None) -> Peer:
    """A destination of the settings as the sender wants it."""
    return Peer(
        ae_title=destination.ae_title,
        host=destination.host,
        port=destination.port,
        calling_title=calling_title,
        timeout_s=timeout_s,
        tls=tls,
    )


def pause_s(attempts: int, *, settings: DeliverySettings) -> float:
    """Pause after so many attempts without success: doubled each time, up to the maximum."""
    return float(min(settings.retry_max_s, settings.retry_min_s * 2.0 ** min(attempts - 1, 32)))


class Courier:
    """Brings results to one destination, and asks it whether it keeps them, in a thread of its own.

    Parameters
    ----------
    poll_s : interval between two polls for work
    tls : how the connection is secured; None leaves it plain
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
        tls: ClientTls | None = None,
    ) -> None:
        self._destination = destination
        self._peer = peer_of(destination, calling_title=calling_title, timeout_s=settings.timeout_s, tls=tls)
        self._settings = settings
        self._records = records
        self._outbox = outbox
        self._commitments = commitments
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
        while not self._stopping.wait(self._poll_s):
            try:
                for delivery in self._records.due_deliveries(self._destination.name):
                    if self._stopping.is_set():
                        return
                    self.deliver(delivery)
                self._commitments.ask_next(self._destination.name, self._peer)
            except sqlite3.OperationalError as error:  # a full or slow disk; what was sent is sent again, as the same
                LOG.error("the records cannot be written; the next round tries again", extra={"error": describe(error)})

    def deliver(self, delivery: DeliveryRecord) -> DeliveryState:
        """Tries one delivery and records its result."""
        state, sentence = attempt(delivery, destination=self._destination, outbox=self._outbox, send_files=self._send)
        pause = pause_s(delivery.attempts + 1, settings=self._settings)
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

    def _send(self, files: Sequence[Path]) -> tuple[Sent, ...]:
        return send(files, self._peer)


def attempt(
    delivery: DeliveryRecord,
    *,
    destination: Destination,
    outbox: Outbox,
    send_files: Callable[[Sequence[Path]], tuple[Sent, ...]],
) -> tuple[DeliveryState, str]:
    """Sends what the destination wants of a job; returns what it has now, and a sentence where that is not all."""
    files = [item.file for item in outbox.objects(delivery.job_id) if destination.wants(item.role)]
    if not outbox.has(delivery.job_id):
        return DeliveryState.REFUSED, "the results are no longer in the outbox: retry computes the study again"
    try:
        results = send_files(files) if files else ()
    except (PeerUnavailable, PeerRejected) as error:
        return DeliveryState.WAITING, str(error)
    except PeerRefused as error:
        return DeliveryState.REFUSED, str(error)
    for result, state in ((Delivery.REFUSED, DeliveryState.REFUSED), (Delivery.UNAVAILABLE, DeliveryState.WAITING)):
        sentences = [sent.sentence for sent in results if sent.delivery is result]
        if sentences:
            return state, sentences[0]
    return DeliveryState.DONE, ""
