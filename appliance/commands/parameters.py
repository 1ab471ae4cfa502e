"""Parameters of commands: paths that must exist, values from closed lists with their completion, and flags.

A mistake in a path is a sentence of ours; a value outside its list is met by typer, which completes it as well.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import typer
from typer.core import TyperCommand

from models.errors import RDeepNetError

Complete = Callable[[str], list[str]]


class Mistake(typer.BadParameter):
    """A mistake in the command line whose message is a whole sentence: shown as it is."""

    def format_message(self) -> str:
        """The sentence."""
        return str(self.message)


@contextmanager
def as_mistake(name: str) -> Iterator[None]:
    """Makes a mistake in the command line of an error of ours about the value of an option.

    Raises
    ------
    Mistake
        With the name of the option and the sentence of the error.
    """
    try:
        yield
    except RDeepNetError as error:
        raise Mistake(f"{name}: {error}") from error


def existing_folder(param: typer.CallbackParam, path: Path | None) -> Path | None:
    """The folder that an argument or option names, as callback; nothing given is nothing checked.

    Raises
    ------
    Mistake
        When it does not exist, is a file, or may not be read.
    """
    return None if path is None else _existing(param, path, "folder")


def existing_file(param: typer.CallbackParam, path: Path | None) -> Path | None:
    """The file that an argument or option names, as callback; pipes and devices are left to whoever reads it.

    Raises
    ------
    Mistake
        When it does not exist or is a folder.
    """
    return None if path is None else _existing(param, path, "file")


def existing_files(param: typer.CallbackParam, paths: list[Path] | None) -> list[Path] | None:
    """`existing_file` for each."""
    for path in paths or ():
        _existing(param, path, "file")
    return paths


def existing_folders(param: typer.CallbackParam, paths: list[Path] | None) -> list[Path] | None:
    """`existing_folder` for each."""
    for path in paths or ():
        _existing(param, path, "folder")
    return paths


def existing_path(param: typer.CallbackParam, path: Path) -> Path:
    """A folder or file that an argument names, as callback; raises `Mistake` when it does not exist."""
    return _existing(param, path, "folder or file")


def _existing(param: Any, path: Path, kind: str) -> Path:
    name = param.metavar if param.param_type_name == "argument" else param.opts[0]
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError as error:
        raise Mistake(f"{name}: {path} does not exist; name a {kind} that does.") from error
    except OSError as error:
        raise Mistake(f"{name}: {path} cannot be used ({error.strerror}); name a {kind} that exists.") from error
    if kind == ("file" if is_folder else "folder"):
        raise Mistake(f"{name}: {path} is a {'folder' if is_folder else 'file'}; name a {kind}.")
    if is_folder and not os.access(path, os.R_OK | os.X_OK):
        raise Mistake(f"{name}: {path} cannot be read (Permission denied); name a {kind} that this user may read.")
    return path


# Closed lists that options take. Those of `models` and `appliance.offline` are written out, so that the command line
# loads without them; tests/appliance/commands/test_parameters.py compares.
DatesTreated = Literal["shift", "drop"]
RowId = Literal["study", "patient", "accession"]
ConfirmedItem = Literal["breast", "sex", "age", "contrast"]
TimeUnit = Literal["months", "days", "years"]
OutcomeDoubt = Literal[
    "time-looks-like-days",
    "time-looks-like-years",
    "time-too-long",
    "events-look-inverted",
    "times-all-equal",
    "outcome-among-features",
]
Truth = Literal["strong", "moderate", "linear", "null"]
RecipeName = Literal["ensemble", "low-dimensional", "paper"]
SequenceName = Literal["t1c", "t2w"]
RegionName = Literal["intratumoral", "peritumoral", "all"]
ScaleName = Literal["z", "rank", "none"]
DeviceName = Literal["auto", "cpu", "cuda"]
EngineName = Literal["own", "pyradiomics"]
BiasCorrection = Literal["own", "simpleitk", "none"]
ExpressionUnit = Literal["counts", "tpm", "log2tpm"]
StrandName = Literal["unstranded", "forward", "reverse"]
TableFormat = Literal["csv", "parquet"]


def listed(closed: Any) -> str:
    """The values of a `Literal` as help shows them: "shift|drop"."""
    return "|".join(get_args(closed))


def one_of(*values: str) -> Complete:
    """Completes a value that may be one of some words, and something else as well."""
    return lambda incomplete: [value for value in values if value.startswith(incomplete)]


def each_of(closed: Any) -> Callable[[list[str] | None], list[str] | None]:
    """Callback that checks each of several values; typer itself knows closed lists for single values only.

    Parameters
    ----------
    closed : a `Literal`
    """

    def check(texts: list[str] | None) -> list[str] | None:
        for text in texts or ():
            if text not in get_args(closed):
                raise typer.BadParameter(f"'{text}' is not one of {', '.join(get_args(closed))}")
        return texts

    return check


ROLES_ASSIGNED = one_of("t1c=", "t2w=", "t2w=none", "tumour=")
COLUMN_ROLES = one_of("id=", "cohort=", "time=", "event=", "patient=", "krt7_as_high=")


def model_packages(incomplete: str) -> list[str]:
    """Folders of model packages that begin with what is typed: beside it, or those that come with the product."""
    from models import packages

    beside = Path(incomplete) if incomplete.endswith("/") else Path(incomplete).parent
    theirs = _packages_in(beside) if incomplete else _packages_in(Path())
    ours = (str(path) for path in sorted(Path(packages.__path__[0]).iterdir()) if _is_package(path))
    return [name for name in dict.fromkeys([*theirs, *ours]) if name.startswith(incomplete)]


def _packages_in(folder: Path) -> Iterable[str]:
    try:
        return [str(path) for path in sorted(folder.iterdir()) if _is_package(path)]
    except OSError:
        return []


def _is_package(path: Path) -> bool:
    return (path / "manifest.toml").is_file()


def study_uids(ctx: typer.Context, incomplete: str) -> list[str]:
    """Study Instance UIDs that the service of the configuration knows; none where it has never run."""
    from appliance.state.homes import open_records

    try:
        records = open_records(_settings(ctx), read_only=True)
        try:
            return [uid for study in records.studies() if (uid := study.study_uid).startswith(incomplete)]
        finally:
            records.close()
    except (RDeepNetError, OSError):
        return []


def destinations(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the destinations in the configuration."""
    try:
        names = [destination.name for destination in _settings(ctx).destinations]
    except (RDeepNetError, OSError):
        return []
    return [name for name in names if name.startswith(incomplete)]


def _settings(ctx: typer.Context) -> Any:
    from appliance.settings import Settings, load_settings

    named = ctx.params.get("config") or os.environ.get("RDEEPNET_CONFIG")
    return load_settings(Path(named)) if named else Settings()


class Command(TyperCommand):
    """A command whose help shows flags as flags, without a type beside them."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, that of --help among them."""
        return without_types_of_flags(super().get_params(ctx))


def without_types_of_flags(parameters: list[Any]) -> list[Any]:
    """The same parameters; the help no longer shows `<bool>` beside those that take no value."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False) and parameter.metavar is None:
            parameter.metavar = ""
    return parameters


class CommandGroup(typer.Typer):
    """A group of commands, each a `Command`."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        """As that of typer."""
        return super().command(name, cls=Command, **options)
