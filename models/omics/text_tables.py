"""Text tables of genes, plain or compressed, as columns: the one reader below all formats."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import CohortRejected
from models.number_words import agreeing, counted
from models.omics.tpm import Floats

_MISSING = ("", ".", "NA", "NaN", "nan", "N/A", "#N/A", "null", "NULL", "-")


@dataclass(frozen=True, eq=False)
class TextTable:
    """A table with its header; the first column names the genes.

    Attributes
    ----------
    source : name of the file
    header : names of the columns
    comments : lines that begin with #
    columns : pyarrow columns, texts or numbers
    """

    source: str
    header: tuple[str, ...]
    comments: tuple[str, ...]
    columns: Any

    def texts(self, column: int) -> tuple[str, ...]:
        """A column as texts."""
        return tuple("" if cell is None else str(cell).strip() for cell in self.columns.column(column).to_pylist())

    def numbers(self, names: Sequence[str], *, rows: Sequence[int] | None = None) -> Floats:
        """Columns as numbers: float64 (rows, columns).

        Raises
        ------
        CohortRejected
            When a column is not there, or a cell is missing or no number.
        """
        lacking = [name for name in names if name not in self.header]
        if lacking:
            raise CohortRejected(
                f"{self.source} has no column '{lacking[0]}'; it has {', '.join(self.header[:8])}"
                f"{', …' if len(self.header) > 8 else ''}."
            )
        import pyarrow

        found = np.empty((self.columns.num_rows if rows is None else len(rows), len(names)))
        for place, name in enumerate(names):
            column = self.columns.column(self.header.index(name))
            if rows is not None:
                column = column.take(pyarrow.array(rows))
            if column.null_count or not _is_number(column.type):
                self._refuse(names, rows)
            found[:, place] = column.cast(pyarrow.float64()).to_numpy()
        return found

    def _refuse(self, names: Sequence[str], rows: Sequence[int] | None) -> None:
        """Counts what is missing and what is no number over all columns, and refuses."""
        missing = wrong = 0
        example = first = ""
        for name in names:
            cells = self.columns.column(self.header.index(name)).to_pylist()
            for row in range(len(cells)) if rows is None else rows:
                cell = cells[row]
                if cell is None or str(cell).strip() in _MISSING:
                    missing += 1
                    first = first or f"row {row + 1}"
                elif not _reads_as_number(str(cell)):
                    wrong += 1
                    example = example or f"'{str(cell)[:20]}' in row {row + 1}"
        decimal = " (a decimal comma?)" if "," in example else ""
        parts = [f"{missing:,} {agreeing(missing, 'cell is', 'cells are')} missing (first: {first})"] if missing else []
        parts += (
            [f"{wrong:,} {agreeing(wrong, 'cell is', 'cells are')} no number (first: {example}{decimal})"]
            if wrong
            else []
        )
        raise CohortRejected(
            f"{self.source}: {' and '.join(parts)}; a number in every cell was expected. Leave those genes or samples "
            "out; a gene without reads has 0."
        )


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_floating(kind) or types.is_integer(kind))


def _reads_as_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _content(path: Path) -> bytes:
    if not path.is_file():  # a pipe would be waited for
        raise CohortRejected(f"{path} does not exist, or is no file; give a table of expression.")
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _cut(path) from error
    except OSError as error:
        raise CohortRejected(f"{path} cannot be read ({error.strerror}); give a table of expression.") from error


def _cut(path: Path) -> CohortRejected:
    return CohortRejected(f"{path.name} is compressed and ends too early; fetch it again.")


def first_lines(path: Path, count: int) -> list[str]:
    """The first lines of a table.

    Raises
    ------
    CohortRejected
        When it cannot be read.
    """
    if not path.is_file():
        raise CohortRejected(f"{path} does not exist, or is no file; give a table of expression.")
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            stream = gzip.GzipFile(fileobj=raw) if packed else raw
            return [stream.readline(10_000_000).decode("utf-8-sig", "replace").rstrip("\r\n") for _ in range(count)]
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _cut(path) from error
    except OSError as error:
        raise CohortRejected(f"{path} cannot be read ({error.strerror}); give a table of expression.") from error


def read_text_table(
    path: Path,
    *,
    delimiter: str | None,
    header: Sequence[str] | None = None,
    may_be_empty: Sequence[str] = (),
) -> TextTable:
    """Reads a table of genes.

    Parameters
    ----------
    delimiter : None: a tab where the header has one, else a semicolon or a comma
    header : names of the columns of a table that has no header
    may_be_empty : columns of texts

    Raises
    ------
    CohortRejected
        When it is no such table or has no row.
    """
    import pyarrow
    from pyarrow import csv

    if path.suffix == ".parquet":
        return _read_parquet(path)
    content = _content(path).removeprefix(b"\xef\xbb\xbf")
    comments = []
    start = 0
    while content[start : start + 1] == b"#":
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        comments.append(content[start:end].decode("utf-8", "replace"))
        start = end + 1
    line = content[start : content.find(b"\n", start) if b"\n" in content[start:] else len(content)]
    first = line.decode("utf-8", "replace").rstrip("\r")
    if delimiter is None:
        delimiter = "\t" if "\t" in first else ";" if ";" in first and "," not in first else ","
    cells = [cell.strip().strip('"') for cell in first.split(delimiter)]
    names = list(header or cells)
    body = start
    if header is None:
        body = start + len(line) + 1
        second = content[body : content.find(b"\n", body)].decode("utf-8", "replace")
        if second.count(delimiter) == len(cells):  # R writes no name above its row names
            names = ["gene", *names]
    doubled = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if doubled:
        raise CohortRejected(
            f"{path.name} has {counted(len(doubled), 'name of a column', 'names of columns')} more than once; each "
            "sample was expected once."
        )
    if not content[body:].strip():
        raise CohortRejected(f"{path.name} has no row below its header; at least one gene was expected.")
    texts = {names[0]: pyarrow.string(), **{name: pyarrow.string() for name in names if name.lower() in may_be_empty}}
    try:
        table = csv.read_csv(
            io.BytesIO(content[body:]),
            read_options=csv.ReadOptions(column_names=names, block_size=64 << 20, use_threads=False),
            parse_options=csv.ParseOptions(delimiter=delimiter),
            convert_options=csv.ConvertOptions(column_types=texts, strings_can_be_null=False, null_values=_MISSING),
        )
    except pyarrow.ArrowInvalid as error:
        raise CohortRejected(
            f"{path.name} is no table with {counted(len(names), 'column')} in every row ({str(error)[:120]}); give it "
            "as the program wrote it."
        ) from error
    return TextTable(path.name, tuple(names), tuple(comments), table)


def _read_parquet(path: Path) -> TextTable:
    import pyarrow
    from pyarrow import parquet

    if not path.is_file():
        raise CohortRejected(f"{path} does not exist, or is no file; give a table of expression.")
    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise CohortRejected(f"{path.name} is not a Parquet file: {error}.") from error
    return TextTable(path.name, tuple(table.column_names), (), table)
