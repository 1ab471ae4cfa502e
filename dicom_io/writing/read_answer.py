"""Reads the predictions back out of a key SR, the way a downstream system would: by the standard's structure alone.

Objects of earlier versions are read as well: their groups of a model name no segment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom

from dicom_io.decode_errors import DECODE_ERRORS
from dicom_io.errors import NotReadable

_MEASUREMENT_GROUP = ("125007", "DCM")
_TRACKING_IDENTIFIER = ("112039", "DCM")
_DERIVATION = ("121401", "DCM")
_REFERENCED_SEGMENT = ("121191", "DCM")
_SUMMARY_OF_ANALYSES = ("111065", "DCM")
_FINDING = ("121071", "DCM")  # type of the lesion: no conclusion


@dataclass(frozen=True)
class ReadPrediction:
    """Content of the SR about one model.

    Attributes
    ----------
    model : tracking identifier of its measurement group
    numbers : meaning of the concept → number and UCUM code of its unit; empty where there is no result
    conclusions : meaning of the concept → meaning of the code, e.g. "Risk group …" → "High risk"; several codes of one
        concept (the reasons for the validity) are joined by semicolons
    """

    model: str
    numbers: dict[str, tuple[float, str]]
    conclusions: dict[str, str]


def read_predictions(file: Path) -> tuple[ReadPrediction, ...]:
    """The measurement groups of a TID 1500 report that state the success of an analysis or name no region, in order.

    Numbers that say how another number came about (with a Derivation, TID 320) are left out.

    Raises
    ------
    NotReadable
        When the file is not a Structured Report.
    """
    return predictions_in(read_report(file))


def read_report(file: Path) -> pydicom.Dataset:
    """The data set of a Structured Report.

    Raises
    ------
    NotReadable
        When the file is not a Structured Report.
    """
    try:
        dataset = pydicom.dcmread(file)
    except DECODE_ERRORS as error:
        raise NotReadable(f"{file.name} cannot be read as DICOM; a Structured Report was expected.") from error
    if "ContentSequence" not in dataset:
        raise NotReadable(f"{file.name} has no content tree; a Structured Report was expected.")
    return dataset


def predictions_in(report: pydicom.Dataset) -> tuple[ReadPrediction, ...]:
    """As `read_predictions`, of a data set."""
    found = []
    for group in measurement_groups(report):
        items = list(group.ContentSequence)
        names = {name_of(item) for item in items}
        if _REFERENCED_SEGMENT in names and _SUMMARY_OF_ANALYSES not in names:
            continue
        conclusions: dict[str, str] = {}
        for item in items:
            if item.ValueType == "CODE" and item.RelationshipType == "CONTAINS" and name_of(item) != _FINDING:
                concept, value = _meaning(item), str(item.ConceptCodeSequence[0].CodeMeaning)
                conclusions[concept] = f"{conclusions[concept]}; {value}" if concept in conclusions else value
        titles = [str(item.TextValue) for item in items if name_of(item) == _TRACKING_IDENTIFIER]
        numbers = {
            _meaning(item): measured_value(item.MeasuredValueSequence[0])
            for item in items
            if item.ValueType == "NUM"
            and not any(name_of(below) == _DERIVATION for below in item.get("ContentSequence", ()))
        }
        if conclusions and titles:
            found.append(ReadPrediction(titles[0], numbers, conclusions))
    return tuple(found)


def measured_value(measured: pydicom.Dataset) -> tuple[float, str]:
    """Number, exact where that stands beside the decimal string (PS3.3 C.18.1), and unit."""
    unit = str(measured.MeasurementUnitsCodeSequence[0].CodeValue)
    return float(measured.get("FloatingPointValue", measured.NumericValue)), unit


def measurement_groups(item: pydicom.Dataset) -> Iterator[pydicom.Dataset]:
    """Every measurement group at any depth."""
    for below in item.get("ContentSequence", ()):
        if below.ValueType == "CONTAINER":
            if name_of(below) == _MEASUREMENT_GROUP:
                yield below
            else:
                yield from measurement_groups(below)


def name_of(item: pydicom.Dataset) -> tuple[str, str]:
    """(code value, scheme) of the concept name of a content item; empty texts where it has none."""
    if "ConceptNameCodeSequence" not in item:
        return "", ""
    code = item.ConceptNameCodeSequence[0]
    return str(code.get("CodeValue", "")), str(code.CodingSchemeDesignator)


def _meaning(item: pydicom.Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)
