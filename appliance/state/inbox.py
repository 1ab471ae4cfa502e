"""The inbox: what the receiver answered Success for, and what a study is answered from.

It has two homes: a folder for each study beside the receiver (`inbox_folder`), and tables that several receivers and
workers share (`inbox_shared`). An instance never changes in either: one that comes again with the same bytes is known
already; with other bytes under the same SOP Instance UID (a PACS that corrected the patient's name keeps the UID) it
becomes the next version, and the newest version counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import cached_property
from mmap import mmap
from pathlib import Path
from typing import Protocol


class Kept(Enum):
    """Result of storing an instance."""

    NEW = auto()  # first instance with its UID
    KNOWN = auto()  # the same bytes were there already: nothing changed
    NEWER_VERSION = auto()  # other bytes under a known UID: they count from now on


@dataclass(frozen=True, order=True)
class StoredInstance:
    """One version of an instance.

    Attributes
    ----------
    instance, content : hashes of the SOP Instance UID and of the data set, 32 hexadecimal digits each
    version : from 0
    """

    instance: str
    version: int
    content: str

    @property
    def file_name(self) -> str:
        """Name of its file, in an inbox or in a scratch folder."""
        return f"{self.instance}.{self.version:04d}.{self.content}.dcm"


@dataclass(frozen=True)
class Swept:
    """Objects that nothing named, found and deleted."""

    objects: int = 0
    size: int = 0  # bytes


@dataclass(frozen=True)
class Content:
    """Content of a study at one moment.

    Attributes
    ----------
    instances : newest version of every instance, sorted
    """

    instances: tuple[StoredInstance, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over instances and their contents, 64 hexadecimal digits; the order of arrival plays no role."""
        text = "".join(f"{one.instance} {one.content}\n" for one in self.instances)
        return hashlib.sha256(text.encode()).hexdigest()

    def of(self, instance_uids: Iterable[str]) -> tuple[StoredInstance, ...]:
        """Those of some instances that the study has."""
        wanted = {short_hash(uid.encode()) for uid in instance_uids}
        return tuple(one for one in self.instances if one.instance in wanted)


class InboxReader(Protocol):
    """The instances for a process that keeps none; every method may be called from any thread."""

    def studies(self) -> tuple[str, ...]:
        """Study Instance UIDs of everything in the inbox."""

    def counts(self) -> Mapping[str, int]:
        """Study Instance UID → instances."""

    def content(self, study_uid: str) -> Content:
        """Present content of the study; empty for an unknown study."""

    def fetched(self, study_uid: str, instances: Sequence[StoredInstance]) -> AbstractContextManager[tuple[Path, ...]]:
        """Files of some instances of a study, in their order, on this machine while the block runs; only to read."""


class Inbox(InboxReader, Protocol):
    """The instances for the receiver and for retention."""

    def keep(self, study_uid: str, *, instance_uid: str, meta: bytes, dataset: bytes | memoryview | mmap) -> Kept:
        """Keeps one instance; when this returns, it survives a power cut.

        Parameters
        ----------
        study_uid : Study Instance UID: digits and dots
        meta, dataset : together the DICOM file; the content is told apart by `dataset` only

        Raises
        ------
        OSError
            When the disk is full or fails; nothing was kept.
        CannotKeepNow
            When the shared home does not answer; nothing was kept, or, if the connection broke at its very end, the
            instance: who sends it again is told that it is known.
        """

    def remove(self, study_uid: str) -> None:
        """Deletes the instances of a study."""

    def sweep(self, now: datetime) -> Swept:
        """Deletes bytes of the home, older than a day at `now`, that nothing names: a crash left them."""


def short_hash(content: bytes | memoryview | mmap) -> str:
    """128 bits of SHA-256 in hexadecimal digits: short enough for a name, and never twice by chance."""
    return hashlib.sha256(content).hexdigest()[:32]


def newest(instances: Iterable[StoredInstance]) -> Content:
    """Content of a study by all versions of its instances."""
    latest: dict[str, StoredInstance] = {}
    for one in sorted(instances):
        latest[one.instance] = one
    return Content(tuple(latest.values()))
