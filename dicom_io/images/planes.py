"""One `Plane` for each image plane, whether it is a file of its own or a frame of a multi-frame image.

Attributes of a multi-frame image are in functional groups, for each frame or once for all: `FrameGroups` looks in
both, the frame's first. All later steps (sorting, phases, decoding) see no difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import (
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
)

from dicom_io.errors import GeometryInvalid, NotReadable
from dicom_io.images.headers import Instance, items, numbers, text, whole_number
from models.number_words import counted

SINGLE_FRAME_MR = frozenset({MRImageStorage})
MULTI_FRAME_MR = frozenset({EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage})
MR_IMAGES = SINGLE_FRAME_MR | MULTI_FRAME_MR

# Attributes that tell the phases of a dynamic series apart, the most trustworthy first. Each may be absent, constant
# or wrong; see `series.phase_order`.
TIME_ORDER = (
    "TemporalPositionIdentifier",
    "AcquisitionDateTime",
    "AcquisitionTime",
    "TriggerTime",
    "ContentTime",
    "AcquisitionNumber",
    "InstanceNumber",
)


@dataclass(frozen=True, eq=False)
class Orientation:
    """Direction of the rows and columns of an image plane in the patient.

    Attributes
    ----------
    along_row : unit vector in which the column index grows (float64 (3,), LPS)
    along_column : unit vector in which the row index grows
    """

    along_row: NDArray[np.float64]
    along_column: NDArray[np.float64]

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector perpendicular to the plane; slices are sorted along it."""
        return np.cross(self.along_row, self.along_column)

    @property
    def name(self) -> str:
        """The nearest anatomical plane, "oblique" before it where it is off by more than 10 degrees."""
        weights = np.abs(self.normal)
        name = ("sagittal", "coronal", "axial")[int(np.argmax(weights))]
        return name if weights.max() > np.cos(np.radians(10)) else f"oblique {name}"


@dataclass(frozen=True, eq=False)
class Plane:
    """One image plane.

    Attributes
    ----------
    instance : the object that holds it
    frame_number : one-based frame of a multi-frame image, None for a single-frame image
    position_mm : centre of the first pixel, LPS
    spacing_mm : (from row to row, from column to column)
    shape : (rows, columns)
    slope, intercept : stored value → value
    times : attributes of `TIME_ORDER` the plane has, as numbers that grow with time
    kind : what else can differ between images at one position: echo time and image type
    stack : Stack ID of a frame, which tells slabs apart; empty for a single-frame image
    """

    instance: Instance
    frame_number: int | None
    position_mm: tuple[float, float, float]
    orientation: Orientation
    spacing_mm: tuple[float, float]
    shape: tuple[int, int]
    slope: float
    intercept: float
    times: Mapping[str, float]
    kind: tuple[str, str]
    stack: str = ""


class FrameGroups:
    """Functional groups of a multi-frame image: what a frame says, else what is shared by all."""

    def __init__(self, dataset: pydicom.Dataset) -> None:
        shared = items(dataset, "SharedFunctionalGroupsSequence")
        self._shared = shared[0] if shared else pydicom.Dataset()
        self._frames = items(dataset, "PerFrameFunctionalGroupsSequence")

    def __len__(self) -> int:
        return len(self._frames)

    def group(self, frame: int, keyword: str) -> pydicom.Dataset:
        """The first item of a functional group for a zero-based frame; an empty data set when there is none."""
        found = self.all_items(frame, keyword)
        return found[0] if found else pydicom.Dataset()

    def of_frame(self, frame: int) -> tuple[pydicom.Dataset, ...]:
        """All groups of a zero-based frame, then those that are shared."""
        own = (self._frames[frame],) if frame < len(self._frames) else ()
        return (*own, self._shared)

    def all_items(self, frame: int, keyword: str) -> Sequence[pydicom.Dataset]:
        """Every item of a functional group for a zero-based frame."""
        found = items(self._frames[frame], keyword) if frame < len(self._frames) else ()
        return found or items(self._shared, keyword)


def planes_of(instance: Instance) -> tuple[Plane, ...]:
    """Every image plane of an MR image.

    Raises
    ------
    NotReadable
        When the geometry is absent or cannot be decoded.
    GeometryInvalid
        When the directions are not two perpendicular unit vectors or the pixel spacing is not positive.
    """
    if instance.sop_class_uid in MULTI_FRAME_MR:
        return _frames_of(instance)
    header = instance.header
    if "MOSAIC" in text(header, "ImageType").split("\\"):
        raise NotReadable(
            "The images are mosaics: many slices tiled into one picture (Image Type MOSAIC). Send the series as one "
            "image for each slice, or as Enhanced MR."
        )
    if "NumberOfFrames" in header and whole_number(header, "NumberOfFrames", default=1) > 1:
        raise NotReadable(
            f"The image {instance.sop_instance_uid} has several frames but is not an Enhanced MR image; send the "
            "series as single-frame or Enhanced MR images."
        )
    return (
        Plane(
            instance=instance,
            frame_number=None,
            position_mm=position_of(header),
            orientation=orientation_of(header),
            spacing_mm=spacing_of(header),
            shape=_shape_of(header),
            slope=_slope(header),
            intercept=numbers(header, "RescaleIntercept", count=1, default=(0,))[0],
            times=_times(header),
            kind=(text(header, "EchoTime"), text(header, "ImageType")),
        ),
    )


def position_of(dataset: pydicom.Dataset) -> tuple[float, float, float]:
    """Image Position (Patient)."""
    x, y, z = numbers(dataset, "ImagePositionPatient", count=3)
    return x, y, z


def orientation_of(dataset: pydicom.Dataset) -> Orientation:
    """Image Orientation (Patient), made exactly perpendicular and of unit length (the written digits are rounded)."""
    six = np.array(numbers(dataset, "ImageOrientationPatient", count=6))
    lengths = np.linalg.norm(six[:3]), np.linalg.norm(six[3:])
    cosine = float(six[:3] @ six[3:])
    if max(abs(length - 1) for length in lengths) > 1e-2 or abs(cosine) > 1e-2:
        raise GeometryInvalid(
            f"Image Orientation (Patient) is {six.tolist()}: vectors of length {lengths[0]:.3f} and {lengths[1]:.3f} "
            f"with a cosine of {cosine:.3f}; two perpendicular vectors of length 1 were expected."
        )
    along_row = six[:3] / lengths[0]
    along_column = six[3:] - (six[3:] @ along_row) * along_row
    return Orientation(along_row=along_row, along_column=along_column / np.linalg.norm(along_column))


def spacing_of(dataset: pydicom.Dataset) -> tuple[float, float]:
    """Pixel Spacing: (from row to row, from column to column), mm."""
    rows, columns = numbers(dataset, "PixelSpacing", count=2)
    if rows <= 0 or columns <= 0:
        raise GeometryInvalid(f"Pixel Spacing is {rows} × {columns} mm; positive numbers were expected.")
    return rows, columns


def _frames_of(instance: Instance) -> tuple[Plane, ...]:
    header = instance.header
    groups = FrameGroups(header)
    count = whole_number(header, "NumberOfFrames", default=1)
    if len(groups) != count:
        raise NotReadable(
            f"The multi-frame image {instance.sop_instance_uid} has {counted(count, 'frame')} but "
            f"{counted(len(groups), 'group')} of attributes for them; equal numbers were expected."
        )
    shape = _shape_of(header)
    planes = []
    orientations: dict[str, Orientation] = {}  # the same text in every frame: one object
    for frame in range(count):
        direction = groups.group(frame, "PlaneOrientationSequence")
        orientation = orientations.setdefault(text(direction, "ImageOrientationPatient"), orientation_of(direction))
        rescale = groups.group(frame, "PixelValueTransformationSequence")
        content = groups.group(frame, "FrameContentSequence")
        planes.append(
            Plane(
                instance=instance,
                frame_number=frame + 1,
                position_mm=position_of(groups.group(frame, "PlanePositionSequence")),
                orientation=orientation,
                spacing_mm=spacing_of(groups.group(frame, "PixelMeasuresSequence")),
                shape=shape,
                slope=_slope(rescale),
                intercept=numbers(rescale, "RescaleIntercept", count=1, default=(0,))[0],
                times=_frame_times(content, groups.group(frame, "TemporalPositionSequence"), frame),
                kind=(
                    text(groups.group(frame, "MREchoSequence"), "EffectiveEchoTime"),
                    text(groups.group(frame, "MRImageFrameTypeSequence"), "FrameType"),
                ),
                stack=text(content, "StackID"),
            )
        )
    return tuple(planes)


def _shape_of(header: pydicom.Dataset) -> tuple[int, int]:
    return whole_number(header, "Rows"), whole_number(header, "Columns")


def _slope(dataset: pydicom.Dataset) -> float:
    (slope,) = numbers(dataset, "RescaleSlope", count=1, default=(1,))
    if slope == 0:
        raise NotReadable("Rescale Slope is 0, which makes every value the same; another number was expected.")
    return slope


def _times(header: pydicom.Dataset) -> Mapping[str, float]:
    return {name: value for name in TIME_ORDER if (value := _time(text(header, name), name)) is not None}


def _frame_times(content: pydicom.Dataset, temporal: pydicom.Dataset, frame: int) -> Mapping[str, float]:
    texts = {
        "TemporalPositionIdentifier": text(content, "TemporalPositionIndex"),
        "AcquisitionDateTime": text(content, "FrameAcquisitionDateTime"),
        "TriggerTime": text(temporal, "TemporalPositionTimeOffset"),
        "ContentTime": text(content, "FrameReferenceDateTime"),
        "AcquisitionNumber": text(content, "FrameAcquisitionNumber"),
        "InstanceNumber": str(frame + 1),
    }
    return {name: value for name, one in texts.items() if (value := _time(one, name)) is not None}


def _time(value: str, name: str) -> float | None:
    """A number that grows with time; None for what is absent or not understood.

    Times of day (HHMMSS.ffffff) become seconds; date and time likewise, in seconds since year 0.
    """
    if not value:
        return None
    try:
        if name == "AcquisitionDateTime" or (name == "ContentTime" and len(value.split(".")[0]) > 8):
            return _days(value[:8]) * 86400.0 + _seconds(value[8:].split("+")[0].split("-")[0])
        if name in ("AcquisitionTime", "ContentTime"):
            return _seconds(value.replace(":", ""))
        number = float(value)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _days(value: str) -> int:
    return int(value[:4]) * 372 + int(value[4:6] or 1) * 31 + int(value[6:8] or 1)


def _seconds(value: str) -> float:
    return int(value[:2] or 0) * 3600 + int(value[2:4] or 0) * 60 + float(value[4:] or 0)


def same_orientation(one: Orientation, others: Sequence[Orientation], *, tolerance: float = 2e-3) -> bool:
    """Returns whether the row and column directions agree (`tolerance`: largest difference of a direction cosine)."""
    return all(
        other is one
        or max(
            np.abs(one.along_row - other.along_row).max(),
            np.abs(one.along_column - other.along_column).max(),
        )
        <= tolerance
        for other in others
    )
