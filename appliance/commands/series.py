"""`rdeepnet series`: the role of each series and segment below a folder, and the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appliance.commands.exit_status import Exit
from appliance.commands.options import (
    AsJson,
    Assign,
    ConfigFile,
    Folder,
    assignment_from,
    print_json,
    say,
    settings_from,
    stdout,
)

if TYPE_CHECKING:
    from dicom_io.reading.survey import Survey


def series(folder: Folder, assign: Assign = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show the role that each series and segment below a folder would get, and why. Nothing is computed.

    The exit status is 1 when a study would be refused.

    **Example**

        rdeepnet series /data/breast/study1 --config rdeepnet.toml
    """
    from dicom_io.reading.survey import survey_folder

    surveys = survey_folder(folder, rules=settings_from(config).reading, assignment=assignment_from(assign))
    if as_json:
        print_json([asdict(survey) for survey in surveys])
    else:
        print_surveys(surveys, stdout())
    if any(survey.refusals for survey in surveys):
        raise typer.Exit(Exit.INCOMPLETE)


def print_surveys(surveys: Sequence[Survey], console: Console) -> None:
    """A table per study, followed by problems and notes."""
    for survey in surveys:
        if survey.rows:
            console.print(_table(survey))
        else:
            say(
                console,
                f"Study {survey.study_instance_uid or 'that cannot be read'}" if survey.refusals else "No study",
            )
        for sentence in survey.missing:
            say(console, f"Note: {sentence}")
        for note in survey.notes:
            console.print(
                f"{note.severity.capitalize()}: {note.sentence}", markup=False, highlight=False, soft_wrap=True
            )
        for sentence in survey.refusals:
            say(console, f"Would be refused: {sentence}")
        for sentence in survey.remarks if survey.refusals else ():
            say(console, sentence)
        for phrase in survey.left_out:
            say(console, f"Left out: {phrase}")
        console.print()


def _table(survey: Survey) -> Table:
    title = f"Study {survey.study_instance_uid or 'that cannot be read'}"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("No.", justify="right")
    table.add_column("", no_wrap=True)
    table.add_column("Series, segment", ratio=1)
    table.add_column("Role and reason", ratio=1)
    for row in survey.rows:
        objects = "" if row.is_segment else f" ({row.objects})"
        name = f"[bold]{escape(row.description or '–')}[/]{objects}"
        role = f"[bold green]{escape(row.role)}[/]" if row.role else "not used"
        why = [*([f"[dim]{escape(row.why)}[/]"] if row.why else []), *([escape(row.problem)] if row.problem else [])]
        table.add_row(
            "" if row.is_segment else escape(row.number),
            "·" if row.is_segment else escape(row.modality),
            "\n".join([name, *([f"[dim]{escape(row.detail)}[/]"] if row.detail else [])]),
            "\n".join([role, *why]) if row.role or why else "",
        )
    return table
