"""C-ECHO by its bytes (PS3.7 §9.1.5, PS3.8 §9.3): an association of four short messages.

It is asked every half minute by the liveness probe and every minute by the page for operators. The library that makes
associations was rejected here: it takes half a second of CPU and 60 MB to load, for nothing else in those processes.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dicom_io.errors import PeerRefused, PeerUnavailable
from dicom_io.implementation import IMPLEMENTATION_CLASS_UID, implementation_version_name
from dicom_io.network.peer import VERIFICATION, Peer, rejected, unreachable
from models.errors import SetupError

_ASSOCIATE_RQ, _ASSOCIATE_AC, _ASSOCIATE_RJ, _P_DATA, _RELEASE_RQ, _RELEASE_RP = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
_SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")  # Implicit and Explicit VR Little Endian
_CONTEXT_ID = 1
_C_ECHO_RQ, _NO_DATA_SET, _MESSAGE_ID = 0x0030, 0x0101, 1
_FIRST_ITEM = 68  # of A-ASSOCIATE: after version, titles and what is reserved
_RESULT_ITEM = 0x21
_MOST_BYTES = 64 * 1024  # of a PDU; an answer to this takes two hundred
_PDU = struct.Struct(">BBL")
_ITEM = struct.Struct(">BBH")
_ELEMENT = struct.Struct("<HHL")


def echo(peer: Peer) -> None:
    """C-ECHO.

    Raises
    ------
    PeerUnavailable
        When the peer cannot be reached or does not answer.
    PeerRejected
        When the peer rejects the association: it may know us later.
    PeerRefused
        When the peer refuses the echo.
    """
    with _connected(peer) as connection:
        _associate(connection, peer)
        try:
            connection.sendall(_pdu(_P_DATA, _command()))
            status = _status(connection, peer)
        except (EOFError, OSError, ValueError, struct.error) as error:
            raise PeerUnavailable(
                f"{peer} did not answer a C-ECHO within {peer.timeout_s:g} s; check the peer."
            ) from error
        if status != 0x0000:
            raise PeerRefused(f"{peer} answered a C-ECHO with 0x{status:04X}; expected 0x0000: check the peer.")
        with suppress(EOFError, OSError, ValueError):  # it has answered: how it parts says nothing
            connection.sendall(_pdu(_RELEASE_RQ, bytes(4)))
            while _received(connection, peer)[0] != _RELEASE_RP:
                pass


@contextmanager
def _connected(peer: Peer) -> Iterator[socket.socket]:
    """A connection, secured where the terms say so; PeerUnavailable where there is none."""
    try:
        context = None if peer.tls is None else peer.tls.context()
    except SetupError as error:  # our certificate, perhaps just being renewed
        raise PeerUnavailable(f"{peer} cannot be reached: {error}") from error
    try:
        connection = socket.create_connection((peer.host, peer.port), timeout=peer.timeout_s)
        if context is not None:
            with connection as plain:  # closed where TLS is not agreed; detached where it is
                connection = context.wrap_socket(plain, server_hostname=peer.host)
    except OSError as error:
        raise unreachable(peer) from error
    with connection:
        connection.settimeout(peer.timeout_s)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def _associate(connection: socket.socket, peer: Peer) -> None:
    """Opens the association; raises where the peer does not agree to Verification."""
    try:
        connection.sendall(_pdu(_ASSOCIATE_RQ, _request(peer)))
        kind, body = _received(connection, peer)
        if kind == _ASSOCIATE_RJ:
            raise rejected(peer, result=body[1], source=body[2], diagnostic=body[3])
        is_accepted = kind == _ASSOCIATE_AC and _is_context_accepted(body)
    except (EOFError, OSError, ValueError, IndexError, struct.error) as error:
        raise unreachable(peer) from error
    if kind != _ASSOCIATE_AC:
        raise unreachable(peer)
    if not is_accepted:
        raise PeerRefused(f"{peer} does not accept C-ECHO; expected the Verification SOP Class: check its settings.")


def _request(peer: Peer) -> bytes:
    """Content of A-ASSOCIATE-RQ (PS3.8 §9.3.2)."""
    syntaxes = b"".join(_item(0x40, syntax.encode()) for syntax in _SYNTAXES)
    context = bytes((_CONTEXT_ID, 0, 0, 0)) + _item(0x30, VERIFICATION.encode()) + syntaxes
    user = (
        _item(0x51, struct.pack(">L", _MOST_BYTES))
        + _item(0x52, IMPLEMENTATION_CLASS_UID.encode())
        + _item(0x55, implementation_version_name().encode())
    )
    titles = b"".join(
        title.encode("ascii", errors="replace").ljust(16) for title in (peer.ae_title, peer.calling_title)
    )
    return (
        struct.pack(">HH", 1, 0)
        + titles
        + bytes(32)
        + _item(0x10, _APPLICATION_CONTEXT.encode())
        + _item(0x20, context)
        + _item(0x50, user)
    )


def _is_context_accepted(body: bytes) -> bool:
    """Returns whether A-ASSOCIATE-AC accepts our one presentation context (PS3.8 §9.3.3)."""
    place = _FIRST_ITEM
    while place < len(body):
        kind, _, length = _ITEM.unpack_from(body, place)
        place += _ITEM.size
        if kind == _RESULT_ITEM and body[place] == _CONTEXT_ID:
            return body[place + 2] == 0
        place += length
    return False


def _command() -> bytes:
    """Presentation data value with C-ECHO-RQ (PS3.7 Table 9.3-12)."""
    body = b"".join(
        (
            _element(0x0002, VERIFICATION.encode() + b"\0"),
            _element(0x0100, struct.pack("<H", _C_ECHO_RQ)),
            _element(0x0110, struct.pack("<H", _MESSAGE_ID)),
            _element(0x0800, struct.pack("<H", _NO_DATA_SET)),
        )
    )
    command = _element(0x0000, struct.pack("<L", len(body))) + body
    return struct.pack(">LBB", len(command) + 2, _CONTEXT_ID, 0x03) + command


def _status(connection: socket.socket, peer: Peer) -> int:
    """Status of the response, which may come in pieces; ValueError where something else comes."""
    command, is_last = bytearray(), False
    while not is_last:
        kind, body = _received(connection, peer)
        if kind != _P_DATA:
            raise ValueError(f"PDU {kind}")
        place = 0
        while place < len(body):
            length, _, header = struct.unpack_from(">LBB", body, place)
            if not header & 0x01 or length < 2:
                raise ValueError("no command")
            command += body[place + 6 : place + 4 + length]
            is_last, place = bool(header & 0x02), place + 4 + length
        if len(command) > _MOST_BYTES:
            raise ValueError("a command without end")
    place = 0
    while place < len(command):
        _, element, length = _ELEMENT.unpack_from(command, place)
        place += _ELEMENT.size
        if element == 0x0900:
            (status,) = struct.unpack_from("<H", command, place)
            return int(status)
        place += length
    raise ValueError("no status")


def _received(connection: socket.socket, peer: Peer) -> tuple[int, bytes]:
    """One PDU: its type and content, within the time for an answer."""
    end_s = time.monotonic() + peer.timeout_s
    kind, _, length = _PDU.unpack(_exactly(connection, _PDU.size, end_s=end_s))
    if length > _MOST_BYTES:
        raise ValueError("a PDU that is longer than any answer")
    return int(kind), _exactly(connection, length, end_s=end_s)


def _exactly(connection: socket.socket, size: int, *, end_s: float) -> bytes:
    content = bytearray()
    while len(content) < size:
        connection.settimeout(max(0.001, end_s - time.monotonic()))
        piece = connection.recv(size - len(content))
        if not piece:
            raise EOFError("the peer closed the connection")
        content += piece
    return bytes(content)


def _pdu(kind: int, content: bytes) -> bytes:
    return _PDU.pack(kind, 0, len(content)) + content


def _item(kind: int, content: bytes) -> bytes:
    return _ITEM.pack(kind, 0, len(content)) + content


def _element(element: int, value: bytes) -> bytes:
    return _ELEMENT.pack(0, element, len(value)) + value
