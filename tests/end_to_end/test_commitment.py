"""Storage commitment of the running service: Debian's Orthanc, and an archive with every habit.

Kind: mechanics. Everything is real but the computation (`fake_service.py`).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydicom.uid import EncapsulatedPDFStorage, SegmentationStorage
from typer.testing import CliRunner

from appliance.cli import app
from appliance.state.commitment_records import CommitmentRecord, CommitmentState
from appliance.state.states import State
from tests.conftest import require_programs
from tests.dicom_io.network.commitment_peer import Archive, Habit
from tests.end_to_end.running import Orthanc, RunningService, free_port, running_service, storescu, wait_for
from tests.end_to_end.small_study import uid, write_study

pytestmark = [pytest.mark.peers, pytest.mark.slow]


def wait_for_commitment(service: RunningService, study: str, state: CommitmentState) -> CommitmentRecord:
    def found() -> CommitmentRecord | None:
        return next((one for one in service.show(uid(study)).commitments if one.state is state), None)

    try:
        record: CommitmentRecord = wait_for(found, what=f"the results to be {state}", patience_s=30.0)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{service.log()}") from error
    return record


def test_orthanc_commits_to_what_it_stored(tmp_path: Path) -> None:
    require_programs("Orthanc", "storescu")
    port = free_port()
    # Orthanc calls as PACS; PACS is a destination and no sender, so it may report and not store.
    with running_service(tmp_path / "service", destinations={"pacs": port}, senders=("STORESCU",)) as service:
        orthanc = Orthanc(tmp_path / "orthanc", service_port=service.port, port=port, title="PACS")
        try:
            assert storescu(write_study(tmp_path, "kept"), port=service.port) == 0
            service.wait_for_state(uid("kept"), State.DELIVERED)
            wait_for_commitment(service, "kept", CommitmentState.COMMITTED)
            answer = CliRunner().invoke(app, ["status", "--json", "--config", str(service.settings_file)])
            assert [line["commitment"] for line in json.loads(answer.output)] == ["committed"]
        finally:
            orthanc.stop()


@pytest.mark.parametrize("habit", [Habit.OWN_ASSOCIATION, Habit.SAME_ASSOCIATION])
def test_a_failure_is_shown_with_its_reason_and_settled_by_retry(habit: Habit, tmp_path: Path) -> None:
    require_programs("storescu")
    archive = Archive(habit, sop_classes=(SegmentationStorage, EncapsulatedPDFStorage))
    archive.start()
    # On a busy machine a report on the same association may come when the service has left it: it asks again.
    options = {"destinations": {"pacs": archive.port}, "senders": ("STORESCU",), "commitment_report_s": 5.0}
    try:
        with running_service(tmp_path / "s", **options) as service:
            archive.report_to = ("RDEEPNET", service.port)
            (service.control / "hold").touch()
            assert storescu(write_study(tmp_path, "one"), port=service.port) == 0
            service.wait_for_state(uid("one"), State.RUNNING)
            archive.failing_class = EncapsulatedPDFStorage
            (service.control / "hold").unlink()
            failed = wait_for_commitment(service, "one", CommitmentState.FAILED)
            assert "1 of 2 objects: pdf (0x0112, no such object instance)" in failed.sentence
            assert service.show(uid("one")).record.state is State.DELIVERED
            archive.failing_class = None
            shown = CliRunner().invoke(app, ["retry", uid("one"), "--config", str(service.settings_file)])
            assert shown.exit_code == 0, shown.output
            wait_for_commitment(service, "one", CommitmentState.COMMITTED)
            # The service records the report before it answers it.
            wait_for(lambda: archive.replies.count(0x0000) >= 2, what="the answer to the second report")
            assert set(archive.replies) <= {0x0000, None}
    finally:
        archive.stop()


def test_a_report_that_never_comes_is_asked_for_again_also_after_a_kill(tmp_path: Path) -> None:
    require_programs("storescu")
    archive = Archive(Habit.NEVER, sop_classes=(SegmentationStorage, EncapsulatedPDFStorage))
    archive.start()
    options = {"destinations": {"pacs": archive.port}, "senders": ("STORESCU",), "commitment_report_s": 3.0}
    try:
        with running_service(tmp_path / "s", **options) as service:
            archive.report_to = ("RDEEPNET", service.port)
            assert storescu(write_study(tmp_path, "one"), port=service.port) == 0
            service.wait_for_state(uid("one"), State.DELIVERED)
            wait_for_commitment(service, "one", CommitmentState.PENDING)
            wait_for(lambda: len(archive.requests) == 1, what="the first request")
            service.kill()
            service.start()
            wait_for(lambda: len(archive.requests) == 2, what="the second request")
            archive.habit = Habit.OWN_ASSOCIATION
            wait_for_commitment(service, "one", CommitmentState.COMMITTED)
            assert len({transaction for transaction, _ in archive.requests}) == len(archive.requests)
            assert len({uids for _, uids in archive.requests}) == 1
    finally:
        archive.stop()
