"""Format of numbers, in reports and elsewhere where people read them.

What is shown never contradicts the side of a limit on which a number lies, and a probability is never shown as certain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence as Ordered
from functools import partial

from models.number_words import apart, fixed

_UNITS = {
    "1": "",
    "": "",
    "mm": "mm",
    "mm2": "mm²",
    "mm3": "mm³",
    "/mm": "mm⁻¹",
    "mm-1": "mm⁻¹",
    "1/mm": "mm⁻¹",
    "cm3": "cm³",
    "%": "%",
    "mo": "months",
}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def unit_shown(unit: str) -> str:
    """A UCUM code as a reader sees it; "" for "1". Annotations lose their braces ("{voxels}" → "voxels")."""
    if unit.startswith("{") and unit.endswith("}"):
        return unit[1:-1]
    return _UNITS.get(unit, unit)


def number(value: float, unit: str = "1") -> str:
    """A feature's value with four significant digits and its unit: "0.07123", "412.0 mm²", "1.235 × 10⁶"."""
    if value == 0:
        text = "0"
    elif float(value).is_integer() and abs(value) < 1e6:
        text = str(int(value))
    elif 1e-3 <= abs(value) < 1e6:
        digits = max(0, 3 - math.floor(math.log10(abs(value))))
        text = f"{value:.{digits}f}"
    else:
        mantissa, exponent = f"{value:.3e}".split("e")
        text = f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    text = text.replace("-", "−")
    shown = unit_shown(unit)
    return f"{text} {shown}" if shown else text


def decimal(value: float, *, beside: float | None = None) -> str:
    """A number for programs and people, in ASCII: four significant digits, whole parts complete ("32748", "-0.7609").

    With `beside`, more digits where four would hide on which side of it the number lies. At most 16 characters (VR DS).
    """
    for digits in range(4, 10):
        text = _significant(value, digits)
        if beside is None or value == beside or float(text) != float(_significant(beside, digits)):
            break
    return text


def _significant(value: float, digits: int) -> str:
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        places = 0 if value == 0 else max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:.{places}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.{digits - 1}e}"


def volume(value_mm3: float) -> str:
    """A volume in cm³ with two decimals, below 0.1 cm³ with two significant digits: "12.35 cm³", "0.052 cm³"."""
    value_cm3 = value_mm3 / 1000
    return f"{value_cm3:.2f} cm³" if value_cm3 >= 0.1 else f"{value_cm3:.2g} cm³"


def score(value: float, *, beside: float | None = None) -> str:
    """A score with two decimals, with more where two would hide on which side of `beside` it lies."""
    return _apart(value, beside, scale=1, decimals=2).replace("-", "−")


def percent(value: float, *, beside: float | None = None) -> str:
    """A probability (0 to 1) in whole per cent: "88%"; "<1%" and ">99%" instead of certainty.

    With `beside`, more decimals where whole per cent would hide on which side of it the probability lies.
    """
    text = _apart(value, beside, scale=100, decimals=0)
    if text == "0" and value > 0:
        return "<1%"
    if text == "100" and value < 1:
        return ">99%"
    return f"{text}%"


def _apart(value: float, beside: float | None, *, scale: int, decimals: int) -> str:
    """`value * scale` with as few decimals as keep the order of `value` and `beside`, at least `decimals`."""
    write = partial(fixed, scale=scale)
    return apart(value, value if beside is None else beside, write, places=decimals)[0]


def of_hundred(value: float) -> str:
    """A probability (0 to 1) as a frequency: "88 of 100"; "fewer than 1 of 100", "more than 99 of 100"."""
    count = round(value * 100)
    if count == 0 and value > 0:
        return "fewer than 1 of 100"
    if count == 100 and value < 1:
        return "more than 99 of 100"
    return f"{count} of 100"


def count_of_hundred(value: float) -> int:
    """A probability (0 to 1) as a whole number of 100; 1 to 99 unless it is certain."""
    if 0 < value < 1:
        return min(99, max(1, round(value * 100)))
    return round(value * 100)


def horizon(months: float) -> str:
    """A horizon in words: "1 year", "2 years", "18 months"."""
    if months % 12 == 0:
        years = int(months // 12)
        return "1 year" if years == 1 else f"{years} years"
    return f"{months:g} months"


def sentence_case(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def joined(items: Ordered[str]) -> str:
    """An enumeration: "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
