"""Header of an instance that is not as most are, as pydicom reads it: big endian, out of order, incomplete, damaged."""

from __future__ import annotations

import struct
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
from dicom_io.network.header_fields import (
    MANUFACTURER_TAG,
    READ_TAGS,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    ArrivedHeader,
    Bytes,
)

_TAGS: list[BaseTag | int] = list(READ_TAGS)
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
)


def odd_header(dataset: Bytes, transfer_syntax_uid: str) -> ArrivedHeader:
    """Header of any data set, as the library reads it; raises `NotReadable`."""
    try:
        transfer_syntax = UID(transfer_syntax_uid)
        elements = read_dataset(
            dataset if isinstance(dataset, mmap) else BytesIO(dataset),  # type: ignore[arg-type]
            is_implicit_VR=transfer_syntax.is_implicit_VR,
            is_little_endian=transfer_syntax.is_little_endian,
            stop_when=lambda tag, _vr, _length: int(tag) > SERIES_INSTANCE_UID,
            specific_tags=_TAGS,
        )
        return ArrivedHeader(
            sop_class_uid=_text(elements, SOP_CLASS_UID),
            sop_instance_uid=_text(elements, SOP_INSTANCE_UID),
            study_instance_uid=_text(elements, STUDY_INSTANCE_UID),
            series_instance_uid=_text(elements, SERIES_INSTANCE_UID),
            is_ours=_text(elements, MANUFACTURER_TAG) == MANUFACTURER and is_ours(elements),
        )
    except _UNREADABLE as error:
        kind = type(error).__name__
        raise NotReadable(f"The data set cannot be read ({kind}); a DICOM data set was expected.") from error


def _text(elements: Dataset, tag: int) -> str:
    """A value without its padding; not through pydicom's conversion, which warns with the value in its text."""
    element = elements.get_item(tag)
    value = element.value if isinstance(element, RawDataElement) else None
    return value.rstrip(b"\0 ").decode("ascii", errors="replace") if isinstance(value, bytes) else ""
