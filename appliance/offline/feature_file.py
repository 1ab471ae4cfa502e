"""The table that `rdeepnet features` writes, and its rows.

One row per study: `study`, the features in the order of `models.features.names` (3,452 with the default
settings; empty cells for a sequence the study lacks), `settings_digest`, `engine`, `bias_correction`, voxel size and
field strength of the images (`acquisition_t1c_slice_mm` …), `several_tumours`. Rows are in the order of the Study
Instance UIDs, so the same cohort gives the same file whatever the number of processes.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.acquisition import Acquisition
from models.cohort.features import ACQUISITION, PROVENANCE, SEVERAL_TUMOURS
from models.errors import SetupError
from models.features.names import vector_names
from models.features.settings import FeatureSettings
from models.features.table import FeatureTable
from models.volume import Sequence as MrSequence


class RowId(StrEnum):
    """Content of the first column of the table."""

    STUDY = "study"  # Study Instance UID
    PATIENT = "patient"  # Patient ID, to be joined with a clinical table
    ACCESSION = "accession"  # Accession Number


@dataclass(frozen=True, eq=False)
class Row:
    """The features of one study.

    Attributes
    ----------
    names : full feature names
    values : float64 (len(names),)
    acquisitions : how the images were acquired
    several_tumours : what the rules do with several tumours
    is_from_before : an earlier extraction made it from the same files with the same settings and version
    """

    study_instance_uid: str
    identifiers: Mapping[RowId, str]
    names: tuple[str, ...]
    values: NDArray[np.float64]
    engine: str
    bias: str
    acquisitions: Mapping[MrSequence, Acquisition] = field(default_factory=dict)
    several_tumours: str = ""
    is_from_before: bool = False


@dataclass(frozen=True)
class NoRow:
    """A study without features, and why."""

    study_instance_uid: str
    sentence: str


def check_format(out: Path) -> None:
    """Raises `SetupError` unless the suffix of the file is that of a format we write."""
    if out.suffix not in (".csv", ".parquet"):
        raise SetupError(f"The features cannot be written to '{out.name}'; a name with .csv or .parquet was expected.")


def write_rows(rows: Sequence[Row], out: Path, *, row_id: RowId, settings: FeatureSettings) -> None:
    """Writes one row per study to a .csv or .parquet file, completely or not at all.

    Raises
    ------
    SetupError
        When the file's name is neither.
    """
    ordered = sorted(rows, key=lambda row: row.study_instance_uid)
    columns = vector_names(settings)
    identifiers = [row.identifiers[row_id] for row in ordered]
    values = np.full((len(ordered), len(columns)), np.nan)
    column_of = {name: index for index, name in enumerate(columns)}
    for number, row in enumerate(ordered):
        values[number, [column_of[name] for name in row.names]] = row.values
    provenance = [(settings.digest(), row.engine, row.bias, row.several_tumours) for row in ordered]
    acquired = np.array([_acquired(row) for row in ordered], dtype=np.float64).reshape(len(ordered), len(ACQUISITION))
    _write(
        out,
        [row_id.value, *columns, *ACQUISITION, *PROVENANCE, SEVERAL_TUMOURS],
        identifiers,
        np.hstack([values, acquired]),
        provenance,
    )


def _acquired(row: Row) -> list[float]:
    """The values of the columns `ACQUISITION`, NaN where they are not known."""
    found = [
        getattr(row.acquisitions.get(sequence, Acquisition()), measure) for sequence, measure in ACQUISITION.values()
    ]
    return [np.nan if value is None else value for value in found]


def write_table(table: FeatureTable, out: Path, *, identifier: str, bias: str) -> None:
    """Writes the features of one image as one row, as `write_rows` does.

    Raises
    ------
    SetupError
        When the file's name is neither .csv nor .parquet.
    """
    values = table.vector(table.names)[np.newaxis]
    provenance = [(table.settings_digest, table.engine, bias)]
    _write(out, ["image", *table.names, *PROVENANCE], [identifier], values, provenance)


def kept_folder(out: Path) -> Path:
    """Folder with the kept rows of a table, one file per study."""
    return out.with_name(f"{out.stem}.rows")


def refused_file(out: Path) -> Path:
    """File that lists the studies without features."""
    return out.with_name(f"{out.stem}.refused.csv")


def write_refused(refused: Sequence[NoRow], out: Path) -> None:
    """List the studies without features beside the table; no list where there are none."""
    path = refused_file(out)
    path.unlink(missing_ok=True)
    if refused:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(("study", "sentence"))
            writer.writerows(sorted((row.study_instance_uid, row.sentence) for row in refused))


def _write(
    out: Path,
    header: Sequence[str],
    identifiers: Sequence[str],
    values: NDArray[np.float64],
    provenance: Sequence[tuple[str, ...]],
) -> None:
    """Identifier, values (NaN: an empty cell, the sequence was not there), provenance."""
    check_format(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    if out.suffix == ".csv":
        with part.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(header)
            for identifier, row, tail in zip(identifiers, values, provenance, strict=True):
                writer.writerow([identifier, *("" if np.isnan(v) else repr(float(v)) for v in row), *tail])
    else:
        _write_parquet(part, header, identifiers, values, provenance)
    part.replace(out)


def _write_parquet(
    path: Path,
    header: Sequence[str],
    identifiers: Sequence[str],
    values: NDArray[np.float64],
    provenance: Sequence[tuple[str, ...]],
) -> None:
    import pyarrow
    from pyarrow import parquet

    columns = [pyarrow.array(identifiers, pyarrow.string())]
    columns += [pyarrow.array(column, pyarrow.float64(), mask=np.isnan(column)) for column in values.T]
    last = header[1 + values.shape[1] :]
    columns += [pyarrow.array([row[index] for row in provenance], pyarrow.string()) for index in range(len(last))]
    parquet.write_table(pyarrow.table(columns, names=list(header)), path)
