"""The content tree of an SR as people and plain viewers read it: every value beside its label, with readable digits.

Viewers follow Continuity of Content (PS3.3 C.17.3.2): of a CONTINUOUS container DCMTK's dsr2html and others print the
values as one running text, without their concept names; of a SEPARATE one each as "label: value".

A NUM item holds its number twice (PS3.3 C.18.1): as a decimal string, which is what viewers print, and as a double. In
the key SR the string is the number rounded for a reader, and the double is exact.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydicom import Dataset
from pydicom.valuerep import DSfloat

from reports import numerals


def separate(item: Dataset) -> None:
    """Makes every container at or below `item` a list of separate items."""
    if item.get("ValueType") == "CONTAINER":
        item.ContinuityOfContent = "SEPARATE"
    for below in item.get("ContentSequence", ()):
        separate(below)


def round_numbers(items: Iterable[Dataset], *, beside: float | None = None) -> None:
    """Rounds the decimal strings of all NUM items at any depth; the doubles stay exact.

    Parameters
    ----------
    beside : the cut-off; a number never looks as if it lay on it or on its other side
    """
    for item in items:
        for measured in item.get("MeasuredValueSequence", ()):
            exact = float(measured.FloatingPointValue)
            measured.NumericValue = DSfloat(numerals.decimal(exact, beside=beside))
        round_numbers(item.get("ContentSequence", ()), beside=beside)
