"""Commands of an operator on one study: take it as complete, drop it. Retry is with the commands of the service."""

from __future__ import annotations

from typing import Annotated

import typer

from appliance.commands.options import AsJson, ConfigFile, echo, operator_name, print_json, settings_from
from appliance.commands.studies import Study, full_uid
from appliance.state.states import State

Reason = Annotated[str, typer.Option("--reason", help="Reason, for the history of the study; no patient data.")]


def complete(study: Study, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Treat a study that is still arriving as complete: answer it now instead of waiting for more of it."""
    from appliance.service import operator

    settings = settings_from(config)
    state = operator.answer_now(settings, study, by=operator_name())
    _say(full_uid(settings, study), state, "The service answers the study in its next round.", as_json=as_json)


def drop(study: Study, reason: Reason, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Settle a refused or failed study, or a draft in review: nothing more is done about it.

    It no longer counts as a problem. A late object of it, a retry, or an acceptance of the draft takes it up again.
    """
    from appliance.service import operator

    settings = settings_from(config)
    state = operator.drop(settings, study, reason=reason, by=operator_name())
    _say(full_uid(settings, study), state, "The study is dropped.", as_json=as_json)


def _say(study: str, state: State, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"study_instance_uid": study, "state": state, "sentence": sentence})
    else:
        echo(sentence)
