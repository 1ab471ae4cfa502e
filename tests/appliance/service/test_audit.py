"""The audit trail of a service: what it is told of, with what in it, and a repository that is away. Kind: mechanics."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from appliance.files import make_private_folder
from appliance.peer_settings import Destination, Sender
from appliance.service import audit as audit_module
from appliance.service.audit import Audit, told_at_once
from appliance.service.delivery import Courier
from appliance.service.doctor import Check, Verdict, check_audit
from appliance.service.service import Service
from appliance.service.storage_commitment import Commitments
from appliance.settings import AuditSettings, ServiceSettings, Settings
from appliance.state.commitment_records import CommitmentRecords
from appliance.state.operator_actions import Action
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.records import DeliveryState, Records
from dicom_io.audit.syslog import Transport
from dicom_io.errors import PeerRejected
from dicom_io.network.echo import echo
from dicom_io.network.peer import Peer
from dicom_io.network.receive import Receiver
from dicom_io.network.send import send
from models.errors import SetupError
from tests.appliance.web.site import SENDING, populate
from tests.dicom_io.audit.schema import checked, codes, objects
from tests.dicom_io.audit.test_syslog import server
from tests.end_to_end.running import free_port
from tests.end_to_end.small_study import image, uid


def settings(folder: Path, audit: AuditSettings) -> Settings:
    return Settings(
        service=ServiceSettings(host="127.0.0.1", port=free_port(), state_dir=folder / "state"),
        senders=(Sender("MODALITY"),),
        destinations=(Destination("pacs", "PACS", "127.0.0.1", free_port()),),
        audit=audit,
    )


def told(path: Path) -> list[ElementTree.Element]:
    """Messages of a file, each as the standard wants it."""
    return [checked(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    return tmp_path / "audit.xml"


@pytest.fixture(params=[False, True])
def with_patient(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_a_service_tells_of_its_life_its_peers_and_its_studies(tmp_path: Path, trail: Path, with_patient: bool) -> None:
    chosen = settings(tmp_path, AuditSettings(file=trail, patient_id=with_patient))
    service = Service(chosen, worker=())  # nothing is complete here, so none is started
    service.start()
    try:
        peer = Peer("RDEEPNET", "127.0.0.1", chosen.service.port, "MODALITY", 10.0)
        files = []
        for number in range(3):
            files.append(tmp_path / f"{number}.dcm")
            image("one" if number else "other", number).save_as(files[-1], enforce_file_format=True)
        send(files, peer)
        with pytest.raises(PeerRejected):
            echo(Peer("RDEEPNET", "127.0.0.1", chosen.service.port, "STRANGER", 10.0))
        wait_until(lambda: len(told(trail)) >= 4)
    finally:
        service.stop()
    roots = told(trail)
    events = [codes(root, "EventID")[0] for root in roots]
    assert (events[0], codes(roots[0], "EventTypeCode")) == ("110100", ["110120"])
    assert (events[-1], codes(roots[-1], "EventTypeCode")) == ("110100", ["110121"])
    assert sorted(events[1:-1]) == ["110104", "110104", "110113"], "one message a study, not an image"
    transfers = [root for root, event in zip(roots, events, strict=True) if event == "110104"]
    counts = {
        objects(root)["110180"][0]: sum(int(each.attrib["NumberOfInstances"]) for each in root.iter("SOPClass"))
        for root in transfers
    }
    assert counts == {uid("one"): 2, uid("other"): 1}
    patients = [objects(root).get("2", []) for root in transfers]
    assert sorted(patients) == ([["id-one"], ["id-other"]] if with_patient else [[], []])
    assert "Test" not in trail.read_text(encoding="utf-8"), "the patient's name"
    assert "STRANGER" in trail.read_text(encoding="utf-8")
    assert trail.stat().st_mode & 0o777 == 0o600


def test_results_are_told_of_before_and_after_they_are_sent(tmp_path: Path, trail: Path) -> None:
    """To a peer that is not there, and to one that is."""
    chosen = settings(tmp_path, AuditSettings(file=trail, patient_id=True))
    state_dir = chosen.service.state_dir
    make_private_folder(state_dir)
    populate(state_dir)
    records, outbox, audit = Records(state_dir / "studies.sqlite3"), FolderOutbox(state_dir / "outbox"), Audit(chosen)
    commitments = Commitments(
        destinations=[], settings=chosen.delivery, records=CommitmentRecords(records), outbox=outbox
    )
    receiver = Receiver(
        ae_title="PACS",
        callers=None,
        store=lambda received: None,
        opened=lambda number: None,
        closed=lambda number: None,
        refused=lambda title, address, why: None,
    )
    there = receiver.start(host="127.0.0.1", port=0)
    try:
        for port, state in ((free_port(), DeliveryState.WAITING), (there, DeliveryState.DONE)):
            courier = Courier(
                Destination("second", "PACS", "127.0.0.1", port),
                calling_title="RDEEPNET",
                settings=chosen.delivery,
                records=records,
                outbox=outbox,
                commitments=commitments,
                poll_s=0.1,
                audit=audit,
            )
            delivery = next(each for each in records.deliveries() if each.state is DeliveryState.WAITING)
            assert courier.deliver(delivery) is state
    finally:
        receiver.stop()
        audit.close()
        records.close()
    roots = told(trail)
    assert [codes(root, "EventID")[0] for root in roots] == ["110102", "110104", "110102", "110104"]
    assert [root[0].attrib["EventOutcomeIndicator"] for root in roots] == ["0", "4", "0", "0"]
    for root in roots:
        assert codes(root, "RoleIDCode") == ["110153", "110152"]
        assert objects(root) == {"110180": [SENDING], "2": [f"id-{SENDING}"]}
        assert [each.attrib["NumberOfInstances"] for each in root.iter("SOPClass")] == ["1"]
    assert "127.0.0.1" in (next(roots[1].iter("EventOutcomeDescription")).text or ""), "why it was not"


def test_operators_are_told_of_with_their_names(tmp_path: Path, trail: Path) -> None:
    chosen = settings(tmp_path, AuditSettings(file=trail))
    told_at_once(chosen, lambda audit: audit.signed("", address="192.0.2.7"))
    told_at_once(chosen, lambda audit: audit.signed("anna", address="192.0.2.7"))
    told_at_once(chosen, lambda audit: audit.acted("1.2.3", Action.DROP, by="anna (page)"))
    told_at_once(chosen, lambda audit: audit.read("1.2.3", by="anna", address="192.0.2.7"))
    told_at_once(chosen, lambda audit: audit.deleted("1.2.3", what="received images, because of their age"))
    roots = told(trail)
    assert [codes(root, "EventID")[0] for root in roots] == ["110114", "110114", "110113", "110103", "110105"]
    assert [root[0].attrib["EventOutcomeIndicator"] for root in roots] == ["4", "0", "0", "0", "0"]
    names = [
        each.attrib["UserID"]
        for root in roots[:4]
        for each in root.iter("ActiveParticipant")
        if each.attrib["UserIsRequestor"] == "true"
    ]
    assert names == ["unknown", "anna", "anna (page)", "anna"]


def test_where_it_is_off_nothing_is_changed(tmp_path: Path) -> None:
    audit = Audit(settings(tmp_path, AuditSettings()))
    assert not audit.is_on

    def store(received: object) -> None:
        pytest.fail("not called")

    assert audit.storing(store) is store
    audit.activity(starts=True)
    audit.close()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_queue(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(audit_module, "QUEUE", 5)
    return 5


def test_a_repository_that_is_away_delays_nobody_and_what_is_lost_is_said(
    tmp_path: Path, trail: Path, small_queue: int, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = settings(
        tmp_path,
        AuditSettings(file=trail, syslog_host="127.0.0.1", syslog_port=free_port(), syslog_transport=Transport.TCP),
    )
    audit = Audit(chosen)
    begun = time.monotonic()
    for _ in range(3 * small_queue):
        audit.activity(starts=True)
        time.sleep(0.05)  # the file's own queue is as small
    assert time.monotonic() - begun < 10
    wait_until(lambda: len(told(trail)) == 3 * small_queue)
    assert "audit messages are being lost: syslog at 127.0.0.1" in caplog.text
    begun = time.monotonic()
    audit.close()
    assert time.monotonic() - begun < 5
    assert "were not sent to syslog at 127.0.0.1" in caplog.text


def test_what_waited_arrives_when_the_repository_is_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    port = free_port()
    chosen = settings(
        tmp_path, AuditSettings(syslog_host="127.0.0.1", syslog_port=port, syslog_transport=Transport.TCP)
    )
    audit = Audit(chosen)
    audit.activity(starts=True)
    audit.activity(starts=False)
    wait_until(lambda: "audit messages wait for syslog" in caplog.text)
    with server(port=port) as listening:
        first, second = listening.take(2)
        audit.close()
    assert b"Application Start" in first
    assert b"Application Stop" in second


def test_doctor_says_whether_messages_find_their_way(tmp_path: Path, trail: Path) -> None:
    def checked_with(audit: AuditSettings) -> Check:
        return check_audit(settings(tmp_path, audit))

    assert checked_with(AuditSettings(file=trail)).verdict is Verdict.GOOD
    assert not trail.exists(), "nothing is written"
    missing = checked_with(AuditSettings(file=tmp_path / "no folder" / "audit.xml"))
    assert (missing.verdict, "cannot be written" in missing.sentence) == (Verdict.WARNING, True)
    with server() as listening:
        there = AuditSettings(syslog_host="127.0.0.1", syslog_port=listening.port, syslog_transport=Transport.TCP)
        assert checked_with(there).verdict is Verdict.GOOD
    away = checked_with(there)
    assert (away.verdict, "cannot be reached" in away.sentence) == (Verdict.WARNING, True)


def test_failures_have_their_outcome() -> None:
    assert set(audit_module._OUTCOMES) == set(DeliveryState)


def test_tls_without_certificates_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="expected the files of"):
        settings(tmp_path, AuditSettings(syslog_host="repository.example"))
