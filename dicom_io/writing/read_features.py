"""Reads the features back out of an SR of ours: the rows of `features.csv`, whichever version wrote the object.

Earlier versions named a filtered feature by a hash of its full name, and the sequence by a private code. Names of the
default feature settings are recognised by their hash; no other can be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pydicom

from dicom_io import codes
from dicom_io.decode_errors import DECODE_ERRORS
from dicom_io.errors import NotReadable
from dicom_io.feature_codes import feature_name as name_of_codes
from dicom_io.writing.read_answer import (
    ReadPrediction,
    measured_value,
    measurement_groups,
    name_of,
    predictions_in,
    read_report,
)
from models.features.names import vector_names
from models.features.table import Feature, feature_name
from models.volume import Region, Sequence

_IMAGE_TYPE = (codes.IMAGE_TYPE.value, codes.PRIVATE_SCHEME)
_FINDING = (codes.FINDING.value, codes.FINDING.scheme_designator)
_SEQUENCES = {
    **{(codes.sequence(one).value, codes.sequence(one).scheme_designator): one for one in Sequence},
    **{(f"SEQ_{one.name}", codes.PRIVATE_SCHEME): one for one in Sequence},
}
_REGIONS = {(codes.region_type(one).value, codes.region_type(one).scheme_designator): one for one in Region}


@dataclass(frozen=True)
class ReadFeatures:
    """Features of an SR.

    Attributes
    ----------
    features : in the order of the object
    unknown : meanings of the numbers whose codes are not known
    """

    features: tuple[Feature, ...]
    unknown: tuple[str, ...]


def read_answer(file: Path) -> tuple[tuple[ReadPrediction, ...], ReadFeatures]:
    """Answers and features of an SR; an SR without result has answers only, one with all features no answers.

    Raises
    ------
    NotReadable
        When the file is no Structured Report, is damaged, or holds neither.
    """
    report = read_report(file)
    try:
        answers, features = predictions_in(report), features_in(report)
    except DECODE_ERRORS as error:
        raise NotReadable(f"The content tree of {file.name} is damaged; send or copy the report again.") from error
    if not (answers or features.features or features.unknown):
        raise NotReadable(
            f"{file.name} has no measurement group of rdeepnet; an SR of an answer was expected (key_sr.dcm, or "
            "features_sr.dcm)."
        )
    return answers, features


def features_in(report: pydicom.Dataset) -> ReadFeatures:
    """Every feature of the measurement groups that name a sequence and a region."""
    known: list[Feature] = []
    unknown: list[str] = []
    for group in measurement_groups(report):
        sequence, region = _value(group, _IMAGE_TYPE), _value(group, _FINDING)
        if sequence not in _SEQUENCES or region not in _REGIONS:
            continue
        for number in _numbers(group):
            feature = _feature(number, _SEQUENCES[sequence], _REGIONS[region])
            if feature is None:
                unknown.append(str(number.ConceptNameCodeSequence[0].CodeMeaning))
            else:
                known.append(feature)
    return ReadFeatures(tuple(known), tuple(unknown))


def _numbers(group: pydicom.Dataset) -> Iterator[pydicom.Dataset]:
    """The numbers of a group but its volume, which is no feature."""
    for item in group.ContentSequence:
        if item.ValueType == "NUM" and name_of(item)[0] != codes.VOLUME.value:
            yield item


def _feature(number: pydicom.Dataset, sequence: Sequence, region: Region) -> Feature | None:
    """A feature by its codes, of an older object by its hash; None where neither is known."""
    value, scheme = name_of(number)
    full_name = _by_hash().get(value) if scheme == codes.PRIVATE_SCHEME else None
    if full_name is None:
        below = number.get("ContentSequence", ())
        name = name_of_codes(
            (value, scheme),
            {name_of(item)[0]: str(item.ConceptCodeSequence[0].CodeValue) for item in below if _is_modifier(item)},
            {name_of(item)[0]: measured_value(item.MeasuredValueSequence[0])[0] for item in below if _is_number(item)},
        )
        if name is None:
            return None
        full_name = feature_name(sequence, region, name)
    measured, unit = measured_value(number.MeasuredValueSequence[0])
    has_code = scheme == "IBSI" and full_name.split("_")[2] == "original"
    return Feature(full_name, measured, unit, value if has_code else None)


def _is_modifier(item: pydicom.Dataset) -> bool:
    return bool(item.ValueType == "CODE" and item.RelationshipType == "HAS CONCEPT MOD")


def _is_number(item: pydicom.Dataset) -> bool:
    return bool(item.ValueType == "NUM" and item.RelationshipType == "INFERRED FROM")


def _value(group: pydicom.Dataset, name: tuple[str, str]) -> tuple[str, str]:
    """(code value, scheme) of the coded item called `name`; empty texts where there is none."""
    for item in group.get("ContentSequence", ()):
        if item.ValueType == "CODE" and name_of(item) == name:
            code = item.ConceptCodeSequence[0]
            return str(code.get("CodeValue", "")), str(code.get("CodingSchemeDesignator", ""))
    return "", ""


@cache
def _by_hash() -> dict[str, str]:
    """Code value of older versions → full name: F and 48 bits of the SHA-256 of the name."""
    return {f"F{hashlib.sha256(name.encode()).hexdigest()[:12].upper()}": name for name in vector_names()}
