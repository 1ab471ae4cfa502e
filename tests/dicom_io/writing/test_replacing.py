"""An answer that replaces another says so in every object. Kind: mechanics; dciodvfy and highdicom as peers."""

from __future__ import annotations

import subprocess
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from highdicom.ko import KeyObjectSelectionDocument
from pydicom import Dataset

from dicom_io import uids
from dicom_io.answer import Answer
from dicom_io.answer_roles import Role
from dicom_io.earlier import EarlierAnswer, SentObject, objects_replaced
from dicom_io.errors import ObjectNotConformant
from dicom_io.writing.encode import encode
from dicom_io.writing.facts import facts_of, with_replacement
from dicom_io.writing.object_check import check_object
from dicom_io.writing.rejection_note import title
from reports.content import Report
from reports.replacement import Reason
from tests.conftest import require_programs
from tests.dicom_io.made_studies import Made, make


def as_sent(answer: Answer) -> tuple[SentObject, ...]:
    return tuple(
        SentObject(one.role, one.sop_class_uid, one.sop_instance_uid, str(one.dataset.SeriesInstanceUID))
        for one in answer.objects
    )


@pytest.fixture(scope="module")
def made() -> Made:
    return make()


@pytest.fixture(scope="module")
def first(made: Made) -> EarlierAnswer:
    answer = encode(made.study, made.prepared, made.report, features_sr=True)
    return EarlierAnswer(made.report.created, facts_of(made.study, made.report), as_sent(answer))


@pytest.fixture(scope="module")
def report(made: Made, first: EarlierAnswer) -> Report:
    corrected = replace(made.report, created=made.report.created + timedelta(days=2))
    facts = replace(facts_of(made.study, corrected), key="other", tumour="other")
    return with_replacement(corrected, facts, [first])[0]


@pytest.fixture(scope="module")
def second(made: Made, first: EarlierAnswer, report: Report) -> Answer:
    return encode(
        made.study, made.prepared, report, features_sr=True, replaced=objects_replaced(report.replaces, [first])
    )


def of_role(answer: Answer, role: Role) -> Dataset:
    return next(item.dataset for item in answer.objects if item.role is role)


def test_each_report_names_its_predecessor(first: EarlierAnswer, second: Answer) -> None:
    for role in (Role.KEY_SR, Role.FEATURES_SR):
        (study,) = of_role(second, role).PredecessorDocumentsSequence
        (series,) = study.ReferencedSeriesSequence
        (reference,) = series.ReferencedSOPSequence
        (before,) = [item for item in first.objects if item.role is role]
        assert study.StudyInstanceUID == of_role(second, role).StudyInstanceUID
        assert series.SeriesInstanceUID == before.series_instance_uid
        assert reference.ReferencedSOPClassUID == before.sop_class_uid
        assert reference.ReferencedSOPInstanceUID == before.sop_instance_uid


def test_why_is_in_the_report_and_in_the_title_of_the_document(second: Answer) -> None:
    sentence = "Replaces the report of 2026-07-03 14:25 +00:00, because the tumour was segmented again."
    items = of_role(second, Role.KEY_SR).ContentSequence
    assert next(item.TextValue for item in items if item.RelationshipType == "CONTAINS") == sentence
    assert of_role(second, Role.PDF).DocumentTitle.endswith(sentence)


def test_uids_numbers_and_descriptions_tell_versions_apart(
    made: Made, first: EarlierAnswer, second: Answer, report: Report
) -> None:
    before = encode(made.study, made.prepared, made.report, features_sr=True)
    for old in before.objects:
        new = of_role(second, old.role)
        assert new.SOPInstanceUID != old.dataset.SOPInstanceUID
        assert new.SeriesInstanceUID != old.dataset.SeriesInstanceUID
        assert new.SeriesNumber == old.dataset.SeriesNumber + 100
        assert new.SeriesDescription == f"v2 {old.dataset.SeriesDescription}"
        assert len(new.SeriesDescription) <= 64
    assert uids.answer_digest(made.study, report) != uids.answer_digest(made.study, made.report)
    assert as_sent(before) == first.objects


def test_the_rejection_note_lists_every_object_of_the_earlier_answer(first: EarlierAnswer, second: Answer) -> None:
    assert second.objects[-1].role is Role.REJECTION_NOTE
    note = second.objects[-1].dataset
    read = KeyObjectSelectionDocument.from_dataset(note)
    listed = {read.resolve_reference(item.sop_instance_uid)[1:] for item in first.objects}
    assert listed == {(item.series_instance_uid, item.sop_instance_uid) for item in first.objects}
    assert note.ConceptNameCodeSequence[0].CodeValue == "113001"
    broken = Dataset()
    broken.update(note)
    broken.file_meta = note.file_meta
    broken.ContentSequence = [item for item in note.ContentSequence if "ReferencedSOPSequence" not in item]
    with pytest.raises(ObjectNotConformant, match="it lists 0 objects"):
        check_object(broken)


def test_a_wrong_identity_has_a_title_of_its_own() -> None:
    assert title([Reason.SEGMENTATION, Reason.IDENTITY]).value == "113038"
    assert {title([reason]).value for reason in Reason if reason is not Reason.IDENTITY} == {"113001"}


def test_another_identity_is_seen_and_nothing_of_it_is_kept(made: Made) -> None:
    header = deepcopy(made.study.header)
    header.PatientName = "Right^Name"
    before, now = facts_of(made.study, made.report), facts_of(replace(made.study, header=header), made.report)
    assert before.identity != now.identity
    assert before.key == now.key  # the content digest covers the files, which a made study lacks
    assert "Wang" not in str(before.as_json())


@pytest.mark.peers
def test_dciodvfy_finds_no_error(tmp_path: Path, second: Answer) -> None:
    require_programs("dciodvfy")
    for role in (Role.KEY_SR, Role.PDF, Role.REJECTION_NOTE):
        of_role(second, role).save_as(tmp_path / "object.dcm", enforce_file_format=True)
        result = subprocess.run(["dciodvfy", str(tmp_path / "object.dcm")], capture_output=True, text=True, check=False)
        errors = [line for line in result.stderr.splitlines() if line.startswith("Error")]
        assert not errors, f"{role}: {errors}"


@pytest.mark.peers
def test_the_pdf_says_it_below_its_title(tmp_path: Path, second: Answer) -> None:
    require_programs("pdftotext")
    (tmp_path / "report.pdf").write_bytes(second.pdf)
    result = subprocess.run(
        ["pdftotext", "-l", "1", "-layout", str(tmp_path / "report.pdf"), "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [" ".join(line.split()) for line in result.stdout.splitlines() if line.strip()]
    assert any(line.startswith("Replaces the report of 2026-07-03 14:25 +00:00, because") for line in lines[:4])
