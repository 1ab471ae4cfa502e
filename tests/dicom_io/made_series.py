"""Small MR series, Enhanced MR images and segmentations written for the tests of the reading side.

Plain pydicom on purpose: the tests need objects that careful libraries refuse to write (shuffled frames, missing
modules, contradicting times). Voxel values are arbitrary; geometry and headers are what matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.8.498.77"
MR = UID("1.2.840.10008.5.1.4.1.1.4")
ENHANCED_MR = UID("1.2.840.10008.5.1.4.1.1.4.1")
SEG = UID("1.2.840.10008.5.1.4.1.1.66.4")
LABEL_MAP = UID("1.2.840.10008.5.1.4.1.1.66.7")
STUDY_UID = f"{ROOT}.1"
FRAME_UID = f"{ROOT}.2"

Edit = Callable[[Dataset, int, int], None]


def affine_of(
    plane: str = "axial",
    *,
    spacing_mm: tuple[float, float, float] = (3.0, 1.5, 1.0),
    origin_mm: tuple[float, float, float] = (-20.0, -30.0, 5.0),
) -> NDArray[np.float64]:
    """(slice, row, column, 1) → LPS mm, slices along the normal of the plane."""
    along_row, along_column = {
        "axial": ((1, 0, 0), (0, 1, 0)),
        "sagittal": ((0, 1, 0), (0, 0, -1)),
        "coronal": ((1, 0, 0), (0, 0, -1)),
    }.get(plane, ((1, 0, 0), (0, 1, 0)))
    directions = np.array([np.cross(along_row, along_column), along_column, along_row], dtype=float).T
    if plane == "oblique":
        a, b = np.radians(17.3), np.radians(-8.9)
        about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
        about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
        directions = about_z @ about_x @ directions
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing_mm
    affine[:3, 3] = origin_mm
    return affine


@dataclass(frozen=True)
class MadeSeries:
    """Files and UIDs written, by phase and slice."""

    uid: str
    files: tuple[Path, ...]
    sop_uids: tuple[tuple[str, ...], ...]


def voxels_of(shape: tuple[int, int, int], *, seed: int = 0) -> NDArray[np.uint16]:
    """Arbitrary values below 4096."""
    return np.random.default_rng(seed).integers(0, 4096, shape, dtype=np.uint16)


def write_series(
    folder: Path,
    phases: Sequence[NDArray[np.uint16]],
    *,
    affine: NDArray[np.float64],
    description: str,
    number: int,
    frame_uid: str = FRAME_UID,
    edit: Edit | None = None,
    skip: Iterable[tuple[int, int]] = (),
) -> MadeSeries:
    """Write one single-frame MR series; `edit` may change each data set (phase, slice), `skip` leaves files out."""
    uid = f"{ROOT}.{number}"
    files: list[Path] = []
    uids: list[tuple[str, ...]] = []
    folder.mkdir(parents=True, exist_ok=True)
    for phase, voxels in enumerate(phases):
        row = []
        for index, pixels in enumerate(voxels):
            dataset = _image(affine, index, pixels, description=description, number=number, frame_uid=frame_uid)
            dataset.SOPInstanceUID = f"{uid}.{phase + 1}.{index + 1}"
            dataset.InstanceNumber = phase * len(voxels) + index + 1
            dataset.AcquisitionTime = f"1000{10 * phase:02d}.{index:02d}"
            dataset.ContentTime = dataset.AcquisitionTime
            dataset.TemporalPositionIdentifier = phase + 1
            row.append(str(dataset.SOPInstanceUID))
            if edit is not None:
                edit(dataset, phase, index)
            if (phase, index) not in set(skip):
                files.append(save(dataset, folder / f"{number}-{phase}-{index}.dcm"))
        uids.append(tuple(row))
    return MadeSeries(uid, tuple(files), tuple(uids))


def common(modality: str, *, frame_uid: str = FRAME_UID) -> Dataset:
    """Patient, study and equipment attributes of every object."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName, dataset.PatientID, dataset.PatientSex = "Test^Reading", "READ01", "F"
    dataset.PatientBirthDate = "19700102"
    dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = STUDY_UID, frame_uid
    dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber = "20250314", "093000", "A1"
    dataset.Manufacturer, dataset.Modality = "Test scanners", modality
    if modality == "MR":
        dataset.MagneticFieldStrength = "1.5"
    return dataset


def _image(
    affine: NDArray[np.float64],
    index: int,
    pixels: NDArray[np.uint16],
    *,
    description: str,
    number: int,
    frame_uid: str,
) -> Dataset:
    dataset = common("MR", frame_uid=frame_uid)
    dataset.SOPClassUID = MR
    dataset.SeriesInstanceUID = f"{ROOT}.{number}"
    dataset.SeriesNumber, dataset.SeriesDescription = number, description
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    dataset.ScanningSequence, dataset.RepetitionTime, dataset.EchoTime = "GR", "5.0", "2.3"
    dataset.ImagePositionPatient = decimals(affine[:3, 3] + index * affine[:3, 0])
    dataset.ImageOrientationPatient = orientation_of(affine)
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    dataset.PixelSpacing, dataset.SliceThickness = decimals(steps[1:]), decimals(steps[:1])[0]
    _pixels(dataset, pixels)
    return dataset


def write_enhanced(
    path: Path,
    phases: Sequence[NDArray[np.uint16]],
    *,
    affine: NDArray[np.float64],
    description: str,
    number: int,
    order: Sequence[int] | None = None,
    edit: Callable[[Dataset], None] | None = None,
) -> str:
    """Write one Enhanced MR image with all phases; `order` shuffles its frames, `edit` may change the data set.

    Returns its SOP Instance UID.
    """
    dataset = common("MR")
    dataset.SOPClassUID, dataset.SOPInstanceUID = ENHANCED_MR, f"{ROOT}.{number}.1"
    dataset.SeriesInstanceUID = f"{ROOT}.{number}"
    dataset.SeriesNumber, dataset.SeriesDescription, dataset.InstanceNumber = number, description, 1
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    shared = Dataset()
    shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=orientation_of(affine))]
    shared.PixelMeasuresSequence = [_item(PixelSpacing=decimals(steps[1:]), SliceThickness=decimals(steps[:1])[0])]
    shared.PixelValueTransformationSequence = [_item(RescaleIntercept="-10", RescaleSlope="2", RescaleType="US")]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames, stored = [], []
    for phase, voxels in enumerate(phases):
        for index, pixels in enumerate(voxels):
            group = Dataset()
            group.PlanePositionSequence = [_item(ImagePositionPatient=decimals(affine[:3, 3] + index * affine[:3, 0]))]
            group.FrameContentSequence = [_item(TemporalPositionIndex=phase + 1, InStackPositionNumber=index + 1)]
            frames.append(group)
            stored.append(pixels)
    chosen = range(len(frames)) if order is None else order
    dataset.PerFrameFunctionalGroupsSequence = [frames[index] for index in chosen]
    dataset.NumberOfFrames = len(frames)
    _pixels(dataset, np.stack([stored[index] for index in chosen]))
    if edit is not None:
        edit(dataset)
    save(dataset, path)
    return str(dataset.SOPInstanceUID)


def write_seg(
    path: Path,
    masks: NDArray[np.bool_],
    *,
    affine: NDArray[np.float64],
    label: str = "Tumour",
    code: tuple[str, str, str] = ("108369006", "SCT", "Neoplasm"),
    encoding: str = "BINARY",
    fractions: NDArray[np.uint8] | None = None,
    order: Sequence[int] | None = None,
    source: MadeSeries | None = None,
    phase: int = 0,
    frame_uid: str = FRAME_UID,
    number: int = 900,
    identification: str = "per-frame",
    dimensions: bool = True,
    edit: Callable[[Dataset], None] | None = None,
) -> Path:
    """Write a segmentation of one segment.

    `order` are the slices that get a frame, in that order (default: those with voxels). `identification` says where
    Segment Identification stands: "per-frame", "shared" or "none". Without `dimensions` it has neither Frame Content
    nor dimension indices.
    """
    filled = [index for index in range(len(masks)) if masks[index].any()]
    chosen = filled if order is None else list(order)
    dataset = common("SEG", frame_uid=frame_uid)
    dataset.SOPClassUID = LABEL_MAP if encoding == "LABELMAP" else SEG
    dataset.SOPInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.{number}.1", f"{ROOT}.{number}"
    dataset.SeriesNumber, dataset.SeriesDescription, dataset.InstanceNumber = number, f"SEG {label}", 1
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.SegmentationType = encoding
    value, scheme, meaning = code
    segment = _item(SegmentNumber=1, SegmentLabel=label, SegmentAlgorithmType="MANUAL")
    segment.SegmentedPropertyTypeCodeSequence = [
        _item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)
    ]
    dataset.SegmentSequence = [segment]
    if source is not None:
        series = _item(SeriesInstanceUID=source.uid)
        series.ReferencedInstanceSequence = [
            _item(ReferencedSOPClassUID=MR, ReferencedSOPInstanceUID=uid) for uid in source.sop_uids[phase]
        ]
        dataset.ReferencedSeriesSequence = [series]
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    shared = Dataset()
    shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=orientation_of(affine))]
    shared.PixelMeasuresSequence = [
        _item(
            PixelSpacing=decimals(steps[1:]),
            SliceThickness=decimals(steps[:1])[0],
            SpacingBetweenSlices=decimals(steps[:1])[0],
        )
    ]
    which = [_item(ReferencedSegmentNumber=1)]
    if identification == "shared":
        shared.SegmentIdentificationSequence = which
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for rank, index in enumerate(chosen):
        group = Dataset()
        group.PlanePositionSequence = [_item(ImagePositionPatient=decimals(affine[:3, 3] + index * affine[:3, 0]))]
        if identification == "per-frame":
            group.SegmentIdentificationSequence = which
        if dimensions:
            group.FrameContentSequence = [_item(DimensionIndexValues=[1, rank + 1])]
        frames.append(group)
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.NumberOfFrames = len(frames)
    if encoding == "FRACTIONAL":
        dataset.SegmentationFractionalType, dataset.MaximumFractionalValue = "PROBABILITY", 255
    _mask_pixels(dataset, (masks if fractions is None else fractions)[chosen], encoding=encoding)
    if edit is not None:
        edit(dataset)
    return save(dataset, path)


def _mask_pixels(dataset: Dataset, frames: NDArray[np.generic], *, encoding: str) -> None:
    if encoding == "BINARY":
        _pixels(dataset, frames.astype(np.uint8))
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 1, 1, 0
        packed = np.packbits(frames.astype(np.uint8).ravel(), bitorder="little").tobytes()
        dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    else:
        _pixels(dataset, frames.astype(np.uint8))


def _pixels(dataset: Dataset, pixels: NDArray[np.generic]) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    bits = pixels.dtype.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits, bits - 1, 0
    data = pixels.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)


def save(dataset: Dataset, path: Path) -> Path:
    """Write with file meta information, explicit VR little endian."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    return path


def orientation_of(affine: NDArray[np.float64]) -> list[str]:
    """Image Orientation (Patient): along a row, along a column."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return decimals(np.concatenate([directions[:, 2], directions[:, 1]]))


def decimals(values: NDArray[np.float64]) -> list[str]:
    """Decimal strings of at most 16 characters."""
    return [f"{value:.10f}"[:16] for value in values + 0.0]


def _item(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def ball(
    shape: tuple[int, int, int], *, centre: tuple[float, float, float], radius: tuple[float, float, float]
) -> NDArray[np.bool_]:
    """An ellipsoid in voxel indices."""
    grid = np.indices(shape)
    return sum(((axis - middle) / half) ** 2 for axis, middle, half in zip(grid, centre, radius, strict=True)) <= 1


def write_rtstruct(
    path: Path,
    contours: Sequence[NDArray[np.float64]],
    *,
    name: str = "GTV",
    series: MadeSeries | None = None,
    frame_uid: str = FRAME_UID,
    number: int = 950,
    kind: str = "CLOSED_PLANAR",
) -> Path:
    """Write a structure set of one region; `contours` are corners (points, 3), LPS mm."""
    dataset = common("RTSTRUCT", frame_uid=frame_uid)
    dataset.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.481.3")
    dataset.SOPInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.{number}.1", f"{ROOT}.{number}"
    dataset.SeriesNumber, dataset.SeriesDescription = number, "Contours"
    dataset.StructureSetROISequence = [
        _item(ROINumber=3, ROIName=name, ROIGenerationAlgorithm="MANUAL", ReferencedFrameOfReferenceUID=frame_uid)
    ]
    drawn = _item(ReferencedROINumber=3)
    drawn.ContourSequence = [
        _item(
            ContourGeometricType=kind,
            NumberOfContourPoints=len(points),
            ContourData=decimals(points.ravel()),
        )
        for points in contours
    ]
    dataset.ROIContourSequence = [drawn]
    if series is not None:
        named = _item(SeriesInstanceUID=series.uid)
        named.ContourImageSequence = [_item(ReferencedSOPInstanceUID=uid) for uid in series.sop_uids[0]]
        study = _item(ReferencedSOPInstanceUID=STUDY_UID)
        study.RTReferencedSeriesSequence = [named]
        frame = _item(FrameOfReferenceUID=frame_uid)
        frame.RTReferencedStudySequence = [study]
        dataset.ReferencedFrameOfReferenceSequence = [frame]
    return save(dataset, path)
