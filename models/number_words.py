"""Numbers in sentences: with enough digits to be true, and nouns that agree with them.

A share is never shown as none or all of something when it is neither, and a value that exceeds its limit is never shown
as equal to it. Reports have formats of their own (`reports.numerals`), made of these.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

_MORE_PLACES = 4
_PLACES_OF_A_PRODUCT = 10  # beyond, the product of a double and 100 has digits that are nobody's
_MOST_PLACES = 20  # neighbours among doubles near 1 differ in the 16th


def fixed(value: float, places: int, *, scale: int = 1) -> str:
    """`value * scale` with fixed decimals; no minus sign before zero. Many decimals are those of the exact product."""
    product = float(value) * scale if places <= _PLACES_OF_A_PRODUCT else Decimal(float(value)) * scale
    text = f"{product:.{places}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def share_of(value: float, places: int = 0) -> str:
    """A share (of 1) in per cent with at least `places` decimals: "2%", "0.03%", "99.98%", "less than 0.0001%".

    More decimals, four at most, where fewer would show none ("0%") or all ("100%") of something that is neither.
    """
    for more in range(places, places + _MORE_PLACES + 1):
        text = fixed(value, more, scale=100)
        if not any(float(text) == 100 * whole and value != whole for whole in (0, 1)):
            return f"{text}%"
    least = Decimal(1).scaleb(-more)
    return f"less than {least:f}%" if float(text) == 0 else f"more than {100 - least:f}%"


def apart(value: float, limit: float, write: Callable[[float, int], str], *, places: int) -> tuple[str, str]:
    """A value and its limit, both written with as few decimals as tell the two apart, at least `places`."""
    for more in range(places, _MOST_PLACES):
        pair = write(value, more), write(limit, more)
        if value == limit or pair[0] != pair[1]:
            break
    return pair


def counted(count: object, noun: str, plural: str = "") -> str:
    """A number of things: "1 patient", "2 patients", "0 studies" with the plural "studies".

    `count` is an int, its text with thousands separators, or what stands for a number that is not shown.
    """
    return f"{count} {agreeing(count, noun, plural)}"


def agreeing(count: object, noun: str, plural: str = "") -> str:
    """The noun alone, or noun and verb, beside a number in a format of its own: "voxel", "patients are"."""
    return noun if count in (1, "1") else plural or noun + "s"


def age_in_words(age: timedelta) -> str:
    """An age in its largest unit: "12 s", "5 min", "3 h", "2 days"."""
    seconds = max(0, int(age.total_seconds()))
    for unit, length in (("days", 2 * 86400), ("h", 2 * 3600), ("min", 120)):
        if seconds >= length:
            return f"{seconds // {'days': 86400, 'h': 3600, 'min': 60}[unit]} {unit}"
    return f"{seconds} s"
