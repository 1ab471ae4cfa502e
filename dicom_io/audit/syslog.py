"""Audit messages to a repository by syslog (RFC 5424): over TLS (PS3.15 §A.6; RFC 5425), TCP (RFC 6587) or UDP (§A.7;
RFC 5426).

Over TCP and TLS nothing is acknowledged: what was written before the repository closed the connection may be lost. So
a connection that the repository has closed is noticed before the next message, and made again.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
from contextlib import suppress
from datetime import datetime
from enum import StrEnum

from dicom_io.network.tls import ClientTls

TLS_PORT = 6514  # registered for syslog over TLS
TIMEOUT_S = 10.0

MESSAGE_ID = "DICOM+RFC3881"

_PRIORITY = 10 * 8 + 5  # facility security/authorization, severity notice (PS3.15 §A.6)
_PROGRAM = "rdeepnet"


class Transport(StrEnum):
    """Ways to a repository."""

    TLS = "tls"
    TCP = "tcp"
    UDP = "udp"


def syslog_message(xml: str, at: datetime, *, host: str) -> bytes:
    """A message of RFC 5424 with an audit message; the mark before the XML says that it is UTF-8."""
    name = "".join(letter for letter in host if "!" <= letter <= "~")[:255] or "-"
    time = at.isoformat(timespec="milliseconds")
    header = f"<{_PRIORITY}>1 {time} {name} {_PROGRAM} {os.getpid()} {MESSAGE_ID} - "
    return header.encode("ascii") + b"\xef\xbb\xbf" + xml.encode()


class Repository:
    """The connection to an audit repository; its methods are called from one thread.

    Parameters
    ----------
    tls : for `Transport.TLS`
    """

    def __init__(self, host: str, port: int, *, transport: Transport, tls: ClientTls | None = None) -> None:
        self._host = host
        self._port = port
        self._transport = transport
        self._tls = tls
        self._connection: socket.socket | None = None

    def send(self, message: bytes) -> None:
        """Sends a message of RFC 5424.

        Raises
        ------
        OSError
            When the repository cannot be reached.
        SetupError
            When the files of TLS cannot be used.
        """
        if self._transport is Transport.UDP:
            family, _, _, _, address = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, socket.SOCK_DGRAM) as connection:
                connection.sendto(message, address)
            return
        if self._connection is not None and _is_closed(self._connection):
            self.close()
        if self._connection is None:
            self._connection = self._connected()
        try:
            self._connection.sendall(f"{len(message)} ".encode() + message)
        except OSError:
            self.close()
            raise

    def check(self) -> None:
        """Connects as for a message, and sends none; over UDP, which has no answer, only the name is looked up.

        Raises
        ------
        OSError, SetupError
            As `send` does.
        """
        if self._transport is Transport.UDP:
            socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
            return
        self._connected().close()

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.close()
            self._connection = None

    def _connected(self) -> socket.socket:
        connection = socket.create_connection((self._host, self._port), timeout=TIMEOUT_S)
        if self._transport is Transport.TCP:
            return connection
        assert self._tls is not None, "checked where the settings are read"
        try:
            return self._tls.context().wrap_socket(connection, server_hostname=self._host)
        except BaseException:
            connection.close()
            raise


def _is_closed(connection: socket.socket) -> bool:
    """Returns whether the repository has closed; it never sends anything else, but TLS may."""
    try:
        while select.select([connection], [], [], 0)[0]:
            connection.settimeout(0)
            try:
                if not connection.recv(4096):
                    return True
            finally:
                connection.settimeout(TIMEOUT_S)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    return False
