"""The server side of connections, bounded: no peer holds more of the receiver than its share, or for longer.

pynetdicom 3.0 gives an accepted connection no time-out, believes every length a peer writes, and counts a connection
that has not even asked for an association as one. So half a message holds a place indefinitely, and one request can
claim 4 GB. Its server takes another request handler, and its association another socket: nothing of it is replaced but
the reads.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from socketserver import BaseServer
from typing import Any, cast

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

MAXIMUM_PDU = 131072  # one image of 0.5 MB in four PDUs; the library's 16382 costs a third more CPU time

_REQUEST, _DATA = 0x01, 0x04  # PDU types A-ASSOCIATE-RQ and P-DATA-TF (PS3.8 §9.3.1)
_PDU_TYPES = range(0x01, 0x08)
_HEADER_BYTES = 6
# Some peers count the header of the PDU or of its values into what we offer.
_PDU_TOLERANCE = 64
# A-ABORT by the service provider, reason not specified (PS3.8 §9.3.8)
_ABORT = bytes((0x07, 0, 0, 0, 0, 4, 0, 0, 0x02, 0))


@dataclass(frozen=True)
class Bounds:
    """Limits of what peers may take of the receiver.

    Attributes
    ----------
    associations : open at the same time, of all peers; calls that ask for C-ECHO only have places of their own
    associations_per_address : of them, of one address; several modalities behind one router have one address
    connections : open at the same time, with those that have not asked for an association yet
    request_s : longest wait for the whole request of an association
    idle_s : longest silence on an association, and longest time for one PDU
    request_bytes : largest request of an association; 128 contexts of 20 transfer syntaxes take 80 KB
    object_bytes : largest object; a study of 5 phases of 200 slices in one Enhanced MR object takes 500 MB
    """

    associations: int = 25
    associations_per_address: int = 16
    connections: int = 100
    request_s: float = 10.0
    idle_s: float = 60.0
    request_bytes: int = 256 * 1024
    object_bytes: int = 2 * 1024**3

    @property
    def connections_per_address(self) -> int:
        """Connections of one address: two thirds, so that another peer can always call."""
        return max(1, self.connections * 2 // 3)


class BoundedSocket(AssociationSocket):
    """Reads whole PDUs, each before a deadline and up to a length; a peer that exceeds one gets an A-ABORT."""

    def __init__(
        self, association: Association, connection: socket.socket, *, bounds: Bounds, ended: Callable[[str], None]
    ) -> None:
        super().__init__(association, client_socket=connection)
        self._bounds = bounds
        self._ended = ended
        self._deadline_s = 0.0
        self._body_follows = False
        self._given_back = bytearray()
        self.idle_s = bounds.request_s  # until the association is established

    def recv(self, nr_bytes: int) -> bytearray:
        """All the bytes of a header or of a body; fewer when the peer closed the connection.

        Raises
        ------
        OSError
            When the connection failed, or was ended here because the peer exceeded a bound.
        """
        if self._given_back:
            content, self._given_back = self._given_back[:nr_bytes], self._given_back[nr_bytes:]
            return content
        is_header = not self._body_follows
        self._body_follows = False
        if is_header:
            self._deadline_s = time.monotonic() + self.idle_s
        content = bytearray(nr_bytes)
        arrived = self._read_into(memoryview(content))
        if is_header and arrived == _HEADER_BYTES:
            kind, _, length = struct.unpack(">BBL", content)
            self._check_length(kind, length)
            self._body_follows = kind in _PDU_TYPES
        return content[:arrived]

    def give_back(self, content: bytearray) -> None:
        """Puts a header, or a header and its body, back for the next reader."""
        self._given_back = content

    def end(self, why: str) -> None:
        """Ends the connection with an A-ABORT; may be called from any thread."""
        self._ended(why)
        connection = self.socket
        if connection is not None:
            with suppress(OSError):
                connection.settimeout(1.0)
                connection.sendall(_ABORT)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _read_into(self, content: memoryview) -> int:
        connection = cast(socket.socket, self.socket)
        arrived = 0
        while arrived < len(content):
            remaining_s = self._deadline_s - time.monotonic()
            try:
                if remaining_s <= 0:
                    raise TimeoutError
                connection.settimeout(remaining_s)
                read = connection.recv_into(content[arrived:])
            except TimeoutError:
                self.end(f"a message was not complete within {self.idle_s:g} s")
                raise
            if not read:
                break
            arrived += read
        # An answer to a peer that does not read must not wait indefinitely either.
        with suppress(OSError):
            connection.settimeout(self._bounds.idle_s)
        return arrived

    def _check_length(self, kind: int, length: int) -> None:
        most = MAXIMUM_PDU + _PDU_TOLERANCE if kind == _DATA else self._bounds.request_bytes
        if kind in _PDU_TYPES and length > most:
            self.end(f"a message of {length} bytes was announced; at most {most} were expected")
            raise ConnectionAbortedError("longer than allowed")


class _BoundedHandler(RequestHandler):
    """Gives the association of a connection its bounded socket."""

    server: BoundedServer

    def _create_association(self) -> Association:
        association = super()._create_association()
        address = str(self.client_address[0])
        connection = cast(socket.socket, self.request)
        association.dul.event_queue.get_nowait()  # the library's socket has announced the connection; ours does again
        association.dul.socket = BoundedSocket(
            association, connection, bounds=self.server.bounds, ended=lambda why: self.server.ended(address, why)
        )
        return association


class BoundedServer(ThreadedAssociationServer):
    """Accepts connections, so many of each address.

    Parameters
    ----------
    ended : called with the address of a peer whose connection was ended here, and the reason
    options : of the library's server
    """

    def __init__(self, *arguments: Any, bounds: Bounds, ended: Callable[[str, str], None], **options: Any) -> None:
        self.bounds = bounds
        self.ended = ended
        self._lock = threading.Lock()
        # Closed ones have no file number any more; lost ones drop out by themselves.
        self._connections: weakref.WeakKeyDictionary[socket.socket, str] = weakref.WeakKeyDictionary()
        super().__init__(*arguments, **{**options, "request_handler": _BoundedHandler})

    def shutdown(self) -> None:
        """Stops listening; the library's own method expects to be in a list of its application entity."""
        BaseServer.shutdown(self)
        self.server_close()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Returns whether there is room for one more connection of this address."""
        address = str(client_address[0])
        with self._lock:
            open_ones = [peer for one, peer in self._connections.items() if one.fileno() >= 0]
            has_room = (
                len(open_ones) < self.bounds.connections
                and open_ones.count(address) < self.bounds.connections_per_address
            )
            if has_room:
                self._connections[request] = address
        if not has_room:
            self.ended(address, f"{len(open_ones)} connections are open, {open_ones.count(address)} of this address")
            return False
        for option, value in ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3)):
            request.setsockopt(
                socket.IPPROTO_TCP, option, value
            )  # seconds, seconds, probes: a vanished host is noticed
        request.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return True
