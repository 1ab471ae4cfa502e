"""German words of patient and page, and in place of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Ordered
from datetime import datetime
from types import MappingProxyType
from typing import Final

from reports.content import Subject
from reports.languages.german.labels import LABELS
from reports.languages.german.numbers import (
    date_shown,
    joined,
    moment_shown,
    several,
)
from reports.replacement import Reason, Replacement

_LATERALITY: Final = {"L": "links", "R": "rechts", "B": "beidseits"}
_SEX: Final = {"F": "weiblich", "M": "männlich", "O": "divers"}
_AGE: Final = {"Y": ("Jahr", "Jahre"), "M": ("Monat", "Monate"), "W": ("Woche", "Wochen"), "D": ("Tag", "Tage")}


def identity(subject: Subject) -> tuple[tuple[str, str], ...]:
    """Patient and examination as (label, value)."""
    if subject.birth_date is None and subject.age:
        born = ("Alter bei der Untersuchung", _age_shown(subject.age))
    else:
        age = f" ({_age_shown(subject.age)})" if subject.age else ""
        born = ("Geburtsdatum", f"{date_shown(subject.birth_date)}{age}")
    rows = [
        ("Name", text_shown(subject.patient_name)),
        ("Patienten-ID", text_shown(subject.patient_id)),
        born,
        ("Geschlecht", _SEX.get(subject.sex, subject.sex) or LABELS.not_stated),
        ("Untersuchung", text_shown(subject.study_description)),
        ("Accession-Nummer", text_shown(subject.accession_number)),
        ("Untersuchungsdatum", date_shown(subject.study_date)),
        ("Seite", _LATERALITY.get(subject.laterality, subject.laterality) or LABELS.not_stated),
    ]
    if subject.institution.strip():
        rows.append(("Einrichtung", subject.institution.strip()))
    if subject.referring_physician.strip():
        rows.append(("Zugewiesen von", subject.referring_physician.strip()))
    return tuple(rows)


def _age_shown(age: str) -> str:
    if len(age) == 4 and age[:3].isdigit() and age[3] in _AGE:
        return several(int(age[:3]), *_AGE[age[3]])
    return age or LABELS.not_stated


def running_head(subject: Subject) -> str:
    """Owner of a loose page."""
    return " · ".join(
        (text_shown(subject.patient_name), text_shown(subject.patient_id), date_shown(subject.study_date))
    )


def text_shown(text: str) -> str:
    """The text, or "nicht angegeben"."""
    return text.strip() or LABELS.not_stated


def made_shown(created: datetime, software: str) -> str:
    """Foot of a page."""
    return f"{moment_shown(created)} · {software}"


_REPLACED: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.SEGMENTATION: "der Tumor erneut segmentiert wurde",
        Reason.IDENTITY: "die Identität der Patientin berichtigt wurde",
        Reason.IMAGES: "weitere Bilder eingetroffen sind",
        Reason.CHOICE: "andere Bilder der Untersuchung verwendet werden",
        Reason.MODEL: "sich die Modelle geändert haben",
        Reason.SOFTWARE: "sich die Software oder ihre Einstellungen geändert haben",
        Reason.PRIOR: "eine andere frühere Untersuchung verglichen wird",
        Reason.HEADERS: "die Header der Bilder berichtigt wurden",
    }
)


def replaces_sentence(replacement: Replacement) -> str:
    """The replacement of an earlier report: which one, and why."""
    because = joined([_REPLACED[reason] for reason in replacement.reasons])
    return f"Ersetzt den Bericht vom {moment_shown(replacement.created)}, weil {because}."


def page_words(page: int) -> str:
    """ "Seite 2 von " (the number of pages follows)."""
    return f"Seite {page} von "


def characters_not_shown(count: int) -> str:
    """Sentence for characters that no installed font has."""
    what = "1 Zeichen ist" if count == 1 else f"{count} Zeichen sind"
    return (
        f"{what} als □ dargestellt, weil keine hier installierte Schrift sie enthält; der strukturierte Bericht hat "
        "den vollen Text. Eine Schrift für diese Zeichen installieren, z. B. das Debian-Paket fonts-wqy-microhei für "
        "Chinesisch, Japanisch und Koreanisch."
    )


def legend_alternative(words: Ordered[str]) -> str:
    """Legend of outlines."""
    return f"Legende: Umrisse von {joined(list(words))}"


def strip_alternative(value: str, cut_off: str, *, below: str, above: str) -> str:
    """A value on its scale."""
    return f"Skala mit {value}; links der Marke ({cut_off}): {below}; rechts davon: {above}"


def dots_alternative(count: int) -> str:
    """A frequency as dots."""
    return f"{count} von 100 Punkten sind gefüllt"


def curves_alternative(title: str, ends: Ordered[tuple[str, int]], note: str) -> str:
    """Curves of the training patients: where each ends."""
    shown = [f"{label} nach {months} Monaten" for label, months in ends]
    return ". ".join(text for text in (title, joined(shown), note) if text)


def contributions_alternative(labels: Ordered[str], shown: Ordered[str]) -> str:
    """Bars of the shares of an output."""
    return "Balkendiagramm: " + "; ".join(f"{label} {share}" for label, share in zip(labels, shown, strict=True))


def key_images_alternative(captions: Ordered[str]) -> str:
    """Slices of the images with the outlines of tumour and shell."""
    return f"MR-Bilder mit den Umrissen der Regionen: {'; '.join(captions)}"
