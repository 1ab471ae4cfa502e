"""Requests for storage commitment and what is recorded of them, with an archive on a real socket. Kind: mechanics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import EncapsulatedPDFStorage, SegmentationStorage

from appliance.peer_settings import Destination, Sender
from appliance.service import storage_commitment
from appliance.service.retry import retry_study
from appliance.service.storage_commitment import Commitments, judged
from appliance.service.study_status import list_studies, show_study
from appliance.settings import DeliverySettings, ServiceSettings, Settings
from appliance.state.commitment_records import CommitmentRecord, CommitmentRecords, CommitmentState
from appliance.state.outbox import Outgoing, Waiting
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.record_rows import DeliveryState
from appliance.state.records import Records
from dicom_io.answer import Answer, AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.network.commitment_report import CommitmentReport
from dicom_io.network.peer import Peer
from dicom_io.network.storage_commitment import CommitmentCall, commitment_call
from tests.dicom_io.network.commitment_peer import Archive, Habit
from tests.end_to_end.small_study import document, segmentation

STUDY = "1.2.3"


class Site:
    """A service's records and outbox, with one delivered study, and an archive."""

    def __init__(self, state_dir: Path, archive: Archive) -> None:
        self.archive = archive
        archive.start()
        self.destination = Destination("pacs", "PACS", "127.0.0.1", archive.port)
        self.peer = Peer("PACS", "127.0.0.1", archive.port, "RDEEPNET", 5.0)
        self.settings = Settings(
            service=ServiceSettings(host="127.0.0.1", state_dir=state_dir),
            senders=(Sender("PACS"),),
            destinations=(self.destination,),
        )
        self.records = Records(state_dir / "studies.sqlite3")
        self.commitment_records = CommitmentRecords(self.records)
        self.outbox = FolderOutbox(state_dir / "outbox")
        self.commitments = self.with_settings(DeliverySettings())
        self.job = self.sending()
        self.deliver()

    def with_settings(self, settings: DeliverySettings, **changes: object) -> Commitments:
        return Commitments(
            destinations=[replace(self.destination, **changes)],  # type: ignore[arg-type]
            settings=settings,
            records=self.commitment_records,
            outbox=self.outbox,
        )

    def sending(self, study: str = STUDY) -> str:
        self.records.arrived(study)
        job = self.records.queue(study, digest="a" * 64)
        self.records.start(job)
        objects = (
            AnswerObject(Role.SEG_T1C, segmentation("s", ours=True)),
            AnswerObject(Role.PDF, document("d", ours=True)),
        )
        self.outbox.put(job, Outgoing(Answer(objects, b"%PDF"), ()))
        self.records.answered(job, destinations=["pacs"])
        return job

    def deliver(self) -> None:
        (delivery,) = self.records.take_deliveries("pacs", lease_s=0)
        self.records.delivery_tried(delivery, state=DeliveryState.DONE, sentence="", next_at=datetime.now(UTC))

    def ask(self) -> CommitmentState | None:
        """Asks about what is due; the state after it of the one study, None when nothing was due."""
        return self.known.state if self.commitments.ask_next("pacs", self.peer) else None

    def more(self, count: int) -> list[str]:
        """Further studies that are delivered; their jobs."""
        jobs = []
        for number in range(count):
            jobs.append(self.sending(f"{STUDY}.{number}"))
            self.deliver()
        return jobs

    def states(self) -> list[str]:
        """State of every job, in the order in which they were first asked about."""
        return [record.state.value for record in self.commitment_records.of_study()]

    @property
    def known(self) -> CommitmentRecord:
        (record,) = self.commitment_records.of_study(STUDY)
        return record

    @property
    def sent(self) -> tuple[str, ...]:
        return tuple(item.sop_instance_uid for item in self.outbox.objects(self.job))

    def close(self) -> None:
        self.records.close()
        self.archive.stop()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(tmp_path / "state", Archive(Habit.SAME_ASSOCIATION))

    def patient(*arguments: Any, **options: Any) -> AbstractContextManager[CommitmentCall]:
        """Waits long for a report that comes on the same association: a busy machine may need more than two seconds."""
        is_here = site.archive.habit is Habit.SAME_ASSOCIATION and site.archive.answer == 0
        return commitment_call(*arguments, **options, stay_s=20.0 if is_here else 0.2)

    monkeypatch.setattr(storage_commitment, "commitment_call", patient)
    yield site
    site.close()


def test_what_was_sent_is_asked_about_once_and_committed(site: Site) -> None:
    assert site.ask() is CommitmentState.COMMITTED
    assert site.archive.requests[0][1] == site.sent
    assert site.ask() is None
    (line,) = list_studies(site.settings)
    assert (line.commitment, line.sentence) == (CommitmentState.COMMITTED, "")
    assert show_study(site.settings, STUDY).commitments == (site.known,)


def test_an_object_that_is_not_kept_is_named_with_its_reason(site: Site) -> None:
    site.archive.failing = {site.sent[1]: 0x0112}
    site.ask()
    assert site.known.state is CommitmentState.FAILED
    assert site.known.sentence.startswith("it does not keep 1 of 2 objects: pdf (0x0112, no such object instance)")
    (line,) = list_studies(site.settings)
    assert line.commitment is CommitmentState.FAILED
    assert line.sentence == f"pacs: {site.known.sentence}"
    assert line.state == "delivered"


def test_retry_sends_again_and_asks_again(site: Site) -> None:
    site.archive.failing = {site.sent[1]: 0x0112}
    site.ask()
    retry_study(site.settings, STUDY)
    assert site.ask() is None, "nothing is asked about before it was sent again"
    site.deliver()
    site.archive.failing = {}
    site.ask()
    assert (site.known.state, site.known.requests) == (CommitmentState.COMMITTED, 2)
    assert site.archive.requests[0][0] != site.archive.requests[1][0], "no transaction UID is used twice"


def test_without_a_report_it_is_asked_again_and_any_report_counts(site: Site) -> None:
    site.archive.habit = Habit.NEVER
    site.commitments = site.with_settings(DeliverySettings(commitment_report_s=0.2))
    assert site.ask() is CommitmentState.PENDING
    since = site.known.since
    time.sleep(0.3)
    assert site.ask() is CommitmentState.PENDING
    assert (site.known.requests, site.known.since) == (2, since)
    (first, uids), (second, _) = site.archive.requests
    assert first != second
    assert site.commitments.reported(CommitmentReport(first, frozenset(uids), {}))
    assert site.known.state is CommitmentState.COMMITTED


def test_the_pause_before_the_next_request_is_kept(site: Site) -> None:
    site.archive.habit = Habit.NEVER
    site.ask()
    assert site.ask() is None
    assert site.known.state is CommitmentState.PENDING


def test_the_pause_ends_when_it_is_to_be_asked_now(site: Site) -> None:
    site.archive.habit = Habit.NEVER
    assert site.ask() is CommitmentState.PENDING
    assert site.ask() is None
    site.commitments.ask_now("pacs")
    assert site.ask() is CommitmentState.PENDING
    assert len(site.archive.requests) == 2


def test_a_restart_forgets_nothing(site: Site) -> None:
    site.archive.habit = Habit.NEVER
    site.ask()
    again = CommitmentRecords(site.records)
    ((transaction, _),) = site.archive.requests
    job = again.asked_by(transaction)
    assert job is not None
    assert job.job_id == site.job
    assert not again.is_due("pacs")


@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning")
def test_a_peer_that_is_away_is_asked_later(site: Site) -> None:
    site.peer = replace(site.peer, port=9)
    assert site.ask() is CommitmentState.DUE
    assert "cannot be reached" in site.known.sentence
    assert site.ask() is None


def test_a_peer_without_commitment_is_asked_once(tmp_path: Path) -> None:
    site = Site(tmp_path / "state", Archive(offers_commitment=False))
    try:
        assert site.ask() is CommitmentState.UNSUPPORTED
        assert site.ask() is None
    finally:
        site.close()


def test_a_refused_request_is_a_failure(site: Site) -> None:
    site.archive.answer = 0x0124
    assert site.ask() is CommitmentState.FAILED
    assert "0x0124" in site.known.sentence


def test_only_what_the_destination_gets_is_asked_about(site: Site) -> None:
    site.commitments = site.with_settings(DeliverySettings(), send=(Role.PDF,))
    site.ask()
    assert site.archive.requests[0][1] == site.sent[1:]


def test_deleted_results_are_not_asked_about(site: Site) -> None:
    site.outbox.drop(site.job)
    assert site.ask() is CommitmentState.UNSUPPORTED
    assert site.archive.requests == []


def test_a_destination_whose_setting_is_off_is_not_asked(site: Site) -> None:
    none = Commitments(
        destinations=(), settings=DeliverySettings(), records=site.commitment_records, outbox=site.outbox
    )
    assert not none.ask_next("pacs", site.peer)


def test_a_report_that_reaches_a_host_which_does_not_know_the_destination_counts(site: Site) -> None:
    """Another host asked, about a part of the results; this one cannot tell which, and believes the report."""
    site.archive.habit = Habit.NEVER
    site.commitments = site.with_settings(DeliverySettings(), send=(Role.PDF,))
    site.ask()
    ((transaction, uids),) = site.archive.requests
    other = Commitments(
        destinations=(), settings=DeliverySettings(), records=site.commitment_records, outbox=site.outbox
    )
    assert other.reported(CommitmentReport(transaction, frozenset(uids), {}))
    assert site.known.state is CommitmentState.COMMITTED


def test_a_report_of_an_unknown_transaction_is_not_ours(site: Site) -> None:
    assert not site.commitments.reported(CommitmentReport("2.25.5", frozenset(), {}))


def test_forgetting_a_study_forgets_its_requests(site: Site) -> None:
    site.archive.habit = Habit.NEVER
    site.ask()
    site.records.forget(STUDY)
    assert site.commitment_records.asked_by(site.archive.requests[0][0]) is None


def test_an_archive_that_reports_by_itself_is_asked_about_twice_as_many_each_time(site: Site) -> None:
    site.archive.habit = Habit.NEVER
    site.more(20)
    asked = []
    while site.ask() is not None:
        asked.append(len(site.archive.requests) - sum(asked))
    assert asked == [1, 2, 4, 8, 6]
    assert site.archive.associations == 5
    assert site.states() == ["pending"] * 21
    transactions = [transaction for transaction, _ in site.archive.requests]
    assert len(set(transactions)) == 21
    for transaction, uids in site.archive.requests[::2]:  # in any order, each about its own job
        assert site.commitments.reported(CommitmentReport(transaction, frozenset(uids), {}))
    assert site.states() == ["committed", "pending"] * 10 + ["committed"]


def test_an_archive_that_is_slow_is_asked_for_some_seconds_on_an_association(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_commitment, "ASKING_S", 0.5)
    site.archive.habit = Habit.NEVER
    site.archive.answer_after_s = 0.6
    site.more(3)
    while site.ask() is not None:
        pass
    assert site.archive.associations == len(site.archive.requests) == 4
    assert site.states() == ["pending"] * 4


def test_an_archive_that_reports_on_the_association_of_the_request_is_asked_one_by_one(site: Site) -> None:
    site.more(2)
    while site.ask() is not None:
        pass
    assert site.archive.associations == 3
    assert site.states() == ["committed"] * 3


def test_an_archive_that_takes_one_request_an_association_is_asked_about_all_the_same(site: Site) -> None:
    site.archive.habit = Habit.NEVER
    site.archive.most_requests = 1
    site.more(4)
    while site.ask() is not None:
        pass
    assert site.states() == ["pending"] * 5
    assert len(site.archive.requests) == 5
    assert [record.requests for record in site.commitment_records.of_study()] == [1, 1, 2, 1, 1]
    assert site.archive.associations == 5, "one of them for two requests, to find that out"


def test_one_request_that_is_refused_says_nothing_about_the_others(site: Site) -> None:
    site.archive.habit = Habit.NEVER
    jobs = site.more(6)
    site.archive.answers = {2: 0x0124, 4: 0x0122}
    while site.ask() is not None:
        pass
    assert site.states() == ["pending", "pending", "failed", "pending", "unsupported", "pending", "pending"]
    assert [site.commitment_records.of_study(f"{STUDY}.1")[0].job_id] == jobs[1:2]


def test_an_archive_that_is_out_of_resources_ends_the_association_and_delays_one_job_alone(site: Site) -> None:
    site.archive.habit = Habit.NEVER
    site.more(6)
    site.archive.answers = {3: 0x0213, 6: 0x0213}  # the first on the third association, the second on the fifth
    while site.ask() is not None:
        pass
    assert site.states() == ["pending"] * 3 + ["due"] + ["pending"] * 3
    assert [record.requests for record in site.commitment_records.of_study()] == [1, 1, 1, 1, 1, 1, 2]


def test_of_an_archive_that_is_away_all_that_was_taken_waits(site: Site) -> None:
    site.archive.habit = Habit.NEVER
    site.more(6)
    assert [site.ask(), site.ask()] == [CommitmentState.PENDING] * 2
    site.archive.stop()
    assert site.ask() is not None
    assert site.states() == ["pending"] * 3 + ["due"] * 4
    assert site.ask() is None
    records = site.commitment_records.of_study()
    assert [record.requests for record in records] == [1, 1, 1, 0, 0, 0, 0]
    site.archive.start(port=site.archive.port)
    site.commitments.ask_now("pacs")
    while site.ask() is not None:
        pass
    assert site.states() == ["pending"] * 7


def test_what_was_taken_by_who_died_is_due_again_after_a_time(site: Site) -> None:
    (job,) = site.commitment_records.take("pacs", at_most=5, lease_s=0.3)
    assert site.ask() is None
    assert site.known.state is CommitmentState.DUE
    time.sleep(0.35)
    assert site.commitment_records.take("pacs", at_most=5, lease_s=60.0) == (job,)
    site.commitment_records.give_back([job])
    assert site.ask() is CommitmentState.COMMITTED


WAITING = (
    Waiting("01", Role.SEG_T1C, SegmentationStorage, "2.25.1"),
    Waiting("02", Role.PDF, EncapsulatedPDFStorage, "2.25.2"),
)


@pytest.mark.parametrize(
    ("committed", "failed", "state", "sentence"),
    [
        ({"2.25.1", "2.25.2"}, {}, CommitmentState.COMMITTED, ""),
        ({"2.25.1", "2.25.2", "2.25.3"}, {}, CommitmentState.COMMITTED, ""),
        ({"2.25.1"}, {}, CommitmentState.FAILED, "its report leaves out pdf"),
        (
            set(),
            {"2.25.1": 0, "2.25.2": 0xFE00},
            CommitmentState.FAILED,
            "it does not keep 2 of 2 objects: seg_t1c (no",
        ),
        ({"2.25.1", "2.25.2"}, {"2.25.2": 0x0213}, CommitmentState.FAILED, "it does not keep 1 of 2 objects: pdf (0x0"),
        ({"2.25.1", "2.25.2"}, {"2.25.9": 0x0122}, CommitmentState.FAILED, "it does not keep 1 object (0x0122, SOP"),
    ],
)
def test_what_a_report_says(committed: set[str], failed: dict[str, int], state: CommitmentState, sentence: str) -> None:
    found, said = judged(CommitmentReport("2.25.5", frozenset(committed), failed), WAITING)
    assert found is state
    assert said.startswith(sentence)
    assert bool(said) == bool(sentence)


def test_after_deletion_a_report_counts_as_it_is() -> None:
    assert judged(CommitmentReport("2.25.5", frozenset({"2.25.1"}), {}), ())[0] is CommitmentState.COMMITTED
