"""FHIR bundles from the outbox into a folder and to a server. Kind: mechanics."""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.peer_settings import Destination
from appliance.service.delivery import attempt
from appliance.service.doctor import Verdict, check_destination
from appliance.service.fhir_delivery import bundle_name, fhir_sender
from appliance.settings import ServiceSettings, Settings
from appliance.state.outbox import Outgoing
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.record_rows import DeliveryRecord, DeliveryState
from dicom_io.answer import Answer
from dicom_io.answer_roles import Role
from dicom_io.earlier import AnswerFacts
from dicom_io.network.peer import Sent
from tests.dicom_io.network.fhir.fhir_server import fhir_server

STUDY = "1.2.840.99"
CREATED = datetime(2026, 7, 3, 14, 25, tzinfo=UTC)
FACTS = AnswerFacts("k", "i", (), (), "t", (), "s")
NO_ENTRIES = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": []}).encode()


def delivery(job: str) -> DeliveryRecord:
    return DeliveryRecord(job, STUDY, "fhir", DeliveryState.WAITING, 0, datetime.now(UTC), "")


def put(outbox: FolderOutbox, name: str, *, fhir: bytes, minutes: float = 0) -> str:
    created = CREATED + timedelta(minutes=minutes)
    outbox.put(f"{STUDY}:{name}", Outgoing(Answer((), b"%PDF-"), (), created=created, facts=FACTS, fhir=fhir))
    return f"{STUDY}:{name}"


@pytest.fixture
def outbox(tmp_path: Path) -> FolderOutbox:
    return FolderOutbox(tmp_path / "outbox")


def tried(job: str, destination: Destination, outbox: FolderOutbox) -> tuple[DeliveryState, str]:
    send = fhir_sender(destination, Settings())
    assert send is not None

    def send_files(files: Sequence[Path]) -> tuple[Sent, ...]:
        return tuple(send(file, STUDY) for file in files)

    return attempt(delivery(job), destination=destination, outbox=outbox, send_files=send_files)


def test_a_folder_has_one_file_for_each_study_the_newest(outbox: FolderOutbox, tmp_path: Path) -> None:
    folder = tmp_path / "engine"
    folder.mkdir()
    destination = Destination("fhir", fhir_folder=folder, send=(Role.FHIR,))
    first = put(outbox, "a", fhir=b'{"answer": 1}')
    assert tried(first, destination, outbox) == (DeliveryState.DONE, "")
    (file,) = folder.iterdir()
    assert file.name == bundle_name(STUDY)
    assert STUDY not in file.name
    assert file.read_bytes() == b'{"answer": 1}'
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    second = put(outbox, "b", fhir=b'{"answer": 2}', minutes=5)
    assert tried(second, destination, outbox)[0] is DeliveryState.DONE
    assert file.read_bytes() == b'{"answer": 2}'
    assert tried(first, destination, outbox)[0] is DeliveryState.DONE  # what waited does not undo the later answer
    assert [one.read_bytes() for one in folder.iterdir()] == [b'{"answer": 2}']


def test_a_folder_that_is_away_is_waited_for(outbox: FolderOutbox, tmp_path: Path) -> None:
    destination = Destination("fhir", fhir_folder=tmp_path / "away", send=(Role.FHIR,))
    state, sentence = tried(put(outbox, "a", fhir=b"{}"), destination, outbox)
    assert state is DeliveryState.WAITING
    assert "expected a folder that this user may write to" in sentence
    assert check_destination(destination, Settings()).verdict is Verdict.WARNING


def test_a_notice_has_no_bundle_and_results_without_one_are_said(outbox: FolderOutbox, tmp_path: Path) -> None:
    destination = Destination("fhir", fhir_folder=tmp_path, send=(Role.FHIR,))
    outbox.put(f"{STUDY}:notice:choice", Outgoing(Answer((), b""), (), created=CREATED))
    assert tried(f"{STUDY}:notice:choice", destination, outbox) == (DeliveryState.DONE, "")
    state, sentence = tried(put(outbox, "a", fhir=b""), destination, outbox)
    assert state is DeliveryState.REFUSED
    assert "no FHIR bundle" in sentence
    assert destination.told == ()


def test_a_server_gets_it_and_is_waited_for(outbox: FolderOutbox) -> None:
    job = put(outbox, "a", fhir=NO_ENTRIES)
    with fhir_server() as (server, _):
        destination = Destination("fhir", fhir_url=server.url, plain=True, send=(Role.FHIR,))
        assert tried(job, destination, outbox) == (DeliveryState.DONE, "")
        assert [one.method for one in server.requests] == ["POST"]
        check = check_destination(destination, Settings(service=ServiceSettings(ae_title="HERE")))
        assert (check.verdict, "speaks R4" in check.sentence) == (Verdict.GOOD, True)
    assert tried(job, destination, outbox)[0] is DeliveryState.WAITING


def test_dicom_destinations_get_no_bundle(outbox: FolderOutbox) -> None:
    job = put(outbox, "a", fhir=b"{}")
    sent: list[Path] = []

    def noted(files: Sequence[Path]) -> tuple[Sent, ...]:
        sent.extend(files)
        return ()

    pacs = Destination("pacs", "PACS", "h")
    assert attempt(delivery(job), destination=pacs, outbox=outbox, send_files=noted)[0] is DeliveryState.DONE
    assert not sent
    assert not pacs.is_fhir
    assert replace(pacs, storage_commitment=True).commits
