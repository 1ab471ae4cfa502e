"""Attributes that each kind of object of ours must have (PS3.3, types 1 and 2), for the check and the conformance
statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydicom import Dataset
from pydicom.uid import (
    Comprehensive3DSRStorage,
    EncapsulatedPDFStorage,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)


@dataclass(frozen=True)
class Attributes:
    """Attributes that a data set, or each item of a sequence in it, must have.

    Attributes
    ----------
    path : keywords of the sequences from the root to the items, empty for the root
    type_1 : present with a value
    type_2 : present, possibly empty
    """

    path: tuple[str, ...]
    type_1: tuple[str, ...]
    type_2: tuple[str, ...] = ()


_COMMON = (
    Attributes(
        (),
        (
            "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID",
            "Modality", "SeriesNumber", "InstanceNumber", "Manufacturer", "ManufacturerModelName", "SoftwareVersions",
            "DeviceSerialNumber", "DeviceUID", "ContentDate", "ContentTime", "ContributingEquipmentSequence",
            "CodingSchemeIdentificationSequence", "InstanceCreationDate", "InstanceCreationTime", "SeriesDate",
            "SeriesTime", "SeriesDescription",
        ),
        (
            "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
            "AccessionNumber", "ReferringPhysicianName",
        ),
    ),
    Attributes(
        ("ContributingEquipmentSequence",),
        ("PurposeOfReferenceCodeSequence", "Manufacturer", "ManufacturerModelName", "SoftwareVersions", "DeviceUID"),
    ),
    Attributes(("CodingSchemeIdentificationSequence",), ("CodingSchemeDesignator",)),
)  # fmt: skip

_SEGMENTATION = (
    Attributes(
        (),
        (
            "FrameOfReferenceUID", "ImageType", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit",
            "PixelRepresentation", "SamplesPerPixel", "SegmentsOverlap", "PresentationLUTShape", "ImageComments",
            "PhotometricInterpretation", "LossyImageCompression", "SegmentationType", "SegmentSequence", "ContentLabel",
            "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "NumberOfFrames",
            "DimensionOrganizationSequence", "DimensionIndexSequence", "ReferencedSeriesSequence", "PixelData",
        ),
        ("PositionReferenceIndicator", "ContentDescription", "ContentCreatorName"),
    ),
    Attributes(
        ("SegmentSequence",),
        (
            "SegmentNumber", "SegmentLabel", "SegmentAlgorithmType", "TrackingID",
            "TrackingUID", "SegmentedPropertyCategoryCodeSequence", "SegmentedPropertyTypeCodeSequence",
        ),
    ),
    Attributes(("SharedFunctionalGroupsSequence",), ("PlaneOrientationSequence", "PixelMeasuresSequence")),
    Attributes(("SharedFunctionalGroupsSequence", "PixelMeasuresSequence"), ("PixelSpacing", "SliceThickness")),
    Attributes(
        ("PerFrameFunctionalGroupsSequence",),
        ("FrameContentSequence", "PlanePositionSequence", "SegmentIdentificationSequence", "DerivationImageSequence"),
    ),
    Attributes(
        ("PerFrameFunctionalGroupsSequence", "DerivationImageSequence", "SourceImageSequence"),
        ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID", "PurposeOfReferenceCodeSequence"),
    ),
)  # fmt: skip

_REPORT = (
    Attributes(
        (),
        (
            "CompletionFlag", "VerificationFlag", "PreliminaryFlag", "CurrentRequestedProcedureEvidenceSequence",
            "ValueType", "ConceptNameCodeSequence", "ContinuityOfContent", "ContentTemplateSequence", "ContentSequence",
        ),
        ("ReferencedPerformedProcedureStepSequence", "PerformedProcedureCodeSequence"),
    ),
    Attributes(("ContentTemplateSequence",), ("MappingResource", "TemplateIdentifier")),
)  # fmt: skip

_DOCUMENT = (
    Attributes(
        (),
        (
            "ConversionType", "BurnedInAnnotation", "RecognizableVisualFeatures", "DocumentTitle",
            "ConceptNameCodeSequence", "MIMETypeOfEncapsulatedDocument", "EncapsulatedDocument",
            "EncapsulatedDocumentLength", "SourceInstanceSequence",
        ),
        ("AcquisitionDateTime",),
    ),
)  # fmt: skip

_REJECTION_NOTE = (
    Attributes(
        (),
        (
            "CurrentRequestedProcedureEvidenceSequence", "ValueType", "ConceptNameCodeSequence", "ContinuityOfContent",
            "ContentTemplateSequence", "ContentSequence",
        ),
        ("ReferencedPerformedProcedureStepSequence",),
    ),
    Attributes(("ContentTemplateSequence",), ("MappingResource", "TemplateIdentifier")),
)  # fmt: skip

_PICTURE = (
    Attributes(
        (),
        (
            "ConversionType", "BurnedInAnnotation", "RecognizableVisualFeatures", "ImageType", "ImageLaterality",
            "ImageComments", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated",
            "BitsStored", "HighBit", "PixelRepresentation", "PixelData",
        ),
        ("PatientOrientation",),
    ),
)  # fmt: skip

# SOP Class → modality, and the attributes beyond those that all our objects have.
KINDS: Mapping[str, tuple[str, tuple[Attributes, ...]]] = {
    SegmentationStorage: ("SEG", _SEGMENTATION),
    Comprehensive3DSRStorage: ("SR", _REPORT),
    EncapsulatedPDFStorage: ("DOC", _DOCUMENT),
    KeyObjectSelectionDocumentStorage: ("KO", _REJECTION_NOTE),
    SecondaryCaptureImageStorage: ("OT", _PICTURE),
}


def required_attributes(sop_class_uid: str) -> tuple[Attributes, ...]:
    """Attributes that one of our objects must have; the conformance statement lists the same."""
    return _COMMON + KINDS[sop_class_uid][1]


def missing_attributes(dataset: Dataset, rule: Attributes) -> Iterator[str]:
    """A problem in words for each attribute of the rule that is absent, or empty where a value is needed."""
    items = [dataset]
    for keyword in rule.path:
        items = [child for item in items for child in item.get(keyword, ())]
    place = f" in {'.'.join(rule.path)}" if rule.path else ""
    for keyword in (*rule.type_1, *rule.type_2):
        absent = sum(keyword not in item for item in items)
        if absent:
            yield f"{keyword} is missing{place} ({absent} of {len(items)})"
    for keyword in rule.type_1:
        empty = sum(keyword in item and item[keyword].is_empty for item in items)
        if empty:
            yield f"{keyword} is empty{place} ({empty} of {len(items)})"
