"""`rdeepnet series`: the role of each series and segment below a folder, and the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich.console import Console

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
from appliance.commands.progress import progress
from appliance.commands.tables import Cell, Table

if TYPE_CHECKING:
    from dicom_io.reading.survey import Survey


def series(folder: Folder, assign: Assign = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show the role that each series and segment below a folder would get, and why. Nothing is computed.

    The exit status is 1 when a study would be refused.

    **Example**

        rdeepnet series /data/breast/study1 --config rdeepnet.toml
    """
    from dicom_io.reading.survey import survey_folder

    settings = settings_from(config)
    assignment = assignment_from(assign)
    with progress("Looking for studies") as looking:
        surveys = survey_folder(
            folder, rules=settings.reading, assignment=assignment, limits=settings.limits, tell=looking.tell
        )
    if as_json:
        print_json([survey.as_json() for survey in surveys])
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
        if survey.rows or survey.refusals:
            say(console, ", ".join(survey.identity.phrases()))
        for sentence in survey.missing:
            say(console, f"Note: {sentence}")
        for note in survey.notes:
            say(console, f"{note.severity.capitalize()}: {note.sentence}")
        for sentence in survey.refusals:
            say(console, f"Would be refused: {sentence}")
        for sentence in survey.remarks if survey.refusals else ():
            say(console, sentence)
        for phrase in survey.left_out:
            say(console, f"Left out: {phrase}")
        console.print()


def _table(survey: Survey) -> Table:
    rows = []
    for row in survey.rows:
        name = (row.description or "–") + ("" if row.is_segment else f" ({row.objects})")
        why = [text for text in (row.why, row.problem) if text]
        rows.append(
            (
                "" if row.is_segment else row.number,
                "·" if row.is_segment else row.modality,
                Cell("\n".join(text for text in (name, row.detail) if text), "bold"),
                Cell("\n".join([row.role or "not used", *why]), "bold green" if row.role else "dim")
                if row.role or why
                else "",
            )
        )
    title = f"Study {survey.study_instance_uid or 'that cannot be read'}"
    return Table(title, ("No.", "", "Series, segment", "Role and reason"), rows)
