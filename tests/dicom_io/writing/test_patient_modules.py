"""Patient and study modules carried over: characters, identity, invalid values, trials, time zones."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import pydicom
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.valuerep import PersonName

from dicom_io.answer import AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.carried_values import problem
from dicom_io.errors import NotReadable
from dicom_io.writing.encapsulated_pdf import make_encapsulated_pdf
from dicom_io.writing.object_check import check_object
from dicom_io.writing.patient_modules import carried_over, in_time_zone, referenced_requests, request_attributes
from dicom_io.writing.segmentation_object import make_segmentation, segment_references
from dicom_io.writing.structured_report import make_key_report
from models.volume import Sequence
from tests.dicom_io.made_studies import header, make
from tests.dicom_io.writing.test_encapsulated_pdf import small_pdf

_OTHER = Dataset()
_OTHER.SOPInstanceUID, _OTHER.SOPClassUID = "1.2.3.4", "1.2.840.10008.5.1.4.1.1.88.34"
OTHER = AnswerObject(Role.KEY_SR, _OTHER)


def through_a_file(dataset: Dataset) -> Dataset:
    """Written and read back, so that texts are bytes in the source's character set again."""
    buffer = BytesIO()
    dataset.save_as(buffer, implicit_vr=False, little_endian=True)
    buffer.seek(0)
    return pydicom.dcmread(buffer, force=True)


def raw(keyword: str, value: object) -> DataElement:
    """An element the library does not check, as a file may hold it."""
    tag = pydicom.datadict.tag_for_keyword(keyword)
    assert tag is not None
    vr = pydicom.datadict.dictionary_VR(keyword)
    return DataElement(tag, vr, value, validation_mode=pydicom.config.IGNORE)


# Names after PS3.5 annexes H (Japanese), I (Korean), J (GB18030, GBK) and ISO_IR 100.
@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("GB18030", "Wang^XiaoDong=王^小东"),
        ("GBK", "Wang^XiaoDong=王^小东"),
        ("ISO_IR 192", "Müller^Zoë=王^小东"),
        ("ISO_IR 100", "Müller^Zoë"),
        ("ISO 2022 IR 87", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("ISO 2022 IR 149", "Hong^Gildong=洪^吉洞=홍^길동"),
    ],
)
def test_names_survive_the_change_of_character_set(character_set: str, name: str) -> None:
    source = through_a_file(header(name=name, character_set=character_set))
    result = through_a_file(carried_over(source))
    assert result.SpecificCharacterSet == "ISO_IR 192"
    assert str(result.PatientName) == name


def test_what_the_archive_files_by_is_carried_over() -> None:
    result = carried_over(header())
    assert result.PatientID == "MADE-0001"
    assert result.IssuerOfPatientID == "HOSPITAL"
    assert result.AccessionNumber == "ACC-0815"
    assert result.StudyID == "4711"
    assert str(result.ReferringPhysicianName) == "Li^Na"
    assert result.StudyDate == "20260701"
    assert result.StudyTime == "091500.25"


def test_identity_is_not_altered_even_where_it_breaks_a_rule() -> None:
    source = header()
    source.add(raw("PatientID", "X" * 70))
    assert carried_over(source).PatientID == "X" * 70


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientAge", "55"),
        ("PatientWeight", "61.50000000000000000"),
        ("PatientBirthTime", "soon"),
        ("EthnicGroup", "x" * 30),
        ("TimezoneOffsetFromUTC", "+2500"),
    ],
)
def test_optional_values_that_are_not_valid_are_left_out(keyword: str, value: str) -> None:
    source = header()
    source.add(raw(keyword, value))
    assert keyword not in carried_over(source)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("StudyTime", "9:15"),
        ("PatientSex", "W"),
        ("PatientBirthDate", "1971"),
        ("PatientBirthDate", "19710230"),
        ("StudyDate", "20250101-20250314"),
        ("StudyTime", "0900-1000"),
        ("AccessionNumber", "ACCESSION-NUMBER-THAT-IS-TOO-LONG"),
        ("StudyID", "STUDY-ID-LONGER-THAN-SIXTEEN"),
    ],
)
def test_required_values_that_are_not_valid_are_empty(keyword: str, value: str) -> None:
    source = header()
    source.add(raw(keyword, value))
    assert carried_over(source)[keyword].is_empty


@pytest.mark.parametrize(
    ("keyword", "came", "written"),
    [
        ("PatientBirthDate", "1971.03.04", "19710304"),
        ("PatientBirthDate", "1971-03-04", "19710304"),
        ("StudyDate", "2026/07/01", "20260701"),
        ("StudyTime", "09:15:00.5", "091500.5"),
        ("PatientSex", "Female", "F"),
        ("PatientAge", "55Y", "055Y"),
        ("PatientName", "A^B=C=D=E", "A^B=C=D"),
        ("PatientName", "X" * 70, "X" * 64),
        ("StudyDescription", "x" * 80, "x" * 64),
        ("StudyDescription", "MR\nMamma", "MR Mamma"),
    ],
)
def test_what_cannot_be_misunderstood_is_repaired(keyword: str, came: str, written: str) -> None:
    source = header()
    source.add(raw(keyword, came))
    assert str(carried_over(source)[keyword].value) == written


def test_an_accession_number_that_is_left_out_makes_no_order() -> None:
    source = header()
    source.add(raw("AccessionNumber", "A" * 33))
    assert referenced_requests(source) == []


def test_what_is_absent_is_empty() -> None:
    source = Dataset()
    source.StudyInstanceUID = "1.2.3"
    result = carried_over(source)
    assert all(
        keyword in result for keyword in ("PatientName", "PatientID", "PatientSex", "AccessionNumber", "StudyID")
    )


def test_a_study_without_uid_is_refused() -> None:
    with pytest.raises(NotReadable, match="Study Instance UID"):
        carried_over(Dataset())


def test_a_clinical_trial_is_complete_or_absent() -> None:
    source = header()
    source.ClinicalTrialSponsorName = "NIH"
    assert "ClinicalTrialSponsorName" not in carried_over(source)
    source.ClinicalTrialProtocolID = "PILOT"
    result = carried_over(source)
    assert result.ClinicalTrialSponsorName == "NIH"
    assert result["ClinicalTrialSiteName"].is_empty
    assert result.ClinicalTrialSubjectID == "MADE-0001"


def test_codes_of_the_procedure_are_carried_over_decoded() -> None:
    source = header()
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "MR-1", "99HOSP", "乳腺磁共振"
    source.ProcedureCodeSequence = [code]
    result = through_a_file(carried_over(through_a_file(source)))
    assert result.ProcedureCodeSequence[0].CodeMeaning == "乳腺磁共振"


@pytest.mark.parametrize("lost", ["CodeValue", "CodingSchemeDesignator", "CodeMeaning"])
def test_a_code_that_is_not_complete_is_left_out(lost: str) -> None:
    source = header()
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "MR-1", "99HOSP", "Breast MR"
    delattr(code, lost)
    source.ProcedureCodeSequence = [code]
    assert "ProcedureCodeSequence" not in carried_over(source)


def test_a_backslash_in_a_description_does_not_make_two_values() -> None:
    source = header()
    source.add(raw("StudyDescription", ["MR", "Mamma"]))
    assert carried_over(source).StudyDescription == "MR Mamma"


ANY_TEXT = st.text(max_size=80).filter(lambda text: "\\" not in text)
TEXTS = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
    "InstitutionName",
    "TimezoneOffsetFromUTC",
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialSiteName",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
)


@settings(deadline=None, max_examples=150)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(TEXTS, ANY_TEXT)))
@example({"PatientName": "="})
def test_whatever_the_header_says_the_object_conforms_and_keeps_the_identity(values: dict[str, str]) -> None:
    source = Dataset()
    source.SpecificCharacterSet = "ISO_IR 192"
    source.StudyInstanceUID = "1.2.3"
    for keyword, value in values.items():
        source.add(raw(keyword, value))
    made = make(with_t2w=False, patient_header=source)
    dataset = make_encapsulated_pdf(made.study, made.report, pdf=small_pdf(), sources=(OTHER,)).dataset
    check_object(dataset)
    assert str(dataset.PatientID or "").strip(" \0") == values.get("PatientID", "").strip(" \0")
    for keyword in ("PatientName", "AccessionNumber", "StudyID"):
        came = values.get(keyword, "").strip(" \0")
        if not problem(keyword, came, vr=pydicom.datadict.dictionary_VR(keyword)):
            # A name of empty groups ("=") is an empty name (PS3.5 §6.2.1.2: trailing delimiters may be left out).
            expected = str(PersonName(came)) if keyword == "PatientName" else came
            assert str(dataset[keyword].value or "") == expected


def test_times_are_stated_on_the_clock_of_the_study() -> None:
    moment = datetime(2026, 7, 3, 22, 30, tzinfo=UTC)
    root = Dataset()
    assert in_time_zone(moment, root) == moment
    root.TimezoneOffsetFromUTC = "+0800"
    assert in_time_zone(moment, root).strftime("%Y%m%d %H%M") == "20260704 0630"
    root.TimezoneOffsetFromUTC = "-0330"
    assert in_time_zone(moment, root).strftime("%H%M") == "1900"


def order(number: str) -> Dataset:
    item = Dataset()
    item.RequestedProcedureID = number
    item.RequestedProcedureDescription = "MRT Mamma beidseits"
    item.ScheduledProcedureStepID = "SPS-1"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "MRMAM", "99SITE", "MRT Mamma"
    item.RequestedProcedureCodeSequence = [code]
    return item


def test_each_order_of_the_images_is_named() -> None:
    source = header()
    source.RequestAttributesSequence = [order("RP-1"), order("RP-2")]
    source.RequestAttributesSequence[1].AccessionNumber = "ACC-2"
    first, second = referenced_requests(source)
    assert (first.RequestedProcedureID, second.RequestedProcedureID) == ("RP-1", "RP-2")
    assert (first.AccessionNumber, second.AccessionNumber) == ("ACC-0815", "ACC-2")
    assert first.StudyInstanceUID == source.StudyInstanceUID
    assert first.RequestedProcedureCodeSequence[0].CodeValue == "MRMAM"
    assert first.PlacerOrderNumberImagingServiceRequest is None
    assert "ScheduledProcedureStepID" not in first, "the step of the scanner is not ours"
    assert len(first.ReferencedStudySequence) == 0


def test_series_of_segmentations_and_documents_name_the_orders() -> None:
    source = header()
    incomplete = order("RP-3")
    del incomplete.ScheduledProcedureStepID
    source.RequestAttributesSequence = [order("RP-1"), order("RP-2"), incomplete]
    source.RequestAttributesSequence[0].AccessionNumber = "ACC-1"
    source.RequestAttributesSequence[1].add(raw("AccessionNumber", "longer than sixteen characters"))
    first, second = request_attributes(source)
    assert (first.RequestedProcedureID, first.ScheduledProcedureStepID) == ("RP-1", "SPS-1")
    assert (first.AccessionNumber, first.RequestedProcedureDescription) == ("ACC-1", "MRT Mamma beidseits")
    assert first.RequestedProcedureCodeSequence[0].CodeValue == "MRMAM"
    assert second.RequestedProcedureID == "RP-2"
    assert "AccessionNumber" not in second, "not allowed by the standard"
    assert request_attributes(header()) == []


def test_without_an_order_the_accession_number_is_one() -> None:
    (only,) = referenced_requests(header())
    assert only.AccessionNumber == "ACC-0815"
    nothing = header()
    nothing.AccessionNumber = ""
    assert referenced_requests(nothing) == []


@settings(deadline=None, max_examples=60)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_a_report_conforms_whatever_the_order_says(accession: str, number: str, description: str) -> None:
    source = header()
    source.add(raw("AccessionNumber", accession))
    item = order("1")
    item.add(raw("RequestedProcedureID", number))
    item.add(raw("RequestedProcedureDescription", description))
    source.RequestAttributesSequence = [item]
    made = make(with_t2w=False, patient_header=source, features_per_region=1)
    sequence, prepared = Sequence.T1C, made.prepared.sequences[Sequence.T1C]
    segmentation = make_segmentation(made.study, prepared, made.report, sequence=sequence)
    check_object(segmentation.dataset)
    segments = {sequence: segment_references(segmentation, prepared, made.study.sources[sequence])}
    report = make_key_report(made.study, made.report, segments=segments, segmentations=[segmentation]).dataset
    check_object(report)
    assert len(report.ReferencedRequestSequence) == 1
