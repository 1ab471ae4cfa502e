"""An archive that stores, and commits as a test wants: at once, later, not at all, on either association."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from enum import Enum, auto
from weakref import WeakKeyDictionary

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import UID
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.events import Event

from dicom_io.network.commitment_report import STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE

VERIFICATION = "1.2.840.10008.1.1"


class Habit(Enum):
    """Behaviour of the archive when it reports."""

    OWN_ASSOCIATION = auto()  # it opens one to the requestor, with the roles reversed
    OWN_ASSOCIATION_WITHOUT_ROLES = auto()  # as some do, against the standard
    SAME_ASSOCIATION = auto()
    BEFORE_THE_ANSWER = auto()  # on the same association, and it answers the request when the report was answered
    NEVER = auto()


@dataclass
class Archive:
    """A storage and commitment SCP on a free port.

    Attributes
    ----------
    report_to : AE title and port of the requestor
    failing : SOP Instance UID → Failure Reason, of objects it does not keep
    failing_class : objects of this SOP class it says it never saw
    answer : status of the N-ACTION
    answers : number of a request, from 0 → status where it is another
    answer_after_s : seconds that it takes for a request
    most_requests : on one association; it aborts at the next
    associations : how many it accepted
    requests : Transaction UID and SOP Instance UIDs of every request
    replies : status of every report it sent, None where it got none
    """

    habit: Habit = Habit.OWN_ASSOCIATION
    report_to: tuple[str, int] = ("", 0)
    calling_title: str = "PACS"
    failing: Mapping[str, int] = field(default_factory=dict)
    failing_class: UID | None = None
    answer: int = 0x0000
    answers: Mapping[int, int] = field(default_factory=dict)
    answer_after_s: float = 0.0
    most_requests: int = 1000
    associations: int = 0
    offers_commitment: bool = True
    sop_classes: tuple[UID, ...] = ()
    requests: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    replies: list[int | None] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    port: int = 0
    _requests_on: MutableMapping[Association, int] = field(default_factory=WeakKeyDictionary)

    def start(self, *, port: int = 0) -> None:
        """Listen."""
        ae = AE("PACS")
        ae.add_supported_context(VERIFICATION)
        for sop_class in self.sop_classes:
            ae.add_supported_context(sop_class)
        if self.offers_commitment:
            ae.add_supported_context(STORAGE_COMMITMENT)
        handlers = [
            (evt.EVT_N_ACTION, self._on_action),
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_C_ECHO, lambda event: 0),
            (evt.EVT_ACCEPTED, self._on_accepted),
        ]
        self._server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
        self._ae = ae
        self.port = int(self._server.server_address[1])

    def stop(self) -> None:
        self._ae.shutdown()

    def _on_store(self, event: Event) -> int:
        self.stored.append(str(event.request.AffectedSOPInstanceUID))
        return 0x0000

    def _on_accepted(self, _: Event) -> None:
        self.associations += 1

    def _on_action(self, event: Event) -> tuple[int, Dataset | None]:
        time.sleep(self.answer_after_s)
        self._requests_on[event.assoc] = self._requests_on.get(event.assoc, 0) + 1
        if self._requests_on[event.assoc] > self.most_requests:
            event.assoc.abort()
            return 0x0110, None
        information = event.action_information
        answer = self.answers.get(len(self.requests), self.answer)
        uids = tuple(str(item.ReferencedSOPInstanceUID) for item in information.ReferencedSOPSequence)
        self.requests.append((str(information.TransactionUID), uids))
        if answer == 0x0000 and self.habit is Habit.BEFORE_THE_ANSWER:
            event.assoc._is_paused = True  # this is its reactor: nobody else takes the answer to the report
            self._send(event.assoc, self.report(information))
            event.assoc._is_paused = False
        elif answer == 0x0000 and self.habit is not Habit.NEVER:
            by = self._report_here if self.habit is Habit.SAME_ASSOCIATION else self._report_there
            threading.Thread(target=by, args=(event.assoc, self.report(information)), daemon=True).start()
        return answer, None

    def report(self, request: Dataset) -> tuple[int, Dataset]:
        """Event Type ID and Event Information for a request."""
        information = Dataset()
        information.TransactionUID = request.TransactionUID
        kept, lost = [], []
        for item in request.ReferencedSOPSequence:
            copy = Dataset()
            copy.ReferencedSOPClassUID = item.ReferencedSOPClassUID
            copy.ReferencedSOPInstanceUID = item.ReferencedSOPInstanceUID
            if item.ReferencedSOPInstanceUID in self.failing:
                copy.FailureReason = self.failing[item.ReferencedSOPInstanceUID]
                lost.append(copy)
            elif item.ReferencedSOPClassUID == self.failing_class:
                copy.FailureReason = 0x0112
                lost.append(copy)
            else:
                kept.append(copy)
        if kept:
            information.ReferencedSOPSequence = ItemSequence(kept)
        if lost:
            information.FailedSOPSequence = ItemSequence(lost)
        return (2 if lost else 1), information

    def _report_here(self, association: object, report: tuple[int, Dataset]) -> None:
        # After the response to the request. The reactor may have passed the gate that `send_*` closes, and would then
        # take the answer to the report for itself: the gate is closed well before.
        time.sleep(0.1)
        association._reactor_checkpoint.clear()  # type: ignore[attr-defined]
        time.sleep(0.1)
        self._send(association, report)

    def _report_there(self, _association: object, report: tuple[int, Dataset]) -> None:
        title, port = self.report_to
        roles = (
            [] if self.habit is Habit.OWN_ASSOCIATION_WITHOUT_ROLES else [build_role(STORAGE_COMMITMENT, scp_role=True)]
        )
        association = AE(self.calling_title).associate(
            "127.0.0.1", port, contexts=[build_context(STORAGE_COMMITMENT)], ext_neg=roles, ae_title=title
        )
        if association.is_established:
            self._send(association, report)
            association.release()
        else:
            self.replies.append(None)

    def _send(self, association: object, report: tuple[int, Dataset]) -> None:
        kind, information = report
        status, _ = association.send_n_event_report(  # type: ignore[attr-defined]
            information, kind, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE
        )
        self.replies.append(status.get("Status"))
