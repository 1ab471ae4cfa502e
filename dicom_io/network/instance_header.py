"""Header of an instance before it is stored: its identity, read from the bytes as received.

Images as they come are read here, by their bytes. What is odd is left to the library, which is loaded only then: it is
most of the memory of a process that needs nothing else of it.
"""

from __future__ import annotations

import re
import struct
import zlib

from dicom_io.errors import NotReadable
from dicom_io.identity import MANUFACTURER, MODEL_NAME
from dicom_io.network.accepted_classes import BIG_ENDIAN_SYNTAX, DEFLATED_SYNTAXES, IMPLICIT_SYNTAX
from dicom_io.network.header_fields import (
    MANUFACTURER_TAG,
    MODEL_NAME_TAG,
    READ_TAGS,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    ArrivedHeader,
    Bytes,
)

# Value representations with a length of two bytes in Explicit VR, and of four after two reserved ones (PS3.5 §7.1.2)
_SHORT_LENGTHS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG_LENGTHS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT_HEADER = struct.Struct("<HH2sH")
_LENGTH = struct.Struct("<L")
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DEEPEST = 16  # sequences in sequences; a private one of a scanner has three
_MOST_INFLATED = 16 * 1024**2


def arrived_header(dataset: Bytes, transfer_syntax_uid: str, *, is_whole: bool = True) -> ArrivedHeader:
    """The few attributes the receiver needs; reading stops before the image, and values stay as they were sent.

    Parameters
    ----------
    dataset : encoded; of a map only the pages with the header are read
    is_whole : False where `dataset` may be only the beginning of a data set

    Raises
    ------
    NotReadable
        When the bytes are not a data set, or have no usable Study Instance UID.
    """
    if transfer_syntax_uid in DEFLATED_SYNTAXES:
        try:
            dataset = _inflated(dataset, is_whole=is_whole)
        except zlib.error as error:
            raise NotReadable("The data set cannot be read (error); a DICOM data set was expected.") from error
    header = _simple_header(dataset, transfer_syntax_uid)
    if header is None:
        from dicom_io.network.odd_header import odd_header  # loads pydicom, for this alone

        header = odd_header(dataset, transfer_syntax_uid)
    if not is_uid(header.study_instance_uid):
        raise NotReadable("The data set has no usable Study Instance UID; digits and dots, at most 64, were expected.")
    return header


def _simple_header(dataset: Bytes, transfer_syntax_uid: str) -> ArrivedHeader | None:
    """Header of an object as most are, in a quarter of the library's time.

    None for what is left to the library: big endian data sets, an order that is not ascending, a UID that is missing,
    and everything that is not as the standard has it.
    """
    if transfer_syntax_uid == BIG_ENDIAN_SYNTAX:
        return None
    is_implicit = transfer_syntax_uid == IMPLICIT_SYNTAX
    values: dict[int, str] = {}
    place, before, size = 0, 0, len(dataset)
    try:
        while place + 12 <= size:
            tag, start, length, is_implicit_inside = _element(dataset, place, is_implicit)
            if tag > SERIES_INSTANCE_UID:
                break
            if tag <= before:
                return None
            if length == _UNDEFINED:
                place = _sequence_end(dataset, start, is_implicit_inside, depth=0)
            elif length > size - start:
                return None
            else:
                place = start + length
                if tag in READ_TAGS:
                    value = bytes(dataset[start:place])
                    values[tag] = value.rstrip(b"\0 ").decode("ascii", errors="replace")
            before = tag
    except (ValueError, struct.error):
        return None
    uids = (SOP_CLASS_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID)
    if not all(values.get(tag) for tag in uids):
        return None
    return ArrivedHeader(
        sop_class_uid=values[SOP_CLASS_UID],
        sop_instance_uid=values[SOP_INSTANCE_UID],
        study_instance_uid=values[STUDY_INSTANCE_UID],
        series_instance_uid=values[SERIES_INSTANCE_UID],
        is_ours=values.get(MANUFACTURER_TAG) == MANUFACTURER and values.get(MODEL_NAME_TAG) == MODEL_NAME,
    )


def _element(dataset: Bytes, place: int, is_implicit: bool) -> tuple[int, int, int, bool]:
    """Tag of the element at a place, where its value starts, its length, and whether what it holds is implicit."""
    group, element, representation, length = _SHORT_HEADER.unpack_from(dataset, place)
    tag = group << 16 | element
    if is_implicit or group == 0xFFFE:
        (length,) = _LENGTH.unpack_from(dataset, place + 4)
        return tag, place + 8, length, is_implicit
    if representation in _SHORT_LENGTHS:
        return tag, place + 8, length, False
    if representation not in _LONG_LENGTHS:
        raise ValueError("no value representation")
    (length,) = _LENGTH.unpack_from(dataset, place + 8)
    if length == _UNDEFINED and representation not in (b"SQ", b"UN"):
        raise ValueError("no sequence, and of undefined length")
    return tag, place + 12, length, representation == b"UN"  # PS3.5 §6.2.2: what is unknown is Implicit VR inside


def _sequence_end(dataset: Bytes, place: int, is_implicit: bool, *, depth: int) -> int:
    """Place behind a sequence of undefined length; ValueError or struct.error where it is none."""
    while True:
        tag, place, length, _ = _element(dataset, place, is_implicit)
        if tag == _SEQUENCE_END and length == 0:
            return place
        if tag != _ITEM or depth > _DEEPEST:
            raise ValueError("no item")
        place = place + length if length != _UNDEFINED else _item_end(dataset, place, is_implicit, depth=depth)


def _item_end(dataset: Bytes, place: int, is_implicit: bool, *, depth: int) -> int:
    """Place behind an item of undefined length."""
    while True:
        tag, place, length, is_implicit_inside = _element(dataset, place, is_implicit)
        if tag == _ITEM_END and length == 0:
            return place
        if tag >> 16 == 0xFFFE:
            raise ValueError("no element")
        if length == _UNDEFINED:
            place = _sequence_end(dataset, place, is_implicit_inside, depth=depth + 1)
        else:
            place += length


def is_uid(text: str) -> bool:
    """Returns whether a text can be a UID (PS3.5 §9.1): digits and dots, at most 64, beginning with a digit.

    Leading zeros in a component are allowed, since real systems make them. Such a text is safe as a file name.
    """
    return re.fullmatch(r"[0-9][0-9.]{0,63}", text) is not None


def _inflated(dataset: Bytes, *, is_whole: bool) -> bytes:
    """The beginning of a deflated data set; no more of it than a header can need, since zeros deflate to a thousandth.

    Raises
    ------
    zlib.error
        When the bytes are damaged, or `is_whole` and they end before the data set does.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    content = inflater.decompress(dataset, _MOST_INFLATED)
    if is_whole and len(content) < _MOST_INFLATED and not inflater.eof:
        raise zlib.error("incomplete deflated data set")
    return content
