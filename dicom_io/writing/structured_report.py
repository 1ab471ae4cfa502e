"""`Report` → Comprehensive 3D SR after TID 1500: the key SR, and the optional SR with all features.

The key SR has the answer of each model and the notices in front; one measurement group for each model (its numbers, its
group) and one for each region that refers to its segment (volume and leading features); then texts for everything else
the report says. Nothing is computed or worded here. There is no image library: it is what makes an SR large, and every
group names its segment and source series anyway. `docs/how-to/read-the-sr.md` says where everything is.

A model's group is one of TID 1501 with lesion, site and source images; the segments of the tumour and their series
are added to it, which that template allows (it is extensible), and TID 1411 does not for more than one.

`tid1500reader` takes an algorithm's manufacturer and a finding category for qualitative evaluations, so neither is
written; the manufacturer is in the device observers and the equipment modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from highdicom import sr
from highdicom.sr import RelationshipTypeValues
from pydicom.sequence import Sequence as ItemSequence
from pydicom.sr.coding import Code

from dicom_io import codes, uids
from dicom_io.answer import AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.earlier import SentObject
from dicom_io.feature_codes import Parameter, feature_code
from dicom_io.note_codes import note_code
from dicom_io.study import Study
from dicom_io.writing import equipment
from dicom_io.writing.binary_segmentation import instance_of_slice
from dicom_io.writing.change_group import change_group, change_texts
from dicom_io.writing.readable import round_numbers
from dicom_io.writing.readable_numbers import in_reader_units
from dicom_io.writing.segmentation_object import SegmentReference
from dicom_io.writing.sr_document import Group, document
from models.volume import Region, Sequence
from reports.concepts import CUT_OFF
from reports.content import ContributionGroup, Measurement, ModelSection, RegionSection, Report
from reports.language import Language
from reports.languages.languages import WORDS

Segments = Mapping[Sequence, Mapping[Region, SegmentReference]]


def make_key_report(
    study: Study,
    report: Report,
    *,
    segments: Segments,
    segmentations: Iterable[AnswerObject],
    replaced: Iterable[SentObject] = (),
    shown: Report | None = None,
) -> AnswerObject:
    """The key SR: predictions, groups, volumes, leading features, quality notes, provenance, notices.

    Codes, their meanings and identifiers are those of `report` in every language; sentences are those of `shown`.

    Parameters
    ----------
    report : in English
    shown : the same in the language of the document; None for English
    segments : the segment of every region, each in one of `segmentations`
    segmentations : our segmentations, sent before this report
    replaced : objects of the answer that this one replaces
    """
    shown = shown or report
    leading = {feature.key for section in report.models for feature in section.leading_features}
    groups: list[Group] = [_model_group(study, report, section, segments, shown.language) for section in report.models]
    regions = [
        _region_group(study, report, section, segments, _leading(section, leading)) for section in report.regions
    ]
    for group in regions:
        round_numbers(group)
    groups += regions
    if report.change is not None:
        groups.append(change_group(study, report.change, sites=_sites(study, report)))
    return document(
        study, report, Role.KEY_SR, groups, _texts(shown), segmentations, replaced, first=_first(shown), shown=shown
    )


def make_features_report(
    study: Study,
    report: Report,
    *,
    segments: Segments,
    segmentations: Iterable[AnswerObject],
    replaced: Iterable[SentObject] = (),
    shown: Report | None = None,
) -> AnswerObject:
    """The SR with all features: one group for each region, in the order of the feature vector."""
    shown = shown or report
    groups: list[Group] = [
        _region_group(study, report, section, segments, section.features) for section in report.regions
    ]
    texts = _provenance(shown)
    return document(
        study, report, Role.FEATURES_SR, groups, texts, segmentations, replaced, first=_notices(shown), shown=shown
    )


def _leading(section: RegionSection, more: set[str]) -> tuple[Measurement, ...]:
    """Features shown for a region: the report's own choice and those with the largest attributions."""
    wanted = more.union(section.leading)
    return tuple(feature for feature in section.features if feature.key in wanted)


def _region_group(
    study: Study, report: Report, section: RegionSection, segments: Segments, features: Iterable[Measurement]
) -> sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    segment = segments[section.sequence][section.region]
    measurements = [_number(section.volume, codes.VOLUME)]
    measurements += [_feature(feature) for feature in features]
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
        finding_sites=_sites(study, report),
        algorithm_id=_algorithm(equipment.product()),
        measurements=measurements,
        qualitative_evaluations=[
            sr.QualitativeEvaluation(name=codes.IMAGE_TYPE, value=codes.sequence(section.sequence))
        ],
    )


def _sites(study: Study, report: Report) -> list[sr.FindingSite] | None:
    """The breast, with its side where the images state it; nothing for another organ."""
    if not codes.is_breast(study.header):
        return None
    return [sr.FindingSite(codes.BREAST, laterality=codes.side(report.subject))]


def _feature(feature: Measurement) -> sr.Measurement:
    """A feature with what its image was filtered with."""
    coded = feature_code(feature)
    return _beside(_number(feature, coded.code), modifiers=coded.modifiers, parameters=coded.parameters)


def _beside(
    measurement: sr.Measurement,
    *,
    modifiers: Iterable[tuple[Code, Code]] = (),
    parameters: Iterable[Parameter] = (),
) -> sr.Measurement:
    """The measurement with modifiers of its concept, and numbers that it was derived from (TID 1419)."""
    items = [
        *(
            sr.CodeContentItem(codes.concept(name), codes.concept(value), RelationshipTypeValues.HAS_CONCEPT_MOD)
            for name, value in modifiers
        ),
        *(
            sr.NumContentItem(
                name=codes.concept(one.name),
                value=one.value,
                unit=codes.concept(codes.unit(one.unit)),
                relationship_type=RelationshipTypeValues.INFERRED_FROM,
            )
            for one in parameters
        ),
    ]
    if items:
        number = measurement[0]
        number.ContentSequence = sr.ContentSequence([*items, *number.get("ContentSequence", ())])
    return measurement


def _model_group(
    study: Study, report: Report, section: ModelSection, segments: Segments, language: Language
) -> sr.MeasurementsAndQualitativeEvaluations:
    measurements = [_answer(in_reader_units(row, section.quantity), language) for row in section.measurements]
    # Inputs that the model has and that count for nothing say nothing.
    measurements += [_share(group) for group in section.contribution_groups if group.share != 0.0]
    device = equipment.model(section.model)
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=uids.prediction_uid(study, section.model.name), identifier=section.model.title
        ),
        finding_type=codes.NEOPLASM,
        finding_sites=_sites(study, report),
        algorithm_id=_algorithm(device),
        source_images=list(_source_images(study, report, section)) or None,
        measurements=measurements or None,
        qualitative_evaluations=[
            sr.QualitativeEvaluation(name=codes.concept(name), value=codes.concept(value))
            for name, value in _evaluations(section)
        ],
    )
    group[0].ContentSequence.extend(_tumour_segments(section, segments))
    cut_off = next(
        (in_reader_units(row, section.quantity).value for row in section.measurements if row.key == CUT_OFF), None
    )
    round_numbers(group, beside=cut_off)
    return group


def _share(group: ContributionGroup) -> sr.Measurement:
    """Share of a group of inputs in the output, in per cent; its modifiers say which inputs."""
    share = sr.Measurement(
        name=codes.concept(codes.contribution(group.label)),
        value=100.0 * float(group.share),
        unit=codes.concept(codes.unit("%")),
        derivation=codes.concept(codes.ATTRIBUTION),
    )
    if group.kind is None:
        return share
    sequence, region, kind = group.kind
    return _beside(
        share,
        modifiers=(
            (codes.IMAGE_TYPE, codes.sequence(sequence)),
            (codes.REGION, codes.region_type(region)),
            (codes.FEATURE_CLASS, codes.feature_class(kind)),
        ),
    )


def _source_images(study: Study, report: Report, section: ModelSection) -> Iterator[sr.SourceImageForMeasurementGroup]:
    """The image with the largest section of the tumour, of each sequence that the model was computed from."""
    for image in report.key_images:
        if image.sequence in section.sequences:
            instance, frame = instance_of_slice(study.sources[image.sequence], image.slice_index)
            yield sr.SourceImageForMeasurementGroup(
                instance.sop_class_uid, instance.sop_instance_uid, None if frame is None else [frame]
            )


def _tumour_segments(section: ModelSection, segments: Segments) -> Iterator[sr.ContentItem]:
    """The segment of the tumour on each sequence that the model was computed from, with the series it was made on."""
    for sequence in section.sequences:
        segment = segments.get(sequence, {}).get(Region.INTRATUMORAL)
        if segment is not None:
            yield sr.ImageContentItem(
                name=codes.concept(codes.REFERENCED_SEGMENT),
                referenced_sop_class_uid=segment.sop_class_uid,
                referenced_sop_instance_uid=segment.sop_instance_uid,
                referenced_segment_numbers=[segment.segment_number],
                relationship_type=RelationshipTypeValues.CONTAINS,
            )
            yield sr.UIDRefContentItem(
                name=codes.concept(codes.SOURCE_SERIES),
                value=segment.source_series_uid,
                relationship_type=RelationshipTypeValues.CONTAINS,
            )


def _evaluations(section: ModelSection) -> Iterator[tuple[Code, Code]]:
    """Group, validity, summary, and each kind of reason once; they are all there is without a result."""
    yield codes.question(section), codes.group(section)
    yield codes.VALIDITY, codes.validity(section.state)
    yield codes.SUMMARY_OF_ANALYSES, codes.summary_of_analysis(section.state)
    for value in dict.fromkeys(note_code(reason.code) for reason in section.validity.reasons):
        yield codes.VALIDITY_REASON, value


def _answer(row: Measurement, language: Language) -> sr.Measurement:
    """A number of a model with the kind of its uncertainty, and the horizon of a probability."""
    kind = codes.INTERVAL_95 if row.plausible_range is None else codes.PLAUSIBLE_RANGE
    horizon = row.horizon_months
    return _beside(
        _number(row, codes.quantity(row), language),
        modifiers=() if _uncertainty(row) is None else ((codes.UNCERTAINTY, kind),),
        parameters=() if horizon is None else (Parameter(codes.HORIZON, float(horizon), "mo"),),
    )


def _uncertainty(row: Measurement) -> tuple[float, float] | None:
    """Limits that stand with a number: its plausible range, where that is not known its 95 % interval."""
    return row.interval if row.plausible_range is None else row.plausible_range


def _number(row: Measurement, name: Code, language: Language = Language.ENGLISH) -> sr.Measurement:
    """A number with its properties (TID 310)."""
    unit = codes.concept(codes.unit(row.unit))
    return sr.Measurement(
        name=codes.concept(name), value=float(row.value), unit=unit, properties=_properties(row, unit, language)
    )


def _properties(row: Measurement, unit: sr.CodedConcept, language: Language) -> sr.MeasurementProperties | None:
    """Uncertainty as distances from the number (CID 225), and place among the training patients (TID 311)."""
    place, spread = row.percentile, _uncertainty(row)
    if place is None and spread is None:
        return None
    properties = sr.MeasurementProperties(
        measurement_statistical_properties=None if place is None else _place(place, language),
        upper_measurement_uncertainty=None if spread is None else max(0.0, spread[1] - row.value),
        lower_measurement_uncertainty=None if spread is None else max(0.0, row.value - spread[0]),
    )
    distances = {code.value for code in codes.DISTANCES}
    for item in properties:
        if item.ConceptNameCodeSequence[0].CodeValue in distances:  # highdicom writes "no units"
            item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence = ItemSequence([unit])
    return properties


def _place(percentile: float, language: Language) -> sr.MeasurementStatisticalProperties:
    """Percentile of a number in the population of the training patients."""
    ranking = sr.NumContentItem(
        name=codes.concept(codes.PERCENTILE),
        value=percentile,
        unit=codes.concept(codes.unit("%")),
        relationship_type=RelationshipTypeValues.HAS_PROPERTIES,
    )
    return sr.MeasurementStatisticalProperties(values=[ranking], description=WORDS[language].labels.training_population)


def _algorithm(device: equipment.Device) -> sr.AlgorithmIdentification:
    return sr.AlgorithmIdentification(name=device.model_name, version=device.version)


def _first(report: Report) -> Iterator[sr.TextContentItem]:
    """The texts that stand before any number: what is replaced, each model's answer with its state, the notices."""
    if report.replaces is not None:
        yield _text(codes.REPLACES, WORDS[report.language].say.replaces_sentence(report.replaces))
    for section in report.models:
        yield _text(codes.CONCLUSION, f"{section.model.title}: {' '.join(_sentences(section))}")
    yield from _notices(report)


def _texts(report: Report) -> Iterator[sr.TextContentItem]:
    """Texts of the report behind its numbers, in its order."""
    for section in report.models:
        for reason in section.validity.reasons:
            yield _text(note_code(reason.code), f"{section.model.title}: {reason.sentence}")
    if report.change is not None:
        yield from change_texts(report.change, report.language)
    for section in report.models:
        if section.about:
            yield _text(codes.ABOUT_MODEL, f"{section.model.title}: {section.about}")
    for absent in report.not_applicable:
        yield _text(codes.NOT_APPLICABLE, f"{absent.model.title}: {absent.sentence}")
    for item in report.notes:
        text = _text(note_code(item.code), item.sentence)
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
    yield from _provenance(report)


def _sentences(section: ModelSection) -> Iterator[str]:
    """Lead, headline, conclusion and advice; of a valid answer the conclusion, which names its group."""
    if section.lead:
        yield section.lead
    if section.group is None:
        yield f"{section.headline}."
    yield section.conclusion
    if section.advice:
        yield section.advice


def _provenance(report: Report) -> Iterator[sr.TextContentItem]:
    words = WORDS[report.language]
    for label, text in report.provenance.items():
        shown = words.labels.provenance_labels.get(label) or words.part(label)
        yield _text(codes.PROVENANCE, f"{shown}: {text}")


def _notices(report: Report) -> Iterator[sr.TextContentItem]:
    for notice in (report.notice, *report.notices):
        yield _text(codes.NOTICE, notice)


def _text(name: Code, value: str) -> sr.TextContentItem:
    return sr.TextContentItem(name=codes.concept(name), value=value, relationship_type=RelationshipTypeValues.CONTAINS)
