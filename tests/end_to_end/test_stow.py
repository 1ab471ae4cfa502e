"""Studies come by STOW-RS, from our own sender and from Orthanc, and results leave by it; with the service and the web
process as they ship, but for the answer, which is a fake one.

Kind: mechanics (whole processes, a real peer).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.state.record_rows import DeliveryState
from appliance.state.states import State
from dicom_io.network.dicomweb.store import store
from dicom_io.network.dicomweb.web_peer import WebPeer
from dicom_io.network.send import Delivery
from tests.conftest import require_programs
from tests.end_to_end.running import Orthanc, RunningService, free_port, is_listening, running_service, wait_for
from tests.end_to_end.small_study import uid, write_study
from tests.end_to_end.test_wado import dicomweb_plugin

pytestmark = [pytest.mark.peers, pytest.mark.slow]

TOKEN = "fedcba9876543210" * 4


@contextmanager
def running_web(service: RunningService) -> Iterator[None]:
    """`rdeepnet web` with the settings of a service."""
    port = service.settings.web.port
    with (service.settings_file.parent / "web.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "appliance.cli", "web", "--config", str(service.settings_file)],
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(lambda: process.poll() is None and is_listening(port), what="the web process")
            yield
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


def as_orthanc_knows_us(port: int) -> dict[str, object]:
    server = {
        "Url": f"http://127.0.0.1:{port}/dicom-web/",
        "HttpHeaders": {"Authorization": f"Bearer {TOKEN}"},
    }
    return {"DicomWeb": {"Servers": {"rdeepnet": server}}}


def test_from_orthanc_and_back_by_dicomweb_alone(tmp_path: Path) -> None:
    require_programs("Orthanc")
    port = free_port()
    orthanc = Orthanc(tmp_path / "orthanc", plugins=[dicomweb_plugin()], more=as_orthanc_knows_us(port))
    try:
        more = web_settings(tmp_path / "service", port=port) + stow_destination(orthanc)
        with (
            running_service(tmp_path / "service", destinations={}, senders=["NOBODY"], more=more) as service,
            running_web(service),
        ):
            study = orthanc.upload(write_study(tmp_path / "study", "both ways", images=12))
            before = len(orthanc.instances(study))
            job = {"Resources": [study], "Synchronous": True}
            said = orthanc.post("dicom-web/servers/rdeepnet/stow", json.dumps(job).encode())
            assert said["InstancesCount"] == str(before) or int(said["InstancesCount"]) == before, said
            record = service.wait_for_state(uid("both ways"), State.DELIVERED)
            assert service.begun(uid("both ways")) == [str(before)]  # all of it came before it was answered
            wait_for(lambda: len(orthanc.instances(study)) > before, what="the results in Orthanc")
            detail = service.show(uid("both ways"))
            assert {one.state for one in detail.deliveries if one.destination == "web"} == {DeliveryState.DONE}
            assert not detail.commitments  # DICOMweb has none
            assert record.state is State.DELIVERED
    finally:
        orthanc.stop()


def test_what_was_stored_while_the_service_was_away_is_answered(tmp_path: Path) -> None:
    require_programs("Orthanc")
    port = free_port()
    orthanc = Orthanc(tmp_path / "orthanc", plugins=[dicomweb_plugin()])
    try:
        more = web_settings(tmp_path / "service", port=port) + stow_destination(orthanc)
        with running_service(tmp_path / "service", destinations={}, senders=["NOBODY"], more=more) as service:
            peer = WebPeer(f"http://127.0.0.1:{port}/dicom-web", 30.0, token_file=tmp_path / "service" / "token")
            files = write_study(tmp_path / "study", "away", images=5)
            with running_web(service):
                service.kill()
                assert {sent.delivery for sent in store(files, peer)} == {Delivery.STORED}
            service.start()
            service.wait_for_state(uid("away"), State.DELIVERED)
            assert service.begun(uid("away")) == [str(len(files))]
            with running_web(service):  # the same again changes nothing
                assert {sent.delivery for sent in store(files, peer)} == {Delivery.STORED}
                stow = service.settings.service.state_dir / "stow"
                wait_for(lambda: not any(path.is_dir() for path in stow.iterdir()), what="the spool to be taken")
                assert service.show(uid("away")).record.state is State.DELIVERED
            # A destination that is away: the results wait, and arrive when it is there again.
            orthanc.stop()
            with running_web(service):
                more_files = write_study(tmp_path / "later", "later", images=3)
                assert {sent.delivery for sent in store(more_files, peer)} == {Delivery.STORED}
                service.wait_for_state(uid("later"), State.SENDING)
                wait_for(lambda: "cannot be reached, or broke off" in service.log(), what="the attempt to fail")
    finally:
        orthanc.stop()
