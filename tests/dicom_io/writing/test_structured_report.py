"""Structured reports: every number and text of the `Report` is there, exactly, and refers to what is sent."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import highdicom as hd
import pytest
from pydicom import Dataset

from dicom_io.answer import AnswerObject
from dicom_io.identity import is_ours
from dicom_io.writing.segmentation_object import make_segmentation, segment_references
from dicom_io.writing.structured_report import make_features_report, make_key_report
from models.volume import Region, Sequence
from tests.dicom_io.made_studies import Made, make


def encode_report(made: Made, *, features: bool = False) -> tuple[AnswerObject, tuple[AnswerObject, ...]]:
    segmentations = {
        sequence: make_segmentation(made.study, part, made.report, sequence=sequence)
        for sequence, part in made.prepared.sequences.items()
    }
    segments = {
        sequence: segment_references(segmentations[sequence], part, made.study.sources[sequence])
        for sequence, part in made.prepared.sequences.items()
    }
    encode = make_features_report if features else make_key_report
    sent = tuple(segmentations.values())
    return encode(made.study, made.report, segments=segments, segmentations=sent), sent


def read_back(item: AnswerObject) -> hd.sr.Comprehensive3DSR:
    buffer = BytesIO()
    item.dataset.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    document = hd.sr.srread(buffer)
    assert isinstance(document, hd.sr.Comprehensive3DSR)
    return document


def texts(dataset: Dataset) -> list[tuple[str, str]]:
    """(concept, text) of the qualitative evaluations at the root."""
    container = dataset.ContentSequence[-1]
    assert container.ConceptNameCodeSequence[0].CodeMeaning == "Qualitative Evaluations"
    return [(item.ConceptNameCodeSequence[0].CodeMeaning, item.TextValue) for item in container.ContentSequence]


def test_each_region_has_its_group_with_volume_and_leading_features_exactly() -> None:
    made = make()
    item, sent = encode_report(made)
    groups = read_back(item).content.get_volumetric_roi_measurement_groups()
    assert len(groups) == len(made.report.regions) == 4
    also_leading = {row.key for section in made.report.models for row in section.leading_features}
    for group, section in zip(groups, made.report.regions, strict=True):
        assert group.tracking_identifier == section.title
        wanted = [section.volume.value] + [
            row.value for row in section.features if row.key in also_leading.union(section.leading)
        ]
        assert [measurement.value for measurement in group.get_measurements()] == wanted
        reference = group.referenced_segment
        segmentation = {s.sop_instance_uid: s for s in sent}[reference.referenced_sop_instance_uid]
        (number,) = reference.referenced_segment_numbers
        segment = segmentation.dataset.SegmentSequence[number - 1]
        assert segment.TrackingUID == group.tracking_uid
        assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == group.finding_type.value
        source = made.study.sources[section.sequence].series_instance_uid
        assert reference.source_series_for_segmentation.value == source
        assert group.finding_sites[0].laterality.meaning == "Left"


def test_each_model_has_its_group_with_its_numbers_and_its_group() -> None:
    made = make()
    groups = read_back(encode_report(made)[0]).content.get_image_measurement_groups()
    risk, krt7 = groups
    by_code = {m.name.value: m.value for m in risk.get_measurements()}
    assert by_code["RECURRENCE_SCORE"] == 1.4375
    assert (by_code["RFS_12_MO"], by_code["RFS_24_MO"], by_code["RFS_36_MO"]) == (0.97123456789, 0.912, 0.857)
    assert by_code["CUT_OFF"] == 1.10
    assert len(risk.get_measurements()) == 5 + 2 * 2 + 2  # numbers, two intervals, two contributions
    assert [(e.name.value, e.value.meaning) for e in risk.get_qualitative_evaluations()] == [
        ("RISK_GROUP", "High risk"),
        ("VALIDITY", "Valid"),
    ]
    assert [m.value for m in krt7.get_measurements()] == [0.31, 0.5]
    assert krt7.get_qualitative_evaluations()[0].value.value == "KRT7_AS_LOW"


def test_limits_of_intervals_follow_their_number() -> None:
    risk = read_back(encode_report(make())[0]).content.get_image_measurement_groups()[0]
    values = [m.value for m in risk.get_measurements()]
    assert values[2:5] == [0.912, 0.86, 0.95]
    assert risk.get_measurements()[3].name.meaning.startswith("Lower limit of 95 % interval")


def test_everything_the_report_says_in_words_is_there() -> None:
    made = make(with_t2w=False)
    said = texts(encode_report(made)[0].dataset)
    assert ("Conclusion", made.report.models[0].conclusion) in said
    assert (
        "Model not applicable",
        "KRT7-AS expression: not applicable, because no T2W series was found",
    ) in said
    for note in made.report.notes:
        assert (note.code, note.sentence) in said
    assert ("Notice", made.report.notice) in said
    assert ("Notice", made.report.notices[0]) in said
    for label, text in made.report.provenance.items():
        assert ("Provenance", f"{label}: {text}") in said


def test_notes_state_their_weight() -> None:
    container = encode_report(make())[0].dataset.ContentSequence[-1]
    weights = {
        item.ConceptNameCodeSequence[0].CodeMeaning: item.ContentSequence[0].ConceptCodeSequence[0].CodeMeaning
        for item in container.ContentSequence
        if "ContentSequence" in item
    }
    assert weights == {"shell-cut-by-body": "Warning", "threshold": "Note"}


def test_without_t2w_nothing_refers_to_it() -> None:
    made = make(with_t2w=False)
    item, sent = encode_report(made)
    assert len(sent) == 1
    groups = read_back(item).content.get_volumetric_roi_measurement_groups()
    assert {group.referenced_segment.referenced_sop_instance_uid for group in groups} == {sent[0].sop_instance_uid}


def test_evidence_is_what_was_read_and_what_is_sent() -> None:
    made = make()
    item, sent = encode_report(made)
    listed = {str(uid) for _, _, uid, _ in read_back(item).get_evidence()}
    images = {i.sop_instance_uid for source in made.study.sources.values() for i in source.instances}
    received = {i.sop_instance_uid for i in made.study.segmentations}
    assert listed == images | received | {s.sop_instance_uid for s in sent}


def test_devices_agree_with_the_contributing_equipment() -> None:
    document = read_back(encode_report(make())[0])
    items = [
        (str(item.Manufacturer), str(item.ManufacturerModelName), str(item.DeviceUID))
        for item in document.ContributingEquipmentSequence
    ]
    observers = [context.observer_identifying_attributes for context in document.content.get_observer_contexts()]
    assert [(o.manufacturer_name, o.model_name, str(o.uid)) for o in observers] == items
    assert len(items) == 3
    purposes = {item.PurposeOfReferenceCodeSequence[0].CodeValue for item in document.ContributingEquipmentSequence}
    assert purposes == {"109102"}
    algorithms = {
        child.TextValue
        for group in document.ContentSequence[-2].ContentSequence
        for child in group.ContentSequence
        if child.ConceptNameCodeSequence[0].CodeValue == "111001"
    }
    assert algorithms == {name for _, name, _ in items}


def test_the_procedure_is_the_studys_own_where_it_has_a_code() -> None:
    made = make()
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "MR-1", "99HOSP", "Breast MR with contrast"
    made.study.header.ProcedureCodeSequence = [code]
    reported = [
        item.ConceptCodeSequence[0].CodeValue
        for item in encode_report(made)[0].dataset.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Procedure reported"
    ]
    assert reported == ["MR-1"]


def test_the_features_report_has_every_feature_in_a_series_of_its_own() -> None:
    made = make(features_per_region=40)
    features, _ = encode_report(made, features=True)
    key, _ = encode_report(made)
    groups = read_back(features).content.get_volumetric_roi_measurement_groups()
    for group, section in zip(groups, made.report.regions, strict=True):
        assert [m.value for m in group.get_measurements()][1:] == [row.value for row in section.features]
    assert features.dataset.SeriesInstanceUID != key.dataset.SeriesInstanceUID
    assert is_ours(features.dataset)
    assert is_ours(key.dataset)


def test_a_region_whose_segment_is_not_sent_is_a_defect() -> None:
    made = make(with_t2w=False)
    section = replace(made.report.regions[0], sequence=Sequence.T2W, region=Region.PERITUMORAL)
    report = replace(made.report, regions=(*made.report.regions, section))
    with pytest.raises(KeyError):
        encode_report(Made(made.study, made.prepared, report))
