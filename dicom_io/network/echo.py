"""C-ECHO."""

from __future__ import annotations

from pynetdicom.presentation import build_context

from dicom_io.errors import PeerRefused, PeerUnavailable
from dicom_io.network.peer import VERIFICATION, Peer
from dicom_io.network.send import associated


def echo(peer: Peer) -> None:
    """C-ECHO.

    Raises
    ------
    PeerUnavailable
        When the peer cannot be reached or does not answer.
    PeerRejected
        When the peer rejects the association: it may know us later.
    PeerRefused
        When the peer refuses the echo.
    """
    with associated(peer, [build_context(VERIFICATION)]) as association:
        if not association.accepted_contexts:
            raise PeerRefused(
                f"{peer} does not accept C-ECHO; expected the Verification SOP Class: check its settings."
            )
        status = association.send_c_echo()
        if "Status" not in status:
            raise PeerUnavailable(f"{peer} did not answer a C-ECHO within {peer.timeout_s:g} s; check the peer.")
        if status.Status != 0x0000:
            raise PeerRefused(f"{peer} answered a C-ECHO with 0x{status.Status:04X}; expected 0x0000: check the peer.")
