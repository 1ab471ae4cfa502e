"""Regions → BINARY Segmentation on the grid of one series.

Only slices that hold a region become frames. The source images are references: every frame names the image of its
slice (and the frame in it, for a multi-frame image); no file is read again. LABELMAP was rejected: common archives
refuse it.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import highdicom as hd
import numpy as np
from highdicom.seg import SegmentationTypeValues, SegmentDescription
from pydicom import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from dicom_io import codes, uids
from dicom_io.study import SourceInstance, SourceSeries
from models.volume import Roi


def binary_segmentation(
    root: Dataset,
    rois: Sequence[Roi],
    descriptions: Sequence[SegmentDescription],
    *,
    source: SourceSeries,
    dimension_uid: str,
    content_label: str,
    content_description: str,
    also_referenced: Sequence[SourceInstance] = (),
) -> Dataset:
    """A BINARY Segmentation with one segment for each region, all on one grid; read back, it equals the masks.

    Parameters
    ----------
    root : all that does not depend on the regions (`common_modules`); its values go before those of highdicom
    descriptions : of the segments, in the order of the regions
    source : images behind the grid
    also_referenced : other objects it was made from
    """
    first, last = _extent(rois)
    frame_of_reference = uids.frame_of_reference_uid(
        series_instance_uid=source.series_instance_uid, stated=source.frame_of_reference_uid
    )
    orientation, measures, positions = _planes(rois[0], first, last)
    segmentation = hd.seg.Segmentation(
        source_images=[_stand_in(rois[0], frame_of_reference, orientation, measures)],
        pixel_array=np.stack([roi.mask[first : last + 1] for roi in rois], axis=-1).view(np.uint8),
        plane_orientation=orientation,
        pixel_measures=measures,
        plane_positions=positions,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=list(descriptions),
        series_instance_uid=root.SeriesInstanceUID,
        series_number=root.SeriesNumber,
        sop_instance_uid=root.SOPInstanceUID,
        instance_number=1,
        manufacturer=root.Manufacturer,
        manufacturer_model_name=root.ManufacturerModelName,
        software_versions=root.SoftwareVersions,
        device_serial_number=root.DeviceSerialNumber,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        content_label=content_label,
        content_description=content_description,
        content_creator_name="",
    )
    result = _plain(segmentation)
    result.update(root)
    result.file_meta = root.file_meta
    result.preamble = root.preamble
    result.PositionReferenceIndicator = None
    _name_segment_of_each_frame(result)
    _refer_to_sources(result, source, rois[0])
    for instance in also_referenced:
        refer_to(result, instance)
    _name_dimensions(result, dimension_uid)
    return result


def _extent(rois: Sequence[Roi]) -> tuple[int, int]:
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


def _name_segment_of_each_frame(root: Dataset) -> None:
    """Writes the segment into every frame, where readers look for it; highdicom shares that of a single segment."""
    shared = root.SharedFunctionalGroupsSequence[0]
    if "SegmentIdentificationSequence" in shared:
        for item in root.PerFrameFunctionalGroupsSequence:
            item.SegmentIdentificationSequence = deepcopy(shared.SegmentIdentificationSequence)
        del shared.SegmentIdentificationSequence


def _plain(segmentation: Dataset) -> Dataset:
    """The attributes of highdicom's object as a plain data set (its class keeps an index of frames beside them)."""
    result = Dataset()
    for element in segmentation:
        result.add(element)
    return result


def instance_of_slice(source: SourceSeries, index: int) -> tuple[SourceInstance, int | None]:
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
        instance, frame = instance_of_slice(source, index)
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


def refer_to(root: Dataset, instance: SourceInstance) -> None:
    """Adds an object of the study to those that the segmentation refers to."""
    series = Dataset()
    series.SeriesInstanceUID = instance.series_instance_uid
    series.ReferencedInstanceSequence = ItemSequence([_reference(instance)])
    root.ReferencedSeriesSequence.append(series)


def _reference(instance: SourceInstance) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = instance.sop_class_uid
    item.ReferencedSOPInstanceUID = instance.sop_instance_uid
    return item


def _name_dimensions(root: Dataset, uid: str) -> None:
    """Replaces highdicom's random Dimension Organization UID by a derived one."""
    for item in (*root.DimensionOrganizationSequence, *root.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
