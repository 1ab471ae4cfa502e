"""Operators' commands, their output, and the times of deletion. Kind: mechanics."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.service import doctor
from appliance.service.doctor import Check, Verdict
from appliance.service.retention import Retention
from appliance.service.retry import retry_study
from appliance.service.service import Service, check_service
from appliance.service.study_status import list_studies, show_study
from appliance.settings import Destination, RetentionSettings, Sender, ServiceSettings, Settings
from appliance.state.inbox import Inbox
from appliance.state.job_queue import Jobs
from appliance.state.outbox import Outbox, Outgoing
from appliance.state.records import DeliveryState, Records, UnknownStudy
from appliance.state.states import IllegalMove, State
from dicom_io.answer import Answer, AnswerObject, Role
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
        self.inbox = Inbox(state_dir / "inbox")
        self.outbox = Outbox(state_dir / "outbox")

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
        for delivery in self.records.due_deliveries("pacs"):
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
    (delivery,) = site.records.due_deliveries("pacs")
    site.records.delivery_tried(
        delivery, state=DeliveryState.WAITING, sentence="PACS cannot be reached", next_at=datetime.now(UTC)
    )
    lines = {line.study_uid: (line.state, line.sentence, line.instances) for line in list_studies(site.settings)}
    assert lines == {
        "1.1": (State.REFUSED, "no segmentation", 1),
        "1.2": (State.SENDING, "PACS cannot be reached", 1),
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
        Service(Settings(service=ServiceSettings(state_dir=tmp_path)), answer=lambda files, asked: None)  # type: ignore[arg-type, return-value]


@pytest.fixture
def retention(site: Site, tmp_path: Path) -> Iterator[Retention]:
    jobs = Jobs(
        answer=lambda job: "",
        conclude=lambda job, outcome: None,
        database_url="",
        folder=tmp_path / "state",
        executor="worker",
        poll_s=1.0,
        max_attempts=1,
    )
    jobs.start()
    settings = RetentionSettings(received_days=14, results_days=90)
    yield Retention(settings, records=site.records, inbox=site.inbox, outbox=site.outbox, jobs=jobs)
    jobs.stop()


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
    state_dir.chmod(0o755)
    assert doctor.check_state_folder(state_dir).sentence.endswith("run chmod 700 on it.")


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
