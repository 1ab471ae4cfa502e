"""The door of STOW-RS: who is let in, what is answered, and what is on disk then.

Kind: mechanics (a process of its own, a real client).
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread

from appliance.service.web_door import WebDoor
from appliance.web.stow import AT_ONCE, StowDoor
from dicom_io.errors import CannotKeepNow, PeerRejected, PeerUnavailable
from dicom_io.network.dicomweb.receive import StoreRequest
from dicom_io.network.dicomweb.store import store
from dicom_io.network.dicomweb.store_response import read_store_response
from dicom_io.network.dicomweb.web_peer import WebPeer
from dicom_io.network.file_meta import file_meta
from dicom_io.network.peer import Delivery
from dicom_io.network.received import Received
from models.errors import SetupError
from tests.appliance.web.site import Page, Reply, running_page
from tests.dicom_io.network.dicomweb.web_server import related
from tests.end_to_end.running import wait_for
from tests.end_to_end.small_study import document, uid, write_study

TOKEN = "fedcba9876543210" * 4
KIND = 'multipart/related; type="application/dicom"; boundary=b0'
BEARER = {"Authorization": f"Bearer {TOKEN}", "Content-Type": KIND}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("stow")
    write_tokens(folder / "senders", f"router {TOKEN}")
    with running_page(folder, more='stow_token_file = "senders"\n') as page:
        yield page


def write_tokens(path: Path, line: str) -> None:
    path.touch(mode=0o600)
    path.write_text(f"{line}\n")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_study(tmp_path_factory.mktemp("files"), "door", images=3, with_segmentation=False)


def post(page: Page, body: bytes, headers: Mapping[str, str] = BEARER, *, path: str = "/dicom-web/studies") -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", page.settings.web.port, timeout=60)
    connection.request("POST", path, body, dict(headers))
    response = connection.getresponse()
    reply = Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode())
    connection.close()
    return reply


def peer(page: Page, token: Path | None) -> WebPeer:
    return WebPeer(f"http://127.0.0.1:{page.settings.web.port}/dicom-web", 60.0, token_file=token)


def spool(page: Page) -> Path:
    return page.settings.service.state_dir / "stow"


def open_requests(page: Page) -> int:
    return sum(path.is_dir() and not (path / "ended").exists() for path in spool(page).iterdir())


class Taken:
    """A receiver that notes what it is told."""

    def __init__(self, page: Page) -> None:
        self.events: list[str] = []
        self.received: list[tuple[str, str, bytes]] = []
        self.error: Exception | None = None
        self.door = WebDoor(
            page.settings.service.state_dir,
            store=self._store,
            opened=lambda number: self.events.append(f"opened {number}"),
            closed=lambda number: self.events.append(f"closed {number}"),
        )

    def _store(self, received: Received) -> None:
        if self.error is not None:
            raise self.error
        self.events.append(f"stored in {received.association}")
        assert (received.calling_title, received.address) == ("router", "127.0.0.1")
        self.received.append((received.sop_instance_uid, received.study_instance_uid, bytes(received.dataset)))


def test_what_is_answered_as_stored_is_on_disk_and_is_taken_in_order(page: Page, files: list[Path]) -> None:
    reply = post(page, related(files), path=f"/dicom-web/studies/{uid('door')}")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/dicom+json")
    uids = [str(dcmread(file).SOPInstanceUID) for file in files]
    assert [one.sop_instance_uid for one in read_store_response(reply.text.encode()).referenced] == uids
    (request,) = (path for path in spool(page).iterdir() if path.is_dir())
    assert stat.S_IMODE(request.stat().st_mode) == 0o700
    taken = Taken(page)
    taken.error = CannotKeepNow("not now")
    taken.door.round()
    assert len(list(request.glob("*.instance"))) == 3  # they wait
    taken.error = None
    taken.door.round()
    assert taken.events == ["opened -1", *["stored in -1"] * 3, "closed -1"]
    assert [one for one, _, _ in taken.received] == uids
    assert {study for _, study, _ in taken.received} == {uid("door")}
    assert all(file.read_bytes().endswith(dataset) for file, (_, _, dataset) in zip(files, taken.received, strict=True))
    assert not request.exists()


def test_what_the_disk_damaged_is_kept_aside_and_the_rest_is_taken(page: Page, files: list[Path]) -> None:
    assert post(page, related(files)).status == 200
    first = min(next(path for path in spool(page).iterdir() if path.is_dir()).glob("*.instance"))
    damaged = first.read_bytes()[:40]
    first.write_bytes(damaged)
    taken = Taken(page)
    taken.door.round()
    assert len(taken.received) == 2
    (kept,) = (spool(page).parent / "stow-unread").iterdir()
    assert (kept.read_bytes(), stat.S_IMODE(kept.parent.stat().st_mode)) == (damaged, 0o700)
    kept.unlink()


def test_failures_are_in_the_body(page: Page, files: list[Path]) -> None:
    bad = b"\r\n--b0\r\n\r\nno DICOM"
    some = post(page, bad + related(files))
    assert (some.status, len(read_store_response(some.text.encode()).referenced)) == (202, 3)
    assert json.loads(some.text)["0008119A"]["Value"][0]["00081197"]["Value"] == [0xC000]
    none = post(page, bad + b"\r\n--b0--")
    assert (none.status, read_store_response(none.text.encode()).others) == (409, (0xC000,))
    wrong = post(page, related(files), path="/dicom-web/studies/1.2.3")
    assert wrong.status == 409
    assert [one.reason for one in read_store_response(wrong.text.encode()).failed] == [0xA900] * 3
    assert post(page, b"--b0--").status == 400


def test_our_own_sender_and_what_is_no_input(page: Page, files: list[Path], tmp_path: Path) -> None:
    report = tmp_path / "report.dcm"
    document("door").save_as(report, enforce_file_format=True)
    write_tokens(tmp_path / "token", TOKEN)
    results = store([*files, report], peer(page, tmp_path / "token"))
    assert {sent.delivery for sent in results} == {Delivery.STORED}
    with pytest.raises(PeerRejected, match="401 Unauthorized"):
        store(files, peer(page, None))


@pytest.mark.parametrize(
    ("headers", "status", "sentence"),
    [
        ({"Content-Type": KIND}, 401, "bearer token"),
        ({**BEARER, "Authorization": "Bearer wrong"}, 401, "bearer token"),
        ({**BEARER, "Authorization": f"Basic {TOKEN}"}, 401, "bearer token"),
        ({**BEARER, "Content-Type": "application/dicom"}, 415, "takes multipart/related"),
        ({**BEARER, "Content-Type": KIND.replace("dicom", "dicom+json")}, 415, 'not "application/dicom"'),
        ({**BEARER, "Content-Type": "multipart/related"}, 415, "names no boundary"),
        ({**BEARER, "Host": "evil.example"}, 400, "Invalid host"),
    ],
)
def test_who_is_not_let_in_learns_why(
    page: Page, files: list[Path], headers: Mapping[str, str], status: int, sentence: str
) -> None:
    before = sorted(spool(page).iterdir())
    reply = post(page, related(files), headers)
    assert (reply.status, sentence in reply.text) == (status, True), reply.text
    assert ("www-authenticate" in reply.headers) is (status == 401)
    assert sorted(spool(page).iterdir()) == before
    assert post(page, related(files), path="/dicom-web/studies/..%2f..").status == 404


def test_a_cut_off_body_is_not_stored_as_a_whole(page: Page, files: list[Path]) -> None:
    taken = Taken(page)
    taken.door.round()
    taken.received.clear()
    body = related(files, closing=False)
    reply = post(page, body)
    assert (reply.status, len(read_store_response(reply.text.encode()).referenced)) == (400, 2)
    with socket.create_connection(("127.0.0.1", page.settings.web.port)) as connection:
        head = "".join(f"{name}: {value}\r\n" for name, value in BEARER.items())
        head += f"Host: 127.0.0.1\r\nContent-Length: {2 * len(body)}\r\n"
        connection.sendall(f"POST /dicom-web/studies HTTP/1.1\r\n{head}\r\n".encode() + body)

        wait_for(lambda: open_requests(page) == 1, what="the request to be open")
    wait_for(lambda: open_requests(page) == 0, what="the request to end")
    taken.door.round()
    # What had come when the sender broke off may be there; it was told nothing, and what is there is whole.
    assert 2 <= len(taken.received) <= 4
    assert {dataset for _, _, dataset in taken.received} <= {
        file.read_bytes()[file_meta(file.read_bytes()).dataset_start :] for file in files
    }
    assert not any(path.is_dir() for path in spool(page).iterdir())


def test_only_so_many_requests_are_open(page: Page, files: list[Path]) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in BEARER.items())
    silent = [socket.create_connection(("127.0.0.1", page.settings.web.port)) for _ in range(AT_ONCE)]
    try:
        for connection in silent:
            connection.sendall(
                f"POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}Content-Length: 9\r\n\r\n".encode()
            )
        wait_for(lambda: open_requests(page) == AT_ONCE, what="the requests to be open")
        reply = post(page, related(files))
        assert (reply.status, reply.headers["retry-after"]) == (503, "30")
    finally:
        for connection in silent:
            connection.close()
    wait_for(lambda: post(page, related(files)).status == 200, what="a place")


def test_tokens_are_read_again(page: Page, files: list[Path]) -> None:
    path = page.config.with_name("senders")
    try:
        write_tokens(path, f"router {'f' * 64}")
        assert post(page, related(files)).status == 401
        path.chmod(0o644)  # unusable: nobody is let in
        assert post(page, related(files), {**BEARER, "Authorization": f"Bearer {'f' * 64}"}).status == 401
    finally:
        path.chmod(0o600)
        write_tokens(path, f"router {TOKEN}")
    assert post(page, related(files)).status == 200


def test_the_memory_does_not_grow_with_the_body(page: Page, tmp_path: Path) -> None:
    """300 MB through a process that has 80."""
    study = write_study(tmp_path, "memory", images=1, with_segmentation=False)
    content = related(study)
    head, tail = content[: -len(b"\r\n--b0--\r\n")], b"\r\n--b0--\r\n"
    filler = bytes(1024**2)

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(300):
            yield filler
        yield tail

    pid = int(next(p for p in os.listdir("/proc") if p.isdigit() and _is_page(p, page)))
    before = _peak_mib(pid)
    connection = http.client.HTTPConnection("127.0.0.1", page.settings.web.port, timeout=120)
    connection.request("POST", "/dicom-web/studies", body(), BEARER, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert _peak_mib(pid) - before < 40


def _is_page(pid: str, page: Page) -> bool:
    try:
        command = Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return False
    return b"\0web\0" in command and os.fsencode(page.config) in command


def _peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def test_a_large_body_without_a_token_is_answered_and_not_read(page: Page, tmp_path: Path) -> None:
    """The answer comes while the sender still sends; it is heard all the same, or the call is repeated."""
    study = write_study(tmp_path, "refused", images=1, with_segmentation=False)
    with study[0].open("ab") as file:
        file.truncate(200 * 1024**2)
    with pytest.raises((PeerRejected, PeerUnavailable), match=r"401 Unauthorized|broke off"):
        store(study, peer(page, None))
    assert post(page, related(study[:0]) or b"--b0--").status == 400  # it goes on


def test_what_a_killed_process_left_is_ended_by_the_next(page: Page, files: list[Path], tmp_path: Path) -> None:
    settings = replace(page.settings, service=replace(page.settings.service, state_dir=tmp_path))
    left = tmp_path / "stow" / "00000000000000000001-00000000"
    left.mkdir(parents=True)
    arriving = StoreRequest(
        left, boundary=b"b0", study_uid="", most_object_bytes=10**9, sender="router", address="127.0.0.1"
    )
    arriving.feed(related(files[:1], closing=False) + b"\r\n--b0\r\n\r\n")  # and a part of which nothing came
    (left / "000009.part").write_bytes(b"half")
    taken = Taken(replace(page, settings=settings))
    taken.door.round()
    taken.door.round()
    assert taken.events == ["opened -1", "stored in -1"]  # more may come
    tokens = page.settings.web.stow_token_file
    assert tokens is not None
    StowDoor(settings, tokens).close()
    assert [path.name for path in left.iterdir()] == ["ended"]
    taken.door.round()
    assert taken.events == ["opened -1", "stored in -1", "closed -1"]
    assert not left.exists()


def test_a_request_that_nobody_ends_is_given_up(page: Page, tmp_path: Path) -> None:
    settings = replace(page.settings, service=replace(page.settings.service, state_dir=tmp_path))
    left = tmp_path / "stow" / "00000000000000000001-00000000"
    left.mkdir(parents=True)
    (left / "000001.instance").write_bytes(b"not one of ours")  # the disk failed: it is named in the log, and goes
    taken = Taken(replace(page, settings=settings))
    taken.door.round()
    assert (taken.events, list(left.iterdir())) == (["opened -1"], [])
    os.utime(left, (time.time() - 7200, time.time() - 7200))
    taken.door.round()
    assert (taken.events, left.exists()) == (["opened -1", "closed -1"], False)


def test_one_process_has_the_door(page: Page) -> None:
    tokens = page.settings.web.stow_token_file
    assert tokens is not None
    with pytest.raises(SetupError, match="Another service uses"):
        StowDoor(page.settings, tokens)
