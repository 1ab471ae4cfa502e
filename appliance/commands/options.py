"""Options that several commands share, and the consoles they write to."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from appliance.settings import Settings
    from dicom_io.rules import Assignment

_WIDTH_OF_A_FILE = 200  # characters

Folder = Annotated[
    Path, typer.Argument(exists=True, file_okay=False, metavar="FOLDER", help="Folder with DICOM files, at any depth.")
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        envvar="RDEEPNET_CONFIG",
        help="Configuration file; default: the built-in values.",
        show_default=False,
    ),
]
Assign = Annotated[
    list[str] | None,
    typer.Option(
        "--assign",
        metavar="ROLE=SERIES",
        help="Assign a series explicitly: t1c=, t2w= or tumour=, by Series Instance UID or description "
        "(t2w=none: the study has none). May be repeated.",
        show_default=False,
    ),
]
Confirm = Annotated[
    list[str] | None,
    typer.Option(
        "--confirm",
        metavar="breast|sex|age|contrast",
        help="Confirm a part of the intended use that the headers leave out or contradict; the answer says so. May be "
        "repeated.",
        show_default=False,
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        metavar="N",
        help="Studies processed in parallel; each needs a few GB of memory. With 2 or more, each has a worker process, "
        "and a crash costs that study only; with 1, a crash ends the run.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output, for programs.")]


def settings_from(config: Path | None) -> Settings:
    """The settings of a configuration file, or the defaults."""
    from appliance.settings import Settings, load_settings

    return Settings() if config is None else load_settings(config)


def assignment_from(texts: Sequence[str] | None) -> Assignment:
    """The assignment that `--assign` options make."""
    from dicom_io.rules import Assignment

    return Assignment.parse(texts or ())


def confirmed(settings: Settings, texts: Sequence[str] | None) -> Settings:
    """The settings with what `--confirm` options name.

    Raises
    ------
    SetupError
        When one of them names no part of the intended use.
    """
    from dataclasses import replace

    from models.errors import SetupError
    from models.intended_use import Item

    unknown = [text for text in texts or () if text not in tuple(Item)]
    if unknown:
        raise SetupError(f"--confirm {unknown[0]} was given; one of {', '.join(Item)} was expected.")
    return replace(settings, intended_use=settings.intended_use.with_option(Item(text) for text in texts or ()))


def stdout() -> Console:
    """Results: tables to standard output; wide where it is not a terminal, so that a program finds lines whole."""
    return Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE)


def stderr() -> Console:
    """Progress and remarks to standard error."""
    return Console(stderr=True)


def print_json(content: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(content, indent=1, ensure_ascii=False, default=str))


def say(console: Console, sentence: str) -> None:
    """One line of text as it is: no markup, not broken."""
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A plain table; texts are shown as they are, without markup. Columns without a name have no heading."""
    shown = Table(
        *columns,
        title=escape(title),
        title_justify="left",
        title_style="bold",
        show_header=any(columns),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for row in rows:
        shown.add_row(*(escape(text) for text in row))
    return shown
