"""Regions → BINARY Segmentation on the grid of one sequence: segment 1 the tumour, segment 2 the peritumoral shell.

Only slices that hold a region become frames. The source images are references: every frame names the image of its
slice (and the frame in it, for a multi-frame image), taken from the `Study`; no file is read again. LABELMAP was
rejected: common archives refuse it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import highdicom as hd
import numpy as np
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentationTypeValues, SegmentDescription
from highdicom.sr import CodedConcept
from pydicom import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, SegmentationStorage

from dicom_io import codes, uids
from dicom_io.answer import AnswerObject, Role
from dicom_io.identity import MANUFACTURER
from dicom_io.study import SourceInstance, SourceSeries, Study
from dicom_io.writing.common_modules import SERIES, new_instance, series_of
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
    source = study.sources[sequence]
    root = new_instance(study, report, role=role, sop_class_uid=SegmentationStorage, modality="SEG")
    numbers = segment_numbers(prepared)
    rois = [prepared.rois[region] for region in numbers]
    first, last = _extent(rois)
    frame_of_reference = uids.frame_of_reference_uid(
        series_instance_uid=source.series_instance_uid, stated=source.frame_of_reference_uid
    )

    orientation, measures, positions = _planes(rois[0], first, last)
    device = product()
    segmentation = hd.seg.Segmentation(
        source_images=[_stand_in(rois[0], frame_of_reference, orientation, measures)],
        pixel_array=np.stack([roi.mask[first : last + 1] for roi in rois], axis=-1).view(np.uint8),
        plane_orientation=orientation,
        pixel_measures=measures,
        plane_positions=positions,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(study, report, prepared.rois[region], sequence=sequence, region=region, number=number)
            for region, number in numbers.items()
        ],
        series_instance_uid=root.SeriesInstanceUID,
        series_number=series_of(role, report).number,
        sop_instance_uid=root.SOPInstanceUID,
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=device.model_name,
        software_versions=device.version,
        device_serial_number=device.serial_number,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        content_label="TUMOUR_SHELL",
        content_description=SERIES[role].description,
        content_creator_name="",
    )
    result = _plain(segmentation)
    result.update(root)
    result.file_meta = root.file_meta
    result.preamble = root.preamble
    result.PositionReferenceIndicator = None
    result.ImageComments = " ".join((report.notice, *report.notices))
    _refer_to_sources(result, source, rois[0])
    _name_dimensions(result, uids.dimension_uid(uids.answer_digest(study, report), role))
    return AnswerObject(role, result)


def _extent(rois: list[Roi]) -> tuple[int, int]:
    """First and last slice that holds a region."""
    used = np.flatnonzero(np.any([roi.mask.any(axis=(1, 2)) for roi in rois], axis=0))
    return int(used[0]), int(used[-1])


def _planes(
    roi: Roi, first: int, last: int
) -> tuple[hd.PlaneOrientationSequence, hd.PixelMeasuresSequence, list[hd.PlanePositionSequence]]:
    """Orientation, spacing and the position of every slice from `first` to `last`, as the affine says it.

    highdicom's `Volume` would take the affine whole, but refuses axes that real images have: up to 0.001 off a right
    angle (`models.volume`).
    """
    slices, rows, columns = roi.spacing_mm
    along_row = roi.direction[:, 2]
    down_column = roi.direction[:, 1]
    down_column = down_column - (down_column @ along_row) * along_row  # readers insist on an exact right angle
    cosines = [*along_row, *(down_column / np.linalg.norm(down_column))]
    positions = [(roi.origin_mm + index * roi.affine[:3, 0]).tolist() for index in range(first, last + 1)]
    return (
        hd.PlaneOrientationSequence("PATIENT", cosines),
        hd.PixelMeasuresSequence((rows, columns), slice_thickness=slices, spacing_between_slices=slices),
        [hd.PlanePositionSequence("PATIENT", position) for position in positions],
    )


def _stand_in(
    roi: Roi, frame_of_reference: str, orientation: hd.PlaneOrientationSequence, measures: hd.PixelMeasuresSequence
) -> Dataset:
    """An image header on the grid, as highdicom requires it.

    It carries no patient: what highdicom copies is replaced afterwards, and its warnings would print the name.
    """
    image = Dataset()
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"):
        setattr(image, keyword, None)
    for keyword in ("AccessionNumber", "StudyID", "StudyDate", "StudyTime"):
        setattr(image, keyword, None)
    image.StudyInstanceUID = image.SeriesInstanceUID = image.SOPInstanceUID = uids.derived_uid("stand-in")
    image.SOPClassUID = MRImageStorage
    image.Modality = "MR"
    image.FrameOfReferenceUID = frame_of_reference
    image.Rows, image.Columns = roi.shape[1:]
    image.ImagePositionPatient = [0, 0, 0]
    image.ImageOrientationPatient = list(orientation[0].ImageOrientationPatient)
    image.PixelSpacing = list(measures[0].PixelSpacing)
    image.SliceThickness = measures[0].SliceThickness
    # Without it highdicom writes 1.0 when the regions lie in one slice only.
    image.SpacingBetweenSlices = measures[0].SpacingBetweenSlices
    return image


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


def _plain(segmentation: Dataset) -> Dataset:
    """The attributes of highdicom's object as a plain data set (its class keeps an index of frames beside them)."""
    result = Dataset()
    for element in segmentation:
        result.add(element)
    return result


def _instance_of_slice(source: SourceSeries, index: int) -> tuple[SourceInstance, int | None]:
    """The source image of a slice, and the one-based frame in it for a multi-frame image."""
    frame = None if source.frame_numbers is None else source.frame_numbers[index]
    return source.instances[index if len(source.instances) > 1 else 0], frame


def _refer_to_sources(root: Dataset, source: SourceSeries, roi: Roi) -> None:
    """Writes the references: each frame to the image of its slice, and the list of all of them."""
    step = roi.affine[:3, 0]
    used: dict[str, SourceInstance] = {}
    for item in root.PerFrameFunctionalGroupsSequence:
        position = np.array(item.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        index = round(float((position - roi.origin_mm) @ step / (step @ step)))
        instance, frame = _instance_of_slice(source, index)
        used[instance.sop_instance_uid] = instance
        reference = _reference(instance)
        if frame is not None:
            reference.ReferencedFrameNumber = frame
        reference.SpatialLocationsPreserved = "YES"
        reference.PurposeOfReferenceCodeSequence = ItemSequence([codes.concept(codes.SOURCE_IMAGE)])
        derivation = Dataset()
        derivation.SourceImageSequence = ItemSequence([reference])
        derivation.DerivationCodeSequence = ItemSequence([codes.concept(codes.SEGMENTATION_DERIVATION)])
        item.DerivationImageSequence = ItemSequence([derivation])
    if "SourceImageSequence" in root:
        del root.SourceImageSequence
    series = Dataset()
    series.SeriesInstanceUID = source.series_instance_uid
    series.ReferencedInstanceSequence = ItemSequence([_reference(instance) for instance in used.values()])
    root.ReferencedSeriesSequence = ItemSequence([series])


def _reference(instance: SourceInstance) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = instance.sop_class_uid
    item.ReferencedSOPInstanceUID = instance.sop_instance_uid
    return item


def _name_dimensions(root: Dataset, uid: str) -> None:
    """Replaces highdicom's random Dimension Organization UID by a derived one."""
    for item in (*root.DimensionOrganizationSequence, *root.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
