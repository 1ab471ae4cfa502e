"""By what a person finds a study again: patient, date, number and folder, read from one header."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pydicom

from dicom_io.carried_values import one_value
from dicom_io.errors import NotReadable
from dicom_io.images.headers import read_header, shown
from dicom_io.images.library_remarks import library_remarks
from dicom_io.reading.pseudonymise import Pseudonymiser
from models.plain_text import one_line
from models.pseudonyms import Dates, Kind

_READ = ["SpecificCharacterSet", "PatientID", "StudyDate", "AccessionNumber", "StudyInstanceUID", "Modality"]


@dataclass(frozen=True)
class StudyIdentity:
    """Identity of a study for tables and JSON; empty where the headers say nothing.

    Attributes
    ----------
    patient_id : Patient ID, as in the table of `rdeepnet features --id patient`
    study_date : ISO 8601
    accession_number : Accession Number
    source_folder : the folder that holds all its files, as the command line named it; empty where it was not asked for
    """

    patient_id: str = ""
    study_date: str = ""
    accession_number: str = ""
    source_folder: str = ""

    def as_json(self) -> Mapping[str, str]:
        """The keys that every JSON document and table uses for them."""
        return {
            "patient_id": self.patient_id,
            "study_date": self.study_date,
            "accession_number": self.accession_number,
            "source_folder": self.source_folder,
        }

    def phrases(self) -> tuple[str, ...]:
        """Phrases for a person, of what is known: "Patient SYN0001", "2026-11-02", "Accession SYN-A0001", folder."""
        said = (
            f"Patient {self.patient_id}" if self.patient_id else "no Patient ID",
            self.study_date,
            f"Accession {self.accession_number}" if self.accession_number else "",
            self.source_folder,
        )
        return tuple(phrase for phrase in said if phrase)


NOBODY = StudyIdentity()


def identity_of(files: Sequence[Path], pseudonymiser: Pseudonymiser | None = None) -> StudyIdentity:
    """Identity of the study that some files belong to, by the first MR image among them, else the first object.

    What the DICOM library remarks on these headers is a note of the reading of the study, and not said here.

    Parameters
    ----------
    pseudonymiser : gives its pseudonyms, moves or drops the date, and leaves the folder out, whose name may be a
        patient's; None leaves all as it is
    """
    with library_remarks():
        return _identity(files, pseudonymiser)


def _identity(files: Sequence[Path], pseudonymiser: Pseudonymiser | None) -> StudyIdentity:
    header = _header(files)
    if header is None:
        return StudyIdentity(source_folder=_folder(files) if pseudonymiser is None else "")
    patient, number = shown(header, "PatientID"), shown(header, "AccessionNumber")
    day = _day(one_value("StudyDate", shown(header, "StudyDate")))
    if pseudonymiser is None:
        return StudyIdentity(patient, "" if day is None else day.isoformat(), number, _folder(files))
    pseudonyms = pseudonymiser.pseudonyms
    if day is not None and pseudonymiser.dates is Dates.SHIFT:
        day = pseudonyms.shifted(day, patient=patient or shown(header, "StudyInstanceUID"))
    elif pseudonymiser.dates is Dates.DROP:
        day = None
    return StudyIdentity(
        patient_id=pseudonyms.of(Kind.PATIENT, patient),
        study_date="" if day is None else day.isoformat(),
        accession_number=pseudonyms.of(Kind.ACCESSION, number),
    )


def _header(files: Sequence[Path]) -> pydicom.Dataset | None:
    first = None
    for path in files:
        try:
            header = read_header(path, only=_READ)
        except NotReadable:
            continue  # reading the study says so
        if header is not None and shown(header, "Modality") == "MR":
            return header
        first = first or header
    return first


def _folder(files: Sequence[Path]) -> str:
    return one_line(os.path.commonpath([path.parent for path in files])) if files else ""


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None
