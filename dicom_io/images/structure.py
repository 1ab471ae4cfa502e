"""The structure of a data set, counted in its bytes before the library makes objects of it.

A nested item takes eight bytes in a file and a thousand times the memory and time as an object, so items, elements,
depth and points are counted first, and counting ends where a limit is passed. Values are skipped. Nothing is refused
here for being damaged: the walk ends there, and the library says what is wrong.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from pydicom.datadict import dictionary_VR, keyword_dict
from pydicom.uid import ExplicitVRBigEndian

from dicom_io.errors import NotReadable
from dicom_io.images.limits import META_BEGINS, Limits

_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_ENDS, _SEQUENCE_ENDS = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_PER_FRAME, _CONTOURS, _CONTOUR_DATA = 0x52009230, 0x30060040, 0x30060050
# Referenced SOP, Referenced Image, Referenced Instance, Source Image, Contour Image.
_REFERENCES = frozenset({0x00081199, 0x00081140, 0x0008114A, 0x00082112, 0x30060016})
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_SEQUENCES = frozenset(tag for tag in keyword_dict.values() if dictionary_VR(tag) == "SQ")


@dataclass
class Structure:
    """Counts of a data set.

    Attributes
    ----------
    elements, depth : of the whole data set, with what is behind its pixels; elements are those of items too
    groups : items of the Per-frame Functional Groups Sequence
    references : items that refer to another object
    contours, points : of a structure set
    header_bytes : of everything before the pixels
    """

    elements: int = 0
    depth: int = 0
    groups: int = 0
    references: int = 0
    contours: int = 0
    points: int = 0
    header_bytes: int = 0

    def problem(self, limits: Limits) -> str:
        """The first limit that is passed, as "20,000 groups of attributes of its frames; at most …"; empty for none."""
        for count, most, what in (
            (self.groups, limits.functional_groups, "groups of attributes of its frames"),
            (self.references, limits.references, "references to other objects"),
            (self.contours, limits.contours, "contours"),
            (self.points, limits.contour_points, "points of contours"),
            (self.depth, limits.depth, "sequences within each other"),
            (self.elements, limits.elements, "elements"),
            (self.header_bytes >> 20, limits.header_mib, "MiB before its pixels"),
        ):
            if count > most:
                return f"more than {most} {what}"
        return ""


@dataclass
class _Level:
    """A sequence or one of its items that the walk is in; `ends` is None where a delimiter says so."""

    tag: int
    ends: int | None
    is_item: bool
    implicit: bool
    of_fragments: bool = False  # compressed pixels, whose items hold no elements


@dataclass
class _Walk:
    file: BinaryIO
    limits: Limits
    order: str
    size: int  # of the file
    found: Structure = field(default_factory=Structure)
    levels: list[_Level] = field(default_factory=list)


def check_structure(file: BinaryIO, name: str, *, limits: Limits) -> None:
    """Checks that a file's data set has no more elements, items and points than an object of a breast MRI can have.

    Parameters
    ----------
    file : of the object, anywhere; it is left at its beginning. A deflated data set is inflated before
    name : of the file, for the sentence

    Raises
    ------
    NotReadable
        When it has more.
    """
    if problem := structure_of(file, limits=limits).problem(limits):
        raise NotReadable(
            f"The file {name} has {problem}; no more were expected in an object of a breast MRI ([limits] in the "
            "settings). It is damaged, or no object of such a study: keep it elsewhere, or raise the limit."
        )


def structure_of(file: BinaryIO, *, limits: Limits) -> Structure:
    """The counts of a data set up to its end, where it is damaged, or where it passes a limit."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    order, implicit = _encoding(file)
    walk = _Walk(file, limits, order, size)
    with suppress(struct.error, OverflowError, ValueError):  # damaged: what was counted is compared all the same
        _count(walk, implicit)
    walk.found.header_bytes = walk.found.header_bytes or min(file.tell(), size)
    file.seek(0)
    return walk.found


def _encoding(file: BinaryIO) -> tuple[str, bool]:
    """Byte order ("<" or ">") and implicit VR of the data set; the file is left where it begins."""
    head = file.read(1024)
    begins = META_BEGINS if head[128:132] == b"DICM" else 0
    order = "<"
    place, big = begins, False
    while head[place : place + 2] == b"\x02\x00" and place + 12 <= len(head):  # file meta information
        vr = head[place + 4 : place + 6]
        length = int.from_bytes(head[place + 8 : place + 12] if vr in _LONG else head[place + 6 : place + 8], "little")
        size = 12 if vr in _LONG else 8
        if head[place + 2 : place + 4] == b"\x10\x00":
            big = head[place + size : place + size + length].rstrip(b"\0 ") == ExplicitVRBigEndian.encode()
        place += size + length
    first = head[place : place + 6]
    if len(first) < 6:
        file.seek(place)
        first = file.read(6).ljust(6, b"\0")
    if big or (place == begins and first[0] == 0 and first[1] in (2, 8)):
        order = ">"
    file.seek(place)
    return order, not _is_vr(first[4:6])


def _is_vr(text: bytes) -> bool:
    return len(text) == 2 and all(0x41 <= one <= 0x5A for one in text)


def _count(walk: _Walk, implicit: bool) -> None:
    """Walks through the elements to the end, or a limit that is passed."""
    file, found, levels = walk.file, walk.found, walk.levels
    numbers = struct.Struct(f"{walk.order}HH").unpack
    while True:
        place = file.tell()
        while levels and (ends := levels[-1].ends) is not None and place >= ends:
            levels.pop()
        head = file.read(8)
        if len(head) < 8:
            return
        group, element = numbers(head[:4])
        tag = group << 16 | element
        if not levels and tag in _PIXELS and not found.header_bytes:
            found.header_bytes = place
        if group != 0xFFFE:
            _pass_element(walk, tag, head, levels[-1].implicit if levels else implicit)
        elif tag == _ITEM:
            _begin_item(walk, _length(walk, head[4:]), place + 8)
        elif tag in (_ITEM_ENDS, _SEQUENCE_ENDS):
            while levels and levels[-1].is_item != (tag == _ITEM_ENDS):
                levels.pop()
            if levels:
                levels.pop()
        if (found.elements % 64 == 0 or tag == _CONTOUR_DATA) and found.problem(walk.limits):
            return


def _length(walk: _Walk, field: bytes) -> int:
    return int.from_bytes(field, "little" if walk.order == "<" else "big")


def _pass_element(walk: _Walk, tag: int, head: bytes, implicit: bool) -> None:
    """Passes an element, or enters its items; the file is behind the first 8 bytes of it."""
    file, found, vr = walk.file, walk.found, head[4:6]
    if implicit or not _is_vr(vr):
        length, is_sequence = _length(walk, head[4:]), tag in _SEQUENCES
    elif vr in _LONG:
        length, is_sequence = _length(walk, file.read(4)), vr == b"SQ"
    else:
        length, is_sequence = _length(walk, head[6:]), False
    found.elements += 1
    if is_sequence or length == _UNDEFINED:
        ends = None if length == _UNDEFINED else file.tell() + length
        fragments = not implicit and vr in (b"OB", b"OW")
        walk.levels.append(_Level(tag, ends, False, implicit or vr == b"UN", fragments))
        found.depth = max(found.depth, len(walk.levels) // 2 + 1)
    elif tag == _CONTOUR_DATA:
        found.points += (file.read(length).count(b"\\") + 1) // 3
    else:
        file.seek(length, os.SEEK_CUR)


def _begin_item(walk: _Walk, length: int, place: int) -> None:
    levels, found = walk.levels, walk.found
    while levels and levels[-1].is_item:
        levels.pop()  # an item without an end
    if not levels:
        return
    sequence = levels[-1]
    if sequence.of_fragments:
        walk.file.seek(length, os.SEEK_CUR)
        return
    found.groups += sequence.tag == _PER_FRAME and len(levels) == 1
    found.references += sequence.tag in _REFERENCES
    found.contours += sequence.tag == _CONTOURS
    found.elements += 1
    implicit = sequence.implicit
    if not implicit:
        implicit = not _is_vr(walk.file.read(6)[4:6]) and length != 0
        walk.file.seek(place)
    levels.append(_Level(sequence.tag, None if length == _UNDEFINED else place + length, True, implicit))
