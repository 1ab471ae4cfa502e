"""Modality LUT Sequence (PS3.3 C.11.1): a table from stored value to value, in place of Rescale Slope and Intercept.

A table that is a straight line is taken as the line; any other is refused. Applying a curve was rejected: models learn
texture of values that are linear in the signal, and no scanner writes MR images in another way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pydicom
from numpy.typing import NDArray

from dicom_io.errors import NotReadable
from dicom_io.images.headers import DECODE_ERRORS, items, whole_number
from models.number_words import counted

# Entries are whole numbers: a straight line is off by their rounding at most.
ROUNDING = 0.5


@dataclass(frozen=True)
class Line:
    """A table that is a straight line: slope × stored value + intercept, for the stored values `first` to `last`."""

    slope: float
    intercept: float
    first: int
    last: int


def modality_line(header: pydicom.Dataset) -> Line | None:
    """The line a Modality LUT describes; None for an image without one.

    Raises
    ------
    NotReadable
        When the table is damaged or no straight line, when there are several, or Rescale Slope as well.
    """
    tables = items(header, "ModalityLUTSequence")
    if not tables:
        return None
    if len(tables) > 1 or "RescaleSlope" in header:
        raise NotReadable(
            f"The images have {len(tables)} Modality LUTs and {'a' if 'RescaleSlope' in header else 'no'} Rescale "
            "Slope; one of them was expected. Send the original images."
        )
    first, entries = _entries(tables[0], is_signed=whole_number(header, "PixelRepresentation", default=0) == 1)
    slope = float(entries[-1] - entries[0]) / (len(entries) - 1)
    line = entries[0] + slope * np.arange(len(entries))
    bend = float(np.abs(entries - line).max())
    if slope == 0 or bend > ROUNDING:
        raise NotReadable(
            f"The Modality LUT of the images is no straight line (it bends by {bend:.0f} of {np.ptp(entries):.0f}): "
            "values would not be proportional to the signal. Send the original images, with Rescale Slope."
        )
    return Line(slope, float(entries[0]) - slope * first, first, first + len(entries) - 1)


def _entries(table: pydicom.Dataset, *, is_signed: bool) -> tuple[int, NDArray[np.float64]]:
    """First stored value, and the entries of a table."""
    try:
        count, first, bits = (int(value) for value in table["LUTDescriptor"].value)
        data = table["LUTData"].value
        if isinstance(data, bytes):
            data = np.frombuffer(data, "<u2" if len(data) > (count or 65536) + 1 else "<u1")
        entries = np.array(data, dtype=np.float64)[: count or 65536]
    except DECODE_ERRORS as error:
        raise NotReadable("The Modality LUT of the images cannot be decoded. Send the original images.") from error
    if len(entries) < 2 or len(entries) != (count or 65536) or bits not in range(8, 17):
        raise NotReadable(
            f"The Modality LUT of the images has {counted(len(entries), 'entry', 'entries')} of {bits} bits; "
            f"{count or 65536} of 8 to 16 bits were expected. Send the original images."
        )
    return (first - 65536 if is_signed and first > 32767 else first), entries
