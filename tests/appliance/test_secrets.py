"""No password in a sentence, and files with a secret that others can read are named. Kind: mechanics."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.logs import LineFormatter
from appliance.settings import LogFormat, load_settings
from appliance.state.postgres import server_of
from models.errors import SetupError

SECRET = "hunter2"

# An address that refuses at once: port 1 of this machine. The second and third are how people write a password with a
# special character; libpq then takes a part of it for host, port or database, and quotes it.
URLS = (
    f"postgresql://rd:{SECRET}@127.0.0.1:1/queue",
    f"postgresql://rd:{SECRET}/x@127.0.0.1:1/queue",
    f"postgresql://rd:x@{SECRET}@127.0.0.1:1/queue",
    f"postgresql://rd:%zz{SECRET}@127.0.0.1:1/queue",
    f"postgresql://127.0.0.1:1/queue?user=rd&password={SECRET}",
    f"postgresql://127.0.0.1:1/queue?user=rd&pasword={SECRET}",
    f"host=127.0.0.1 port=1 user=rd password={SECRET}",
    f"host=127.0.0.1 port=1 user=rd password = '{SECRET} more' dbname",
)


@pytest.mark.parametrize("url", URLS)
def test_no_sentence_about_a_database_holds_its_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError) as refused:
        server_of(url)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None  # nor is it in a traceback
    record = logging.LogRecord("dbos", logging.WARNING, "x.py", 1, "cannot connect to %s", (url,), None)
    for line in LogFormat:
        assert SECRET not in LineFormatter(line).format(record) or "pasword" in url  # which no reader can know
    config = tmp_path / "rdeepnet.toml"
    for written in (f'"{url}"', f'["{url}"]', f'{{url = "{url}"}}'):
        config.write_text(f"[shared]\ndatabase_url = {written}\n", encoding="utf-8")
        config.chmod(0o600)
        for command in (["config", "check", str(config)], ["status", "--config", str(config), "--json"]):
            result = CliRunner().invoke(app, command)
            assert SECRET not in result.output


def test_a_value_of_the_wrong_kind_is_not_shown_where_it_may_be_a_secret(tmp_path: Path) -> None:
    config = tmp_path / "rdeepnet.toml"
    config.write_text(f'[alerts]\nwebhook_url = ["{SECRET}"]\n', encoding="utf-8")
    with pytest.raises(SetupError, match=r"alerts\.webhook_url has another value \(not shown") as refused:
        load_settings(config)
    assert SECRET not in str(refused.value)


def test_files_with_a_secret_that_others_can_read_are_named(tmp_path: Path) -> None:
    config, tokens = tmp_path / "rdeepnet.toml", tmp_path / "tokens"
    tokens.write_text("anna x" * 20, encoding="utf-8")
    tokens.chmod(0o640)
    without = '[web]\ntoken_file = "tokens"\n'
    config.write_text(without, encoding="utf-8")
    config.chmod(0o644)  # holds no secret
    shown = CliRunner().invoke(app, ["config", "check", str(config)])
    assert shown.exit_code == 0
    assert f"{tokens} has mode 0640 and holds the tokens of the operators" in shown.stderr
    assert str(config) not in shown.stderr
    tokens.chmod(0o600)
    config.write_text(f'{without}[shared]\ndatabase_url = "{URLS[0]}"\n', encoding="utf-8")
    shown = CliRunner().invoke(app, ["config", "check", str(config)])
    assert f"{config} has mode 0644 and holds the password of the database" in shown.stderr
    config.chmod(0o600)
    assert CliRunner().invoke(app, ["config", "check", str(config)]).stderr == ""
