"""Structured reports: every number and text of the `Report` is there, exactly, and refers to what is sent."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import highdicom as hd
import pytest
from pydicom import Dataset

from dicom_io import codes
from dicom_io.answer import AnswerObject
from dicom_io.identity import is_ours
from dicom_io.writing.segmentation_object import make_segmentation, segment_references
from dicom_io.writing.structured_report import make_features_report, make_key_report
from models.volume import Region, Sequence
from reports import wording
from reports.content import ContributionGroup
from tests.dicom_io.made_studies import Made, header, make


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
    """(concept, text) of what stands before the measurements, and of the qualitative evaluations, in order."""
    container = dataset.ContentSequence[-1]
    assert meaning(container) == "Qualitative Evaluations"
    first = [item for item in dataset.ContentSequence if item.RelationshipType == "CONTAINS" and "TextValue" in item]
    return [(meaning(item), item.TextValue) for item in (*first, *container.ContentSequence)]


def meaning(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)


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
    survival = [m for m in risk.get_measurements() if m.name.value == "RFS"]
    assert [m.value for m in survival] == [97.123456789, 91.2, 85.7]
    assert {m.unit.value for m in survival} == {"%"}
    horizons = [number_below(m, "HORIZON", "INFERRED FROM") for m in survival]
    assert horizons == [(12.0, "mo"), (24.0, "mo"), (36.0, "mo")]
    assert by_code["CUT_OFF"] == 1.10
    assert len(risk.get_measurements()) == 5 + 2  # numbers and contributions
    assert [(e.name.value, e.value.meaning) for e in risk.get_qualitative_evaluations()] == [
        ("RISK_GROUP", "High risk"),
        ("VALIDITY", "Valid"),
        ("111065", "Succeeded"),
    ]
    assert [(m.value, m.unit.value) for m in krt7.get_measurements()] == [(31.0, "%"), (50.0, "%")]
    assert krt7.get_qualitative_evaluations()[0].value.value == "KRT7_AS_LOW"


def number_below(measurement: hd.sr.Measurement, name: str, relationship: str) -> tuple[float, str]:
    """Value and unit of the number called `name` below a measurement."""
    (item,) = [one for one in measurement[0].ContentSequence if one.ConceptNameCodeSequence[0].CodeValue == name]
    assert (item.ValueType, item.RelationshipType) == ("NUM", relationship)
    measured = item.MeasuredValueSequence[0]
    return measured.FloatingPointValue, measured.MeasurementUnitsCodeSequence[0].CodeValue


def modifiers(measurement: hd.sr.Measurement) -> dict[str, str]:
    below = measurement[0].get("ContentSequence", ())
    return {
        item.ConceptNameCodeSequence[0].CodeValue: item.ConceptCodeSequence[0].CodeValue
        for item in below
        if item.RelationshipType == "HAS CONCEPT MOD"
    }


def test_ranges_are_distances_with_their_kind() -> None:
    """The score has its plausible range of 1.2 to 1.9, survival at 24 months its interval of 86 to 95 %."""
    risk = read_back(encode_report(make())[0]).content.get_image_measurement_groups()[0]
    score, first, second = risk.get_measurements()[:3]
    upper, lower = "371886008", "371885007"
    assert modifiers(score) == {"UNCERTAINTY": "PLAUSIBLE_RANGE"}
    assert modifiers(second) == {"UNCERTAINTY": "INTERVAL_95"}
    assert modifiers(first) == {}
    assert number_below(second, lower, "HAS PROPERTIES") == (pytest.approx(91.2 - 86.0), "%")
    assert number_below(second, upper, "HAS PROPERTIES") == (pytest.approx(95.0 - 91.2), "%")


def test_a_share_says_which_inputs_by_codes() -> None:
    risk = read_back(encode_report(make())[0]).content.get_image_measurement_groups()[0]
    shares = [m for m in risk.get_measurements() if m.name.value == "CONTRIBUTION"]
    assert [modifiers(m) for m in shares] == [
        {"SEQUENCE": "110816", "REGION": "108369006", "FEATURE_CLASS": "TEXTURE", "121401": "ATTRIBUTION"},
        {"SEQUENCE": "110816", "REGION": "PERITUMORAL", "FEATURE_CLASS": "INTENSITY", "121401": "ATTRIBUTION"},
    ]


@pytest.mark.parametrize("multi_frame", [False, True])
def test_a_model_names_the_tumour_its_site_and_its_images(multi_frame: bool) -> None:
    """Each sequence that the model was computed from: the image with the largest section, and the tumour's segment."""
    made = make(multi_frame=multi_frame)
    item, sent = encode_report(made)
    groups = read_back(item).content.get_image_measurement_groups()
    for group, section in zip(groups, made.report.models, strict=True):
        assert group.finding_type == codes.NEOPLASM
        assert group.finding_sites[0].value == codes.BREAST
        assert group.finding_sites[0].laterality.meaning == "Left"
        images = [image for image in made.report.key_images if image.sequence in section.sequences]
        assert len(images) == len(section.sequences)
        expected = []
        for image in images:
            source = made.study.sources[image.sequence]
            instance = source.instances[0 if multi_frame else image.slice_index]
            expected.append(
                (instance.sop_instance_uid, [source.frame_numbers[image.slice_index]] if multi_frame else None)
            )
        assert [(i.referenced_sop_instance_uid, i.referenced_frame_numbers) for i in group.source_images] == expected
        segments = [
            one.ReferencedSOPSequence[0] for one in group[0].ContentSequence if meaning(one) == "Referenced Segment"
        ]
        assert [str(one.ReferencedSOPInstanceUID) for one in segments] == [
            sent[list(made.prepared.sequences).index(sequence)].sop_instance_uid for sequence in section.sequences
        ]
        assert {one.ReferencedSegmentNumber for one in segments} == {1}


def test_another_organ_is_no_breast() -> None:
    source = header()
    source.BodyPartExamined = "LIVER"
    groups = read_back(encode_report(make(patient_header=source))[0]).content.get_image_measurement_groups()
    assert [group.finding_sites for group in groups] == [[], []]


def test_the_place_among_the_training_patients_is_a_property_of_the_score() -> None:
    """TID 311 in TID 310: a percentile (CID 227) with its population; in words behind the numbers."""
    made = make()
    risk, krt7 = read_back(encode_report(made)[0]).content.get_image_measurement_groups()[:2]
    score = risk.get_measurements()[0]
    assert (score.unit.value, score.unit.scheme_designator, score.unit.meaning) == ("{score}", "UCUM", "score")
    properties = {item.ConceptNameCodeSequence[0].CodeValue: item for item in score[0].ContentSequence}
    place = properties["121415"].MeasuredValueSequence[0]
    assert place.FloatingPointValue == 83.25
    assert place.MeasurementUnitsCodeSequence[0].CodeValue == "%"
    assert properties["121405"].TextValue == wording.TRAINING_POPULATION
    distances = [properties[code.value].MeasuredValueSequence[0] for code in codes.DISTANCES]
    assert {one.MeasurementUnitsCodeSequence[0].CodeValue for one in distances} == {"{score}"}
    assert [one.FloatingPointValue for one in distances] == pytest.approx([0.2375, 0.4625])
    assert all("ContentSequence" not in one[0] for one in krt7.get_measurements())
    about = f"{made.report.models[0].model.title}: {made.report.models[0].about}"
    assert texts(encode_report(made)[0].dataset).count(("Training of the model, and place of the value", about)) == 1


def test_attributions_are_in_per_cent_and_none_is_nothing() -> None:
    made = make()
    shares = tuple(
        ContributionGroup(label, 1, share, 0.0, 0.0) for label, share in (("a", 0.6), ("b", -0.4), ("c", 0.0))
    )
    section = replace(made.report.models[0], contribution_groups=shares)
    report = replace(made.report, models=(section,))
    (risk,) = read_back(
        encode_report(Made(made.study, made.prepared, report))[0]
    ).content.get_image_measurement_groups()
    assert [(m.name.meaning, m.value, m.unit.value) for m in risk.get_measurements()[-2:]] == [
        ("a", 60.0, "%"),
        ("b", -40.0, "%"),
    ]


def test_everything_the_report_says_in_words_is_there() -> None:
    made = make(with_t2w=False)
    said = texts(encode_report(made)[0].dataset)
    section = made.report.models[0]
    assert said[0] == ("Conclusion", f"{section.model.title}: {section.conclusion}")
    assert said.index(("Notice", made.report.notice)) < len(made.report.models) + 1  # before any number
    assert (
        "Model not applicable",
        "KRT7-AS expression: not applicable, because no T2W series was found",
    ) in said
    for note in made.report.notes:
        assert (note.code.replace("-", " ").capitalize(), note.sentence) in said
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
    assert weights == {"Shell cut by body": "Warning", "Threshold": "Note"}


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
