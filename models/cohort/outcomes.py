"""Reads the outcomes of a cohort: a CSV file with one row per patient.

Columns by name: `id` (as in the first column of the features), `cohort` (or `split`), `time_months`, `event` (1
recurrence, 0 censored), optionally `patient` where the id is a study's, and `krt7_as_high` (1 or 0). All others are
clinical columns, kept as texts. Cells may be empty: unknown.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.cohort.outcome_plausibility import Doubt
from models.csv_table import rows_of
from models.errors import CohortRejected
from models.number_words import counted
from models.plain_text import one_line

DAYS_PER_MONTH = 30.4375
WHOLE_COHORT = "all"  # name of the cohort where the file has no such column


class TimeUnit(StrEnum):
    """Unit of the times in the file."""

    MONTHS = "months"
    DAYS = "days"
    YEARS = "years"

    @property
    def months(self) -> float:
        """Months in one unit."""
        return {"months": 1.0, "days": 1 / DAYS_PER_MONTH, "years": 12.0}[self.value]


@dataclass(frozen=True)
class OutcomeColumns:
    """Names of the columns; an empty text: not there."""

    identifier: str = "id"
    cohort: str = "cohort"
    time: str = "time_months"
    event: str = "event"
    patient: str = "patient"
    krt7_as: str = "krt7_as_high"

    def renamed(self, texts: tuple[str, ...]) -> OutcomeColumns:
        """With some names replaced: ("time=rfs", "event=relapse").

        Raises
        ------
        CohortRejected
            When a text is not ROLE=NAME with one of our roles.
        """
        roles = {"id": "identifier", "krt7_as_high": "krt7_as"} | {
            role: role for role in ("cohort", "time", "event", "patient")
        }
        names = {field: getattr(self, field) for field in roles.values()}
        for text in texts:
            role, equals, name = text.partition("=")
            if not equals or role not in roles or not name:
                raise CohortRejected(
                    f"'{text}' names no column; ROLE=NAME with a role of {', '.join(roles)} was expected."
                )
            names[roles[role]] = name
        return OutcomeColumns(**names)


@dataclass(frozen=True, eq=False)
class OutcomeRows:
    """Outcomes of some patients, as in a file; row 0 is the first below the header.

    Attributes
    ----------
    source : name of the file, for sentences
    identifiers, cohorts : one text for each row
    patients : the patient's identifier; that of the row where the file has no such column
    times_months : float64 (rows,), NaN for an empty cell
    events, krt7_as_high : float64 (rows,), 0, 1, or NaN for an empty cell
    clinical : the other columns by name, one text for each row, "" for an empty cell
    overruled : doubts about times and events that do not hold for this table
    """

    source: str
    identifiers: tuple[str, ...]
    cohorts: tuple[str, ...]
    patients: tuple[str, ...]
    times_months: NDArray[np.float64]
    events: NDArray[np.float64]
    krt7_as_high: NDArray[np.float64]
    clinical: Mapping[str, tuple[str, ...]]
    overruled: frozenset[Doubt] = frozenset()

    def rows(self, chosen: Iterable[int]) -> OutcomeRows:
        """Some of the rows, in the requested order."""
        rows = list(chosen)

        def of(values: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(values[row] for row in rows)

        return OutcomeRows(
            source=self.source,
            identifiers=of(self.identifiers),
            cohorts=of(self.cohorts),
            patients=of(self.patients),
            times_months=self.times_months[rows],
            events=self.events[rows],
            krt7_as_high=self.krt7_as_high[rows],
            clinical={name: of(cells) for name, cells in self.clinical.items()},
            overruled=self.overruled,
        )


def read_outcomes(
    path: Path,
    *,
    columns: OutcomeColumns | None = None,
    unit: TimeUnit = TimeUnit.MONTHS,
    overruled: Iterable[Doubt] = (),
) -> OutcomeRows:
    """Reads a table of outcomes.

    Parameters
    ----------
    columns : names of the columns; the defaults when None
    unit : of the times in the file
    overruled : doubts about times and events that do not hold for this table

    Raises
    ------
    CohortRejected
        When the file or a column does not exist, or a cell does not hold a value of its column.
    """
    columns = columns or OutcomeColumns()
    header, rows = read_cells(path)
    by_name = {name: tuple(row[index].strip() for row in rows) for index, name in enumerate(header)}
    cohort = columns.cohort if columns.cohort in by_name or columns.cohort != "cohort" else "split"
    if cohort == "split" and "split" not in by_name:
        cohort = ""
    survival = {columns.time, columns.event} & set(by_name)
    needed = [columns.identifier, *([cohort] if cohort else [])]
    if survival or columns.krt7_as not in by_name:
        needed += [columns.time, columns.event]
    if lacking := [name for name in needed if name not in by_name]:
        raise CohortRejected(
            f"{path.name} has no column '{lacking[0]}'; it has {', '.join(header)}. Rename the column, or say which it "
            "is with --column."
        )
    empty = ("",) * len(rows)
    identifiers = by_name[columns.identifier]
    known = {columns.identifier, cohort, columns.time, columns.event, columns.patient, columns.krt7_as}
    return OutcomeRows(
        source=path.name,
        identifiers=identifiers,
        cohorts=by_name.get(cohort, (WHOLE_COHORT,) * len(rows)),
        patients=by_name.get(columns.patient, identifiers),
        times_months=_numbers(by_name.get(columns.time, empty), columns.time, path) * unit.months,
        events=_flags(by_name.get(columns.event, empty), columns.event, path),
        krt7_as_high=_flags(by_name.get(columns.krt7_as, empty), columns.krt7_as, path),
        clinical={name: cells for name, cells in by_name.items() if name not in known},
        overruled=frozenset(overruled),
    )


def read_cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table of comma- or semicolon-separated values, as texts.

    Raises
    ------
    CohortRejected
        When the file is no such table, has no row, or a column twice.
    """
    if not path.is_file():  # a pipe would be waited for
        raise CohortRejected(f"{path} does not exist, or is no file; give the file with the outcomes.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            first = stream.readline()
            stream.seek(0)
            # Spreadsheets with a decimal comma separate by semicolons.
            delimiter = ";" if ";" in first and "," not in first else ","
            table = [[*map(one_line, row)] for row in rows_of(stream, delimiter=delimiter)]
    except OSError as error:
        raise CohortRejected(f"{path} cannot be read ({error.strerror}); give the file with the outcomes.") from error
    except UnicodeDecodeError as error:
        raise CohortRejected(f"{path.name} is not text in UTF-8 ({error.reason}); save it as CSV in UTF-8.") from error
    except csv.Error as error:
        raise CohortRejected(f"{path.name} is not a table of comma-separated values: {error}.") from error
    rows = [row for row in table[1:] if any(cell.strip() for cell in row)]
    if not rows:
        raise CohortRejected(f"{path.name} has no row below its header; at least one patient was expected.")
    header = [name.strip() for name in table[0]]
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise CohortRejected(f"{path.name} has the column '{twice}' more than once; each was expected once.")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise CohortRejected(
                f"{path.name}: row {number} has {counted(len(row), 'cell')}, the header {len(header)}."
            )
    return header, rows


def _numbers(cells: tuple[str, ...], name: str, path: Path) -> NDArray[np.float64]:
    values = np.full(len(cells), np.nan)
    for index, cell in enumerate(cells):
        if not cell:
            continue
        try:
            values[index] = float(cell)
        except ValueError:
            values[index] = math.nan
        if not math.isfinite(values[index]):
            raise CohortRejected(
                f"{path.name}: the column '{name}' of row {index + 1} is not a finite number; write a number with a "
                "decimal point, or leave the cell empty where it is not known."
            )
    return values


def _flags(cells: tuple[str, ...], name: str, path: Path) -> NDArray[np.float64]:
    meaning = {"": math.nan, "0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0}
    for index, cell in enumerate(cells):
        if cell not in meaning:
            raise CohortRejected(
                f"{path.name}: the column '{name}' of row {index + 1} holds '{cell[:20]}'; 1, 0 or an empty cell was "
                "expected."
            )
    return np.array([meaning[cell] for cell in cells])
