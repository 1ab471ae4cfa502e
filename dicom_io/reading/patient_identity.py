"""Identity of a patient as objects state it, for `dicom_io.priors`."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pydicom

from dicom_io.carried_values import one_value
from dicom_io.errors import NotReadable
from dicom_io.images.headers import DECODE_ERRORS, identifier, text
from dicom_io.priors import PatientIdentity, Present
from dicom_io.study import Study

_READ = ["SpecificCharacterSet", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "StudyDate"]


def patient_of(header: pydicom.Dataset) -> PatientIdentity:
    """Patient of an object."""
    return PatientIdentity(
        patient_id=identifier(header, "PatientID"),
        issuer=identifier(header, "IssuerOfPatientID"),
        birth_date=one_value("PatientBirthDate", text(header, "PatientBirthDate")),
        sex=one_value("PatientSex", text(header, "PatientSex")),
    )


def present_of(study: Study) -> Present:
    """The study that is being answered, as far as earlier ones are looked for by it."""
    return Present(patient_of(study.header), str(study.header.StudyInstanceUID), study.subject.study_date)


def read_patient(file: Path) -> tuple[PatientIdentity, date | None]:
    """Patient and Study Date of an object.

    Raises
    ------
    NotReadable
        When it cannot be read.
    """
    try:
        header = pydicom.dcmread(file, specific_tags=_READ)
    except DECODE_ERRORS as error:
        raise NotReadable(f"{file.name} cannot be read as DICOM; an object of an answer was expected.") from error
    return patient_of(header), day_of(text(header, "StudyDate"))


def day_of(text_of_day: str) -> date | None:
    """The date of a DICOM text, YYYYMMDD; None where it is none."""
    try:
        return datetime.strptime(text_of_day.strip(), "%Y%m%d").date()
    except ValueError:
        return None
