"""Debian's Orthanc as PACS: it pushes, it gets the results back, and nothing doubles.

Kind: mechanics. Everything is real but the computation (`fake_service.py`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.service.doctor import Verdict, check_destination
from appliance.service.study_status import list_studies
from appliance.state.states import State
from tests.conftest import require_programs
from tests.end_to_end.running import Orthanc, RunningService, free_port, running_service, storescu, wait_for
from tests.end_to_end.small_study import uid, write_study

pytestmark = [pytest.mark.peers, pytest.mark.slow]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningService, Orthanc]]:
    """The service and Orthanc, each the other's peer."""
    require_programs("Orthanc", "storescu")
    folder = tmp_path_factory.mktemp("pair")
    port = free_port()
    with running_service(folder / "service", destinations={"pacs": port}) as service:
        orthanc = Orthanc(folder / "orthanc", service_port=service.port, port=port)
        try:
            yield service, orthanc
        finally:
            orthanc.stop()


def modalities(orthanc: Orthanc, study: str) -> Counter[str]:
    return Counter(tags["Modality"] for tags in orthanc.instances(study))


def test_results_of_a_push_by_rest_appear_in_orthanc(tmp_path: Path, pair: tuple[RunningService, Orthanc]) -> None:
    service, orthanc = pair
    study = orthanc.upload(write_study(tmp_path, "rest"))
    orthanc.push(study)
    service.wait_for_state(uid("rest"), State.DELIVERED)
    assert modalities(orthanc, study) == {"MR": 3, "SEG": 2, "DOC": 1}


def test_pushed_twice_nothing_doubles_and_our_results_are_not_taken_for_input(
    tmp_path: Path, pair: tuple[RunningService, Orthanc]
) -> None:
    service, orthanc = pair
    study = orthanc.upload(write_study(tmp_path, "again"))
    orthanc.push(study)
    service.wait_for_state(uid("again"), State.DELIVERED)
    before = modalities(orthanc, study)
    orthanc.push(study)  # the whole study now, with our segmentation and document in it
    time.sleep(2.0)  # well beyond idle_s
    assert service.begun(uid("again")) == ["4"]
    assert modalities(orthanc, study) == before
    assert service.show(uid("again")).record.state is State.DELIVERED


def test_a_kill_between_push_and_delivery_leaves_one_set_of_results(
    tmp_path: Path, pair: tuple[RunningService, Orthanc]
) -> None:
    service, orthanc = pair
    study = orthanc.upload(write_study(tmp_path, "killed"))
    (service.control / "hold").touch()
    orthanc.push(study)
    service.wait_for_state(uid("killed"), State.RUNNING)
    service.kill()
    (service.control / "hold").unlink()
    service.start()
    service.wait_for_state(uid("killed"), State.DELIVERED)
    assert modalities(orthanc, study) == {"MR": 3, "SEG": 2, "DOC": 1}


def test_a_study_sent_by_storescu_comes_back_to_orthanc(tmp_path: Path, pair: tuple[RunningService, Orthanc]) -> None:
    service, orthanc = pair
    assert storescu(write_study(tmp_path, "elsewhere"), port=service.port) == 0
    service.wait_for_state(uid("elsewhere"), State.DELIVERED)

    def found() -> list[str]:
        return [
            name
            for name in orthanc.get("studies")
            if orthanc.get(f"studies/{name}")["MainDicomTags"]["StudyInstanceUID"] == uid("elsewhere")
        ]

    (study,) = wait_for(found, what="the study in Orthanc")
    assert modalities(orthanc, study) == {"SEG": 1, "DOC": 1}


def test_a_pacs_that_does_not_know_us_yet_gets_the_results_when_it_does(tmp_path: Path) -> None:
    require_programs("Orthanc", "storescu")
    port = free_port()
    with running_service(tmp_path / "service", destinations={"pacs": port}) as service:
        orthanc = Orthanc(tmp_path / "stranger", service_port=service.port, port=port, knows_us=False)
        try:
            storescu(write_study(tmp_path / "study", "stranger"), port=service.port)
            service.wait_for_state(uid("stranger"), State.SENDING)
            wait_for(lambda: service.show(uid("stranger")).deliveries[0].attempts > 2, what="further attempts")

            def listed() -> str:
                """Sentence of the list; a busy PACS may miss one attempt and answer the next."""
                return next(iter(list_studies(service.settings))).sentence

            wait_for(
                lambda: listed().startswith("pacs: ") and "the PACS must register our AE title RDEEPNET" in listed(),
                what="the answer of the PACS",
            )
            (destination,) = service.settings.destinations
            check = wait_for(  # doctor waits for an echo for seconds only, and the machine may be busy
                lambda: (found := check_destination(destination, service.settings)).verdict is Verdict.BAD and found,
                what="the verdict of doctor",
            )
            assert "the PACS must register" in check.sentence
        finally:
            orthanc.stop()
        orthanc = Orthanc(tmp_path / "knows", service_port=service.port, port=port)
        try:
            service.wait_for_state(uid("stranger"), State.DELIVERED)
        finally:
            orthanc.stop()
