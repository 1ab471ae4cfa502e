"""Reads the cells of somebody else's table as texts: comma, semicolon or tab between them, one header."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from models.csv_table import cells_in, rows_of
from models.errors import CohortRejected
from models.number_words import counted
from models.plain_text import one_line

FILE = "(file)"  # the column that every table has besides its own: the name of its file, without suffix
INDEX = "(index)"  # a first column without a name, as pandas writes it
_SUFFIXES = (".csv", ".tsv", ".txt")
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


@dataclass(frozen=True)
class SourceFile:
    """A file that was read: its name, and SHA-256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, eq=False)
class Cells:
    """A table as texts.

    Attributes
    ----------
    files : what was read
    header : names of the columns, each once; `FILE` is the last
    rows : one text for each column, without blanks around it
    places : for each row, file and number of the row, for sentences; row 1 is the first below the header
    """

    files: tuple[SourceFile, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    places: tuple[str, ...]

    @property
    def source(self) -> str:
        """Name of the file, or of the first with how many there are."""
        first = self.files[0].name
        return first if len(self.files) == 1 else f"{first} and {counted(len(self.files) - 1, 'other file')}"

    @cached_property
    def _column_of(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.header)}

    def column(self, name: str) -> tuple[str, ...]:
        """The cells of a column.

        Raises
        ------
        CohortRejected
            When there is none of that name.
        """
        if name not in self._column_of:
            shown = ", ".join(self.header[:8]) + (", …" if len(self.header) > 8 else "")
            raise CohortRejected(f"{self.source} has no column '{name}'; it has {shown}.")
        index = self._column_of[name]
        return tuple(row[index] for row in self.rows)


def read_cells(path: Path) -> Cells:
    """Reads one file.

    Raises
    ------
    CohortRejected
        When it is no table, has one column, no row, a column twice, or rows of different lengths.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise CohortRejected(
            f"The features are in '{path.name}'; {', '.join(_SUFFIXES)} was expected. Save the table as CSV."
        )
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise CohortRejected(f"{path} cannot be read ({error.strerror}); give the table of features.") from error
    except UnicodeDecodeError as error:
        raise CohortRejected(f"{path.name} is not text in UTF-8 ({error.reason}); save it as CSV in UTF-8.") from error
    first = re.split(r"\r\n|\r|\n", text, maxsplit=1)[0]
    delimiter = max(_DELIMITERS, key=lambda one: cells_in(first, delimiter=one))
    try:
        table = [[*map(one_line, row)] for row in rows_of(io.StringIO(text, newline=""), delimiter=delimiter)]
    except csv.Error as error:
        raise CohortRejected(
            f"{path.name} is not a table of cells with {_DELIMITERS[delimiter]} between them: {error}."
        ) from error
    header = [" ".join(name.split()) for name in table[0]] if table else []
    if len(header) < 2:
        raise CohortRejected(
            f"{path.name} has one column; columns with commas, semicolons or tabs between them were expected. Save the "
            "table as CSV."
        )
    if not header[0]:
        header[0] = INDEX
    _check_header(path.name, header)
    rows = [(number, row) for number, row in enumerate(table[1:], start=1) if any(cell.strip() for cell in row)]
    if not rows:
        raise CohortRejected(f"{path.name} has no row below its header; at least one patient was expected.")
    for number, row in rows:
        if len(row) != len(header):
            hint = (
                " A decimal comma makes two cells of one number: write decimal points, or semicolons between the cells."
                if delimiter == "," and len(row) > len(header)
                else " Export the table again."
            )
            raise CohortRejected(
                f"{path.name}: row {number} has {counted(len(row), 'cell')}, the header {len(header)}.{hint}"
            )
    return Cells(
        files=(SourceFile(path.name, hashlib.sha256(content).hexdigest()),),
        header=(*header, FILE),
        rows=tuple((*(cell.strip() for cell in row), path.stem) for _, row in rows),
        places=tuple(f"row {number}" for number, _ in rows),
    )


def _check_header(source: str, header: Sequence[str]) -> None:
    if "" in header:
        raise CohortRejected(f"{source}: column {list(header).index('') + 1} has no name; each needs one.")
    if len(set(header)) != len(header):
        twice = next(name for name in header if list(header).count(name) > 1)
        raise CohortRejected(f"{source} has the column '{twice}' more than once; each was expected once.")
    if FILE in header:
        raise CohortRejected(f"{source} has a column '{FILE}', a name that is ours; rename it.")


def together(tables: Sequence[Cells]) -> Cells:
    """Several files as one table, with the columns of all; a column that a file lacks is empty there."""
    if len(tables) == 1:
        return tables[0]
    header = tuple(dict.fromkeys(name for table in tables for name in table.header if name != FILE))
    rows, places = [], []
    for table in tables:
        of = {name: index for index, name in enumerate(table.header)}
        where = [of.get(name) for name in (*header, FILE)]
        rows += [tuple("" if index is None else row[index] for index in where) for row in table.rows]
        places += [f"{place} of {table.files[0].name}" for place in table.places]
    return Cells(tuple(file for table in tables for file in table.files), (*header, FILE), tuple(rows), tuple(places))
