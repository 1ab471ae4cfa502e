"""The sender: C-STORE of whole answers with a result for every object.

Errors say what to do: `PeerUnavailable` repeat later, `PeerRefused` an operator must act, `PeerRejected` both.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext, build_context

from dicom_io.errors import PeerRefused, PeerRejected, PeerUnavailable
from dicom_io.implementation import IMPLEMENTATION_CLASS_UID, implementation_version_name
from dicom_io.network.bounded_transport import MAXIMUM_PDU
from dicom_io.network.peer import Delivery, Peer, Sent, delivery_of
from dicom_io.network.responses import leave_responses_to_calls
from dicom_io.network.tls import refusal
from models.errors import SetupError

# PS3.8 Table 9-21: (source, diagnostic) of a rejected-permanent association: in words, and what must be done there.
_KNOW_US = "the PACS must register our AE title {calling} with the address of this machine, and allow it to store"
_REJECTED = {
    (1, 1): ("no reason given", _KNOW_US),
    (1, 2): ("application context not supported", "the PACS must speak DICOM on this port; check host and port"),
    (1, 3): ("our AE title is not known there", _KNOW_US),
    (1, 7): (
        "its AE title differs",
        "the PACS must answer to the AE title {called} on this port, or the settings must name it as it is called",
    ),
    (2, 1): ("no reason given", _KNOW_US),
    (2, 2): ("protocol version not supported", "the PACS must speak DICOM on this port; check host and port"),
}


def send(files: Sequence[Path], peer: Peer) -> tuple[Sent, ...]:
    """Sends DICOM files, in order, on one association.

    Returns
    -------
    One result for each file; objects behind a lost connection are `UNAVAILABLE`. Nothing here is repeated.

    Raises
    ------
    PeerUnavailable
        When no association was established, for a reason that may pass.
    PeerRejected
        When the peer rejects the association: it may know us later.
    PeerRefused
        When it accepts none of the objects.
    """
    datasets = [dcmread(file) for file in files]
    with associated(peer, _contexts(datasets)) as association:
        return tuple(_send_one(association, dataset, peer) for dataset in datasets)


def _contexts(datasets: Sequence[Dataset]) -> list[PresentationContext]:
    """One context for each SOP class and its own transfer syntax, with the two uncompressed ones as alternatives."""
    wanted: dict[tuple[str, str], PresentationContext] = {}
    for dataset in datasets:
        syntax = dataset.file_meta.TransferSyntaxUID
        context = build_context(dataset.SOPClassUID, offered_syntaxes(syntax))
        wanted.setdefault((dataset.SOPClassUID, syntax), context)
    return list(wanted.values())


def offered_syntaxes(own: UID) -> list[str | UID]:
    """Transfer syntaxes proposed for an object: its own, and where that is uncompressed the two plain ones as well."""
    plain = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
    return [own] if own.is_compressed else list(dict.fromkeys([own, *plain]))


def _send_one(association: Association, dataset: Dataset, peer: Peer) -> Sent:
    uid = str(dataset.SOPInstanceUID)
    if not association.is_established:
        return Sent(uid, Delivery.UNAVAILABLE, f"{peer} closed the association before this object")
    accepted = {context.abstract_syntax for context in association.accepted_contexts}
    if dataset.SOPClassUID not in accepted:
        name = dataset.SOPClassUID.name
        return Sent(uid, Delivery.REFUSED, f"{peer} does not accept {name}: allow it there, or leave it out of send")
    try:
        status = association.send_c_store(dataset)
    except ValueError as error:  # no context with a transfer syntax that fits
        return Sent(uid, Delivery.REFUSED, f"{peer} accepts no transfer syntax of the object ({error})")
    except RuntimeError:  # the association went away between the check and the call
        return Sent(uid, Delivery.UNAVAILABLE, f"{peer} closed the association before this object")
    if "Status" not in status:
        return Sent(uid, Delivery.UNAVAILABLE, f"{peer} did not answer within {peer.timeout_s:g} s, or aborted")
    delivery = delivery_of(status.Status)
    return Sent(uid, delivery, _sentence(delivery, status.Status, peer))


def _sentence(delivery: Delivery, status: int, peer: Peer) -> str:
    if status == 0x0000:
        return ""
    if delivery is Delivery.STORED:
        return f"{peer} stored it with status 0x{status:04X}"
    if delivery is Delivery.UNAVAILABLE:
        return f"{peer} answered 0x{status:04X} (out of resources)"
    return f"{peer} answered 0x{status:04X}: see its log for the reason"


@contextmanager
def associated(
    peer: Peer,
    contexts: list[PresentationContext],
    *,
    handlers: Sequence[tuple[evt.NotificationEvent | evt.InterventionEvent, Callable[[Event], Any]]] = (),
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
) -> Iterator[Association]:
    """An established association, released at the end.

    Parameters
    ----------
    handlers : for the peer's requests on it
    roles : proposed for classes that the peer sends on it (C-GET)

    Raises
    ------
    PeerUnavailable
        When no association was established, for a reason that may pass; our certificate not being usable is one.
    PeerRejected
        When the peer rejects the association: it may know us later.
    PeerRefused
        When it accepts nothing of what is proposed.
    """
    _config.LOG_HANDLER_LEVEL = "none"  # its default handlers format every PDU
    ae = AE(peer.calling_title)
    ae.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    ae.implementation_version_name = implementation_version_name()
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = peer.timeout_s
    try:
        association = ae.associate(
            peer.host,
            peer.port,
            contexts=contexts,
            ae_title=peer.ae_title,
            ext_neg=list(roles),
            max_pdu=MAXIMUM_PDU,
            tls_args=None if peer.tls is None else (peer.tls.context(), peer.host),
            evt_handlers=[(evt.EVT_CONN_OPEN, _on_open), *handlers],
        )
    except OSError as error:
        raise PeerUnavailable(
            f"{peer} cannot be reached ({error}); check its address and that it is running."
        ) from error
    except SetupError as error:  # our certificate, perhaps just being renewed
        raise PeerUnavailable(f"{peer} cannot be reached: {error}") from error
    if not association.is_established:
        transport = association.dul.socket
        if transport is not None and transport.socket is not None:
            transport.socket.close()  # the library leaves it open where the peer was the first to close
        raise _not_established(association, peer)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def _on_open(event: Event) -> None:
    leave_responses_to_calls(event.assoc)
    transport = event.assoc.dul.socket
    if transport is not None and transport.socket is not None:
        transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _not_established(association: Association, peer: Peer) -> PeerUnavailable | PeerRefused:
    """Error for an association that was not established."""
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None:
        source, diagnostic = answer.result_source or 0, answer.diagnostic or 0
        return _rejected(peer, result=answer.result or 0, source=source, diagnostic=diagnostic)
    if association.is_aborted and answer is not None and not association.accepted_contexts:
        return PeerRefused(f"{peer} accepts none of the objects offered; allow their SOP classes there.")
    return _unreachable(peer)


def _rejected(peer: Peer, *, result: int, source: int, diagnostic: int) -> PeerUnavailable | PeerRejected:
    """Error for a rejected association; a rejection may be transient (PS3.8 §9.3.4)."""
    if result != 1:
        return PeerUnavailable(f"{peer} refused the association for now (busy); it will be repeated.")
    why, remedy = _REJECTED.get((source, diagnostic), (f"diagnostic {diagnostic}", _KNOW_US))
    must = remedy.format(calling=peer.calling_title, called=peer.ae_title)
    return PeerRejected(f"{peer} rejected the association of {peer.calling_title} ({why}): {must}.")


def _unreachable(peer: Peer) -> PeerUnavailable:
    """Error for an association that a peer did not answer; with TLS it is asked once more why, by itself."""
    why = "" if peer.tls is None else refusal(peer.host, peer.port, peer.tls, timeout_s=peer.timeout_s)
    if why:
        return PeerUnavailable(
            f"{peer} cannot be reached: {why}. Expected TLS on both sides with certificates that each side knows the "
            "issuer of; correct it here or there."
        )
    return PeerUnavailable(f"{peer} cannot be reached; check its address and that it is running.")
