"""Addresses of DICOMweb servers, as settings name them."""

from __future__ import annotations

from urllib.parse import urlsplit


def url_mistake(url: str) -> str:
    """Mistake in the address of a server, without a full stop; empty when nothing is.

    The address is not repeated where it may hold a password.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "cannot be read; expected https://host/path"
    if parts.scheme not in ("https", "http") or not host:
        return "is none; expected https://host/path"
    if parts.username is not None or parts.password is not None:
        return "holds a user or a password; expected neither: a bearer token goes into a file of its own"
    if parts.query or parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
        return "has a query, a fragment or characters that an address cannot have; expected https://host/path"
    return ""
