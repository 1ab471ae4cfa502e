"""Languages a report can be in; a module of its own, so that the settings name it without loading a library."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Language(StrEnum):
    """Languages of a report, by their names in the settings."""

    ENGLISH = "en"
    GERMAN = "de"
    CHINESE = "zh"  # simplified

    @property
    def tag(self) -> str:
        """Language tag (RFC 5646), as PDF and SR declare it."""
        return _TAGS[self]

    @property
    def in_english(self) -> str:
        """Name in English, as the meaning of its code."""
        return _NAMES[self]


_TAGS: Final[Mapping[Language, str]] = MappingProxyType(
    {Language.ENGLISH: "en", Language.GERMAN: "de", Language.CHINESE: "zh-Hans"}
)
_NAMES: Final[Mapping[Language, str]] = MappingProxyType(
    {Language.ENGLISH: "English", Language.GERMAN: "German", Language.CHINESE: "Chinese (Simplified)"}
)
