"""Commands of an operator on one study: take it as complete, drop it. Retry is with the commands of the service."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from appliance.commands.options import ConfigFile, settings_from
from appliance.commands.service import Study

Reason = Annotated[str, typer.Option("--reason", help="Reason, for the history of the study; no patient data.")]


def complete(study: Study, config: ConfigFile = None) -> None:
    """Take a study that is arriving as complete: answer it now, without waiting until nothing more of it arrives."""
    from appliance.service import operator

    operator.answer_now(settings_from(config), study, by=_by())
    typer.echo("The service answers the study in its next round.")


def drop(study: Study, reason: Reason, config: ConfigFile = None) -> None:
    """Settle a refused or failed study: nothing more is done about it, and it no longer counts as a problem.

    A late object of it, or a retry, takes it up again.
    """
    from appliance.service import operator

    operator.drop(settings_from(config), study, reason=reason, by=_by())
    typer.echo("The study is dropped.")


def _by() -> str:
    """Operator at the command line, as the records name one."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a user without a name, as in a container
        return "command line"
