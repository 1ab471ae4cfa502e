"""Negotiation with a destination before anything is sent: which of our classes it would accept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pydicom.uid import (
    UID,
    Comprehensive3DSRStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from pynetdicom.presentation import build_context

from dicom_io.answer_roles import Role
from dicom_io.errors import PeerRefused, PeerUnavailable
from dicom_io.network.commitment_report import STORAGE_COMMITMENT
from dicom_io.network.peer import VERIFICATION, Peer
from dicom_io.network.send import associated, offered_syntaxes

# Every object of ours is of the class of its role.
CLASS_OF: Final = {
    Role.SEG_T1C: SegmentationStorage,
    Role.SEG_T2W: SegmentationStorage,
    Role.KEY_SR: Comprehensive3DSRStorage,
    Role.FEATURES_SR: Comprehensive3DSRStorage,
    Role.PDF: EncapsulatedPDFStorage,
    Role.KEY_IMAGES: SecondaryCaptureImageStorage,
    Role.REJECTION_NOTE: KeyObjectSelectionDocumentStorage,
    Role.NOTICE: SecondaryCaptureImageStorage,
    Role.DRAFT_SEG: SegmentationStorage,
    Role.DRAFT_NOTE: KeyObjectSelectionDocumentStorage,
    Role.DRAFT_SHEET: EncapsulatedPDFStorage,
    Role.ACCEPTED_SEG: SegmentationStorage,
}


@dataclass(frozen=True)
class Negotiated:
    """Answer of a destination to everything we propose.

    Attributes
    ----------
    answers_echo : it accepts Verification, and answered a C-ECHO
    refused : names of the classes it does not accept, in order of sending
    commits : it accepts Storage Commitment
    """

    answers_echo: bool
    refused: tuple[str, ...]
    commits: bool


def negotiate(peer: Peer, roles: Iterable[Role]) -> Negotiated:
    """Proposes to a peer the classes of some roles, Verification and Storage Commitment; sends a C-ECHO and no object.

    Raises
    ------
    PeerUnavailable
        When the peer cannot be reached or does not answer.
    PeerRefused
        When the peer refuses the association or the echo.
    """
    classes = list(dict.fromkeys(CLASS_OF[role] for role in roles))
    syntaxes = offered_syntaxes(ExplicitVRLittleEndian)
    contexts = [build_context(VERIFICATION, syntaxes), build_context(STORAGE_COMMITMENT, syntaxes)]
    contexts += [build_context(sop_class, syntaxes) for sop_class in classes]
    with associated(peer, contexts) as association:
        accepted = {context.abstract_syntax for context in association.accepted_contexts}
        answers_echo = VERIFICATION in accepted
        if answers_echo:
            status = association.send_c_echo()
            if "Status" not in status:
                raise PeerUnavailable(f"{peer} did not answer a C-ECHO within {peer.timeout_s:g} s; check the peer.")
            if status.Status != 0x0000:
                raise PeerRefused(
                    f"{peer} answered a C-ECHO with 0x{status.Status:04X}; expected 0x0000: check the peer."
                )
    return Negotiated(
        answers_echo=answers_echo,
        refused=tuple(UID(sop_class).name for sop_class in classes if sop_class not in accepted),
        commits=STORAGE_COMMITMENT in accepted,
    )
