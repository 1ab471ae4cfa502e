"""Header of an instance before it is stored: its identity, read from the bytes as received."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from mmap import mmap

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from dicom_io.errors import NotReadable
from dicom_io.identity import MANUFACTURER, is_ours
from dicom_io.network.storage_classes import DEFLATED_SYNTAXES

_SOP_CLASS_UID, _SOP_INSTANCE_UID = 0x00080016, 0x00080018
_MANUFACTURER, _MODEL_NAME = 0x00080070, 0x00081090
_STUDY_INSTANCE_UID, _SERIES_INSTANCE_UID = 0x0020000D, 0x0020000E
_READ_TAGS: list[BaseTag | int] = [
    _SOP_CLASS_UID,
    _SOP_INSTANCE_UID,
    _MANUFACTURER,
    _MODEL_NAME,
    _STUDY_INSTANCE_UID,
    _SERIES_INSTANCE_UID,
]
# What pydicom raises on bytes that are not a data set.
_UNREADABLE = (
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
# Value representations with a length of two bytes in Explicit VR, and of four after two reserved ones (PS3.5 §7.1.2)
_SHORT_LENGTHS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG_LENGTHS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT_HEADER = struct.Struct("<HH2sH")
_LENGTH = struct.Struct("<L")
_MOST_INFLATED = 16 * 1024**2


@dataclass(frozen=True)
class ArrivedHeader:
    """Identity of an instance, as the receiver needs it."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    is_ours: bool


def arrived_header(dataset: bytes | memoryview | mmap, transfer_syntax: UID, *, is_whole: bool = True) -> ArrivedHeader:
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
    header = _simple_header(dataset, transfer_syntax) or _any_header(dataset, transfer_syntax, is_whole=is_whole)
    if not is_uid(header.study_instance_uid):
        raise NotReadable("The data set has no usable Study Instance UID; digits and dots, at most 64, were expected.")
    return header


def _any_header(dataset: bytes | memoryview | mmap, transfer_syntax: UID, *, is_whole: bool) -> ArrivedHeader:
    """Header of any data set, as the library reads it; raises `NotReadable`."""
    try:
        content = _inflated(dataset, is_whole=is_whole) if transfer_syntax in DEFLATED_SYNTAXES else dataset
        elements = read_dataset(
            content if isinstance(content, mmap) else BytesIO(content),  # type: ignore[arg-type]
            is_implicit_VR=transfer_syntax.is_implicit_VR,
            is_little_endian=transfer_syntax.is_little_endian,
            stop_when=lambda tag, _vr, _length: int(tag) > _SERIES_INSTANCE_UID,
            specific_tags=_READ_TAGS,
        )
        return ArrivedHeader(
            sop_class_uid=_text(elements, _SOP_CLASS_UID),
            sop_instance_uid=_text(elements, _SOP_INSTANCE_UID),
            study_instance_uid=_text(elements, _STUDY_INSTANCE_UID),
            series_instance_uid=_text(elements, _SERIES_INSTANCE_UID),
            is_ours=_text(elements, _MANUFACTURER) == MANUFACTURER and is_ours(elements),
        )
    except _UNREADABLE as error:
        kind = type(error).__name__
        raise NotReadable(f"The data set cannot be read ({kind}); a DICOM data set was expected.") from error


def _simple_header(dataset: bytes | memoryview | mmap, transfer_syntax: UID) -> ArrivedHeader | None:
    """Header of an image as most are, in a quarter of the library's time.

    None for what is left to the library: sequences of undefined length before the header ends, deflated or big endian
    data sets, an order that is not ascending, a UID that is missing, and what this product may have made.
    """
    if transfer_syntax in DEFLATED_SYNTAXES or not transfer_syntax.is_little_endian:
        return None
    is_implicit = transfer_syntax.is_implicit_VR  # the library looks it up every time
    values: dict[int, str] = {}
    place, before, size = 0, 0, len(dataset)
    while place + 12 <= size:
        group, element, representation, length = _SHORT_HEADER.unpack_from(dataset, place)
        tag = group << 16 | element
        if tag > _SERIES_INSTANCE_UID:
            break
        if tag <= before:
            return None
        if is_implicit or representation in _LONG_LENGTHS:
            place += 4 if is_implicit else 8
            (length,) = _LENGTH.unpack_from(dataset, place)
            place += 4
        elif representation in _SHORT_LENGTHS:
            place += 8
        else:
            return None
        if length > size - place:  # undefined ones, too
            return None
        if tag in _READ_TAGS:
            values[tag] = bytes(dataset[place : place + length]).rstrip(b"\0 ").decode("ascii", errors="replace")
        place, before = place + length, tag
    uids = (_SOP_CLASS_UID, _SOP_INSTANCE_UID, _STUDY_INSTANCE_UID, _SERIES_INSTANCE_UID)
    if not all(values.get(tag) for tag in uids) or values.get(_MANUFACTURER) == MANUFACTURER:
        return None
    return ArrivedHeader(
        sop_class_uid=values[_SOP_CLASS_UID],
        sop_instance_uid=values[_SOP_INSTANCE_UID],
        study_instance_uid=values[_STUDY_INSTANCE_UID],
        series_instance_uid=values[_SERIES_INSTANCE_UID],
        is_ours=False,
    )


def _text(elements: Dataset, tag: int) -> str:
    """A value without its padding; not through pydicom's conversion, which warns with the value in its text."""
    element = elements.get_item(tag)
    value = element.value if isinstance(element, RawDataElement) else None
    return value.rstrip(b"\0 ").decode("ascii", errors="replace") if isinstance(value, bytes) else ""


def is_uid(text: str) -> bool:
    """Returns whether a text can be a UID (PS3.5 §9.1): digits and dots, at most 64, beginning with a digit.

    Leading zeros in a component are allowed, since real systems make them. Such a text is safe as a file name.
    """
    return re.fullmatch(r"[0-9][0-9.]{0,63}", text) is not None


def _inflated(dataset: bytes | memoryview | mmap, *, is_whole: bool) -> bytes:
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
