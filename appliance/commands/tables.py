"""Tables of text. On a terminal they fit its width, and no word is cut: what another command needs can be copied.

Where the columns do not fit side by side, cells are broken between words; where that is not enough, the first column
stands on a line of its own over the rest of its row; and where that is not enough either, the rest are words in a row.
Outside a terminal, where there is no width, a row is as long as it is, and ends with its last word: programs find it
whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.style import Style

from appliance.commands.lines import broken, length

_GAP = "   "
_INDENT = "  "
_TITLE, _HEAD = Style(bold=True), Style(bold=True)
_READABLE = 20  # characters of a column of sentences
_RULE, _LONGEST_RULE = "─", 160


@dataclass(frozen=True)
class Cell:
    """A cell whose first line has a style on a terminal; its other lines are dim."""

    text: str
    style: str = ""


class Table:
    """A table under a title; columns without any name have no heading.

    Parameters
    ----------
    rows : texts as they are, without markup; a line end in a cell begins another line of it
    """

    def __init__(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str | Cell]]) -> None:
        self._title, self._columns = title, tuple(columns)
        self._rows = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        width = options.max_width
        rule = _RULE if (options.encoding or "").startswith("utf") else "-"
        if self._title:
            yield Segment(f"{self._title}\n", _TITLE)
        has_head = any(self._columns)
        natural = self._widest(_longest_line)
        widths = _fitted(natural, self._least(natural, width), width)
        if widths is None:
            yield from self._stacked(natural, width, rule)
            return
        if has_head:
            yield from _heading(self._columns, widths, "", rule)
        for row in self._rows:
            yield from _row(row, widths, "")

    def _widest(self, measure: Callable[[str], int]) -> list[int]:
        """The greatest measure of a text in each column, its name among them."""
        return [
            max([measure(name), *(measure(row[place].text) for row in self._rows)])
            for place, name in enumerate(self._columns)
        ]

    def _least(self, natural: Sequence[int], width: int) -> list[int]:
        """Widths that no word exceeds and at which sentences can be read; where columns have no names, the last one may
        exceed the terminal.
        """
        if sum(natural) + len(_GAP) * (len(natural) - 1) <= width:
            return list(natural)
        words = zip(self._widest(_longest_word), natural, strict=True)
        least = [max(word, _READABLE if line > 2 * _READABLE else 0) for word, line in words]
        if not any(self._columns) and least:
            least[-1] = min(least[-1], max(10, width - sum(least[:-1]) - len(_GAP) * (len(least) - 1)))
        return least

    def _stacked(self, natural: Sequence[int], width: int, rule: str) -> Iterator[Segment]:
        """Each first cell over the rest of its row; where that does not fit, the rest with its names in a row."""
        least = self._least(natural, width)[1:]
        widths = _fitted(natural[1:], least, width - len(_INDENT))
        yield Segment(f"{self._columns[0]}\n", _HEAD)
        if widths is not None:
            yield from _heading(self._columns[1:], widths, _INDENT, rule)
        for first, *rest in self._rows:
            yield Segment(f"{first.text}\n", Style.parse(first.style) if first.style else None)
            if widths is not None:
                yield from _row(rest, widths, _INDENT)
                continue
            named = [
                f"{name}: {' '.join(cell.text.split())}" if name else " ".join(cell.text.split())
                for name, cell in zip(self._columns[1:], rest, strict=True)
                if cell.text
            ]
            for line in broken("; ".join(named), width - len(_INDENT)):
                yield Segment(f"{_INDENT}{line}\n")


def _fitted(natural: Sequence[int], least: Sequence[int], width: int) -> list[int] | None:
    """Widths of columns side by side, None where they do not fit; columns that lack little get it before others."""
    gaps = len(_GAP) * max(0, len(natural) - 1)
    if sum(natural) + gaps <= width:
        return list(natural)
    free = width - gaps - sum(least)
    if free < 0:
        return None
    widths = list(least)
    order = sorted(range(len(widths)), key=lambda place: natural[place] - least[place])
    for number, place in enumerate(order):
        given = min(natural[place] - least[place], free // (len(order) - number))
        widths[place] += given
        free -= given
    return widths


def _heading(names: Sequence[str], widths: Sequence[int], indent: str, rule: str) -> Iterator[Segment]:
    yield from _row([Cell(name, "bold") for name in names], widths, indent)
    yield Segment(f"{indent}{rule * min(sum(widths) + len(_GAP) * (len(widths) - 1), _LONGEST_RULE)}\n")


def _row(row: Sequence[Cell], widths: Sequence[int], indent: str) -> Iterator[Segment]:
    cells = [broken(cell.text, width) for cell, width in zip(row, widths, strict=True)]
    is_plain = not any(cell.style for cell in row)
    for number in range(max(map(len, cells), default=0)):
        parts = [lines[number] if number < len(lines) else "" for lines in cells]
        if is_plain:
            padded = _GAP.join(_padded(part, width) for part, width in zip(parts, widths, strict=True))
            yield Segment(f"{indent}{padded}".rstrip() + "\n")
            continue
        last = max((place for place, part in enumerate(parts) if part), default=0)
        yield Segment(indent)
        for place, (cell, part, width) in enumerate(zip(row, parts, widths, strict=True)):
            style = Style.parse(cell.style if number == 0 else "dim") if cell.style else None
            yield Segment(part, style)
            if place < last:
                yield Segment(" " * (width - length(part)) + _GAP)
        yield Segment("\n")


def _padded(text: str, width: int) -> str:
    return text + " " * (width - length(text))


def _longest_line(text: str) -> int:
    return max(map(length, text.split("\n")))


def _longest_word(text: str) -> int:
    return max(map(length, text.split()), default=0)
