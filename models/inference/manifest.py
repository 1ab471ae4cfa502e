"""Reads `manifest.toml` key by key: each has its type and is known; few may be left out; mistakes name the key."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from models.acquisition import AcquisitionRange
from models.errors import PackageInvalid, SetupError

_Member = TypeVar("_Member", bound=StrEnum)


class ManifestReader:
    """One table of a manifest. Each key is taken once; what was not taken is unknown and refused at the end."""

    def __init__(self, path: Path, table: Mapping[str, object], prefix: str = "") -> None:
        self._path = path
        self._table = table
        self._prefix = prefix
        self._taken: set[str] = set()
        self._optional: set[str] = set()  # known, but not there
        self._sections: list[ManifestReader] = []

    def _take(self, key: str) -> object:
        if key not in self._table:
            raise PackageInvalid(f"{self._path}: the key '{self._prefix}{key}' is missing; add it.")
        self._taken.add(key)
        return self._table[key]

    def _wrong(self, key: str, found: object, expected: str) -> PackageInvalid:
        return PackageInvalid(f"{self._path}: '{self._prefix}{key}' is {found!r}; {expected} was expected.")

    def text(self, key: str, *, may_be_empty: bool = False) -> str:
        """A string, with at least one character unless it may be empty."""
        value = self._take(key)
        if not isinstance(value, str) or not (value.strip() or may_be_empty):
            raise self._wrong(key, value, "a text")
        return value

    def optional_text(self, key: str) -> str:
        """A string that may be left out: then it is empty. Where the key exists, it has at least one character."""
        return self.text(key) if key in self._table else self._left_out(key)

    def _left_out(self, key: str) -> str:
        self._optional.add(key)
        return ""

    def fixed(self, key: str, expected: str) -> None:
        """A string with a single allowed value, written in the manifest for its readers."""
        if (value := self._take(key)) != expected:
            raise self._wrong(key, value, f"'{expected}'")

    def integer(self, key: str) -> int:
        """A whole number, not negative."""
        value = self._take(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._wrong(key, value, "a whole number, not negative,")
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        return self._finite(key, self._take(key))

    def numbers(self, key: str) -> tuple[float, ...]:
        """A list of finite numbers."""
        value = self._take(key)
        if not isinstance(value, list):
            raise self._wrong(key, value, "a list of numbers")
        return tuple(self._finite(key, item) for item in value)

    def _finite(self, key: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._wrong(key, value, "a finite number")
        return float(value)

    def member(self, key: str, kind: type[_Member]) -> _Member:
        """One of the values of an enumeration."""
        return self._member(key, self._take(key), kind)

    def optional_member(self, key: str, kind: type[_Member]) -> _Member | None:
        """One of the values of an enumeration, or None where the key is left out."""
        if key not in self._table:
            self._optional.add(key)
            return None
        return self.member(key, kind)

    def members(self, key: str, kind: type[_Member]) -> tuple[_Member, ...]:
        """A list of different values of an enumeration, at least one."""
        value = self._take(key)
        if not isinstance(value, list) or not value:
            raise self._wrong(key, value, f"a list of {', '.join(kind)}")
        members = tuple(self._member(key, item, kind) for item in value)
        if len(set(members)) != len(members):
            raise self._wrong(key, value, "a list without repetition")
        return members

    def _member(self, key: str, value: object, kind: type[_Member]) -> _Member:
        if value not in tuple(kind):
            raise self._wrong(key, value, f"one of {', '.join(kind)}")
        return kind(str(value))

    def section(self, key: str) -> ManifestReader:
        """A sub-table."""
        value = self._take(key)
        if not isinstance(value, dict):
            raise self._wrong(key, value, "a table")
        reader = ManifestReader(self._path, value, f"{self._prefix}{key}.")
        self._sections.append(reader)
        return reader

    def optional_section(self, key: str) -> ManifestReader | None:
        """A sub-table, or None where it is left out."""
        if key not in self._table:
            self._optional.add(key)
            return None
        return self.section(key)

    def acquisition_range(self) -> AcquisitionRange:
        """This table as a whole, as `AcquisitionRange.from_mapping` reads it."""
        self._taken |= set(self._table)
        try:
            return AcquisitionRange.from_mapping(self._table)
        except SetupError as error:
            raise PackageInvalid(f"{self._path}: [{self._prefix.rstrip('.')}]: {error}.") from error

    def table_of_texts(self, key: str) -> dict[str, str]:
        """A sub-table with free keys and string values."""
        value = self._take(key)
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise self._wrong(key, value, "a table of texts")
        return dict(value)

    def optional_table_of_texts(self, key: str) -> dict[str, str]:
        """A sub-table with free keys and string values that may be left out: then it is empty."""
        if key in self._table:
            return self.table_of_texts(key)
        self._optional.add(key)
        return {}

    def refuse_unknown(self) -> None:
        """Raise when a key of this table or of a section was never taken.

        Raises
        ------
        PackageInvalid
        """
        if unknown := sorted(set(self._table) - self._taken):
            keys = ", ".join(f"'{self._prefix}{key}'" for key in unknown)
            known = self._taken | self._optional
            raise PackageInvalid(f"{self._path}: unknown key {keys}; known here: {', '.join(sorted(known))}.")
        for section in self._sections:
            section.refuse_unknown()
