"""TLS between us and the peers, as BCP 195 (RFC 8996, RFC 9325) and the profile of PS3.15 B.12 require it.

TLS 1.2 or 1.3; with 1.2 only the suites of RFC 9325 §4.2, all with forward secrecy and authenticated encryption. Both
ends present certificates unless a site switches that off: access is decided first by the certificate's issuer, then by
AE title and address. The files are read again when they change, so a renewed certificate needs no restart.
"""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from models.errors import SetupError

SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
LOWEST = ssl.TLSVersion.TLSv1_2
HANDSHAKE_S = 10.0  # a peer that has not agreed by then is disconnected; it takes milliseconds


@dataclass(frozen=True)
class TlsFiles:
    """Files in PEM.

    Attributes
    ----------
    certificate : ours, then those of its issuers up to what the peers know
    key : private key of our certificate, without password
    authorities : certificates of those who issue the peers' certificates
    """

    certificate: Path
    key: Path
    authorities: Path


@dataclass(frozen=True)
class ClientTls:
    """TLS settings of calls to peers.

    Attributes
    ----------
    files : ours
    check_names : the peer's certificate must name the host, or the address, that is called
    """

    files: TlsFiles
    check_names: bool

    def context(self) -> ssl.SSLContext:
        """TLS context of a connection to a peer.

        Raises
        ------
        SetupError
            When the files cannot be used.
        """
        context = context_of(ssl.PROTOCOL_TLS_CLIENT, self.files)
        context.check_hostname = self.check_names
        return context


class ListenerTls:
    """TLS settings of the receiver.

    Parameters
    ----------
    peers_need_certificates : a peer without a certificate of our authorities is refused

    Raises
    ------
    SetupError
        When the files cannot be used.
    """

    def __init__(self, files: TlsFiles, *, peers_need_certificates: bool = True) -> None:
        self._files = files
        self._mutual = peers_need_certificates
        self._stamps = self._stamped()
        self._context = self._made()

    def wrap_socket(self, connection: socket.socket, server_side: bool = True) -> ssl.SSLSocket:
        """The connection before its handshake, which is `handshake`: a silent peer must not hold up the others.

        The signature is that of `ssl.SSLContext`, in whose place pynetdicom takes this object.
        """
        stamps = self._stamped()
        if stamps != self._stamps:
            self._stamps = stamps
            with suppress(
                SetupError
            ):  # half renewed, or wrong: the old ones go on; `rdeepnet doctor` names the mistake
                self._context = self._made()
        return self._context.wrap_socket(connection, server_side=server_side, do_handshake_on_connect=False)

    def _made(self) -> ssl.SSLContext:
        context = context_of(ssl.PROTOCOL_TLS_SERVER, self._files)
        context.verify_mode = ssl.CERT_REQUIRED if self._mutual else ssl.CERT_NONE
        # A ticket would lie in the peer's buffer before the first answer; libraries that poll take it for one.
        context.num_tickets = 0
        return context

    def _stamped(self) -> tuple[int, ...]:
        files = (self._files.certificate, self._files.key, self._files.authorities)
        return tuple(_changed_ns(file) for file in files)


def handshake(connection: ssl.SSLSocket, *, idle_s: float) -> str:
    """Agrees with a peer that calls us; returns why it failed, or nothing.

    Parameters
    ----------
    idle_s : longest wait for the rest of a message from then on
    """
    try:
        connection.settimeout(HANDSHAKE_S)
        connection.do_handshake()
        connection.settimeout(idle_s)
    except TimeoutError:
        return f"the peer did not agree on TLS within {HANDSHAKE_S:g} s"
    except OSError as error:  # ssl.SSLError among them
        return reason(error)
    return ""


def reason(error: OSError) -> str:
    """Reason why TLS was not agreed on, in words for an operator."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the peer's certificate is not accepted ({error.verify_message})"
    if isinstance(error, ssl.SSLError) and error.reason:
        words = error.reason.lower().replace("_", " ")
        if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"):
            return f"the peer does not speak TLS ({words})"
        if error.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
            return "the peer showed no certificate"
        if "ALERT" in error.reason:
            return f"the peer did not accept us ({words})"
        return words
    return error.strerror or type(error).__name__


def refusal(host: str, port: int, tls: ClientTls, *, timeout_s: float) -> str:
    """Reason why a peer rejects TLS with us; nothing when it accepts. Opens its own connection.

    The library that makes associations reports only that there was no connection.
    """
    try:
        context = tls.context()
    except SetupError as error:
        return str(error)
    try:
        with (
            socket.create_connection((host, port), timeout=timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            secure.settimeout(min(timeout_s, 1.0))
            secure.recv(1)  # in TLS 1.3 a peer that misses our certificate says so only now
    except TimeoutError:
        return ""
    except OSError as error:
        return reason(error)
    return ""


def context_of(protocol: int, files: TlsFiles) -> ssl.SSLContext:
    """TLS context with our files and the rules above; SetupError where they cannot be used."""
    context = ssl.SSLContext(protocol)
    context.minimum_version = LOWEST
    context.set_ciphers(":".join(SUITES))
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        # A password is asked for on the terminal unless one is given.
        context.load_cert_chain(files.certificate, files.key, password=lambda: b"")
    except OSError as error:
        why = reason(error)
        raise SetupError(f"TLS cannot be used with {files.certificate} and {files.key} ({why}).") from error
    try:
        context.load_verify_locations(cafile=files.authorities)
    except OSError as error:
        raise SetupError(f"TLS cannot be used with the authorities {files.authorities} ({reason(error)}).") from error
    return context


def _changed_ns(file: Path) -> int:
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return 0
