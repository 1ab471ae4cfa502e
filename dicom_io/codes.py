"""Coded concepts of our objects: standard codes where there are any, else codes of a private scheme.

Original features carry their IBSI code. Every other feature has one private code, a stable hash of its full name: the
name itself is longer than the 16 characters of a Code Value. The private scheme is declared in every object that uses
it.
"""

from __future__ import annotations

import hashlib

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from models.inference.predict import Group, Quantity
from models.quality_notes import QualityNote, Severity
from models.validity import Reason, State
from models.volume import SEQUENCES, Region, Sequence
from reports.concepts import (
    CONCEPTS,
    CUT_OFF,
    CUT_OFF_CODE,
    UNIT_MEANINGS,
    CodeText,
    GroupConcept,
    concept_of,
)
from reports.content import Measurement, ModelSection, Subject
from reports.validity_words import STATES

PRIVATE_SCHEME = "99RDEEPNET"
LONGEST_MEANING = 64  # characters of a Code Meaning (VR LO)
LONGEST_VALUE = 16  # characters of a Code Value (VR SH)

BREAST: Code = codes.SCT.Breast
BREAST_MRI = Code("241615005", "SCT", "MRI of breast")
MORPHOLOGICALLY_ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")
SPATIAL_CONCEPT = Code("309825002", "SCT", "Spatial and Relational Concept")
NEOPLASM: Code = codes.SCT.Neoplasm
VOLUME: Code = codes.SCT.Volume
SEVERITY = Code("246112005", "SCT", "Severity")
FINDING: Code = codes.DCM.Finding
CONCLUSION: Code = codes.DCM.Conclusion
COMMENT: Code = codes.DCM.Comment
PROCESSING_EQUIPMENT: Code = codes.DCM.ProcessingEquipment
QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
REPORT_TITLE: Code = codes.DCM.ImagingMeasurementReport
# Titles of a rejection note (IHE RAD TF-1 32, Imaging Object Change Management).
REJECTED_FOR_QUALITY = Code("113001", "DCM", "Rejected for Quality Reasons")
INCORRECT_WORKLIST_ENTRY = Code("113038", "DCM", "Incorrect Modality Worklist Entry")
PDF_TITLE = Code("18748-4", "LN", "Diagnostic Imaging Report")
LATERALITY: Code = codes.SCT.Laterality
SOURCE_IMAGE: Code = codes.DCM.SourceImageForImageProcessingOperation
SEGMENTATION_DERIVATION: Code = codes.cid7203.SegmentationImageDerivation
MANUAL_PROCESSING: Code = codes.cid7162.ManualProcessing
MORPHOLOGICAL_OPERATIONS: Code = codes.cid7162.MorphologicalOperations


def _private(value: str, meaning: str) -> Code:
    return Code(value, PRIVATE_SCHEME, meaning)


def _of(text: CodeText) -> Code:
    return _private(text.value, text.meaning)


PERITUMORAL_SHELL = _private("PERITUMORAL", "Peritumoral shell")
ATTRIBUTION = _private("ATTRIBUTION", "Attribution to the output of the model")
REPLACES = _private("REPLACES", "Replaces an earlier report")
NOTICE = _private("NOTICE", "Notice")
NOT_APPLICABLE = _private("NOT_APPLICABLE", "Model not applicable")
PROVENANCE = _private("PROVENANCE", "Provenance")
SERIES_USED = _private("SERIES_USED", "Series used")
IMAGE_TYPE = _private("SEQUENCE", "MR sequence")
VALIDITY = _private("VALIDITY", "Validity of the answer")
VALIDITY_REASON = _private("VALIDITY_REASON", "Reason for the validity")
# CID 3118 has the older pair of two in SNOMED CT; the two others as mCODE defines them: too close to call, and
# uninterpretable.
LOW_RISK = Code("75976002", "SCT", "Low risk")
HIGH_RISK = Code("15508007", "SCT", "High risk")
EQUIVOCAL = Code("42425007", "SCT", "Equivocal")
INDETERMINATE = Code("82334004", "SCT", "Indeterminate")

_SEVERITIES = {
    Severity.NOTE: _private("NOTE", "Note"),
    Severity.WARNING: _private("WARNING", "Warning"),
}
_RISKS = {Group.HIGH: HIGH_RISK, Group.LOW: LOW_RISK}
_VALIDITIES = {state: _of(row.code) for state, row in STATES.items()}
_SIDES = {Group.HIGH: CodeText("HIGH", "High group"), Group.LOW: CodeText("LOW", "Low group")}
_ANY_GROUP = "GROUP"  # stem of the code of a group whose quantity is none of ours
_IMAGES = {sequence: _private(f"SEQ_{sequence.name}", row.meaning) for sequence, row in SEQUENCES.items()}
_CATEGORIES = {Region.INTRATUMORAL: MORPHOLOGICALLY_ABNORMAL, Region.PERITUMORAL: SPATIAL_CONCEPT}
_TYPES = {Region.INTRATUMORAL: NEOPLASM, Region.PERITUMORAL: PERITUMORAL_SHELL}

# Prefix of a hashed Code Value → what such a code names.
HASHED = {
    "F": "a feature without an IBSI code; the hash is of its full name",
    "Q": "another quantity that a model predicts",
    "G": "the question that another model's group answers",
    "L": "lower limit of the 95 % interval of a quantity",
    "U": "upper limit of the 95 % interval of a quantity",
    "C": "a group of inputs whose share of an output is stated",
    "N": "what a quality note is about, by its identifier",
    "R": "a reason for the validity of an answer, by its identifier",
}


def private_codes() -> tuple[Code, ...]:
    """Every private code with a fixed value; the others are `RFS_<months>_MO` and those in `HASHED`."""
    constants = [value for value in globals().values() if isinstance(value, Code)]
    fixed = [*constants, *_SEVERITIES.values(), *_IMAGES.values(), *_VALIDITIES.values(), *_quantities_and_groups()]
    return tuple(sorted((code for code in fixed if code.scheme_designator == PRIVATE_SCHEME), key=lambda c: c.value))


def standard_codes() -> tuple[Code, ...]:
    """Codes of standard schemes listed here; templates and modules add their own."""
    constants = [value for value in globals().values() if isinstance(value, Code)]
    found = [*constants, codes.SCT.Left, codes.SCT.Right, codes.SCT.RightAndLeft]
    known = {(code.scheme_designator, code.value): code for code in found if code.scheme_designator != PRIVATE_SCHEME}
    return tuple(known[key] for key in sorted(known))


def fitting(text: str, otherwise: str) -> str:
    """`text` where it fits a Code Meaning, else `otherwise`, cut to fit."""
    return text if 0 < len(text) <= LONGEST_MEANING else otherwise[:LONGEST_MEANING]


def unit(ucum: str) -> Code:
    """A unit; the code itself is the meaning of a unit that is not in the table."""
    return Code(ucum, "UCUM", UNIT_MEANINGS.get(ucum, ucum))


def hashed(prefix: str, text: str) -> str:
    """A Code Value for any text: the prefix and 48 bits of its SHA-256, at most 16 characters."""
    return f"{prefix}{hashlib.sha256(text.encode()).hexdigest()[:12].upper()}"


def feature(measurement: Measurement) -> Code:
    """IBSI code of a feature that has one, else the private code of its full name.

    The meaning is the reader's label; where that is longer than a Code Meaning, the PyRadiomics name without sequence
    and region, which the measurement group states.
    """
    meaning = fitting(measurement.label, measurement.key.split("_", 2)[-1])
    if measurement.ibsi is not None:
        return Code(measurement.ibsi, "IBSI", meaning)
    return _private(hashed("F", measurement.key), meaning)


def quantity(measurement: Measurement) -> Code:
    """Code of a number that a model gives: score, probability, survival at a horizon, cut-off."""
    if measurement.key == "rfs":
        months = measurement.horizon_months
        if months is None:
            raise ValueError(f"'{measurement.label}' has no horizon; recurrence-free survival needs one.")
        return _private(f"RFS_{months:g}_MO", f"Recurrence-free survival at {months:g} months")
    if measurement.key == CUT_OFF:
        return _of(CUT_OFF_CODE)
    known = concept_of(measurement.key)
    if known is None or known.code is None:
        return _private(hashed("Q", measurement.key), fitting(measurement.label, "Output"))
    return _of(known.code)


def interval_limit(measurement: Measurement, name: Code, *, upper: bool) -> Code:
    """Lower or upper limit of the 95 % interval of the quantity `name`."""
    side = "Upper" if upper else "Lower"
    meaning = fitting(f"{side} limit of 95 % interval: {name.meaning}", f"{side} limit of 95 % interval")
    return _private(hashed(side[0], f"{name.value}|{measurement.horizon_months}"), meaning)


def question(section: ModelSection) -> Code:
    """Code of the question that a model's group answers."""
    key = str(section.quantity)
    groups = _groups_of(key)
    return _private(hashed("G", key), "Group") if groups is None else _of(groups.question)


def _groups_of(key: str) -> GroupConcept | None:
    known = concept_of(key)
    return None if known is None else known.groups


def _quantities_and_groups() -> list[Code]:
    """Every private code that the table of concepts gives."""
    concepts = CONCEPTS.values()
    grouped = [concept.groups for concept in concepts if concept.groups is not None]
    private = [concept.groups for quantity, concept in CONCEPTS.items() if quantity is not Quantity.RECURRENCE_SCORE]
    stems = [*(groups.code_stem for groups in private if groups is not None), _ANY_GROUP]
    return [
        *(_of(concept.code) for concept in concepts if concept.code is not None),
        _of(CUT_OFF_CODE),
        *(_of(groups.question) for groups in grouped),
        *(_private(f"{stem}_{side.value}", side.meaning) for stem in stems for side in _SIDES.values()),
    ]


def group(section: ModelSection) -> Code:
    """Answer to the question: the group, or that it is too close to call, or that there is no result.

    A risk group has a code of SNOMED CT; other groups a private one, with the report's own label as its meaning.
    """
    if section.group is None:
        return EQUIVOCAL if section.state is State.BORDERLINE else INDETERMINATE
    if section.quantity is Quantity.RECURRENCE_SCORE:
        return _RISKS[section.group]
    groups = _groups_of(str(section.quantity))
    stem = _ANY_GROUP if groups is None else groups.code_stem
    return _private(f"{stem}_{_SIDES[section.group].value}", fitting(section.group_label or "", section.group.value))


def validity(state: State) -> Code:
    """State of an answer."""
    return _VALIDITIES[state]


def reason(item: Reason) -> Code:
    """Code of a reason, by its stable identifier."""
    return _private(hashed("R", item.code), fitting(item.code.replace("-", " ").capitalize(), "reason"))


def contribution(label: str) -> Code:
    """A group of inputs whose share of the output is reported."""
    return _private(hashed("C", label), fitting(label, "Group of inputs"))


def note(item: QualityNote) -> Code:
    """Code of the subject of a quality note, by its stable identifier."""
    return _private(hashed("N", item.code), fitting(item.code, "quality note"))


def severity(item: QualityNote) -> Code:
    """Code of the severity of a quality note."""
    return _SEVERITIES[item.severity]


def sequence(value: Sequence) -> Code:
    """The sequence a region was measured on."""
    return _IMAGES[value]


def region_category(region: Region) -> Code:
    """Segmented Property Category."""
    return _CATEGORIES[region]


def region_type(region: Region) -> Code:
    """Segmented Property Type, and the finding of the region's measurement group."""
    return _TYPES[region]


def is_breast(header: Dataset) -> bool:
    """Returns whether the images are of the breast: they state it, or state nothing."""
    part = str(header.get("BodyPartExamined", "") or "").strip().upper()
    return part == "" or "BREAST" in part


def side(subject: Subject) -> Code | None:
    """Laterality of the finding site, where the images state it."""
    return {
        "L": codes.SCT.Left,
        "R": codes.SCT.Right,
        "B": codes.SCT.RightAndLeft,
    }.get(subject.laterality)


def coding_schemes() -> list[CodingSchemeIdentificationItem]:
    """Declaration of the coding schemes that are not DICOM's own."""
    return [
        CodingSchemeIdentificationItem(
            designator=PRIVATE_SCHEME,
            name="rdeepnet private codes",
            responsible_organization="rdeepnet",
        ),
        CodingSchemeIdentificationItem(
            designator="IBSI",
            name="Image Biomarker Standardisation Initiative",
            registry="HL7",
            uid="1.2.840.10008.2.16.13",
        ),
    ]


def concept(code: Code) -> CodedConcept:
    """The code as a DICOM item."""
    return CodedConcept(code.value, code.scheme_designator, code.meaning)
