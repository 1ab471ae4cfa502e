"""The outbox of one machine also reads folders of version 0.1.0. Kind: mechanics."""

from __future__ import annotations

from pathlib import Path

from appliance.stages import StageCost
from appliance.state.outbox import Outgoing
from appliance.state.outbox_folder import LIST, OLDER_LIST, FolderOutbox
from dicom_io.answer import Answer, AnswerObject
from dicom_io.answer_roles import Role
from tests.end_to_end.small_study import document, segmentation

JOB = "1.2.3:abc"


def answer_of_a_study() -> Answer:
    """Two objects and a PDF."""
    objects = (
        AnswerObject(Role.SEG_T1C, segmentation("s", ours=True)),
        AnswerObject(Role.PDF, document("d", ours=True)),
    )
    return Answer(objects, b"%PDF")


def test_the_list_of_an_older_version_is_read(tmp_path: Path) -> None:
    outbox = FolderOutbox(tmp_path / "outbox")
    outbox.put(JOB, Outgoing(answer_of_a_study(), (StageCost("read", 0.1, 0.2, 300.0),)))
    waiting = outbox.objects(JOB)
    assert len(waiting) > 1
    (outbox.folder_of(JOB) / LIST).rename(outbox.folder_of(JOB) / OLDER_LIST)
    assert outbox.objects(JOB) == waiting
    assert outbox.stages(JOB) == (StageCost("read", 0.1, 0.2, 300.0),)
    assert outbox.has(JOB)


def test_answers_are_found_by_the_mark_of_their_patient(tmp_path: Path) -> None:
    outbox = FolderOutbox(tmp_path / "outbox")
    for job, mark in (("1.2.3:a", "00ff"), ("1.2.4:a", "00ff"), ("1.2.5:a", "ff00")):
        outbox.put(job, Outgoing(answer_of_a_study(), (), measured={"volume": 1.5}, patient_mark=mark))
    outbox.put("1.2.6:a", Outgoing(answer_of_a_study(), ()))
    found = outbox.marked("00ff")
    assert sorted(found) == ["1.2.3:a", "1.2.4:a"]
    assert found["1.2.3:a"].measured() == {"volume": 1.5}
    assert outbox.marked("0000") == {}
