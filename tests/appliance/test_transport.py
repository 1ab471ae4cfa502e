"""[tls] in the configuration: what it applies to, and what is said about its files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit
from appliance.peer_settings import TlsSettings
from appliance.service.bench import archive_of
from appliance.service.destination_peers import peer_of
from appliance.service.doctor import Verdict, check_tls
from appliance.settings import Settings, load_settings
from appliance.state.records import Records
from appliance.transport import client_tls, files_of, listener_tls
from dicom_io.network.tls import ClientTls
from models.errors import SetupError
from tests.dicom_io.network.made_certificates import DAY, NOW, make_authority

RUNNER = CliRunner()
PEERS = """
[[senders]]
ae_title = "PACS"
[[destinations]]
name = "pacs"
ae_title = "PACS"
host = "192.0.2.10"
[[destinations]]
name = "old"
ae_title = "OLD"
host = "192.0.2.11"
plain = true
[archive]
host = "192.0.2.10"
"""


def site(folder: Path, more: str = "", *, until: timedelta = 365 * DAY) -> Path:
    """A configuration with TLS, and its files beside it."""
    make_authority(folder).issue("rdeepnet", since=NOW - 400 * DAY, until=NOW + until)
    tls = '[tls]\ncertificate = "rdeepnet.crt"\nkey = "rdeepnet.key"\nauthorities = "authority.pem"\n'
    path = folder / "site.toml"
    path.write_text(f'[service]\nstate_dir = "state"\n{more}{tls}{PEERS}', encoding="utf-8")
    return path


def test_tls_is_for_every_connection_but_those_that_are_plain(tmp_path: Path) -> None:
    settings = load_settings(site(tmp_path))
    files = files_of(settings)
    assert files is not None
    assert files.certificate == tmp_path / "rdeepnet.crt"
    secured, plain = (
        peer_of(one, calling_title="A", timeout_s=1.0, tls=client_tls(settings, plain=one.plain))
        for one in settings.destinations
    )
    assert secured.tls == ClientTls(files, check_names=True)
    assert plain.tls is None
    archive = archive_of(settings)
    assert archive is not None
    assert archive.tls == secured.tls
    assert listener_tls(settings) is not None
    assert listener_tls(load_settings(site(tmp_path, "plain = true\n"))) is None


def test_without_files_nothing_is_secured() -> None:
    assert (files_of(Settings()), client_tls(Settings(), plain=False), listener_tls(Settings())) == (None, None, None)


def test_the_three_files_belong_together(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="key and authorities not set; certificate, key and authorities belong"):
        TlsSettings(certificate=tmp_path)


def test_config_check_names_every_mistake_in_the_files(tmp_path: Path) -> None:
    path = site(tmp_path)
    assert RUNNER.invoke(app, ["config", "check", str(path)]).exit_code == Exit.OK
    (tmp_path / "rdeepnet.key").write_text("nothing")
    (tmp_path / "authority.pem").unlink()
    result = RUNNER.invoke(app, ["config", "check", str(path)])
    assert result.exit_code == Exit.SETUP
    for part in ("[tls] have 2 mistakes", "authority.pem cannot be read", "rdeepnet.key is no private key in PEM"):
        assert part in result.output.replace("\n", " ")


@pytest.mark.parametrize(
    ("until", "verdict", "part"),
    [
        (365 * DAY, Verdict.WARNING, "not secured: destination old"),
        (20 * DAY, Verdict.WARNING, "(20 days): renew it"),
        (-1 * DAY, Verdict.BAD, "peers refuse it"),
    ],
)
def test_doctor_and_status_say_how_long_it_is_valid(
    tmp_path: Path, until: timedelta, verdict: Verdict, part: str
) -> None:
    path = site(tmp_path, until=until)
    found = check_tls(load_settings(path), NOW)
    assert found.verdict is verdict
    assert found.sentence.startswith("certificate of rdeepnet, issued by authority, ")
    assert part in found.sentence
    (tmp_path / "state").mkdir()
    Records(tmp_path / "state" / "studies.sqlite3").close()
    shown = RUNNER.invoke(app, ["status", "--config", str(path)])
    assert shown.exit_code == Exit.OK
    assert "TLS: certificate of rdeepnet, issued by authority, " in shown.output


def test_doctor_looks_at_the_key(tmp_path: Path) -> None:
    path = site(tmp_path)
    (tmp_path / "rdeepnet.key").chmod(0o644)
    assert "others can read" in check_tls(load_settings(path), NOW).sentence
    (tmp_path / "rdeepnet.key").write_text("nothing")
    assert check_tls(load_settings(path), NOW).verdict is Verdict.BAD
