"""Destinations as whoever calls them wants them, from the settings: a DICOM peer, or a DICOMweb server."""

from __future__ import annotations

from appliance.peer_settings import Destination
from appliance.settings import Settings
from appliance.transport import files_of
from dicom_io.network.dicomweb.web_peer import WebPeer
from dicom_io.network.peer import Peer
from dicom_io.network.tls import ClientTls


def peer_of(destination: Destination, *, calling_title: str, timeout_s: float, tls: ClientTls | None = None) -> Peer:
    """A destination of the settings as the sender wants it."""
    return Peer(
        ae_title=destination.ae_title,
        host=destination.host,
        port=destination.port,
        calling_title=calling_title,
        timeout_s=timeout_s,
        tls=tls,
    )


def web_peer_of(destination: Destination, settings: Settings, *, timeout_s: float) -> WebPeer | None:
    """The server of a destination; None where it is reached by C-STORE.

    Our certificate of [tls] is shown to a server that asks for one.
    """
    if not destination.stow_url:
        return None
    files = None if destination.plain else files_of(settings)
    return WebPeer(
        destination.stow_url,
        timeout_s=timeout_s,
        token_file=destination.stow_token_file,
        authorities=destination.stow_authorities,
        certificate=files.certificate if files else None,
        key=files.key if files else None,
    )
