"""Command sets of C-STORE and the file meta information, by their bytes: what the library spends most of its time on.

Command sets are Implicit VR Little Endian (PS3.7 §6.3.1), file meta information is Explicit VR Little Endian (PS3.10
§7.1). Only what a C-STORE of an image has is understood; everything else is the library's.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from dicom_io.implementation import IMPLEMENTATION_CLASS_UID, implementation_version_name

_ELEMENT = struct.Struct("<HHL")
_SHORT = struct.Struct("<H")
_C_STORE_RQ, _C_STORE_RSP = 0x0001, 0x8001
_NO_DATA_SET = 0x0101
FILE_BEGINNING = 144  # bytes: preamble, prefix, and the length of the file meta information
# Elements of group 0000
_CLASS, _FIELD, _MESSAGE_ID, _RESPONDED_TO = 0x0002, 0x0100, 0x0110, 0x0120
_DATA_SET_TYPE, _STATUS, _INSTANCE = 0x0800, 0x0900, 0x1000
_MOVE_ORIGINATOR, _MOVE_MESSAGE_ID = 0x1030, 0x1031


@dataclass(frozen=True)
class StoreRequest:
    """A C-STORE-RQ (PS3.7 Table 9.3-1), as far as an answer needs it.

    Attributes
    ----------
    move_originator, move_message_id : AE title and Message ID of the C-MOVE that it is part of; "" and 0 where none is
    """

    message_id: int
    sop_class_uid: str
    sop_instance_uid: str
    move_originator: str = ""
    move_message_id: int = 0


def store_request(command: bytes) -> StoreRequest | None:
    """The request in a whole command set; None when it is another message, or not as a C-STORE must be."""
    elements: dict[int, bytes] = {}
    place = 0
    while place + _ELEMENT.size <= len(command):
        group, element, length = _ELEMENT.unpack_from(command, place)
        place += _ELEMENT.size
        if group != 0 or length > len(command) - place:
            return None
        elements[element] = command[place : place + length]
        place += length
    try:
        if place != len(command) or _number(elements[_FIELD]) != _C_STORE_RQ:
            return None
        if _number(elements[_DATA_SET_TYPE]) == _NO_DATA_SET:
            return None
        request = StoreRequest(
            _number(elements[_MESSAGE_ID]),
            _uid(elements[_CLASS]),
            _uid(elements[_INSTANCE]),
            move_originator=_uid(elements.get(_MOVE_ORIGINATOR, b"")).strip(),
            move_message_id=_number(elements.get(_MOVE_MESSAGE_ID) or b"\0\0"),
        )
    except (KeyError, UnicodeDecodeError, struct.error):
        return None
    return request if request.sop_class_uid and request.sop_instance_uid else None


def store_response(request: StoreRequest, *, context_id: int, status: int) -> bytes:
    """P-DATA-TF PDU with the C-STORE-RSP (PS3.7 Table 9.3-2, PS3.8 §9.3.5)."""
    body = b"".join(
        (
            _element(_CLASS, _padded(request.sop_class_uid)),
            _element(_FIELD, _SHORT.pack(_C_STORE_RSP)),
            _element(_RESPONDED_TO, _SHORT.pack(request.message_id)),
            _element(_DATA_SET_TYPE, _SHORT.pack(_NO_DATA_SET)),
            _element(_STATUS, _SHORT.pack(status)),
            _element(_INSTANCE, _padded(request.sop_instance_uid)),
        )
    )
    command = _element(0x0000, struct.pack("<L", len(body))) + body
    # Presentation data value: its length, context, and the header of a last fragment of a command
    value = struct.pack(">LBB", len(command) + 2, context_id, 0x03) + command
    return struct.pack(">BBL", 0x04, 0, len(value)) + value


def file_beginning(*, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, sender: str = "") -> bytes:
    """Preamble, prefix and file meta information of an instance received here; `sender` is the calling AE title."""
    elements = (
        b"\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01"
        + _meta(0x0002, b"UI", _padded(sop_class_uid))
        + _meta(0x0003, b"UI", _padded(sop_instance_uid))
        + _meta(0x0010, b"UI", _padded(transfer_syntax_uid))
        + _meta(0x0012, b"UI", _padded(IMPLEMENTATION_CLASS_UID))
        + _meta(0x0013, b"SH", _padded(implementation_version_name(), with_=b" "))
        + (_meta(0x0017, b"AE", _padded(sender, with_=b" ")) if sender else b"")
    )
    return b"\x00" * 128 + b"DICM" + _meta(0x0000, b"UL", struct.pack("<L", len(elements))) + elements


def dataset_start(beginning: bytes) -> int:
    """Place of the data set in a file that begins as `file_beginning` does; 0 where it begins otherwise."""
    group_length = _meta(0x0000, b"UL", b"")[:6]  # up to the length of its value
    if len(beginning) < FILE_BEGINNING or beginning[128:138] != b"DICM" + group_length:
        return 0
    (length,) = struct.unpack_from("<L", beginning, FILE_BEGINNING - 4)
    return FILE_BEGINNING + int(length)


def _element(element: int, value: bytes) -> bytes:
    return _ELEMENT.pack(0, element, len(value)) + value


def _meta(element: int, representation: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", 0x0002, element, representation, len(value)) + value


def _number(value: bytes) -> int:
    (number,) = _SHORT.unpack(value)
    return int(number)


def _uid(value: bytes) -> str:
    return value.rstrip(b"\0 ").decode("ascii")


def _padded(text: str, *, with_: bytes = b"\0") -> bytes:
    value = text.encode("ascii", errors="replace")
    return value + with_ if len(value) % 2 else value
