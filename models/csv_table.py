"""Tables of comma-separated values: the one way in which the product writes and reads them.

A spreadsheet takes a cell that begins with =, +, -, @, a tab or a line end for a formula, and a description in a DICOM
file can say what it computes. Such a cell gets an apostrophe before it, unless it is a number; so does one that begins
with apostrophes before these, and a formula behind a semicolon or tab, where a spreadsheet with a decimal comma begins
another cell. Readers of ours take exactly these apostrophes away again, and any other program shows one more character.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator

_FORMULA = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"  # also as fullwidth letters, which some spreadsheets take as these
_BEGINS = rf"(?:^|(?<=[;\t\r\n]))('*)(?={_FORMULA})"
_WRITTEN = re.compile(_BEGINS)
_READ = re.compile(rf"(?:^|(?<=[;\t\r\n]))'('*)(?={_FORMULA})")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:inf|nan)")
_SUSPECT = re.compile(rf"{_FORMULA}|'")


def lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    r"""The lines of a table, each with its end "\n"; numbers with all their digits, None as an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # only cells with characters of the line end are quoted for them
    for row in rows:
        writer.writerow([escaped(cell) if isinstance(cell, str) else cell for cell in row])
        yield text.getvalue()[:-2] + "\n"
        text.seek(0)
        text.truncate()


def escaped(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; `unescaped` gives exactly the same text back."""
    if not _SUSPECT.search(cell) or _NUMBER.fullmatch(cell):
        return cell
    return _WRITTEN.sub(r"'\1", cell)


def unescaped(cell: str) -> str:
    """The text that `escaped` was given; other texts as they are."""
    return _READ.sub(r"\1", cell) if "'" in cell else cell


def rows_of(stream: Iterable[str], *, delimiter: str = ",") -> list[list[str]]:
    """The cells of a table, unescaped.

    Raises
    ------
    csv.Error
        When it is no such table.
    """
    return [[unescaped(cell) for cell in row] for row in csv.reader(stream, delimiter=delimiter, strict=True)]


def cells_in(line: str, *, delimiter: str) -> int:
    """Number of cells of one line, 0 where a cell is longer than the csv module takes."""
    try:
        return len(next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error:
        return 0
