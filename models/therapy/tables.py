"""Tables of a therapy analysis: features before and after, or measurements of a plain table, and the clinical table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.cohort.checks import check_features
from models.cohort.features import FeatureRows, read_features
from models.cohort.outcomes import read_cells
from models.errors import CohortRejected
from models.number_words import agreeing, counted
from models.quality_notes import QualityNote
from models.statistics.moderated_t import indicators
from models.therapy.patients import Covariate, Examinations, TherapyPatients, join_examinations
from models.therapy.response import read_responses

_RELEVANT = {"bias-correction-differs", "feature-engine-differs"}  # of the notes on tables of features
_UNKNOWN = {"", "na", "n/a", "nan", "."}


@dataclass(frozen=True)
class Measurement:
    """A measurement of a plain table, as the diameter of the tumour.

    Attributes
    ----------
    name : as the report calls it
    before, after : columns of the table before and of the table after therapy
    """

    name: str
    before: str
    after: str

    @classmethod
    def parse(cls, text: str) -> Measurement:
        """Reads "NAME=COLUMN BEFORE:COLUMN AFTER".

        Raises
        ------
        CohortRejected
            When the text has another form.
        """
        name, equals, columns = text.partition("=")
        before, colon, after = columns.partition(":")
        parts = [part.strip() for part in (name, before, after)]
        if not equals or not colon or not all(parts):
            raise CohortRejected(
                f"'{text}' names no measurement; NAME=COLUMN BEFORE:COLUMN AFTER was expected, such as "
                "'diameter=MRI baseline:MRI before surgery'."
            )
        return cls(*parts)


@dataclass(frozen=True)
class ClinicalColumns:
    """Names of the columns of the clinical table.

    Attributes
    ----------
    identifier : of the patient, also in plain tables of measurements
    response : of the response
    """

    identifier: str = "id"
    response: str = "response"

    def renamed(self, texts: Sequence[str]) -> ClinicalColumns:
        """With some names replaced: ("id=SUBJECTID", "response=PCR").

        Raises
        ------
        CohortRejected
            When a text is not ROLE=NAME with one of our roles.
        """
        names = {"id": self.identifier, "response": self.response}
        for text in texts:
            role, equals, name = text.partition("=")
            if not equals or role not in names or not name:
                raise CohortRejected(
                    f"'{text}' names no column; ROLE=NAME with a role of {', '.join(names)} was expected."
                )
            names[role] = name
        return ClinicalColumns(names["id"], names["response"])


@dataclass(frozen=True, eq=False)
class TherapyTables:
    """The joined tables.

    Attributes
    ----------
    patients : with complete features before and after
    covariates : of these patients
    blocks : of these patients, None where no column was named
    clinical : all columns of the clinical table, one text for each of these patients
    """

    patients: TherapyPatients
    covariates: tuple[Covariate, ...]
    blocks: tuple[str, ...] | None
    clinical: Mapping[str, tuple[str, ...]]


def read_tables(
    before: Path,
    after: Path,
    clinical: Path,
    *,
    columns: ClinicalColumns,
    measurements: Sequence[Measurement] = (),
    prefixes: Sequence[str] = (),
    adjusted: Sequence[str] = (),
    block: str = "",
) -> TherapyTables:
    """Reads and joins the tables.

    Parameters
    ----------
    measurements : columns of plain tables; without them, both are tables of `rdeepnet features`
    prefixes : beginnings of the names of the features to analyse, such as "t1c_intratumoral_"; none: all
    adjusted : covariates: names of features or of clinical columns
    block : clinical column of blocks, "" for none

    Raises
    ------
    CohortRejected
        With every mistake of the tables.
    """
    by_name = _clinical(clinical, columns)
    identifiers = by_name[columns.identifier]
    responses = read_responses(by_name[columns.response], column=columns.response, source=clinical.name)
    notes: list[QualityNote] = []
    if measurements:
        one = _measured(before, columns.identifier, {item.name: item.before for item in measurements})
        other = _measured(after, columns.identifier, {item.name: item.after for item in measurements})
    else:
        one, other, notes = _features(before, after)
    found = [_covariate(name, one, other, by_name, identifiers, clinical.name) for name in adjusted]
    lacking = {identifier for covariate in found for identifier in covariate.lacking}
    blocks = None
    if block:
        blocks = dict(zip(identifiers, _column(by_name, block, clinical.name), strict=True))
        lacking |= {identifier for identifier, name in blocks.items() if name.casefold() in _UNKNOWN}
    wanted = {covariate.name for covariate in found}
    one, other = (_chosen(table, prefixes, wanted) for table in (one, other))
    patients = join_examinations(
        one, other, identifiers, responses, clinical_source=clinical.name, lacking_covariate=lacking
    )
    rows = {identifier: row for row, identifier in enumerate(identifiers)}
    kept = [rows[identifier] for identifier in patients.identifiers]
    patients = TherapyPatients(**{**vars(patients), "notes": (*notes, *patients.notes)})
    return TherapyTables(
        patients,
        tuple(covariate.of(patients.identifiers) for covariate in found),
        None if blocks is None else tuple(blocks[identifier] for identifier in patients.identifiers),
        {name: tuple(cells[row] for row in kept) for name, cells in by_name.items()},
    )


def _clinical(path: Path, columns: ClinicalColumns) -> dict[str, tuple[str, ...]]:
    header, rows = read_cells(path)
    by_name = {name: tuple(row[place].strip() for row in rows) for place, name in enumerate(header)}
    for name, role in ((columns.identifier, "id"), (columns.response, "response")):
        if name not in by_name:
            raise CohortRejected(
                f"{path.name} has no column '{name}'; it has {', '.join(header)}. Say which column it is with --column "
                f"{role}=NAME."
            )
    return by_name


def _features(before: Path, after: Path) -> tuple[Examinations, Examinations, list[QualityNote]]:
    """Two tables of features, made the same way."""
    tables = read_features(before), read_features(after)
    mistakes, notes = [], []
    for table in tables:
        checked = check_features(table)
        mistakes += [refusal.sentence for refusal in checked.refusals]
        notes += [note for note in checked.notes if note.code in _RELEVANT]
    digests = [Counter(table.settings_digests).most_common(1)[0][0] for table in tables]
    if digests[0] != digests[1]:
        mistakes.append(
            f"{tables[0].source} was extracted with the feature settings {digests[0][:12]}, {tables[1].source} with "
            f"{digests[1][:12]}; the same settings were expected. Extract both with the same configuration."
        )
    if mistakes:
        raise CohortRejected(" ".join(mistakes))
    one, other = (_examinations(table) for table in tables)
    return one, other, notes


def _examinations(table: FeatureRows) -> Examinations:
    return Examinations(table.source, table.identifiers, table.names, table.values)


def _measured(path: Path, identifier: str, columns: Mapping[str, str]) -> Examinations:
    """Columns of a plain table, under the names of the measurements."""
    header, rows = read_cells(path)
    missing = [name for name in (identifier, *columns.values()) if name not in header]
    if missing:
        raise CohortRejected(
            f"{path.name} has no column '{missing[0]}'; it has {', '.join(header)}. Name the columns with --column "
            "id=NAME and --measurement NAME=COLUMN BEFORE:COLUMN AFTER."
        )
    place = header.index(identifier)
    values = np.column_stack(
        [_numbers([row[header.index(name)] for row in rows], name, path) for name in columns.values()]
    )
    return Examinations(path.name, tuple(row[place].strip() for row in rows), tuple(columns), values)


def _numbers(cells: Sequence[str], column: str, path: Path) -> NDArray[np.float64]:
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        text = cell.strip()
        if text.casefold() in _UNKNOWN:
            continue
        try:
            values[row] = float(text)
        except ValueError:
            raise CohortRejected(
                f"{path.name}: the column '{column}' of row {row + 1} holds '{text[:20]}'; a number or an empty cell "
                "was expected."
            ) from None
    return values


def _chosen(table: Examinations, prefixes: Sequence[str], covariates: set[str]) -> Examinations:
    """The features to analyse, and those that are covariates."""
    if not prefixes:
        return table
    places = [at for at, name in enumerate(table.names) if name.startswith(tuple(prefixes)) or name in covariates]
    if not any(table.names[at].startswith(tuple(prefixes)) for at in places):
        raise CohortRejected(
            f"{table.source} has no feature that begins with {' or '.join(prefixes)}; its {len(table.names):,} "
            f"{agreeing(len(table.names), 'feature begins', 'features begin')} like {table.names[0]}."
        )
    return Examinations(
        table.source, table.identifiers, tuple(table.names[at] for at in places), table.values[:, places]
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """A covariate before the patients are joined."""

    name: str
    values: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]  # patient → before, after: (terms,)
    lacking: frozenset[str]
    changes: bool

    def of(self, identifiers: Sequence[str]) -> Covariate:
        before, after = (np.stack([self.values[identifier][time] for identifier in identifiers]) for time in (0, 1))
        return Covariate(self.name, before, after, self.changes)


def _covariate(
    name: str,
    before: Examinations,
    after: Examinations,
    clinical: Mapping[str, tuple[str, ...]],
    identifiers: Sequence[str],
    source: str,
) -> _Found:
    if name in before.names and name in after.names:
        tables = []
        for table in (before, after):
            column = table.values[:, table.names.index(name)]
            tables.append({identifier: column[row : row + 1] for row, identifier in enumerate(table.identifiers)})
        both = tables[0].keys() & tables[1].keys()
        values = {one: (tables[0][one], tables[1][one]) for one in both}
        lacking = frozenset(one for one, pair in values.items() if not np.isfinite(np.concatenate(pair)).all())
        return _Found(name, values, lacking, True)
    cells = _column(clinical, name, source)
    known = np.array([cell.casefold() not in _UNKNOWN for cell in cells])
    lacking = frozenset(one for one, is_known in zip(identifiers, known, strict=True) if not is_known)
    if not known.any():
        raise CohortRejected(f"{source}: the covariate '{name}' has no value in any row; at least two were expected.")
    terms = _terms([cell if is_known else "" for cell, is_known in zip(cells, known, strict=True)], known)
    fixed = {one: (terms[row], terms[row]) for row, one in enumerate(identifiers)}
    return _Found(name, fixed, lacking, False)


def _terms(cells: Sequence[str], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """One number for each patient, or indicators where a cell holds a word: (patients, terms)."""
    try:
        return np.array([[float(cell) if cell else 0.0] for cell in cells])
    except ValueError:
        categories = np.array(
            [cell if is_known else cells[int(known.argmax())] for cell, is_known in zip(cells, known, strict=True)]
        )
        return indicators(categories)


def _column(clinical: Mapping[str, tuple[str, ...]], name: str, source: str) -> tuple[str, ...]:
    if name not in clinical:
        raise CohortRejected(
            f"'{name}' is neither a feature nor a column of {source}; its columns are {', '.join(clinical)} "
            f"({counted(len(clinical), 'column')})."
        )
    return clinical[name]
