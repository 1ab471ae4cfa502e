"""`encode`: order, determinism, references, and that a bad object stops the answer."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest

from dicom_io.answer import Answer, Role
from dicom_io.encode import encode
from dicom_io.errors import ObjectNotConformant
from dicom_io.identity import is_ours
from tests.dicom_io.made_studies import CREATED, Made, make


def encoded(made: Made, *, features_sr: bool = False) -> Answer:
    return encode(made.study, made.prepared, made.report, features_sr=features_sr)


def written(answer: Answer) -> list[bytes]:
    result = []
    for item in answer.objects:
        buffer = BytesIO()
        item.dataset.save_as(buffer, enforce_file_format=True)
        result.append(buffer.getvalue())
    return result


def test_segmentations_stand_before_reports_and_the_pdf_is_last() -> None:
    answer = encoded(make(), features_sr=True)
    assert [item.role for item in answer.objects] == [
        Role.SEG_T1C,
        Role.SEG_T2W,
        Role.KEY_SR,
        Role.FEATURES_SR,
        Role.PDF,
    ]
    assert all(is_ours(item.dataset) for item in answer.objects)
    assert answer.pdf.startswith(b"%PDF-")
    assert answer.objects[-1].dataset.EncapsulatedDocument.startswith(answer.pdf)


def test_without_t2w_there_is_one_segmentation() -> None:
    answer = encoded(make(with_t2w=False))
    assert [item.role for item in answer.objects] == [Role.SEG_T1C, Role.KEY_SR, Role.PDF]


def test_the_same_arguments_give_the_same_bytes() -> None:
    made = make("oblique", with_t2w=False)
    assert written(encoded(made)) == written(encoded(made))


def test_a_later_run_keeps_every_uid() -> None:
    made = make(with_t2w=False)
    later = Made(made.study, made.prepared, replace(made.report, created=CREATED.replace(hour=20)))
    uids = [[(i.sop_instance_uid, str(i.dataset.SeriesInstanceUID)) for i in encoded(m).objects] for m in (made, later)]
    assert uids[0] == uids[1]


def test_every_object_has_a_series_of_its_own_with_its_own_number() -> None:
    answer = encoded(make(), features_sr=True)
    assert len({str(item.dataset.SeriesInstanceUID) for item in answer.objects}) == 5
    assert len({int(item.dataset.SeriesNumber) for item in answer.objects}) == 5


def test_dates_are_those_of_the_report() -> None:
    for item in encoded(make(with_t2w=False)).objects:
        assert str(item.dataset.ContentDate) == "20260703"
        assert str(item.dataset.ContentTime) == "142536.123456"
        assert str(item.dataset.InstanceCreationDate) == "20260703"


def test_a_bad_object_stops_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom_io.encode.render_pdf", lambda report: b"%PDF-1.4 and no end")
    with pytest.raises(ObjectNotConformant, match="not a complete PDF"):
        encoded(make(with_t2w=False))
