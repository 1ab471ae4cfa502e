"""FHIR transactions to servers that do as they should, and to others. Kind: mechanics."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dicom_io.errors import PeerRefused, PeerRejected, PeerUnavailable
from dicom_io.network.dicomweb.web_peer import WebPeer
from dicom_io.network.fhir.send import NOUN, answers, send_bundle
from dicom_io.network.peer import Delivery
from dicom_io.writing.fhir_bundle import make_fhir_bundle
from tests.dicom_io.made_studies import make
from tests.dicom_io.network.dicomweb.web_server import Reply, web_server
from tests.dicom_io.network.fhir.fhir_server import fhir_server, outcome
from tests.dicom_io.network.made_certificates import make_authority

PDF = b"%PDF-1.5 made"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make()
    file = tmp_path_factory.mktemp("fhir") / "fhir.json"
    file.write_bytes(make_fhir_bundle(made.study, made.report, pdf=PDF))
    return file


def peer(url: str) -> WebPeer:
    return WebPeer(url, 10.0, noun=NOUN)


def test_a_bundle_that_is_sent_again_changes_nothing(bundle: Path) -> None:
    entries = json.loads(bundle.read_bytes())["entry"]
    with fhir_server() as (server, store):
        for _ in range(2):
            assert send_bundle(bundle, peer(server.url)).delivery is Delivery.STORED
    assert len(store.resources) == len(entries)
    assert set(store.versions.values()) == {2}
    assert server.requests[0].body == server.requests[1].body == bundle.read_bytes()
    assert server.requests[0].path == "/dicom-web"
    (report,) = [one for one in store.resources.values() if one["resourceType"] == "DiagnosticReport"]
    assert {one["reference"].partition("/")[0] for one in report["result"]} == {"Observation"}
    assert {one["reference"] for one in report["result"]} <= set(store.resources)


def test_a_later_answer_updates_the_earlier_one(bundle: Path, tmp_path: Path) -> None:
    made = make()
    later = tmp_path / "later.json"
    later.write_bytes(
        make_fhir_bundle(made.study, replace(made.report, title="Another title"), pdf=b"%PDF-1.5 another")
    )
    with fhir_server() as (server, store):
        send_bundle(bundle, peer(server.url))
        count = len(store.resources)
        send_bundle(later, peer(server.url))
    assert len(store.resources) == count
    (report,) = [one for one in store.resources.values() if one["resourceType"] == "DiagnosticReport"]
    assert report["code"]["text"] == "Another title"


def test_a_duplicate_at_the_server_is_refused_with_what_to_do(bundle: Path) -> None:
    with fhir_server() as (server, store):
        send_bundle(bundle, peer(server.url))
        place = next(one for one in store.resources if one.startswith("Observation/"))
        store.resources["Observation/copy"] = store.resources[place]
        with pytest.raises(PeerRefused, match=r"412 Precondition Failed \(multiple-matches\).*remove the others"):
            send_bundle(bundle, peer(server.url))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, PeerRejected),
        (400, PeerRefused),
        (401, PeerRejected),
        (403, PeerRejected),
        (404, PeerRejected),
        (405, PeerRejected),
        (408, PeerUnavailable),
        (409, PeerUnavailable),
        (412, PeerRefused),
        (413, PeerRefused),
        (422, PeerRefused),
        (423, PeerUnavailable),
        (429, PeerUnavailable),
        (500, PeerUnavailable),
        (503, PeerUnavailable),
    ],
)
def test_every_status_has_its_consequence_and_no_text_of_the_server_is_repeated(
    bundle: Path, status: int, error: type[Exception]
) -> None:
    with web_server(lambda request: Reply(status, outcome("processing"))) as server, pytest.raises(error) as caught:
        send_bundle(bundle, peer(server.url))
    assert str(status) in str(caught.value)
    assert "FHIR server" in str(caught.value)
    assert "Wang" not in str(caught.value)


def done(statuses: list[str]) -> bytes:
    entries = [{"response": {"status": status}} for status in statuses]
    return json.dumps({"resourceType": "Bundle", "type": "transaction-response", "entry": entries}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Sign in</html>",
        b"[]",
        b"{",
        b"\xff",
        b'{"resourceType": "Bundle", "type": "batch-response", "entry": []}',
        b'{"resourceType": "Bundle", "type": "transaction-response", "entry": 3}',
        done(["200 OK"]),
        done(["201 Created"] * 9 + ["422 Unprocessable Entity"]),
        b"[" * 100_000,
    ],
)
def test_success_without_its_response_is_not_believed(bundle: Path, body: bytes) -> None:
    with (
        web_server(lambda request: Reply(200, body)) as server,
        pytest.raises(PeerUnavailable, match="expected a transaction-response"),
    ):
        send_bundle(bundle, peer(server.url))


def test_the_token_is_read_again_for_each_call_and_tls_is_checked(bundle: Path, tmp_path: Path) -> None:
    authority, other = make_authority(tmp_path, "ours"), make_authority(tmp_path, "other")
    token = tmp_path / "token"
    with fhir_server(tls=authority.issue("server")) as (server, _):
        secured = replace(peer(server.url), authorities=authority.file, token_file=token)
        for content in ("first", "second"):
            token.write_text(f"{content}\n")
            send_bundle(bundle, secured)
        with pytest.raises(PeerUnavailable, match="TLS was not agreed"):
            send_bundle(bundle, replace(secured, authorities=other.file))
        token.unlink()
        with pytest.raises(PeerUnavailable, match=r"token file .* cannot be read"):
            send_bundle(bundle, secured)
    assert [one.headers["Authorization"] for one in server.requests] == ["Bearer first", "Bearer second"]


def test_a_server_is_asked_what_it_speaks(tmp_path: Path) -> None:
    with fhir_server() as (server, _):
        answers(peer(server.url))
        assert server.requests[0].path == "/dicom-web/metadata"
    newer = json.dumps({"resourceType": "CapabilityStatement", "fhirVersion": "5.0.0"}).encode()
    for body, found in ((newer, "FHIR 5.0.0"), (b"<html/>", "no CapabilityStatement")):
        with (
            web_server(lambda request, body=body: Reply(200, body)) as server,
            pytest.raises(PeerRejected, match=found),
        ):
            answers(peer(server.url))


def test_a_server_that_is_away_is_waited_for(bundle: Path) -> None:
    with fhir_server() as (server, _):
        url = server.url
    with pytest.raises(PeerUnavailable, match="cannot be reached"):
        send_bundle(bundle, peer(url))
