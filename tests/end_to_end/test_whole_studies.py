"""A whole clinical study gets in, whoever sends it and whatever stands beside the images.

Kind: mechanics. Four senders × seven companions that are no input: every image arrives, the sender is content, the
companion is counted and not kept, and the study has one job. The computation is the fake of `fake_service.py`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.uid import (
    BasicTextSRStorage,
    EnhancedSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    RTPlanStorage,
    SecondaryCaptureImageStorage,
)

from appliance.state.record_rows import UnknownStudy
from appliance.state.states import State
from tests.conftest import require_programs
from tests.end_to_end.running import (
    AE_TITLE,
    Archive,
    Orthanc,
    RunningService,
    dcmsend,
    running_service,
    storescu,
    wait_for,
)
from tests.end_to_end.small_study import instance, uid, write_study

pytestmark = [pytest.mark.peers, pytest.mark.slow]

PRIVATE_CLASS = "1.2.840.113619.4.30"
COMPANIONS = {
    "SC": SecondaryCaptureImageStorage,
    "PR": GrayscaleSoftcopyPresentationStateStorage,
    "KO": KeyObjectSelectionDocumentStorage,
    "text SR": BasicTextSRStorage,
    "enhanced SR": EnhancedSRStorage,
    "RTPLAN": RTPlanStorage,
    "private": PRIVATE_CLASS,
}
IMAGES = 3

Sender = Callable[[list[Path], RunningService, Orthanc], None]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, archive: Archive) -> Iterator[tuple[RunningService, Orthanc]]:
    """The service, its results going to another archive, and Orthanc as the PACS that holds the studies."""
    require_programs("Orthanc", "storescu", "dcmsend")
    folder = tmp_path_factory.mktemp("whole")
    with running_service(folder / "service", destinations={"pacs": archive.port}, idle_s=0.5) as service:
        orthanc = Orthanc(folder / "orthanc", service_port=service.port)
        try:
            yield service, orthanc
        finally:
            orthanc.stop()


def by_orthanc(files: list[Path], service: RunningService, orthanc: Orthanc) -> None:
    orthanc.push(orthanc.upload(files))


def by_c_move(files: list[Path], service: RunningService, orthanc: Orthanc) -> None:
    """Retrieved to us: a third party asks Orthanc to send."""
    study = orthanc.upload(files)
    name = orthanc.get(f"studies/{study}")["MainDicomTags"]["StudyInstanceUID"]
    command = ["movescu", "--study", "--call", "ORTHANC", "--aetitle", AE_TITLE, "--move", AE_TITLE]
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={name}"]
    done = subprocess.run(
        [*command, *keys, "127.0.0.1", str(orthanc.port)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def by_storescu(files: list[Path], service: RunningService, orthanc: Orthanc) -> None:
    assert storescu(files, port=service.port) == 0


def by_dcmsend(files: list[Path], service: RunningService, orthanc: Orthanc) -> None:
    assert dcmsend(files, port=service.port) == 0


# storescu refuses a file of a class it does not know before it calls anybody.
NEVER_SENT = {(by_storescu, "private")}


@pytest.mark.parametrize("send", [by_orthanc, by_c_move, by_storescu, by_dcmsend])
def test_every_image_arrives_whatever_stands_beside_it(
    tmp_path: Path, pair: tuple[RunningService, Orthanc], send: Sender
) -> None:
    service, orthanc = pair
    names = [name for name in COMPANIONS if (send, name) not in NEVER_SENT]
    studies = {name: f"{send.__name__} {name}" for name in names}
    (service.control / "hold").touch()  # the results of one study do not take time from the next
    for name, study in studies.items():
        # First of all: a sender that gives up at the companion would send nothing.
        companion = tmp_path / name / "-companion.dcm"
        files = write_study(companion.parent, study, images=IMAGES)
        made = instance(study, sop_class=COMPANIONS[name], number=3000)
        made.save_as(companion, enforce_file_format=True)
        send([companion, *files], service, orthanc)
    (service.control / "hold").unlink()
    for name, study in studies.items():
        service.wait_for_state(uid(study), State.DELIVERED)
        assert service.begun(uid(study)) == [str(IMAGES + 1)], name  # the segmentation is an input
        counted = service.show(uid(study)).not_kept
        assert [(item.sop_class_uid, item.instances) for item in counted] == [(COMPANIONS[name], 1)], name


def test_what_was_not_kept_is_counted_once_and_outlives_a_restart(
    tmp_path: Path, pair: tuple[RunningService, Orthanc]
) -> None:
    service, _ = pair
    study, path = "counted", tmp_path / "companion.dcm"
    files = write_study(tmp_path / "study", study, images=1)
    instance(study, sop_class=COMPANIONS["SC"], number=3000).save_as(path, enforce_file_format=True)
    assert storescu([*files, path], port=service.port) == 0
    service.wait_for_state(uid(study), State.DELIVERED)
    assert storescu([path], port=service.port) == 0
    assert service.stop() == 0
    service.start()
    detail = service.show(uid(study))
    assert [item.instances for item in detail.not_kept] == [1]
    assert detail.record.state is State.DELIVERED, "what is no input has no study answered again"
    assert service.begun(uid(study)) == ["2"]


def test_a_study_without_any_input_makes_no_job_and_says_why(
    tmp_path: Path, pair: tuple[RunningService, Orthanc]
) -> None:
    service, _ = pair
    files = []
    for number, name in enumerate(COMPANIONS):
        files.append(tmp_path / f"{number}.dcm")
        made = instance("only others", sop_class=COMPANIONS[name], number=number)
        made.save_as(files[-1], enforce_file_format=True)
    assert dcmsend(files, port=service.port) == 0

    def sentence() -> str:
        with pytest.raises(UnknownStudy) as error:
            service.show(uid("only others"))
        return str(error.value) if "private class" in str(error.value) else ""

    said = wait_for(sentence, what="the count of what was not kept")
    assert "1 × Secondary Capture Image Storage" in said
    assert "1 × private class" in said
    assert said.count(" × ") == len(COMPANIONS)
    assert service.begun(uid("only others")) == []
