"""`rdeepnet read-sr`: answers and features of a Structured Report, back as tables."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from appliance.commands.exit_status import Exit
from appliance.commands.options import AsJson, echo, print_json, stdout
from appliance.commands.parameters import existing_file
from appliance.commands.tables import Table
from models.number_words import counted


def read_sr(
    file: Annotated[
        Path,
        typer.Argument(callback=existing_file, metavar="FILE", help="SR of an answer: key_sr.dcm or features_sr.dcm."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            dir_okay=False,
            metavar="FILE",
            help="Table of the features to write: .csv, as run writes it.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the answers and the features back out of a Structured Report of rdeepnet, whichever version wrote it.

    An SR with all features (setting report.features_sr) gives the whole features.csv back, with every
    digit; a key SR gives the features that it shows. Nothing names the patient.

    **Example**

        rdeepnet read-sr features_sr.dcm --out features.csv
    """
    from appliance.offline.result_folder import features_csv
    from dicom_io.writing.read_features import read_answer
    from models.files import write_output

    if out is not None and out.suffix != ".csv":
        raise typer.BadParameter(f"'{out.name}' does not end in .csv", param_hint="--out")
    answers, read = read_answer(file)
    if out is not None:
        write_output(out, features_csv(read.features))
    if as_json:
        print_json(
            {
                "models": [asdict(answer) for answer in answers],
                "features": len(read.features),
                "unknown": list(read.unknown),
                "file": None if out is None else str(out),
            }
        )
    else:
        for answer in answers:
            numbers = [(name, f"{value:.6g}", unit) for name, (value, unit) in answer.numbers.items()]
            stated = [(name, value, "") for name, value in answer.conclusions.items()]
            stdout().print(Table(answer.model, ("Name", "Value", "Unit"), [*stated, *numbers]))
        echo(f"{out or file}: {counted(len(read.features), 'feature')}")
    if read.unknown:
        echo(
            f"{counted(len(read.unknown), 'number has a code', 'numbers have codes')} that this version does not know, "
            f"and {'is' if len(read.unknown) == 1 else 'are'} left out: {'; '.join(read.unknown[:3])}. Read the report "
            "with the version that wrote it.",
            err=True,
        )
        raise typer.Exit(Exit.INCOMPLETE)
