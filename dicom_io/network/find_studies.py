"""C-FIND, level by level: studies by number, UID or patient, and the series of a study that are worth fetching.

A query is never sent without a value to match: an empty one matches everybody. Archives compare more loosely than the
standard says (Orthanc finds `p1` for `P1`), so what comes back is compared again, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

from dicom_io.errors import NotReadable, PeerRefused
from dicom_io.images.headers import DECODE_ERRORS, identifier, text
from dicom_io.network.find import matches
from dicom_io.network.instance_header import is_uid
from dicom_io.network.peer import Peer

# What the queries hold, and what for.
STUDY_KEYS: Final[Mapping[str, str]] = {
    "SpecificCharacterSet": "ISO_IR 192 where a value needs it",
    "QueryRetrieveLevel": "STUDY",
    "StudyInstanceUID": "matched or returned",
    "AccessionNumber": "matched or returned",
    "PatientID": "matched or returned",
    "IssuerOfPatientID": "matched or returned",
    "PatientBirthDate": "returned",
    "PatientSex": "returned",
    "StudyDate": "returned",
    "ModalitiesInStudy": "returned",
    "NumberOfStudyRelatedInstances": "returned",
}
SERIES_KEYS: Final[Mapping[str, str]] = {
    "QueryRetrieveLevel": "SERIES",
    "StudyInstanceUID": "unique key, the study",
    "SeriesInstanceUID": "returned",
    "Modality": "returned; series of other modalities are not fetched",
    "NumberOfSeriesRelatedInstances": "returned",
}
READ_MODALITIES: Final = ("MR", "SEG", "RTSTRUCT")  # images and outlines; reports and drawings are not read
_UNSAFE: Final = "*?\\"  # wildcards, and the delimiter of several values (PS3.4 C.2.2.2)


@dataclass(frozen=True)
class Wanted:
    """Studies by at least one of these; what is empty is not compared.

    Raises
    ------
    PeerRefused
        When nothing is given, or a value is one that would match others besides.
    """

    study_instance_uid: str = ""
    accession_number: str = ""
    patient_id: str = ""
    issuer: str = ""

    def __post_init__(self) -> None:
        values = (self.study_instance_uid, self.accession_number, self.patient_id)
        if not any(value.strip() for value in values):
            raise PeerRefused(
                "No archive is asked without a study, an accession number or a Patient ID: an empty value matches "
                "every patient. Name one of them."
            )
        if any(letter in value for value in (*values, self.issuer) for letter in _UNSAFE):
            raise PeerRefused(
                "The value to look for has a wildcard or a backslash (*, ? or \\); expected it as it is written in the "
                "archive, letter by letter."
            )
        if self.study_instance_uid and not is_uid(self.study_instance_uid):
            raise PeerRefused("The Study Instance UID is none; expected digits and dots, 64 characters at most.")


@dataclass(frozen=True)
class StudyAtPeer:
    """One study as an archive lists it; empty where it says nothing.

    Attributes
    ----------
    birth_date, study_date : YYYYMMDD, as the archive writes them
    instances : number of objects; None where the archive does not count
    """

    study_instance_uid: str
    accession_number: str = ""
    patient_id: str = ""
    issuer: str = ""
    birth_date: str = ""
    sex: str = ""
    study_date: str = ""
    modalities: tuple[str, ...] = ()
    instances: int | None = None


@dataclass(frozen=True)
class SeriesAtPeer:
    """One series as an archive lists it; `instances` is None where the archive does not count."""

    series_instance_uid: str
    modality: str
    instances: int | None = None


def find_studies(peer: Peer, wanted: Wanted) -> tuple[StudyAtPeer, ...]:
    """Studies of an archive that are exactly what is wanted, by date and UID.

    An issuer is compared where the archive states one: many never return it.

    Raises
    ------
    PeerUnavailable, PeerRefused
        As `find.matches`.
    """
    query = Dataset()
    values = {
        "StudyInstanceUID": wanted.study_instance_uid,
        "AccessionNumber": wanted.accession_number,
        "PatientID": wanted.patient_id,
        "IssuerOfPatientID": wanted.issuer,
    }
    for keyword in STUDY_KEYS:
        setattr(query, keyword, values.get(keyword) or None)
    query.QueryRetrieveLevel = "STUDY"
    if all(value.isascii() for value in values.values()):
        del query.SpecificCharacterSet
    else:
        query.SpecificCharacterSet = "ISO_IR 192"
    found = (_study(match) for match in matches(peer, query))
    kept = {study.study_instance_uid: study for study in found if study is not None and is_wanted(study, wanted)}
    return tuple(sorted(kept.values(), key=lambda study: (study.study_date, study.study_instance_uid)))


def find_series(peer: Peer, study_instance_uid: str) -> tuple[SeriesAtPeer, ...]:
    """Series of a study that a study is read from, and those of which the archive states no modality.

    Raises
    ------
    PeerUnavailable, PeerRefused
        As `find.matches`.
    """
    query = Dataset()
    for keyword in SERIES_KEYS:
        setattr(query, keyword, None)
    query.QueryRetrieveLevel, query.StudyInstanceUID = "SERIES", study_instance_uid
    found: dict[str, SeriesAtPeer] = {}
    for match in matches(peer, query):
        try:
            uid, modality = text(match, "SeriesInstanceUID"), text(match, "Modality")
        except NotReadable:
            continue
        if is_uid(uid) and (not modality or modality in READ_MODALITIES):
            found[uid] = SeriesAtPeer(uid, modality, _count(match, "NumberOfSeriesRelatedInstances"))
    return tuple(found[uid] for uid in sorted(found))


def is_wanted(study: StudyAtPeer, wanted: Wanted) -> bool:
    """Returns whether a study is exactly what is wanted; an issuer counts where the archive states one."""
    pairs = (
        (wanted.study_instance_uid, study.study_instance_uid),
        (wanted.accession_number, study.accession_number),
        (wanted.patient_id, study.patient_id),
        (wanted.issuer, study.issuer or wanted.issuer),
    )
    return all(not asked or asked == stated for asked, stated in pairs)


def _study(match: Dataset) -> StudyAtPeer | None:
    """A study of an answer; None where it has no usable UID, or cannot be read."""
    try:
        uid = identifier(match, "StudyInstanceUID")
        study = StudyAtPeer(
            study_instance_uid=uid,
            accession_number=identifier(match, "AccessionNumber"),
            patient_id=identifier(match, "PatientID"),
            issuer=identifier(match, "IssuerOfPatientID"),
            birth_date=text(match, "PatientBirthDate"),
            sex=text(match, "PatientSex"),
            study_date=text(match, "StudyDate"),
            modalities=tuple(part for part in text(match, "ModalitiesInStudy").split("\\") if part),
            instances=_count(match, "NumberOfStudyRelatedInstances"),
        )
    except NotReadable:
        return None
    return study if is_uid(uid) else None


def _count(match: Dataset, keyword: str) -> int | None:
    try:
        return int(match.get(keyword))
    except (*DECODE_ERRORS, TypeError, ValueError):
        return None
