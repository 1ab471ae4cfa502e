"""TOML tables to frozen dataclasses: types checked, ranges checked, unknown keys refused, every mistake collected.

The one reader of settings, selection rules and manifests. A key is a field with a type, and its default stands there;
its range is written beside the type: `port: Annotated[int, Between(1, 65535)]`. The same check runs when a value is
built in code (`check` in `__post_init__`), so a bad value cannot exist. TOML has no null: a value of type `T | None`
is written "none".

Decision: our own 250 lines, not cattrs or msgspec. msgspec stops at the first mistake; cattrs collects them with their
paths, but takes "7" for a number and 1 for true unless every type has a hook of ours, knows no ranges, and its
sentences are for programmers. What would be left of it is the loop over the fields.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, TypeVar, get_args, get_origin

from models.errors import Mistake, SetupError
from models.number_words import counted
from models.toml_lines import line_of, lines_of

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
class AtLeast:
    """A number not below `low`."""

    low: float

    def expected(self) -> str:
        return f"of at least {self.low:g}"

    def holds(self, value: Any) -> bool:
        return bool(self.low <= value)


@dataclass(frozen=True)
class Above:
    """A number above `low`."""

    low: float

    def expected(self) -> str:
        return f"above {self.low:g}"

    def holds(self, value: Any) -> bool:
        return bool(self.low < value)


@dataclass(frozen=True)
class Distinct:
    """A list with at least one item and without repetition."""

    def expected(self) -> str:
        return "at least one, without repetition"

    def holds(self, value: Any) -> bool:
        return 0 < len(value) == len(set(value))


@dataclass(frozen=True)
class Matches:
    """A text that matches a regular expression as a whole."""

    pattern: str
    words: str

    def expected(self) -> str:
        return f"that is {self.words}"

    def holds(self, value: Any) -> bool:
        return re.fullmatch(self.pattern, value) is not None


@dataclass(frozen=True)
class OneOf:
    """A text that is one of some words, where an enumeration of them would load libraries."""

    words: tuple[str, ...]

    def expected(self) -> str:
        return "that is one of " + ", ".join(f'"{word}"' for word in self.words)

    def holds(self, value: Any) -> bool:
        return value in self.words


Text = Annotated[str, Matches(r"(?s).*\S.*", "not empty")]

# Metadata of a field that a file does not set: `field(metadata=NOT_IN_FILE)`.
NOT_IN_FILE: Final[Mapping[str, bool]] = types.MappingProxyType({"in_file": False})


def field_types(cls: type) -> Mapping[str, Any]:
    """Field name → type with its constraints, in the order of the fields of a dataclass."""
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


class Mistakes(list[str]):
    """Mistakes found while a table is read, and where each key that is known somewhere belongs."""

    def __init__(self, cls: type) -> None:
        super().__init__()
        self.homes = _homes(cls, "")


def read_whole(
    cls: type[T],
    table: Mapping[str, Any],
    *,
    what: str,
    where: str = "",
    text: str = "",
    error: type[SetupError] = SetupError,
) -> T:
    """Make a `cls` from a table, or say everything that is wrong with it.

    Parameters
    ----------
    what : "The configuration file /etc/rdeepnet.toml"
    where : as in `read_table`
    text : the file that the table was read from, so that every mistake has its line; "" where there is none
    error : what to raise

    Raises
    ------
    SetupError
        Or `error`, with every mistake, one per line; by line of the file.
    """
    mistakes = Mistakes(cls)
    value = read_table(cls, table, where=where, mistakes=mistakes)
    if mistakes or value is None:
        lines = lines_of(text)
        found = [Mistake(line_of(_path_in(mistake), lines), mistake) for mistake in mistakes]
        found.sort(key=lambda mistake: mistake.line or 0)
        wrong = error(f"{what} has {counted(len(found), 'mistake')}:" + "".join(f"\n  {mistake}" for mistake in found))
        wrong.mistakes = tuple(found)
        raise wrong
    return value


def _path_in(mistake: str) -> str:
    """The path with which the sentence of a mistake begins."""
    return re.split(r"[:\s]", mistake, maxsplit=1)[0]


def _homes(cls: type, where: str) -> dict[str, list[str]]:
    """Key → headers of the tables of a file that have it, in lists of tables and directly."""
    homes: dict[str, list[str]] = {}
    for name, hint in field_types(cls).items():
        path = f"{where}.{name}" if where else name
        inner, header = _plain_type(hint), f"[{path}]"
        if get_origin(inner) is tuple:
            inner, header = _plain_type(get_args(inner)[0]), f"[[{path}]]"
        if isinstance(inner, type) and dataclasses.is_dataclass(inner):
            for key in field_types(inner):
                homes.setdefault(key, []).append(header)
            if not header.startswith("[["):
                for key, found in _homes(inner, path).items():
                    homes.setdefault(key, []).extend(found)
    return homes


def _plain_type(hint: Any) -> Any:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return _plain_type(_without_none(hint)) if get_origin(hint) in _UNIONS else hint


def read_table(cls: type[T], table: Mapping[str, Any], *, where: str, mistakes: list[str]) -> T | None:
    """Make a `cls` from a TOML table, by its own `from_table` where it has one, else field by field.

    Parameters
    ----------
    where : name of the table for messages, "" for the file itself
    mistakes : every mistake is appended here

    Returns
    -------
    The value, or None when a mistake prevents it.
    """
    own: Any = getattr(cls, "from_table", None)
    if own is not None:
        result: T | None = own(table, where=where, mistakes=mistakes)
        return result
    return read_fields(cls, table, where=where, mistakes=mistakes)


def read_fields(
    cls: type[T], table: Mapping[str, Any], *, where: str, mistakes: list[str], also: Sequence[str] = ()
) -> T | None:
    """As `read_table`, field by field; `also` are keys that the caller reads."""
    hints = field_types(cls)
    fields = [field for field in dataclasses.fields(cls) if field.metadata.get("in_file", True)]  # type: ignore[arg-type]
    before = len(mistakes)
    known = [*(field.name for field in fields), *also]
    mistakes.extend(_unknown_keys(table, known=known, where=where, homes=getattr(mistakes, "homes", {})))
    values: dict[str, Any] = {}
    for field in fields:
        path = f"{where}.{field.name}" if where else field.name
        if field.name in table and not field.repr:
            quoting: list[str] = []
            values[field.name] = _read(hints[field.name], table[field.name], where=path, mistakes=quoting)
            if quoting:
                mistakes.append(
                    f"{path} has another value (not shown, since it may hold a secret); expected "
                    f"{_words(hints[field.name])}"
                )
        elif field.name in table:
            values[field.name] = _read(hints[field.name], table[field.name], where=path, mistakes=mistakes)
        elif field.default is MISSING and field.default_factory is MISSING:
            mistakes.append(f"{path} is missing; expected {_words(hints[field.name])}")
    if len(mistakes) > before:
        return None
    try:
        return cls(**values)
    except SetupError as error:  # a rule over several fields
        mistakes.append(f"{where}: {error}" if where else str(error))
        return None


def _unknown_keys(
    table: Mapping[str, Any], *, known: Sequence[str], where: str, homes: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    found = []
    for key in table:
        if key not in known:
            near, elsewhere = difflib.get_close_matches(key, known, n=1), (homes or {}).get(key, ())
            if elsewhere:  # spelt as it is in another table: before what is only alike
                advice = f"it belongs in {' or '.join(elsewhere)}"
            else:
                advice = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
            found.append(f"{where + '.' if where else ''}{key} is not known; {advice}")
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
    if origin in _UNIONS:
        if value == "none":
            return None
        inner: list[str] = []
        result = _read(_without_none(hint), value, where=where, mistakes=inner)
        if inner:
            mistakes.append(f"{where} is {value!r}; expected {_words(hint)}")
        return result
    if origin is tuple and isinstance(value, list | tuple):
        return _read_list(hint, value, where=where, mistakes=mistakes)
    if origin is Mapping and isinstance(value, Mapping):
        return _read_mapping(hint, value, where=where, mistakes=mistakes)
    if origin is tuple and isinstance(value, Mapping) and dataclasses.is_dataclass(_plain_type(arguments[0])):
        mistakes.append(f"{where} is one table; expected a list of tables: write [[{where}]] for [{where}]")
        return None
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, list):
        mistakes.append(f"{where} is a list; expected one table: write [{where}] for [[{where}]]")
        return None
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return read_table(hint, value, where=where, mistakes=mistakes)
    if isinstance(hint, type):
        if issubclass(hint, StrEnum) and value in list(hint):
            return hint(value)
        if issubclass(hint, StrEnum) and (near := difflib.get_close_matches(str(value), list(hint), n=1)):
            mistakes.append(f'{where} is {value!r}; expected {_words(hint)}; did you mean "{near[0]}"?')
            return None
        if hint is Path and isinstance(value, str) and value:
            return Path(value)
        if hint is float and type(value) in (int, float) and math.isfinite(value):
            return float(value)
        if type(value) is hint and hint is not float:
            return value
    mistakes.append(f"{where} is {value!r}; expected {_words(hint)}")
    return None


def _read_list(hint: Any, value: Sequence[Any], *, where: str, mistakes: list[str]) -> tuple[Any, ...]:
    """A list as a tuple: of any length where the type ends in `...`, else item by item."""
    kinds = get_args(hint)
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(value)
    if len(kinds) != len(value):
        mistakes.append(f"{where} is {list(value)!r}; expected {_words(hint)}")
        return ()
    return tuple(
        _read(kind, item, where=f"{where}[{number}]", mistakes=mistakes)
        for number, (kind, item) in enumerate(zip(kinds, value, strict=True), start=1)
    )


def _read_mapping(hint: Any, table: Mapping[str, Any], *, where: str, mistakes: list[str]) -> dict[Any, Any]:
    """A table whose keys are free, or the members of an enumeration."""
    key_kind, kind = get_args(hint)
    if issubclass(key_kind, StrEnum):
        mistakes.extend(_unknown_keys(table, known=[str(member) for member in key_kind], where=where))
        table = {key: value for key, value in table.items() if key in tuple(key_kind)}
    return {
        key_kind(key): _read(kind, value, where=f"{where}.{key}", mistakes=mistakes) for key, value in table.items()
    }


def _range_mistakes(hint: Any, value: Any, *, where: str) -> list[str]:
    """Constraints that `value` breaks; those of the items too, where it is a tuple."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        if not all(constraint.holds(value) for constraint in arguments[1:]):
            words = [word for constraint in arguments[1:] if isinstance(constraint, OneOf) for word in constraint.words]
            near = difflib.get_close_matches(str(value), words, n=1)
            return [f"{where} is {value!r}; expected {_words(hint)}" + (f'; did you mean "{near[0]}"?' if near else "")]
        return _range_mistakes(arguments[0], value, where=where)
    if origin is tuple and arguments[-1] is Ellipsis:
        return [
            mistake
            for number, item in enumerate(value, start=1)
            for mistake in _range_mistakes(arguments[0], item, where=f"{where}[{number}]")
        ]
    if origin in _UNIONS and value is not None:
        return _range_mistakes(_without_none(hint), value, where=where)
    return []


# `int | None`, and the same with a constraint, which `typing` makes a `Union`.
_UNIONS = (types.UnionType, typing.Union)


def _without_none(hint: Any) -> Any:
    (inner,) = (argument for argument in get_args(hint) if argument is not types.NoneType)
    return inner


def _words(hint: Any) -> str:
    """A type in words for somebody who edits the file."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return " ".join([_words(arguments[0]), *(constraint.expected() for constraint in arguments[1:])])
    if origin in _UNIONS:
        return f'{_words(_without_none(hint))}, or "none"'
    if origin is tuple and arguments[-1] is Ellipsis:
        return f"a list, each {_words(arguments[0])}"
    if origin is tuple:
        return f"[{', '.join(_words(item) for item in arguments)}]"
    if origin is Mapping:
        return f"a table, each {_words(arguments[1])}"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return "one of " + ", ".join(f'"{member}"' for member in hint)
    if dataclasses.is_dataclass(hint):
        return "a table"
    return {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}[hint]
