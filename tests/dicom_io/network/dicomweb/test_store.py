"""STOW-RS out: what the body says counts, whatever the status; errors say who must act.

Kind: mechanics (a server that answers as it is told).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from dicom_io.errors import PeerRefused, PeerRejected, PeerUnavailable
from dicom_io.network.dicomweb.multipart import MultipartReader, boundary_of
from dicom_io.network.dicomweb.store import answers, store
from dicom_io.network.dicomweb.store_response import Instance, StoreResponse, read_store_response
from dicom_io.network.dicomweb.web_peer import WebPeer
from dicom_io.network.peer import Delivery
from models.errors import SetupError
from tests.dicom_io.network.dicomweb.web_server import Reply, Request, web_server
from tests.dicom_io.network.made_certificates import make_authority
from tests.end_to_end.running import free_port
from tests.end_to_end.small_study import uid, write_study

MR = "1.2.840.10008.5.1.4.1.1.4"
STORED, WAITS, REFUSED = Delivery.STORED, Delivery.UNAVAILABLE, Delivery.REFUSED


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_study(tmp_path_factory.mktemp("store"), "store", images=3, with_segmentation=False)


def uids(files: Sequence[Path]) -> list[str]:
    from pydicom import dcmread

    return [str(dcmread(file).SOPInstanceUID) for file in files]


def response(stored: Sequence[str] = (), failed: Sequence[tuple[str, int | None]] = ()) -> bytes:
    return StoreResponse(
        tuple(Instance(MR, one) for one in stored), tuple(Instance(MR, one, reason) for one, reason in failed)
    ).as_json()


def test_one_request_brings_the_files_as_they_are(files: list[Path]) -> None:
    with web_server(lambda request: Reply(200, response(uids(files)))) as server:
        results = store(files, WebPeer(server.url, 10.0))
    assert [(sent.sop_instance_uid, sent.delivery, sent.sentence) for sent in results] == [
        (one, STORED, "") for one in uids(files)
    ]
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/dicom-web/studies")
    assert request.headers["Accept"] == "application/dicom+json"
    assert 'type="application/dicom"' in request.headers["Content-Type"]
    assert "Transfer-Encoding" not in request.headers  # some servers take no body in chunks
    assert "Authorization" not in request.headers
    parts: list[bytearray] = []
    reader = MultipartReader(
        boundary_of(request.headers["Content-Type"]),
        begin=lambda headers: parts.append(bytearray()),
        write=lambda piece: parts[-1].extend(piece),
        end=lambda: None,
    )
    reader.feed(request.body)
    reader.close()
    assert [bytes(part) for part in parts] == [file.read_bytes() for file in files]


@pytest.mark.parametrize("status", [200, 202, 400, 409, 500])
def test_the_body_counts_and_not_the_status(files: list[Path], status: int) -> None:
    first, second, third = uids(files)
    body = response([first], [(second, 0xA700), (third, 0xA900)])
    with web_server(lambda request: Reply(status, body)) as server:
        results = store(files, WebPeer(server.url, 10.0))
    assert [sent.delivery for sent in results] == [STORED, WAITS, REFUSED]
    assert "0xA700" in results[1].sentence
    assert "0xA900" in results[2].sentence


def test_what_is_listed_twice_has_failed_and_a_duplicate_is_there(files: list[Path]) -> None:
    first, second, third = uids(files)
    body = response([first, second], [(first, 0x0110), (second, 0x0111), (third, None)])
    with web_server(lambda request: Reply(202, body)) as server:
        results = store(files, WebPeer(server.url, 10.0))
    assert [sent.delivery for sent in results] == [WAITS, STORED, WAITS]


def test_a_warning_is_noted(files: list[Path]) -> None:
    body = StoreResponse(tuple(Instance(MR, one, 0xB000) for one in uids(files))).as_json()
    with web_server(lambda request: Reply(202, b"[" + body + b"]")) as server:
        results = store(files, WebPeer(server.url, 10.0))
    assert {(sent.delivery, "Warning Reason 0xB000" in sent.sentence) for sent in results} == {(STORED, True)}


@pytest.mark.parametrize("body", [b"", b"<NativeDicomModel/>", b"{", b"[]", b'{"00081199": {"Value": "x"}}', b"\xff"])
def test_success_that_lists_nothing_is_asked_about(files: list[Path], body: bytes) -> None:
    there = uids(files)[:2]

    def answer(request: Request) -> Reply:
        if request.method == "POST":
            return Reply(200, body)
        wanted = request.path.rpartition("SOPInstanceUID=")[2]
        assert f"/studies/{uid('store')}/instances?" in request.path
        # This archive ignores the key, and lists all that it has.
        listed = [{"00080018": {"vr": "UI", "Value": [one]}} for one in there]
        return Reply(200, json.dumps(listed).encode()) if wanted != uids(files)[1] else Reply(204)

    with web_server(answer) as server:
        results = store(files, WebPeer(server.url, 10.0))
    assert [sent.delivery for sent in results] == [STORED, WAITS, WAITS]


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (401, PeerRejected, "name a file with a bearer token"),
        (403, PeerRejected, "403 Forbidden"),
        (404, PeerRejected, "expected DICOMweb at this address"),
        (307, PeerRejected, "this is not followed"),
        (415, PeerRefused, "415 Unsupported Media Type"),
        (413, PeerRefused, "413"),
        (400, PeerRefused, "400 Bad Request"),
        (429, PeerUnavailable, "429 Too Many Requests"),
        (503, PeerUnavailable, "503 Service Unavailable"),
        (501, PeerRefused, "501 Not Implemented"),
        (299, None, ""),
    ],
)
def test_a_status_without_a_body_says_who_must_act(
    files: list[Path], status: int, error: type[Exception] | None, sentence: str
) -> None:
    with web_server(lambda request: Reply(status, headers={"Location": "http://192.0.2.1/"})) as server:
        if error is None:
            assert {sent.delivery for sent in store(files, WebPeer(server.url, 10.0))} == {WAITS}
            return
        with pytest.raises(error, match=sentence) as caught:
            store(files, WebPeer(server.url, 10.0))
    assert type(caught.value) is error
    assert len(server.requests) == 1
    assert "Test^Patient" not in str(caught.value)


def test_a_server_that_is_not_there_is_unavailable(files: list[Path]) -> None:
    with pytest.raises(PeerUnavailable, match=r"cannot be reached, or broke off \(Connection refused\)"):
        store(files, WebPeer(f"http://127.0.0.1:{free_port()}/dicom-web", 2.0))


def test_the_token_is_read_for_each_call_and_never_shown(files: list[Path], tmp_path: Path) -> None:
    token = tmp_path / "token"
    peer = None
    with web_server(lambda request: Reply(401)) as server:
        peer = WebPeer(server.url, 10.0, token_file=token)
        with pytest.raises(PeerUnavailable, match="cannot be read"):
            answers(peer)
        for content in ("first-secret\n", "second-secret"):
            token.write_text(content)
            with pytest.raises(PeerRejected, match="renew the token in its file") as caught:
                answers(peer)
            assert "secret" not in str(caught.value)
        for wrong in ("", "two words", "\xe9"):
            token.write_text(wrong)
            with pytest.raises(PeerUnavailable, match="token"):
                answers(peer)
    assert [request.headers["Authorization"] for request in server.requests] == [
        "Bearer first-secret",
        "Bearer second-secret",
    ]


def test_nothing_comes_from_the_environment(files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, other = make_authority(tmp_path, "ours"), make_authority(tmp_path, "other")
    issued = authority.issue("server")
    nowhere = f"http://127.0.0.1:{free_port()}"
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, nowhere)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(other.file))
    with web_server(lambda request: Reply(200, b"[]"), tls=issued) as server:
        answers(WebPeer(server.url, 10.0, authorities=authority.file))
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.setenv(name, str(authority.file))
        for wrong in (WebPeer(server.url, 10.0, authorities=other.file), WebPeer(server.url, 10.0)):
            with pytest.raises(PeerUnavailable, match="TLS was not agreed"):
                answers(wrong)
        elsewhere = server.url.replace("127.0.0.1", "localhost")  # its certificate names the address alone
        with pytest.raises(PeerUnavailable, match=r"TLS was not agreed \(.*localhost"):
            answers(WebPeer(elsewhere, 10.0, authorities=authority.file))
        with pytest.raises(PeerUnavailable, match="a certificate cannot be used"):
            answers(WebPeer(server.url, 10.0, authorities=tmp_path / "absent.pem"))
    assert ["Authorization" in request.headers for request in server.requests] == [False]
    assert not (tmp_path / "keys").exists()
    with web_server(lambda request: Reply(200, b"[]")) as plain:
        answers(WebPeer(plain.url, 10.0))


@pytest.mark.parametrize(
    ("url", "mistake"),
    [
        ("ftp://host/", "is none"),
        ("https:///path", "is none"),
        ("https://user:secret@host/", "holds a user or a password"),
        ("https://host/a?b=c", "has a query"),
        ("https://host/a b", "has a query, a fragment or characters"),
        ("https://host:port/", "cannot be read"),
    ],
)
def test_an_address_that_is_none_is_said(url: str, mistake: str) -> None:
    with pytest.raises(SetupError, match=mistake) as caught:
        WebPeer(url, 1.0)
    assert "secret" not in str(caught.value)


def test_an_answer_is_read_as_it_was_written() -> None:
    whole = StoreResponse(
        (Instance(MR, "1.2"), Instance(MR, "1.3", 0xB007)), (Instance(MR, "1.4", 0xC000),), (0x0110, 0xC000)
    )
    assert read_store_response(whole.as_json()) == whole
    deep = b"[" * 100_000
    assert read_store_response(deep) == StoreResponse()
    assert read_store_response(b'{"00081198": {"Value": [1, {}, {"00081155": {"Value": ["x"]}}]}}') == StoreResponse()
