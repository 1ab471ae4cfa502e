"""The newest statement of a tumour: which of several objects with a segmentation of it counts.

A radiologist who corrects a mask stores a further object; archives keep both. The later one replaces the earlier one
when it covers the same region, by what the masks have in common and not by names:

- Dice of at least `SAME_REGION`. Readers of one breast tumour agree at 0.7 to 0.9; drawings of different lesions share
  next to nothing. At a half, neither is more than three times as large as the other.
- Every piece of the earlier one that holds at least `NOTABLE_PIECE` of it is covered at least to half. A later drawing
  of one of two tumours says nothing about the other, so it does not replace both.

Where the later one overlaps without covering, a person must choose. Nor does an automatic segmentation replace what a
person drew. Later is what the objects themselves say; the order of arrival was rejected, since a PACS that sends a
study again sends it in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pydicom
from numpy.typing import NDArray

from dicom_io.images.headers import shown
from models.quality_notes import QualityNote, Severity
from models.segmentation.agreement import dice
from models.volume import Sequence as MrSequence

SAME_REGION = 0.5
NOTABLE_PIECE = 0.1

# Dates an object carries of its own making, each with its time; those of the series may be those of the images.
_STATED = (
    ("ContentDate", "ContentTime"),
    ("StructureSetDate", "StructureSetTime"),
    ("InstanceCreationDate", "InstanceCreationTime"),
)

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Statement:
    """One object with the segments of it that could be the tumour.

    Attributes
    ----------
    header : of the object
    names : of its segments, for a sentence
    mask : all of them on the grid of the images
    is_automatic : every segment says that an algorithm made it
    """

    header: pydicom.Dataset
    names: tuple[str, ...]
    mask: Mask
    is_automatic: bool

    @property
    def described(self) -> str:
        """The object in a sentence, with its date."""
        day, time = (shown(self.header, keyword) for keyword in _STATED[0])
        if not day:
            day, time = (shown(self.header, keyword) for keyword in _STATED[1])
        when = f" of {day[:4]}-{day[4:6]}-{day[6:8]}" if len(day) == 8 else ""
        when += f" {time[:2]}:{time[2:4]}" if when and len(time) >= 4 else ""
        return f"{' and '.join(self.names)}{when}"


def replaced_by(statements: Mapping[str, Statement]) -> dict[str, str]:
    """SOP Instance UID of each object that is replaced → that of the object that replaces it.

    Parameters
    ----------
    statements : SOP Instance UID → object
    """
    replaced: dict[str, str] = {}
    for uid, earlier in statements.items():
        for other, later in statements.items():
            if other != uid and _replaces(later, earlier):
                known = replaced.get(uid)
                if known is None or is_later(later.header, statements[known].header):
                    replaced[uid] = other
    return replaced


def _replaces(later: Statement, earlier: Statement) -> bool:
    if later.is_automatic and not earlier.is_automatic:
        return False
    return is_later(later.header, earlier.header) and covers(later.mask, earlier.mask)


def is_later(one: pydicom.Dataset, other: pydicom.Dataset) -> bool:
    """Returns whether an object was made after another one, as both say themselves.

    False where a date is absent, or where one pair of dates says the contrary of another.
    """
    orders = [
        (shown(one, day), shown(one, time)) > (shown(other, day), shown(other, time))
        for day, time in _STATED
        if all(shown(header, keyword) for header in (one, other) for keyword in (day, time))
        and (shown(one, day), shown(one, time)) != (shown(other, day), shown(other, time))
    ]
    return bool(orders) and all(orders)


def covers(later: Mask, earlier: Mask) -> bool:
    """Returns whether a later mask is about the same region as an earlier one, and all of it."""
    if dice(later, earlier) < SAME_REGION:
        return False
    from scipy import ndimage  # loaded only where a segmentation was sent twice

    pieces, count = ndimage.label(earlier, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    covered = np.bincount(pieces[later].ravel(), minlength=count + 1)[1:]
    notable = sizes >= NOTABLE_PIECE * sizes.sum()
    return bool(np.all(covered[notable] * 2 >= sizes[notable]))


def note(sequence: MrSequence, earlier: Statement, later: Statement) -> QualityNote:
    """The remark for the report that an object was replaced."""
    sentence = (
        f"On {sequence.label} the newer segmentation counts: {later.described} replaces {earlier.described}, since "
        f"both are about the same region (Dice {dice(later.mask, earlier.mask):.2f})."
    )
    return QualityNote("segmentation-replaced", Severity.NOTE, sentence, sequence)


def why_not(one: Sequence[Statement]) -> str:
    """The reason why neither of two overlapping objects replaces the other, as a sentence."""
    first, second = one
    earlier, later = (first, second) if is_later(second.header, first.header) else (second, first)
    if not is_later(later.header, earlier.header):
        return "Which is the newer cannot be told from their dates."
    if later.is_automatic and not earlier.is_automatic:
        return "The newer was made by an algorithm, the earlier by a person."
    return f"The newer ({later.described}) does not cover what the earlier does."
