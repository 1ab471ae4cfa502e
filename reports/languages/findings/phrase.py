"""`Phrase`: an English text with gaps, as a module below writes it, and its translations.

Gaps are named: `{where}` takes a part of a sentence, which is translated in its turn; `{organ:t}` any text;
`{label:q}` a text without quotation marks, `{meaning:p}` one without brackets, `{on:s}` a word, `{count:n}` a number.
What stands in quotation marks is a name, and stays. In the English text `[is|are]` takes any of the words. In a
translation `{count?Schicht|Schichten}` is the first word beside 1, else the second; `{count}` is the value. A phrase
without one of the languages does not type-check.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

_GAP: Final = re.compile(r"\{(\w+)(?::(n|s|t|q|p))?\}|\[([^\]|]*(?:\|[^\]|]*)+)\]")
_SLOT: Final = re.compile(r"\{(\w+)(?:\?([^|{}]*)\|([^|{}]*))?\}")
# Gaps with names and versions, which are the same in every language.
RAW: Final = frozenset({"name", "version", "label", "meaning", "series", "option"})
_KINDS: Final = {
    "n": r"[−+-]?[\d.,]*\d(?:e[+-]?\d+)?",
    "s": r"[\w+-]+",
    "t": r".+?",
    "q": r"[^\"]*",
    "p": r"[^()]*",
    None: r"(?:(?!\. ).)+?",
}


@dataclass(frozen=True)
class Phrase:
    """One text in every language."""

    en: str
    de: str
    zh: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches the English text with its gaps."""
        parts, end = [], 0
        for found in _GAP.finditer(self.en):
            parts.append(re.escape(self.en[end : found.start()]))
            name, kind, choice = found.groups()
            if choice is not None:
                parts.append(f"(?:{'|'.join(re.escape(word) for word in choice.split('|'))})")
            else:
                parts.append(f"(?P<{name}>{_KINDS[kind]})")
            end = found.end()
        return re.compile("".join([*parts, re.escape(self.en[end:])]), re.DOTALL)

    @property
    def literals(self) -> list[str]:
        """Texts between the gaps."""
        return [text for text in _GAP.sub("\0", self.en).split("\0") if text]

    @cached_property
    def names(self) -> frozenset[str]:
        """Gaps whose texts are the same in every language."""
        return RAW | {found.group(1) for found in re.finditer(r"'\{(\w+)\}'", self.en)}

    @property
    def gaps(self) -> set[str]:
        """Names of the gaps of the English text."""
        return {found.group(1) for found in _GAP.finditer(self.en) if found.group(1)}


def slots(text: str) -> set[str]:
    """Names of the gaps of a translation."""
    return {found.group(1) for found in _SLOT.finditer(text)}


def filled(text: str, values: dict[str, str], counts: dict[str, str]) -> str:
    """A translation with its values.

    Parameters
    ----------
    values : translated, by the names of the gaps
    counts : the same as English has them, which decide between one and more
    """

    def value(found: re.Match[str]) -> str:
        name, one, more = found.groups()
        if one is None:
            return values[name]
        return one if counts[name] == "1" else more

    return _SLOT.sub(value, text)
