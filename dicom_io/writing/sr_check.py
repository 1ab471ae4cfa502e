"""The part of the conformance check that walks the content tree of a TID 1500 report."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pydicom import Dataset

from models.number_words import counted

# Value type → the attribute that carries the value.
_VALUES = {
    "CODE": "ConceptCodeSequence",
    "CONTAINER": "ContinuityOfContent",
    "IMAGE": "ReferencedSOPSequence",
    "NUM": "MeasuredValueSequence",
    "TEXT": "TextValue",
    "UIDREF": "UID",
}
_RELATIONSHIPS = frozenset({"CONTAINS", "HAS CONCEPT MOD", "HAS OBS CONTEXT", "HAS PROPERTIES", "INFERRED FROM"})
_ANSWERS = frozenset({"NUM", "CODE"})
_IMAGING_MEASUREMENTS = "126010"
_MEASUREMENT_GROUP = "125007"
_TRACKING_UID = "112040"
_REFERENCED_SEGMENT = "121191"
_SOURCE_SERIES = "121232"
_DEVICE_OBSERVER_UID = "121012"
_ALGORITHM_NAME = "111001"
_TOLERANCE = 6e-4  # the decimal string is for readers, with four digits or more; the double is exact


def sr_problems(dataset: Dataset) -> Iterator[str]:
    """Problems of the tree: root, template, values, groups, evidence."""
    template = dataset.ContentTemplateSequence[0]
    if (template.MappingResource, template.TemplateIdentifier) != ("DCMR", "1500"):
        yield "the root is not template 1500 of DCMR"
    if dataset.ValueType != "CONTAINER" or _name(dataset) != "126000":
        yield "the root is not the container (126000, DCM, Imaging Measurement Report)"
    if dataset.VerificationFlag != "UNVERIFIED":
        yield "VerificationFlag says that a person verified the report"
    for item in dataset.ContentSequence:
        yield from _item_problems(item)
    groups = [
        group
        for container in dataset.ContentSequence
        if _name(container) == _IMAGING_MEASUREMENTS
        for group in container.get("ContentSequence", ())
    ]
    if not groups:
        yield "there is no measurement group"
    for number, group in enumerate(groups, start=1):
        yield from (f"measurement group {number}: {problem}" for problem in _group_problems(group))
    yield from _evidence_problems(dataset)
    yield from _equipment_problems(dataset)


def _name(item: Dataset) -> str:
    names = item.get("ConceptNameCodeSequence", ())
    return str(names[0].get("CodeValue", "")) if names else ""


def _item_problems(item: Dataset) -> Iterator[str]:
    kind = str(item.get("ValueType", ""))
    if kind not in _VALUES:
        yield f"a content item has the value type '{kind}'"
        return
    if not _name(item):
        yield f"a {kind} item has no concept name"
    if item.get("RelationshipType") not in _RELATIONSHIPS:
        yield f"a {kind} item has no relationship to its parent"
    keyword = _VALUES[kind]
    if keyword not in item or item[keyword].is_empty:
        yield f"a {kind} item has no {keyword}"
    elif kind == "NUM":
        yield from _number_problems(item)
    if "ContentSequence" in item:
        if not item.ContentSequence:
            yield f"a {kind} item has an empty Content Sequence"
        for child in item.ContentSequence:
            yield from _item_problems(child)


def _number_problems(item: Dataset) -> Iterator[str]:
    measured = item.MeasuredValueSequence[0]
    units = measured.get("MeasurementUnitsCodeSequence", ())
    if len(units) != 1 or units[0].get("CodingSchemeDesignator") != "UCUM":
        yield "a NUM item has no UCUM unit"
    exact, decimal = measured.get("FloatingPointValue"), measured.get("NumericValue")
    if exact is None or decimal is None:
        yield "a NUM item has no number"
    elif not math.isfinite(exact):
        yield "a NUM item is not finite"
    elif not math.isclose(float(decimal), exact, rel_tol=_TOLERANCE, abs_tol=1e-300):
        yield "a NUM item states two different numbers"


def _group_problems(group: Dataset) -> Iterator[str]:
    if _name(group) != _MEASUREMENT_GROUP or group.ValueType != "CONTAINER":
        yield "it is not a container (125007, DCM, Measurement Group)"
        return
    children = [_name(child) for child in group.get("ContentSequence", ())]
    if children.count(_TRACKING_UID) != 1:
        yield f"it has {children.count(_TRACKING_UID)} Tracking Unique Identifiers; one was expected"
    if _ALGORITHM_NAME not in children:
        yield "it does not name its algorithm"
    # A group of evaluations alone is allowed: an answer without result has no number, and must not send an empty one.
    if not any(child.ValueType in _ANSWERS for child in group.get("ContentSequence", ()) if _is_contained(child)):
        yield "it holds neither a number nor an evaluation"
    if children.count(_REFERENCED_SEGMENT) != children.count(_SOURCE_SERIES):
        yield "it names a segment without its source series, or the other way round"


def _is_contained(child: Dataset) -> bool:
    """Returns whether an item is what the group says, not what it is observed with."""
    return child.get("RelationshipType") == "CONTAINS"


def _evidence_problems(dataset: Dataset) -> Iterator[str]:
    listed = {
        str(reference.ReferencedSOPInstanceUID)
        for study in dataset.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for reference in series.ReferencedSOPSequence
    }
    absent = {uid for uid in _images(dataset) if uid not in listed}
    if absent:
        yield f"{counted(len(absent), 'instance is', 'instances are')} in the tree but not in the evidence"


def _images(item: Dataset) -> Iterator[str]:
    for child in item.get("ContentSequence", ()):
        if child.get("ValueType") == "IMAGE":
            yield from (str(reference.ReferencedSOPInstanceUID) for reference in child.ReferencedSOPSequence)
        yield from _images(child)


def _equipment_problems(dataset: Dataset) -> Iterator[str]:
    """IHE AI Results: the devices of the tree are those of the Contributing Equipment Sequence."""
    observers = {str(item.get("UID", "")) for item in dataset.ContentSequence if _name(item) == _DEVICE_OBSERVER_UID}
    equipment = {str(item.DeviceUID) for item in dataset.ContributingEquipmentSequence}
    if observers != equipment:
        yield (
            f"{counted(len(observers), 'device observer does', 'device observers do')} not agree with "
            f"{counted(len(equipment), 'contributing device')}"
        )
