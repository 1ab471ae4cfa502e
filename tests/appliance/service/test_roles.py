"""Roles of a process of the service, and the hosts that share a home, in words. Kind: mechanics."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.service.hosts import Together, is_gone, remarks, together
from appliance.service.roles import ServiceRole, check_role
from appliance.service.startup_checks import NO_SENDERS, settings_to_serve
from appliance.settings import Settings
from appliance.shared_settings import SharedSettings
from appliance.state.host_records import Host
from models.errors import SetupError

SHARED = Settings(shared=SharedSettings(database_url="postgresql://rdeepnet@127.0.0.1:1/home"))
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def host(name: str, role: str, *, silent_s: float = 1.0, steps: str = "1") -> Host:
    return Host(name, role, "1.0", started_at=NOW, seen_at=NOW, silent_s=silent_s, doing={"steps": steps})


def test_what_each_role_does() -> None:
    assert {role: (role.receives, role.computes) for role in ServiceRole} == {
        ServiceRole.RECEIVER: (True, False),
        ServiceRole.WORKER: (False, True),
        ServiceRole.ALL: (True, True),
    }


@pytest.mark.parametrize("role", [ServiceRole.RECEIVER, ServiceRole.WORKER])
def test_a_state_folder_allows_no_role_alone(tmp_path: Path, role: ServiceRole) -> None:
    check_role(SHARED, role)
    check_role(Settings(), ServiceRole.ALL)
    with pytest.raises(SetupError, match=r"expected the role all, or a database"):
        check_role(Settings(), role)
    config = tmp_path / "rdeepnet.toml"
    config.write_text("", encoding="utf-8")
    result = CliRunner().invoke(app, ["serve", "--role", role.value, "--config", str(config)])
    assert result.exit_code != 0


def test_a_worker_needs_no_senders_and_no_port(tmp_path: Path) -> None:
    config = tmp_path / "rdeepnet.toml"
    config.write_text(
        f'[service]\nport = 1\nhost = "192.0.2.1"\nstate_dir = "{tmp_path / "state"}"\n'
        '[shared]\ndatabase_url = "postgresql://rdeepnet@127.0.0.1:1/home"\n'
        '[[destinations]]\nname = "pacs"\nae_title = "PACS"\nhost = "127.0.0.1"\n',
        encoding="utf-8",
    )
    assert settings_to_serve(config, ServiceRole.WORKER).destinations[0].name == "pacs"
    with pytest.raises(SetupError) as told:
        settings_to_serve(config, ServiceRole.RECEIVER)
    assert NO_SENDERS in str(told.value)
    assert "cannot be used" in str(told.value)


def test_hosts_are_gone_after_a_while_and_what_lacks_is_said() -> None:
    there = [host("a:1", "receiver"), host("b-0", "worker")]
    assert list(remarks(there)) == []
    assert list(remarks([host("c:1", "all")])) == []
    assert [is_gone(one) for one in (host("a", "all"), host("b", "all", silent_s=31.0))] == [False, True]
    (sentence,) = remarks([there[0], host("b-0", "worker", silent_s=100.0)])
    assert sentence == "No worker is there: start one (rdeepnet serve --role worker)."
    (sentence,) = remarks([*there, host("c-0", "worker", steps="2")])
    assert "2 versions of the steps of a job are there (1, 2)" in sentence
    assert list(remarks([])) == []
    assert together(Settings()) == Together()
