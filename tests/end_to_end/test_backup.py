"""Backup and restore: a service goes on from a copy of its state, elsewhere. Kind: mechanics.

Everything is real but the computation (`fake_service.py`).
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.service.backup import ALERTS, back_up
from appliance.settings import AlertSettings, ServiceSettings, Settings, SharedSettings
from appliance.state import worker_name
from appliance.state.records import Records
from appliance.state.states import State
from appliance.web.alerts import Alerts, Message
from models.errors import SetupError
from tests.end_to_end.running import Archive, RunningService, free_port, running_service, storescp, storescu, wait_for
from tests.end_to_end.small_study import uid, write_study


def copy_online(service: RunningService, target: Path) -> None:
    """The command, as an operator calls it beside the running service."""
    program = str(Path(sys.executable).with_name("rdeepnet"))
    command = [program, "backup", str(target), "--config", str(service.settings_file)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"{target}: ")


def copy_stopped(service: RunningService, target: Path) -> None:
    """Stop, and copy with cp."""
    assert service.stop() == 0
    subprocess.run(["cp", "-a", str(service.settings.service.state_dir), str(target)], check=True)


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.parametrize("copy", [copy_online, copy_stopped])
def test_a_service_goes_on_from_the_copy(
    tmp_path: Path, archive: Archive, copy: Callable[[RunningService, Path], None]
) -> None:
    """One study delivered, one whose results wait for an absent peer, one that runs, one that is queued behind it."""
    name, absent = copy.__name__, free_port()
    destinations = {"pacs": archive.port, "absent": absent}
    backup = tmp_path / "backup"
    with running_service(tmp_path / "old", destinations={"pacs": archive.port}) as old:
        storescu(write_study(tmp_path / "done", f"{name}-done"), port=old.port)
        old.wait_for_state(uid(f"{name}-done"), State.DELIVERED)
    old = RunningService(tmp_path / "old", destinations=destinations)
    try:
        old.start()
        storescu(write_study(tmp_path / "waits", f"{name}-waits"), port=old.port)
        wait_for(lambda: archive.count(f"{name}-waits") == 2, what="the results at the peer that is there")
        (old.control / "hold").touch()
        for number, study in enumerate((f"{name}-runs", f"{name}-queued")):
            storescu(write_study(tmp_path / study, study), port=old.port)
            old.wait_for_state(uid(study), (State.RUNNING, State.QUEUED)[number])
        copy(old, backup)
    finally:
        old.end()
        shutil.rmtree(old.settings.service.state_dir)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (backup, *backup.rglob("*"))} == {0o600, 0o700}

    new = RunningService(tmp_path / "new", destinations=destinations)
    backup.rename(new.settings.service.state_dir)
    with storescp(tmp_path / "absent", absent):
        try:
            new.start()
            for study in ("waits", "runs", "queued"):
                new.wait_for_state(uid(f"{name}-{study}"), State.DELIVERED)
                assert archive.count(f"{name}-{study}") == 2
            assert new.show(uid(f"{name}-done")).record.state is State.DELIVERED
            assert [line.split()[0] for line in new.begun()] == [uid(f"{name}-runs"), uid(f"{name}-queued")]
            storescu(sorted((tmp_path / "done").iterdir()), port=new.port)  # sent again: all of it is known
            assert len(new.begun()) == 2
        finally:
            new.end()


@pytest.mark.peers
@pytest.mark.slow
def test_copies_made_while_studies_arrive_lose_nothing_that_the_pacs_sends_again(
    tmp_path: Path, archive: Archive
) -> None:
    """Copies at odd moments: from each of them every study ends delivered after the PACS has sent all of them again."""
    studies = [write_study(tmp_path / f"study{number}", f"busy-{number}") for number in range(6)]
    copies = []
    with running_service(tmp_path / "old", destinations={"pacs": archive.port}, idle_s=0.2) as old:
        for number, files in enumerate(studies):
            storescu(files, port=old.port)
            if number % 3 == 1:
                copies.append(tmp_path / f"copy{number}")
                back_up(old.settings, copies[-1])
    for copy in copies:
        new = RunningService(copy.with_suffix(".new"), destinations={"pacs": archive.port}, idle_s=0.2)
        copy.rename(new.settings.service.state_dir)
        try:
            new.start()
            for files in studies:
                storescu(files, port=new.port)
            for number in range(len(studies)):
                new.wait_for_state(uid(f"busy-{number}"), State.DELIVERED)
        finally:
            new.end()


def state_in(folder: Path) -> Settings:
    """Settings of a state folder with records."""
    Records(folder / "studies.sqlite3").close()
    return Settings(service=ServiceSettings(state_dir=folder))


def test_a_copy_is_whole_or_not_there(tmp_path: Path) -> None:
    settings = state_in(tmp_path / "state")
    (tmp_path / "state" / "queue.sqlite3").write_bytes(b"no database, " * 100)
    with pytest.raises(SetupError, match="could not be made"):
        back_up(settings, tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_what_is_not_complete_is_left_out(tmp_path: Path) -> None:
    settings = state_in(tmp_path / "state")
    study = tmp_path / "state" / "inbox" / "1.2.3"
    study.mkdir(parents=True)
    (study / "whole.dcm").write_bytes(b"1")
    (study / ".half.dcm.1.part").write_bytes(b"2")
    (tmp_path / "state" / "outbox" / ".1.2.3_abc.part").mkdir(parents=True)
    made = back_up(settings, tmp_path / "copies" / "copy")
    names = {path.relative_to(made.folder).as_posix() for path in made.folder.rglob("*")}
    assert names == {"studies.sqlite3", "inbox", "inbox/1.2.3", "inbox/1.2.3/whole.dcm", "outbox"}
    assert made.files == 2


def test_what_was_told_is_not_told_again_from_the_copy(tmp_path: Path) -> None:
    """A problem that was told before the copy, and a message that waits for its channel, go with it."""
    settings = state_in(tmp_path / "state")
    alerts = opened_alerts(tmp_path / "state")
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    alerts.compare({"disk": "The disk is full."}, now)
    alerts.compare({"disk": "The disk is full."}, now + timedelta(hours=1))
    assert len(messages(tmp_path / "state")) == 1
    back_up(settings, tmp_path / "copy")  # while the page's process has it open
    alerts.close()
    restored = opened_alerts(tmp_path / "copy")
    try:
        restored.compare({"disk": "The disk is full."}, now + timedelta(hours=2))
        assert messages(tmp_path / "copy") == messages(tmp_path / "state")
        restored.compare({}, now + timedelta(hours=3))
        assert [json.loads(content)["code"] for content in messages(tmp_path / "copy")] == ["disk", "well"]
    finally:
        restored.close()
    assert stat.S_IMODE((tmp_path / "copy" / "alerts.sqlite3").stat().st_mode) == 0o600


class Silent:
    """A channel that is never reached."""

    name = "hook"

    def send(self, message: Message) -> None:
        raise OSError("nobody listens")


def opened_alerts(folder: Path) -> Alerts:
    return Alerts(folder / ALERTS, settings=AlertSettings(after_s=60.0), channels=(Silent(),), title="RDEEPNET")


def messages(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / ALERTS)) as database:
        return [row[0] for row in database.execute("SELECT content FROM messages ORDER BY id")]


def test_the_copy_keeps_the_name_of_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = state_in(tmp_path / "state")
    names = []
    for folder in ("state", "copy"):
        records = Records(tmp_path / folder / "studies.sqlite3")
        names.append(worker_name.worker_name(records))
        records.close()
        if folder == "state":
            back_up(settings, tmp_path / "copy")
            monkeypatch.setattr(worker_name.socket, "gethostname", lambda: "another")
    assert names[0] == names[1]


def test_a_shared_home_is_backed_up_by_its_own_tools(tmp_path: Path) -> None:
    shared = SharedSettings(database_url="postgresql://rdeepnet@127.0.0.1/x", objects_url="s3://images/site")
    with pytest.raises(SetupError, match=r"pg_dump --format custom, then copy the bucket s3://images/site"):
        back_up(Settings(service=ServiceSettings(state_dir=tmp_path), shared=shared), tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_copy_is_never_made_over_something_or_into_the_state(tmp_path: Path) -> None:
    settings = state_in(tmp_path / "state")
    (tmp_path / "there").mkdir()
    with pytest.raises(SetupError, match="exists already"):
        back_up(settings, tmp_path / "there")
    with pytest.raises(SetupError, match="lies in the state folder"):
        back_up(settings, tmp_path / "state" / "copy")
    with pytest.raises(SetupError, match="holds no state"):
        back_up(Settings(service=ServiceSettings(state_dir=tmp_path / "none")), tmp_path / "copy")
