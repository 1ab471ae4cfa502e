"""Decisions about patient and study values that the standard does not allow, attribute by attribute.

An archive files our objects by what they say of patient and study, and stores invalid values without a word; the next
system that reads them may not. So every value that is carried over is looked at: one that cannot be misunderstood is
repaired, one that an archive needs to find the patient is carried as it came, any other is left out. `TREATMENTS` is
the whole of it; the conformance statement prints it, and the report has a note of what was done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pydicom
from pydicom import config
from pydicom.datadict import dictionary_description, dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.valuerep import validate_value

from models.number_words import counted
from models.plain_text import INVISIBLE


class Repair(StrEnum):
    """Way in which a value may be repaired without a guess."""

    NONE = "none"
    DATE = "YYYY-MM-DD, YYYY/MM/DD, YYYY.MM.DD to YYYYMMDD"
    TIME = "HH:MM or HH:MM:SS, with fractions, to HHMMSS"
    SEX = "Female, Male, Other and small letters to F, M, O"
    AGE = "leading zeros added"
    NAME = "first value; three groups of 64 characters; control characters to spaces"
    TEXT = "cut at the longest length allowed; control characters to spaces"


class Otherwise(StrEnum):
    """Decision about a value that was not repaired."""

    LEAVE_OUT = "left out, or empty where the attribute must be present"
    CARRY = "carried as it came: archives find patient and study by it"


@dataclass(frozen=True)
class Treatment:
    """The decision for one attribute."""

    repair: Repair = Repair.NONE
    otherwise: Otherwise = Otherwise.LEAVE_OUT


# Accession Number and Study ID are left out: cut off they could be those of another order. Study and patient are found
# without them, but not without the identifiers that are carried.
TREATMENTS: Mapping[str, Treatment] = {
    "StudyInstanceUID": Treatment(otherwise=Otherwise.CARRY),
    "PatientID": Treatment(otherwise=Otherwise.CARRY),
    "IssuerOfPatientID": Treatment(otherwise=Otherwise.CARRY),
    "AccessionNumber": Treatment(),
    "StudyID": Treatment(),
    "PatientName": Treatment(Repair.NAME),
    "PatientBirthDate": Treatment(Repair.DATE),
    "PatientBirthTime": Treatment(Repair.TIME),
    "PatientSex": Treatment(Repair.SEX),
    "PatientAge": Treatment(Repair.AGE),
    "OtherPatientNames": Treatment(Repair.NAME),
    "StudyDate": Treatment(Repair.DATE),
    "StudyTime": Treatment(Repair.TIME),
    "ReferringPhysicianName": Treatment(Repair.NAME),
    "PhysiciansOfRecord": Treatment(Repair.NAME),
    "StudyDescription": Treatment(Repair.TEXT),
    "InstitutionName": Treatment(Repair.TEXT),
}
ANY_OTHER = Treatment()

_LONGEST = {"SH": 16, "LO": 64, "ST": 1024, "LT": 10240}
_GROUPS, _COMPONENTS, _GROUP_LENGTH = 3, 5, 64  # PS3.5 §6.2, PN
_CONTROL = re.compile(rf"[\x00-\x1f\x7f-\x9f{INVISIBLE}]")
_CONTROL_IN_TEXT = re.compile(
    rf"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f{INVISIBLE}]"
)  # tab, line and page ends may stand in these
_DATE = re.compile(r"(\d{4})([-/.])(\d{2})\2(\d{2})")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(\.\d{1,6})?)?")
_VALID_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d((60|[0-5]\d)(\.\d{1,6})?)?)?")
_AGE = re.compile(r"(\d{1,3})([DWMY])")
_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
_OFFSET = re.compile(r"[+-](0\d|1[0-4])[0-5]\d")
_SEXES = {"F": "F", "FEMALE": "F", "M": "M", "MALE": "M", "O": "O", "OTHER": "O"}


@dataclass(frozen=True)
class Doubt:
    """A value that the standard does not allow, without the value.

    Attributes
    ----------
    found : "has 33 characters, at most 16 are allowed"
    done : "left out", "carried as it came" or "repaired"
    """

    keyword: str
    found: str
    done: str

    def as_text(self) -> str:
        """For a sentence."""
        name = dictionary_description(_tag(self.keyword))
        return f"{name} {self.found} ({self.done})"


def decided(keyword: str, values: Sequence[str]) -> tuple[list[str], Doubt | None]:
    """The values to write for an attribute, and what was wrong with those that came.

    Parameters
    ----------
    values : decoded, at least one of them not empty
    """
    treatment = TREATMENTS.get(keyword, ANY_OTHER)
    vr, is_single = dictionary_VR(keyword), dictionary_VM(keyword) == "1"
    found = next((said for value in values if (said := problem(keyword, value, vr=vr))), "")
    if not found and is_single and len(values) > 1:
        found = f"holds {counted(len(values), 'value')}, one is allowed"
    if not found:
        return list(values), None
    if treatment.otherwise is Otherwise.CARRY:
        return list(values), Doubt(keyword, found, "carried as it came")
    if is_single:  # a backslash in a text was read as two values
        values = values[:1] if treatment.repair is Repair.NAME else [" ".join(values)]
    repaired = [_REPAIRS[treatment.repair](value, vr).strip() for value in values]
    kept = [value for value in repaired if value and not problem(keyword, value, vr=vr)]
    return kept, Doubt(keyword, found, "repaired" if len(kept) == len(values) else "left out")


def problem(keyword: str, value: str, *, vr: str) -> str:
    """Reason why the standard does not allow a value (PS3.5 §6.2, and the values PS3.3 lists); "" where it does."""
    if keyword == "PatientSex":
        return "" if value in ("F", "M", "O", "") else "is none of F, M, O"
    if keyword == "TimezoneOffsetFromUTC":
        return "" if not value or _OFFSET.fullmatch(value) else "is no offset from UTC"
    if vr in _LONGEST and len(value) > _LONGEST[vr]:
        return f"has {counted(len(value), 'character')}, at most {_LONGEST[vr]} are allowed"
    control = _CONTROL_IN_TEXT if vr in ("ST", "LT", "UT") else _CONTROL
    if control.search(value):
        return "holds control characters"
    if vr in ("SH", "LO", "PN") and "\\" in value:
        return "holds a backslash"
    return _of_form(vr, value)


def _of_form(vr: str, value: str) -> str:
    if not value:
        return ""
    if vr == "DA":
        return "" if _is_date(value) else "is no date of the form YYYYMMDD"
    if vr == "TM":
        return "" if _VALID_TIME.fullmatch(value) else "is no time of the form HHMMSS"
    if vr == "UI":
        return "" if _UID.fullmatch(value) and len(value) <= 64 else "is no valid UID"
    if vr == "PN":
        groups = value.split("=")
        if len(groups) > _GROUPS or max(map(len, groups)) > _GROUP_LENGTH:
            return f"has more than {_GROUPS} groups of {_GROUP_LENGTH} characters"
        return "has too many components" if any(group.count("^") >= _COMPONENTS for group in groups) else ""
    try:
        validate_value(vr, value, config.RAISE)
    except ValueError:
        return f"is no valid {vr}"
    return ""


def _is_date(value: str) -> bool:
    if not re.fullmatch(r"\d{8}", value) or not value.isascii():
        return False
    try:
        datetime.strptime(value, "%Y%m%d")
    except ValueError:
        return False
    return True


def _date(value: str, vr: str) -> str:
    match = _DATE.fullmatch(value)
    return "".join((match[1], match[3], match[4])) if match else value


def _time(value: str, vr: str) -> str:
    match = _TIME.fullmatch(value)
    return "".join(part or "" for part in match.groups()) if match else value


def _sex(value: str, vr: str) -> str:
    return _SEXES.get(value.upper(), "")


def _age(value: str, vr: str) -> str:
    match = _AGE.fullmatch(value.upper())
    return f"{int(match[1]):03d}{match[2]}" if match else value


def _name(value: str, vr: str) -> str:
    groups = _CONTROL.sub(" ", value).replace("\\", " ").split("=")[:_GROUPS]
    cut = [_cut("^".join(group.split("^")[:_COMPONENTS]), _GROUP_LENGTH).strip() for group in groups]
    return "=".join(cut).rstrip("=")


def _text(value: str, vr: str) -> str:
    return _cut(_CONTROL.sub(" ", value).replace("\\", " "), _LONGEST[vr])


def _cut(value: str, longest: int) -> str:
    """At most so many bytes of UTF-8: the standard counts characters, but validators and archives that count bytes."""
    return value.encode(errors="replace")[:longest].decode(errors="ignore")


_REPAIRS: Mapping[Repair, Callable[[str, str], str]] = {
    Repair.NONE: lambda value, vr: value,
    Repair.DATE: _date,
    Repair.TIME: _time,
    Repair.SEX: _sex,
    Repair.AGE: _age,
    Repair.NAME: _name,
    Repair.TEXT: _text,
}


def texts(element: pydicom.DataElement) -> list[str]:
    """The values of an element as texts, without their padding."""
    several = isinstance(element.value, (list, tuple, pydicom.multival.MultiValue))
    values = list(element.value) if several else [element.value]
    if element.VR in {"ST", "LT", "UT"}:
        return [str(value).rstrip(" \0") for value in values]
    return [str(value).strip(" \0") for value in values]


def doubts(header: pydicom.Dataset, keywords: Iterable[str]) -> tuple[Doubt, ...]:
    """Values of a header that the standard does not allow, each with its decision."""
    found = []
    for keyword in keywords:
        element = header.get(_tag(keyword))
        if element is None or element.VR == "SQ" or element.is_empty:
            continue
        values = texts(element)
        _, doubt = decided(keyword, values) if any(values) else ([], None)
        if doubt is not None:
            found.append(doubt)
    return tuple(found)


def one_value(keyword: str, value: str) -> str:
    """The value to show for a single-valued attribute: repaired where that is decided, else empty where not allowed."""
    kept, _ = decided(keyword, [value]) if value else ([], None)
    return kept[0] if kept else ""


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return tag
