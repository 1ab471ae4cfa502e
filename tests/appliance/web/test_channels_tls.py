"""Alerts over TLS, against real servers on this machine: HTTPS webhook, and mail by STARTTLS. Kind: mechanics.

The channels trust the authorities of the operating system; SSL_CERT_FILE of OpenSSL puts one of the test in their
place.
"""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from appliance.settings import AlertSettings
from appliance.web.alerts import Message
from appliance.web.channels import Mail, Webhook
from dicom_io.network.tls import TlsFiles
from tests.dicom_io.network.made_certificates import make_authority

MESSAGE = Message("disk", "The disk is full.", "2026-01-02T03:04:05+00:00", "RDEEPNET")


def context_of(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TlsFiles:
    """Of a server whose authority the operating system trusts."""
    files = make_authority(tmp_path / "known").issue("server")
    monkeypatch.setenv("SSL_CERT_FILE", str(files.authorities))
    return files


@pytest.fixture
def strange(tmp_path: Path) -> TlsFiles:
    """Of a server whose authority nobody trusts."""
    return make_authority(tmp_path / "strange").issue("server")


@contextmanager
def webhook(files: TlsFiles) -> Iterator[tuple[str, list[bytes]]]:
    """Address of an HTTPS server, and the bodies it got."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    class Server(HTTPServer):
        def get_request(self) -> tuple[ssl.SSLSocket, tuple[str, int]]:
            connection, address = super().get_request()
            return context_of(files).wrap_socket(connection, server_side=True), address

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}/hook", bodies
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def mail_server(files: TlsFiles, *, offers_tls: bool = True) -> Iterator[tuple[int, list[tuple[bool, str]]]]:
    """Port of a mail server, and its lines: whether they were secured, and the text."""
    lines: list[tuple[bool, str]] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connection, is_secured = self.request, False
            connection.sendall(b"220 mail\r\n")
            stream = connection.makefile("rb")
            in_message = False
            while content := stream.readline():
                line = content.decode().rstrip("\r\n")
                lines.append((is_secured, line))
                answer = "250 yes"
                if in_message:
                    in_message = line != "."
                    if in_message:
                        continue
                elif line.upper().startswith("EHLO"):
                    answer = "250-mail\r\n250 " + ("AUTH PLAIN" if is_secured or not offers_tls else "STARTTLS")
                elif line.upper() == "STARTTLS":
                    connection.sendall(b"220 go ahead\r\n")
                    try:
                        connection = context_of(files).wrap_socket(connection, server_side=True)
                    except ssl.SSLError:
                        return
                    stream, is_secured = connection.makefile("rb"), True
                    continue
                elif line.upper().startswith("AUTH"):
                    answer = "235 yes"
                elif line.upper() == "DATA":
                    answer, in_message = "354 go ahead", True
                elif line.upper() == "QUIT":
                    connection.sendall(b"221 bye\r\n")
                    return
                connection.sendall(f"{answer}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield int(server.server_address[1]), lines
        finally:
            server.shutdown()
            thread.join()


def mail(port: int) -> Mail:
    settings = AlertSettings(
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_user="rdeepnet",
        smtp_password_file=Path("unused"),
        mail_from="rdeepnet@example.org",
        mail_to=("pacs@example.org",),
    )
    return Mail(settings, "secret of the mail server")


def test_a_webhook_is_told_over_https(certificate: TlsFiles) -> None:
    with webhook(certificate) as (address, bodies):
        Webhook(address).send(MESSAGE)
    assert bodies == [MESSAGE.as_json().encode()]


def test_a_webhook_that_is_not_who_it_should_be_is_told_nothing(certificate: TlsFiles, strange: TlsFiles) -> None:
    with webhook(strange) as (address, bodies), pytest.raises(ssl.SSLCertVerificationError):
        Webhook(address).send(MESSAGE)
    assert bodies == []


def test_a_certificate_of_another_machine_is_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = make_authority(tmp_path).issue("server", address="192.0.2.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(files.authorities))
    with webhook(files) as (address, bodies), pytest.raises(ssl.SSLCertVerificationError):
        Webhook(address).send(MESSAGE)
    assert bodies == []


def test_mail_goes_by_starttls_with_everything_secured(certificate: TlsFiles) -> None:
    with mail_server(certificate) as (port, lines):
        mail(port).send(MESSAGE)
    in_the_open = [line.split()[0].upper() for is_secured, line in lines if not is_secured]
    assert in_the_open == ["EHLO", "STARTTLS"]
    assert any(line.startswith("AUTH PLAIN") for _, line in lines)
    assert (True, "The disk is full.") in lines


@pytest.mark.parametrize("how", ["another authority", "without TLS"])
def test_no_password_goes_to_a_server_that_is_not_secured(certificate: TlsFiles, strange: TlsFiles, how: str) -> None:
    refused = pytest.raises(OSError, match=r"CERTIFICATE_VERIFY_FAILED|STARTTLS")
    with mail_server(strange, offers_tls=how != "without TLS") as (port, lines), refused:
        mail(port).send(MESSAGE)
    assert {line.split()[0].upper() for _, line in lines} <= {"EHLO", "HELO", "STARTTLS", "QUIT"}
