"""WADO-RS: a study or one series of it, from a DICOMweb server into a folder; all of it or nothing.

The files are written as the server sends them, one piece at a time. An answer counts as whole when its closing boundary
came and it holds as many instances as the server had listed before (QIDO-RS): a connection that ends early looks like
the end of the answer, and libraries take it for that.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dicom_io.errors import BodyNotReadable, NotReadable, PeerRefused, PeerUnavailable
from dicom_io.network.accepted_classes import INPUT_CLASSES
from dicom_io.network.dicomweb.multipart import DICOM, RELATED, MultipartReader, boundary_of, kind_of
from dicom_io.network.dicomweb.search import listed
from dicom_io.network.dicomweb.web_peer import Answer, WebPeer, judge_status
from dicom_io.network.file_meta import file_meta
from dicom_io.network.instance_header import arrived_header, is_uid
from models.errors import NotWritable, SetupError
from models.files import PART, make_output_folder
from models.number_words import counted

BEGINNING = 1024**2  # bytes of a file that its header is read from
MOST_OBJECT_BYTES = 2 * 1024**3
_CHUNK = 256 * 1024
_PAGE = 1000  # instances that are listed at a time, where they are listed
_ACCEPT = f'{RELATED}; type="{DICOM}"; transfer-syntax=*'


@dataclass(frozen=True)
class Fetched:
    """Files of a study, by SOP Instance UID; `size` in bytes.

    Attributes
    ----------
    inputs : those that a study is read from: images and outlines, and none that this product made
    """

    files: tuple[Path, ...]
    size: int
    inputs: tuple[Path, ...] = ()


def fetch_study(
    peer: WebPeer,
    study_uid: str,
    folder: Path,
    *,
    series_uid: str = "",
    most_object_bytes: int = MOST_OBJECT_BYTES,
) -> Fetched:
    """Fetches a study, or one series of it, into a folder; files of the same instances there are replaced.

    Parameters
    ----------
    folder : made where it does not exist (0700); each instance becomes `<SOP Instance UID>.dcm` (0600)
    series_uid : "" for all series
    most_object_bytes : a longer instance is not taken

    Raises
    ------
    PeerUnavailable
        When the server does not answer, or its answer was cut off or lacks instances: nothing new is in the folder.
    PeerRejected, PeerRefused
        When it answers with something else; nothing new is in the folder.
    SetupError
        When the UIDs are none.
    NotWritable
        When the folder cannot be written.
    """
    for uid in (study_uid, *([series_uid] if series_uid else [])):
        if not is_uid(uid):
            raise SetupError("A UID that was asked for is none; expected digits and dots, at most 64.")
    expected = listed_instances(peer, study_uid, series_uid=series_uid)
    what = "series" if series_uid else "study"
    if not expected:
        raise PeerRefused(f"{peer} lists no instance of this {what}; expected it there: check the UID and the server.")
    make_output_folder(folder)
    part = _part_folder(folder)
    try:
        arriving = _ArrivingFiles(part, study_uid=study_uid, series_uid=series_uid, most_bytes=most_object_bytes)
        _read(peer, _path(study_uid, series_uid), arriving)
        if len(arriving.sizes) != expected:
            sent = counted(len(arriving.sizes), "instance")
            raise PeerUnavailable(
                f"{peer} sent {sent} of this {what} and lists {expected}; expected as many. It may still be receiving "
                "them: repeat later."
            )
        for uid in arriving.sizes:
            (part / f"{uid}.dcm").rename(folder / f"{uid}.dcm")
    except OSError as error:
        raise NotWritable(
            f"{folder} cannot be written ({error.strerror}); name a place that this user may write to and that has "
            "space.",
            because=error,
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    files = tuple(folder / f"{uid}.dcm" for uid in sorted(arriving.sizes))
    inputs = tuple(file for file in files if file.stem in arriving.inputs)
    return Fetched(files, sum(arriving.sizes.values()), inputs)


def listed_instances(peer: WebPeer, study_uid: str, *, series_uid: str = "") -> int:
    """Number of instances of a study, or of one series, that a server lists (QIDO-RS).

    Raises
    ------
    PeerUnavailable, PeerRejected, PeerRefused
        When it does not answer, or not with a list.
    """
    if series_uid:
        query, count = f"/studies/{study_uid}/series?SeriesInstanceUID={series_uid}&includefield=00201209", "00201209"
        matched = ("0020000E", series_uid)
    else:
        query, count = f"/studies?StudyInstanceUID={study_uid}&includefield=00201208", "00201208"
        matched = ("0020000D", study_uid)
    for item in listed(peer, query):
        if _value(item, matched[0]) == matched[1]:
            number = _value(item, count)
            # Numbers of VR IS are numbers in DICOM JSON, and texts in that of some servers.
            if str(number).strip().isdecimal():
                return int(str(number))
    uids: set[str] = set()
    while True:  # a server that does not count lists them
        page = listed(peer, f"{_path(study_uid, series_uid)}/instances?limit={_PAGE}&offset={len(uids)}")
        new = {str(_value(item, "00080018")) for item in page} - uids - {"None"}
        uids |= new
        if len(page) < _PAGE or not new:
            return len(uids)


def _path(study_uid: str, series_uid: str) -> str:
    return f"/studies/{study_uid}" + (f"/series/{series_uid}" if series_uid else "")


def _value(item: Mapping[str, object], tag: str) -> object:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None


def _part_folder(folder: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=".fetch-", suffix=PART, dir=folder))
    except OSError as error:
        raise NotWritable(
            f"The folder {folder} cannot be written to ({error.strerror}); name one that this user may write to.",
            because=error,
        ) from error


def _read(peer: WebPeer, path: str, arriving: _ArrivingFiles) -> None:
    """Reads an answer of WADO-RS to its end."""
    with peer.called("GET", path, accept=_ACCEPT) as answer:
        judge_status(answer, peer, what="WADO-RS")
        try:
            _require_plain(answer)
            reader = MultipartReader(
                boundary_of(answer.headers.get("Content-Type", "")),
                begin=arriving.begin,
                write=arriving.write,
                end=arriving.end,
            )
            for chunk in answer.stream(_CHUNK, decode_content=False):
                reader.feed(chunk)
            reader.close()
        except BodyNotReadable as error:
            raise PeerUnavailable(f"The answer of {peer} to WADO-RS cannot be used: {error} Repeat it.") from error
        finally:
            arriving.close()


def _require_plain(answer: Answer) -> None:
    coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise BodyNotReadable(f"It is encoded ({coding[:20]}); expected it as it is, as the request said.")


class _ArrivingFiles:
    """Writes the parts of an answer to files.

    Attributes
    ----------
    sizes : SOP Instance UID → bytes of its file
    inputs : SOP Instance UIDs of those that a study is read from
    """

    def __init__(self, folder: Path, *, study_uid: str, series_uid: str, most_bytes: int) -> None:
        self.sizes: dict[str, int] = {}
        self.inputs: set[str] = set()
        self._folder = folder
        self._study_uid, self._series_uid = study_uid, series_uid
        self._most_bytes = most_bytes
        self._file: BinaryIO | None = None
        self._beginning = bytearray()
        self._size = 0

    def begin(self, headers: Mapping[str, str]) -> None:
        """A part begins."""
        kind = kind_of(headers.get("content-type", DICOM))
        if kind != DICOM:
            raise BodyNotReadable(f"A part is {kind[:60]}; expected {DICOM}.")
        handle = os.open(self._folder / "arriving", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(handle, "wb", buffering=0)
        self._beginning.clear()
        self._size = 0

    def write(self, piece: bytes) -> None:
        """More of it."""
        assert self._file is not None, "the reader begins a part first"
        self._size += len(piece)
        if self._size > self._most_bytes:
            raise BodyNotReadable(f"An instance takes more than {self._most_bytes // 1024**2} MiB; expected less.")
        if len(self._beginning) < BEGINNING:
            self._beginning += piece[: BEGINNING - len(self._beginning)]
        left = memoryview(piece)
        while left:
            left = left[self._file.write(left) :]

    def end(self) -> None:
        """It is whole: its bytes are on the disk before it has its name."""
        assert self._file is not None, "the reader begins a part first"
        os.fsync(self._file.fileno())
        self.close()
        content = bytes(self._beginning)
        try:
            meta = file_meta(content)
            header = arrived_header(content[meta.dataset_start :], meta.transfer_syntax_uid, is_whole=False)
        except NotReadable as error:
            raise BodyNotReadable(f"A part is no instance: {error}") from error
        is_asked = header.study_instance_uid == self._study_uid and self._series_uid in ("", header.series_instance_uid)
        if not is_asked or not is_uid(header.sop_instance_uid):
            raise BodyNotReadable(
                "A part is an instance of another study or series, or has no usable SOP Instance UID."
            )
        (self._folder / "arriving").rename(self._folder / f"{header.sop_instance_uid}.dcm")
        self.sizes[header.sop_instance_uid] = self._size
        if header.sop_class_uid in INPUT_CLASSES and not header.is_ours:
            self.inputs.add(header.sop_instance_uid)

    def close(self) -> None:
        """Lets go of what is open."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None
