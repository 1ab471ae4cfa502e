"""Storage commitment: asks a peer to commit to what it stored (Storage Commitment Push Model, as SCU).

Stored does not mean committed: an archive that answered Success may still lose an object before it is on its final
storage. The answer comes later, as a report (`commitment_report`), and perhaps never.

A request is about the objects of one answer, and an association takes any number of requests. One request about many
answers was rejected, though PS3.4 J.3 permits it: what an archive says against one of them would hold for all, and its
report would wait for the slowest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from pydicom import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.association import Association
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
_LOOK_EVERY_S = 0.02
TRANSIENT = (0x0110, 0x0213)  # processing failure, resource limitation
UNSUPPORTED = (0x0118, 0x0122, 0x0211)  # no such SOP class, SOP class not supported, unrecognized operation


class Asked(StrEnum):
    """Answer of a peer to a request."""

    ACCEPTED = "accepted"  # a report follows
    UNSUPPORTED = "unsupported"  # it does not offer storage commitment


def proposed_contexts() -> list[PresentationContext]:
    """Contexts proposed for a request; Verification too, so that a peer without commitment still answers."""
    return [build_context(VERIFICATION), build_context(STORAGE_COMMITMENT, offered_syntaxes(ExplicitVRLittleEndian))]


class CommitmentCall:
    """An association on which a peer is asked to keep objects, one request after the other.

    Attributes
    ----------
    is_offered : the peer offers storage commitment
    reports : how many came on this association
    """

    def __init__(self, peer: Peer, reported: Callable[[CommitmentReport], bool]) -> None:
        self.is_offered = False
        self.reports = 0
        self._peer = peer
        self._reported = reported
        self._association: Association | None = None
        self._accepted = self._answered = 0  # requests by the peer, reports by us

    @property
    def handlers(self) -> list[tuple[evt.NotificationEvent | evt.InterventionEvent, Callable[[Event], Any]]]:
        """Handlers of what the peer sends on the association."""
        return [(evt.EVT_N_EVENT_REPORT, self._on_report), (evt.EVT_PDU_SENT, self._on_sent)]

    def begin(self, association: Association) -> None:
        """From now on it asks on this association."""
        self._association = association
        self.is_offered = any(
            context.abstract_syntax == STORAGE_COMMITMENT for context in association.accepted_contexts
        )

    def ask(self, references: Sequence[tuple[str, str]], *, transaction_uid: str) -> Asked:
        """Asks the peer to keep objects (N-ACTION).

        Parameters
        ----------
        references : (SOP Class UID, SOP Instance UID) of each object, at least one
        transaction_uid : never used before

        Raises
        ------
        PeerUnavailable
            When the peer does not answer, or cannot take the request now.
        PeerRefused
            When the peer refuses the request.
        """
        peer = self._peer
        if not self.is_offered or self._association is None:
            return Asked.UNSUPPORTED
        try:
            status, _ = self._association.send_n_action(
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
        self._accepted += 1
        return Asked.ACCEPTED

    def stay(self, within_s: float) -> None:
        """Waits until every request that the peer accepted has its report on this association, and that is answered."""
        end_s = time.monotonic() + within_s
        while self._answered < self._accepted and self._is_established and time.monotonic() < end_s:
            time.sleep(_LOOK_EVERY_S)

    @property
    def _is_established(self) -> bool:
        return self._association is not None and self._association.is_established

    def _on_report(self, event: Event) -> tuple[int, Dataset | None]:
        answer = answer_report(event, self._reported)
        self.reports += 1
        return answer

    def _on_sent(self, _: Event) -> None:
        self._answered = self.reports  # the answer is on its way: only now may the association be released


@contextmanager
def commitment_call(
    peer: Peer, *, reported: Callable[[CommitmentReport], bool], stay_s: float = STAY_S
) -> Iterator[CommitmentCall]:
    """An association for requests; at its end it takes the reports that come on it.

    Parameters
    ----------
    reported : called with a report, from another thread; False when it does not know the transaction
    stay_s : how long the association stays open for reports after the last request

    Raises
    ------
    PeerUnavailable
        When the peer cannot be reached.
    PeerRefused
        When the peer refuses the association.
    """
    call = CommitmentCall(peer, reported)
    with associated(peer, proposed_contexts(), handlers=call.handlers) as association:
        call.begin(association)
        yield call
        call.stay(stay_s)


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
