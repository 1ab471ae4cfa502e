"""Peers that may call the receiver, told apart by AE title and address."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network


@dataclass(frozen=True)
class Caller:
    """A peer that may call us: an AE title, and networks where given (empty: from anywhere).

    One that `may_store` not may only echo and report on what we sent to it: it is a destination, not a sender.
    """

    ae_title: str
    networks: tuple[str, ...] = ()
    may_store: bool = True

    def is_calling(self, *, ae_title: str, address: IPv4Address | IPv6Address) -> bool:
        """Returns whether this is the calling peer."""
        return self.ae_title == ae_title and (
            not self.networks or any(address in ip_network(network) for network in self.networks)
        )


def calling(callers: Collection[Caller] | None, *, ae_title: str, address: str) -> list[Caller]:
    """The permitted callers that a peer is; always one where everybody may call.

    Parameters
    ----------
    callers : None permits everybody
    """
    if callers is None:
        return [Caller(ae_title)]
    where = _address(address)
    return [each for each in callers if where is not None and each.is_calling(ae_title=ae_title, address=where)]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An IP address, IPv4 also where it came mapped into IPv6; None for anything else."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
