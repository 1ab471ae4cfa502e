"""Patient and study of the source images, carried over into the objects we make.

Our objects are ISO_IR 192 (UTF-8) whatever the source was, so every text is decoded here. What becomes of a value that
the standard does not allow is decided attribute by attribute in `carried_values.py`.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from pydicom import Dataset, config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence as ItemSequence

from dicom_io.carried_values import TREATMENTS, Otherwise, decided, one_value, texts
from dicom_io.errors import NotReadable
from models.number_words import counted

CHARACTER_SET = "ISO_IR 192"

# Carried over as they came, valid or not; what the archive files by.
IDENTITY = frozenset(keyword for keyword, treatment in TREATMENTS.items() if treatment.otherwise is Otherwise.CARRY)

# Sequences of codes that are carried over in the site's own schemes.
CARRIED_CODES = ("ProcedureCodeSequence", "DeidentificationMethodCodeSequence")

CARRIED_ORDER_CODES = ("RequestedProcedureCodeSequence", "ReasonForRequestedProcedureCodeSequence")

# Present in every object of ours, empty where the source says nothing (type 2).
_TYPE_2 = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyID",
)

# Present where the source has a value.
_TYPE_3 = (
    # Patient
    "IssuerOfPatientID",
    "OtherPatientNames",
    "PatientBirthTime",
    "EthnicGroup",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    # General Study
    "StudyDescription",
    "IssuerOfAccessionNumberSequence",
    "PhysiciansOfRecord",
    "ProcedureCodeSequence",
    # Patient Study
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    # General Equipment, SOP Common
    "InstitutionName",
    "TimezoneOffsetFromUTC",
)

# Present together or not at all; the second half is type 2.
_TRIAL_TYPE_1 = ("ClinicalTrialSponsorName", "ClinicalTrialProtocolID")
_TRIAL_TYPE_2 = ("ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName")
_TRIAL_TYPE_3 = (
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "ClinicalTrialTimePointID",
    "ClinicalTrialTimePointDescription",
)

# Everything that may be carried over into the root of an object of ours.
CARRIED = frozenset(("StudyInstanceUID", *_TYPE_2, *_TYPE_3, *_TRIAL_TYPE_1, *_TRIAL_TYPE_2, *_TRIAL_TYPE_3))

# Of one order in a report (PS3.3 Table C.17-2), type 2.
_REQUEST_TYPE_2 = (
    "AccessionNumber",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
)
_REQUEST_CODE = "RequestedProcedureCodeSequence"

# Of one order in a series of images or documents (PS3.3 Table 10-9).
_SCHEDULED = ("RequestedProcedureID", "ScheduledProcedureStepID")
_SERIES_REQUEST = (
    *_SCHEDULED,
    "AccessionNumber",
    "IssuerOfAccessionNumberSequence",
    "StudyInstanceUID",
    "RequestedProcedureDescription",
    "RequestedProcedureCodeSequence",
    "ReasonForTheRequestedProcedure",
    "ReasonForRequestedProcedureCodeSequence",
    "ScheduledProcedureStepDescription",
)

_CODE = ("CodeValue", "LongCodeValue", "URNCodeValue", "CodingSchemeDesignator", "CodeMeaning")
_ANY_UID = re.compile(r"[0-9.]{1,64}")  # leading zeros are made by real systems, and have to be carried
_OFFSET = re.compile(r"([+-])(0\d|1[0-4])([0-5]\d)")


def carried_over(header: Dataset) -> Dataset:
    """The patient and study modules of `header`, in Unicode, as the root of an object of ours.

    Raises
    ------
    NotReadable
        When the header has no Study Instance UID, or one that cannot be a UID.
    """
    uid = str(header.get("StudyInstanceUID", "") or "").strip(" \0")
    if not uid:
        raise NotReadable("The images carry no Study Instance UID (0020,000D); send the study as the scanner made it.")
    if not _ANY_UID.fullmatch(uid):
        raise NotReadable(
            f"The Study Instance UID (0020,000D) of the images is no UID ({counted(len(uid), 'character')}); expected "
            "digits and dots, at most 64: nothing could be filed with the study. Send it as the scanner made it."
        )
    result = Dataset()
    result.SpecificCharacterSet = CHARACTER_SET
    _add(result, header, "StudyInstanceUID")
    for keyword in _TYPE_2:
        if not _add(result, header, keyword):
            result.add(DataElement(_tag(keyword), dictionary_VR(keyword), None))
    for keyword in _TYPE_3:
        _add(result, header, keyword)
    _settle_deidentification(result)
    if all(_add(result, header, keyword) for keyword in _TRIAL_TYPE_1):
        for keyword in _TRIAL_TYPE_2:
            if not _add(result, header, keyword):
                result.add(DataElement(_tag(keyword), dictionary_VR(keyword), None))
        for keyword in _TRIAL_TYPE_3:
            _add(result, header, keyword)
        if "ClinicalTrialTimePointDescription" in result and "ClinicalTrialTimePointID" not in result:
            result.ClinicalTrialTimePointID = None  # type 2 of a module that is there or not as a whole
        if "ClinicalTrialSubjectID" not in result and "ClinicalTrialSubjectReadingID" not in result:
            result.ClinicalTrialSubjectID = one_value("ClinicalTrialSubjectID", str(result.PatientID)) or "unknown"
    else:
        for keyword in _TRIAL_TYPE_1:
            if keyword in result:
                delattr(result, keyword)
    return result


def referenced_requests(header: Dataset) -> list[Dataset]:
    """Items of the Referenced Request Sequence (0040,A370): the orders the images were made for.

    One for each order the images name, else one for the study's accession number, else none. Values that the standard
    does not allow are left empty; the Referenced Study Sequence is, since that object was not received.
    """
    named = list(header.get("RequestAttributesSequence") or ())
    if not named and not _add(Dataset(), header, "AccessionNumber"):
        return []
    items = []
    for source in named or [Dataset()]:
        item = Dataset()
        _add(item, header, "StudyInstanceUID")
        item.ReferencedStudySequence = ItemSequence()
        for keyword in _REQUEST_TYPE_2:
            if not (_add(item, source, keyword) or _add(item, header, keyword)):
                item.add(DataElement(_tag(keyword), dictionary_VR(keyword), None))
        if not (_add(item, source, _REQUEST_CODE) or _add(item, header, _REQUEST_CODE)):
            item.add(DataElement(_tag(_REQUEST_CODE), "SQ", ItemSequence()))
        items.append(item)
    return items


def request_attributes(header: Dataset) -> list[Dataset]:
    """Items of the Request Attributes Sequence (0040,0275) of a series that was made for the orders of the images.

    One for each order the images name with its Requested Procedure ID and Scheduled Procedure Step ID, which every
    item must have (PS3.3 Table 10-9, type 1C for what was scheduled); an order that lacks one is left out.
    """
    made = []
    for source in header.get("RequestAttributesSequence") or ():
        item = Dataset()
        for keyword in _SERIES_REQUEST:
            _add(item, source, keyword)
        if all(keyword in item for keyword in _SCHEDULED):
            made.append(item)
    return made


def in_time_zone(moment: datetime, root: Dataset) -> datetime:
    """`moment` on the clock the object states its times in (Timezone Offset From UTC), else unchanged."""
    match = _OFFSET.fullmatch(str(root.get("TimezoneOffsetFromUTC", "")))
    if match is None:
        return moment
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return moment.astimezone(timezone(-offset if match[1] == "-" else offset))


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return tag


def _add(target: Dataset, header: Dataset, keyword: str) -> bool:
    """Carry one attribute over; whether a value was carried."""
    element = header.get(_tag(keyword))
    if element is None or element.value is None or element.is_empty:
        return False
    vr = dictionary_VR(keyword)
    if vr == "SQ":
        carried = [child for item in element.value if _is_complete(child := _unicode(item))]
        if carried:
            target.add(DataElement(_tag(keyword), "SQ", ItemSequence(carried)))
        return bool(carried)
    values, _ = decided(keyword, texts(element))
    if keyword not in IDENTITY:
        values = [value for value in values if value]
    if not any(values):
        return False
    value = values[0] if len(values) == 1 else values
    # Identity is kept even where it breaks a rule, and was checked to be no worse than in the source.
    target.add(DataElement(_tag(keyword), vr, value, validation_mode=config.IGNORE))
    return True


def _unicode(item: Dataset) -> Dataset:
    """A copy of a sequence item with every text decoded; private and binary attributes left out."""
    result = Dataset()
    for element in item:
        if element.tag.is_private or element.keyword == "SpecificCharacterSet" or element.keyword == "":
            continue
        if not element.VR.startswith("O") and element.VR not in {"UN", "AT"}:
            _add(result, item, element.keyword)
    return result


def _is_complete(item: Dataset) -> bool:
    """Returns whether an item is still meaningful; a code needs value, scheme and meaning."""
    if any(keyword in item for keyword in _CODE):
        coded = "CodeValue" in item or "LongCodeValue" in item or "URNCodeValue" in item
        return coded and "CodeMeaning" in item and ("CodingSchemeDesignator" in item or "URNCodeValue" in item)
    return len(item) > 0


def _settle_deidentification(root: Dataset) -> None:
    """De-identification attributes are kept only where the source says the identity was removed (type 1C together)."""
    described = "DeidentificationMethod" in root or "DeidentificationMethodCodeSequence" in root
    if root.get("PatientIdentityRemoved") != "YES" or not described:
        for keyword in ("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"):
            if keyword in root:
                delattr(root, keyword)
