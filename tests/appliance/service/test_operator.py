"""Actions of operators: on the state folder, and as a running service sees them. Kind: mechanics."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.options import operator_name
from appliance.service.operator import answer_now, drop, retry, retry_many
from appliance.service.retry import Filter
from appliance.settings import Settings, load_settings
from appliance.state.homes import open_records
from appliance.state.operator_actions import Action, OperatorActions, is_dropped
from appliance.state.record_rows import UnknownStudy
from appliance.state.states import IllegalMove, State
from tests.appliance.web.site import DELIVERED, FAILED, QUEUED, RECEIVED, REFUSED, configuration, populate
from tests.end_to_end.running import free_port, running_service, storescu
from tests.end_to_end.small_study import uid, write_study


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = configuration(tmp_path, port=free_port(), token=False)
    populate(load_settings(path).service.state_dir)
    return path


@pytest.fixture
def settings(config: Path) -> Settings:
    return load_settings(config)


def actions(settings: Settings, study: str) -> list[tuple[Action, str, str]]:
    records = open_records(settings, read_only=True)
    try:
        return [(one.action, one.by, one.sentence) for one in OperatorActions(records).of_study(study)]
    finally:
        records.close()


def test_every_action_is_in_the_history_with_who_did_it(settings: Settings) -> None:
    assert retry(settings, DELIVERED, by="jo") is State.SENDING
    assert answer_now(settings, RECEIVED, by="jo") is State.RECEIVED
    assert drop(settings, REFUSED, reason=" a  phantom\n", by="kim") is State.REFUSED
    assert actions(settings, DELIVERED) == [(Action.RETRY, "jo", "is now sending")]
    assert actions(settings, RECEIVED) == [(Action.ANSWER_NOW, "jo", "")]
    assert actions(settings, REFUSED) == [(Action.DROP, "kim", "a phantom")]


def test_what_cannot_be_done_leaves_no_trace(settings: Settings) -> None:
    with pytest.raises(IllegalMove, match="cannot become"):
        retry(settings, QUEUED, by="jo")
    with pytest.raises(IllegalMove, match="only one that is arriving"):
        answer_now(settings, QUEUED, by="jo")
    with pytest.raises(IllegalMove, match="only a refused or failed study"):
        drop(settings, QUEUED, reason="why not", by="jo")
    for reason in ("", " \n", "x" * 501):
        with pytest.raises(IllegalMove, match="expected 1 to 500"):
            drop(settings, FAILED, reason=reason, by="jo")
    with pytest.raises(UnknownStudy):
        drop(settings, "9.9", reason="gone", by="jo")
    assert actions(settings, QUEUED) == actions(settings, FAILED) == []


def test_a_dropped_study_that_moves_on_is_no_longer_dropped(settings: Settings) -> None:
    drop(settings, FAILED, reason="a phantom", by="jo")
    records = open_records(settings)
    try:
        dropped = OperatorActions(records).dropped()
        assert is_dropped(records.study(FAILED), dropped)
        assert not is_dropped(records.study(REFUSED), dropped)
        records.arrived(FAILED)
        assert not is_dropped(records.study(FAILED), dropped)
    finally:
        records.close()


def test_the_wish_is_taken_once(settings: Settings) -> None:
    for _ in range(2):
        answer_now(settings, RECEIVED, by="jo")
    records = open_records(settings)
    try:
        assert OperatorActions(records).take_wanted_now() == (RECEIVED,)
        assert OperatorActions(records).take_wanted_now() == ()
    finally:
        records.close()


def test_the_commands_say_who_and_why(config: Path, settings: Settings) -> None:
    runner = CliRunner()
    result = runner.invoke(app, ["drop", FAILED, "--reason", "a phantom", "--config", str(config)])
    assert (result.exit_code, result.stdout) == (0, "The study is dropped.\n")
    ((action, by, sentence),) = actions(settings, FAILED)
    assert (action, sentence) == (Action.DROP, "a phantom")
    assert by.endswith(("command line", "(command line)"))
    result = runner.invoke(app, ["complete", QUEUED, "--config", str(config)])
    assert result.exit_code == 1
    assert "The study is queued" in result.stderr


def test_retry_by_command_is_in_the_history_and_show_lists_it(config: Path, settings: Settings) -> None:
    runner, by = CliRunner(), operator_name()

    def called(*words: str) -> str:
        result = runner.invoke(app, [*words, "--config", str(config)])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    called("retry", DELIVERED)
    called("retry", DELIVERED, "--assign", "t1c=AX T1 POST", "--assign", "t2w=none")
    called("retry", DELIVERED, "--by-rules")
    expected = [
        (Action.RETRY, by, "is now sending"),
        (Action.CHOOSE, by, "t1c, t2w"),
        (Action.CHOOSE, by, "by the rules"),
    ]
    assert actions(settings, DELIVERED) == expected
    called("retry", "--state", "failed")
    assert actions(settings, FAILED) == [(Action.RETRY, by, "is now queued")]
    shown = json.loads(called("show", DELIVERED, "--json"))
    assert [(one["action"], one["by"], one["sentence"]) for one in shown["actions"]] == expected
    assert all(datetime.fromisoformat(one["at"]).tzinfo for one in shown["actions"])
    table = called("show", DELIVERED)
    assert "Operator actions" in table
    assert "choose series" in table


def test_a_bulk_retry_notes_only_what_it_retried(settings: Settings) -> None:
    outcomes = retry_many(settings, Filter(since=datetime(2020, 1, 1, tzinfo=UTC)), by="jo")
    refused = [outcome.study for outcome in outcomes if outcome.sentence]
    retried = [outcome.study for outcome in outcomes if not outcome.sentence]
    assert QUEUED in refused
    assert DELIVERED in retried
    assert all(actions(settings, study) == [] for study in refused)
    assert all([by for _, by, _ in actions(settings, study)] == ["jo"] for study in retried)


@pytest.mark.peers
@pytest.mark.slow
def test_a_running_service_answers_a_study_it_would_wait_for(tmp_path: Path) -> None:
    with running_service(tmp_path, destinations={"pacs": free_port()}, idle_s=3600.0) as service:
        assert storescu(write_study(tmp_path / "study", "now"), port=service.port) == 0
        service.wait_for_state(uid("now"), State.RECEIVED)
        answer_now(service.settings, uid("now"), by="jo")
        service.wait_for_state(uid("now"), State.SENDING)
