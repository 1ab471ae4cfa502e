"""The table that `rdeepnet features` writes, and its rows.

One row per study: `study`, the features in the order of `models.features.names` (3,452 with the default
settings; empty cells for a sequence the study lacks and for features without a value), `settings_digest`, `engine`,
`bias_correction`, voxel size and field strength of the images (`acquisition_t1c_slice_mm` …), `several_tumours`,
`tumour_outlined`. Rows are in the order of the Study Instance UIDs, so the same cohort gives the same file whatever the
number of processes. Beside it, `….undefined.csv` has the reason for each feature without a value.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dicom_io.reading.study_identity import NOBODY, StudyIdentity
from models.acquisition import Acquisition
from models.cohort.features import ACQUISITION, OUTLINED, PROVENANCE, SEVERAL_TUMOURS
from models.cohort.imported import IMPORTED_FROM, sidecar_content, sidecar_file
from models.csv_table import lines
from models.errors import SetupError
from models.features.names import feature_names, vector_names
from models.features.settings import FeatureSettings
from models.features.table import FeatureTable
from models.files import write_output
from models.importing.assemble import ImportedTable
from models.quality_notes import QualityNote, Severity
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
    outlined : how the tumour was outlined
    notes : quality notes of reading, preparation and extraction
    undefined : feature without a value → why, as a clause
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
    outlined: str = ""
    notes: tuple[QualityNote, ...] = ()
    undefined: Mapping[str, str] = field(default_factory=dict)
    is_from_before: bool = False

    @property
    def warnings(self) -> tuple[QualityNote, ...]:
        """Its notes that are warnings."""
        return tuple(note for note in self.notes if note.severity is Severity.WARNING)


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
    provenance = [(settings.digest(), row.engine, row.bias, row.several_tumours, row.outlined) for row in ordered]
    acquired = np.array([_acquired(row) for row in ordered], dtype=np.float64).reshape(len(ordered), len(ACQUISITION))
    _write(
        out,
        [row_id.value, *columns, *ACQUISITION, *PROVENANCE, SEVERAL_TUMOURS, OUTLINED],
        identifiers,
        np.hstack([values, acquired]),
        provenance,
    )
    undefined = [(row.identifiers[row_id], row.undefined) for row in ordered]
    write_undefined(undefined, out, first_column=row_id.value)


def _acquired(row: Row) -> list[float]:
    """The values of the columns `ACQUISITION`, NaN where they are not known."""
    found = [
        getattr(row.acquisitions.get(sequence, Acquisition()), measure) for sequence, measure in ACQUISITION.values()
    ]
    return [np.nan if value is None else value for value in found]


def write_table(table: FeatureTable, out: Path, *, identifier: str, bias: str, settings: FeatureSettings) -> None:
    """Writes the features of one image as one row, as `write_rows` does; empty cells for those without a value.

    Raises
    ------
    SetupError
        When the file's name is neither .csv nor .parquet.
    """
    names = feature_names(settings)
    values = np.array([[table[name].value if name in table else np.nan for name in names]])
    provenance = [(table.settings_digest, table.engine, bias)]
    _write(out, ["image", *names, *PROVENANCE], [identifier], values, provenance)
    write_undefined([(identifier, table.undefined)], out, first_column="image")


def write_imported(table: ImportedTable, out: Path) -> None:
    """Writes an imported table as one of ours, one row a patient, and its sidecar beside it.

    Raises
    ------
    SetupError
        When the file's name is neither .csv nor .parquet.
    """
    check_format(out)
    sidecar = table.sidecar
    write_output(sidecar_file(out), sidecar_content(sidecar))
    _write(
        out,
        [RowId.PATIENT.value, *(column.name for column in sidecar.columns), *PROVENANCE, IMPORTED_FROM],
        table.identifiers,
        table.values,
        [(table.settings_digest, engine, table.bias_correction, sidecar.imported_from) for engine in table.engines],
    )


def kept_folder(out: Path) -> Path:
    """Folder with the kept rows of a table, one file per study."""
    return out.with_name(f"{out.stem}.rows")


def refused_file(out: Path) -> Path:
    """File that lists the studies without features."""
    return out.with_name(f"{out.stem}.refused.csv")


def undefined_file(out: Path) -> Path:
    """File that lists the features without a value."""
    return out.with_name(f"{out.stem}.undefined.csv")


def write_undefined(undefined: Iterable[tuple[str, Mapping[str, str]]], out: Path, *, first_column: str) -> None:
    """Writes the list of the features without a value and why beside the table; no list where all have one.

    Parameters
    ----------
    undefined : identifier of each row, and feature → reason
    """
    path = undefined_file(out)
    path.unlink(missing_ok=True)
    rows = [(identifier, name, why) for identifier, of_row in undefined for name, why in of_row.items()]
    if rows:
        write_output(path, "".join(lines([(first_column, "feature", "reason"), *rows])).encode())


def write_refused(refused: Sequence[NoRow], out: Path, identities: Mapping[str, StudyIdentity]) -> None:
    """Writes the list of the studies without features beside the table; no list where there are none.

    Parameters
    ----------
    identities : Study Instance UID → identity of the study
    """
    path = refused_file(out)
    path.unlink(missing_ok=True)
    if refused:
        known = {row.study_instance_uid: identities.get(row.study_instance_uid, NOBODY) for row in refused}
        rows = sorted(
            (row.study_instance_uid, row.sentence, *known[row.study_instance_uid].as_json().values()) for row in refused
        )
        write_output(path, "".join(lines([("study_instance_uid", "sentence", *NOBODY.as_json()), *rows])).encode())


def _write(
    out: Path,
    header: Sequence[str],
    identifiers: Sequence[str],
    values: NDArray[np.float64],
    provenance: Sequence[tuple[str, ...]],
) -> None:
    """Identifier, values (NaN: an empty cell, there is no value), provenance."""
    check_format(out)
    if out.suffix == ".csv":
        rows = (
            [identifier, *(None if np.isnan(value) else value for value in row.tolist()), *tail]
            for identifier, row, tail in zip(identifiers, values, provenance, strict=True)
        )
        write_output(out, "".join([*lines([header]), *lines(rows)]).encode())
    else:
        write_output(out, _parquet(header, identifiers, values, provenance))


def _parquet(
    header: Sequence[str],
    identifiers: Sequence[str],
    values: NDArray[np.float64],
    provenance: Sequence[tuple[str, ...]],
) -> bytes:
    import pyarrow
    from pyarrow import parquet

    columns = [pyarrow.array(identifiers, pyarrow.string())]
    columns += [pyarrow.array(column, pyarrow.float64(), mask=np.isnan(column)) for column in values.T]
    last = header[1 + values.shape[1] :]
    columns += [pyarrow.array([row[index] for row in provenance], pyarrow.string()) for index in range(len(last))]
    stream = io.BytesIO()
    parquet.write_table(pyarrow.table(columns, names=list(header)), stream)
    return stream.getvalue()
