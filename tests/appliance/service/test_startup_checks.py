"""Start-up checks: all problems are reported together, before anything slow, and the models are tested before the
start.

Kind: mechanics.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from appliance.service.bench import try_workbench
from appliance.service.startup_checks import settings_to_serve
from appliance.settings import ModelSettings, Settings
from models.errors import SetupError

PEERS = '[[senders]]\nae_title = "PACS"\n[[destinations]]\nname = "p"\nae_title = "PACS"\nhost = "192.0.2.1"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "rdeepnet.toml"
    path.write_text(text, encoding="utf-8")
    return path


def told(path: Path | None) -> str:
    with pytest.raises(SetupError) as caught:
        settings_to_serve(path)
    return str(caught.value)


def test_settings_that_make_a_service_pass(tmp_path: Path) -> None:
    path = written(tmp_path, '[service]\nhost = "127.0.0.1"\nport = 59137\nstate_dir = "state"\n' + PEERS)
    assert settings_to_serve(path).service.state_dir == tmp_path / "state"


def test_mistakes_in_the_file_and_missing_peers_are_told_together(tmp_path: Path) -> None:
    sentence = told(written(tmp_path, '[service]\nae_tile = "X"\nport = 70000\n[features]\nengine = 3\n'))
    for mistake in ("ae_tile", "70000", "features.engine", "no [[senders]]", "no [[destinations]]"):
        assert mistake in sentence


def test_a_file_that_is_not_toml_is_told_as_such(tmp_path: Path) -> None:
    assert "is not TOML" in told(written(tmp_path, "[service\n"))


def test_what_the_machine_lacks_is_told_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        text = f'[service]\nhost = "127.0.0.1"\nport = {port}\nstate_dir = "state"\n[models]\npackages = ["nowhere"]\n'
        text += 'trusted_keys = ["no.pub"]\n'
        sentence = told(written(tmp_path, text))
    for mistake in (
        "cannot be written",
        f"port {port}",
        "has no manifest.toml",
        "no.pub is not there",
        "no [[senders]]",
    ):
        assert mistake in sentence


def test_a_folder_that_can_not_be_written_is_told_with_the_mistakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    sentence = told(written(tmp_path, '[service]\nport = "x"\nstate_dir = "state"\n' + PEERS))
    assert "service.port" in sentence
    assert "cannot be written" in sentence


@pytest.mark.slow
def test_the_workbench_is_tried_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"manifest\.toml"):
        try_workbench(Settings(models=ModelSettings(packages=(tmp_path,))))
