"""The server side of connections, bounded: no peer holds more of the receiver than its share, or for longer.

pynetdicom 3.0 gives an accepted connection no time-out, believes every length a peer writes, and counts a connection
that has not even asked for an association as one. So half a message holds a place indefinitely, and one request can
claim 4 GB. Its server takes another request handler, and its association another socket: nothing of it is replaced but
the reads.
"""

from __future__ import annotations

import select
import socket
import ssl
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

from models.number_words import counted

MAXIMUM_PDU = 131072  # one image of 0.5 MB in four PDUs; the library's 16382 costs a third more CPU time

_REQUEST, _DATA = 0x01, 0x04  # PDU types A-ASSOCIATE-RQ and P-DATA-TF (PS3.8 §9.3.1)
_PDU_TYPES = range(0x01, 0x08)
_HEADER_BYTES = 6
# Some peers count the header of the PDU or of its values into what we offer.
_PDU_TOLERANCE = 64
# Room for a whole P-DATA-TF PDU and as much again of what follows it
_AHEAD_BYTES = 2 * (_HEADER_BYTES + MAXIMUM_PDU + _PDU_TOLERANCE)
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
    """Reads whole PDUs, each before a deadline and up to a length; a peer that exceeds one gets an A-ABORT.

    It reads ahead: one call of the system takes what has arrived, so that PDUs of 16 KB cost hardly more than large
    ones. The deadline of a plain connection is kept by the system (SO_RCVTIMEO); a time-out of Python's would cost two
    more calls for every read.
    """

    def __init__(
        self, association: Association, connection: socket.socket, *, bounds: Bounds, ended: Callable[[str], None]
    ) -> None:
        super().__init__(association, client_socket=connection)
        self._bounds = bounds
        self._ended = ended
        self._deadline_s: float | None = None  # of the PDU that is arriving
        self._body_follows = False
        self._ahead = bytearray(_AHEAD_BYTES)  # what was read of the connection and not taken yet
        self._begin = self._end = 0  # of it
        self._is_secured = isinstance(connection, ssl.SSLSocket)
        self._is_ended = False  # by us
        self._patience_s = 0.0  # as the system, or Python, knows it
        self.idle_s = bounds.request_s  # until the association is established
        if not self._is_secured:
            connection.settimeout(None)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(bounds.idle_s))

    @property
    def ready(self) -> bool:
        """Returns whether something of the peer's can be read without waiting."""
        return self._is_ahead or super().ready

    @property
    def _is_ahead(self) -> bool:
        return self._end > self._begin and not self._is_ended

    def is_readable(self, *, within_s: float) -> bool:
        """Returns whether something can be read within a time; also when the connection has ended."""
        connection = self.socket
        if connection is None or self._is_ahead:
            return True
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            return True
        try:
            return bool(select.select([connection], [], [], within_s)[0])
        except (OSError, ValueError):  # closed meanwhile
            return True

    def recv(self, nr_bytes: int) -> bytearray:
        """All the bytes of a header or of a body; fewer when the peer closed the connection.

        Raises
        ------
        OSError
            When the connection failed, or was ended here because the peer exceeded a bound.
        """
        is_header = not self._body_follows
        self._body_follows = False
        content = bytearray(nr_bytes)
        arrived = min(nr_bytes, self._end - self._begin) if self._is_ahead else 0
        content[:arrived] = self._ahead[self._begin : self._begin + arrived]
        self._begin += arrived
        while arrived < nr_bytes:
            if not (read := self._read_into(memoryview(content)[arrived:])):
                break
            arrived += read
        if is_header and arrived == _HEADER_BYTES:
            kind, _, length = struct.unpack(">BBL", content)
            self._check_length(kind, length)
            self._body_follows = kind in _PDU_TYPES
        if not self._body_follows:
            self._deadline_s = None
        return content[:arrived]

    def data(self) -> memoryview | None:
        """Values of the P-DATA-TF PDU that comes next, until the next read; `taken` takes it.

        None when another PDU comes, or the connection was closed: `recv` has what arrived.

        Raises
        ------
        OSError
            As `recv` does.
        """
        if self._is_ended or not self._arrived(_HEADER_BYTES):
            return None
        kind, _, length = struct.unpack_from(">BBL", self._ahead, self._begin)
        if kind != _DATA:
            return None
        self._check_length(kind, length)
        whole = _HEADER_BYTES + length
        return self._view(_HEADER_BYTES, whole) if self._arrived(whole) else None

    def taken(self, values: memoryview) -> None:
        """Takes the PDU with the values of `data`."""
        self._begin += _HEADER_BYTES + len(values)
        self._deadline_s = None

    def send(self, bytestream: bytes) -> None:
        """Sends; a peer that does not read is not waited for indefinitely either."""
        if self._is_secured:
            self._wait_at_most(self._bounds.idle_s)
        super().send(bytestream)

    def end(self, why: str) -> None:
        """Ends the connection with an A-ABORT; may be called from any thread. What was read ahead is dropped."""
        self._is_ended = True
        self._ended(why)
        connection = self.socket
        if connection is not None:
            with suppress(OSError):
                connection.settimeout(1.0)
                connection.sendall(_ABORT)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _view(self, begin: int, end: int) -> memoryview:
        return memoryview(self._ahead)[self._begin + begin : self._begin + end]

    def _arrived(self, nr_bytes: int) -> bool:
        """Read ahead until so many bytes are there; returns whether they are."""
        if self._begin == self._end:
            self._begin = self._end = 0
        elif self._begin + nr_bytes > len(self._ahead):
            rest = self._ahead[self._begin : self._end]
            self._ahead[: len(rest)] = rest
            self._begin, self._end = 0, len(rest)
        while self._end - self._begin < nr_bytes:
            if not (read := self._read_into(memoryview(self._ahead)[self._end :])):
                return False
            self._end += read
        return True

    def _read_into(self, room: memoryview) -> int:
        """Read what arrives before the deadline, at least a byte; returns 0 when the peer closed the connection."""
        if self._is_ended:
            return 0
        now_s = time.monotonic()
        if self._deadline_s is None:
            self._deadline_s = now_s + self.idle_s
        try:
            if self._deadline_s <= now_s:
                raise TimeoutError
            self._wait_at_most(self._deadline_s - now_s)
            return cast(socket.socket, self.socket).recv_into(room)
        except (TimeoutError, BlockingIOError) as error:
            self.end(f"a message was not complete within {self.idle_s:g} s")
            raise TimeoutError("not complete in time") from error

    def _wait_at_most(self, seconds: float) -> None:
        """Have the next read, or write of a secured connection, wait no longer, within a twentieth of `idle_s`."""
        if abs(seconds - self._patience_s) <= self.idle_s / 20:
            return
        connection = cast(socket.socket, self.socket)
        if self._is_secured:
            connection.settimeout(seconds)
        else:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(seconds))
        self._patience_s = seconds

    def _check_length(self, kind: int, length: int) -> None:
        most = MAXIMUM_PDU + _PDU_TOLERANCE if kind == _DATA else self._bounds.request_bytes
        if kind in _PDU_TYPES and length > most:
            self.end(f"a message of {counted(length, 'byte')} was announced; at most {most} were expected")
            raise ConnectionAbortedError("longer than allowed")


def _timeval(seconds: float) -> bytes:
    """A time for the system, never 0, which would be no limit."""
    microseconds = max(1000, int(seconds * 1e6))
    return struct.pack("@ll", *divmod(microseconds, 1_000_000))


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

    # With socketserver's 5, peers that call at the same moment find no place in the queue, and call again much later.
    request_queue_size = 128

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
            self.ended(
                address,
                f"{counted(len(open_ones), 'connection is', 'connections are')} open, {open_ones.count(address)} of "
                "this address",
            )
            return False
        for option, value in ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3)):
            request.setsockopt(
                socket.IPPROTO_TCP, option, value
            )  # seconds, seconds, probes: a vanished host is noticed
        request.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return True
