"""English words of patient, examination and page: identity, dates, and what a page says of itself."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from reports.content import Subject
from reports.replacement import REASONS, Replacement

PATIENT: Final = "Patient"
NOT_STATED: Final = "not stated"

_SEX = {"F": "female", "M": "male", "O": "other"}
_LATERALITY = {"L": "left", "R": "right", "B": "both breasts"}
_AGE_UNITS = {"Y": "years", "M": "months", "W": "weeks", "D": "days"}


def identity(subject: Subject) -> tuple[tuple[str, str], ...]:
    """Patient and examination as (label, value), in the order of the report.

    Missing items that every examination should have appear as "not stated"; others are left out.
    """
    if subject.birth_date is None and subject.age:
        born = ("Age at examination", age_shown(subject.age))
    else:
        age = f" ({age_shown(subject.age)})" if subject.age else ""
        born = ("Date of birth", f"{date_shown(subject.birth_date)}{age}")
    rows = [
        ("Name", text_shown(subject.patient_name)),
        ("Patient ID", text_shown(subject.patient_id)),
        born,
        ("Sex", sex_shown(subject.sex)),
        ("Examination", text_shown(subject.study_description)),
        ("Accession number", text_shown(subject.accession_number)),
        ("Date of examination", date_shown(subject.study_date)),
        ("Laterality", laterality_shown(subject.laterality)),
    ]
    if subject.institution.strip():
        rows.append(("Institution", subject.institution.strip()))
    if subject.referring_physician.strip():
        rows.append(("Referred by", subject.referring_physician.strip()))
    return tuple(rows)


def running_head(subject: Subject) -> str:
    """Owner of a loose page: name, ID and date of the examination."""
    return " · ".join(
        (text_shown(subject.patient_name), text_shown(subject.patient_id), date_shown(subject.study_date))
    )


def date_shown(day: date | None) -> str:
    """ISO date, or "not stated"."""
    return NOT_STATED if day is None else day.isoformat()


def moment_shown(moment: datetime) -> str:
    """A moment with its time zone: "2026-05-17 14:03 +02:00"."""
    offset = moment.strftime("%z")
    return f"{moment:%Y-%m-%d %H:%M}" + (f" {offset[:3]}:{offset[3:5]}" if offset else "")


def sex_shown(sex: str) -> str:
    """Sex: "female" for F, "not stated" for ""."""
    return _SEX.get(sex, sex) or NOT_STATED


def laterality_shown(laterality: str) -> str:
    """Laterality: "left" for L, "not stated" for ""."""
    return _LATERALITY.get(laterality, laterality) or NOT_STATED


def age_shown(age: str) -> str:
    """Age: "47 years" for 047Y; text that is not a DICOM age string is shown as it is."""
    if len(age) == 4 and age[:3].isdigit() and age[3] in _AGE_UNITS:
        return f"{int(age[:3])} {_AGE_UNITS[age[3]]}"
    return age or NOT_STATED


def text_shown(text: str) -> str:
    """The text, or "not stated"."""
    return text.strip() or NOT_STATED


def made_shown(created: datetime, software: str) -> str:
    """Foot of a page: when the report was made, and by what."""
    return f"{moment_shown(created)} · {software}"


def replaces_sentence(replacement: Replacement) -> str:
    """The replacement of an earlier report: which one, and why."""
    *others, last = (REASONS[reason] for reason in replacement.reasons)
    because = f"{', '.join(others)} and {last}" if others else last
    return f"Replaces the report of {moment_shown(replacement.created)}, because {because}."


def page_words(page: int) -> str:
    """Foot of a page: "Page 2 of " (the number of pages follows)."""
    return f"Page {page} of "


def characters_not_shown(count: int) -> str:
    """Sentence for characters that no installed font has; the text shows them as □."""
    what = "1 character is" if count == 1 else f"{count} characters are"
    return (
        f"{what} shown as □, because no font installed here has them; the structured report holds the full text. "
        "Install a font for the script, e.g. the Debian package fonts-wqy-microhei for Chinese, Japanese and Korean."
    )
