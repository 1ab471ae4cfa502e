"""The outbox: what is put is there, in order, also in folders of version 0.1.0. Kind: mechanics."""

from __future__ import annotations

from pathlib import Path

from appliance.stages import StageCost
from appliance.state.outbox import LIST, OLDER_LIST, Outbox, Outgoing
from dicom_io.writing.encode import encode
from tests.dicom_io.made_studies import make

JOB = "1.2.3:abc"


def test_what_is_put_is_there_and_stays_as_it_is(tmp_path: Path) -> None:
    outbox, made = Outbox(tmp_path / "outbox"), make()
    assert (outbox.has(JOB), outbox.objects(JOB), outbox.stages(JOB)) == (False, (), ())
    answer = encode(made.study, made.prepared, made.report, features_sr=False)
    outbox.put(JOB, Outgoing(answer, (StageCost("read", 0.1, 0.2, 300.0),)))
    waiting = outbox.objects(JOB)
    assert [item.role for item in waiting] == [item.role for item in answer.objects]
    assert all(item.file.is_file() for item in waiting)
    outbox.put(JOB, Outgoing(answer, ()))
    assert outbox.stages(JOB) == (StageCost("read", 0.1, 0.2, 300.0),)

    (outbox.folder_of(JOB) / LIST).rename(outbox.folder_of(JOB) / OLDER_LIST)
    assert outbox.objects(JOB) == waiting
    assert outbox.has(JOB)
