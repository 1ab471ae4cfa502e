"""`encode`: order, determinism, references, and that a bad object stops the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset

from dicom_io.answer import Answer
from dicom_io.answer_roles import Role
from dicom_io.errors import ObjectNotConformant
from dicom_io.identity import is_ours
from dicom_io.writing.encode import encode
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
    monkeypatch.setattr("dicom_io.writing.encode.render_pdf", lambda report, paper, fonts: b"%PDF-1.4 and no end")
    with pytest.raises(ObjectNotConformant, match="not a complete PDF"):
        encoded(make(with_t2w=False))


def references(dataset: Dataset) -> list[str]:
    """Every UID at any depth that points at an instance or series: whatever the attribute is called."""
    found = []
    for element in dataset:
        if element.VR == "SQ":
            found += [uid for item in element.value for uid in references(item)]
        elif element.keyword in ("ReferencedSOPInstanceUID", "SeriesInstanceUID"):
            found.append(str(element.value))
        elif element.keyword == "UID" and dataset.ConceptNameCodeSequence[0].CodeValue == "121232":
            found.append(str(element.value))  # Source Series For Segmentation
    return found


@pytest.mark.parametrize(
    "options", [{}, {"with_t2w": False}, {"multi_frame": True}, {"orientation": "oblique"}], ids=str
)
def test_nothing_refers_to_what_was_neither_received_nor_sent_before(options: dict[str, Any]) -> None:
    made = make(**options)
    known = {instance.sop_instance_uid for source in made.study.sources.values() for instance in source.instances}
    known |= {source.series_instance_uid for source in made.study.sources.values()}
    for instance in made.study.segmentations:
        known |= {instance.sop_instance_uid, instance.series_instance_uid}
    seen = set()
    for item in encoded(made, features_sr=True).objects:
        known |= {str(item.dataset.SeriesInstanceUID)}
        pointed_at = set(references(item.dataset)) - {str(item.dataset.SeriesInstanceUID)}
        assert pointed_at <= known, f"{item.role}: {sorted(pointed_at - known)}"
        known.add(item.sop_instance_uid)
        seen |= pointed_at
    ours = {item.sop_instance_uid for item in encoded(made, features_sr=True).objects[:-1]}
    assert ours <= seen, "every object but the last is referred to by a later one"


def tracking_uids(answer: Answer) -> dict[str, set[str]]:
    """Role → every Tracking UID in the object, of segments and of measurement groups."""
    found: dict[str, set[str]] = {}
    for item in answer.objects:
        segments = item.dataset.get("SegmentSequence", ())
        found[item.role] = {str(segment.TrackingUID) for segment in segments}
        for container in item.dataset.get("ContentSequence", ()):
            for group in container.get("ContentSequence", ()):
                found[item.role] |= {
                    str(child.UID)
                    for child in group.get("ContentSequence", ())
                    if child.ConceptNameCodeSequence[0].CodeValue == "112040"
                }
    return found


def test_tracking_is_the_same_over_runs_and_new_models_and_new_with_the_input() -> None:
    made = make()
    first = tracking_uids(encoded(made, features_sr=True))
    assert first[Role.FEATURES_SR] == first[Role.SEG_T1C] | first[Role.SEG_T2W]
    assert first[Role.FEATURES_SR] < first[Role.KEY_SR]
    assert len(first[Role.KEY_SR]) == len(made.report.regions) + len(made.report.models)
    models = tuple(replace(one, model=replace(one.model, digest="f" * 64)) for one in made.report.models)
    retrained = encoded(replace(made, report=replace(made.report, models=models)), features_sr=True)
    assert tracking_uids(retrained) == first
    before = {item.sop_instance_uid for item in encoded(made, features_sr=True).objects}
    assert before.isdisjoint(item.sop_instance_uid for item in retrained.objects)
    other = replace(made, study=replace(made.study, content_digest="e" * 64))
    for role, uids in tracking_uids(encoded(other, features_sr=True)).items():
        assert uids.isdisjoint(first[role])


@pytest.mark.parametrize(("side", "meaning"), [("L", "Left"), ("R", "Right"), ("B", "Right and left"), ("", None)])
def test_the_side_stands_in_segments_and_groups_alike(side: str, meaning: str | None) -> None:
    answer = encoded(make(with_t2w=False, laterality=side))
    segmentation, report = answer.objects[0].dataset, answer.objects[1].dataset
    found = {
        str(modifier.CodeMeaning)
        for segment in segmentation.SegmentSequence
        for region in segment.AnatomicRegionSequence
        for modifier in region.get("AnatomicRegionModifierSequence", ())
    }
    groups = {
        str(child.ConceptCodeSequence[0].CodeMeaning)
        for child in walk(report)
        if child.ValueType == "CODE" and child.ConceptNameCodeSequence[0].CodeValue == "272741003"
    }
    if meaning is None:
        assert found == groups == set()
    else:
        assert found == groups
        assert {text.split(" (")[0] for text in found} == {meaning}


def walk(item: Dataset) -> Iterator[Dataset]:
    for child in item.get("ContentSequence", ()):
        yield child
        yield from walk(child)


def test_who_it_is_about_is_the_same_in_every_object() -> None:
    made = make()
    for item in encoded(made, features_sr=True).objects:
        for keyword in ("PatientName", "PatientID", "IssuerOfPatientID", "AccessionNumber", "StudyInstanceUID",
                        "StudyID", "StudyDate", "ReferringPhysicianName"):  # fmt: skip
            assert str(item.dataset[keyword].value) == str(made.study.header[keyword].value), keyword
        if item.dataset.Modality == "SR":
            (order,) = item.dataset.ReferencedRequestSequence
            assert order.AccessionNumber == made.study.header.AccessionNumber
