"""TOML tables to frozen dataclasses: types checked, ranges checked, unknown keys refused, every mistake collected.

A setting is a field with a type; its range is written beside the type: `port: Annotated[int, Between(1, 65535)]`.
The same check runs when a value is built in code (`check` in `__post_init__`), so a bad value cannot exist.
TOML has no null: a setting of type `T | None` is written "none".
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar, get_args, get_origin

from models.errors import SetupError

T = TypeVar("T")


class Constraint(Protocol):
    """Requirement of a value beyond its type."""

    def expected(self) -> str:
        """In words, after the type: "from 1 to 65535"."""

    def holds(self, value: Any) -> bool:
        """Returns whether the value is allowed."""


@dataclass(frozen=True)
class Between:
    """A number from `low` to `high`, both included."""

    low: float
    high: float

    def expected(self) -> str:
        return f"from {self.low:g} to {self.high:g}"

    def holds(self, value: Any) -> bool:
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True)
class Matches:
    """A text that matches a regular expression as a whole."""

    pattern: str
    words: str

    def expected(self) -> str:
        return f"that is {self.words}"

    def holds(self, value: Any) -> bool:
        return re.fullmatch(self.pattern, value) is not None


def field_types(cls: type) -> dict[str, Any]:
    """Field name → type with its constraints, in the order of the fields."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def check(value: Any) -> None:
    """Check the ranges of every field of a dataclass.

    Raises
    ------
    SetupError
        With every field that is out of its range.
    """
    mistakes = [
        mistake
        for name, hint in field_types(type(value)).items()
        for mistake in _range_mistakes(hint, getattr(value, name), where=name)
    ]
    if mistakes:
        raise SetupError("; ".join(mistakes))


def read_table(cls: type[T], table: Mapping[str, Any], *, where: str, mistakes: list[str]) -> T | None:
    """Make a `cls` from a TOML table.

    Parameters
    ----------
    where : name of the table for messages, "" for the file itself
    mistakes : every mistake is appended here

    Returns
    -------
    The value, or None when a mistake prevents it.
    """
    hints = field_types(cls)
    before = len(mistakes)
    mistakes.extend(_unknown_keys(table, known=list(hints), where=where))
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        place = f"{where}.{field.name}" if where else field.name
        if field.name in table:
            values[field.name] = _read(hints[field.name], table[field.name], where=place, mistakes=mistakes)
        elif field.default is MISSING and field.default_factory is MISSING:
            mistakes.append(f"{place} is missing; expected {_words(hints[field.name])}")
    if len(mistakes) > before:
        return None
    try:
        return cls(**values)
    except SetupError as error:  # a rule over several fields
        mistakes.append(f"{where}: {error}")
        return None


def _unknown_keys(table: Mapping[str, Any], *, known: Sequence[str], where: str) -> list[str]:
    found = []
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            advice = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
            found.append(f"{where + '.' if where else ''}{key} is not a setting; {advice}")
    return found


def _read(hint: Any, value: Any, *, where: str, mistakes: list[str]) -> Any:
    """`value` as `hint` wants it; None after a mistake."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        before = len(mistakes)
        result = _read(arguments[0], value, where=where, mistakes=mistakes)
        if len(mistakes) == before:
            mistakes.extend(_range_mistakes(hint, result, where=where))
        return result
    if origin is types.UnionType:
        if value == "none":
            return None
        inner: list[str] = []
        result = _read(_without_none(hint), value, where=where, mistakes=inner)
        if inner:
            mistakes.append(f"{where} is {value!r}; expected {_words(hint)}")
        return result
    if origin is tuple and isinstance(value, list):
        return tuple(
            _read(arguments[0], item, where=f"{where}[{number}]", mistakes=mistakes)
            for number, item in enumerate(value, start=1)
        )
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        return read_table(hint, value, where=where, mistakes=mistakes)
    if isinstance(hint, type):
        if issubclass(hint, StrEnum) and value in list(hint):
            return hint(value)
        if hint is Path and isinstance(value, str) and value:
            return Path(value)
        if hint is float and type(value) in (int, float):
            return float(value)
        if type(value) is hint:
            return value
    mistakes.append(f"{where} is {value!r}; expected {_words(hint)}")
    return None


def _range_mistakes(hint: Any, value: Any, *, where: str) -> list[str]:
    """Constraints that `value` breaks; those of the items too, where it is a tuple."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        if not all(constraint.holds(value) for constraint in arguments[1:]):
            return [f"{where} is {value!r}; expected {_words(hint)}"]
        return _range_mistakes(arguments[0], value, where=where)
    if origin is tuple:
        return [
            mistake
            for number, item in enumerate(value, start=1)
            for mistake in _range_mistakes(arguments[0], item, where=f"{where}[{number}]")
        ]
    if origin is types.UnionType and value is not None:
        return _range_mistakes(_without_none(hint), value, where=where)
    return []


def _without_none(hint: Any) -> Any:
    (inner,) = (argument for argument in get_args(hint) if argument is not types.NoneType)
    return inner


def _words(hint: Any) -> str:
    """A type in words for somebody who edits the file."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return " ".join([_words(arguments[0]), *(constraint.expected() for constraint in arguments[1:])])
    if origin is types.UnionType:
        return f'{_words(_without_none(hint))}, or "none"'
    if origin is tuple:
        return f"a list, each {_words(arguments[0])}"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return "one of " + ", ".join(f'"{member}"' for member in hint)
    if dataclasses.is_dataclass(hint):
        return "a table"
    return {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}[hint]
