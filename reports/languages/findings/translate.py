"""Translation of texts that are worded in English where they arise, by the phrases of the modules beside this.

A text is one phrase, or sentences one after the other. Texts in the gaps are translated in their turn, and numbers take
the decimals of the language. A sentence without a phrase stays as it is, and is marked as English: an error message
that became a reason, or a sentence that nobody has translated yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from reports.languages.decimals import with_comma
from reports.languages.findings.draft import DRAFT
from reports.languages.findings.images import IMAGES
from reports.languages.findings.masks import MASKS
from reports.languages.findings.models import MODELS
from reports.languages.findings.parts import PARTS
from reports.languages.findings.phrase import Phrase, filled
from reports.languages.findings.pixels import PIXELS
from reports.languages.findings.prior import PRIOR
from reports.languages.findings.tumour import TUMOUR
from reports.languages.findings.use import USE

PHRASES: Final[tuple[Phrase, ...]] = (*USE, *TUMOUR, *IMAGES, *PIXELS, *PRIOR, *DRAFT, *MASKS, *MODELS, *PARTS)
_ENDS = re.compile(r"(?<=[.:]) ")


@cache
def _by_weight() -> tuple[Phrase, ...]:
    """The phrases, those with most words of their own first."""
    return tuple(sorted(PHRASES, key=lambda phrase: -sum(map(len, phrase.literals))))


def match(text: str) -> tuple[Phrase, dict[str, str]] | None:
    """The phrase that the whole text is, with the texts in its gaps."""
    for phrase in _by_weight():
        found = phrase.pattern.fullmatch(text)
        if found is not None:
            return phrase, found.groupdict()
    return None


@dataclass(frozen=True)
class Translator:
    """Translates into one language.

    Parameters
    ----------
    of : the translation in a phrase
    numbers : decimals of the language
    between, lists, items, both : between two sentences, and in lists in place of "; " and ", "
    mark : how a sentence that stays English is marked
    """

    of: Callable[[Phrase], str]
    numbers: Callable[[str], str]
    between: str
    lists: str
    items: str
    both: str
    mark: str
    _known: dict[str, str] = field(default_factory=dict, compare=False)

    def sentences(self, text: str) -> str:
        """One sentence or several; those without a translation are marked."""
        found = self._translated(text)
        return f"{self.mark}{text}" if found is None else found

    def part(self, text: str) -> str:
        """A part of a sentence, a row of a table or a name: without a translation it stays as it is."""
        pieces = text.split("; ")
        if len(pieces) > 1 and all(match(piece) for piece in pieces):  # a list is no phrase with a list in its gap
            return self.lists.join(self.part(piece) for piece in pieces)
        found = self._translated(text)
        if found is not None:
            return found
        for separator, shown in (("; ", self.lists), (", ", self.items), (" and ", self.both)):
            pieces = text.split(separator)
            if len(pieces) > 1 and any(match(piece) for piece in pieces):
                return shown.join(self.part(piece) for piece in pieces)
        return self.numbers(text)

    def _translated(self, text: str) -> str | None:
        """The whole text as phrases; None where a part of it is none."""
        if text not in self._known and (found := self._whole(text) or self._in_sentences(text)) is not None:
            self._known[text] = found
        return self._known.get(text)

    def _whole(self, text: str) -> str | None:
        found = match(text)
        if found is None:
            return None
        phrase, texts = found
        values = {name: value if name in phrase.names else self._value(value) for name, value in texts.items()}
        return filled(self.of(phrase), values, texts)

    def _value(self, text: str) -> str:
        """A text in a gap: a whole sentence, such as an error message, or a part of one."""
        return self.sentences(text) if text.endswith(".") else self.part(text)

    def _in_sentences(self, text: str) -> str | None:
        """The first sentences that are a phrase, as many as can be, and the rest."""
        for end in reversed([found.start() for found in _ENDS.finditer(text)]):
            first = self._whole(text[:end])
            if first is not None:
                return f"{first}{self.between}{self.sentences(text[end + 1 :])}"
        return None


_GERMAN = Translator(
    of=lambda phrase: phrase.de,
    numbers=with_comma,
    between=" ",
    lists="; ",
    items=", ",
    both=" und ",
    mark="(Englisch) ",
)
_CHINESE = Translator(
    of=lambda phrase: phrase.zh,
    numbers=lambda text: text,
    between="",
    lists="；",
    items="，",
    both="和",
    mark="（英文）",
)


def german(text: str) -> str:
    """A part of a sentence, a row or a name in German."""
    return _GERMAN.part(text)


def german_sentences(text: str) -> str:
    """Sentences in German; what has no translation is marked."""
    return _GERMAN.sentences(text)


def chinese(text: str) -> str:
    """A part of a sentence, a row or a name in Chinese."""
    return _CHINESE.part(text)


def chinese_sentences(text: str) -> str:
    """Sentences in Chinese; what has no translation is marked."""
    return _CHINESE.sentences(text)
