"""From cells and their schema to rows of ours: one row a patient, a column for each feature of sequence and region."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.cohort.imported import Sidecar, imported_from
from models.errors import CohortRejected
from models.features.columns import CLINICAL_PREFIX, ColumnKind, InputColumn
from models.importing.cell_numbers import is_empty, numbers
from models.importing.cells import FILE, Cells
from models.importing.provenance import RowOrigin, differing, digest_of, row_origins, versions
from models.importing.schema import UNKNOWN, ColumnRole, ColumnRule, RowRule, Schema
from models.number_words import agreeing, counted
from models.quality_notes import QualityNote, Severity
from models.volume import Region
from models.volume import Sequence as MrSequence

Place = tuple[str, str]  # sequence and region
_NAMED = 5


@dataclass(frozen=True, eq=False)
class ImportedTable:
    """A table as `rdeepnet features` would have written it.

    Attributes
    ----------
    identifiers : of the patients, in the order of their first row
    values : float64 (patients, columns), NaN where there is no value
    sidecar : what the columns are, and where they came from
    settings_digest, bias_correction : of the whole table; "unknown" where nobody stated it
    engines : for each patient; "unknown" where nobody stated it
    notes : doubts
    """

    identifiers: tuple[str, ...]
    values: NDArray[np.float64]
    sidecar: Sidecar
    settings_digest: str
    engines: tuple[str, ...]
    bias_correction: str
    notes: tuple[QualityNote, ...]


def assembled(cells: Cells, schema: Schema) -> ImportedTable:
    """Brings a table in.

    Raises
    ------
    CohortRejected
        When a column is in one of table and schema only, a patient is missing, two rows are of the same patient,
        sequence and region, rows were made with different settings, or a cell is no number.
    """
    _check_columns(cells, schema)
    cells, notes = _without_failed(cells, schema)
    patients = _patients(cells, schema)
    places = _places(cells, schema)
    origins = row_origins(cells)
    _check_repeated(cells, schema, patients, places, origins)
    settings = _settings(cells, places, origins)
    identifiers = tuple(dict.fromkeys(patients))
    row_of = {identifier: row for row, identifier in enumerate(identifiers)}
    columns, values = _values(cells, schema, [row_of[patient] for patient in patients], places, len(identifiers))
    columns, values, empty = _with_values(columns, values)
    if not columns:
        raise CohortRejected(f"{cells.source} has no value in any column that the schema brings in.")
    stated = schema.provenance
    software: dict[str, set[str]] = defaultdict(set)
    for patient, origin in zip(patients, origins, strict=True):
        software[patient].add(origin.software or stated.software)
    digest = digest_of(settings) if settings else stated.settings
    return ImportedTable(
        identifiers=identifiers,
        values=values,
        sidecar=Sidecar(
            columns,
            imported_from(schema.format, columns),
            _origin(cells, schema, places, origins, settings, digest),
        ),
        settings_digest=digest,
        engines=tuple(", ".join(sorted(software[patient])) for patient in identifiers),
        bias_correction=stated.bias_correction,
        notes=(*notes, *empty),
    )


def _check_columns(cells: Cells, schema: Schema) -> None:
    here, named = set(cells.header) - {FILE}, set(schema.columns)
    advice = "The schema must name every column; rdeepnet import --guess writes one from this table."
    if missing := [name for name in schema.columns if name not in here]:
        raise CohortRejected(
            f"{cells.source} lacks {counted(len(missing), 'column')} of the schema (first: '{missing[0]}'). {advice}"
        )
    if more := [name for name in cells.header if name != FILE and name not in named]:
        raise CohortRejected(
            f"{cells.source} has {counted(len(more), 'column')} that the schema does not name (first: '{more[0]}'). "
            f"{advice}"
        )


def _features(schema: Schema) -> dict[str, ColumnRule]:
    return {name: rule for name, rule in schema.columns.items() if rule.role is ColumnRole.FEATURE}


def _without_failed(cells: Cells, schema: Schema) -> tuple[Cells, tuple[QualityNote, ...]]:
    """Without the rows in which every feature is empty: PyRadiomics writes such a row where an extraction failed."""
    names = list(_features(schema))
    if not names:
        return cells, ()
    where = [cells.header.index(name) for name in names]
    failed = [number for number, row in enumerate(cells.rows) if all(is_empty(row[index]) for index in where)]
    if not failed:
        return cells, ()
    if len(failed) == len(cells.rows):
        raise CohortRejected(f"{cells.source} has no feature in any row; extract the features again.")
    lost = set(failed)
    kept = [number for number in range(len(cells.rows)) if number not in lost]
    sentence = (
        f"{cells.source}: {counted(len(failed), 'row')} ({_listed(cells, failed)}) "
        f"{agreeing(len(failed), 'has', 'have')} no feature, as where an extraction failed, and "
        f"{agreeing(len(failed), 'is', 'are')} left out."
    )
    return (
        Cells(
            cells.files,
            cells.header,
            tuple(cells.rows[number] for number in kept),
            tuple(cells.places[number] for number in kept),
        ),
        (QualityNote("rows-without-features", Severity.WARNING, sentence),),
    )


def _patients(cells: Cells, schema: Schema) -> tuple[str, ...]:
    texts = cells.column(schema.patient)
    if schema.patient_pattern:
        found = [re.search(schema.patient_pattern, text) for text in texts]
        if lost := [row for row, match in enumerate(found) if match is None]:
            raise CohortRejected(
                f"{cells.source}: patient_pattern fits nothing in the column '{schema.patient}' of "
                f"{_listed(cells, lost)}; every row needs a patient. Correct the pattern in the schema."
            )
        texts = tuple(match[1] or "" for match in found if match is not None)
    if empty := [row for row, text in enumerate(texts) if is_empty(text)]:
        raise CohortRejected(
            f"{cells.source}: the column '{schema.patient}' has no patient in {_listed(cells, empty)}; each row needs "
            "one. Fill it in, or name another column with --id or in the schema."
        )
    return texts


def _places(cells: Cells, schema: Schema) -> tuple[Place, ...]:
    """Sequence and region of each row; empty texts where every column says it itself."""
    found = [_words(cells, what, rule) for what, rule in (("sequence", schema.sequence), ("region", schema.region))]
    return tuple(zip(*found, strict=True))


def _words(cells: Cells, what: str, rule: RowRule) -> tuple[str, ...]:
    if not rule.column:
        return (rule.every,) * len(cells.rows)
    words = []
    for row, cell in enumerate(cells.column(rule.column)):
        fitting = rule.of(cell)
        if len(fitting) != 1:
            several = f"fits {' and '.join(fitting)}" if fitting else f"fits none of {', '.join(rule.values)}"
            raise CohortRejected(
                f"{cells.source}: the column '{rule.column}' of {cells.places[row]} {several}; each row needs one "
                f"{what}. Correct [{what}] in the schema."
            )
        words.append(fitting[0])
    return tuple(words)


def _check_repeated(
    cells: Cells, schema: Schema, patients: Sequence[str], places: Sequence[Place], origins: Sequence[RowOrigin]
) -> None:
    """Refuses several rows of one patient, sequence and region, with what is the matter with them."""
    rows_of: dict[tuple[str, Place], list[int]] = defaultdict(list)
    for row, key in enumerate(zip(patients, places, strict=True)):
        rows_of[key].append(row)
    repeated = [rows for rows in rows_of.values() if len(rows) > 1]
    if not repeated:
        return
    first, second = repeated[0][:2]
    where = f"{cells.source}: {cells.places[first]} and {cells.places[second]}"
    more = f" ({counted(len(repeated), 'such case')} in all)" if len(repeated) > 1 else ""
    image = cells.column("Image") if "Image" in cells.header else None
    hashes = origins[first].image_hash, origins[second].image_hash
    if cells.rows[first] == cells.rows[second]:
        raise CohortRejected(f"{where} are the same row twice{more}; one row was expected. Remove the copies.")
    if image is not None and image[first] == image[second] and all(hashes) and hashes[0] != hashes[1]:
        raise CohortRejected(
            f"{where} have the same patient and image name and two different images (by their hashes){more}; a name "
            "for each patient was expected. Write whole paths (pyradiomics --format-path absolute), or name the column "
            "of the patient with --id."
        )
    raise CohortRejected(
        f"{where} have the same patient ('{schema.patient}'), sequence and region{more}; one row for each was "
        "expected. Say in [sequence] and [region] of a schema what the rows are of (rdeepnet import --guess writes "
        "one), or name the column of the patient with --id."
    )


def _settings(cells: Cells, places: Sequence[Place], origins: Sequence[RowOrigin]) -> dict[str, Mapping[str, object]]:
    """Sequence and region → settings of its rows; empty where no row states any.

    Raises
    ------
    CohortRejected
        When rows of one sequence and region were made with different settings.
    """
    known: dict[Place, tuple[int, RowOrigin]] = {}
    for row, (place, origin) in enumerate(zip(places, origins, strict=True)):
        first, other = known.setdefault(place, (row, origin))
        if other.settings == origin.settings:
            continue
        raise CohortRejected(
            f"{cells.source}: {cells.places[first]} and {cells.places[row]} were made with different settings: "
            f"{differing(other.settings, origin.settings)}; the same were expected for every patient. Extract all with "
            "the same parameter file."
        )
    return {
        " ".join(filter(None, place)) or "all": dict(origin.settings)
        for place, (_, origin) in known.items()
        if origin.settings
    }


def _values(
    cells: Cells, schema: Schema, patient_rows: Sequence[int], places: Sequence[Place], patients: int
) -> tuple[tuple[InputColumn, ...], NDArray[np.float64]]:
    """Columns in the order of ours (sequence, region, then as in the source; clinical last) with their values."""
    found: dict[InputColumn, NDArray[np.float64]] = {}
    taken: set[tuple[str, str]] = set()

    def new(key: InputColumn) -> NDArray[np.float64]:
        if (key.group, key.name) in taken:
            raise CohortRejected(
                f"Two columns of {cells.source} are the {key.group} column '{key.feature}' by the schema; each was "
                'expected once. Give one of them another feature, or the role "ignore".'
            )
        taken.add((key.group, key.name))
        return found.setdefault(key, np.full(patients, math.nan))

    for name, rule in schema.columns.items():
        if rule.role is ColumnRole.FEATURE:
            feature = rule.feature or name
            target_of = {
                place: new(_feature((rule.sequence or place[0], rule.region or place[1]), feature, rule.unit))
                for place in dict.fromkeys(places)
            }
            targets = [target_of[place] for place in places]
        elif rule.role is ColumnRole.CLINICAL:
            feature = rule.feature or name
            key = InputColumn(f"{CLINICAL_PREFIX}{feature}", ColumnKind.CLINICAL, "", "", feature, rule.unit)
            targets = [new(key)] * len(places)
        else:
            continue
        column = numbers(cells, name, rule.values)
        for row, (patient, target, value) in enumerate(zip(patient_rows, targets, column, strict=True)):
            _put(cells, target, patient, value, name, row)
    ordered = sorted(found, key=_order)
    table = np.column_stack([found[key] for key in ordered]) if ordered else np.empty((patients, 0))
    return tuple(ordered), table


def _feature(place: Place, feature: str, unit: str) -> InputColumn:
    return InputColumn(f"{place[0]}_{place[1]}_{feature}", ColumnKind.FEATURE, *place, feature=feature, unit=unit)


def _put(cells: Cells, target: NDArray[np.float64], patient: int, value: float, name: str, row: int) -> None:
    """Writes a value of a patient; several rows of a patient must not contradict each other."""
    if math.isnan(value):
        return
    if not math.isnan(target[patient]) and target[patient] != value:
        raise CohortRejected(
            f"{cells.source}: the column '{name}' of {cells.places[row]} contradicts another row of the same patient; "
            "the same value was expected in both. Correct it, or say in the schema which rows it is of."
        )
    target[patient] = value


def _order(column: InputColumn) -> tuple[bool, tuple[int, str], tuple[int, str]]:
    """Our sequences and regions first, in their order; sorting keeps the order of the source inside them."""
    sequences, regions = list(MrSequence), list(Region)

    def place(word: str, known: Sequence[str]) -> tuple[int, str]:
        return (known.index(word), "") if word in known else (len(known), word)

    return column.kind is ColumnKind.CLINICAL, place(column.sequence, sequences), place(column.region, regions)


def _with_values(
    columns: tuple[InputColumn, ...], values: NDArray[np.float64]
) -> tuple[tuple[InputColumn, ...], NDArray[np.float64], tuple[QualityNote, ...]]:
    """Without the columns that have no value for any patient."""
    has: NDArray[np.bool_] = np.any(~np.isnan(values), axis=0)
    if has.all():
        return columns, values, ()
    empty = [column.name for column, is_there in zip(columns, has, strict=True) if not is_there]
    note = QualityNote(
        "columns-without-values",
        Severity.WARNING,
        f"{counted(len(empty), 'column')} {agreeing(len(empty), 'has', 'have')} no value for any patient (first: "
        f"{empty[0]}) and {agreeing(len(empty), 'is', 'are')} left out.",
    )
    return tuple(column for column, is_there in zip(columns, has, strict=True) if is_there), values[:, has], (note,)


def _origin(
    cells: Cells,
    schema: Schema,
    places: Sequence[Place],
    origins: Sequence[RowOrigin],
    settings: Mapping[str, object],
    digest: str,
) -> dict[str, object]:
    """The part of the sidecar for people: no identifier of a patient, rows by their number."""
    software = sorted({origin.software for origin in origins if origin.software})
    return {
        "files": [{"name": file.name, "sha256": file.sha256} for file in cells.files],
        "program": str(schema.format),
        "software": software or [schema.provenance.software],
        "other_versions": versions(cells),
        "settings": dict(settings) if settings else schema.provenance.settings,
        "settings_digest": digest,
        "bias_correction": schema.provenance.bias_correction or UNKNOWN,
        "images": [
            {
                "row": where,
                "sequence": place[0],
                "region": place[1],
                "image_sha1": origin.image_hash,
                "mask_sha1": origin.mask_hash,
            }
            for where, place, origin in zip(cells.places, places, origins, strict=True)
            if origin.image_hash or origin.mask_hash
        ],
    }


def _listed(cells: Cells, rows: Iterable[int]) -> str:
    chosen = list(rows)
    shown = ", ".join(cells.places[row] for row in chosen[:_NAMED])
    return f"{shown}, …" if len(chosen) > _NAMED else shown
