"""End of a command: one sentence on standard error and a documented exit status, never a traceback."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from enum import IntEnum
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from appliance import interrupts
from appliance.commands.options import echo, print_json
from appliance.commands.parameters import Mistake, without_types_of_flags
from models.errors import Mistake as FileMistake
from models.errors import NotWritable, RDeepNetError, SetupError
from models.files import require_writable
from models.plain_text import plain, without_passwords


class Exit(IntEnum):
    """Exit statuses of every command."""

    OK = 0  # everything requested was done
    INCOMPLETE = 1  # a study was refused or failed, a check found something, a peer did not answer
    USAGE = 2  # the command line is wrong (typer's own status for it)
    SETUP = 3  # the installation, the configuration or a model package is wrong
    STOPPED = interrupts.STATUS  # a person stopped it (Ctrl-C)


class Stopped(KeyboardInterrupt):
    """A command that a person stopped, with what became of it."""


def status_of(error: RDeepNetError) -> Exit:
    """The exit status for an error of ours."""
    if isinstance(error, NotWritable):
        return Exit.INCOMPLETE if error.is_full else Exit.USAGE
    return Exit.SETUP if isinstance(error, SetupError) else Exit.INCOMPLETE


# Of every mistake in a command line; typer exports its kinds and not itself.
_UsageError: Any = typer.BadParameter.__mro__[1]
_WANTS_JSON, _SAID = "rdeepnet.wants_json", "rdeepnet.error_said"


@contextmanager
def stopping(how_far: Callable[[], str]) -> Iterator[None]:
    """Adds to the word of a command that Ctrl-C or a full disk ends how far it came: a sentence, asked for then."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Stopped(how_far()) from error
    except NotWritable as error:
        if not error.is_full:
            raise
        raise NotWritable(f"{error} {how_far()}", because=OSError(errno.ENOSPC, "")) from error


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Makes an output folder before the work and, where the command stops, says what is new in it.

    A folder that this command made is taken away again where nothing came into it.

    Raises
    ------
    NotWritable
        When it cannot be made or written to.
    """
    is_new, before = not folder.exists(), _files_in(folder)
    require_writable(folder)
    try:
        with stopping(lambda: _new_files(folder, before)):
            yield
    except BaseException:  # whatever ends it, Ctrl-C too, leaves no empty folder; raised again
        if is_new:
            with suppress(OSError):  # there are results in it
                folder.rmdir()
        raise


def _files_in(folder: Path) -> set[tuple[str, int]]:
    """Names in a folder, each with the time of its last change."""
    if not folder.is_dir():
        return set()
    return {(path.name, path.stat().st_mtime_ns) for path in folder.iterdir()}


def _new_files(folder: Path, before: set[tuple[str, int]]) -> str:
    new = sorted(name for name, _ in _files_in(folder) - before)
    return f"In {folder} are new: {', '.join(new)}; run again for the rest." if new else "Nothing was written."


def kept_so_far(done: int, total: int, where: object) -> str:
    """Sentence of a stopped command that goes on where it was: "2 of 5 studies are in DIR; run again to go on."."""
    studies, are = "study" if total == 1 else "studies", "is" if done == 1 else "are"
    return f"{done} of {total} {studies} {are} in {where}; run again to go on."


def end_of(error: BaseException) -> tuple[str, Exit] | None:
    """Last sentence and status of a command that an error ends; None for an error that nobody foresaw.

    An interrupt that became another error inside a library is still an interrupt.
    """
    if isinstance(error, KeyboardInterrupt) or interrupts.was_interrupted():
        return f"Stopped. {error if isinstance(error, Stopped) else ''}".rstrip(), Exit.STOPPED
    if isinstance(error, RDeepNetError):
        return str(error), status_of(error)
    if isinstance(error, OSError) and error.errno is not None and error.errno != errno.EPIPE:
        return _of_the_system(error), Exit.INCOMPLETE
    return None


def _of_the_system(error: OSError) -> str:
    """Sentence of an error of the operating system that nobody met before: place, reason, advice."""
    what = "Standard output" if error.filename is None and error.errno == errno.ENOSPC else error.filename
    place = "A file or connection" if what is None else str(what)
    return (
        f"{place} cannot be used ({error.strerror}); expected a place that exists, that this user may use and that has "
        "space: check it, and run the command again."
    )


class Commands(TyperGroup):
    """A group of commands that keep their order and end errors of ours in a sentence.

    Where --json was given, standard output holds the error as JSON as well: {"error": {"sentence", "exit_status"}}.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order in which they are registered."""
        return list(self.commands)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Notes whether JSON is wanted before a mistake in the line can hide it."""
        ctx.meta.setdefault(_WANTS_JSON, "--json" in args[: args.index("--") if "--" in args else None])
        if not args and self.no_args_is_help:
            echo(ctx.get_help(), err=True)
            raise typer.Exit(Exit.USAGE)
        try:
            rest: list[str] = super().parse_args(ctx, args)
        except _UsageError as mistake:
            self._end_with(ctx, mistake)
        return rest

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, that of --help among them."""
        return without_types_of_flags(super().get_params(ctx))

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, Exception) as error:
            if isinstance(error, _UsageError):
                self._end_with(ctx, error)
            if isinstance(error, typer.Exit | typer.Abort | typer.TyperException):
                raise
            end = end_of(error)
            if end is None:
                raise
            if end[1] is Exit.STOPPED:
                interrupts.answer(without_passwords(plain(end[0])))
            else:
                echo(end[0], err=True)
            _say_as_json(ctx, *end, mistakes=getattr(error, "mistakes", ()))
            raise typer.Exit(end[1]) from error

    def _end_with(self, ctx: Any, mistake: Any) -> NoReturn:
        """Ends the command with a mistake in its line: one sentence, and as JSON where it is wanted."""
        sentence = mistake.format_message()
        if not isinstance(mistake, Mistake):
            where = (mistake.ctx or ctx).command_path
            sentence = sentence.replace("Value error, ", "").rstrip(".")  # of pydantic, by which typer checks values
            sentence += f"{' ' if sentence.endswith('?') else '; '}{where} --help shows the usage."
        echo(sentence, err=True)
        _say_as_json(ctx, sentence, Exit.USAGE)
        raise typer.Exit(Exit.USAGE) from mistake


def _say_as_json(ctx: Any, sentence: str, status: Exit, *, mistakes: Iterable[FileMistake] = ()) -> None:
    """The error on standard output where JSON is wanted; once, since a group may be inside another."""
    if ctx.meta.get(_WANTS_JSON) and not ctx.meta.get(_SAID):
        ctx.meta[_SAID] = True
        listed = [asdict(mistake) for mistake in mistakes]
        error = {"sentence": sentence, "exit_status": int(status), **({"mistakes": listed} if listed else {})}
        print_json({"error": error})
