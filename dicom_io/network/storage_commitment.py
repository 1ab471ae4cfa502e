"""Storage commitment: asks a peer to commit to what it stored (Storage Commitment Push Model, as SCU).

Stored does not mean committed: an archive that answered Success may still lose an object before it is on its final
storage. The answer comes later, as a report (`commitment_report`), and perhaps never.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from pydicom import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext, build_context

from dicom_io.errors import PeerRefused, PeerUnavailable
from dicom_io.network.commitment_report import (
    STORAGE_COMMITMENT,
    STORAGE_COMMITMENT_INSTANCE,
    CommitmentReport,
    answer_report,
)
from dicom_io.network.peer import VERIFICATION, Peer
from dicom_io.network.send import associated, offered_syntaxes

REQUEST_COMMITMENT = 1  # Action Type ID, PS3.4 Table J.3-1
STAY_S = 2.0  # a peer that reports on the association of the request does so at once; most open their own
TRANSIENT = (0x0110, 0x0213)  # processing failure, resource limitation
UNSUPPORTED = (0x0118, 0x0122, 0x0211)  # no such SOP class, SOP class not supported, unrecognized operation


class Asked(StrEnum):
    """Answer of a peer to a request."""

    ACCEPTED = "accepted"  # a report follows
    UNSUPPORTED = "unsupported"  # it does not offer storage commitment


def proposed_contexts() -> list[PresentationContext]:
    """Contexts proposed for a request; Verification too, so that a peer without commitment still answers."""
    return [build_context(VERIFICATION), build_context(STORAGE_COMMITMENT, offered_syntaxes(ExplicitVRLittleEndian))]


def request_commitment(
    references: Sequence[tuple[str, str]],
    peer: Peer,
    *,
    transaction_uid: str,
    reported: Callable[[CommitmentReport], bool],
    stay_s: float = STAY_S,
) -> Asked:
    """Asks a peer to keep objects (N-ACTION), and takes its report where it comes on the same association.

    Parameters
    ----------
    references : (SOP Class UID, SOP Instance UID) of each object, at least one
    transaction_uid : never used before
    reported : called with a report, from another thread; False when it does not know the transaction
    stay_s : how long the association stays open for the report

    Raises
    ------
    PeerUnavailable
        When the peer cannot be reached, does not answer, or cannot take the request now.
    PeerRefused
        When the peer refuses the association or the request.
    """
    is_answered, has_report = threading.Event(), threading.Event()

    def on_report(event: Event) -> tuple[int, Dataset | None]:
        answer = answer_report(event, reported)
        is_answered.set()
        return answer

    def on_sent(_: Event) -> None:
        if is_answered.is_set():
            has_report.set()  # the answer is on its way: only now may the association be released

    handlers: list[tuple[evt.NotificationEvent | evt.InterventionEvent, Callable[[Event], Any]]] = [
        (evt.EVT_N_EVENT_REPORT, on_report),
        (evt.EVT_PDU_SENT, on_sent),
    ]
    with associated(peer, proposed_contexts(), handlers=handlers) as association:
        if not any(context.abstract_syntax == STORAGE_COMMITMENT for context in association.accepted_contexts):
            return Asked.UNSUPPORTED
        try:
            status, _ = association.send_n_action(
                _request(references, transaction_uid),
                REQUEST_COMMITMENT,
                STORAGE_COMMITMENT,
                STORAGE_COMMITMENT_INSTANCE,
            )
        except RuntimeError as error:  # the association went away between the check and the call
            raise PeerUnavailable(f"{peer} closed the association before the request for commitment.") from error
        if "Status" not in status:
            raise PeerUnavailable(
                f"{peer} did not answer a request for commitment within {peer.timeout_s:g} s, or aborted."
            )
        if status.Status in UNSUPPORTED:
            return Asked.UNSUPPORTED
        if status.Status in TRANSIENT:
            raise PeerUnavailable(f"{peer} answered a request for commitment with 0x{status.Status:04X}, for now.")
        if status.Status != 0x0000:
            raise PeerRefused(
                f"{peer} refused a request for commitment with 0x{status.Status:04X}: see its log for the reason."
            )
        has_report.wait(stay_s)
    return Asked.ACCEPTED


def _request(references: Sequence[tuple[str, str]], transaction_uid: str) -> Dataset:
    """Action Information of the request (PS3.4 Table J.3-2)."""
    information = Dataset()
    information.TransactionUID = transaction_uid
    items = []
    for sop_class, sop_instance in references:
        item = Dataset()
        item.ReferencedSOPClassUID = sop_class
        item.ReferencedSOPInstanceUID = sop_instance
        items.append(item)
    information.ReferencedSOPSequence = ItemSequence(items)
    return information
