"""Patient and examination of the images, decoded; and the header that our objects carry over."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import date, datetime

import pydicom
from pydicom.valuerep import PersonName

from dicom_io.carried_values import TREATMENTS, doubts, one_value
from dicom_io.images.headers import DECODE_ERRORS, text
from models.quality_notes import QualityNote, Severity
from reports.content import Subject

# PS3.3 C.7.1 (patient, clinical trial subject), C.7.2 (study, patient study, clinical trial study), C.7.4.1 (frame of
# reference), and what describes the examination to a reader.
# One keyword a line would be three pages.
CARRIED = (  # noqa: SIM905
    "SpecificCharacterSet TimezoneOffsetFromUTC PatientName PatientID IssuerOfPatientID "
    "IssuerOfPatientIDQualifiersSequence TypeOfPatientID PatientBirthDate PatientBirthTime PatientSex "
    "QualityControlSubject ReferencedPatientSequence OtherPatientIDsSequence OtherPatientNames EthnicGroup "
    "PatientComments PatientSpeciesDescription PatientIdentityRemoved DeidentificationMethod "
    "DeidentificationMethodCodeSequence ClinicalTrialSponsorName ClinicalTrialProtocolID "
    "ClinicalTrialProtocolName ClinicalTrialSiteID ClinicalTrialSiteName ClinicalTrialSubjectID "
    "ClinicalTrialSubjectReadingID ClinicalTrialProtocolEthicsCommitteeName "
    "ClinicalTrialProtocolEthicsCommitteeApprovalNumber StudyInstanceUID StudyDate StudyTime "
    "ReferringPhysicianName ReferringPhysicianIdentificationSequence ConsultingPhysicianName StudyID "
    "AccessionNumber IssuerOfAccessionNumberSequence StudyDescription PhysiciansOfRecord "
    "NameOfPhysiciansReadingStudy RequestingService ReferencedStudySequence ProcedureCodeSequence "
    "ReasonForPerformedProcedureCodeSequence AdmittingDiagnosesDescription AdmittingDiagnosesCodeSequence "
    "PatientAge PatientSize PatientWeight Occupation AdditionalPatientHistory AdmissionID PregnancyStatus "
    "PatientSexNeutered SmokingStatus MedicalAlerts Allergies ClinicalTrialTimePointID "
    "ClinicalTrialTimePointDescription LongitudinalTemporalOffsetFromEvent FrameOfReferenceUID "
    "PositionReferenceIndicator InstitutionName InstitutionAddress InstitutionalDepartmentName Manufacturer "
    "ManufacturerModelName StationName SoftwareVersions DeviceSerialNumber MagneticFieldStrength BodyPartExamined "
    "AnatomicRegionSequence Laterality ImageLaterality PatientPosition RequestAttributesSequence "
    "RequestedProcedureDescription RequestedProcedureCodeSequence "
).split()


# Of the attributes without a treatment of their own, those whose absence a reader of our objects may wonder about.
_ALSO_CHECKED = ("PatientSize", "PatientWeight", "EthnicGroup", "TimezoneOffsetFromUTC")
# A doubt about one of these is a warning: the report may be filed wrongly or found with difficulty.
_IDENTIFYING = frozenset(
    {"StudyInstanceUID", "PatientID", "IssuerOfPatientID", "PatientName", "AccessionNumber", "StudyID", "StudyDate"}
)


def subject_of(header: pydicom.Dataset) -> tuple[Subject, tuple[QualityNote, ...]]:
    """Patient and examination as the header states them, with quality notes on what is missing or not valid in it."""
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        subject = Subject(
            patient_name=_person(header, "PatientName"),
            patient_id=text(header, "PatientID"),
            birth_date=_date(one_value("PatientBirthDate", text(header, "PatientBirthDate"))),
            sex=one_value("PatientSex", text(header, "PatientSex")),
            age=text(header, "PatientAge"),
            study_date=_date(one_value("StudyDate", text(header, "StudyDate"))),
            study_description=text(header, "StudyDescription"),
            accession_number=text(header, "AccessionNumber"),
            institution=text(header, "InstitutionName"),
            referring_physician=_person(header, "ReferringPhysicianName"),
            study_instance_uid=text(header, "StudyInstanceUID"),
            laterality=_laterality(header),
        )
    declared = text(header, "SpecificCharacterSet")
    texts = (subject.patient_name, subject.study_description, subject.institution, subject.referring_physician)
    undeclared = declared in ("", "ISO_IR 6", "ISO 2022 IR 6") and not all(one.isascii() for one in texts)
    notes = []
    if complaints or undeclared or any("�" in one for one in texts):
        name = declared.replace("\\", " and ") or "no character set"
        notes.append(
            QualityNote(
                code="character-set",
                severity=Severity.WARNING,
                sentence=f"The images declare {name}, which does not fit their texts: names may be shown wrongly.",
            )
        )
    return subject, (*notes, *_identity_notes(subject), *_value_notes(header))


def _identity_notes(subject: Subject) -> Iterator[QualityNote]:
    if not subject.patient_id:
        missing = "Patient ID" if subject.patient_name else "Patient ID and no Patient's Name"
        yield QualityNote(
            code="patient-not-identified",
            severity=Severity.WARNING,
            sentence=f"The images carry no {missing}; expected what the archive has. The report can be told by the "
            "Study Instance UID only: correct the patient at the archive and send the study again.",
        )


def _value_notes(header: pydicom.Dataset) -> Iterator[QualityNote]:
    found = doubts(carried_header(header), (*TREATMENTS, *_ALSO_CHECKED))
    if found:
        is_grave = any(doubt.keyword in _IDENTIFYING for doubt in found)
        yield QualityNote(
            code="header-values",
            severity=Severity.WARNING if is_grave else Severity.NOTE,
            sentence="Patient or study attributes of the images hold values that DICOM does not allow. In the objects "
            f"sent back: {'; '.join(doubt.as_text() for doubt in found)}. Correct them at the archive.",
        )


def carried_header(header: pydicom.Dataset) -> pydicom.Dataset:
    """The patient, study and frame-of-reference attributes of an image, with its character set, for our objects."""
    carried = pydicom.Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a character set that does not fit has its quality note
        for keyword in CARRIED:
            try:
                if keyword in header:
                    carried.add(header[keyword])
            except DECODE_ERRORS:
                continue  # an optional attribute that cannot be decoded is not carried over
    return carried


def _person(header: pydicom.Dataset, keyword: str) -> str:
    """A name as "Family, Given", with the ideographic form in brackets where there is one."""
    name = PersonName(text(header, keyword).split("\\")[0])
    alphabetic, ideographic = (_shown(str(part)) for part in (name.alphabetic, name.ideographic))
    if alphabetic and ideographic:
        return f"{alphabetic} ({ideographic.replace(', ', ' ')})"
    return alphabetic or ideographic


def _shown(components: str) -> str:
    family, given, middle, prefix, suffix = (part.strip() for part in (components.split("^") + [""] * 5)[:5])
    first = " ".join(part for part in (prefix, given, middle) if part)
    return ", ".join(part for part in (family, first, suffix) if part)


def _date(value: str) -> date | None:
    try:
        return datetime.strptime(value, "%Y%m%d").date()
    except ValueError:
        return None


def _laterality(header: pydicom.Dataset) -> str:
    for keyword in ("Laterality", "ImageLaterality"):
        if (side := text(header, keyword).upper()) in ("L", "R", "B"):
            return side
    return ""
