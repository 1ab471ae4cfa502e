"""Comparison of two data sets under one SOP Instance UID, however each file happens to be written.

A copy from a CD and one from the archive differ in file meta information (who wrote it), preamble, and often in the
transfer syntax (explicit or implicit VR); the data set is the object. So elements are compared, not bytes of files.
"""

from __future__ import annotations

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

_TRAILING_PADDING = 0xFFFCFFFC


def is_same_object(one: pydicom.Dataset, other: pydicom.Dataset) -> bool:
    """Returns whether two data sets hold the same elements with the same values; pixels must be encoded alike."""
    tags = _tags(one)
    return tags == _tags(other) and all(_is_same(one, other, tag) for tag in tags)


def _tags(dataset: pydicom.Dataset) -> list[BaseTag]:
    """Tags that carry content: no group lengths, no padding at the end."""
    return [tag for tag in sorted(dataset.keys()) if tag.element != 0 and tag != _TRAILING_PADDING]


def _is_same(one: pydicom.Dataset, other: pydicom.Dataset, tag: BaseTag) -> bool:
    first: object = one.get_item(tag)  # raw, as long as nobody has asked for its value
    second: object = other.get_item(tag)
    if isinstance(first, RawDataElement) and isinstance(second, RawDataElement):
        if (first.value or b"").rstrip(b"\0 ") == (second.value or b"").rstrip(b"\0 "):
            return True
        if first.is_implicit_VR == second.is_implicit_VR and first.VR != "SQ":
            return False
    mine, yours = one[tag].value, other[tag].value
    if isinstance(mine, Sequence) and isinstance(yours, Sequence):
        return len(mine) == len(yours) and all(is_same_object(a, b) for a, b in zip(mine, yours, strict=True))
    if tag.is_private and isinstance(mine, Sequence) != isinstance(yours, Sequence):
        return True  # implicit VR does not say that a private element is a sequence
    return bool(mine == yours)
