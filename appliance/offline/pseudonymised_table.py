"""`rdeepnet pseudonymise table`: a site's clinical table with the pseudonyms that features and scores have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from appliance.files import write_durably
from dicom_io.reading.pseudonymise import Pseudonymiser
from models.cohort.outcomes import OutcomeColumns, read_cells
from models.csv_table import lines
from models.errors import CohortRejected
from models.pseudonyms import Dates, Kind

_DATE_FORMS = ("%Y-%m-%d", "%Y%m%d")


@dataclass(frozen=True)
class WrittenTable:
    """A table that was written.

    Attributes
    ----------
    rows : number of them
    columns, left_out : names of the columns that were written, and of the others
    """

    rows: int
    columns: tuple[str, ...]
    left_out: tuple[str, ...]


def pseudonymise_table(
    path: Path,
    out: Path,
    pseudonymiser: Pseudonymiser,
    *,
    kind: Kind,
    columns: OutcomeColumns,
    dates: tuple[str, ...],
    keep: tuple[str, ...],
) -> WrittenTable:
    """Writes the table with pseudonyms (0600); an allow-list of columns, rows sorted by their pseudonyms.

    Parameters
    ----------
    kind : what the id column holds
    columns : names of the columns with a role; all but id and patient stay as they are
    dates : columns of dates (YYYY-MM-DD or YYYYMMDD), moved as those of the patient's studies, or left out
    keep : further columns that stay as they are

    Raises
    ------
    CohortRejected
        When the file is no table with these columns, or a date is none; no sentence quotes a cell.
    """
    header, cells = read_cells(path)
    rows = [dict(zip(header, row, strict=True)) for row in cells]
    missing = [name for name in (columns.identifier, *dates, *keep) if name not in header]
    if missing:
        raise CohortRejected(
            f"{path.name} has no column {', '.join(missing)}; expected among {', '.join(header)}. Name the id column "
            "with --column id=NAME."
        )
    has_patient = columns.patient in header
    if kind is not Kind.PATIENT and not has_patient and dates and pseudonymiser.dates is Dates.SHIFT:
        raise CohortRejected(
            f"{path.name} has no column of patients, whose dates move together; add one (--column patient=NAME), or "
            "leave the dates out (--dates drop)."
        )
    roles = {columns.cohort, "split", columns.time, columns.event, columns.krt7_as}
    own = {columns.identifier, *([columns.patient] if has_patient else [])}
    moved = set(dates) if pseudonymiser.dates is Dates.SHIFT else set()
    if twice := sorted(own & {*dates, *keep} | set(dates) & set(keep)):
        raise CohortRejected(f"The column {', '.join(twice)} was given two uses; one was expected.")
    written = [name for name in header if name in own | moved | (roles | set(keep)) - set(dates)]

    def cell(name: str, row: dict[str, str], number: int) -> str:
        text = row[name].strip()
        if name == columns.identifier:
            return pseudonymiser.pseudonyms.of(kind, text)
        if has_patient and name == columns.patient:
            return pseudonymiser.pseudonyms.of(Kind.PATIENT, text)
        if name in moved and text:
            day = _date(text, f"row {number} of the column {name} in {path.name}")
            whose = row[columns.patient if has_patient else columns.identifier].strip()
            return pseudonymiser.pseudonyms.shifted(day, patient=whose).isoformat()
        return text

    place = written.index(columns.identifier)
    table = [[cell(name, row, number) for name in written] for number, row in enumerate(rows, start=1)]
    table.sort(key=lambda line: (line[place], line))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_durably(out, [line.encode() for line in lines([written, *table])])
    return WrittenTable(len(table), tuple(written), tuple(name for name in header if name not in written))


def _date(text: str, where: str) -> date:
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    raise CohortRejected(f"There is no date in {where}; YYYY-MM-DD or YYYYMMDD was expected.")
