"""A DICOM peer that we call, what it makes of an object, and errors for calls that come to nothing.

It loads none of the DICOM libraries: settings and the page for operators need no more than this.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dicom_io.errors import PeerRejected, PeerUnavailable
from dicom_io.network.tls import ClientTls, refusal

VERIFICATION = "1.2.840.10008.1.1"  # SOP Class of C-ECHO

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


@dataclass(frozen=True)
class Peer:
    """Address of a peer and the terms of calls to it.

    Attributes
    ----------
    ae_title : of the peer (called)
    calling_title : ours
    timeout_s : longest wait for a connection, and for each answer
    tls : how the connection is secured; None leaves it plain
    """

    ae_title: str
    host: str
    port: int
    calling_title: str
    timeout_s: float
    tls: ClientTls | None = None

    def __str__(self) -> str:
        return f"{self.ae_title} at {self.host} port {self.port}{' (TLS)' if self.tls else ''}"


class Delivery(StrEnum):
    """Result of sending one object."""

    STORED = "stored"  # the peer answered Success, or a warning (stored with changes)
    UNAVAILABLE = "unavailable"  # the peer was out of resources, or fell silent: repeat later
    REFUSED = "refused"  # the peer does not take this object


@dataclass(frozen=True)
class Sent:
    """Result for one object; `sentence` gives the peer's answer, empty when it simply stored it."""

    sop_instance_uid: str
    delivery: Delivery
    sentence: str


def delivery_of(status: int) -> Delivery:
    """Meaning of a C-STORE status for the sender (PS3.4 Table B.2-1, PS3.7 Annex C)."""
    if status in (0x0000, 0xB000, 0xB006, 0xB007, 0x0111):
        # Success; warnings: stored, elements coerced or discarded; 0x0111: the instance is there already
        return Delivery.STORED
    if 0xA700 <= status <= 0xA7FF or status in (0x0110, 0x0213):
        # out of resources, processing failure, resource limitation: these pass
        return Delivery.UNAVAILABLE
    return Delivery.REFUSED


def rejected(peer: Peer, *, result: int, source: int, diagnostic: int) -> PeerUnavailable | PeerRejected:
    """Error for a rejected association; a rejection may be transient (PS3.8 §9.3.4)."""
    if result != 1:
        return PeerUnavailable(f"{peer} refused the association for now (busy); it will be repeated.")
    why, remedy = _REJECTED.get((source, diagnostic), (f"diagnostic {diagnostic}", _KNOW_US))
    must = remedy.format(calling=peer.calling_title, called=peer.ae_title)
    return PeerRejected(f"{peer} rejected the association of {peer.calling_title} ({why}): {must}.")


def unreachable(peer: Peer) -> PeerUnavailable:
    """Error for an association that a peer did not answer; with TLS it is asked once more why, by itself."""
    why = "" if peer.tls is None else refusal(peer.host, peer.port, peer.tls, timeout_s=peer.timeout_s)
    if why:
        return PeerUnavailable(
            f"{peer} cannot be reached: {why}. Expected TLS on both sides with certificates that each side knows the "
            "issuer of; correct it here or there."
        )
    return PeerUnavailable(f"{peer} cannot be reached; check its address and that it is running.")
