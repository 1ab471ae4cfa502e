"""Decimals of a language: numbers are formatted once, as `reports.numerals` does, and take its signs here."""

from __future__ import annotations

import re
from typing import Final

NO_BREAK: Final = "\u00a0"

# A number with a decimal point or thousands separators; not a version, a UID, or a part of a name.
_NUMBER = re.compile(r"(?<![\w.,/'])(?<!\w-)(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+)(?![\w'/-]|[.,][\d(])")
_PERCENT = re.compile(r"(?<=\d) ?%")
# Quoted texts are names, and stay as they are.
_QUOTED = re.compile(r"""('[^']*'|"[^"]*")""")
_SWAPPED = str.maketrans(".,", ",.")


def with_comma(text: str) -> str:
    """ "1,234.5 mm, 81.4%" → "1.234,5 mm, 81,4 %" with a space that does not break; quoted texts are left alone."""
    return "".join(
        part if place % 2 else _PERCENT.sub(f"{NO_BREAK}%", _NUMBER.sub(_swapped, part))
        for place, part in enumerate(_QUOTED.split(text))
    )


def _swapped(number: re.Match[str]) -> str:
    return number.group().translate(_SWAPPED)
