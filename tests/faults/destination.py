"""A destination that keeps a ledger of what it got, commits to it, and has bad habits while a trial wants them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from enum import Enum

from pydicom.uid import EncapsulatedPDFStorage, SecondaryCaptureImageStorage, SegmentationStorage
from pynetdicom import AE, evt
from pynetdicom.events import Event

from dicom_io.network.commitment_report import STORAGE_COMMITMENT
from tests.dicom_io.network.commitment_peer import VERIFICATION
from tests.dicom_io.network.commitment_peer import Archive as CommitmentPeer
from tests.faults.ledger import Arrived, Ledger

TITLE = "PACS"
CLASSES = (SegmentationStorage, EncapsulatedPDFStorage, SecondaryCaptureImageStorage)


class Habit(Enum):
    """Behaviour of a destination."""

    GOOD = "takes everything"
    ABSENT = "does not listen"
    REJECTS = "rejects the association permanently: it does not know us"
    BUSY = "rejects the association for now"
    ABORTS_ASSOCIATION = "aborts when an association is requested"
    STALLS_ASSOCIATION = "never answers the request of an association"
    NO_PDF = "does not accept the presentation context of the PDF"
    WARNS = "stores with a warning (0xB000)"
    FULL = "answers out of resources (0xA700)"
    REFUSES = "refuses the second object (0xC000)"
    STALLS = "never answers a C-STORE"
    ABORTS = "aborts after the first object"
    VANISHES = "closes the connection while an object arrives"
    SLOW = "answers each C-STORE after 1 s"


@dataclass
class Destination:
    """A storage and commitment SCP on 127.0.0.1.

    Attributes
    ----------
    report_to : AE title and port of the service
    """

    ledger: Ledger
    port: int
    report_to: tuple[str, int] = ("RDEEPNET", 0)
    habit: Habit = Habit.GOOD
    _ae: AE | None = None
    _stop_stalling: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._committing = CommitmentPeer(report_to=self.report_to)

    def behave(self, habit: Habit) -> None:
        """From now on."""
        self.stop()
        self.habit = habit
        self._stop_stalling.clear()
        if habit is Habit.ABSENT:
            return
        self._committing.report_to = self.report_to
        ae = AE(TITLE)
        ae.require_calling_aet = ["SOMEBODY ELSE"] if habit is Habit.REJECTS else []
        ae.maximum_associations = 20
        for sop_class in (VERIFICATION, *CLASSES, STORAGE_COMMITMENT):
            if not (habit is Habit.NO_PDF and sop_class == EncapsulatedPDFStorage):
                ae.add_supported_context(sop_class)
        handlers = [
            (evt.EVT_REQUESTED, self._on_request),
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_N_ACTION, self._committing._on_action),
        ]
        ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        self._ae = ae

    def stop(self) -> None:
        """Stop listening."""
        self._stop_stalling.set()
        if self._ae is not None:
            self._ae.shutdown()
            self._ae = None

    def _on_request(self, event: Event) -> None:
        if self.habit is Habit.BUSY:
            event.assoc.acse.send_reject(2, 3, 2)  # transient, local limit exceeded
            event.assoc.kill()
        elif self.habit is Habit.ABORTS_ASSOCIATION:
            event.assoc.abort()
        elif self.habit is Habit.STALLS_ASSOCIATION:
            self._stop_stalling.wait(60)

    def _on_store(self, event: Event) -> int:
        number = sum(1 for item in self.ledger.arrived if item.study_uid == str(event.dataset.StudyInstanceUID))
        match self.habit:
            case Habit.FULL:
                return 0xA700
            case Habit.REFUSES if number:
                return 0xC000
            case Habit.STALLS:
                self._stop_stalling.wait(60)
                return 0xA700
            case Habit.VANISHES:
                event.assoc.dul.socket.socket.close()
                return 0xA700
            case Habit.ABORTS if number:
                event.assoc.abort()
                return 0xA700
            case Habit.SLOW:
                time.sleep(1.0)
        self.ledger.arrive(Arrived.of(event.dataset, event.request.DataSet.getvalue()))
        return 0xB000 if self.habit is Habit.WARNS else 0x0000
