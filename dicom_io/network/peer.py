"""A DICOM peer that we call, and what it makes of an object.

It loads none of the DICOM libraries: settings and the page for operators need no more than this.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dicom_io.network.tls import ClientTls

VERIFICATION = "1.2.840.10008.1.1"  # SOP Class of C-ECHO


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
