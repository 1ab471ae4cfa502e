"""German numbers, dates and lists."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from datetime import date, datetime

from reports import numerals, wording
from reports.languages.decimals import with_comma
from reports.languages.german.labels import LABELS


def in_numbers(text: str) -> str:
    """ "12.30 cm³" → "12,30 cm³"; "2 months" → "2 Monate"."""
    return with_comma(text).replace("months", "Monate")


def number(value: float, unit: str = "1") -> str:
    """ "0,07123", "412,0 mm²"."""
    return in_numbers(numerals.number(value, unit))


def volume(value_mm3: float) -> str:
    """ "12,35 cm³"."""
    return with_comma(numerals.volume(value_mm3))


def horizon(months: float) -> str:
    """ "1 Jahr", "2 Jahre", "18 Monate"."""
    if months % 12 == 0:
        years = int(months // 12)
        return "1 Jahr" if years == 1 else f"{years} Jahre"
    return with_comma(f"{months:g} Monate")


def after(months: float) -> str:
    """ "nach 1 Jahr", "nach 2 Jahren", "nach 18 Monaten"."""
    words = horizon(months)
    return f"nach {words}n" if words.endswith("e") else f"nach {words}"


def share_shown(share: float) -> str:
    """ "+38 %", "−12 %"."""
    return with_comma(wording.share_shown(share))


def joined(items: Ordered[str]) -> str:
    """ "a", "a und b", "a, b und c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} und {items[-1]}"


def sentence_case(text: str) -> str:
    """The text with a capital first letter."""
    return numerals.sentence_case(text)


def date_shown(day: date | None) -> str:
    """ "04.03.2026"."""
    return LABELS.not_stated if day is None else f"{day:%d.%m.%Y}"


def moment_shown(moment: datetime) -> str:
    """ "17.05.2026 14:03 +02:00"."""
    offset = moment.strftime("%z")
    return f"{moment:%d.%m.%Y %H:%M}" + (f" {offset[:3]}:{offset[3:5]}" if offset else "")


def in_a_row(sentences: Ordered[str]) -> str:
    """Sentences one after the other; empty ones are left out."""
    return " ".join(sentence for sentence in sentences if sentence)


def about(subject: str, text: str) -> str:
    """ "Beiträge zum Modellwert: RDeepNet-Rezidivscore"."""
    return f"{subject}: {text}"


def of_hundred(value: float) -> str:
    """ "88 von 100"."""
    count = round(value * 100)
    if count == 0 and value > 0:
        return "weniger als 1 von 100"
    if count == 100 and value < 1:
        return "mehr als 99 von 100"
    return f"{count} von 100"


def several(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
