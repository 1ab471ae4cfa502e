"""A server that answers DICOMweb as a test tells it, also wrongly."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dicom_io.network.tls import TlsFiles


@dataclass(frozen=True)
class Request:
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Reply:
    """An answer; without a length where the connection's end is to end it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    has_length: bool = True


@dataclass
class WebServer:
    """A running server."""

    url: str
    requests: list[Request]


@contextmanager
def web_server(answer: Callable[[Request], Reply], *, tls: TlsFiles | None = None) -> Iterator[WebServer]:
    """Serves on a free port of 127.0.0.1."""
    requests: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.command, self.path, dict(self.headers.items()), body)
            requests.append(request)
            reply = answer(request)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.has_length:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)
            self.close_connection = True

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # peers that break off are part of the tests

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate, tls.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        port = server.server_address[1]
        yield WebServer(f"http{'s' if tls else ''}://127.0.0.1:{port}/dicom-web", requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def related(files: Sequence[Path], *, boundary: str = "b0", closing: bool = True) -> bytes:
    """A multipart body of files."""
    parts = [
        f"\r\n--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode() + file.read_bytes() for file in files
    ]
    return b"".join(parts) + (f"\r\n--{boundary}--\r\n".encode() if closing else b"")
