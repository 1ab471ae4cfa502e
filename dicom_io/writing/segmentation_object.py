"""Segmentation of an answer on the grid of one sequence: segment 1 the tumour, segment 2 the peritumoral shell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import highdicom as hd
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import SegmentationStorage

from dicom_io import codes, uids
from dicom_io.answer import AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.study import SourceSeries, Study
from dicom_io.writing.binary_segmentation import binary_segmentation
from dicom_io.writing.common_modules import SERIES, new_instance
from dicom_io.writing.equipment import product
from models.preprocessing.prepare import PreparedSequence
from models.volume import Region, Roi, Sequence
from reports.content import Report

ROLES = {Sequence.T1C: Role.SEG_T1C, Sequence.T2W: Role.SEG_T2W}

# How each region came about, where the input does not say it of the tumour.
_ALGORITHMS = {
    Region.INTRATUMORAL: (
        SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        "tumour segmentation as received, on the image grid",
        codes.MANUAL_PROCESSING,
    ),
    Region.PERITUMORAL: (
        SegmentAlgorithmTypeValues.AUTOMATIC,
        "peritumoral shell by Euclidean distance",
        codes.MORPHOLOGICAL_OPERATIONS,
    ),
}
_STATED = frozenset(item.value for item in SegmentAlgorithmTypeValues)

# CIELab, so that a viewer draws both apart: red and yellow.
_COLOURS = {Region.INTRATUMORAL: (54.0, 81.0, 70.0), Region.PERITUMORAL: (88.0, -1.0, 83.0)}


@dataclass(frozen=True)
class SegmentReference:
    """A segment that is sent, as the SR refers to it."""

    sop_class_uid: str
    sop_instance_uid: str
    segment_number: int
    source_series_uid: str


def segment_numbers(prepared: PreparedSequence) -> Mapping[Region, int]:
    """Number of each region's segment, from 1, in the order of `Region`."""
    return {region: number for number, region in enumerate((r for r in Region if r in prepared.rois), start=1)}


def segment_references(
    segmentation: AnswerObject, prepared: PreparedSequence, source: SourceSeries
) -> Mapping[Region, SegmentReference]:
    """References to each segment of one of our segmentations."""
    return {
        region: SegmentReference(
            sop_class_uid=segmentation.sop_class_uid,
            sop_instance_uid=segmentation.sop_instance_uid,
            segment_number=number,
            source_series_uid=source.series_instance_uid,
        )
        for region, number in segment_numbers(prepared).items()
    }


def make_segmentation(study: Study, prepared: PreparedSequence, report: Report, *, sequence: Sequence) -> AnswerObject:
    """The BINARY Segmentation of all regions on the grid of `sequence`; read back, it equals the masks."""
    role = ROLES[sequence]
    root = new_instance(study, report, role=role, sop_class_uid=SegmentationStorage, modality="SEG")
    numbers = segment_numbers(prepared)
    result = binary_segmentation(
        root,
        [prepared.rois[region] for region in numbers],
        [
            _description(study, report, prepared.rois[region], sequence=sequence, region=region, number=number)
            for region, number in numbers.items()
        ],
        source=study.sources[sequence],
        dimension_uid=uids.dimension_uid(uids.answer_digest(study, report), role),
        content_label="TUMOUR_SHELL",
        content_description=SERIES[role].description,
    )
    result.ImageComments = " ".join((report.notice, *report.notices))
    return AnswerObject(role, result)


def _description(
    study: Study, report: Report, roi: Roi, *, sequence: Sequence, region: Region, number: int
) -> SegmentDescription:
    kind, name, family = _ALGORITHMS[region]
    if region is Region.INTRATUMORAL:
        kind = _algorithm_type(study, sequence) or kind
    titles = {(section.sequence, section.region): section.title for section in report.regions}
    description = SegmentDescription(
        segment_number=number,
        segment_label=codes.fitting(roi.label, roi.label),
        segmented_property_category=codes.region_category(region),
        segmented_property_type=codes.region_type(region),
        algorithm_type=kind,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=name, family=family, version=product().version
        ),
        tracking_uid=uids.tracking_uid(study, sequence, region),
        tracking_id=titles.get((sequence, region), roi.label),
        anatomic_regions=[codes.BREAST] if codes.is_breast(study.header) else None,
        display_color=hd.color.CIELabColor(*_COLOURS[region]),
    )
    if region is Region.INTRATUMORAL and kind is SegmentAlgorithmTypeValues.AUTOMATIC:
        del description.SegmentationAlgorithmIdentificationSequence  # optional, and its family is not known
    if kind is SegmentAlgorithmTypeValues.MANUAL and "SegmentAlgorithmName" in description:
        del description.SegmentAlgorithmName  # type 1C: not with MANUAL
    side = codes.side(report.subject)
    if side is not None and "AnatomicRegionSequence" in description:
        description.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = ItemSequence(
            [CodedConcept.from_code(side)]
        )
    return description


def _algorithm_type(study: Study, sequence: Sequence) -> SegmentAlgorithmTypeValues | None:
    """Algorithm type of the tumour as stated by the input; one carried over from the other grid keeps its type."""
    types = study.algorithm_types
    stated = types[sequence] if sequence in types else next(iter(types.values()), "")
    return SegmentAlgorithmTypeValues(stated) if stated in _STATED else None
