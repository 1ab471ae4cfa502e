"""The two steps of a job, their outbox and their delivery, without queue and network. Kind: mechanics."""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom import dcmread

from appliance.peer_settings import Destination
from appliance.service.delivery import attempt, pause_s
from appliance.service.notices import Notices
from appliance.service.worker import Asked, Outcome, Worker
from appliance.settings import DeliverySettings
from appliance.stages import StageCost
from appliance.state.inbox_folder import FolderInbox
from appliance.state.outbox import Outgoing
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.record_rows import DeliveryRecord, DeliveryState
from appliance.state.records import Records
from appliance.state.states import State
from dicom_io.answer import Answer, AnswerObject
from dicom_io.answer_roles import RESULTS, Role
from dicom_io.errors import ObjectNotConformant, PeerRefused, PeerRejected, PeerUnavailable, Remedy, SeriesNotFound
from dicom_io.network.peer import Delivery, Sent
from models.errors import FeatureUndefined, RDeepNetError
from tests.end_to_end.small_study import document, segmentation, uid

STUDY = "1.2.3"


def outgoing() -> Outgoing:
    objects = (
        AnswerObject(Role.SEG_T1C, segmentation("a", ours=True)),
        AnswerObject(Role.PDF, document("a", ours=True)),
    )
    return Outgoing(Answer(objects, b"%PDF-1.4\n"), (StageCost("read", 0.5, 0.4, 100.0),))


class Bench:
    """Inbox, outbox, records and a worker around one answer."""

    def __init__(self, folder: Path, answer: Callable[[], Outgoing]) -> None:
        self.asked: list[tuple[Sequence[Path], Asked]] = []
        self.records = Records(folder / "studies.sqlite3")
        self.inbox = FolderInbox(folder / "inbox")
        self.outbox = FolderOutbox(folder / "outbox")

        def asked(files: Sequence[Path], question: Asked) -> Outgoing:
            self.asked.append((files, question))
            return answer()

        self.worker = Worker(
            answer=asked,
            inbox=self.inbox,
            outbox=self.outbox,
            records=self.records,
            destinations=["pacs"],
            notices=Notices(destinations=(), inbox=self.inbox, outbox=self.outbox, records=self.records),
        )

    def queued(self) -> str:
        self.inbox.keep(STUDY, instance_uid="1.1", meta=b"", dataset=b"pixels")
        self.records.arrived(STUDY)
        return self.records.queue(STUDY, digest=self.inbox.content(STUDY).digest)

    def run(self, job: str) -> Outcome:
        outcome = self.worker.answer(job)
        self.worker.conclude(job, outcome)
        return Outcome.from_text(outcome)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, outgoing)


def failing(error: Exception) -> Callable[[], Outgoing]:
    def answer() -> Outgoing:
        raise error

    return answer


def test_results_go_to_the_outbox_and_the_study_is_sending(bench: Bench) -> None:
    job = bench.queued()
    assert bench.run(job) == Outcome(State.SENDING)
    assert bench.records.study(STUDY).state is State.SENDING
    first, second = bench.outbox.objects(job)
    assert (first.role, second.role) == (Role.SEG_T1C, Role.PDF)
    assert dcmread(bench.outbox.folder_of(job) / first.file_name).SOPInstanceUID == first.sop_instance_uid
    assert bench.outbox.stages(job) == (StageCost("read", 0.5, 0.4, 100.0),)
    assert {file.stat().st_mode & 0o777 for file in bench.outbox.folder_of(job).iterdir()} == {0o600}
    text = (bench.outbox.folder_of(job) / "objects.json").read_text()
    assert "Test" not in text
    assert json.loads(text)["job"] == job
    bench.records.close()


def test_a_repeated_step_computes_nothing_again_and_changes_nothing(bench: Bench) -> None:
    job = bench.queued()
    bench.worker.answer(job)
    before = {file: file.stat().st_mtime_ns for file in bench.outbox.folder_of(job).iterdir()}
    assert bench.run(job) == Outcome(State.SENDING)
    assert len(bench.asked) == 1
    assert {file: file.stat().st_mtime_ns for file in bench.outbox.folder_of(job).iterdir()} == before
    bench.records.close()


@pytest.mark.parametrize(
    "full",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        sqlite3.OperationalError("database or disk is full"),
    ],
)
def test_a_full_disk_is_nothing_about_the_study(tmp_path: Path, full: Exception) -> None:
    errors: list[Exception] = [full]

    def answer() -> Outgoing:
        if errors:
            raise errors.pop()
        return outgoing()

    bench = Bench(tmp_path, answer)
    job = bench.queued()
    with pytest.raises(type(full)):
        bench.worker.answer(job)
    assert bench.records.study(STUDY).state is State.RUNNING
    assert bench.run(job) == Outcome(State.SENDING)
    bench.records.close()


def test_half_written_results_of_a_crash_are_written_anew(bench: Bench) -> None:
    job = bench.queued()
    folder = bench.outbox.folder_of(job)
    part = folder.with_name(f".{folder.name}.part")
    part.mkdir()
    (part / "01-seg_t1c.dcm").write_bytes(b"half")
    assert not bench.outbox.has(job)
    assert bench.run(job) == Outcome(State.SENDING)
    assert dcmread(folder / bench.outbox.objects(job)[0].file_name).StudyInstanceUID == uid("a")
    assert not part.exists()
    bench.records.close()


@pytest.mark.parametrize(
    ("error", "state", "sentence"),
    [
        (FeatureUndefined("the region has one voxel"), State.REFUSED, "the region has one voxel"),
        (
            SeriesNotFound("No T1+C series.", remedies=(Remedy.CHOOSE_SERIES,)),
            State.REFUSED,
            "No T1+C series. Choose with rdeepnet retry STUDY --assign t1c=",
        ),
        (ObjectNotConformant("an object lacks X"), State.FAILED, "an object lacks X"),
        (RDeepNetError("the model fails"), State.FAILED, "the model fails"),
        (MemoryError(), State.FAILED, "The study needed more memory than the machine has"),
        (KeyError("Test^Patient"), State.FAILED, "An unexpected error (KeyError)"),
    ],
)
def test_every_error_ends_the_study_with_a_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception, state: State, sentence: str
) -> None:
    bench = Bench(tmp_path, failing(error))
    bench.run(bench.queued())
    record = bench.records.study(STUDY)
    assert record.state is state
    assert record.sentence.startswith(sentence)
    assert "Test^Patient" not in record.sentence + caplog.text
    bench.records.close()


def test_content_that_changed_since_the_job_was_queued_is_not_answered(bench: Bench) -> None:
    job = bench.queued()
    bench.inbox.keep(STUDY, instance_uid="1.2", meta=b"", dataset=b"late")
    assert bench.run(job) == Outcome(None)
    assert bench.asked == []
    bench.records.close()


def test_results_of_a_study_that_moved_on_while_it_was_computed_are_dropped(tmp_path: Path) -> None:
    def late() -> Outgoing:
        bench.records.arrived(STUDY)
        return outgoing()

    bench = Bench(tmp_path, late)
    job = bench.queued()
    bench.run(job)
    assert bench.records.study(STUDY).state is State.RECEIVED
    assert not bench.outbox.has(job)
    bench.records.close()


def test_images_that_retention_deleted_are_asked_for(bench: Bench) -> None:
    job = bench.queued()
    bench.inbox.remove(STUDY)
    assert bench.run(job).state is State.FAILED
    assert "send them again" in bench.records.study(STUDY).sentence
    bench.records.close()


def delivery(job: str) -> DeliveryRecord:
    return DeliveryRecord(job, STUDY, "pacs", DeliveryState.WAITING, 0, datetime.now(UTC), "")


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ([Delivery.STORED, Delivery.STORED], DeliveryState.DONE),
        ([Delivery.STORED, Delivery.UNAVAILABLE], DeliveryState.WAITING),
        ([Delivery.REFUSED, Delivery.UNAVAILABLE], DeliveryState.REFUSED),
    ],
)
def test_a_delivery_is_done_when_every_object_is_stored(
    bench: Bench, results: list[Delivery], state: DeliveryState
) -> None:
    job = bench.queued()
    bench.run(job)

    def sent(files: Sequence[Path]) -> tuple[Sent, ...]:
        return tuple(Sent("1.2", result, str(result)) for _, result in zip(files, results, strict=True))

    found, sentence = attempt(
        delivery(job), destination=Destination("pacs", "PACS", "h"), outbox=bench.outbox, send_files=sent
    )
    assert found is state
    assert bool(sentence) == (state is not DeliveryState.DONE)
    bench.records.close()


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (PeerUnavailable("away"), DeliveryState.WAITING),
        (PeerRejected("not yet"), DeliveryState.WAITING),
        (PeerRefused("no"), DeliveryState.REFUSED),
    ],
)
def test_a_peer_that_is_away_is_waited_for_and_one_that_says_no_is_not(
    bench: Bench, error: Exception, state: DeliveryState
) -> None:
    job = bench.queued()
    bench.run(job)

    def away(files: Sequence[Path]) -> tuple[Sent, ...]:
        raise error

    destination = Destination("pacs", "PACS", "h")
    assert attempt(delivery(job), destination=destination, outbox=bench.outbox, send_files=away) == (state, str(error))
    bench.records.close()


def test_a_destination_gets_what_its_settings_say(bench: Bench) -> None:
    job = bench.queued()
    bench.run(job)
    sent: list[str] = []

    def noted(files: Sequence[Path]) -> tuple[Sent, ...]:
        sent.extend(file.name for file in files)
        return ()

    for roles in ((Role.PDF,), (Role.KEY_SR,), RESULTS):
        destination = Destination("pacs", "PACS", "h", send=roles)
        done, _ = attempt(delivery(job), destination=destination, outbox=bench.outbox, send_files=noted)
        assert done is DeliveryState.DONE
    assert sent == ["02-pdf.dcm", "01-seg_t1c.dcm", "02-pdf.dcm"]
    bench.records.close()


def test_lost_results_are_said(bench: Bench) -> None:
    destination = Destination("pacs", "PACS", "h")
    state, sentence = attempt(delivery("gone"), destination=destination, outbox=bench.outbox, send_files=lambda _: ())
    assert state is DeliveryState.REFUSED
    assert "no longer in the outbox" in sentence
    bench.records.close()


def test_pauses_double_up_to_the_maximum() -> None:
    settings = DeliverySettings(retry_min_s=10, retry_max_s=600)
    pauses = [pause_s(attempts, settings=settings) for attempts in (1, 2, 3, 7, 8, 100000)]
    assert pauses == [10, 20, 40, 600, 600, 600]
