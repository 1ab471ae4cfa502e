"""The short way of a C-STORE: read, stored and answered in the thread that reads the connection.

pynetdicom hands each message over queues between two threads of an association that look for work every millisecond,
and builds and validates every response as a data set: with a store that does nothing it spends more time than ours
takes to make an image safe. Here the bytes of a C-STORE-RQ are answered where they are read. Everything else (TLS,
negotiation, C-ECHO, reports, release, abort, commands in several fragments) stays the library's, and so does C-STORE
when its version is not the one this was tested with.

The bounds of `bounded_transport` and `arriving_objects` hold here as there. While a C-STORE comes after a C-STORE the
library's other thread of the association rests; it goes on after `REST_S` without one, or with the next other message.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import pynetdicom
from pydicom.uid import UID
from pynetdicom.association import Association

from dicom_io.network.arriving_objects import ArrivingObject
from dicom_io.network.bounded_transport import BoundedSocket
from dicom_io.network.command_set import StoreRequest, store_request, store_response

TESTED_VERSION = "3.0.4"
REST_S = 0.2

_VALUE_HEADER = struct.Struct(">LBB")  # length, context, message control header (PS3.8 §9.3.5.1 and annex E.2)
_IS_COMMAND, _IS_LAST = 0x01, 0x02
_CAN_TRANSFER = "Sta6"  # PS3.8 §9.2: association established, ready for data transfer


@dataclass(frozen=True)
class Context:
    """An accepted presentation context."""

    abstract_syntax: str
    transfer_syntax: UID


@dataclass
class _Message:
    """A C-STORE that is arriving."""

    request: StoreRequest
    context_id: int
    dataset: ArrivingObject


class StoreLane:
    """The lane of one association; its methods run in the thread that reads the connection.

    Parameters
    ----------
    association : accepted, before anything has arrived on it
    store : gives the status of a C-STORE: its request, its context, and the data set
    new_object : gives the `arriving_object` for the ID of a presentation context
    """

    def __init__(
        self,
        association: Association,
        store: Callable[[StoreRequest, Context, ArrivingObject], int],
        new_object: Callable[[int], ArrivingObject],
    ) -> None:
        self._association = association
        self._dul: Any = association.dul
        self._store = store
        self._new_object = new_object
        self._contexts: dict[int, Context] = {}
        self._message: _Message | None = None
        self._rests = False  # the library's other thread
        self._read_by_library: Callable[[], None] = self._dul._read_pdu_data
        association.dul._read_pdu_data = self._read  # type: ignore[method-assign]

    def _comes_soon(self) -> bool:
        """Wait for the peer while there is nothing else to do; returns whether something came."""
        if not self._dul.to_provider_queue.empty() or self._dul._kill_thread:
            return False
        transport = self._dul.socket
        return not isinstance(transport, BoundedSocket) or transport.is_readable(within_s=REST_S)

    def _read(self) -> None:
        """In place of the library's reading of one PDU: every C-STORE that comes, each with its response."""
        transport = self._dul.socket
        if not isinstance(transport, BoundedSocket) or self._dul.state_machine.current_state != _CAN_TRANSFER:
            self._wake()
            self._read_by_library()
            return
        try:
            while (values := self._own_values(transport)) is not None:
                self._take(values[1])
                transport.taken(values[0])
                # The library would sleep a millisecond before it looks again.
                if self._message is None and not self._comes_soon():
                    self._wake()
                    return
        except OSError:
            self._message = None
            self._wake()
            self._dul.event_queue.put("Evt17")  # as the library does when a connection fails

    def _own_values(self, transport: BoundedSocket) -> tuple[memoryview, memoryview] | None:
        """The values of a PDU that belongs to a C-STORE, and those of them that are not its command.

        None when the library has been given the PDU, or the connection was closed.
        """
        values = transport.data() if self._association.dimse.message is None else None
        if values is not None:
            command_bytes = 0 if self._message is not None else self._begin(values)
            if self._message is not None:
                self._rest()
                return values, values[command_bytes:]
        self._message = None
        self._wake()
        self._read_by_library()
        return None

    def _begin(self, content: memoryview) -> int:
        """Note the C-STORE whose whole command a PDU begins with; returns the length of its value, 0 for another."""
        if len(content) < _VALUE_HEADER.size:
            return 0
        length, context_id, control = _VALUE_HEADER.unpack_from(content)
        end = 4 + length
        if control & 3 != _IS_COMMAND | _IS_LAST or end > len(content):
            return 0
        request = store_request(bytes(content[_VALUE_HEADER.size : end]))
        if request is None or self._context(context_id) is None:
            return 0
        self._message = _Message(request, context_id, self._new_object(context_id))
        return int(end)

    def _take(self, values: memoryview) -> None:
        """Hold the values of one PDU; answer when they end a message.

        Raises
        ------
        OSError
            When they are no part of the message that is arriving; the connection was ended.
        """
        place = 0
        while place < len(values):
            message = self._message
            if message is None or len(values) - place < _VALUE_HEADER.size:
                self._break_off("a message did not end where its PDU did")
            length, context_id, control = _VALUE_HEADER.unpack_from(values, place)
            end = place + 4 + length
            if length < 2 or end > len(values) or context_id != message.context_id or control & _IS_COMMAND:
                self._break_off("the parts of a message did not belong together")
            message.dataset.write(values[place + _VALUE_HEADER.size : end])
            if control & _IS_LAST:
                self._answer(message)
            place = end

    def _break_off(self, why: str) -> NoReturn:
        self._dul.socket.end(why)
        raise ConnectionAbortedError(why)

    def _answer(self, message: _Message) -> None:
        self._message = None
        context = self._context(message.context_id)
        assert context is not None, "checked when it began"
        try:
            status = self._store(message.request, context, message.dataset)
        finally:
            message.dataset.close()
        self._dul.socket.send(store_response(message.request, context_id=message.context_id, status=status))
        self._dul._idle_timer.restart()

    def _context(self, context_id: int) -> Context | None:
        if not self._contexts:
            for accepted in self._association.accepted_contexts:
                if accepted.context_id is not None and accepted.as_scp:
                    syntax = UID(accepted.transfer_syntax[0])
                    self._contexts[accepted.context_id] = Context(str(accepted.abstract_syntax), syntax)
        return self._contexts.get(context_id)

    def _rest(self) -> None:
        if not self._rests and not self._association._kill:
            self._rests = True
            self._association._reactor_checkpoint.clear()

    def _wake(self) -> None:
        self._rests = False
        self._association._reactor_checkpoint.set()


def is_tested() -> bool:
    """Returns whether the library is of the version whose insides the lane knows."""
    return str(pynetdicom.__version__) == TESTED_VERSION
