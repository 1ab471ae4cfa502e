"""Instances on their way from the door of STOW-RS to the receiver: one file each, safe on disk before the answer.

    bytes 0 to 65,535   what the receiver must know besides (JSON), padded
    then                the data set as it was sent

The data set begins where a map of a file may begin, so that a large one is never held in memory. File meta information
is not kept: the receiver writes its own, as for C-STORE.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from dicom_io.errors import NotReadable

SUFFIX = ".instance"
DATASET_START = 65536  # a multiple of every page size


@dataclass(frozen=True)
class Spooled:
    """Facts about an instance besides its data set.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid, transfer_syntax_uid : of its file meta information
    sender, address : who sent it: name of its token, and where it called from
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    sender: str
    address: str


def write_spooled(handle: int, spooled: Spooled) -> None:
    """Writes the beginning of a file whose data set is there, and syncs it.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    beginning = json.dumps(asdict(spooled)).encode()
    assert len(beginning) < DATASET_START, "UIDs and names have limits"
    if os.pwrite(handle, beginning.ljust(DATASET_START), 0) != DATASET_START:
        raise OSError(0, "the file could not be written whole")
    os.fsync(handle)


@contextmanager
def read_spooled(path: Path) -> Iterator[tuple[Spooled, mmap.mmap]]:
    """An instance and a map of its data set, while the block runs.

    Raises
    ------
    NotReadable
        When the file is not one that `write_spooled` ended.
    OSError
        When it cannot be read.
    """
    with path.open("rb") as file:
        try:
            spooled = Spooled(**json.loads(file.read(DATASET_START)))
            dataset = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ, offset=DATASET_START)
        except (TypeError, UnicodeDecodeError, ValueError) as error:
            raise NotReadable("A file of the spool cannot be read; one that was written whole was expected.") from error
        yield spooled, dataset  # it is closed with its last use, which may be a view of it
