"""Options that several commands share, and the consoles they write to."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from appliance.commands.lines import broken, for_stream
from appliance.commands.parameters import (
    ROLES_ASSIGNED,
    ConfirmedItem,
    DatesTreated,
    as_mistake,
    each_of,
    existing_file,
    existing_folder,
    listed,
    model_packages,
    one_of,
)
from models.plain_text import plain, without_passwords

if TYPE_CHECKING:
    from appliance.settings import Settings
    from dicom_io.reading.pseudonymise import Pseudonymiser
    from dicom_io.rules import Assignment
    from models.inference.manifest import OutOfFold
    from models.inference.outcome import ModelIdentity
    from models.quality_notes import QualityNote

_WIDTH_OF_A_FILE = 10_000  # characters: no line of ours is broken

Folder = Annotated[
    Path,
    typer.Argument(callback=existing_folder, metavar="FOLDER", help="Folder with DICOM files, at any depth."),
]
Package = Annotated[
    Path,
    typer.Argument(
        callback=existing_folder, metavar="PACKAGE", autocompletion=model_packages, help="Folder of a model package."
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        callback=existing_file,
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
        autocompletion=ROLES_ASSIGNED,
        help="Assign a series explicitly: t1c=, t2w= or tumour=, by Series Instance UID or description "
        "(t2w=none: the study has none). May be repeated.",
        show_default=False,
    ),
]
Confirm = Annotated[
    list[str] | None,
    typer.Option(
        "--confirm",
        metavar=listed(ConfirmedItem),
        callback=each_of(ConfirmedItem),
        autocompletion=one_of(*get_args(ConfirmedItem)),
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
Queue = Annotated[
    bool,
    typer.Option(
        "--queue",
        help="Let the workers of the database named in [shared] compute, behind the studies sent to the service; they "
        "get --jobs studies at a time.",
    ),
]
Pseudonymise = Annotated[
    Path | None,
    typer.Option(
        "--pseudonymise",
        metavar="KEYFILE",
        callback=existing_file,
        help="Write keyed pseudonyms in place of names, identifiers and UIDs; KEYFILE from pseudonymise make-key.",
        show_default=False,
    ),
]
DatesOption = Annotated[
    DatesTreated,
    typer.Option(
        "--dates", metavar=listed(DatesTreated), help="Dates under pseudonyms: moved by patient, or left out."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output, for programs.")]


def settings_from(config: Path | None) -> Settings:
    """The settings of a configuration file, or the defaults."""
    from appliance.settings import Settings, load_settings

    return Settings() if config is None else load_settings(config)


def assignment_from(texts: Sequence[str] | None) -> Assignment:
    """The assignment that `--assign` options make; a wrong one is a mistake in the command line."""
    from dicom_io.rules import Assignment

    with as_mistake("--assign"):
        return Assignment.parse(texts or ())


def confirmed(settings: Settings, texts: Sequence[str] | None) -> Settings:
    """The settings with what `--confirm` options name."""
    from dataclasses import replace

    from models.intended_use import Item

    return replace(settings, intended_use=settings.intended_use.with_option(Item(text) for text in texts or ()))


def operator_name() -> str:
    """Operator at the command line, as the history of a study names one: the user of the operating system."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a user without a name, as in a container
        return "command line"


def pseudonymiser_from(key: Path | None, dates: str) -> Pseudonymiser | None:
    """The pseudonymiser of `--pseudonymise` and `--dates`; None without a key file.

    Raises
    ------
    SetupError
        When the key file cannot be used.
    """
    from dicom_io.reading.pseudonymise import Pseudonymiser
    from models.pseudonyms import Dates, read_pseudonym_key

    return None if key is None else Pseudonymiser(read_pseudonym_key(key), Dates(dates))


class PlainConsole(Console):
    """A console on which texts can change nothing: of what it shows only its own colours and cursor are obeyed."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Prints; a line that is longer than the terminal is whole, where the terminal breaks it."""
        super().print(*objects, **{"crop": False, **options})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of what is shown, without control characters of the texts in it."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=plain(segment.text))


def stdout() -> Console:
    """Results: tables to standard output; lines whole where it is not a terminal, so that a program finds them."""
    return PlainConsole(width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE)


def stderr() -> Console:
    """Progress and remarks to standard error."""
    return PlainConsole(stderr=True)


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """A text without control characters and passwords, its long lines broken between words on a terminal."""
    shown = without_passwords(plain(text))
    typer.echo(for_stream(shown, sys.stderr if err else sys.stdout) if nl else shown, err=err, nl=nl)


def print_json(content: Any) -> None:
    """One JSON document on standard output; its texts as `echo` writes them."""
    typer.echo(json.dumps(_plain_texts(content), indent=1, ensure_ascii=False, default=_as_text))


def _plain_texts(content: Any) -> Any:
    if isinstance(content, str):
        return without_passwords(plain(content))
    if isinstance(content, Mapping):
        return {_plain_texts(key): _plain_texts(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain_texts(value) for value in content]
    return content


def _as_text(value: object) -> str:
    return plain(str(value))


def identity_as_json(identity: ModelIdentity) -> dict[str, str]:
    """Name, version, title, digest, signer and notice of a model package, as evaluation.json has them."""
    return {
        "name": identity.name,
        "version": identity.version,
        "title": identity.title,
        "digest": identity.digest,
        "signed_by": identity.signed_by,
        "notice": identity.notice,
    }


def out_of_fold_as_json(found: OutOfFold) -> dict[str, float | bool]:
    """The statistic of a model out of fold, with its 95 % interval."""
    return {"value": found.value, "low": found.low, "high": found.high, "has_signal": found.has_signal}


def note_as_json(note: QualityNote) -> dict[str, str]:
    """A quality note as every JSON document has it."""
    return {"code": note.code, "severity": note.severity.value, "sentence": note.sentence}


def print_notes(notes: Iterable[QualityNote], *, refusals: Iterable[tuple[str, str]] = ()) -> None:
    """Refusals (code, sentence) and quality notes to standard output, one per line."""
    for code, sentence in refusals:
        print_verdict("refused", "red", f"{code}: {sentence}")
    for note in notes:
        print_verdict(note.severity.value, "yellow", f"{note.code}: {note.sentence}")


def print_verdict(verdict: str, colour: str, sentence: str) -> None:
    """A coloured word and its sentence to standard output; lines after the first are indented."""
    console = stdout()
    lines = broken(sentence, console.width - 9) if console.is_terminal else [sentence]
    text = f"[{colour}]{verdict:>7}[/]  " + escape(("\n" + 9 * " ").join(lines))
    console.print(text, highlight=False, soft_wrap=True)


def print_files(paths: Iterable[Path], *, as_json: bool) -> None:
    """Prints the files that a command wrote, one path per line, or {"files": […]}."""
    if as_json:
        print_json({"files": [str(path) for path in paths]})
        return
    for path in paths:
        echo(str(path))


def say(console: Console, sentence: str) -> None:
    """One line of text as it is, without markup; on a terminal broken between words."""
    text = "\n".join(broken(sentence, console.width)) if console.is_terminal else sentence
    console.print(text, markup=False, highlight=False, soft_wrap=True)
