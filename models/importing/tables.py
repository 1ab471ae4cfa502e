"""The steps of an import in their order: files to cells, a schema for them by what is known of the program."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from models.errors import CohortRejected
from models.importing.cells import Cells, read_cells, together
from models.importing.formats import format_of, turned
from models.importing.guess import Guess, guess, told
from models.importing.schema import Schema, SourceFormat


def read_tables(files: Iterable[Path], *, program: SourceFormat | None = None) -> tuple[Cells, SourceFormat]:
    """The files as one table, and the program that made them; tables of Slicer are turned into one row a segment.

    Parameters
    ----------
    program : that made them; None: by their columns

    Raises
    ------
    CohortRejected
        When one cannot be read, or they are of different programs.
    """
    tables = [read_cells(path) for path in files]
    programs = [program or format_of(table) for table in tables]
    if different := [table for table, one in zip(tables, programs, strict=True) if one is not programs[0]]:
        raise CohortRejected(
            f"{tables[0].source} is a table of {programs[0]}, {different[0].source} is not; tables of one program were "
            "expected. Import them one by one."
        )
    names = [table.files[0].name for table in tables]
    if len({name.rsplit(".", 1)[0] for name in names}) != len(names):
        raise CohortRejected(
            "Two of the files have the same name without suffix, so that their rows cannot be told apart; rename one."
        )
    if programs[0] is SourceFormat.SLICER:
        tables = [turned(table) for table in tables]
    return together(tables), programs[0]


def guessed_schema(
    cells: Cells, program: SourceFormat, *, patient: str = "", sequence: str = "", region: str = ""
) -> Guess:
    """A guess, with what the command line says: column of the patient, sequence and region of all rows.

    Raises
    ------
    CohortRejected
        When no column can be the patient, or the one that was named is not there.
    """
    if patient:
        cells.column(patient)
    return told(guess(cells, program, patient=patient), sequence=sequence, region=region)


def schema_for(
    cells: Cells, program: SourceFormat, *, patient: str = "", sequence: str = "", region: str = ""
) -> tuple[Schema, tuple[str, ...]]:
    """The schema of a table of a known program, and the columns that stay out of it.

    Raises
    ------
    CohortRejected
        When the program or the column of the patient is not known.
    """
    found = guessed_schema(cells, program, patient=patient, sequence=sequence, region=region)
    by_hand = "rdeepnet import --guess writes a schema to edit; give it with --schema."
    if program is SourceFormat.TABLE:
        raise CohortRejected(
            f"{cells.source} is of no program that is known (PyRadiomics, SlicerRadiomics, MIRP), so nobody says which "
            f"of its columns are features. {by_hand}"
        )
    if not found.is_certain:
        raise CohortRejected(
            f"No column of {cells.source} is named as the patient's; name it with --id COLUMN. Where the patient is "
            f"part of a file name: {by_hand}"
        )
    return found.as_features_only(), found.left_out
