"""Operators' commands, their output, and the times of deletion. Kind: mechanics."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from appliance.peer_settings import Destination, Sender
from appliance.service import doctor
from appliance.service.audit import Audit
from appliance.service.doctor import Check, Verdict
from appliance.service.retention import Retention
from appliance.service.retry import retry_study
from appliance.service.service import Service, check_service
from appliance.service.study_status import list_studies, short_ids, show_study, worst_deliveries
from appliance.settings import RetentionSettings, ServiceSettings, Settings, StatusSettings
from appliance.state.disk import exposed
from appliance.state.inbox_folder import FolderInbox
from appliance.state.job_queue import JobQueue, QueuePlace
from appliance.state.outbox import Outgoing
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.record_rows import DeliveryRecord, DeliveryState, UnknownStudy
from appliance.state.records import Records
from appliance.state.states import IllegalMove, State
from dicom_io.answer import Answer, AnswerObject
from dicom_io.answer_roles import Role
from models.errors import SetupError
from tests.end_to_end.small_study import document

# pynetdicom leaves the socket of a refused connection to the garbage collector.
UNCLOSED = "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
STUDY = "1.2.3"


class Site:
    """A state folder as a service leaves it."""

    def __init__(self, state_dir: Path) -> None:
        self.settings = Settings(
            service=ServiceSettings(host="127.0.0.1", state_dir=state_dir),
            senders=(Sender("PACS"),),
            destinations=(Destination("pacs", "PACS", "127.0.0.1"),),
        )
        self.records = Records(state_dir / "studies.sqlite3")
        self.inbox = FolderInbox(state_dir / "inbox")
        self.outbox = FolderOutbox(state_dir / "outbox")

    def queued(self, study: str = STUDY) -> str:
        self.inbox.keep(study, instance_uid="1.1", meta=b"", dataset=b"pixels")
        self.records.arrived(study)
        return self.records.queue(study, digest=self.inbox.content(study).digest)

    @staticmethod
    def results() -> Outgoing:
        return Outgoing(Answer((AnswerObject(Role.PDF, document("a", ours=True)),), b"%PDF"), ())

    def sending(self, study: str = STUDY) -> str:
        job = self.queued(study)
        self.records.start(job)
        self.outbox.put(job, self.results())
        self.records.answered(job, destinations=["pacs"])
        return job

    def delivered(self, study: str = STUDY) -> str:
        job = self.sending(study)
        for delivery in self.records.take_deliveries("pacs", lease_s=0):
            self.records.delivery_tried(delivery, state=DeliveryState.DONE, sentence="", next_at=datetime.now(UTC))
        return job


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "state")
    yield site
    site.records.close()


def test_the_list_says_why(site: Site) -> None:
    job = site.queued("1.1")
    site.records.start(job)
    site.records.gave_up(job, state=State.REFUSED, sentence="no segmentation")
    site.sending("1.2")
    (delivery,) = site.records.take_deliveries("pacs", lease_s=0)
    site.records.delivery_tried(
        delivery, state=DeliveryState.WAITING, sentence="PACS cannot be reached", next_at=datetime.now(UTC)
    )
    lines = {line.study_uid: (line.state, line.sentence, line.instances) for line in list_studies(site.settings)}
    assert lines == {
        "1.1": (State.REFUSED, "no segmentation", 1),
        "1.2": (State.SENDING, "pacs: PACS cannot be reached", 1),
    }


def test_one_study_in_full(site: Site) -> None:
    job = site.delivered()
    detail = show_study(site.settings, STUDY)
    assert [move.state for move in detail.moves][-1] is State.DELIVERED
    assert [item.role for item in detail.objects] == [Role.PDF]
    assert detail.pdf == site.outbox.folder_of(job) / "report.pdf"
    assert [d.state for d in detail.deliveries] == [DeliveryState.DONE]


def test_a_study_is_found_by_a_part_of_its_uid_that_only_it_has(site: Site) -> None:
    site.queued("1.2.3.77")
    site.queued("1.2.3.88")
    assert show_study(site.settings, "77").record.study_uid == "1.2.3.77"
    for part, words in (("1.2.3", "2 studies match"), ("99", "No study matches")):
        with pytest.raises(UnknownStudy, match=words):
            show_study(site.settings, part)


def test_retry_sends_again_what_is_there_and_answers_again_what_is_not(site: Site) -> None:
    site.delivered()
    assert retry_study(site.settings, STUDY) is State.SENDING
    job = site.queued("1.9")
    with pytest.raises(IllegalMove, match="queued"):
        retry_study(site.settings, "1.9")
    site.records.start(job)
    site.records.gave_up(job, state=State.FAILED, sentence="memory")
    assert retry_study(site.settings, "1.9") is State.QUEUED


def test_without_a_state_folder_there_is_a_sentence(tmp_path: Path) -> None:
    settings = Settings(service=ServiceSettings(state_dir=tmp_path / "none"))
    for ask in (lambda: list_studies(settings), lambda: show_study(settings, "1"), lambda: retry_study(settings, "1")):
        with pytest.raises(SetupError, match="holds no studies"):
            ask()
    assert not (tmp_path / "none").exists()


def test_a_service_needs_somebody_who_sends_and_somebody_who_gets(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"no peer may send.*no peer gets"):
        check_service(Settings())
    with pytest.raises(SetupError, match="no peer may send"):
        Service(Settings(service=ServiceSettings(state_dir=tmp_path)), worker=())


@pytest.fixture
def retention(site: Site, tmp_path: Path) -> Iterator[Retention]:
    queue = JobQueue(QueuePlace(folder=tmp_path / "state", executor="worker"))
    queue.open()
    settings = RetentionSettings(received_days=14, results_days=90)
    yield Retention(
        settings, records=site.records, inbox=site.inbox, outbox=site.outbox, queue=queue, audit=Audit(Settings())
    )
    queue.close()


def test_images_go_first_then_results_and_record(site: Site, retention: Retention) -> None:
    job, now = site.delivered(), datetime.now(UTC)
    for days, images, results in ((13, True, True), (15, False, True), (89, False, True), (91, False, False)):
        retention.apply(now + timedelta(days=days))
        assert bool(site.inbox.studies()) is images, days
        assert site.outbox.has(job) is results, days
        assert (site.records.find(STUDY) is not None) is results, days


def test_what_is_on_its_way_is_never_deleted(site: Site, retention: Retention) -> None:
    site.queued("1.1")
    site.sending("1.2")
    job = site.queued("1.3")
    site.records.start(job)
    site.records.arrived("1.4")
    retention.apply(datetime.now(UTC) + timedelta(days=10000))
    assert set(site.inbox.studies()) == {"1.1", "1.2", "1.3"}
    assert len(site.records.studies()) == 4


def test_results_that_one_destination_still_waits_for_are_kept(site: Site, retention: Retention) -> None:
    job = site.sending()
    site.records.arrived(STUDY)  # a late instance: the results of the first job still wait
    second = site.records.queue(STUDY, digest="b" * 64)
    site.records.start(second)
    site.records.gave_up(second, state=State.REFUSED, sentence="no")
    retention.apply(datetime.now(UTC) + timedelta(days=10000))
    assert site.outbox.has(job)


def test_a_private_folder_is_good_and_an_open_one_is_not(tmp_path: Path, site: Site) -> None:
    state_dir = site.settings.service.state_dir
    assert doctor.check_state_folder(state_dir).verdict is Verdict.GOOD
    assert doctor.check_state_folder(tmp_path / "later" / "state").verdict is Verdict.GOOD
    # A fresh volume is often 0755; what is in it is private on its own. Doctor and serve agree on every case.
    for path, mode, expected in (
        (state_dir, 0o755, ""),
        (state_dir, 0o777, "run chmod 700 on it."),
        (state_dir / "inbox", 0o750, "run chmod 700 on it."),
        (state_dir / "studies.sqlite3", 0o640, "run chmod 600 on it."),
    ):
        state_dir.chmod(0o755)
        before = path.stat().st_mode
        path.chmod(mode)
        check = doctor.check_state_folder(state_dir)
        assert check.verdict is (Verdict.BAD if expected else Verdict.GOOD), path
        assert check.sentence.endswith(expected), path
        assert exposed(state_dir).endswith(expected), path
        assert bool(exposed(state_dir)) == bool(expected), path
        path.chmod(before)
        state_dir.chmod(0o700)
        assert exposed(state_dir) == "", "nobody else comes in"


def test_a_damaged_database_is_bad(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    state_dir.mkdir(mode=0o700)
    with closing(sqlite3.connect(state_dir / "queue.sqlite3")) as database:
        database.execute("CREATE TABLE jobs (id TEXT)")
    assert doctor.check_state_folder(state_dir).verdict is Verdict.GOOD
    (state_dir / "queue.sqlite3").write_bytes(b"not a database" * 100)
    assert doctor.check_state_folder(state_dir).verdict is Verdict.BAD


def test_little_space_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 0

    verdicts = []
    for free in (0.5e9, 5e9, 50e9):
        Usage.free = int(free)
        monkeypatch.setattr("appliance.state.disk.shutil.disk_usage", lambda path: Usage)
        verdicts.append(doctor.check_disk(tmp_path).verdict)
    assert verdicts == [Verdict.BAD, Verdict.WARNING, Verdict.GOOD]


@pytest.mark.filterwarnings(UNCLOSED)
def test_a_port_that_somebody_else_uses_is_bad(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    settings = Settings(
        service=ServiceSettings(host="127.0.0.1", port=port, state_dir=site.settings.service.state_dir),
        senders=(Sender("PACS"),),
    )
    assert doctor.check_port(settings) == Check(
        "port", Verdict.GOOD, f"port {port} is free; the service is not running"
    )
    assert not doctor.is_ready(settings)


@pytest.mark.filterwarnings(UNCLOSED)
def test_an_absent_destination_is_a_warning(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    check = doctor.check_destination(Destination("pacs", "PACS", "127.0.0.1", port), site.settings)
    assert check.verdict is Verdict.WARNING
    assert check.sentence.endswith("Results wait until it answers.")


def test_the_worst_destination_counts_whichever_was_asked_last() -> None:
    def delivery(destination: str, state: DeliveryState, attempts: int, sentence: str) -> DeliveryRecord:
        return DeliveryRecord("job", "1.2", destination, state, attempts, datetime.now(UTC), sentence)

    waits = delivery("a", DeliveryState.WAITING, 9, "busy")
    refuses = delivery("b", DeliveryState.REFUSED, 1, "no SR here")
    done = delivery("c", DeliveryState.DONE, 1, "stored with a warning")
    begun = delivery("d", DeliveryState.WAITING, 0, "")
    for several in ((waits, refuses, done, begun), (begun, done, refuses, waits)):
        assert worst_deliveries(several) == {"job": "b: no SR here"}
    assert worst_deliveries([delivery("e", DeliveryState.WAITING, 1, "gone"), waits]) == {"job": "a: busy"}
    assert worst_deliveries([done, begun]) == {}


def test_short_ids_are_unique_ends(site: Site) -> None:
    long = [f"1.2.826.0.1.{number:010d}" for number in (1, 2, 11)]
    assert short_ids([*long, "1.2.3"]) == {
        long[0]: "…00000001",
        long[1]: "…00000002",
        long[2]: "…00000011",
        "1.2.3": "1.2.3",
    }
    alike = ["9.1234567890", "8.1234567890"]
    assert short_ids(alike) == {study: study for study in alike}
    site.queued(long[0])
    assert show_study(site.settings, "…00000001").record.study_uid == long[0]


def test_accession_numbers_are_shown_by_setting_alone(site: Site) -> None:
    image = document("a")
    image.AccessionNumber = "ACC7"
    content = BytesIO()
    image.save_as(content, enforce_file_format=True)
    site.inbox.keep("1.7", instance_uid="1.1", meta=b"", dataset=content.getvalue())
    site.records.arrived("1.7")
    site.queued("1.8")  # not readable
    assert {line.accession_number for line in list_studies(site.settings)} == {""}
    settings = replace(site.settings, status=StatusSettings(accession_number=True, short_ids=True))
    assert {line.study_uid: line.accession_number for line in list_studies(settings)} == {"1.7": "ACC7", "1.8": ""}


@pytest.mark.timeout(60)
def test_the_status_is_shown_again_until_it_is_stopped(site: Site, tmp_path: Path) -> None:
    site.queued("1.2.3.4")
    config = tmp_path / "rdeepnet.toml"
    config.write_text('[service]\nstate_dir = "state"\n[status]\naccession_number = true\n', encoding="utf-8")
    command = [sys.executable, "-u", "-m", "appliance.cli", "status", "--watch", "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        read = ""
        while "1.2.3.5" not in read:
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            read += line
            if "1.2.3.4" in line:
                site.records.arrived("1.2.3.5")
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=120)
        assert (process.returncode, complaints) == (0, "")
        assert "Accession" in read
    finally:
        process.kill()
