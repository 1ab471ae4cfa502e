"""Terms on which the receiver listens, from the settings: who may call, what a peer may take, what is logged of it."""

from __future__ import annotations

import logging
from ipaddress import ip_network

from appliance.logs import describe
from appliance.peer_settings import Destination
from appliance.settings import ServiceSettings, Settings
from dicom_io.network.bounded_transport import Bounds
from dicom_io.network.callers import Caller

LOG = logging.getLogger("rdeepnet.service")


def callers(settings: Settings) -> list[Caller] | None:
    """Peers that may call: senders, destinations that report on commitment, and `rdeepnet health` from here."""
    if settings.service.accept_unknown_senders:
        return None
    here = ("127.0.0.0/8", "::1/128", *_networks(settings.service.host))
    return [
        Caller(settings.service.ae_title, here, may_store=False),
        *(Caller(sender.ae_title, sender.addresses) for sender in settings.senders),
        *(Caller(peer.ae_title, _networks(peer.host), may_store=False) for peer in committing(settings)),
    ]


def bounds(service: ServiceSettings) -> Bounds:
    """Limits of what peers may take of the receiver."""
    return Bounds(
        associations=service.max_associations,
        associations_per_address=service.max_associations_per_address,
        connections=service.max_connections,
        request_s=service.association_request_s,
        idle_s=service.idle_association_s,
        object_bytes=service.max_object_mib * 1024**2,
    )


def committing(settings: Settings) -> list[Destination]:
    """Destinations that are asked for storage commitment, and report on it."""
    return [destination for destination in settings.destinations if destination.commits]


def _networks(host: str) -> tuple[str, ...]:
    """Networks from which a destination calls: its address, or any where the settings give a name."""
    try:
        return (str(ip_network(host)),)
    except ValueError:
        return ()


def log_ended(address: str, why: str) -> None:
    """A connection that exceeded a bound."""
    LOG.warning("connection ended: %s", why, extra={"address": address})


def log_failed(error: Exception) -> None:
    """An instance that an unforeseen error kept from being stored."""
    LOG.error("an instance was not stored; the peer was told so", extra={"error": describe(error)})
