"""`Report` → Comprehensive 3D SR after TID 1500: the key SR, and the optional SR with all features.

The key SR has one measurement group for each region that refers to its segment (volume and leading features), one for
each model (its numbers, its group), and texts for everything else the report says. Nothing is computed or worded
here. There is no image library: it is what makes an SR large, and every group names its segment and source series
anyway.

`tid1500reader` takes an algorithm's manufacturer and a finding category for qualitative evaluations, so neither is
written; the manufacturer is in the device observers and the equipment modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from highdicom import sr
from highdicom.sr import RelationshipTypeValues
from pydicom import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.sr.codedict import codes as standard
from pydicom.sr.coding import Code
from pydicom.uid import Comprehensive3DSRStorage

from dicom_io import codes, uids
from dicom_io.answer import AnswerObject, Role
from dicom_io.earlier import SentObject
from dicom_io.identity import MANUFACTURER
from dicom_io.study import SourceInstance, Study
from dicom_io.writing import equipment
from dicom_io.writing.common_modules import new_instance
from dicom_io.writing.patient_modules import referenced_requests
from dicom_io.writing.segmentation_object import SegmentReference
from models.volume import Region, Sequence
from reports.content import Measurement, ModelSection, RegionSection, Report
from reports.wording import replaces_sentence

Group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations | sr.MeasurementsAndQualitativeEvaluations
Segments = Mapping[Sequence, Mapping[Region, SegmentReference]]


def make_key_report(
    study: Study,
    report: Report,
    *,
    segments: Segments,
    segmentations: Iterable[AnswerObject],
    replaced: Iterable[SentObject] = (),
) -> AnswerObject:
    """The key SR: predictions, groups, volumes, leading features, quality notes, provenance, notices.

    Parameters
    ----------
    segments : the segment of every region, each in one of `segmentations`
    segmentations : our segmentations, sent before this report
    replaced : objects of the answer that this one replaces
    """
    leading = {feature.key for section in report.models for feature in section.leading_features}
    groups: list[Group] = [_model_group(study, section) for section in report.models]
    groups += [
        _region_group(study, report, section, segments, _leading(section, leading)) for section in report.regions
    ]
    return _document(study, report, Role.KEY_SR, groups, _texts(report), segmentations, replaced)


def make_features_report(
    study: Study,
    report: Report,
    *,
    segments: Segments,
    segmentations: Iterable[AnswerObject],
    replaced: Iterable[SentObject] = (),
) -> AnswerObject:
    """The SR with all features: one group for each region, in the order of the feature vector."""
    groups: list[Group] = [
        _region_group(study, report, section, segments, section.features) for section in report.regions
    ]
    return _document(study, report, Role.FEATURES_SR, groups, _notices(report), segmentations, replaced)


def _leading(section: RegionSection, more: set[str]) -> tuple[Measurement, ...]:
    """Features shown for a region: the report's own choice and those with the largest attributions."""
    wanted = more.union(section.leading)
    return tuple(feature for feature in section.features if feature.key in wanted)


def _region_group(
    study: Study, report: Report, section: RegionSection, segments: Segments, features: Iterable[Measurement]
) -> sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    segment = segments[section.sequence][section.region]
    measurements = [_number(section.volume, codes.VOLUME)]
    measurements += [_number(feature, codes.feature(feature)) for feature in features]
    sites = [sr.FindingSite(codes.BREAST, laterality=codes.side(report.subject))]
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=uids.tracking_uid(study, section.sequence, section.region), identifier=section.title
        ),
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=segment.sop_class_uid,
            sop_instance_uid=segment.sop_instance_uid,
            segment_number=segment.segment_number,
            source_series=sr.SourceSeriesForSegmentation(segment.source_series_uid),
        ),
        finding_type=codes.region_type(section.region),
        finding_sites=sites if codes.is_breast(study.header) else None,
        algorithm_id=_algorithm(equipment.product()),
        measurements=measurements,
        qualitative_evaluations=[
            sr.QualitativeEvaluation(name=codes.IMAGE_TYPE, value=codes.sequence(section.sequence))
        ],
    )


def _model_group(study: Study, section: ModelSection) -> sr.MeasurementsAndQualitativeEvaluations:
    measurements = [number for row in section.measurements for number in _with_interval(row)]
    measurements += [
        sr.Measurement(
            name=codes.concept(codes.contribution(label)),
            value=float(share),
            unit=codes.concept(codes.unit("1")),
            derivation=codes.concept(codes.ATTRIBUTION),
        )
        for label, share in section.contributions
    ]
    device = equipment.model(section.model)
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=uids.prediction_uid(study, section.model.name), identifier=section.model.title
        ),
        algorithm_id=_algorithm(device),
        measurements=measurements or None,
        qualitative_evaluations=[
            sr.QualitativeEvaluation(name=codes.concept(name), value=codes.concept(value))
            for name, value in _evaluations(section)
        ],
    )


def _evaluations(section: ModelSection) -> Iterator[tuple[Code, Code]]:
    """Group, validity, and each kind of reason once; a group without a number is all there is without a result."""
    yield codes.question(section), codes.group(section)
    yield codes.VALIDITY, codes.validity(section.state)
    for value in dict.fromkeys(codes.reason(reason) for reason in section.validity.reasons):
        yield codes.VALIDITY_REASON, value


def _with_interval(row: Measurement) -> Iterator[sr.Measurement]:
    name = codes.quantity(row)
    yield _number(row, name, spread=row.plausible_range)
    if row.interval is not None:
        unit = codes.concept(codes.unit(row.unit))
        for value, upper in zip(row.interval, (False, True), strict=True):
            limit = codes.concept(codes.interval_limit(row, name, upper=upper))
            yield sr.Measurement(name=limit, value=float(value), unit=unit)


def _number(row: Measurement, name: Code, *, spread: tuple[float, float] | None = None) -> sr.Measurement:
    """A number; its plausible range as distances from it (TID 310, CID 225)."""
    unit = codes.concept(codes.unit(row.unit))
    properties = None
    if spread is not None:
        properties = sr.MeasurementProperties(
            upper_measurement_uncertainty=max(0.0, spread[1] - row.value),
            lower_measurement_uncertainty=max(0.0, row.value - spread[0]),
        )
    return sr.Measurement(name=codes.concept(name), value=float(row.value), unit=unit, properties=properties)


def _algorithm(device: equipment.Device) -> sr.AlgorithmIdentification:
    return sr.AlgorithmIdentification(name=device.model_name, version=device.version)


def _texts(report: Report) -> Iterator[sr.TextContentItem]:
    """Texts of the report, in its order."""
    if report.replaces is not None:
        yield _text(codes.REPLACES, replaces_sentence(report.replaces))
    for section in report.models:
        yield _text(codes.CONCLUSION, " ".join(_sentences(section)))
        for reason in section.validity.reasons:
            yield _text(codes.reason(reason), f"{section.model.title}: {reason.sentence}")
    for absent in report.not_applicable:
        yield _text(codes.NOT_APPLICABLE, f"{absent.model.title}: {absent.sentence}")
    for item in report.notes:
        text = _text(codes.note(item), item.sentence)
        weight = sr.CodeContentItem(
            name=codes.concept(codes.SEVERITY),
            value=codes.concept(codes.severity(item)),
            relationship_type=RelationshipTypeValues.HAS_CONCEPT_MOD,
        )
        text.ContentSequence = sr.ContentSequence([weight])
        yield text
    for series in report.series:
        yield _text(codes.SERIES_USED, f"{series.role}: {series.description}; {series.detail}; {series.why}")
    yield _text(codes.NOTICE, report.not_checked)
    yield from _notices(report)


def _sentences(section: ModelSection) -> Iterator[str]:
    """Lead, headline, conclusion and advice; of a valid answer the conclusion, which names its group."""
    if section.lead:
        yield section.lead
    if section.group is None:
        yield f"{section.headline}."
    yield section.conclusion
    if section.advice:
        yield section.advice


def _notices(report: Report) -> Iterator[sr.TextContentItem]:
    for label, text in report.provenance.items():
        yield _text(codes.PROVENANCE, f"{label}: {text}")
    for notice in (report.notice, *report.notices):
        yield _text(codes.NOTICE, notice)


def _text(name: Code, value: str) -> sr.TextContentItem:
    return sr.TextContentItem(name=codes.concept(name), value=value, relationship_type=RelationshipTypeValues.CONTAINS)


def _document(
    study: Study,
    report: Report,
    role: Role,
    groups: list[Group],
    texts: Iterable[sr.TextContentItem],
    segmentations: Iterable[AnswerObject],
    replaced: Iterable[SentObject],
) -> AnswerObject:
    root = new_instance(study, report, role=role, sop_class_uid=Comprehensive3DSRStorage, modality="SR")
    content = sr.MeasurementReport(
        observation_context=_observation_context(report),
        procedure_reported=_procedures(root),
        imaging_measurements=groups,
        title=codes.REPORT_TITLE,
    )[0]
    evaluations = sr.ContainerContentItem(
        name=codes.concept(codes.QUALITATIVE_EVALUATIONS), relationship_type=RelationshipTypeValues.CONTAINS
    )
    evaluations.ContentSequence = sr.ContentSequence(list(texts))
    content.ContentSequence.append(evaluations)
    for element in content:
        root.add(element)

    requests = referenced_requests(study.header)
    if requests:
        root.ReferencedRequestSequence = ItemSequence(requests)
    root.ReferencedPerformedProcedureStepSequence = ItemSequence()
    root.PerformedProcedureCodeSequence = ItemSequence()
    root.CompletionFlag = "COMPLETE"
    root.VerificationFlag = "UNVERIFIED"
    root.PreliminaryFlag = "PRELIMINARY"
    root.CurrentRequestedProcedureEvidenceSequence = ItemSequence([_evidence(study, segmentations)])
    predecessors = [
        SourceInstance(item.sop_class_uid, item.sop_instance_uid, item.series_instance_uid)
        for item in replaced
        if item.role is role
    ]
    if predecessors:
        root.PredecessorDocumentsSequence = ItemSequence([references(study, predecessors)])
    return AnswerObject(role, root)


def _observation_context(report: Report) -> sr.ObservationContext:
    """Every algorithm is a device observer; they agree with the Contributing Equipment Sequence."""
    observers = [
        sr.ObserverContext(
            observer_type=standard.DCM.Device,
            observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
                uid=device.uid,
                name=device.model_name,
                manufacturer_name=MANUFACTURER,
                model_name=device.model_name,
                serial_number=device.serial_number,
            ),
        )
        for device in equipment.devices(report)
    ]
    context = sr.ObservationContext(observer_device_context=observers[0])
    for observer in observers[1:]:
        context.extend(observer)
    return context


def _procedures(root: Dataset) -> list[sr.CodedConcept]:
    """The imaging procedure, by the study's own codes where it has any."""
    found = [
        sr.CodedConcept(str(item.CodeValue), str(item.CodingSchemeDesignator), str(item.CodeMeaning))
        for item in root.get("ProcedureCodeSequence", ())
        if all(item.get(keyword) for keyword in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning"))
    ]
    return found or [codes.concept(codes.BREAST_MRI)]


def _evidence(study: Study, segmentations: Iterable[AnswerObject]) -> Dataset:
    """All instances behind the report: our segmentations, the source images, the segmentations that came with them."""
    ours = [
        SourceInstance(item.sop_class_uid, item.sop_instance_uid, str(item.dataset.SeriesInstanceUID))
        for item in segmentations
    ]
    images = [instance for source in study.sources.values() for instance in source.instances]
    return references(study, (*ours, *images, *study.segmentations))


def references(study: Study, instances: Iterable[SourceInstance]) -> Dataset:
    """Instances of a study as an item of the Hierarchical SOP Instance Reference Macro (PS3.3 C.17.2.1)."""
    by_series: dict[str, dict[str, SourceInstance]] = {}
    for instance in instances:
        by_series.setdefault(instance.series_instance_uid, {})[instance.sop_instance_uid] = instance
    result = Dataset()
    result.StudyInstanceUID = study.header.StudyInstanceUID
    series_items = []
    for series_instance_uid, of_series in by_series.items():
        series = Dataset()
        series.SeriesInstanceUID = series_instance_uid
        listed = []
        for instance in of_series.values():
            reference = Dataset()
            reference.ReferencedSOPClassUID = instance.sop_class_uid
            reference.ReferencedSOPInstanceUID = instance.sop_instance_uid
            listed.append(reference)
        series.ReferencedSOPSequence = ItemSequence(listed)
        series_items.append(series)
    result.ReferencedSeriesSequence = ItemSequence(series_items)
    return result
