"""DICOM Segmentation objects: which segments there are, and where their voxels lie on the grid of a volume.

Frames are placed by their own position, orientation and spacing alone. Their order, their references to source images
and their dimension indices may be absent or wrong (they often are) and are not looked at for placing; libraries that
rely on them refuse files of widely used writers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import UID, SegmentationStorage

from dicom_io.errors import GeometryInvalid, NotReadable
from dicom_io.images.headers import Instance, items, numbers, shown, text, values_for_rules, whole_number
from dicom_io.images.pixels import decode
from dicom_io.images.planes import FrameGroups, orientation_of, position_of, same_orientation, spacing_of
from dicom_io.masks.placement import MaskFrames
from models.number_words import counted

LabelMapSegmentationStorage = UID("1.2.840.10008.5.1.4.1.1.66.7")  # PS3.6; newer than the library's list
# A segmentation may be finer than its images: this many times in each direction.
FINER = 4
_SMALL = 64**3  # voxels; for smaller images it does not matter
SEGMENTATIONS = frozenset({SegmentationStorage, LabelMapSegmentationStorage})


@dataclass(frozen=True, eq=False)
class Segment:
    """One segment of a segmentation, or one region of a structure set.

    Attributes
    ----------
    instance : the object
    number : Segment Number, the value of its voxels in a label map
    label : Segment Label
    property_type : "SCT 108369006 Neoplasm", or empty
    algorithm_type : AUTOMATIC, SEMIAUTOMATIC, MANUAL, or empty
    encoding : BINARY, FRACTIONAL or LABELMAP; CONTOURS for a region of a structure set (`rtstruct`)
    item : its item of the Segment Sequence
    frame_of_reference_uid : of its coordinates
    problem : why it cannot be placed, as the end of a sentence about it; empty as far as the header tells
    """

    instance: Instance
    number: int
    label: str
    property_type: str
    algorithm_type: str
    encoding: str
    item: pydicom.Dataset
    frame_of_reference_uid: str
    problem: str = ""

    @property
    def name(self) -> str:
        """Name of the segment in a sentence."""
        if self.encoding == "CONTOURS":
            return f'region {self.number} "{self.label}" of the structure set "{self.series_description}"'
        meaning = self.property_type.split(" ", 2)[-1] if self.property_type else "no property type"
        return f'segment {self.number} "{self.label}" ({meaning}) of "{self.series_description}"'

    @property
    def series_description(self) -> str:
        """Series Description of the object."""
        return shown(self.instance.header, "SeriesDescription")

    @property
    def series_number(self) -> str:
        """Series Number of the object."""
        return shown(self.instance.header, "SeriesNumber")

    def values(self, keywords: tuple[str, ...]) -> Mapping[str, str]:
        """Values for the rules: attributes of the segment, then those of the object."""
        own = [keyword for keyword in keywords if keyword in self.item]
        return {**values_for_rules(self.instance.header, keywords), **values_for_rules(self.item, own)}


def segments_of(instance: Instance) -> tuple[Segment, ...]:
    """The segments of a segmentation object, in the order of their numbers; the background of a label map is none.

    Raises
    ------
    NotReadable
        When the object has no segment or one of them has no number.
    """
    header = instance.header
    encoding = "LABELMAP" if instance.sop_class_uid == LabelMapSegmentationStorage else text(header, "SegmentationType")
    if encoding not in ("BINARY", "FRACTIONAL", "LABELMAP"):
        raise NotReadable(f"Segmentation Type is '{encoding}'; BINARY, FRACTIONAL or LABELMAP was expected.")
    sequence = items(header, "SegmentSequence")
    numbers_used = Counter(whole_number(item, "SegmentNumber") for item in sequence)
    with_frames = _numbers_with_frames(header) if encoding != "LABELMAP" else None
    segments = [
        Segment(
            instance=instance,
            number=(number := whole_number(item, "SegmentNumber")),
            label=text(item, "SegmentLabel"),
            property_type=text(item, "SegmentedPropertyTypeCodeSequence").split("\\")[0],
            algorithm_type=text(item, "SegmentAlgorithmType"),
            encoding=encoding,
            item=item,
            frame_of_reference_uid=instance.frame_of_reference_uid,
            problem=_problem(
                named_alike=numbers_used[number],
                has_frames=with_frames is None or number in with_frames,
            ),
        )
        for item in sequence
    ]
    if not segments:
        raise NotReadable("A segmentation object has no Segment Sequence; one item for each segment was expected.")
    return tuple(sorted((one for one in segments if one.number > 0), key=lambda one: one.number))


def _problem(*, named_alike: int, has_frames: bool) -> str:
    """Reason why a segment cannot be placed, as far as the header tells."""
    if named_alike > 1:
        return (
            f"{counted(named_alike, 'segment')} of the object have this number, so which frames are whose cannot be "
            "told; numbers of their own were expected"
        )
    if not has_frames:
        return "it is described, but no frame of the object belongs to it: the segmentation was saved empty or in part"
    return ""


def _numbers_with_frames(header: pydicom.Dataset) -> frozenset[int] | None:
    """Segment numbers that frames belong to; None where the frames do not say it."""
    groups = FrameGroups(header)
    numbers_found = set()
    for frame in range(max(len(groups), 1)):
        identification = groups.group(frame, "SegmentIdentificationSequence")
        if not identification:
            return None
        numbers_found.add(whole_number(identification, "ReferencedSegmentNumber"))
    return frozenset(numbers_found)


def referenced_instances(instance: Instance) -> frozenset[str]:
    """SOP Instance UIDs of the images a segmentation says it was made on, wherever it says so."""
    header = instance.header
    found = {
        text(reference, "ReferencedSOPInstanceUID")
        for series in items(header, "ReferencedSeriesSequence")
        for reference in items(series, "ReferencedInstanceSequence")
    }
    found |= {text(reference, "ReferencedSOPInstanceUID") for reference in items(header, "SourceImageSequence")}
    found |= {text(reference, "ReferencedSOPInstanceUID") for reference in _sources(instance)}
    return frozenset(found - {""})


def referenced_frames(instance: Instance) -> frozenset[tuple[str, int]]:
    """(SOP Instance UID, one-based frame) of the frames of multi-frame images a segmentation says it was made on."""
    return frozenset(
        (text(reference, "ReferencedSOPInstanceUID"), int(frame))
        for reference in _sources(instance)
        for frame in text(reference, "ReferencedFrameNumber").split("\\")
        if frame.isdigit()
    )


def referenced_series(instance: Instance) -> frozenset[str]:
    """Series Instance UIDs a segmentation names."""
    return frozenset(
        text(series, "SeriesInstanceUID") for series in items(instance.header, "ReferencedSeriesSequence")
    ) - {""}


def mask_frames(segment: Segment, *, image_voxels: int | None = None) -> MaskFrames:
    """The frames of one segment, decoded, with their places in the patient.

    A FRACTIONAL segment is the voxels of at least half of Maximum Fractional Value.

    Parameters
    ----------
    image_voxels : of the images it is to be placed on, where they are known; a grid that is far finer is refused before
        it is decoded

    Raises
    ------
    NotReadable
        When the pixels or the geometry are absent or damaged, no frame belongs to the segment, or the values of a
        FRACTIONAL segment are not fractions of its maximum.
    GeometryInvalid
        When the frames of the segment have different orientations or spacings.
    """
    if segment.problem:
        raise NotReadable(f"{segment.name} cannot be used: {segment.problem}.")
    header = segment.instance.header
    groups = FrameGroups(header)
    rows, columns = whole_number(header, "Rows"), whole_number(header, "Columns")
    count = whole_number(header, "NumberOfFrames", default=1)
    if count != max(len(groups), 1):
        raise NotReadable(
            f"The segmentation has {counted(count, 'frame')} but {counted(len(groups), 'group')} of attributes for "
            "them; equal numbers were expected."
        )
    chosen = [frame for frame in range(count) if _belongs(segment, groups, frame)]
    if not chosen:
        raise NotReadable(f"No frame belongs to {segment.name}; at least one was expected.")
    if image_voxels is not None and rows * columns * len(chosen) > FINER**3 * max(image_voxels, _SMALL):
        raise GeometryInvalid(
            f"The segmentation has {counted(len(chosen), 'frame')} of {rows} × {columns} pixels, and the images it "
            f"belongs to {counted(image_voxels, 'voxel')}; a grid at most {FINER} times finer in each direction was "
            "expected. Its header is damaged, or it was made on other images: send it again."
        )
    frames = list(decode(segment.instance, frames=[frame + 1 for frame in chosen]))
    if any(frame.shape != (rows, columns) for frame in frames):
        raise NotReadable(
            f"The segmentation has frames of shape {frames[0].shape}; {rows} × {columns} pixels were expected."
        )
    pixels = np.stack(frames)
    planes = [groups.group(frame, "PlaneOrientationSequence") for frame in chosen]
    orientations = {text(plane, "ImageOrientationPatient"): orientation_of(plane) for plane in planes}
    first = next(iter(orientations.values()))
    if not same_orientation(first, list(orientations.values())):
        raise GeometryInvalid(f"The frames of {segment.name} have different orientations; one was expected.")
    measures = [groups.group(frame, "PixelMeasuresSequence") for frame in chosen]
    spacings = {text(measure, "PixelSpacing"): spacing_of(measure) for measure in measures}
    if np.ptp(np.array(list(spacings.values())), axis=0).max() > 1e-4:
        raise GeometryInvalid(f"The frames of {segment.name} have different pixel spacings; one was expected.")
    return MaskFrames(
        masks=_thresholded(segment, pixels),
        positions_mm=np.array([position_of(groups.group(frame, "PlanePositionSequence")) for frame in chosen]),
        orientation=first,
        spacing_mm=next(iter(spacings.values())),
        slice_distance_mm=numbers(measures[0], "SpacingBetweenSlices", count=1, default=(0,))[0] or None,
        slice_thickness_mm=numbers(measures[0], "SliceThickness", count=1, default=(0,))[0] or None,
        sources=tuple(_sources_of(groups, frame) for frame in chosen),
    )


def maximum_fraction(segment: Segment) -> int:
    """The value of a whole voxel in a FRACTIONAL segmentation.

    Raises
    ------
    NotReadable
        When it is not a whole number above 0.
    """
    largest = whole_number(segment.instance.header, "MaximumFractionalValue", default=255)
    if largest < 1:
        raise NotReadable(f"Maximum Fractional Value is {largest}; a number above 0 was expected.")
    return largest


def _belongs(segment: Segment, groups: FrameGroups, frame: int) -> bool:
    if segment.encoding == "LABELMAP":
        return True
    identification = groups.group(frame, "SegmentIdentificationSequence")
    if not identification and len(items(segment.instance.header, "SegmentSequence")) == 1:
        return True  # only one it can belong to
    return whole_number(identification, "ReferencedSegmentNumber") == segment.number


def _thresholded(segment: Segment, pixels: NDArray[np.generic]) -> NDArray[np.bool_]:
    if segment.encoding == "LABELMAP":
        return np.asarray(pixels == segment.number)
    if segment.encoding == "FRACTIONAL":
        return at_least_half(pixels.astype(np.int32), maximum=maximum_fraction(segment))
    return np.asarray(pixels != 0)


def at_least_half(fractions: NDArray[np.integer], *, maximum: int) -> NDArray[np.bool_]:
    """Voxels whose fraction is at least half of `maximum`.

    Raises
    ------
    NotReadable
        When the values cannot be fractions of `maximum`: some are larger, none reaches half of it, or they are few,
        none of them is the whole, and they are made of the same few bits (flags, such as reasons of exclusion).
    """
    values = np.unique(fractions)
    values = values[values > 0]
    expected = f"0 to {maximum}, Maximum Fractional Value, and at least half of it in the segment"
    if not values.size:
        return np.zeros(fractions.shape, dtype=np.bool_)  # an empty segment is refused where it is placed
    stored = ", ".join(str(value) for value in values[:6]) + (f", … {values[-1]}" if values.size > 6 else "")
    if values[-1] > maximum:
        above = int(np.count_nonzero(fractions > maximum))
        raise NotReadable(
            f"The segmentation is FRACTIONAL with values up to {values[-1]} ({counted(above, 'voxel')} above "
            f"{maximum}); {expected} were expected. Its writer gave a wrong maximum or no fractions: send it as BINARY."
        )
    if values[-1] * 2.0 < maximum:
        raise NotReadable(
            f"The segmentation is FRACTIONAL, but its values ({stored}) never reach half of the maximum of {maximum}; "
            f"{expected} were expected. They are no fractions of it (a mask of 0 and 1, labels or flags): send the "
            "tumour as BINARY."
        )
    if _are_flags(values, maximum):
        raise NotReadable(
            f"The segmentation is FRACTIONAL, but its values ({stored}) look like flags made of a few bits, and none "
            f"is the whole of {maximum}; {expected} were expected. Which of them is the tumour cannot be told: send it "
            "as BINARY."
        )
    return np.asarray(fractions >= maximum / 2)


# Values made of this many bits at most may be flags; the levels of a fraction spread over more.
MOST_FLAGS = 5


def _are_flags(values: NDArray[np.integer], maximum: int) -> bool:
    """Returns whether the values above 0 are combinations of a few bits of a large maximum, none of them the whole."""
    present = int(np.bitwise_or.reduce(values.astype(np.int64)))
    few = present.bit_count() <= MOST_FLAGS and (values.size > 1 or present.bit_count() == 1)
    return few and maximum >= 2 ** (MOST_FLAGS + 1) and maximum not in values


def _sources(instance: Instance) -> list[pydicom.Dataset]:
    header = instance.header
    groups = (*items(header, "SharedFunctionalGroupsSequence"), *items(header, "PerFrameFunctionalGroupsSequence"))
    return [
        reference
        for group in groups
        for derivation in items(group, "DerivationImageSequence")
        for reference in items(derivation, "SourceImageSequence")
    ]


def _sources_of(groups: FrameGroups, frame: int) -> frozenset[tuple[str, int | None]]:
    """(SOP Instance UID, one-based frame or None) of the images a frame of its own says it was made on.

    Not those of which it says that they lie elsewhere (Spatial Locations Preserved NO).
    """
    return frozenset(
        (text(reference, "ReferencedSOPInstanceUID"), number)
        for derivation in groups.all_items(frame, "DerivationImageSequence")
        for reference in items(derivation, "SourceImageSequence")
        if text(reference, "SpatialLocationsPreserved") != "NO"
        for number in _frame_numbers(reference) or (None,)
    )


def _frame_numbers(reference: pydicom.Dataset) -> tuple[int, ...]:
    return tuple(int(one) for one in text(reference, "ReferencedFrameNumber").split("\\") if one.isdigit())
