"""German texts about an earlier study."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType
from typing import Final

from models.validity import State
from models.volume import Sequence
from reports.languages.change_labels import ChangeLabels

CHANGE: Final = ChangeLabels(
    interval="Abstand zwischen den Untersuchungen",
    column="Veränderung",
    tumour_volume="Tumorvolumen",
    no_tumour="kein Tumor segmentiert",
    lengths=MappingProxyType(
        {
            "original_shape_Maximum3DDiameter": "Größter Durchmesser",
            "original_shape_MajorAxisLength": "Hauptachse",
            "original_shape_MinorAxisLength": "Nebenachse",
        }
    ),
    states=MappingProxyType(
        {
            State.VALID: "Gültig",
            State.CONDITIONAL: "Zu bestätigen",
            State.BORDERLINE: "Zwischen den Gruppen",
            State.OUTSIDE: "Kein Ergebnis, außerhalb der Zweckbestimmung",
            State.NOT_COMPUTABLE: "Kein Ergebnis, nicht berechenbar",
            State.NOT_ASKED: "Nicht ausgeführt",
        }
    ),
    empty_now="In dieser Untersuchung ist kein Tumor segmentiert; Volumen und Durchmesser sind 0.",
    empty_then="In der früheren Untersuchung war kein Tumor segmentiert; Volumen und Durchmesser sind 0.",
    numbers_only=(
        "Dies sind je zwei Messungen des segmentierten Tumors und der Modelle, damals und jetzt. Sie sagen "
        "weder, warum sich etwas verändert hat, noch etwas über andere Läsionen; die Beurteilung obliegt der "
        "Radiologie."
    ),
    repeatability_unknown=(
        "Wiederholbarkeit unbekannt: Wie stark diese Zahlen zwischen zwei Untersuchungen eines unveränderten, neu "
        "konturierten Tumors voneinander abweichen, wurde an diesem Scanner nicht gemessen."
    ),
    therapy_not_known=(
        "Ob zwischen den beiden Untersuchungen eine Behandlung lag, ist hier nicht bekannt. Scores von Untersuchungen "
        "nach einer Behandlung können außerhalb dessen liegen, woran ein Modell trainiert wurde: In seiner "
        "Beschreibung (Model Card) steht, für welche Untersuchungen es bestimmt ist."
    ),
)


def change_title(day: date) -> str:
    """ "Veränderung seit 04.03.2026"."""
    return f"Veränderung seit {day:%d.%m.%Y}"


def days_shown(days: int) -> str:
    """ "128 Tage"."""
    return "1 Tag" if days == 1 else f"{days} Tage"


def size_label(label: str, sequence: Sequence) -> str:
    """ "Tumorvolumen, T1+C"."""
    return f"{label}, {sequence.label}"


def not_there(shown: str, why: str) -> str:
    """ "0 (kein Tumor segmentiert)"."""
    return f"{shown} ({why})"


def plausible_range_shown(shown: str) -> str:
    """ "plausibler Bereich 0,80 bis 2,10"."""
    return f"plausibler Bereich {shown}"


def percentage_points(shown: str) -> str:
    """ "+5 Prozentpunkte"; "+1 Prozentpunkt"."""
    return f"{shown} {'Prozentpunkt' if shown.lstrip('+−') == '1' else 'Prozentpunkte'}"


def ranges_compared(model: str, *, overlap: bool) -> str:
    """Sentence on the overlap of the plausible ranges of a model then and now."""
    return f"Die plausiblen Bereiche damals und jetzt überlappen sich {'' if overlap else 'nicht '}({model})."


def only_one_computed(model: str, *, is_now: bool) -> str:
    """A model that was computed for one of the two studies."""
    which = "diese" if is_now else "die frühere"
    return f"Nur für {which} Untersuchung berechnet und daher nicht verglichen: {model}."


def other_software(software: str) -> str:
    """The earlier answer was computed by another version."""
    return f"Das frühere Ergebnis wurde mit {software} berechnet, mit denselben Einstellungen."


def change_headline(title: str, interval: str) -> str:
    """ "Veränderung seit 04.03.2026, Abstand: 128 Tage"."""
    return f"{title}, Abstand: {interval}"


def change_line(label: str, then: str, now: str, change: str) -> str:
    """ "Tumorvolumen, T1+C: damals 12,30 cm³; jetzt 8,10 cm³; Veränderung −4,20 cm³ (−34 %)"."""
    then, now = (text.replace("\n", ", ") for text in (then, now))
    return f"{label}: damals {then}; jetzt {now}" + (f"; Veränderung {change}" if change else "")
