"""WADO-RS: a study comes whole or not at all.

Kind: mechanics (a server that answers as it is told).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread

from dicom_io.errors import PeerRefused, PeerRejected, PeerUnavailable
from dicom_io.network.dicomweb.retrieve import fetch_study, listed_instances
from dicom_io.network.dicomweb.web_peer import WebPeer
from models.errors import NotWritable, RDeepNetError, SetupError
from tests.dicom_io.network.dicomweb.web_server import Reply, Request, related, web_server
from tests.end_to_end.small_study import uid, write_study

STUDY = uid("retrieve")
RELATED = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b0'}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_study(tmp_path_factory.mktemp("retrieve"), "retrieve", images=3, with_segmentation=False)


def counted(number: object, *, study: str = STUDY) -> bytes:
    item = {"0020000D": {"vr": "UI", "Value": [study]}, "00201208": {"vr": "IS", "Value": [number]}}
    return json.dumps([item]).encode()


def answering(study: Reply, *, number: object = 3) -> Callable[[Request], Reply]:
    return lambda request: Reply(200, counted(number)) if "?" in request.path else study


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_a_study_comes_as_the_server_sent_it(files: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "new" / "study"
    with web_server(answering(Reply(200, related(files), RELATED))) as server:
        fetched = fetch_study(WebPeer(server.url, 10.0), STUDY, folder)
    assert contents(folder) == {f"{dcmread(file).SOPInstanceUID}.dcm": file.read_bytes() for file in files}
    assert sorted(fetched.files) == sorted(folder.iterdir())
    assert fetched.size == sum(file.stat().st_size for file in files)
    assert {oct(file.stat().st_mode & 0o777) for file in fetched.files} == {"0o600"}
    query, retrieval = server.requests
    assert query.path == f"/dicom-web/studies?StudyInstanceUID={STUDY}&includefield=00201208"
    assert retrieval.path == f"/dicom-web/studies/{STUDY}"
    assert retrieval.headers["Accept"] == 'multipart/related; type="application/dicom"; transfer-syntax=*'


def test_one_series_is_asked_for_by_its_own_address(files: list[Path], tmp_path: Path) -> None:
    series = str(dcmread(files[0]).SeriesInstanceUID)
    item = {"0020000E": {"vr": "UI", "Value": [series]}, "00201209": {"vr": "IS", "Value": ["3"]}}

    def answer(request: Request) -> Reply:
        return Reply(200, json.dumps([item]).encode() if "?" in request.path else related(files), RELATED)

    with web_server(answer) as server:
        assert len(fetch_study(WebPeer(server.url, 10.0), STUDY, tmp_path, series_uid=series).files) == 3
        with pytest.raises(PeerUnavailable, match="another study or series"):
            fetch_study(WebPeer(server.url, 10.0), uid("retrieve"), tmp_path / "b", series_uid=_listing(item, "1.2.3"))
    assert server.requests[1].path == f"/dicom-web/studies/{STUDY}/series/{series}"


def _listing(item: dict[str, dict[str, object]], series: str) -> str:
    item["0020000E"]["Value"] = [series]
    return series


@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize("instances", [1, 2, 3])
def test_an_answer_that_was_cut_off_is_not_taken(
    files: list[Path], tmp_path: Path, instances: int, has_length: bool
) -> None:
    """A body without a length ends when the connection does; only the closing boundary tells."""
    body = related(files[:instances], closing=False)
    (tmp_path / "mine").write_text("stays")
    for cut in (body, body[: -len(files[0].read_bytes()) // 2]):
        with (
            web_server(answering(Reply(200, cut, RELATED, has_length=has_length))) as server,
            pytest.raises(PeerUnavailable, match="closing boundary; it was cut off"),
        ):
            fetch_study(WebPeer(server.url, 10.0), STUDY, tmp_path)
        assert contents(tmp_path) == {"mine": b"stays"}


def test_a_body_shorter_than_its_length_is_not_taken(files: list[Path], tmp_path: Path) -> None:
    body = related(files)
    headers = {**RELATED, "Content-Length": str(len(body) + 10)}
    with (
        web_server(answering(Reply(200, body[:-40], headers, has_length=False))) as server,
        pytest.raises(PeerUnavailable, match="broke off"),
    ):
        fetch_study(WebPeer(server.url, 10.0), STUDY, tmp_path)
    assert contents(tmp_path) == {}


def test_fewer_instances_than_listed_are_not_taken(files: list[Path], tmp_path: Path) -> None:
    twice = [files[0], files[0], files[1]]  # three parts, two instances
    for sent in (files[:2], twice):
        with (
            web_server(answering(Reply(200, related(sent), RELATED))) as server,
            pytest.raises(PeerUnavailable, match="sent 2 instances of this study and lists 3"),
        ):
            fetch_study(WebPeer(server.url, 10.0), STUDY, tmp_path)
        assert contents(tmp_path) == {}


def test_a_server_that_does_not_count_lists(files: list[Path], tmp_path: Path) -> None:
    listed = [{"00080018": {"vr": "UI", "Value": [str(dcmread(file).SOPInstanceUID)]}} for file in files]

    def answer(request: Request) -> Reply:
        if "/instances?" in request.path:
            return Reply(200, json.dumps(listed).encode())
        if "?" in request.path:
            return Reply(200, counted("", study=STUDY))
        return Reply(200, related(files), RELATED)

    with web_server(answer) as server:
        assert listed_instances(WebPeer(server.url, 10.0), STUDY) == 3
        assert len(fetch_study(WebPeer(server.url, 10.0), STUDY, tmp_path).files) == 3


@pytest.mark.parametrize(
    ("reply", "error", "sentence"),
    [
        (Reply(404), PeerRejected, "404 Not Found"),
        (Reply(403), PeerRejected, "403 Forbidden"),
        (Reply(302, headers={"Location": "http://192.0.2.1/"}), PeerRejected, "not followed"),
        (Reply(503), PeerUnavailable, "503"),
        (Reply(406), PeerRefused, "406 Not Acceptable"),
        (Reply(200, b"x", {"Content-Type": "application/dicom"}), PeerUnavailable, "expected multipart/related"),
        (Reply(200, b"x", RELATED | {"Content-Encoding": "gzip"}), PeerUnavailable, "encoded"),
        (Reply(200, b"\r\n--b0\r\n\r\nno DICOM\r\n--b0--", RELATED), PeerUnavailable, "no DICOM file"),
        (Reply(200, b"\r\n--b0\r\nContent-Type: image/png\r\n\r\nx\r\n--b0--", RELATED), PeerUnavailable, "image/png"),
    ],
)
def test_other_answers_are_sentences(tmp_path: Path, reply: Reply, error: type[RDeepNetError], sentence: str) -> None:
    with web_server(answering(reply)) as server, pytest.raises(error, match=sentence) as caught:
        fetch_study(WebPeer(server.url, 10.0), STUDY, tmp_path)
    assert type(caught.value) is error
    assert contents(tmp_path) == {}


def test_images_of_another_study_are_not_taken(tmp_path: Path) -> None:
    other = write_study(tmp_path / "other", "another", images=1, with_segmentation=False)
    with (
        web_server(answering(Reply(200, related(other), RELATED), number=1)) as server,
        pytest.raises(PeerUnavailable, match="another study or series"),
    ):
        fetch_study(WebPeer(server.url, 10.0), STUDY, tmp_path / "to")
    assert contents(tmp_path / "to") == {}


def test_limits_and_mistakes_are_sentences(files: list[Path], tmp_path: Path) -> None:
    with web_server(answering(Reply(200, related(files), RELATED))) as server:
        peer = WebPeer(server.url, 10.0)
        with pytest.raises(PeerUnavailable, match="takes more than 0 MiB"):
            fetch_study(peer, STUDY, tmp_path / "a", most_object_bytes=1000)
        (tmp_path / "file").write_text("")
        with pytest.raises(NotWritable):
            fetch_study(peer, STUDY, tmp_path / "file" / "below")
        count = len(server.requests)
        for wrong in ("", "*", "../..", "1.2/../3", "1" * 65):
            with pytest.raises(SetupError, match="UID that was asked for is none"):
                fetch_study(peer, wrong, tmp_path / "c")
        assert len(server.requests) == count
    with web_server(answering(Reply(200), number=0)) as server, pytest.raises(PeerRefused, match="lists no instance"):
        fetch_study(WebPeer(server.url, 10.0), STUDY, tmp_path / "d")
    for body in (b"{}", b"<a/>", b"[" * 100_000):
        with web_server(lambda request, body=body: Reply(200, body)) as server, pytest.raises(PeerRefused):  # type: ignore[misc]
            fetch_study(WebPeer(server.url, 10.0), STUDY, tmp_path / "e")
