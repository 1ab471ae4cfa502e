"""Bodies of multipart/related (RFC 2046 §5.1, RFC 2387), read as they arrive and written from files.

Decision: our own 100 lines, not `email`, which holds a whole body in memory and decodes it, nor python-multipart, which
reads the forms of browsers: a preamble or a part without headers is an error there. The same reader takes what peers
send to us and what they answer. A body without its closing boundary is never taken as whole: a connection that is cut
between two chunks looks like the end.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from email.message import Message
from enum import Enum, auto
from pathlib import Path

from dicom_io.errors import BodyNotReadable

RELATED = "multipart/related"
DICOM = "application/dicom"
MOST_HEADER_BYTES = 16 * 1024  # of one part; a content type and a location take two hundred
MOST_PREAMBLE_BYTES = 64 * 1024  # before the first boundary; nobody writes any

_CHUNK = 256 * 1024
_LONGEST_BOUNDARY = 256  # RFC 2046 §5.1.1 allows 70, and Orthanc sends 73


class _State(Enum):
    """Place in the body."""

    PREAMBLE = auto()  # before the first boundary
    BOUNDARY = auto()  # right behind a boundary: another part follows, or nothing
    HEADERS = auto()  # of a part
    CONTENT = auto()  # of a part
    EPILOGUE = auto()  # behind the closing boundary


class MultipartReader:
    """Reads a body chunk by chunk; holds no more of it than a boundary or the headers of one part.

    Parameters
    ----------
    boundary : as `boundary_of` returns it
    begin : called with the headers of each part, names in small letters
    write : called with its content, piece by piece
    end : called when the content is whole
    """

    def __init__(
        self,
        boundary: bytes,
        *,
        begin: Callable[[Mapping[str, str]], None],
        write: Callable[[bytes], None],
        end: Callable[[], None],
    ) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._begin, self._write, self._end = begin, write, end
        self._state = _State.PREAMBLE
        # The first boundary may be at the very beginning; so the line break before a boundary is supplied.
        self._held = bytearray(b"\r\n")
        self._supplied = 2  # bytes at the beginning of `_held` that are no content

    @property
    def is_complete(self) -> bool:
        """Returns whether the closing boundary has been read."""
        return self._state is _State.EPILOGUE

    def feed(self, chunk: bytes) -> None:
        """Reads more of the body.

        Raises
        ------
        BodyNotReadable
            When it is no multipart body, or a limit is exceeded.
        """
        if self._state is _State.EPILOGUE:
            return
        self._held += chunk
        while self._step():
            pass

    def close(self) -> None:
        """Ends the body.

        Raises
        ------
        BodyNotReadable
            When its closing boundary has not been read.
        """
        if not self.is_complete:
            raise BodyNotReadable("The multipart body ends before its closing boundary; it was cut off on its way.")

    def _step(self) -> bool:
        """Reads on as far as one state reaches; returns whether the next may find more."""
        if self._state is _State.CONTENT:
            return self._content()
        if self._state is _State.PREAMBLE:
            return self._preamble()
        if self._state is _State.BOUNDARY:
            return self._boundary()
        return self._state is _State.HEADERS and self._headers()

    def _preamble(self) -> bool:
        place = self._held.find(self._delimiter)
        if place < 0:
            if len(self._held) > MOST_PREAMBLE_BYTES:
                raise BodyNotReadable(
                    f"The body has no boundary in its first {MOST_PREAMBLE_BYTES // 1024} KiB; expected the one that "
                    "its content type names."
                )
            return False
        self._drop(place + len(self._delimiter), _State.BOUNDARY)
        return True

    def _boundary(self) -> bool:
        """Reads on behind a boundary: two hyphens close the body, a line break begins a part."""
        if len(self._held) < 2:
            return False
        if self._held.startswith(b"--"):
            self._drop(len(self._held), _State.EPILOGUE)
            return False
        line = self._held.find(b"\r\n")
        if self._held[: max(line, 0) if line >= 0 else None].strip(b" \t\r"):
            raise BodyNotReadable("A boundary is followed by other text; expected a line break or two hyphens.")
        if line < 0:
            self._limit("A boundary is followed by")
            return False
        self._drop(line + 2, _State.HEADERS)
        return True

    def _headers(self) -> bool:
        if self._held.startswith(b"\r\n"):
            block, length = b"", 0
        else:
            length = self._held.find(b"\r\n\r\n")
            if length < 0 or length > MOST_HEADER_BYTES:
                self._limit("The headers of a part take")
                return False
            block = bytes(self._held[:length])
            length += 2
        headers = _headers(block)
        # The line break before the content stays: where there is no content it belongs to the boundary.
        self._drop(length, _State.CONTENT)
        self._supplied = 2
        self._begin(headers)
        return True

    def _content(self) -> bool:
        place = self._held.find(self._delimiter)
        safe = place if place >= 0 else len(self._held) - len(self._delimiter) + 1
        if safe > self._supplied:
            self._write(bytes(self._held[self._supplied : safe]))
            del self._held[:safe]
            self._supplied = 0
            place = 0 if place >= 0 else place
        if place < 0:
            return False
        self._drop(place + len(self._delimiter), _State.BOUNDARY)
        self._end()
        return True

    def _limit(self, what: str) -> None:
        if len(self._held) > MOST_HEADER_BYTES:
            raise BodyNotReadable(f"{what} more than {MOST_HEADER_BYTES // 1024} KiB; expected less.")

    def _drop(self, length: int, state: _State) -> None:
        del self._held[:length]
        self._state = state


def _headers(block: bytes) -> Mapping[str, str]:
    """Headers of a part: name in small letters → value; the first of a name counts."""
    headers: dict[str, str] = {}
    for line in block.decode("latin-1").replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n"):
        if not line:
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise BodyNotReadable("A part has a line in its headers that is none; expected 'name: value'.")
        headers.setdefault(name.strip().lower(), value.strip())
    return headers


def kind_of(content_type: str) -> str:
    """Media type of a content type, in small letters, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def parameter_of(content_type: str, name: str) -> str:
    """A parameter of a content type; empty where it is not there."""
    value = _message(content_type).get_param(name, "")
    return value if isinstance(value, str) else ""


def _message(content_type: str) -> Message:
    message = Message()
    message["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    return message


def boundary_of(content_type: str) -> bytes:
    """Boundary of a multipart/related content type.

    Raises
    ------
    BodyNotReadable
        When it is of another type, or names no usable boundary.
    """
    if kind_of(content_type) != RELATED:
        raise BodyNotReadable(f"The body is {kind_of(content_type)[:60] or 'of no type'}; expected {RELATED}.")
    boundary = _message(content_type).get_boundary() or ""
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii() or not boundary.isprintable():
        raise BodyNotReadable(f"The content type names no boundary of 1 to {_LONGEST_BOUNDARY} characters.")
    return boundary.encode("ascii")


class MultipartFiles:
    """A body of DICOM files, read from disk as it is sent; its length is known before.

    Attributes
    ----------
    content_type, length : for the headers of the request
    """

    def __init__(self, files: Sequence[Path]) -> None:
        boundary = secrets.token_hex(16)
        self._files = tuple(files)
        self._head = f"\r\n--{boundary}\r\nContent-Type: {DICOM}\r\n\r\n".encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._sizes = tuple(file.stat().st_size for file in self._files)
        self.content_type = f'{RELATED}; type="{DICOM}"; boundary={boundary}'
        self.length = sum(len(self._head) + size for size in self._sizes) + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        """Pieces of the body.

        Raises
        ------
        OSError
            When a file cannot be read, or has changed its length.
        """
        for file, size in zip(self._files, self._sizes, strict=True):
            yield self._head
            yield from _pieces(file, size)
        yield self._tail


def _pieces(file: Path, size: int) -> Iterable[bytes]:
    with file.open("rb") as stream:
        left = size
        while left:
            piece = stream.read(min(_CHUNK, left))
            if not piece:
                raise OSError(0, "it became shorter while it was sent", str(file))
            left -= len(piece)
            yield piece
