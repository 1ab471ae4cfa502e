"""Bytes of images and results in the shared home, wherever they lie: in its database, or in an object store.

Each object is written once, under a key that nobody else ever uses: what it is, and eight random digits. Keys that
follow from the content alone were rejected: one host could find the bytes there and record them while another, which
removes the study or sweeps, deletes them.

In the database, bytes come and go in the transaction of their row, so there is never one without the other. In an
object store they are written before the row and deleted after it; what a crash leaves without a row is swept later.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from mmap import mmap
from pathlib import Path
from typing import LiteralString, Protocol

import sqlalchemy as sa

from appliance.state.database import Database
from appliance.state.inbox import Swept
from appliance.state.tables import PIECES
from models.errors import RDeepNetError

Parts = Sequence[bytes | memoryview | mmap]

_KEYS_AT_ONCE = 500
_FETCH_BYTES = 16 << 20  # with one question: a study of 150 MB takes ten, and not one for each image
PIECE_BYTES = 64 << 20  # a bytea may have 1 GB at most, and is held in memory twice while it is sent


class BytesMissing(RDeepNetError):
    """Bytes that a row names are not there."""


class StoredBytes(Protocol):
    """Bytes under keys; every method may be called from any thread.

    Attributes
    ----------
    is_outside : they lie outside of the database
    """

    @property
    def is_outside(self) -> bool: ...

    def put(self, key: str, parts: Parts) -> None:
        """Writes an object durably, before the transaction that records it, where it lies outside of the database.

        Raises
        ------
        DatabaseUnavailable
            When the place does not answer now.
        """

    def put_with(self, connection: sa.Connection, key: str, parts: Parts) -> None:
        """Writes an object in the transaction that records it, where it lies in the database."""

    def fetch(self, files: Mapping[str, Path]) -> None:
        """Writes objects into files, by their keys.

        Raises
        ------
        BytesMissing
            When one is not there.
        DatabaseUnavailable
            When the place does not answer now.
        OSError
            When a file cannot be written.
        """

    def drop_with(self, connection: sa.Connection, keys: Sequence[str]) -> None:
        """Deletes objects in the transaction that deletes their rows, where they lie in the database."""

    def drop(self, keys: Sequence[str]) -> None:
        """Deletes objects after that transaction, where they lie outside; what cannot be deleted now is swept later."""

    def sweep(self, now: datetime) -> Swept:
        """Deletes objects that no row names, older than a day at `now`.

        Raises
        ------
        DatabaseUnavailable
            When the place does not answer now.
        """


class DatabaseBytes:
    """Bytes in the table `pieces`, as `StoredBytes`."""

    is_outside = False

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, key: str, parts: Parts) -> None:
        """Nothing: they are written with their row."""

    def put_with(self, connection: sa.Connection, key: str, parts: Parts) -> None:
        """Writes an object in the transaction that records it."""
        for number, piece in enumerate(pieces(parts, PIECE_BYTES)):
            connection.execute(_PUT, {"key": key, "number": number, "bytes": piece})

    def fetch(self, files: Mapping[str, Path]) -> None:
        """Writes objects into files, by their keys; raises as `StoredBytes` does."""
        keys = list(files)
        with self._database.driver() as connection, connection.cursor(binary=True) as cursor:
            for start in range(0, len(keys), _KEYS_AT_ONCE):
                asked = keys[start : start + _KEYS_AT_ONCE]
                lengths = cursor.execute(_LENGTHS, {"keys": asked}).fetchall()
                if absent := set(asked) - {key for key, _, _ in lengths}:
                    raise missing(min(absent))
                for batch in _batches(lengths):
                    found = cursor.execute(_GET, {"keys": [key for key, _ in batch], "numbers": [n for _, n in batch]})
                    for key, piece in found:
                        with files[key].open("ab") as stream:
                            stream.write(piece)

    def drop_with(self, connection: sa.Connection, keys: Sequence[str]) -> None:
        """Deletes objects in the transaction that deletes their rows."""
        connection.execute(sa.delete(PIECES).where(PIECES.c.key.in_(keys)))

    def drop(self, keys: Sequence[str]) -> None:
        """Nothing: they were deleted with their rows."""

    def sweep(self, now: datetime) -> Swept:
        """Nothing: there are no bytes without their row."""
        return Swept()


def _batches(lengths: Sequence[tuple[str, int, int]]) -> Iterator[list[tuple[str, int]]]:
    """Pieces that are fetched with one question, in order; `lengths` with the bytes of each."""
    batch: list[tuple[str, int]] = []
    held = 0
    for key, number, length in lengths:
        if batch and held + length > _FETCH_BYTES:
            yield batch
            batch, held = [], 0
        batch.append((key, number))
        held += length
    if batch:
        yield batch


def new_key(name: str) -> str:
    """A key that nobody else uses for an object of some name."""
    return f"{name}.{secrets.token_hex(4)}"


def missing(key: str) -> BytesMissing:
    """The error of an object that is not there."""
    return BytesMissing(
        f"The bytes of {key} are not in the shared home, although it lists them; expected that nobody but rdeepnet "
        "deletes there: look at rules that expire objects, and send the study again."
    )


def pieces(parts: Parts, size: int) -> Iterator[bytes]:
    """The parts joined and cut into pieces of a size; one empty piece of nothing."""
    held = bytearray()
    is_first = True
    for part in parts:
        view = memoryview(part)
        start = 0
        while start < len(view):
            taken = view[start : start + size - len(held)]
            held += taken
            start += len(taken)
            if len(held) == size:
                yield bytes(held)
                held.clear()
                is_first = False
        view.release()
    if held or is_first:
        yield bytes(held)


_PUT = sa.insert(PIECES)
# By the driver, which gets bytes as they are; SQLAlchemy gets them as hexadecimal text.
_LENGTHS: LiteralString = """
    SELECT key, number, octet_length(bytes) FROM pieces WHERE key = ANY(%(keys)s) ORDER BY key, number
"""
_GET: LiteralString = """
    SELECT key, bytes FROM pieces JOIN unnest(%(keys)s::text[], %(numbers)s::integer[]) AS wanted (key, number)
    USING (key, number) ORDER BY key, number
"""
