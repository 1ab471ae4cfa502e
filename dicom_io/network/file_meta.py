"""File meta information (PS3.10 §7.1) of a file that somebody else wrote: what it is, and where its data set begins."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from mmap import mmap

from dicom_io.errors import NotReadable
from dicom_io.network.instance_header import is_uid

_PREFIX, _PREFIX_END = b"DICM", 132
_GROUP = 0x0002
_CLASS, _INSTANCE, _SYNTAX = 0x0002, 0x0003, 0x0010
_SHORT_HEADER = struct.Struct("<HH2sH")
_LENGTH = struct.Struct("<L")
_LONG = (b"OB", b"OW", b"UN", b"UT", b"UC", b"UR", b"SQ", b"OD", b"OF", b"OL", b"OV", b"SV", b"UV")


@dataclass(frozen=True)
class FileMeta:
    """Content of the file meta information.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid : "" where they are not there
    dataset_start : place of the data set in the file
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    dataset_start: int


def file_meta(file: bytes | memoryview | mmap) -> FileMeta:
    """Reads the file meta information at the beginning of a file.

    Raises
    ------
    NotReadable
        When it is no DICOM file, or names no transfer syntax.
    """
    if len(file) < _PREFIX_END or bytes(file[128:_PREFIX_END]) != _PREFIX:
        raise NotReadable("The bytes are no DICOM file; a preamble and DICM were expected at the beginning.")
    values: dict[int, str] = {}
    place, size = _PREFIX_END, len(file)
    while place + _SHORT_HEADER.size <= size:
        group, element, representation, length = _SHORT_HEADER.unpack_from(file, place)
        if group != _GROUP:
            break
        place += _SHORT_HEADER.size
        if representation in _LONG:
            if place + _LENGTH.size > size:
                raise _cut_off()
            (length,) = _LENGTH.unpack_from(file, place)
            place += _LENGTH.size
        if length > size - place:
            raise _cut_off()
        if element in (_CLASS, _INSTANCE, _SYNTAX):
            values[element] = bytes(file[place : place + length]).rstrip(b"\0 ").decode("ascii", errors="replace")
        place += length
    syntax = values.get(_SYNTAX, "")
    if not is_uid(syntax):
        raise NotReadable("The file meta information names no transfer syntax; a UID was expected.")
    return FileMeta(values.get(_CLASS, ""), values.get(_INSTANCE, ""), syntax, place)


def _cut_off() -> NotReadable:
    return NotReadable("The file meta information is cut off; a whole DICOM file was expected.")
