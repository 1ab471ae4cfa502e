"""Holding of arriving objects: memory and disk that one peer can take are bounded.

The library collects a whole data set in memory before it hands it on. Here an ordinary image stays in memory; what is
larger goes on to a file without a name on the disk of the inbox, which a crash leaves nothing of; and of an object that
is not kept only the beginning is held, the rest is read from the peer and dropped. An object of more bytes than any
study needs ends its association. The memory for the images of an association is used again for each of them: half a
megabyte that is new costs the system more than copying it does.

The library's own remedy, a temporary file for every object (STORE_RECV_CHUNKED_DATASET), was rejected: it is a switch
of the whole process, and writes every image twice.
"""

from __future__ import annotations

import errno
import mmap
import tempfile
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pynetdicom.association import Association
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.pdu_primitives import P_DATA

from dicom_io.network.accepted_classes import BEGINNING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

IN_MEMORY = 4 * 1024**2  # bytes of one object; a 1024 x 1024 image of 16 bits takes half of it


class ArrivingObject(BytesIO):
    """Takes what the peer sends of one data set, up to a limit.

    Parameters
    ----------
    most_bytes : longer data sets are not held
    exceeded : called once when the data set is longer
    """

    def __init__(self, *, most_bytes: int, exceeded: Callable[[], None]) -> None:
        super().__init__()
        self._most_bytes = most_bytes
        self._exceeded = exceeded
        self._arrived = 0

    def write(self, content: ReadableBuffer, /) -> int:
        """Holds what is to be held of it; returns the length of all of it."""
        content = memoryview(content)
        was_within = self._arrived <= self._most_bytes
        self._arrived += len(content)
        if self._arrived <= self._most_bytes:
            self.hold(content)
        elif was_within:
            self._exceeded()
        return len(content)

    def hold(self, content: memoryview) -> None:
        """Holds more of the data set."""
        super().write(content)

    def content(self) -> bytes | memoryview | mmap.mmap:
        """Held content, as bytes or as a map of the file with them; of memory that is used again, until `close`.

        Raises
        ------
        OSError
            When the disk was full or failed while it arrived, or it is to be held whole and is too long.
        """
        return self.getvalue()


class Beginning(ArrivingObject):
    """Holds the first `BEGINNING` bytes."""

    def hold(self, content: memoryview) -> None:
        """Holds what there is room for."""
        room = BEGINNING - self.tell()
        if room > 0:
            super().hold(content[:room])


class Memory:
    """Memory of one association for the object that is arriving; it grows to `IN_MEMORY`, and serves one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: bytearray | None = bytearray()

    def lend(self) -> bytearray:
        """The memory; new one where it is lent already, since a peer may send more before its object is stored."""
        with self._lock:
            memory, self._free = self._free, None
        return bytearray() if memory is None else memory

    def give_back(self, memory: bytearray) -> None:
        """Takes back what was lent."""
        with self._lock:
            self._free = memory


class WholeObject(ArrivingObject):
    """Holds everything: the first `IN_MEMORY` bytes in memory, a longer data set in a file without a name.

    Parameters
    ----------
    folder : on the disk that has room for it; None for the system's folder of temporary files
    memory : of its association
    """

    def __init__(self, folder: Path | None, *, memory: Memory, most_bytes: int, exceeded: Callable[[], None]) -> None:
        super().__init__(most_bytes=most_bytes, exceeded=exceeded)
        self._folder = folder
        self._memory = memory
        self._held = memory.lend()
        self._length = 0  # of what is in memory
        self._view: memoryview | None = None
        self._file: BinaryIO | None = None
        self._error: OSError | None = None

    def hold(self, content: memoryview) -> None:
        """Holds it in memory or in the file; a disk that fails is reported with the whole data set."""
        if self._error is not None:
            return
        end = self._length + len(content)
        if self._file is None and end <= IN_MEMORY:
            if end > len(self._held):
                self._held.extend(bytes(max(end, min(2 * end, IN_MEMORY)) - len(self._held)))
            self._held[self._length : end] = content
            self._length = end
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (closed with this object)
                with memoryview(self._held) as held:
                    self._file.write(held[: self._length])
            self._file.write(content)
        except OSError as error:
            self._error = error
            self._close_file()

    def content(self) -> bytes | memoryview | mmap.mmap:
        """Content that arrived; see `ArrivingObject.content`."""
        if self._error is not None:
            raise self._error
        if self._arrived > self._most_bytes:
            raise OSError(errno.EFBIG, "longer than allowed")
        if self._file is None:
            self._view = memoryview(self._held)[: self._length].toreadonly()
            return self._view
        self._file.flush()
        return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def close(self) -> None:
        """Drops it; a map of the file stays usable."""
        self._close_file()
        if not self.closed:
            if self._view is not None:
                self._view.release()
            self._memory.give_back(self._held)
        super().close()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def arriving_object(
    *, is_kept: bool, folder: Path | None, memory: Memory, most_bytes: int, exceeded: Callable[[], None]
) -> ArrivingObject:
    """A new object: held whole where it `is_kept`, else its beginning. The rest is as for `WholeObject`."""
    if is_kept:
        return WholeObject(folder, memory=memory, most_bytes=most_bytes, exceeded=exceeded)
    return Beginning(most_bytes=most_bytes, exceeded=exceeded)


def hold_arriving_objects(association: Association, new_object: Callable[[int], ArrivingObject]) -> None:
    """From now on, what arrives on an association is held as this module says.

    Parameters
    ----------
    association : before anything has arrived on it
    new_object : gives the `arriving_object` for the ID of a presentation context
    """
    dimse = association.dimse
    receive = dimse.receive_primitive

    def receive_bounded(primitive: P_DATA) -> None:
        if dimse.message is None:
            dimse.message = DIMSEMessage()
            dimse.message.data_set = new_object(primitive.presentation_data_value_list[0][0])
        receive(primitive)

    dimse.receive_primitive = receive_bounded  # type: ignore[method-assign]
