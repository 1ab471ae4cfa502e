"""STOW-RS in: the parts of a request become files of the spool, or failures with the reasons of C-STORE."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path

from dicom_io.errors import NotReadable
from dicom_io.network.acceptance import Accepted, Status, judge
from dicom_io.network.accepted_classes import BEGINNING, INPUT_CLASSES, is_storage
from dicom_io.network.dicomweb.multipart import DICOM, MultipartReader, kind_of
from dicom_io.network.dicomweb.spool import DATASET_START, SUFFIX, Spooled, write_spooled
from dicom_io.network.dicomweb.store_response import Instance, StoreResponse
from dicom_io.network.file_meta import FileMeta, file_meta
from models.files import PART

CLASS_NOT_SUPPORTED = 0x0122  # Failure Reason of PS3.18 Table I.2-1: the class is none that is stored
META_BYTES = 64 * 1024  # preamble and file meta information take four hundred


class StoreRequest:
    """The body of one request, read as it arrives.

    When `feed` has read a part and the folder has been synced, the part is safe. A part that is not taken costs no
    other: it is read to its end and forgotten.

    Parameters
    ----------
    folder : of this request alone
    boundary : as `boundary_of` returns it
    study_uid : of the address that was called; "" for any study
    most_object_bytes : a longer data set is not taken
    sender, address : who sends
    """

    def __init__(
        self, folder: Path, *, boundary: bytes, study_uid: str, most_object_bytes: int, sender: str, address: str
    ) -> None:
        self._folder = folder
        self._study_uid = study_uid
        self._most_bytes = most_object_bytes
        self._sender, self._address = sender, address
        self._reader = MultipartReader(boundary, begin=self._begin, write=self._write, end=self._end)
        self._number = 0
        self._handle = -1  # of the file of a part
        self._stored: dict[str, Instance] = {}
        self._failed: list[Instance] = []
        self._others: list[int] = []
        self._reset()

    @property
    def response(self) -> StoreResponse:
        """Fates of the parts that were read whole."""
        return StoreResponse(tuple(self._stored.values()), tuple(self._failed), tuple(self._others))

    @property
    def stored(self) -> Mapping[str, Instance]:
        """Name of a file in the folder → the instance in it, of those that `response` lists as stored."""
        return self._stored

    def feed(self, chunk: bytes) -> None:
        """Reads more of the body.

        Raises
        ------
        BodyNotReadable
            When it is no multipart body; the parts before are what `response` says.
        """
        self._reader.feed(chunk)

    def close(self) -> None:
        """Ends the body.

        Raises
        ------
        BodyNotReadable
            When it was cut off; the parts before are what `response` says.
        """
        self._reader.close()

    def drop(self) -> None:
        """Lets go of a part that has not come whole."""
        if self._handle >= 0:
            with suppress(OSError):
                os.close(self._handle)
            self._handle = -1
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    @property
    def _part(self) -> Path:
        return self._folder / f"{self._number:06d}{PART}"

    @property
    def _safe(self) -> Path:
        return self._folder / f"{self._number:06d}{SUFFIX}"

    def _reset(self) -> None:
        self._handle = -1
        self._beginning = bytearray()  # until it holds the file meta information
        self._meta: FileMeta | None = None
        self._size = 0  # of the data set, as far as it came
        self._failure = int(Status.SUCCESS)

    def _begin(self, headers: Mapping[str, str]) -> None:
        self._number += 1
        self._reset()
        if kind_of(headers.get("content-type", DICOM)) != DICOM:
            self._failure = int(Status.CANNOT_UNDERSTAND)

    def _write(self, piece: bytes) -> None:
        if self._failure:
            return
        if self._meta is not None:
            self._hold(piece)
            return
        self._beginning += piece
        if len(self._beginning) >= META_BYTES:
            self._read_meta()

    def _read_meta(self) -> None:
        """Reads the file meta information, which has come whole, and begins the file."""
        try:
            self._meta = file_meta(bytes(self._beginning))
        except NotReadable:
            self._failure = int(Status.CANNOT_UNDERSTAND)
            return
        if not is_storage(self._meta.sop_class_uid):
            self._failure = CLASS_NOT_SUPPORTED
            return
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._handle = os.open(self._part, flags, 0o600)
            os.lseek(self._handle, DATASET_START, os.SEEK_SET)
        except OSError as error:
            self._failure = _reason(error)
            return
        rest = bytes(self._beginning[self._meta.dataset_start :])
        self._beginning.clear()
        self._hold(rest)

    def _hold(self, piece: bytes) -> None:
        """Writes more of the data set; of what is no input its beginning."""
        assert self._meta is not None, "its beginning was read"
        self._size += len(piece)
        if self._size > self._most_bytes:
            self._failure = int(Status.OUT_OF_RESOURCES)
            return
        if self._meta.sop_class_uid not in INPUT_CLASSES:
            piece = piece[: max(0, BEGINNING - (self._size - len(piece)))]
        try:
            left = memoryview(piece)
            while left:
                left = left[os.write(self._handle, left) :]
        except OSError as error:
            self._failure = _reason(error)

    def _end(self) -> None:
        """A part is whole: it is judged, and safe when it has its name."""
        if self._meta is None and not self._failure:
            self._read_meta()
        accepted = self._judged()
        try:
            if isinstance(accepted, Accepted) and self._meta is not None and not self._failure:
                self._spool(self._meta)
        except OSError as error:
            self._failure = _reason(error)
        self.drop()
        self._note(accepted)

    def _judged(self) -> Accepted | None:
        """Judges it by the rules; a failure is noted. It is looked at even so, since a failure names its instance."""
        if self._meta is None or self._handle < 0:
            return None
        try:
            accepted = judge(
                mmap(self._handle, 0, access=ACCESS_READ, offset=DATASET_START),
                transfer_syntax_uid=self._meta.transfer_syntax_uid,
                sop_class_uid=self._meta.sop_class_uid,
                sop_instance_uid=self._meta.sop_instance_uid,
                context_class_uid=self._meta.sop_class_uid,
            )
        except (OSError, ValueError):  # there is no data set
            accepted = Status.CANNOT_UNDERSTAND
        if isinstance(accepted, Status):
            self._failure = self._failure or int(accepted)
            return None
        if self._study_uid not in ("", accepted.header.study_instance_uid):
            self._failure = self._failure or int(Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS)
        return accepted

    def _spool(self, meta: FileMeta) -> None:
        write_spooled(
            self._handle,
            Spooled(meta.sop_class_uid, meta.sop_instance_uid, meta.transfer_syntax_uid, self._sender, self._address),
        )
        self._part.rename(self._safe)

    def _note(self, accepted: Accepted | None) -> None:
        """Adds a part to the response."""
        if accepted is not None:
            identity = accepted.header.sop_class_uid, accepted.header.sop_instance_uid
        elif self._meta is not None:
            identity = self._meta.sop_class_uid, self._meta.sop_instance_uid
        else:
            identity = "", ""
        if not self._failure:
            self._stored[self._safe.name] = Instance(*identity)
        elif all(identity):
            self._failed.append(Instance(*identity, self._failure))
        else:
            self._others.append(self._failure)


def _reason(error: OSError) -> int:
    """Failure Reason of a disk that is full, or fails, as the receiver of C-STORE answers."""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return int(Status.OUT_OF_RESOURCES if is_full else Status.PROCESSING_FAILURE)
