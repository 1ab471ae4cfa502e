"""The service as a process, between real peers: delivered once whatever happens in between.

Kind: mechanics. Everything is real but the computation (`fake_service.py`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydicom import dcmread

from appliance.service.operator import accept_draft
from appliance.service.retry import choose_for_study, retry_study
from appliance.state.operator_actions import Action
from appliance.state.record_rows import DeliveryState
from appliance.state.states import State
from dicom_io.errors import PeerRefused
from dicom_io.network.echo import echo
from dicom_io.network.peer import Delivery, Peer
from dicom_io.network.send import send
from tests.end_to_end.fake_service import NO_SEGMENTATION
from tests.end_to_end.running import (
    AE_TITLE,
    Archive,
    RunningService,
    free_port,
    running_service,
    storescp,
    storescu,
    wait_for,
)
from tests.end_to_end.small_study import document, image, segmentation, uid, write_study

pytestmark = [pytest.mark.peers, pytest.mark.slow]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, archive: Archive) -> Iterator[RunningService]:
    """A service for the tests that leave it as they found it; each has its own study."""
    with running_service(tmp_path_factory.mktemp("service"), destinations={"pacs": archive.port}) as running:
        yield running


@pytest.fixture
def own_service(tmp_path: Path, archive: Archive) -> Iterator[RunningService]:
    """A service for a test that kills or stops it."""
    with running_service(tmp_path / "service", destinations={"pacs": archive.port}) as running:
        yield running


def moves(service: RunningService, study: str) -> list[State]:
    return [move.state for move in service.show(uid(study)).moves]


DELIVERED = [State.RECEIVED, State.QUEUED, State.RUNNING, State.SENDING, State.DELIVERED]


def test_a_pushed_study_is_delivered(tmp_path: Path, service: RunningService, archive: Archive) -> None:
    assert storescu(write_study(tmp_path / "study", "one"), port=service.port) == 0
    service.wait_for_state(uid("one"), State.DELIVERED)
    assert moves(service, "one") == DELIVERED
    assert archive.count("one") == 2
    detail = service.show(uid("one"))
    assert detail.instances == 4
    assert [cost.stage for cost in detail.stages] == ["read"]
    assert detail.pdf is not None
    assert detail.pdf.is_file()
    assert "Test" not in service.log(), "no patient name in the log"
    assert "id-one" not in service.log(), "no patient ID in the log"


def test_three_associations_are_one_study(tmp_path: Path, service: RunningService, archive: Archive) -> None:
    files = write_study(tmp_path / "study", "three", images=8)
    with ThreadPoolExecutor(3) as senders:
        parts = [files[0:3], files[3:6], files[6:]]
        assert list(senders.map(lambda part: storescu(part, port=service.port), parts)) == [0, 0, 0]
    service.wait_for_state(uid("three"), State.DELIVERED)
    assert moves(service, "three") == DELIVERED
    assert service.begun(uid("three")) == ["9"]


def test_the_same_push_again_changes_nothing(tmp_path: Path, service: RunningService) -> None:
    files = write_study(tmp_path / "study", "twice")
    storescu(files, port=service.port)
    service.wait_for_state(uid("twice"), State.DELIVERED)
    assert storescu(files, port=service.port) == 0
    time.sleep(2.0)  # well beyond idle_s
    assert moves(service, "twice") == DELIVERED
    assert len(service.begun(uid("twice"))) == 1


def test_a_late_instance_answers_the_study_again(tmp_path: Path, service: RunningService) -> None:
    files = write_study(tmp_path / "study", "late")
    storescu(files[:-1], port=service.port)
    record = service.wait_for_state(uid("late"), State.REFUSED)
    assert record.sentence == NO_SEGMENTATION
    storescu(files[-1:], port=service.port)
    service.wait_for_state(uid("late"), State.DELIVERED)
    assert moves(service, "late") == [State.RECEIVED, State.QUEUED, State.RUNNING, State.REFUSED, *DELIVERED]


def test_a_choice_answers_a_study_and_is_remembered(
    tmp_path: Path, own_service: RunningService, archive: Archive
) -> None:
    """Over a restart, and for what arrives later; until then the archive has a notice, once."""
    files = write_study(tmp_path / "study", "chosen")
    (own_service.control / "ambiguous").touch()
    storescu(files[1:], port=own_service.port)
    record = own_service.wait_for_state(uid("chosen"), State.REFUSED)
    assert "rdeepnet retry STUDY --assign tumour=" in record.sentence
    wait_for(lambda: archive.count("chosen") == 1, what="the notice")
    storescu([*files[1:], *write_study(tmp_path / "more", "chosen", images=4)[3:4]], port=own_service.port)
    wait_for(lambda: len(own_service.begun(uid("chosen"))) == 2, what="the second refusal")
    own_service.wait_for_state(uid("chosen"), State.REFUSED)
    assert [one.state for one in own_service.show(uid("chosen")).deliveries] == [DeliveryState.DONE]
    choose_for_study(own_service.settings, uid("chosen"), ["tumour=Reader 2"])
    own_service.wait_for_state(uid("chosen"), State.DELIVERED)
    own_service.stop()
    own_service.start()
    storescu(files[:1], port=own_service.port)
    wait_for(lambda: len(own_service.begun(uid("chosen"))) == 4, what="the answer to the whole study")
    own_service.wait_for_state(uid("chosen"), State.DELIVERED)
    assert [line.split(" ", 3)[3] for line in own_service.begun()] == ["-", "-", "Reader 2", "Reader 2"]
    (notice,) = [file for file in map(dcmread, archive.folder.iterdir()) if file.Modality == "OT"]
    assert "Two segments overlap; one was expected." in notice.ImageComments
    assert notice.PatientID == "id-chosen"
    assert "Test^Patient" not in own_service.log()


def test_a_late_instance_while_the_job_runs_drops_what_is_computed(
    tmp_path: Path, service: RunningService, archive: Archive
) -> None:
    files = write_study(tmp_path / "study", "meanwhile", images=4)
    (service.control / "hold").touch()
    storescu(files[1:], port=service.port)
    service.wait_for_state(uid("meanwhile"), State.RUNNING)
    storescu(files[:1], port=service.port)
    service.wait_for_state(uid("meanwhile"), State.QUEUED)
    (service.control / "hold").unlink()
    service.wait_for_state(uid("meanwhile"), State.DELIVERED)
    assert service.begun(uid("meanwhile")) == ["4", "5"]
    assert archive.count("meanwhile") == 2, "only the answer to the whole study"


def test_kill_while_the_job_runs_delivers_once(tmp_path: Path, own_service: RunningService, archive: Archive) -> None:
    (own_service.control / "hold").touch()
    storescu(write_study(tmp_path / "study", "killed"), port=own_service.port)
    own_service.wait_for_state(uid("killed"), State.RUNNING)
    wait_for(own_service.begun, what="the job to have begun")
    own_service.kill()
    (own_service.control / "hold").unlink()
    own_service.start()
    own_service.wait_for_state(uid("killed"), State.DELIVERED)
    begun = own_service.begun()
    assert len(begun) == 2
    assert begun[0] == begun[1], "the same files, asked for at the same time: the same objects"
    assert archive.count("killed") == 2
    assert moves(own_service, "killed").count(State.SENDING) == 1


def test_killed_at_every_stage_a_draft_is_sent_once_and_answered_once(tmp_path: Path) -> None:
    port = free_port()
    drafts = 'drafts = ["draft_seg"]'
    with running_service(tmp_path / "service", destinations={"pacs": port}, of_destination=drafts) as running:
        (running.control / "strokes").touch()
        (running.control / "hold").touch()
        storescu(write_study(tmp_path / "study", "draft"), port=running.port)
        running.wait_for_state(uid("draft"), State.RUNNING)
        running.kill()
        (running.control / "hold").unlink()
        running.start()
        assert running.wait_for_state(uid("draft"), State.REVIEW).sentence == "A draft waits."
        running.kill()  # before the archive has it
        running.start()
        with storescp(tmp_path / "archive", port) as folder:
            archive = Archive(folder, port)
            wait_for(lambda: archive.count("draft") == 1, what="the draft")
            running.kill()
            assert accept_draft(running.settings, uid("draft"), by="jo (page)") is State.QUEUED
            (running.control / "hold").touch()
            running.start()
            running.wait_for_state(uid("draft"), State.RUNNING)
            running.kill()
            (running.control / "hold").unlink()
            running.start()
            running.wait_for_state(uid("draft"), State.DELIVERED)
            assert archive.count("draft") == 3  # the draft, and the two objects of the answer
        reviewed = [State.RECEIVED, State.QUEUED, State.RUNNING, State.QUEUED, State.RUNNING, State.REVIEW]
        answered = [State.QUEUED, State.RUNNING, State.QUEUED, State.RUNNING, State.SENDING, State.DELIVERED]
        assert moves(running, "draft") == [*reviewed, *answered]
        assert [one.action for one in running.show(uid("draft")).actions] == [Action.ACCEPT]


def test_kill_right_after_the_push_loses_nothing(tmp_path: Path, own_service: RunningService) -> None:
    assert storescu(write_study(tmp_path / "study", "early"), port=own_service.port) == 0
    own_service.kill()
    own_service.start()
    own_service.wait_for_state(uid("early"), State.DELIVERED)


def test_a_clean_stop_leaves_the_job_to_the_next_start(tmp_path: Path, own_service: RunningService) -> None:
    (own_service.control / "hold").touch()
    storescu(write_study(tmp_path / "study", "stopped"), port=own_service.port)
    for _ in range(4):  # more often than max_attempts: a clean stop is nobody's fault
        own_service.wait_for_state(uid("stopped"), State.RUNNING)
        begun = len(own_service.begun())
        assert own_service.stop() == 0
        own_service.start()
        wait_for(lambda begun=begun: len(own_service.begun()) > begun, what="the job to be begun again")
    (own_service.control / "hold").unlink()
    own_service.wait_for_state(uid("stopped"), State.DELIVERED)


def test_a_study_that_hangs_every_time_is_failed_and_the_next_one_answered(tmp_path: Path, archive: Archive) -> None:
    with running_service(tmp_path / "service", destinations={"pacs": archive.port}, hung_after_s=1.0) as service:
        (service.control / "hold").touch()
        storescu(write_study(tmp_path / "study", "hangs"), port=service.port)
        record = service.wait_for_state(uid("hangs"), State.FAILED)
        assert re.match(r"The computation ended its process 3 times \(hung for [12] s", record.sentence)
        assert len(set(service.workers())) == service.settings.jobs.max_attempts
        (service.control / "hold").unlink()
        storescu(write_study(tmp_path / "next", "next"), port=service.port)
        service.wait_for_state(uid("next"), State.DELIVERED)
        assert retry_study(service.settings, uid("hangs")) is State.QUEUED
        service.wait_for_state(uid("hangs"), State.DELIVERED)


def test_results_wait_for_an_absent_peer(tmp_path: Path) -> None:
    port = free_port()
    with running_service(tmp_path / "service", destinations={"pacs": port}) as service:
        storescu(write_study(tmp_path / "study", "absent"), port=service.port)
        service.wait_for_state(uid("absent"), State.SENDING)
        wait_for(lambda: service.show(uid("absent")).deliveries[0].attempts >= 2, what="two attempts")
        assert "cannot be reached" in service.show(uid("absent")).deliveries[0].sentence
        service.kill()
        service.start()
        with storescp(tmp_path / "archive", port) as folder:
            service.wait_for_state(uid("absent"), State.DELIVERED)
            assert len(list(folder.iterdir())) == 2


def test_one_absent_peer_does_not_delay_the_other(tmp_path: Path, archive: Archive) -> None:
    destinations = {"absent": free_port(), "pacs": archive.port}
    with running_service(tmp_path / "service", destinations=destinations) as service:
        storescu(write_study(tmp_path / "study", "two"), port=service.port)
        wait_for(lambda: archive.count("two") == 2, what="the results at the peer that is there")
        assert service.show(uid("two")).record.state is State.SENDING


def test_an_unexpected_error_fails_the_study_and_names_no_patient(tmp_path: Path, service: RunningService) -> None:
    (service.control / "crash").touch()
    storescu(write_study(tmp_path / "study", "crash"), port=service.port)
    record = service.wait_for_state(uid("crash"), State.FAILED)
    assert record.sentence.startswith("An unexpected error (ZeroDivisionError)")
    assert "fake_service.py" in service.log()
    assert "Test^Patient" not in service.log() + record.sentence
    (service.control / "crash").unlink()
    assert retry_study(service.settings, uid("crash")) is State.QUEUED
    service.wait_for_state(uid("crash"), State.DELIVERED)


def test_our_own_objects_coming_back_are_ignored(tmp_path: Path, service: RunningService) -> None:
    files = write_study(tmp_path / "study", "loop")
    for name, dataset in (("seg", segmentation("loop", ours=True)), ("pdf", document("loop", ours=True))):
        files.append(tmp_path / f"{name}.dcm")
        dataset.save_as(files[-1], enforce_file_format=True)
    assert storescu(files, port=service.port) == 0
    service.wait_for_state(uid("loop"), State.DELIVERED)
    assert service.begun(uid("loop")) == ["4"], "three images and the peer's own segmentation"


def test_a_corrected_instance_counts(tmp_path: Path, service: RunningService) -> None:
    files = write_study(tmp_path / "study", "corrected")
    storescu(files, port=service.port)
    service.wait_for_state(uid("corrected"), State.DELIVERED)
    image("corrected", 0, name="Right^Name").save_as(files[0], enforce_file_format=True)
    storescu(files, port=service.port)
    wait_for(lambda: len(service.begun(uid("corrected"))) == 2, what="the study to be answered again")
    service.wait_for_state(uid("corrected"), State.DELIVERED)
    assert service.begun(uid("corrected")) == ["4", "4"]


def test_who_is_not_listed_is_refused(tmp_path: Path, service: RunningService) -> None:
    files = write_study(tmp_path / "study", "stranger")
    assert storescu(files, port=service.port, calling="STRANGER") != 0
    assert storescu(files, port=service.port, called="ANOTHER") != 0
    with pytest.raises(PeerRefused, match="our AE title is not known there"):
        echo(Peer(AE_TITLE, "127.0.0.1", service.port, "STRANGER", 10.0))
    with pytest.raises(PeerRefused, match="its AE title differs"):
        echo(Peer("ANOTHER", "127.0.0.1", service.port, "STORESCU", 10.0))
    assert service.begun(uid("stranger")) == []
    wait_for(lambda: "peer=STRANGER" in service.log(), what="the line in the log")


def test_a_second_service_on_the_same_state_folder_does_not_start(service: RunningService) -> None:
    assert "Another service uses" in service.start_another()


def test_the_sender_says_what_became_of_every_object(tmp_path: Path, service: RunningService) -> None:
    files = write_study(tmp_path / "study", "sent")
    results = send(files, Peer(AE_TITLE, "127.0.0.1", service.port, "STORESCU", 10.0))
    assert [result.delivery for result in results] == [Delivery.STORED] * 4
