"""STOW-RS into a home that hosts share, on a real PostgreSQL server: what each answer says of where the images are.

The receiver and the web process are as they ship; nothing is computed. Kind: mechanics (whole processes).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread

from appliance.state.homes import open_home
from appliance.state.inbox import Content, short_hash
from dicom_io.network.dicomweb.store import store
from dicom_io.network.dicomweb.web_peer import WebPeer
from dicom_io.network.peer import Delivery, Sent
from tests.conftest import require_programs
from tests.end_to_end.postgres import Postgres, running_postgres
from tests.end_to_end.running import RunningService, free_port, wait_for
from tests.end_to_end.small_study import uid, write_study
from tests.end_to_end.test_stow import running_web, web_settings

pytestmark = [pytest.mark.peers, pytest.mark.slow]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    require_programs("setpriv")
    with running_postgres() as server:
        server.execute("CREATE DATABASE home")
        yield server


@contextmanager
def host(folder: Path, postgres: Postgres, *, role: str = "receiver") -> Iterator[RunningService]:
    """A process of the service with the door's settings; it is not started."""
    service = RunningService(
        folder,
        destinations={"nobody": free_port()},
        senders=["NOBODY"],
        database_url=postgres.url("home"),
        role=role,
        executor=f"{folder.name}-0",
        more=web_settings(folder, port=free_port()),
    )
    try:
        yield service
    finally:
        service.end()


def peer_of(service: RunningService) -> WebPeer:
    url = f"http://127.0.0.1:{service.settings.web.port}/dicom-web"
    return WebPeer(url, 120.0, token_file=service.settings_file.parent / "token")


def spooled(service: RunningService) -> list[Path]:
    return list((service.settings.service.state_dir / "stow").glob("*/*.instance"))


def in_the_home(service: RunningService, study: str) -> Content:
    """Content of a study, as every host sees it."""
    home = open_home(service.settings, read_only=True)
    try:
        return home.inbox.content(uid(study))
    finally:
        home.close()


def is_all_there(service: RunningService, study: str, files: list[Path]) -> bool:
    instances = in_the_home(service, study).instances
    wanted = {short_hash(str(dcmread(file).SOPInstanceUID).encode()) for file in files}
    return wanted == {one.instance for one in instances} and {one.version for one in instances} == {0}


def deliveries(results: tuple[Sent, ...]) -> set[Delivery]:
    return {sent.delivery for sent in results}


def test_the_answer_says_what_is_in_the_home(tmp_path: Path, postgres: Postgres) -> None:
    with host(tmp_path / "north", postgres) as north:
        north.start()
        with running_web(north):
            peer = peer_of(north)
            files = write_study(tmp_path / "study", "answered", images=40)
            assert deliveries(store(files, peer)) == {Delivery.STORED}
            assert is_all_there(north, "answered", files)  # at once: nothing is waited for here
            assert spooled(north) == []

            # The receiver is killed: it is not called stored, waits in the spool, and is taken when it is back.
            north.kill()
            files = write_study(tmp_path / "killed", "killed", images=5)
            assert deliveries(store(files, peer)) == {Delivery.UNAVAILABLE}
            assert len(spooled(north)) == len(files)
            assert in_the_home(north, "killed").instances == ()
            north.start()
            wait_for(lambda: is_all_there(north, "killed", files), what="the spool to be taken")
            assert deliveries(store(files, peer)) == {Delivery.STORED}  # as its sender does, told to come again
            assert is_all_there(north, "killed", files)

            # The database is away: the same.
            postgres.stop()
            files = write_study(tmp_path / "cut off", "cut off", images=5)
            try:
                assert deliveries(store(files, peer)) == {Delivery.UNAVAILABLE}
                assert len(spooled(north)) == len(files)
            finally:
                postgres.start()
            wait_for(lambda: is_all_there(north, "cut off", files), what="the spool to be taken")
            assert "cannot be kept now; it waits" in north.log()


def test_a_host_that_only_computes_has_no_such_door(tmp_path: Path, postgres: Postgres) -> None:
    with host(tmp_path / "computes", postgres, role="worker") as computes:
        computes.start()
        wait_for(lambda: (computes.settings.service.state_dir / "pulse").exists(), what="a round")
        command = [sys.executable, "-m", "appliance.cli", "web", "--config", str(computes.settings_file)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode != 0
        assert "role worker and takes no images" in result.stderr
