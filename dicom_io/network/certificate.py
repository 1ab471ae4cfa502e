"""Certificates of [tls] for people: whom ours names, how long it is valid, and what is wrong with the files.

Apart from `tls`, which makes the connections: the library that reads certificates takes 10 MB, and a connection needs
none of it.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from dicom_io.network.tls import TlsFiles, context_of
from models.errors import SetupError

SOON_DAYS = 30  # a certificate that ends so soon should be renewed now


@dataclass(frozen=True)
class Certificate:
    """Facts of our certificate for an operator; times with time zone."""

    name: str
    issuer: str
    not_before: datetime
    not_after: datetime

    def is_valid(self, now: datetime) -> bool:
        """Returns whether peers accept it at this time."""
        return self.not_before <= now <= self.not_after

    def ends_soon(self, now: datetime) -> bool:
        """Returns whether it should be renewed."""
        return (self.not_after - now).days < SOON_DAYS

    def in_words(self, now: datetime) -> str:
        """One sentence, without a full stop."""
        issued = f"certificate of {self.name or '(no name)'}, issued by {self.issuer or '(no name)'}"
        if now < self.not_before:
            return f"{issued}, is not valid before {self.not_before:%Y-%m-%d %H:%M} UTC"
        if now > self.not_after:
            return f"{issued}, expired on {self.not_after:%Y-%m-%d %H:%M} UTC: peers refuse it"
        days = (self.not_after - now).days
        return f"{issued}, is valid until {self.not_after:%Y-%m-%d %H:%M} UTC ({days} days)"


def certificate_of(files: TlsFiles) -> Certificate:
    """Our certificate.

    Raises
    ------
    SetupError
        When the file holds none.
    """
    found = _certificates(files.certificate, "certificate")[0]
    return Certificate(
        name=_name(found.subject),
        issuer=_name(found.issuer),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
    )


def mistakes(files: TlsFiles, *, now: datetime | None = None) -> list[str]:
    """Problems of the files, each a sentence without a full stop; an expired certificate of ours is not one.

    Parameters
    ----------
    now : authorities that ended before it are named; None for the present
    """
    found: list[str] = []
    now = now or datetime.now(UTC)
    certificates: list[x509.Certificate] = []
    for path, what in ((files.certificate, "certificate"), (files.authorities, "authorities")):
        try:
            read = _certificates(path, what)
        except SetupError as error:
            found.append(str(error).rstrip("."))
            continue
        if what == "certificate":
            certificates = read
        elif ended := [one for one in read if one.not_valid_after_utc < now]:
            names = ", ".join(_name(one.subject) or "(no name)" for one in ended)
            found.append(f"authorities {path} holds {names}, expired; replace it")
    try:
        key = serialization.load_pem_private_key(_bytes(files.key, "key"), password=None)
    except SetupError as error:
        found.append(str(error).rstrip("."))
    except TypeError:
        found.append(f"key {files.key} has a password; a key without one was expected, readable by the service only")
    except ValueError as error:
        found.append(f"key {files.key} is no private key in PEM ({str(error).splitlines()[0]})")
    else:
        if certificates and key.public_key() != certificates[0].public_key():
            found.append(f"key {files.key} does not belong to the first certificate in {files.certificate}")
    if not found:
        try:
            context_of(ssl.PROTOCOL_TLS_CLIENT, files)
        except SetupError as error:
            found.append(str(error).rstrip("."))
    return found


def _certificates(path: Path, what: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_bytes(path, what))
    except ValueError as error:
        raise SetupError(f"{what} {path} holds no certificate in PEM ({str(error).splitlines()[0]}).") from error


def _bytes(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{what} {path} cannot be read ({error.strerror}); name a file of this user.") from error


def _name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()
