"""The two halves of a study that was split over two Study Instance UIDs, in the inbox. Kind: mechanics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom
import pytest

from appliance.service.notices import Notices
from appliance.service.other_half import SMALL, other_halves
from appliance.service.worker import Asked, Outcome, Worker
from appliance.state.inbox_folder import FolderInbox
from appliance.state.outbox import Outgoing
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.records import Records
from appliance.state.states import State
from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from tests.dicom_io.made_series import STUDY_UID, MadeSeries, affine_of, ball, voxels_of, write_seg, write_series

OTHER = "1.2.3.77"
SLICES = 60  # more than SMALL
SHAPE = (SLICES, 12, 10)
MASK = ball(SHAPE, centre=(6, 6, 5), radius=(2, 3, 3))


def images(folder: Path) -> MadeSeries:
    return write_series(folder, [voxels_of(SHAPE)], affine=affine_of(), description="AX T1 FS POST", number=4)


def segmentation(folder: Path, *, source: MadeSeries | None, frame_uid: str = "") -> Path:
    path = write_seg(folder / "seg.dcm", MASK, affine=affine_of(), source=source)
    dataset = pydicom.dcmread(path)
    dataset.StudyInstanceUID = OTHER
    dataset.FrameOfReferenceUID = frame_uid or dataset.FrameOfReferenceUID
    dataset.save_as(path)
    return path


def received(inbox: FolderInbox, files: Sequence[Path]) -> None:
    for path in files:
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        inbox.keep(
            str(dataset.StudyInstanceUID),
            instance_uid=str(dataset.SOPInstanceUID),
            meta=b"",
            dataset=path.read_bytes(),
        )


@pytest.fixture
def inbox(tmp_path: Path) -> FolderInbox:
    return FolderInbox(tmp_path / "inbox")


def test_each_half_names_the_study_of_the_other(tmp_path: Path, inbox: FolderInbox) -> None:
    made = images(tmp_path / "images")
    assert len(made.files) > SMALL
    received(inbox, [*made.files, segmentation(tmp_path, source=made)])
    assert other_halves(inbox, STUDY_UID) == (
        f"A segmentation that refers to images of this one was received in the study {OTHER}.",
        "Have both stored under one Study Instance UID, and send that study again.",
    )
    assert other_halves(inbox, OTHER)[0] == f"The images it refers to were received in the study {STUDY_UID}."


def test_a_segmentation_that_names_no_image_is_known_by_its_frame_of_reference(
    tmp_path: Path, inbox: FolderInbox
) -> None:
    received(inbox, [*images(tmp_path / "images").files, segmentation(tmp_path, source=None)])
    (sentence, _) = other_halves(inbox, STUDY_UID)
    assert sentence == (
        f"A segmentation that has the Frame of Reference of this one was received in the study {OTHER}."
    )
    assert other_halves(inbox, OTHER)[0].startswith("Images in its Frame of Reference were received in the study")


def test_studies_that_have_nothing_to_do_with_each_other_are_not_named(tmp_path: Path, inbox: FolderInbox) -> None:
    received(inbox, [*images(tmp_path / "images").files, segmentation(tmp_path, source=None, frame_uid="1.2.3.4")])
    assert other_halves(inbox, STUDY_UID) == other_halves(inbox, OTHER) == ()


def test_a_refusal_of_the_service_names_the_other_half(tmp_path: Path, inbox: FolderInbox) -> None:
    def answer(files: Sequence[Path], question: Asked) -> Outgoing:
        read_study(files, rules=SelectionRules(), assignment=NO_ASSIGNMENT)
        raise AssertionError("a half was read as a study")

    records, outbox = Records(tmp_path / "studies.sqlite3"), FolderOutbox(tmp_path / "outbox")
    notices = Notices(destinations=(), inbox=inbox, outbox=outbox, records=records)
    worker = Worker(answer=answer, inbox=inbox, outbox=outbox, records=records, destinations=["pacs"], notices=notices)
    made = images(tmp_path / "images")
    received(inbox, [*made.files, segmentation(tmp_path, source=made)])
    for study, other in ((STUDY_UID, OTHER), (OTHER, STUDY_UID)):
        records.arrived(study)
        outcome = Outcome.from_text(worker.answer(records.queue(study, digest=inbox.content(study).digest)))
        assert outcome.state is State.REFUSED
        assert f"received in the study {other}. Have both stored under one Study Instance UID" in outcome.sentence
        assert "READ01" not in outcome.sentence
    records.close()
