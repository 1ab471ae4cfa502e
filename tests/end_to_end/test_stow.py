"""Studies come by STOW-RS and results leave by it, though processes are away or killed; with the service and the web
process as they ship, but for the answer, which is a fake one. From Orthanc: `tests/docs/test_dicomweb_page.py`.

Kind: mechanics (whole processes, a real peer).
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.state.inbox import short_hash
from appliance.state.inbox_folder import FolderInboxReader
from appliance.state.states import State
from dicom_io.errors import PeerUnavailable
from dicom_io.network.dicomweb.store import store
from dicom_io.network.dicomweb.web_peer import WebPeer
from dicom_io.network.peer import Delivery
from tests.conftest import require_programs
from tests.end_to_end.running import Orthanc, RunningService, free_port, is_listening, running_service, wait_for
from tests.end_to_end.small_study import uid, write_study
from tests.end_to_end.test_wado import dicomweb_plugin

pytestmark = [pytest.mark.peers, pytest.mark.slow]

TOKEN = "fedcba9876543210" * 4


@contextmanager
def running_web(service: RunningService, *, kills_after_s: float | None = None) -> Iterator[None]:
    """`rdeepnet web` with the settings of a service; it is killed while the block runs where that is wanted."""
    port = service.settings.web.port
    with (service.settings_file.parent / "web.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "appliance.cli", "web", "--config", str(service.settings_file)],
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(lambda: process.poll() is None and is_listening(port), what="the web process")
            killer = None if kills_after_s is None else threading.Timer(kills_after_s, process.kill)
            if killer is not None:
                killer.start()
            yield
            if killer is not None:
                killer.join()
        finally:
            process.terminate()
            process.wait(timeout=30)


def web_settings(folder: Path, *, port: int) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("senders", f"router {TOKEN}\n"), ("token", TOKEN)):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(content)
    return f'[web]\nenabled = true\nport = {port}\nstow_token_file = "senders"\n'


def stow_destination(orthanc: Orthanc, name: str = "web") -> str:
    return f'[[destinations]]\nname = "{name}"\nstow_url = "{orthanc.web_url}"\nplain = true\n'


def test_what_was_stored_while_the_service_was_away_is_answered(tmp_path: Path) -> None:
    require_programs("Orthanc")
    port = free_port()
    orthanc = Orthanc(tmp_path / "orthanc", plugins=[dicomweb_plugin()])
    try:
        more = web_settings(tmp_path / "service", port=port) + stow_destination(orthanc)
        with (
            running_service(tmp_path / "service", destinations={}, senders=["NOBODY"], more=more) as service,
            running_web(service),
        ):
            peer = WebPeer(f"http://127.0.0.1:{port}/dicom-web", 30.0, token_file=tmp_path / "service" / "token")
            files = write_study(tmp_path / "study", "away", images=5)
            service.kill()
            assert {sent.delivery for sent in store(files, peer)} == {Delivery.STORED}
            service.start()
            service.wait_for_state(uid("away"), State.DELIVERED)
            assert service.begun(uid("away")) == [str(len(files))]
            # The same again changes nothing.
            assert {sent.delivery for sent in store(files, peer)} == {Delivery.STORED}
            stow = service.settings.service.state_dir / "stow"
            wait_for(lambda: not any(path.is_dir() for path in stow.iterdir()), what="the spool to be taken")
            assert service.show(uid("away")).record.state is State.DELIVERED
            # A destination that is away: the results wait for it.
            orthanc.stop()
            later = write_study(tmp_path / "later", "later", images=3)
            assert {sent.delivery for sent in store(later, peer)} == {Delivery.STORED}
            service.wait_for_state(uid("later"), State.SENDING)
            wait_for(lambda: "cannot be reached, or broke off" in service.log(), what="the attempt to fail")
    finally:
        orthanc.stop()


def test_what_was_answered_as_stored_survives_every_kill(tmp_path: Path) -> None:
    """SIGKILL of the web process and of the service while studies come; whatever was answered as stored is kept."""
    port = free_port()
    more = web_settings(tmp_path / "service", port=port)
    destination = {"nobody": free_port()}
    with running_service(tmp_path / "service", destinations=destination, senders=["NOBODY"], more=more) as service:
        peer = WebPeer(f"http://127.0.0.1:{port}/dicom-web", 30.0, token_file=tmp_path / "service" / "token")
        files = write_study(tmp_path / "study", "killed", images=60)
        inbox = FolderInboxReader(service.settings.service.state_dir / "inbox")
        spool = service.settings.service.state_dir / "stow"
        stored: set[str] = set()
        for after_s in (0.03, 0.15, None):
            with running_web(service, kills_after_s=after_s), contextlib.suppress(PeerUnavailable):
                results = store(files, peer)
                stored |= {sent.sop_instance_uid for sent in results if sent.delivery is Delivery.STORED}
            service.kill()
            service.start()
        with running_web(service):
            wait_for(lambda: not any(path.is_dir() for path in spool.iterdir()), what="the spool to be taken")
            kept = inbox.content(uid("killed")).instances
            assert {short_hash(one.encode()) for one in stored} <= {one.instance for one in kept}
            assert len(stored) == len(files)
            assert {sent.delivery for sent in store(files, peer)} == {Delivery.STORED}
            service.kill()
            service.start()
            wait_for(lambda: not any(path.is_dir() for path in spool.iterdir()), what="the spool to be taken")
        content = inbox.content(uid("killed"))
        assert len(content.instances) == len(files)
        assert {one.version for one in content.instances} == {0}  # each came several times, with the same bytes
