"""Comparison of two data sets under one SOP Instance UID, however each file happens to be written.

A copy from a CD and one from the archive differ in file meta information (who wrote it), preamble, and often in the
transfer syntax: explicit or implicit VR, compressed or not. The data set is the object, so elements are compared and
not bytes of files, and of pixels that are encoded differently the decoded values.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.datadict import dictionary_description, dictionary_has_tag
from pydicom.dataelem import RawDataElement
from pydicom.pixels.utils import iter_pixels
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from dicom_io.images.decoders import DECODERS

_TRAILING_PADDING = 0xFFFCFFFC
_PIXEL_DATA, _LOSSY = Tag("PixelData"), Tag("LossyImageCompression")
# What a writer that compresses without loss may add: it tells of the encoding and not of the image.
_OF_ENCODING = frozenset(
    Tag(keyword) for keyword in ("DerivationDescription", "ExtendedOffsetTable", "ExtendedOffsetTableLengths")
)


def are_encoded_alike(one: pydicom.Dataset, other: pydicom.Dataset) -> bool:
    """Returns whether the pixels of two data sets are written in one way: both uncompressed, or compressed alike."""
    first, second = (dataset.file_meta.get("TransferSyntaxUID") for dataset in (one, other))
    return first == second or not any(syntax is not None and syntax.is_encapsulated for syntax in (first, second))


def differences(one: pydicom.FileDataset, other: pydicom.FileDataset) -> tuple[str, ...]:
    """Names of the attributes in which two data sets differ; none when they are one object.

    Pixels that are encoded differently are decoded; what pydicom raises for damaged ones is the caller's.
    """
    are_alike = are_encoded_alike(one, other)
    left_out = frozenset() if are_alike else _OF_ENCODING
    found = []
    for tag in sorted({*_tags(one), *_tags(other)} - left_out):
        if tag == _LOSSY and not are_alike:
            is_same = {str(dataset.get("LossyImageCompression", "") or "00") for dataset in (one, other)} == {"00"}
        elif tag not in one or tag not in other:
            is_same = False
        else:
            is_same = _is_same(one, other, tag) or (tag == _PIXEL_DATA and not are_alike and _are_equal(one, other))
        if not is_same:
            found.append(_name(tag))
    return tuple(found)


def _are_equal(one: pydicom.Dataset, other: pydicom.Dataset) -> bool:
    """Returns whether the decoded values are equal, in the bits that hold them."""
    frames = zip(*(_decoded(dataset) for dataset in (one, other)), strict=True)
    return all(
        first.shape == second.shape and bool(np.array_equal(_used_bits(first, one), _used_bits(second, one)))
        for first, second in frames
    )


def _decoded(dataset: pydicom.Dataset) -> Iterator[NDArray[np.generic]]:
    plugin = DECODERS.get(UID(dataset.file_meta.TransferSyntaxUID), "")
    return iter_pixels(dataset, correct_unused_bits=False, decoding_plugin=plugin)


def _used_bits(samples: NDArray[np.generic], header: pydicom.Dataset) -> NDArray[np.generic]:
    allocated = samples.dtype.itemsize * 8
    stored = int(header.get("BitsStored", allocated))
    lowest = int(header.get("HighBit", stored - 1)) + 1 - stored
    bits = samples.astype(f"u{samples.dtype.itemsize}")
    return bits & bits.dtype.type(((1 << stored) - 1) << lowest)


def _name(tag: BaseTag) -> str:
    return dictionary_description(tag) if dictionary_has_tag(tag) else f"the private element {tag}"


def _is_same_item(one: pydicom.Dataset, other: pydicom.Dataset) -> bool:
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
        return len(mine) == len(yours) and all(_is_same_item(a, b) for a, b in zip(mine, yours, strict=True))
    if tag.is_private and isinstance(mine, Sequence) != isinstance(yours, Sequence):
        return True  # implicit VR does not say that a private element is a sequence
    return bool(mine == yours)
