"""STOW-RS where hosts share a home: "stored" is said once the receiver of the host has taken what came.

The receiver is its own code with a home that notes what it is given; with a real home: `tests/end_to_end`. Kind:
mechanics (a process of its own, a real client).
"""

from __future__ import annotations

import asyncio
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread

from appliance.service.pulse import PULSE
from appliance.service.web_door import STOW, WebDoor
from appliance.shared_settings import SharedSettings
from appliance.state.worker_notes import ServiceNote, Supervision
from appliance.web.handover import Handed, Handover
from appliance.web.stow import StowDoor
from dicom_io.errors import CannotKeepNow
from dicom_io.network.dicomweb.receive import StoreRequest
from dicom_io.network.dicomweb.store_response import read_store_response
from dicom_io.network.received import Received
from models.errors import SetupError
from tests.appliance.web.site import Page, Reply, running_page
from tests.dicom_io.network.dicomweb.web_server import related
from tests.end_to_end.running import wait_for
from tests.end_to_end.small_study import write_study

TOKEN = "fedcba9876543210" * 4
KIND = 'multipart/related; type="application/dicom"; boundary=b0'
NOBODY = "postgresql://nobody@127.0.0.1:1/nothing"  # the door itself needs no database


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("handover")
    (folder / "senders").touch(mode=0o600)
    (folder / "senders").write_text(f"router {TOKEN}\n")
    more = f'stow_token_file = "senders"\n[shared]\ndatabase_url = "{NOBODY}"\n'
    with running_page(folder, more=more) as page:
        yield page


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_study(tmp_path_factory.mktemp("files"), "handover", images=3, with_segmentation=False)


def post(page: Page, body: bytes) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", page.settings.web.port, timeout=60)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": KIND}
    connection.request("POST", "/dicom-web/studies", body, headers)
    response = connection.getresponse()
    reply = Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode())
    connection.close()
    return reply


def spooled(state_dir: Path) -> list[Path]:
    return sorted((state_dir / STOW).glob("*/*.instance"))


class Host:
    """The receiver's side, in a thread: rounds until it is told to stop, and a pulse.

    Parameters
    ----------
    before : called before each round
    """

    def __init__(self, state_dir: Path, *, before: Callable[[], None] = lambda: None) -> None:
        self.kept: list[str] = []
        self.pause_s = 0.0
        self.is_away = False
        self._before = before
        self._pulse = state_dir / PULSE
        self._stopping = threading.Event()
        self._door = WebDoor(state_dir, store=self._store, opened=lambda _: None, closed=lambda _: None)
        self._thread = threading.Thread(target=self._work)

    def _store(self, received: Received) -> None:
        if self.is_away:
            raise CannotKeepNow("the database does not answer")
        time.sleep(self.pause_s)
        self.kept.append(received.sop_instance_uid)

    def _work(self) -> None:
        while not self._stopping.wait(0.05):
            self._pulse.touch()
            self._before()
            self._door.round()

    @contextmanager
    def working(self) -> Iterator[Host]:
        self._pulse.touch()
        self._thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            self._thread.join()
            self._pulse.unlink()


def test_without_a_receiver_nothing_is_taken(page: Page, files: list[Path]) -> None:
    reply = post(page, related(files))
    assert (reply.status, reply.headers["retry-after"]) == (503, "30")
    assert "receiver of this host does not run" in reply.text
    assert spooled(page.settings.service.state_dir) == []


def test_stored_is_what_the_receiver_has_taken(page: Page, files: list[Path]) -> None:
    uids = [str(dcmread(file).SOPInstanceUID) for file in files]
    with Host(page.settings.service.state_dir).working() as host:
        host.pause_s = 0.2
        reply = post(page, related(files))
        assert reply.status == 200
        assert host.kept == uids  # each of them, when the answer came
        assert [one.sop_instance_uid for one in read_store_response(reply.text.encode()).referenced] == uids
    wait_for(lambda: spooled(page.settings.service.state_dir) == [], what="the spool to be empty")


def test_what_is_put_aside_is_not_called_stored(page: Page, files: list[Path]) -> None:
    state_dir, damaged = page.settings.service.state_dir, list[str]()

    def damage() -> None:
        if not damaged and len(waiting := spooled(state_dir)) == len(files):
            waiting[1].write_bytes(b"what a disk left of it")
            damaged.append(waiting[1].name)

    host = Host(state_dir, before=damage)
    host.is_away = True  # until all have come
    with host.working():
        waiter = threading.Thread(target=lambda: wait_for(lambda: bool(damaged), what="the damage"))
        waiter.start()
        replies: list[Reply] = []
        sender = threading.Thread(target=lambda: replies.append(post(page, related(files))))
        sender.start()
        waiter.join()
        host.is_away = False
        sender.join()
    uids = [str(dcmread(file).SOPInstanceUID) for file in files]
    said = read_store_response(replies[0].text.encode())
    assert replies[0].status == 202
    assert [one.sop_instance_uid for one in said.referenced] == [uids[0], uids[2]]
    assert [(one.sop_instance_uid, one.reason) for one in said.failed] == [(uids[1], 0x0110)]
    (aside,) = (state_dir / "stow-unread").iterdir()
    aside.unlink()


def test_a_host_that_only_computes_takes_nothing(page: Page, files: list[Path], tmp_path: Path) -> None:
    note = ServiceNote(page.settings.service.state_dir)
    (page.settings.service.state_dir / PULSE).touch()
    try:
        note.write(Supervision(role="worker"))
        reply = post(page, related(files))
        assert (reply.status, "role worker" in reply.text, "retry-after" in reply.headers) == (503, True, True)
    finally:
        note.write(Supervision(role="all"))
        (page.settings.service.state_dir / PULSE).unlink()
    ServiceNote(tmp_path).write(Supervision(role="worker"))
    service = replace(page.settings.service, state_dir=tmp_path)
    settings = replace(page.settings, service=service, shared=SharedSettings(database_url=NOBODY))
    assert page.settings.web.stow_token_file is not None
    with pytest.raises(SetupError, match=r"stow_token_file is set\. The service on this state folder has the role wor"):
        StowDoor(settings, page.settings.web.stow_token_file)


def one_request(state_dir: Path, files: list[Path]) -> tuple[Path, StoreRequest]:
    """A request as the door leaves it."""
    folder = state_dir / STOW / "00000000000000000001-00000000"
    folder.mkdir(parents=True)
    arriving = StoreRequest(folder, boundary=b"b0", study_uid="", most_object_bytes=10**9, sender="r", address="a")
    arriving.feed(related(files))
    arriving.close()
    assert set(arriving.stored) == {file.name for file in folder.iterdir()}
    return folder, arriving


def handed(state_dir: Path, folder: Path, arriving: StoreRequest, *, no_progress_s: float, longest_s: float) -> Handed:
    handover = Handover(state_dir, no_progress_s=no_progress_s, longest_s=longest_s)
    return asyncio.run(handover.handed(folder, arriving.stored))


def test_it_waits_as_long_as_there_is_progress_and_no_longer(tmp_path: Path, files: list[Path]) -> None:
    folder, arriving = one_request(tmp_path, files)
    host = Host(tmp_path)
    host.is_away = True
    with host.working():
        begun_s = time.monotonic()
        result = handed(tmp_path, folder, arriving, no_progress_s=0.5, longest_s=60.0)
        assert 0.5 <= time.monotonic() - begun_s < 10.0
        assert result == Handed(waiting=frozenset(arriving.stored))
        result = handed(tmp_path, folder, arriving, no_progress_s=60.0, longest_s=0.5)
        assert len(result.waiting) == len(files)
        host.pause_s, host.is_away = 1.5, False  # slower than the wait without progress, were it for all of them
        assert handed(tmp_path, folder, arriving, no_progress_s=4.0, longest_s=60.0) == Handed()
    assert len(host.kept) == len(files)
    assert spooled(tmp_path) == []
