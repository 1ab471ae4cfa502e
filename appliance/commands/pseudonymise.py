"""`rdeepnet pseudonymise`: the key of pseudonyms, and tables of a site with pseudonyms in place of identifiers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from appliance.commands.cohort import Column
from appliance.commands.exit_status import Commands
from appliance.commands.options import AsJson, DatesOption, echo, print_json, pseudonymiser_from
from appliance.commands.parameters import CommandGroup, RowId, existing_file, listed

pseudonymise = CommandGroup(
    name="pseudonymise",
    cls=Commands,
    help="Make a key for pseudonyms, and pseudonymise the tables of a site with it.",
    no_args_is_help=True,
)


@pseudonymise.command("make-key")
def make_key(
    file: Annotated[Path, typer.Argument(metavar="KEYFILE", help="File to write, readable by its owner only.")],
    as_json: AsJson = False,
) -> None:
    """Make a key for pseudonyms. Whoever has it finds the patients: keep it as the identifiers are kept."""
    from models.pseudonyms import make_pseudonym_key

    fingerprint = make_pseudonym_key(file).fingerprint
    if as_json:
        print_json({"file": str(file), "fingerprint": fingerprint})
    else:
        echo(f"{file}: key {fingerprint}")


@pseudonymise.command("table")
def table(
    clinical: Annotated[
        Path, typer.Argument(callback=existing_file, metavar="CLINICAL", help="CSV: one row per patient or study.")
    ],
    key: Annotated[
        Path, typer.Option("--key", metavar="KEYFILE", callback=existing_file, help="Key from pseudonymise make-key.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", dir_okay=False, metavar="FILE", help="Table to write: .csv.")],
    row_id: Annotated[
        RowId,
        typer.Option("--id", metavar=listed(RowId), help="Content of the id column, as for features."),
    ] = "patient",
    column: Column = None,
    date: Annotated[
        list[str] | None,
        typer.Option(
            "--date", metavar="COLUMN", help="Column of dates to be moved. May be repeated.", show_default=False
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="COLUMN", help="Column to keep as it is. May be repeated.", show_default=False),
    ] = None,
    dates: DatesOption = "shift",
    as_json: AsJson = False,
) -> None:
    """Pseudonymise a clinical table, so that it joins with the tables of features --pseudonymise.

    The id and patient columns become the pseudonyms that features, run and score write with the same key; cohort,
    time_months, event and krt7_as_high stay. Every other column is left out unless --keep or --date names it: check
    that a kept column names nobody. Rows are sorted by their pseudonyms.

    **Example**

        rdeepnet pseudonymise table clinical.csv --key study.key --keep subtype --date surgery --out outcomes.csv
    """
    from appliance.offline.pseudonymised_table import pseudonymise_table
    from models.cohort.outcomes import OutcomeColumns
    from models.pseudonyms import Kind

    pseudonymiser = pseudonymiser_from(key, dates)
    assert pseudonymiser is not None, "a key was given"
    written = pseudonymise_table(
        clinical,
        out,
        pseudonymiser,
        kind=Kind(row_id),
        columns=OutcomeColumns().renamed(tuple(column or ())),
        dates=tuple(date or ()),
        keep=tuple(keep or ()),
    )
    if as_json:
        left_out = list(written.left_out)
        print_json({"file": str(out), "rows": written.rows, "columns": list(written.columns), "left_out": left_out})
        return
    echo(f"{out}: {written.rows} rows with the columns {', '.join(written.columns)}")
    if written.left_out:
        echo(f"Left out: {', '.join(written.left_out)}", err=True)
