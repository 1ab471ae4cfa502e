"""The languages, each as its `Words`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reports.language import Language
from reports.languages.chinese import sentences as chinese_say
from reports.languages.chinese.labels import LABELS as CHINESE_LABELS
from reports.languages.english import sentences as english_say
from reports.languages.english.labels import LABELS as ENGLISH_LABELS
from reports.languages.findings.translate import chinese, chinese_sentences, german, german_sentences
from reports.languages.german import sentences as german_say
from reports.languages.german.labels import LABELS as GERMAN_LABELS
from reports.languages.words import Words


def _as_it_is(text: str) -> str:
    return text


ENGLISH: Final = Words(
    language=Language.ENGLISH, labels=ENGLISH_LABELS, say=english_say, said=_as_it_is, part=_as_it_is
)
GERMAN: Final = Words(
    language=Language.GERMAN, labels=GERMAN_LABELS, say=german_say, said=german_sentences, part=german
)
CHINESE: Final = Words(
    language=Language.CHINESE, labels=CHINESE_LABELS, say=chinese_say, said=chinese_sentences, part=chinese
)
WORDS: Final[Mapping[Language, Words]] = MappingProxyType(
    {Language.ENGLISH: ENGLISH, Language.GERMAN: GERMAN, Language.CHINESE: CHINESE}
)
