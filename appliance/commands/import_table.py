"""`rdeepnet import`: a table of features that another program made, as a table of ours with its provenance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.commands.exit_status import stopping
from appliance.commands.options import AsJson, echo, note_as_json, print_json, print_notes, say, stderr
from appliance.commands.parameters import as_mistake, existing_file, existing_files
from models.number_words import agreeing, counted

if TYPE_CHECKING:
    from models.importing.assemble import ImportedTable
    from models.importing.cells import Cells
    from models.importing.schema import Schema

_SHOWN = 5


def import_table(
    files: Annotated[
        list[Path],
        typer.Argument(
            callback=existing_files,
            metavar="FILE...",
            help="Tables of PyRadiomics, SlicerRadiomics, MIRP or any other program: .csv, .tsv, .txt.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            dir_okay=False,
            metavar="FILE",
            help="Table to write: .csv or .parquet. With --guess: the schema; default: standard output.",
            show_default=False,
        ),
    ] = None,
    schema: Annotated[
        Path | None,
        typer.Option(
            "--schema",
            callback=existing_file,
            metavar="FILE",
            help="Schema (TOML) that says what each column is; needed for tables of no known program.",
            show_default=False,
        ),
    ] = None,
    guess: Annotated[bool, typer.Option("--guess", help="Write a schema to edit instead of a table.")] = False,
    patient: Annotated[
        str,
        typer.Option("--id", metavar="COLUMN", help="Column with the patient; default: guessed.", show_default=False),
    ] = "",
    sequence: Annotated[
        str,
        typer.Option("--sequence", metavar="NAME", help="Sequence of all rows, such as t1c.", show_default=False),
    ] = "",
    region: Annotated[
        str,
        typer.Option("--region", metavar="NAME", help="Region of all rows, such as intratumoral.", show_default=False),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Bring in features that another program computed, as a table that cohort, train, evaluate and score take.

    Tables of PyRadiomics, SlicerRadiomics (one file per image) and MIRP are recognised by their columns; columns that
    are no feature of the program stay out. For anything else, and for rows of several sequences or regions, --guess
    writes a schema to edit. Several files become one table; the name of a file is the column "(file)". Beside the
    table, ….import.json says what each column is and how the features were made, as far as the source says it.

    A package trained on such a table is not run by the appliance: its inputs come from elsewhere.

    **Examples**

        rdeepnet import radiomics.csv --id PatientID --out features.csv

        rdeepnet import radiomics.csv --guess --out schema.toml

        rdeepnet import radiomics.csv --schema schema.toml --out features.csv
    """
    from models.importing.schema import read_schema, written
    from models.importing.tables import guessed_schema, read_tables, schema_for

    if schema is not None and (guess or patient or sequence or region):
        raise typer.BadParameter("takes no --guess, --id, --sequence or --region", param_hint="--schema")
    if out is None and not guess:
        raise typer.BadParameter("name the table to write", param_hint="--out")
    with stopping(lambda: "Nothing was written."):
        if guess:
            cells, program = read_tables(files)
            found = guessed_schema(cells, program, patient=patient, sequence=sequence, region=region)
            text = written(found.schema, source=files[0].name, remarks=found.remarks)
            _give_schema(text, out, as_json=as_json)
            return
        assert out is not None
        stated = None if schema is None else read_schema(schema)
        cells, program = read_tables(files, program=None if stated is None else stated.format)
        left_out: tuple[str, ...] = ()
        if stated is None:
            stated, left_out = schema_for(cells, program, patient=patient, sequence=sequence, region=region)
        table = _written(cells, stated, out)
    _show(table, out, stated, left_out, as_json=as_json)


def _give_schema(text: str, out: Path | None, *, as_json: bool) -> None:
    from models.files import write_output

    if out is not None:
        write_output(out, text.encode())
    if as_json:
        print_json({"file": None if out is None else str(out), "schema": text})
    elif out is None:
        echo(text, nl=False)
    else:
        echo(f"{out}: read every line, correct it, then rdeepnet import … --schema {out}")


def _written(cells: Cells, schema: Schema, out: Path) -> ImportedTable:
    from appliance.offline.feature_file import check_format, write_imported
    from models.files import require_writable
    from models.importing.assemble import assembled

    with as_mistake("--out"):
        check_format(out)
    require_writable(out.parent)
    table = assembled(cells, schema)
    write_imported(table, out)
    return table


def _show(table: ImportedTable, out: Path, schema: Schema, left_out: tuple[str, ...], *, as_json: bool) -> None:
    """Prints what was brought in, what stayed out, and what is known of how it was made."""
    from models.cohort.imported import sidecar_file
    from models.features.columns import groups_in_words

    columns, origin = table.sidecar.columns, table.sidecar.origin
    if as_json:
        print_json(
            {
                "file": str(out),
                "sidecar": str(sidecar_file(out)),
                "program": origin["program"],
                "patients": len(table.identifiers),
                "columns": len(columns),
                "software": origin["software"],
                "settings_digest": table.settings_digest,
                "left_out": list(left_out),
                "quality_notes": [note_as_json(note) for note in table.notes],
            }
        )
        return
    if left_out:
        shown = ", ".join(left_out[:_SHOWN]) + (", …" if len(left_out) > _SHOWN else "")
        say(
            stderr(),
            f"Left out: {counted(len(left_out), 'column')} that {agreeing(len(left_out), 'is', 'are')} no feature of "
            f"{schema.format} ({shown}); rdeepnet import --guess writes a schema in which you can bring them in.",
        )
    print_notes(table.notes)
    echo(
        f"{out}: {counted(len(table.identifiers), 'patient')}, {counted(len(columns), 'column')}: "
        f"{groups_in_words(columns)}; software {', '.join(map(str, origin['software']))}, settings "
        f"{table.settings_digest[:12]}, bias correction {table.bias_correction}."
    )
    echo(f"{sidecar_file(out)}: what the columns are; keep it beside the table.")
