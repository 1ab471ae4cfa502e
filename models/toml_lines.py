"""Lines of a TOML file on which tables and keys stand: `tomllib` reads values and forgets where they were.

Only for texts that `tomllib` has read. A path is written as messages write it: "service.port", "destinations[2].host".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_HEADER = re.compile(r"\s*(\[\[?)\s*(?P<name>[^\]]+?)\s*\]\]?\s*(#.*)?$")
_NAME = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_KEY = re.compile(rf"\s*(?P<name>{_NAME}(?:\s*\.\s*{_NAME})*)\s*=(?P<value>.*)$")
_MARK = re.compile(r'\\.|"""|' + r"'''" + r"""|"|'|[\[\]{}#]""")


def lines_of(text: str) -> Mapping[str, int]:
    """Path of each table and key → its line, the first is 1; of keys inside `{}` the line of the key they belong to."""
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    table, state = "", _State()
    for number, line in enumerate(text.splitlines(), start=1):
        if state.is_inside:  # a list or a text that goes on
            state.read(line)
            continue
        header = _HEADER.match(line)
        key = None if header else _KEY.match(line)
        if header is not None:
            table = _plain(header["name"])
            if line.lstrip().startswith("[["):
                counts[table] = counts.get(table, 0) + 1
                found.setdefault(table, number)
            table = _counted(table, counts)
            found.setdefault(table, number)
        elif key is not None:
            path = f"{table}.{_plain(key['name'])}" if table else _plain(key["name"])
            for end in [match.start() for match in re.finditer(r"\.", path)]:
                found.setdefault(path[:end], number)
            found.setdefault(path, number)
            state.read(key["value"])
    return found


def line_of(path: str, lines: Mapping[str, int]) -> int | None:
    """The line of a path, or of the nearest thing it is a part of; None where nothing of it is in the file."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1].rpartition("[")[0] if path.endswith("]") else path.rpartition(".")[0]
    return None


class _State:
    """Returns, line by line, whether a value goes on: brackets that are open, or a text of several lines."""

    def __init__(self) -> None:
        self._depth, self._quote = 0, ""

    @property
    def is_inside(self) -> bool:
        return self._depth > 0 or len(self._quote) == 3

    def read(self, text: str) -> None:
        for mark in _MARK.findall(text):
            if self._quote:
                if mark == self._quote:
                    self._quote = ""
            elif mark == "#":
                break
            elif mark[0] in "\"'":
                self._quote = mark
            elif mark in "[{":
                self._depth += 1
            elif mark in "]}":
                self._depth -= 1
        if len(self._quote) == 1:
            self._quote = ""  # texts in single quotation marks end with their line


def _plain(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))


def _counted(table: str, counts: Mapping[str, int]) -> str:
    """The name of a table with the numbers of the lists of tables that it is in: "reading.t1c[2].rule"."""
    path, plain = "", ""
    for part in table.split("."):
        path, plain = (f"{path}.{part}", f"{plain}.{part}") if path else (part, part)
        if plain in counts:
            path += f"[{counts[plain]}]"
    return path
