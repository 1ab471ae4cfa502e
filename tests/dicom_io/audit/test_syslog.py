"""Audit messages on the wire, against real sockets. Kind: mechanics, and oracle (RFC 5424, 5425, 6587)."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dicom_io.audit.syslog import Repository, Transport, syslog_message
from dicom_io.network.tls import ClientTls
from tests.dicom_io.network.made_certificates import make_authority

AT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


class Server:
    """A syslog server: takes messages with their length in front (RFC 6587 §3.4.1, RFC 5425 §4.3)."""

    def __init__(self, context: ssl.SSLContext | None = None, *, port: int = 0) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listener.getsockname()[1])
        self.messages: list[bytes] = []
        self.arrived = threading.Semaphore(0)
        self.peers: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            self.peers.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            stream = connection.makefile("rb")
            while length := self._length(stream):
                self.messages.append(stream.read(length))
                self.arrived.release()
        except OSError:
            return

    @staticmethod
    def _length(stream: object) -> int:
        digits = b""
        while (letter := stream.read(1)) not in (b" ", b""):  # type: ignore[attr-defined]
            digits += letter
        return int(digits or b"0")

    def close_peers(self) -> None:
        """Close what is connected, as a server that is started again does."""
        for peer in self.peers:
            with suppress(OSError):  # the other end was first
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()
        self.peers.clear()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_peers()

    def take(self, count: int) -> list[bytes]:
        for _ in range(count):
            assert self.arrived.acquire(timeout=20)
        return self.messages


@contextmanager
def server(context: ssl.SSLContext | None = None, *, port: int = 0) -> Iterator[Server]:
    listening = Server(context, port=port)
    try:
        yield listening
    finally:
        listening.stop()


def test_the_header_is_that_of_the_profile() -> None:
    message = syslog_message("<AuditMessage/>", AT, host="appliance.example")
    # RFC 5424 §6; PRI, MSGID and BOM: PS3.15 §A.6
    assert re.fullmatch(
        rb"<85>1 2026-01-02T03:04:05\.678\+00:00 appliance\.example rdeepnet [0-9]+ DICOM\+RFC3881 - "
        rb"\xef\xbb\xbf<AuditMessage/>",
        message,
    )
    assert b" - rdeepnet" in syslog_message("<AuditMessage/>", AT, host="ä ")


def test_messages_over_tcp_are_told_apart() -> None:
    with server() as listening:
        repository = Repository("127.0.0.1", listening.port, transport=Transport.TCP)
        for number in range(3):
            repository.send(b"message %d" % number)
        assert listening.take(3) == [b"message 0", b"message 1", b"message 2"]
        repository.close()


def test_a_server_that_has_closed_is_called_again() -> None:
    with server() as listening:
        repository = Repository("127.0.0.1", listening.port, transport=Transport.TCP)
        repository.send(b"before")
        listening.take(1)
        listening.close_peers()
        repository.send(b"after")
        assert listening.take(1) == [b"before", b"after"]
        repository.close()


def test_over_tls_both_know_each_other(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    ours, theirs = authority.issue("appliance"), authority.issue("repository")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(theirs.certificate, theirs.key)
    context.load_verify_locations(theirs.authorities)
    context.verify_mode = ssl.CERT_REQUIRED
    with server(context) as listening:
        tls = ClientTls(ours, check_names=True)
        repository = Repository("127.0.0.1", listening.port, transport=Transport.TLS, tls=tls)
        repository.send(b"one")
        repository.send(b"two")
        assert listening.take(2) == [b"one", b"two"]
        repository.close()


def test_a_server_of_another_authority_gets_nothing(tmp_path: Path) -> None:
    ours = make_authority(tmp_path / "a").issue("appliance")
    theirs = make_authority(tmp_path / "b").issue("repository")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(theirs.certificate, theirs.key)
            connection, _ = listener.accept()
            with connection, pytest.raises(ssl.SSLError):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=accept)
        thread.start()
        tls = ClientTls(ours, check_names=True)
        repository = Repository("127.0.0.1", listener.getsockname()[1], transport=Transport.TLS, tls=tls)
        with pytest.raises(ssl.SSLCertVerificationError):
            repository.send(b"secret")
        thread.join(20)


def test_udp_is_a_datagram_for_each() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(20)
        Repository("127.0.0.1", listener.getsockname()[1], transport=Transport.UDP).send(b"x" * 32_768)
        assert listener.recv(65_535) == b"x" * 32_768  # the least a receiver takes: PS3.15 §A.7
