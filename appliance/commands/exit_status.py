"""End of a command: one sentence on standard error and a documented exit status, never a traceback."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import typer
from typer.core import TyperGroup

from models.errors import RDeepNetError, SetupError


class Exit(IntEnum):
    """Exit statuses of every command."""

    OK = 0  # everything requested was done
    INCOMPLETE = 1  # a study was refused or failed, a check found something, a peer did not answer
    USAGE = 2  # the command line is wrong (typer's own status for it)
    SETUP = 3  # the installation, the configuration or a model package is wrong


def status_of(error: RDeepNetError) -> Exit:
    """The exit status for an error of ours."""
    return Exit.SETUP if isinstance(error, SetupError) else Exit.INCOMPLETE


class Commands(TyperGroup):
    """A group of commands that keep their order and end errors of ours in a sentence."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order in which they are registered."""
        return list(self.commands)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except RDeepNetError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(status_of(error)) from error
