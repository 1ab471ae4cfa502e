"""The sidecar of an imported table: what each column is and where it came from. `NAME.import.json` beside `NAME.csv`.

A table of ours needs none: its names say what its columns are. A table that `rdeepnet import` wrote has the column
`imported_from`, which holds the digest of its columns; without the sidecar of that digest it is refused, so that no
column is ever taken for what its name looks like.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.errors import CohortRejected
from models.features.columns import ColumnKind, InputColumn

IMPORTED_FROM = "imported_from"
_FORMAT = 1


@dataclass(frozen=True)
class Sidecar:
    """Content of the file beside an imported table.

    Attributes
    ----------
    columns : of features and clinical variables, in the order of the table
    imported_from : what the column of that name holds: program and digest of the columns
    origin : files, software, settings and hashes, for people
    """

    columns: tuple[InputColumn, ...]
    imported_from: str
    origin: Mapping[str, Any]


def sidecar_file(table: Path) -> Path:
    """The sidecar of a table."""
    return table.with_name(f"{table.stem}.import.json")


def imported_from(program: str, columns: Iterable[InputColumn]) -> str:
    """Text that every row of an imported table has: "pyradiomics 3f0c…", with 16 digits of the digest."""
    text = json.dumps([asdict(column) for column in columns], sort_keys=True)
    return f"{program} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def sidecar_content(sidecar: Sidecar) -> bytes:
    """The sidecar as JSON."""
    content = {
        "format": _FORMAT,
        "imported_from": sidecar.imported_from,
        **sidecar.origin,
        "columns": [asdict(column) for column in sidecar.columns],
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def read_sidecar(table: Path, stated: Iterable[str]) -> Sidecar:
    """The sidecar of a table.

    Parameters
    ----------
    stated : cells of the column `imported_from`

    Raises
    ------
    CohortRejected
        When it is missing, damaged, or of another import than the rows.
    """
    path = sidecar_file(table)
    again = f"Keep {path.name} beside the table, or import it again (rdeepnet import)."
    try:
        content = json.loads(path.read_bytes())
        columns = tuple(
            InputColumn(
                name=str(one["name"]),
                kind=ColumnKind(one["kind"]),
                sequence=str(one["sequence"]),
                region=str(one["region"]),
                feature=str(one["feature"]),
                unit=str(one["unit"]),
            )
            for one in content["columns"]
        )
        written, program = str(content["imported_from"]), str(content["imported_from"]).split(" ")[0]
    except OSError as error:
        raise CohortRejected(
            f"{table.name} was written by rdeepnet import, and {path.name}, which says what its columns are, cannot be "
            f"read ({error.strerror}). {again}"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise CohortRejected(f"{path.name} does not say what the columns of {table.name} are. {again}") from error
    if {written, imported_from(program, columns)} != set(stated):
        raise CohortRejected(f"{path.name} is of another import than the rows of {table.name}. {again}")
    return Sidecar(columns, written, {key: value for key, value in content.items() if key != "columns"})
