"""Output of `rdeepnet health` for a service that runs, has stopped, or no longer completes its rounds.

Kind: mechanics.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.service.health import ailments
from appliance.service.pulse import PULSE, STOPPED_AFTER_S, Pulse
from tests.end_to_end.running import RunningService, running_service, wait_for

RUNNER = CliRunner()
# pynetdicom leaves the socket of a refused connection to the collector.
UNCLOSED = "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"


def test_the_pulse_is_touched_every_few_seconds_only(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path)
    pulse.beat(100.0)
    (tmp_path / PULSE).unlink()
    pulse.beat(101.0)
    assert not (tmp_path / PULSE).exists()
    pulse.beat(106.0)
    assert (tmp_path / PULSE).exists()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A service whose senders call from another machine: the health check is known from here nevertheless."""
    folder = tmp_path_factory.mktemp("pulse")
    with running_service(folder, destinations={"pacs": 104}) as running:
        yield running


def test_a_running_service_is_well(service: RunningService) -> None:
    assert list(ailments(service.settings)) == []
    result = RUNNER.invoke(app, ["health", "--config", str(service.settings_file)])
    assert (result.exit_code, result.stdout) == (0, "The service is healthy.\n")


def test_a_service_without_a_listed_sender_answers_itself(service: RunningService) -> None:
    assert list(ailments(replace(service.settings, senders=()))) == []


def test_a_main_loop_that_stopped_is_told(service: RunningService) -> None:
    pulse = service.settings.service.state_dir / PULSE
    long_ago = time.time() - 2 * STOPPED_AFTER_S

    def said() -> bool:
        """Returns whether it is told; a beat between the two lines takes the age away, and one more look brings it."""
        os.utime(pulse, (long_ago, long_ago))
        return any("the last round was 12" in sentence for sentence in ailments(service.settings))

    wait_for(said, what="the sentence on the pulse")
    wait_for(lambda: list(ailments(service.settings)) == [], what="the next beat")


def test_a_full_disk_is_told(service: RunningService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.service.health.free_gb", lambda folder: 0.2)
    assert [sentence for sentence in ailments(service.settings) if "0.2 GB are free" in sentence]


@pytest.mark.filterwarnings(UNCLOSED)
def test_no_service_is_not_well(tmp_path: Path, service: RunningService) -> None:
    settings = replace(service.settings, service=replace(service.settings.service, port=1, state_dir=tmp_path))
    found = list(ailments(settings))
    assert [sentence.split(":")[0] for sentence in found] == ["No C-ECHO", "No pulse"]
    config = tmp_path / "rdeepnet.toml"
    config.write_text(f'[service]\nport = 1\nstate_dir = "{tmp_path}"\n', encoding="utf-8")
    assert RUNNER.invoke(app, ["health", "--config", str(config)]).exit_code == 1
