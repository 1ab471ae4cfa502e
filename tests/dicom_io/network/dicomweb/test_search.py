"""QIDO-RS: what a server answers is compared exactly, taken page by page, and refused where it is something else.

Kind: mechanics (a server that answers as it is told).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from dicom_io.errors import PeerRefused, PeerRejected, PeerUnavailable
from dicom_io.network.dicomweb.search import PAGE, find_series, find_studies
from dicom_io.network.dicomweb.web_peer import WebPeer
from dicom_io.network.find_studies import SeriesAtPeer, Wanted
from models.errors import RDeepNetError
from tests.dicom_io.network.dicomweb.web_server import Reply, Request, web_server

Item = dict[str, dict[str, object]]


def study(uid: str, *, patient: str = "P1", issuer: str = "", accession: str = "A1", **more: object) -> Item:
    """A study as DICOM JSON."""
    item: Item = {
        "0020000D": {"vr": "UI", "Value": [uid]},
        "00100020": {"vr": "LO", "Value": [patient]},
        "00080050": {"vr": "SH", "Value": [accession]},
        "00100021": {"vr": "LO"},
        "00080061": {"vr": "CS", "Value": ["MR", "SEG"]},
        "00201208": {"vr": "IS", "Value": [7]},
    }
    if issuer:
        item["00100021"] = {"vr": "LO", "Value": [issuer]}
    return item | {f"{tag[1:]}": {"Value": [value]} for tag, value in more.items()}


def series(uid: str, modality: str) -> Item:
    return {"0020000E": {"vr": "UI", "Value": [uid]}, "00080060": {"vr": "CS", "Value": [modality]}}


def paging(items: list[Item], *, most: int = PAGE) -> Callable[[Request], Reply]:
    """A server that has these, and gives so many at a time at most."""

    def answer(request: Request) -> Reply:
        query = parse_qs(urlsplit(request.path).query)
        start, limit = int(query["offset"][0]), int(query["limit"][0])
        page = items[start : start + min(limit, most)]
        return Reply(200, json.dumps(page).encode()) if page else Reply(204)

    return answer


def found(answer: Callable[[Request], Reply], wanted: Wanted) -> list[str]:
    with web_server(answer) as server:
        return [one.study_instance_uid for one in find_studies(WebPeer(server.url, 10.0), wanted)]


def test_a_question_names_its_keys_and_what_is_to_come_back() -> None:
    with web_server(paging([study("1.2")])) as server:
        assert find_studies(WebPeer(server.url, 10.0), Wanted(patient_id="Ä /&1", issuer="H")) == ()
    query = parse_qs(urlsplit(server.requests[0].path).query)
    assert query["PatientID"] == ["Ä /&1"]
    assert {"00100021", "00100030", "00100040", "00201208"} <= set(query["includefield"])
    assert query["IssuerOfPatientID"] == ["H"]
    assert not {"StudyInstanceUID", "AccessionNumber"} & set(query)


def test_what_a_server_compares_loosely_is_compared_again() -> None:
    items = [study("1.1"), study("1.2", patient="p1"), study("1.3", patient="P11"), study("1.4", accession="A2")]
    assert found(paging(items), Wanted(patient_id="P1")) == ["1.1", "1.4"]
    assert found(paging(items), Wanted(accession_number="A2")) == ["1.4"]
    assert found(paging(items), Wanted(study_instance_uid="1.3")) == ["1.3"]


def test_an_issuer_is_compared_where_it_is_stated() -> None:
    items = [study("1.1", issuer="A"), study("1.2", issuer="B"), study("1.3")]
    assert found(paging(items), Wanted(patient_id="P1", issuer="A")) == ["1.1", "1.3"]


@pytest.mark.parametrize("most", [1, 3, PAGE])
def test_every_page_is_taken_also_from_a_server_with_a_limit_of_its_own(most: int) -> None:
    items = [study(f"1.{number}") for number in range(1, 2 * PAGE if most == PAGE else 8)]
    assert len(found(paging(items, most=most), Wanted(patient_id="P1"))) == len(items)


def test_a_server_without_pages_has_listed_all_unless_it_cuts_off() -> None:
    few = json.dumps([study("1.1"), study("1.2")]).encode()
    assert found(lambda _: Reply(200, few), Wanted(patient_id="P1")) == ["1.1", "1.2"]
    many = json.dumps([study(f"1.{number}") for number in range(1, PAGE + 1)]).encode()
    with pytest.raises(PeerRefused, match="whatever the offset is"):
        found(lambda _: Reply(200, many), Wanted(patient_id="P1"))


def test_a_server_that_compares_nothing_is_not_read_to_its_end() -> None:
    endless = [study(f"1.{number}") for number in range(1, 6000)]
    with (
        web_server(paging(endless)) as server,
        pytest.raises(PeerRefused, match="more than 5000 matches"),
    ):
        find_studies(WebPeer(server.url, 10.0), Wanted(patient_id="P1"))
    assert len(server.requests) <= 5000 / PAGE + 1


@pytest.mark.parametrize(
    ("reply", "error", "sentence"),
    [
        (Reply(401), PeerRejected, "name a file with a bearer token"),
        (Reply(302, headers={"Location": "http://192.0.2.1/"}), PeerRejected, "not followed"),
        (Reply(503), PeerUnavailable, "503"),
        (Reply(400), PeerRefused, "400 Bad Request"),
        (Reply(200, b"<a/>"), PeerRefused, "expected a list"),
        (Reply(200, b"{}"), PeerRefused, "no list"),
        (Reply(200, b'[{"0020000D": '), PeerRefused, "expected a list"),
        (Reply(200, json.dumps([study("")]).encode()), PeerRefused, "no usable UID"),
        (Reply(200, json.dumps([study("../1")]).encode()), PeerRefused, "no usable UID"),
        (Reply(200, b'[{"0020000D": {"Value": "1.2"}}]'), PeerRefused, "StudyInstanceUID that cannot be read"),
        (Reply(200, json.dumps([study("1.2", _00100020={"a": 1})]).encode()), PeerRefused, "PatientID that cannot"),
        (Reply(200, json.dumps([study("1.2", _00100020="P1\x1b[2J")]).encode()), PeerRefused, "PatientID that cannot"),
        (
            Reply(200, json.dumps([study("1.2"), study("1.2", patient="P2")]).encode()),
            PeerRefused,
            "lists one Study Instance UID twice",
        ),
    ],
)
def test_other_answers_are_sentences(reply: Reply, error: type[RDeepNetError], sentence: str) -> None:
    with pytest.raises(error, match=sentence) as caught:
        found(lambda _: reply, Wanted(patient_id="P1"))
    assert type(caught.value) is error
    assert "P1" not in str(caught.value)


def test_series_that_are_read_and_those_without_a_modality_are_worth_fetching() -> None:
    items = [series("1.1", "MR"), series("1.2", "PR"), series("1.3", "SEG"), series("1.4", "")]
    with web_server(paging(items)) as server:
        kept = find_series(WebPeer(server.url, 10.0), "1")
    assert kept == (SeriesAtPeer("1.1", "MR"), SeriesAtPeer("1.3", "SEG"), SeriesAtPeer("1.4", ""))
    other = series("1.1", "MR") | {"0020000D": {"vr": "UI", "Value": ["2"]}}
    with web_server(paging([other])) as server, pytest.raises(PeerRefused, match="series of another study"):
        find_series(WebPeer(server.url, 10.0), "1")
