"""Reads the predictions back out of a key SR, the way a downstream system would: by the standard's structure alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom

from dicom_io.errors import NotReadable

_MEASUREMENT_GROUP = ("125007", "DCM")
_TRACKING_IDENTIFIER = ("112039", "DCM")
_DERIVATION = ("121401", "DCM")
_REFERENCED_SEGMENT = ("121191", "DCM")


@dataclass(frozen=True)
class ReadPrediction:
    """Content of the SR about one model.

    Attributes
    ----------
    model : tracking identifier of its measurement group
    numbers : meaning of the concept → number with its unit
        empty where there is no result
    conclusions : meaning of the concept → meaning of the code, e.g. "Risk group …" → "High risk"; several codes of one
        concept (the reasons for the validity) are joined by semicolons
    """

    model: str
    numbers: dict[str, float]
    conclusions: dict[str, str]


def read_predictions(file: Path) -> tuple[ReadPrediction, ...]:
    """The measurement groups of a TID 1500 report that are about the patient as a whole, not about a region, in order.

    Numbers that say how another number came about (with a Derivation, TID 320) are left out.

    Raises
    ------
    NotReadable
        When the file is not a Structured Report.
    """
    dataset = pydicom.dcmread(file)
    if "ContentSequence" not in dataset:
        raise NotReadable(f"{file.name} has no content tree; a Structured Report was expected.")
    found = []
    for group in _containers(dataset):
        items = list(group.ContentSequence)
        if any(_name(item) == _REFERENCED_SEGMENT for item in items):
            continue
        conclusions: dict[str, str] = {}
        for item in items:
            if item.ValueType == "CODE" and item.RelationshipType == "CONTAINS":
                concept, value = _meaning(item), str(item.ConceptCodeSequence[0].CodeMeaning)
                conclusions[concept] = f"{conclusions[concept]}; {value}" if concept in conclusions else value
        titles = [str(item.TextValue) for item in items if _name(item) == _TRACKING_IDENTIFIER]
        numbers = {
            _meaning(item): float(item.MeasuredValueSequence[0].NumericValue)
            for item in items
            if item.ValueType == "NUM"
            and not any(_name(below) == _DERIVATION for below in item.get("ContentSequence", ()))
        }
        if conclusions and titles:
            found.append(ReadPrediction(titles[0], numbers, conclusions))
    return tuple(found)


def _containers(item: pydicom.Dataset) -> Iterator[pydicom.Dataset]:
    """Every measurement group at any depth."""
    for below in item.get("ContentSequence", ()):
        if below.ValueType == "CONTAINER":
            if _name(below) == _MEASUREMENT_GROUP:
                yield below
            else:
                yield from _containers(below)


def _name(item: pydicom.Dataset) -> tuple[str, str]:
    if "ConceptNameCodeSequence" not in item:
        return "", ""
    code = item.ConceptNameCodeSequence[0]
    return str(code.get("CodeValue", "")), str(code.CodingSchemeDesignator)


def _meaning(item: pydicom.Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)
