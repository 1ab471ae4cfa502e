"""Acquisition of images as far as features depend on it, and the training images of a model.

Texture depends on the voxel size, and on the field strength; a region made of two tumours is another region than the
larger of them. A package states the acquisition of its training images, so that a patient unlike them does not go
unnoticed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Self

from models.errors import SetupError
from models.volume import Sequence


class SeveralTumours(StrEnum):
    """Treatment of more than one tumour segment on one sequence."""

    REFUSE = "refuse"  # refuse the study and list them
    UNION = "union"  # all of them are one region, with a quality note
    LARGEST = "largest"  # the one with the largest volume, with a quality note


@dataclass(frozen=True)
class Acquisition:
    """Voxel size and field strength of the images of one sequence; None where the headers do not say it.

    Attributes
    ----------
    slice_mm : distance from slice to slice
    thickness_mm : Slice Thickness
    row_mm, column_mm : distance from row to row, from column to column
    field_strength_t : Magnetic Field Strength
    """

    slice_mm: float | None = None
    thickness_mm: float | None = None
    row_mm: float | None = None
    column_mm: float | None = None
    field_strength_t: float | None = None


MEASURES = tuple(item.name for item in fields(Acquisition))


@dataclass(frozen=True)
class AcquisitionRange:
    """Smallest and largest value of several acquisitions, both included; None where nothing is known or wanted.

    Attributes
    ----------
    slice_mm : distance from slice to slice, and Slice Thickness
    pixel_mm : distance from row to row and from column to column
    field_strength_t : Magnetic Field Strength

    Raises
    ------
    SetupError
        When a range is not two numbers above 0, the smaller first.
    """

    slice_mm: tuple[float, float] | None = None
    pixel_mm: tuple[float, float] | None = None
    field_strength_t: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        mistakes = [
            f"{item.name} is {limits[0]:g} to {limits[1]:g}; two numbers above 0, the smaller first, were expected"
            for item in fields(self)
            if (limits := getattr(self, item.name)) is not None and not 0 < limits[0] <= limits[1] < math.inf
        ]
        if mistakes:
            raise SetupError("; ".join(mistakes))

    @property
    def is_empty(self) -> bool:
        """Returns whether nothing is known."""
        return all(getattr(self, item.name) is None for item in fields(self))

    def in_words(self) -> str:
        """ "slices 1.5 to 2.5 mm, field strength 1.5 to 3 T"."""
        named = (
            ("slices", self.slice_mm, "mm"),
            ("pixels", self.pixel_mm, "mm"),
            ("field strength", self.field_strength_t, "T"),
        )
        return ", ".join(f"{what} {ends[0]:.3g} to {ends[1]:.3g} {unit}" for what, ends, unit in named if ends)

    @classmethod
    def of(cls, acquisitions: Iterable[Acquisition]) -> Self:
        """The range of several acquisitions, of the values that are known."""
        several = list(acquisitions)

        def ends(*measures: str) -> tuple[float, float] | None:
            known = [value for one in several for name in measures if (value := getattr(one, name)) is not None]
            return (min(known), max(known)) if known else None

        return cls(ends("slice_mm", "thickness_mm"), ends("row_mm", "column_mm"), ends("field_strength_t"))


@dataclass(frozen=True)
class TrainingImages:
    """Properties of a model's training images that new images should share.

    Attributes
    ----------
    several_tumours : how more than one tumour of a breast was taken; None where it is not known
    ranges : of voxel size and field strength; a sequence is missing where nothing is known
    """

    several_tumours: SeveralTumours | None = None
    ranges: Mapping[Sequence, AcquisitionRange] = field(default_factory=dict)

    def in_words(self) -> tuple[str, ...]:
        """One sentence for each sequence whose images are known, and one for several tumours."""
        words = [f"{sequence.label} images: {found.in_words()}." for sequence, found in self.ranges.items()]
        if self.several_tumours is not None:
            words.append(f"Several tumours of one patient: {_IN_WORDS[self.several_tumours]}.")
        return tuple(words)


_IN_WORDS = {
    SeveralTumours.UNION: "all of them were one region",
    SeveralTumours.LARGEST: "the largest was taken",
    SeveralTumours.REFUSE: "such patients were left out",
}
