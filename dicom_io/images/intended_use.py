"""Headers as evidence of the intended use: organ, sex, age, contrast, field strength, implants.

Real headers abbreviate ("MR BREAS, UNIT", "MRM/6667", "MRI BR UNI W/IN") and de-identified ones hold placeholders
(000Y, 11111111), so words are looked for by their stems, and a number that nobody can have counts as absent. The order
of evidence: coded anatomy, coded procedures, Body Part Examined, descriptions, protocol, coil, the segment's anatomy.
Coils and protocols speak only for a breast: a spine coil lies under every patient. Chest and thorax hold the breast,
so they say nothing. Values come as text, of the plane that is used (`functional_groups.attributes_of`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Final

from dicom_io.carried_values import one_value
from dicom_io.default_rules import CONTRASTED, UNENHANCED
from models.intended_use import OLDEST_YEARS, Evidence
from models.number_words import counted
from models.quality_notes import QualityNote, Severity

# Keyword → its name for a reader; in the order of evidence.
_ORGAN: Final[Mapping[str, str]] = {
    "AnatomicRegionSequence": "Anatomic Region",
    "ProcedureCodeSequence": "Procedure Code",
    "RequestedProcedureCodeSequence": "Requested Procedure Code",
    "BodyPartExamined": "Body Part Examined",
    "StudyDescription": "Study Description",
    "RequestedProcedureDescription": "Requested Procedure",
    "SeriesDescription": "Series Description",
}
_ONLY_FOR: Final[Mapping[str, str]] = {"ProtocolName": "Protocol Name", "ReceiveCoilName": "Receive Coil"}
KEYWORDS: Final = (
    *_ORGAN,
    *_ONLY_FOR,
    "PatientPosition",
    "PatientSex",
    "PatientBirthDate",
    "PatientAge",
    "StudyDate",
    "ContrastBolusAgent",
    "MagneticFieldStrength",
)

# SNOMED CT and SRT: breast, left, right, both.
_CODES = r"\b(76752008|80248007|73056007|63762007|T-04000|T-04020|T-04030|T-04080)\b"
_BREAST = re.compile(
    rf"{_CODES}|breas|mamm|brst|brust|\bseins?\b|\bmamas?\b|乳"
    r"|(?<![a-z])mri?[ _./-]*br(?![a-z])|(?<![a-z])mrm(?![a-z])",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"brain|cereb(?!.*breas)|(?<![a-z])(head|skull|neck|knee|hip|leg|arm|foot|feet|hand|iac|tmj)s?(?![a-z])|neuro"
    r"|headneck|pituitar|sella\b|orbit|larynx|phary|thyroid|tongue|spine|spinal|lumbar|cervic|sacr(um|al)|myelo"
    r"|abdom|pelvi|prostat|liver|hepat|kidney|renal|adrenal|pancrea|spleen|biliar|mrcp|bowel|enterogra|rectum|rectal"
    r"|colon\b|bladder|uter(us|ine)|ovar(y|ian)|scrot|test[ie]s\b|heart|cardiac|myocard|aorta|shoulder|humer|elbow|wrist"
    r"|forearm|finger|thigh|femur|femoral|tibia|calf\b|ankle|extremit|fetal|fetus|sarcoma|gehirn|schädel|wirbel"
    r"|becken|leber|颅|脑|脊|腹|盆|膝|肝|前列腺",
    re.IGNORECASE,
)
_PERSON = ("PatientSex", "PatientAge", "PatientBirthDate", "StudyDate")
_IMPLANTS = re.compile(r"silicone|silikon|implant|prosthe|硅胶|假体", re.IGNORECASE)
_AGENT = re.compile(r"[a-z]{3}|[0-9]", re.IGNORECASE)
_NO_AGENT = re.compile(r"^\W*(no|none|n/?a|without|not?\b.*|unknown|0)\W*$", re.IGNORECASE)
_CONTRASTED, _UNENHANCED = re.compile(CONTRASTED, re.IGNORECASE), re.compile(UNENHANCED, re.IGNORECASE)
_AGE = re.compile(r"([0-9]{1,3})([YMWD])")
_YEARS_PER = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_FIRST_MRI = date(1977, 1, 1)  # earlier dates of a study are placeholders
_TESLA_AT_MOST = 20.0  # more is gauss
_SHOWN = 40  # characters of a value in a sentence


def evidence_of(
    images: Iterable[Mapping[str, str]], *, phases: int, anatomy: Iterable[str] = (), sender: str = ""
) -> Evidence:
    """The evidence of the images that are used.

    Parameters
    ----------
    images : values of `KEYWORDS` as text, of T1+C first
    phases : number of phases of the T1+C acquisition
    anatomy : coded anatomy of the tumour's segments
    sender : AE title the images were received from
    """
    several = list(images)
    # As the report prints them: "Male" and a birth date with dashes say as much as the values the standard allows.
    first = {**several[0], **{keyword: one_value(keyword, several[0].get(keyword, "")) for keyword in _PERSON}}
    speaking = [(name, one.get(keyword, "")) for keyword, name in _ORGAN.items() for one in several]
    speaking += [("the segment's Anatomic Region", region) for region in anatomy]
    supporting = [(name, one.get(keyword, "")) for keyword, name in _ONLY_FOR.items() for one in several]
    by_date, stated = _ages(first)
    descriptions = [("Series Description", one.get("SeriesDescription", "")) for one in several]
    return Evidence(
        breast=_named([*speaking, *supporting], _BREAST),
        other_organ=_named([(name, _BREAST.sub(" ", value)) for name, value in speaking], _OTHER),
        is_prone=first.get("PatientPosition", "").strip().upper() in ("HFP", "FFP"),
        sex=_sex(first.get("PatientSex", "")),
        age_years=by_date,
        stated_age_years=stated,
        contrast=_contrast(first, phases),
        field_strength_t=_tesla(first.get("MagneticFieldStrength", "")),
        implants=_named([("Study Description", first.get("StudyDescription", "")), *descriptions], _IMPLANTS),
        sender=sender,
    )


def about_implants(evidence: Evidence) -> tuple[QualityNote, ...]:
    """A quality note where the headers mention an implant: it takes nothing away from the answer."""
    if not evidence.implants:
        return ()
    sentence = (
        f"The headers mention an implant or silicone ({evidence.implants}): the body mask holds it, and whether the "
        "training patients had implants is not known."
    )
    return (QualityNote("implant-mentioned", Severity.NOTE, sentence),)


def _named(values: Iterable[tuple[str, str]], words: re.Pattern[str]) -> str:
    """The first attribute with one of the words, and its value, shortened; it may hold no patient data but those."""
    return next((f"{name} “{_short(value)}”" for name, value in values if words.search(value)), "")


def _short(value: str) -> str:
    value = " ".join(value.split())
    return value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…"


def _sex(value: str) -> str:
    return value if (value := value.strip().upper()) in ("F", "M") else ""


def _ages(values: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Age in years by the dates, and as stated; a stated zero counts only where the dates agree."""
    by_date = _age_by_date(values.get("PatientBirthDate", ""), values.get("StudyDate", ""))
    stated = _stated_age(values.get("PatientAge", ""))
    if stated == 0 and not (by_date is not None and by_date < 1):
        stated = None
    return by_date, stated


def _age_by_date(born: str, examined: str) -> float | None:
    birth, study = _date(born), _date(examined)
    if birth is None or study is None or study < _FIRST_MRI or birth >= study:
        return None
    age = (study - birth).days / 365.2425
    return age if age <= OLDEST_YEARS else None


def _stated_age(value: str) -> float | None:
    found = _AGE.fullmatch(value.strip().upper())
    if found is None:
        return None
    age = int(found[1]) * _YEARS_PER[found[2]]
    return age if age <= OLDEST_YEARS else None


def _date(value: str) -> date | None:
    try:
        return datetime.strptime(value.strip(), "%Y%m%d").date()
    except ValueError:
        return None


def _contrast(values: Mapping[str, str], phases: int) -> str:
    """Evidence that contrast was given; an agent that says "none" is no evidence against it."""
    agent = values.get("ContrastBolusAgent", "").strip()
    if _AGENT.search(agent) and not _NO_AGENT.search(agent):
        return f"Contrast/Bolus Agent “{_short(agent)}”"
    if phases > 1:
        return f"a dynamic series of {counted(phases, 'phase')}"
    described = values.get("SeriesDescription", ""), values.get("ProtocolName", "")
    return next(
        (f"“{_short(one)}”" for one in described if _CONTRASTED.search(one) and not _UNENHANCED.search(one)), ""
    )


def _tesla(value: str) -> float | None:
    try:
        strength = float(value.split("\\")[0])
    except ValueError:
        return None
    strength = strength / 1e4 if strength > _TESLA_AT_MOST else strength
    return strength if 0 < strength < float("inf") else None
