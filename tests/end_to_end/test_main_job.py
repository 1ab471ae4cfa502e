"""The main job with nothing faked: Orthanc pushes a study, `rdeepnet serve` computes, SEG, SR and PDF come back once.

Kind: mechanics. The numbers themselves are tested where they are made.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.state.states import State
from appliance.state.worker_notes import activity_in
from dicom_io.synthetic.study_writer import make_study
from models.volume import Sequence
from tests.conftest import require_programs
from tests.end_to_end.running import Orthanc, RunningService, free_port, running_service, storescu

pytestmark = [pytest.mark.peers, pytest.mark.slow]
RESULTS = {"SEG": 2, "SR": 1, "DOC": 1}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningService, Orthanc]]:
    """The service as it ships and Orthanc, each the other's peer."""
    require_programs("Orthanc", "storescu")
    folder = tmp_path_factory.mktemp("main_job")
    port = free_port()
    with running_service(folder / "service", destinations={"pacs": port}, hung_after_s=600, computes=True) as service:
        orthanc = Orthanc(folder / "orthanc", service_port=service.port, port=port)
        try:
            yield service, orthanc
        finally:
            orthanc.stop()


def results(orthanc: Orthanc, study: str, sent: Counter[str]) -> Counter[str]:
    """Objects in Orthanc beyond those sent, by modality."""
    held = Counter(tags["Modality"] for tags in orthanc.instances(study))
    held.subtract(sent)
    return +held


def test_a_pushed_study_comes_back_answered_and_twice_doubles_nothing(
    tmp_path: Path, pair: tuple[RunningService, Orthanc]
) -> None:
    service, orthanc = pair
    made = make_study(tmp_path, seed=11)
    files = made.files
    sent = Counter({"MR": len(files) - 1, "SEG": 1})
    study = orthanc.upload(files)
    orthanc.push(study)
    service.wait_for_state(made.study_instance_uid, State.DELIVERED)
    assert results(orthanc, study, sent) == RESULTS
    orthanc.push(study)  # with our own objects in it
    time.sleep(3.0)
    assert service.show(made.study_instance_uid).record.state is State.DELIVERED
    assert results(orthanc, study, sent) == RESULTS


def test_the_worker_holds_the_numerical_libraries_and_the_service_none(
    tmp_path: Path, pair: tuple[RunningService, Orthanc]
) -> None:
    service, _ = pair
    made = make_study(tmp_path, seed=14)
    storescu(made.files, port=service.port)
    service.wait_for_state(made.study_instance_uid, State.DELIVERED)
    worker = activity_in(service.settings.service.state_dir)
    assert worker is not None
    mapped = {pid: Path(f"/proc/{pid}/maps").read_text() for pid in (service.pid, worker.pid)}
    libraries = ("/torch/", "/SimpleITK/", "/numba/", "/scipy/", "/onnxruntime/")
    assert [library for library in libraries if library in mapped[service.pid]] == []
    assert {"/torch/", "/onnxruntime/"} <= {library for library in libraries if library in mapped[worker.pid]}


def test_killed_while_it_computes_it_delivers_once(tmp_path: Path, pair: tuple[RunningService, Orthanc]) -> None:
    service, orthanc = pair
    made = make_study(tmp_path, seed=12)
    files = made.files
    study = orthanc.upload(files)
    orthanc.push(study)
    service.wait_for_state(made.study_instance_uid, State.RUNNING)
    service.kill()
    service.start()
    service.wait_for_state(made.study_instance_uid, State.DELIVERED)
    assert results(orthanc, study, Counter({"MR": len(files) - 1, "SEG": 1})) == RESULTS


def test_a_study_without_a_segmentation_is_refused_until_it_arrives(
    tmp_path: Path, pair: tuple[RunningService, Orthanc]
) -> None:
    service, _ = pair
    made = make_study(tmp_path, seed=13, sequences=(Sequence.T1C,))
    assert storescu(made.series["t1c"], port=service.port) == 0
    refused = service.wait_for_state(made.study_instance_uid, State.REFUSED)
    assert "segment" in refused.sentence.lower()
    assert storescu(made.series["seg_t1c"], port=service.port) == 0
    service.wait_for_state(made.study_instance_uid, State.DELIVERED)
