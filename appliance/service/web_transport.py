"""DICOMweb servers among the destinations, from the settings."""

from __future__ import annotations

from appliance.peer_settings import Destination
from appliance.settings import Settings
from appliance.transport import files_of
from dicom_io.network.dicomweb.web_peer import WebPeer


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
