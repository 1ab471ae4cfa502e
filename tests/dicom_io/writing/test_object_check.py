"""The conformance check fails when it should: every test damages one object that passed."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest
from pydicom import Dataset, config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement

from dicom_io.answer import Answer, AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.errors import ObjectNotConformant
from dicom_io.implementation import derived_uid
from dicom_io.writing.encapsulated_pdf import make_encapsulated_pdf
from dicom_io.writing.notice import make_notice
from dicom_io.writing.object_check import check_answer, check_object
from dicom_io.writing.rejection_note import make_rejection_note
from dicom_io.writing.required_attributes import KINDS, required_attributes
from tests.dicom_io.made_studies import NOTICE, REPLACED, REPLACEMENT, Made, make
from tests.dicom_io.writing.test_encapsulated_pdf import small_pdf
from tests.dicom_io.writing.test_structured_report import encode_report


def good_answer(made: Made) -> Answer:
    key, segmentations = encode_report(made)
    features, _ = encode_report(made, features=True)
    sent = (*segmentations, key, features)
    pdf = small_pdf()
    document = make_encapsulated_pdf(made.study, made.report, pdf=pdf, sources=sent)
    note = make_rejection_note(made.study, replace(made.report, replaces=REPLACEMENT), replaced=REPLACED)
    notice = make_notice(made.study.header, NOTICE, laterality="L", after="")
    return Answer((*sent, document, note, notice), pdf)


@pytest.fixture(scope="module")
def made() -> Made:
    return make()


@pytest.fixture(scope="module")
def answer(made: Made) -> Answer:
    return good_answer(made)


def copy_of(answer: Answer, role: Role) -> Dataset:
    return deepcopy(next(item.dataset for item in answer.objects if item.role is role))


def put(dataset: Dataset, keyword: str, value: object) -> None:
    """Set a value the library itself would refuse."""
    tag = tag_for_keyword(keyword)
    assert tag is not None
    dataset[tag] = DataElement(tag, dictionary_VR(keyword), value, validation_mode=config.IGNORE)


def child(item: Dataset, name: str) -> Dataset:
    """The first content item below `item` with the code meaning `name`."""
    for content in item.ContentSequence:
        if content.ConceptNameCodeSequence[0].CodeMeaning == name:
            return content
    raise AssertionError(name)


def first_group(report: Dataset) -> Dataset:
    return child(child(report, "Imaging Measurements"), "Measurement Group")


def leave_out(item: Dataset, name: str) -> None:
    unwanted = child(item, name)
    item.ContentSequence = [content for content in item.ContentSequence if content is not unwanted]


def first_number(report: Dataset) -> Dataset:
    return next(item for item in first_group(report).ContentSequence if item.ValueType == "NUM")


def test_a_good_answer_passes(made: Made, answer: Answer) -> None:
    check_answer(answer, made.study, replaced=REPLACED)


def test_what_an_answer_replaces_must_be_known(made: Made, answer: Answer) -> None:
    with pytest.raises(ObjectNotConformant, match="neither sent before it nor was received"):
        check_answer(answer, made.study)


ROLES = (Role.SEG_T1C, Role.KEY_SR, Role.PDF, Role.REJECTION_NOTE, Role.NOTICE)


@pytest.mark.parametrize(
    ("role", "keyword"),
    [
        (role, keyword)
        for role, sop_class in zip(ROLES, KINDS, strict=True)
        for rule in required_attributes(sop_class)
        if not rule.path
        for keyword in (*rule.type_1, *rule.type_2)
        if keyword != "SOPClassUID"
    ],
)
def test_no_required_attribute_may_be_missing(answer: Answer, role: Role, keyword: str) -> None:
    dataset = copy_of(answer, role)
    delattr(dataset, keyword)
    with pytest.raises(ObjectNotConformant, match=f"{keyword} is missing"):
        check_object(dataset)


@pytest.mark.parametrize("role", ROLES)
def test_no_type_1_attribute_may_be_empty(answer: Answer, role: Role) -> None:
    dataset = copy_of(answer, role)
    dataset.SeriesNumber = None
    with pytest.raises(ObjectNotConformant, match="SeriesNumber is empty"):
        check_object(dataset)


def damage_uid(dataset: Dataset) -> None:
    put(dataset, "SeriesInstanceUID", "1.02.3")


def too_long_uid(dataset: Dataset) -> None:
    put(dataset, "SeriesInstanceUID", "1." + "2" * 64)


def too_long_text(dataset: Dataset) -> None:
    put(dataset, "SeriesDescription", "x" * 65)


def bad_date(dataset: Dataset) -> None:
    put(dataset, "StudyDate", "2026-07-01")


def other_maker(dataset: Dataset) -> None:
    dataset.Manufacturer = "Another"


def other_modality(dataset: Dataset) -> None:
    dataset.Modality = "CT"


def other_character_set(dataset: Dataset) -> None:
    dataset.PatientName = "Doe^Jane"  # one that the other character set holds
    dataset.SpecificCharacterSet = "ISO_IR 100"


def other_meta_uid(dataset: Dataset) -> None:
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"


def private_attribute(dataset: Dataset) -> None:
    dataset.private_block(0x0011, "TEST", create=True).add_new(0x01, "LO", "x")


def undeclared_scheme(dataset: Dataset) -> None:
    dataset.ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence[0].CodingSchemeDesignator = "99OTHER"


def equipment_without_uid(dataset: Dataset) -> None:
    del dataset.ContributingEquipmentSequence[-1].DeviceUID


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (damage_uid, "SeriesInstanceUID is not a valid UID"),
        (too_long_uid, r"SeriesInstanceUID is no UID \(66 characters\)"),
        (too_long_text, r"SeriesDescription \(LO, 65 characters\)"),
        (bad_date, "StudyDate"),
        (other_maker, "not this product's"),
        (other_modality, "Modality is not"),
        (other_character_set, "SpecificCharacterSet is not"),
        (other_meta_uid, "MediaStorageSOPInstanceUID"),
        (private_attribute, "private attribute"),
        (undeclared_scheme, "not declared"),
        (equipment_without_uid, r"DeviceUID is missing in ContributingEquipmentSequence \(1 of \d\)"),
    ],
)
def test_damage_to_any_object(answer: Answer, role: Role, damage: Callable[[Dataset], None], sentence: str) -> None:
    dataset = copy_of(answer, role)
    damage(dataset)
    with pytest.raises(ObjectNotConformant, match=sentence):
        check_object(dataset)


def wrong_frames(dataset: Dataset) -> None:
    dataset.NumberOfFrames = 3


def short_pixels(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[:-2]


def lost_segment(dataset: Dataset) -> None:
    del dataset.SegmentSequence[1]


def unlisted_source(dataset: Dataset) -> None:
    del dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]


def fractional(dataset: Dataset) -> None:
    dataset.SegmentationType = "FRACTIONAL"


def no_position(dataset: Dataset) -> None:
    del dataset.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence


def misnumbered(dataset: Dataset) -> None:
    dataset.SegmentSequence[0].SegmentNumber = 5


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (wrong_frames, "NumberOfFrames is 3"),
        (short_pixels, "PixelData has"),
        (lost_segment, "the frames show segments"),
        (unlisted_source, "ReferencedSeriesSequence lists"),
        (fractional, "not BINARY"),
        (no_position, "PlanePositionSequence is missing in PerFrameFunctionalGroupsSequence"),
        (misnumbered, "the segment numbers are"),
    ],
)
def test_damage_to_a_segmentation(answer: Answer, damage: Callable[[Dataset], None], sentence: str) -> None:
    dataset = copy_of(answer, Role.SEG_T1C)
    damage(dataset)
    with pytest.raises(ObjectNotConformant, match=sentence):
        check_object(dataset)


def other_template(dataset: Dataset) -> None:
    dataset.ContentTemplateSequence[0].TemplateIdentifier = "1501"


def other_title(dataset: Dataset) -> None:
    dataset.ConceptNameCodeSequence[0].CodeValue = "126001"


def verified(dataset: Dataset) -> None:
    dataset.VerificationFlag = "VERIFIED"


def not_finite(dataset: Dataset) -> None:
    first_number(dataset).MeasuredValueSequence[0].FloatingPointValue = float("nan")


def two_numbers(dataset: Dataset) -> None:
    first_number(dataset).MeasuredValueSequence[0].NumericValue = "2.5"


def no_number(dataset: Dataset) -> None:
    del first_number(dataset).MeasuredValueSequence


def no_unit(dataset: Dataset) -> None:
    del first_number(dataset).MeasuredValueSequence[0].MeasurementUnitsCodeSequence


def no_tracking(dataset: Dataset) -> None:
    leave_out(first_group(dataset), "Tracking Unique Identifier")


def no_algorithm(dataset: Dataset) -> None:
    leave_out(first_group(dataset), "Algorithm Name")


def empty_text(dataset: Dataset) -> None:
    child(dataset, "Conclusion").TextValue = ""


def no_relationship(dataset: Dataset) -> None:
    del first_group(dataset).RelationshipType


def unlisted_evidence(dataset: Dataset) -> None:
    del dataset.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]


def unknown_observer(dataset: Dataset) -> None:
    child(dataset, "Device Observer UID").UID = "1.2.3"


def no_meaning(dataset: Dataset) -> None:
    first_number(dataset).ConceptNameCodeSequence[0].CodeMeaning = ""


def no_groups(dataset: Dataset) -> None:
    child(dataset, "Imaging Measurements").ContentSequence = []


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (other_template, "template 1500"),
        (other_title, "126000"),
        (verified, "VerificationFlag"),
        (not_finite, "not finite"),
        (two_numbers, "two different numbers"),
        (no_number, "no MeasuredValueSequence"),
        (no_unit, "no UCUM unit"),
        (no_tracking, "0 Tracking Unique Identifiers"),
        (no_algorithm, "does not name its algorithm"),
        (empty_text, "no TextValue"),
        (no_relationship, "no relationship"),
        (unlisted_evidence, "not in the evidence"),
        (unknown_observer, "device observers"),
        (no_meaning, "no Code Meaning"),
        (no_groups, "no measurement group"),
    ],
)
def test_damage_to_a_report(answer: Answer, damage: Callable[[Dataset], None], sentence: str) -> None:
    dataset = copy_of(answer, Role.KEY_SR)
    damage(dataset)
    with pytest.raises(ObjectNotConformant, match=sentence):
        check_object(dataset)


def other_mime(dataset: Dataset) -> None:
    dataset.MIMETypeOfEncapsulatedDocument = "text/xml"


def wrong_length(dataset: Dataset) -> None:
    dataset.EncapsulatedDocumentLength = len(dataset.EncapsulatedDocument) - 2


def truncated(dataset: Dataset) -> None:
    dataset.EncapsulatedDocument = dataset.EncapsulatedDocument[: len(dataset.EncapsulatedDocument) // 4 * 2]
    dataset.EncapsulatedDocumentLength = len(dataset.EncapsulatedDocument)


def body_part(dataset: Dataset) -> None:
    dataset.BodyPartExamined = "BREAST"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (other_mime, "application/pdf"),
        (wrong_length, "EncapsulatedDocumentLength"),
        (truncated, "not a complete PDF"),
        (body_part, "BodyPartExamined is present in a document"),
    ],
)
def test_damage_to_a_document(answer: Answer, damage: Callable[[Dataset], None], sentence: str) -> None:
    dataset = copy_of(answer, Role.PDF)
    damage(dataset)
    with pytest.raises(ObjectNotConformant, match=sentence):
        check_object(dataset)


def test_an_object_of_another_kind_is_refused(answer: Answer) -> None:
    dataset = copy_of(answer, Role.PDF)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    with pytest.raises(ObjectNotConformant, match="SOP Class is none of"):
        check_object(dataset)


def test_a_reference_to_an_object_that_is_not_sent_is_refused(made: Made, answer: Answer) -> None:
    without = replace(answer, objects=tuple(item for item in answer.objects if item.role is not Role.SEG_T2W))
    with pytest.raises(ObjectNotConformant, match="neither sent before it nor was received"):
        check_answer(without, made.study, replaced=REPLACED)


def test_a_reference_to_an_object_that_is_sent_later_is_refused(made: Made, answer: Answer) -> None:
    with pytest.raises(ObjectNotConformant, match="neither sent before it nor was received"):
        check_answer(replace(answer, objects=answer.objects[::-1]), made.study, replaced=REPLACED)


def test_a_reference_to_a_series_that_was_not_received_is_refused(made: Made, answer: Answer) -> None:
    dataset = copy_of(answer, Role.KEY_SR)
    series = next(
        content
        for group in child(dataset, "Imaging Measurements").ContentSequence
        for content in group.ContentSequence
        if content.ConceptNameCodeSequence[0].CodeValue == "121232"  # source series for segmentation
    )
    series.UID = "1.2.3"
    with pytest.raises(ObjectNotConformant, match=r"series 1\.2\.3"):
        check_answer(with_key_report(answer, dataset), made.study, replaced=REPLACED)


def test_a_reference_to_a_segment_that_is_not_there_is_refused(made: Made, answer: Answer) -> None:
    dataset = copy_of(answer, Role.KEY_SR)
    for group in child(dataset, "Imaging Measurements").ContentSequence:
        for item in group.ContentSequence:
            if item.ValueType == "IMAGE":
                item.ReferencedSOPSequence[0].ReferencedSegmentNumber = 7
    with pytest.raises(ObjectNotConformant, match="segment 7"):
        check_answer(with_key_report(answer, dataset), made.study, replaced=REPLACED)


def test_a_reference_under_another_sop_class_is_refused(made: Made, answer: Answer) -> None:
    dataset = copy_of(answer, Role.PDF)
    dataset.SourceInstanceSequence[0].ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    objects = tuple(AnswerObject(Role.PDF, dataset) if one.role is Role.PDF else one for one in answer.objects)
    with pytest.raises(ObjectNotConformant, match="under another SOP Class"):
        check_answer(replace(answer, objects=objects), made.study, replaced=REPLACED)


def test_an_object_must_not_take_the_uid_of_another(made: Made, answer: Answer) -> None:
    with pytest.raises(ObjectNotConformant, match="is that of another object"):
        check_answer(replace(answer, objects=(*answer.objects, answer.objects[0])), made.study, replaced=REPLACED)


def test_an_object_of_another_study_is_refused(made: Made, answer: Answer) -> None:
    dataset = copy_of(answer, Role.PDF)
    dataset.StudyInstanceUID = derived_uid("another study")
    objects = tuple(AnswerObject(Role.PDF, dataset) if one.role is Role.PDF else one for one in answer.objects)
    with pytest.raises(ObjectNotConformant, match="Study Instance UID"):
        check_answer(replace(answer, objects=objects), made.study, replaced=REPLACED)


def test_the_message_counts_what_it_does_not_show_and_names_no_patient(answer: Answer) -> None:
    dataset = copy_of(answer, Role.KEY_SR)
    for keyword in (
        "StudyDate",
        "StudyTime",
        "StudyID",
        "AccessionNumber",
        "PatientSex",
        "PatientBirthDate",
        "Modality",
    ):
        delattr(dataset, keyword)
    with pytest.raises(ObjectNotConformant, match="and 2 more") as raised:
        check_object(dataset)
    assert "Wang" not in str(raised.value)
    assert "MADE-0001" not in str(raised.value)


def with_key_report(answer: Answer, dataset: Dataset) -> Answer:
    objects = tuple(AnswerObject(Role.KEY_SR, dataset) if item.role is Role.KEY_SR else item for item in answer.objects)
    return replace(answer, objects=objects)
