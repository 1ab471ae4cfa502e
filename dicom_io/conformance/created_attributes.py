"""The attributes of the objects we make, by module, and the source of each value: an annex of the conformance
statement.

Types come from the conformance check, carried attributes from the code that carries them; tests compare the whole
with objects that were made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydicom.uid import (
    Comprehensive3DSRStorage,
    EncapsulatedPDFStorage,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from dicom_io.writing.common_modules import SERIES, VERSION_STEP
from dicom_io.writing.patient_modules import CARRIED, CHARACTER_SET
from dicom_io.writing.required_attributes import KINDS, required_attributes
from reports.key_images.picture import SIDE
from reports.notice.picture import COLUMNS, ROWS

EVERY_KIND = tuple(KINDS)


class Presence(StrEnum):
    """PS3.2 Annex A: presence of an attribute."""

    ALWAYS = "ALWAYS"  # with a value
    VALUE_NOT_ALWAYS = "VNAP"  # present, possibly empty
    NOT_ALWAYS = "ANAP"  # where there is a value


@dataclass(frozen=True)
class Module:
    """A module of PS3.3 as our objects fill it.

    Attributes
    ----------
    section : of PS3.3
    kinds : SOP Classes that contain it
    sources : keyword → source of its value
    """

    name: str
    section: str
    kinds: Sequence[str]
    sources: Mapping[str, str]


_IMAGES = "source images"
_MADE = "made when the report is composed"
_DERIVED = "derived from study, models and software (a notice: study and reason); the same input gives the same"
_SOFTWARE = "this software"


def _carried(*keywords: str) -> dict[str, str]:
    unknown = set(keywords) - set(CARRIED)
    assert not unknown, f"not carried over: {unknown}"
    return dict.fromkeys(keywords, _IMAGES)


MODULES: tuple[Module, ...] = (
    Module(
        "Patient, Clinical Trial Subject", "C.7.1.1, C.7.1.3", EVERY_KIND,
        _carried(
            "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientBirthTime", "PatientSex",
            "OtherPatientNames", "EthnicGroup", "PatientIdentityRemoved", "DeidentificationMethod",
            "DeidentificationMethodCodeSequence", "ClinicalTrialSponsorName", "ClinicalTrialProtocolID",
            "ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName", "ClinicalTrialSubjectID",
            "ClinicalTrialSubjectReadingID",
        ),
    ),
    Module(
        "General Study, Patient Study, Clinical Trial Study", "C.7.2.1, C.7.2.2, C.7.2.3", EVERY_KIND,
        _carried(
            "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber",
            "IssuerOfAccessionNumberSequence", "ReferringPhysicianName", "StudyDescription", "PhysiciansOfRecord",
            "ProcedureCodeSequence", "PatientAge", "PatientSize", "PatientWeight", "ClinicalTrialTimePointID",
            "ClinicalTrialTimePointDescription",
        ),
    ),
    Module(
        "General Series, Segmentation Series, SR Document Series, Encapsulated Document Series",
        "C.7.3.1, C.8.20.1, C.17.1, C.24.1", EVERY_KIND,
        {
            "Modality": ", ".join(f"`{modality}`" for modality, _ in KINDS.values()) + " by kind of object",
            "SeriesInstanceUID": f"{_DERIVED}; every object has a series of its own, and key images have one together",
            "SeriesNumber": ", ".join(str(series.number) for series in SERIES.values())
            + f" by role, {VERSION_STEP} more for each further version of an answer",
            "SeriesDescription": "fixed by role, after `v2`, `v3` … for further versions of an answer",
            "SeriesDate": _MADE,
            "SeriesTime": _MADE,
        },
    ),
    Module(
        "Orders of the General and the Encapsulated Document Series", "C.7.3.1, C.24.1",
        (SegmentationStorage, EncapsulatedPDFStorage, SecondaryCaptureImageStorage),
        {"RequestAttributesSequence": "orders that the images name with both their IDs"},
    ),
    Module(
        "Referenced steps of the SR and the Key Object Document Series", "C.17.1, C.17.6.1",
        (Comprehensive3DSRStorage, KeyObjectSelectionDocumentStorage),
        {"ReferencedPerformedProcedureStepSequence": "empty: MPPS is not used"},
    ),
    Module(
        "General Equipment, Enhanced General Equipment", "C.7.5.1, C.7.5.2", EVERY_KIND,
        {
            "Manufacturer": _SOFTWARE,
            "ManufacturerModelName": _SOFTWARE,
            "SoftwareVersions": _SOFTWARE,
            "DeviceSerialNumber": _SOFTWARE,
            "DeviceUID": "derived from the version of the software",
            **_carried("InstitutionName"),
        },
    ),
    Module(
        "SOP Common", "C.12.1", EVERY_KIND,
        {
            "SpecificCharacterSet": f"`{CHARACTER_SET}`",
            "SOPClassUID": "by kind of object",
            "SOPInstanceUID": _DERIVED,
            "InstanceNumber": "1; key images 1 to 5 by what they show",
            "InstanceCreationDate": _MADE,
            "InstanceCreationTime": _MADE,
            "ContentDate": _MADE,
            "ContentTime": _MADE,
            "CodingSchemeIdentificationSequence": "private scheme and IBSI, see coded terminology",
            "ContributingEquipmentSequence": "this software and every model that was run, purpose (109102, DCM)",
            **_carried("TimezoneOffsetFromUTC"),
        },
    ),
    Module(
        "Frame of Reference", "C.7.4.1", (SegmentationStorage,),
        {
            "FrameOfReferenceUID": f"{_IMAGES}; one of our own where they have none, or none that is valid",
            "PositionReferenceIndicator": "empty",
        },
    ),
    Module(
        "Image Pixel, General Image, Segmentation Image", "C.7.6.3, C.7.6.1, C.8.20.2", (SegmentationStorage,),
        {
            "ImageType": "`DERIVED\\PRIMARY`",
            "Rows": "grid of the source images",
            "Columns": "grid of the source images",
            "SamplesPerPixel": "`1`",
            "PhotometricInterpretation": "`MONOCHROME2`",
            "BitsAllocated": "`1`",
            "BitsStored": "`1`",
            "HighBit": "`0`",
            "PixelRepresentation": "`0`",
            "PresentationLUTShape": "`IDENTITY`",
            "LossyImageCompression": "`00`",
            "ImageComments": "notice that this is research software",
            "ContentLabel": "`TUMOUR_SHELL`; `DRAFT` of a draft, `TUMOUR` of one that a person accepted",
            "ContentDescription": "fixed by role",
            "ContentCreatorName": "empty: a device made it; who accepted a draft",
            "SegmentationType": "`BINARY`",
            "SegmentsOverlap": "whether segments share voxels",
            "SegmentSequence": "segment 1 tumour, segment 2 peritumoral shell; of a draft the tumour alone",
            "PixelData": "one bit per voxel",
        },
    ),
    Module(
        "Multi-frame Functional Groups, Multi-frame Dimension, Common Instance Reference", "C.7.6.16, C.7.6.17, C.12.2",
        (SegmentationStorage,),
        {
            "SharedFunctionalGroupsSequence": "orientation and spacing of the grid",
            "PerFrameFunctionalGroupsSequence": "position of each frame, its segment, its source image",
            "NumberOfFrames": "slices that hold a region, for each segment",
            "DimensionOrganizationSequence": "derived",
            "DimensionIndexSequence": "segment, position",
            "ReferencedSeriesSequence": "series and instances of the source images",
        },
    ),
    Module(
        "SR Document General, SR Document Content", "C.17.2, C.17.3", (Comprehensive3DSRStorage,),
        {
            "CompletionFlag": "`COMPLETE`",
            "VerificationFlag": "`UNVERIFIED`",
            "PreliminaryFlag": "`PRELIMINARY`",
            "ReferencedRequestSequence": "orders the images name, else the accession number",
            "PerformedProcedureCodeSequence": "empty",
            "CurrentRequestedProcedureEvidenceSequence": "source images, received and own segmentations",
            "PredecessorDocumentsSequence": "the report of the same kind that this one replaces",
            "ValueType": "`CONTAINER`",
            "ConceptNameCodeSequence": "(126000, DCM, \"Imaging Measurement Report\")",
            "ContinuityOfContent": "`SEPARATE`",
            "ContentTemplateSequence": "template 1500 of DCMR",
            "ContentSequence": "the report",
        },
    ),
    Module(
        "Key Object Document, SR Document Content of a rejection note or the note about a draft", "C.17.6.2, C.17.3",
        (KeyObjectSelectionDocumentStorage,),
        {
            "ReferencedRequestSequence": "orders the images name, else the accession number",
            "CurrentRequestedProcedureEvidenceSequence": "the objects of the answer that is replaced; the draft",
            "ValueType": "`CONTAINER`",
            "ConceptNameCodeSequence": '(113038, DCM, "Incorrect Modality Worklist Entry") after a correction of the '
            'identity, else (113001, DCM, "Rejected for Quality Reasons"); of a draft (128201, DCM, "For Physician '
            'Review")',
            "ContinuityOfContent": "`CONTINUOUS`",
            "ContentTemplateSequence": "template 2010 of DCMR",
            "ContentSequence": "why, and the objects",
        },
    ),
    Module(
        "SC Equipment, General Image, Image Pixel of a notice and a key image", "C.8.6.1, C.7.6.1, C.7.6.3",
        (SecondaryCaptureImageStorage,),
        {
            "ConversionType": "SYN (notice), WSD (key image)",
            "ImageType": "`DERIVED\\SECONDARY`",
            "PatientOrientation": "empty in a notice; a key image: the directions of its rows and columns",
            "ImageLaterality": "of the images, else `U`",
            "ImageComments": "notice: what was found, what was expected, what to do, standard code and reason; key "
            "image: what is shown, and that this is research software",
            "BurnedInAnnotation": "`YES`",
            "RecognizableVisualFeatures": "`NO`",
            "SamplesPerPixel": "1 (notice), 3 (key image)",
            "PhotometricInterpretation": "MONOCHROME2 (notice), RGB (key image)",
            "Rows": f"{ROWS} (notice); a key image has {SIDE} for the anatomy, and the strips of words",
            "Columns": f"{COLUMNS} (notice), {SIDE} (key image)",
            "BitsAllocated": "`8`",
            "BitsStored": "`8`",
            "HighBit": "`7`",
            "PixelRepresentation": "`0`",
            "PixelData": "the picture, without the name or identifier of the patient",
        },
    ),
    Module(
        "General Image, General Reference, Image Pixel, Basic Pixel Spacing Calibration of a key image",
        "C.7.6.1, C.12.4, C.7.6.3, 10.7", (SecondaryCaptureImageStorage,),
        {
            "DerivationDescription": "section, part of a section, or maximum intensity projection of a subtraction",
            "DerivationCodeSequence": "of a subtraction: (113062, DCM), (113078, DCM)",
            "SourceImageSequence": "the images that are shown, purpose (121322, DCM), and our segmentation whose "
            "outlines are burnt in, purpose (121321, DCM)",
            "PixelSpacing": "both alike: the anatomy is resampled to square pixels of a known size",
            "PixelSpacingCalibrationType": "GEOMETRY",
            "PixelSpacingCalibrationDescription": "that it was resampled at a known scale",
            "LossyImageCompression": "00",
            "PlanarConfiguration": "0",
        },
    ),
    Module(
        "Encapsulated Document", "C.24.2", (EncapsulatedPDFStorage,),
        {
            "ConversionType": "`WSD`",
            "AcquisitionDateTime": "empty",
            "BurnedInAnnotation": "`YES`",
            "RecognizableVisualFeatures": "`NO`",
            "SourceInstanceSequence": "the other objects of the same answer; the draft",
            "DocumentTitle": "title of the report, and what it replaces and why; of a draft that it needs review",
            "ConceptNameCodeSequence": "(18748-4, LN, \"Diagnostic Imaging Report\")",
            "MIMETypeOfEncapsulatedDocument": "`application/pdf`",
            "EncapsulatedDocumentLength": "bytes of the PDF without padding",
            "EncapsulatedDocument": "the PDF",
        },
    ),
)  # fmt: skip


def presence(keyword: str, kinds: Sequence[str]) -> Presence:
    """Presence of an attribute of the root, as the conformance check requires it."""
    rules = [rule for kind in kinds for rule in required_attributes(kind) if rule.path == ()]
    if any(keyword in rule.type_1 for rule in rules):
        return Presence.ALWAYS
    return Presence.VALUE_NOT_ALWAYS if any(keyword in rule.type_2 for rule in rules) else Presence.NOT_ALWAYS
