"""Writes a synthetic breast MRI study as DICOM files (T1+C, T2W, segmentation of the tumour): tests and demonstration.

The same arguments give the same bytes, UIDs included. Names, identifiers and the institution are plainly synthetic;
the images come from `dicom_io.synthetic.phantom`, with a smooth bias field and Rician noise.
"""

from __future__ import annotations

import copy
import datetime
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import highdicom
import numpy as np
import pydicom
from highdicom.sr.coding import CodedConcept
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from dicom_io.synthetic.grid import REALISTIC_T1C, REALISTIC_T2W, SMALL_T1C, SMALL_T2W, Grid, Plane
from dicom_io.synthetic.phantom import Look, Phantom, bias_field, signal, tumour
from models.volume import Sequence

__all__ = [
    "make_study",
    "SyntheticStudy",
    "SyntheticPatient",
    "Grid",
    "Plane",
    "SMALL_T1C",
    "SMALL_T2W",
    "REALISTIC_T1C",
    "REALISTIC_T2W",
]

_STUDY_DATE = datetime.date(2025, 3, 14)
_STORED_BLOOD = 1400.0  # stored value of enhancing blood (signal 1.0); 12 bits are used


@dataclass(frozen=True)
class SyntheticPatient:
    """Patient and examination as the headers say it."""

    name: str = "Synthetic^Patient^0001"
    patient_id: str = "SYN0001"
    birth_date: datetime.date = datetime.date(1970, 1, 1)
    accession_number: str = "SYN-A0001"


@dataclass(frozen=True)
class SyntheticStudy:
    """Files and facts of a written study.

    Attributes
    ----------
    folder : where; one folder below it for each series
    study_instance_uid, frame_of_reference_uid : of all series
    series : files of each series, by "t1c", "t2w", "t1_before", "localizer", "seg_t1c", "seg_t2w", in slice order
        (several phases: phase after phase)
    series_uids : Series Instance UID of each of them
    tumour_mm3 : volume of the tumour on the grid of each sequence
    """

    folder: Path
    study_instance_uid: str
    frame_of_reference_uid: str
    series: Mapping[str, tuple[Path, ...]]
    series_uids: Mapping[str, str]
    tumour_mm3: Mapping[Sequence, float]

    @property
    def files(self) -> tuple[Path, ...]:
        """All files."""
        return tuple(file for files in self.series.values() for file in files)


@dataclass(frozen=True)
class _Protocol:
    """Header values that distinguish one series from another."""

    key: str
    number: int
    description: str
    image_type: tuple[str, ...]
    scanning_sequence: str
    sequence_variant: str
    acquisition: str
    repetition_ms: float
    echo_ms: float
    flip_degrees: float
    echo_train: int
    contrast: bool


_ORIGINAL = ("ORIGINAL", "PRIMARY", "OTHER")
_LOCALIZER = _Protocol(
    "localizer", 1, "LOCALIZER", ("ORIGINAL", "PRIMARY", "LOCALIZER"), "GR", "SP", "2D", 7.0, 3.3, 20, 1, False
)
_T2W = _Protocol("t2w", 2, "T2 TSE AX FS", _ORIGINAL, "SE", "SK", "2D", 4600.0, 86.0, 150, 15, False)
_T1_BEFORE = _Protocol("t1_before", 3, "T1 GRE AX FS PRE", _ORIGINAL, "GR", "SP", "3D", 5.2, 2.4, 12, 1, False)
_T1C = _Protocol("t1c", 4, "T1 GRE AX FS POST CONTRAST", _ORIGINAL, "GR", "SP", "3D", 5.2, 2.4, 12, 1, True)
_T1C_PHASES = _Protocol("t1c", 4, "T1 GRE AX FS DYN POST CONTRAST", _ORIGINAL, "GR", "SP", "3D", 5.2, 2.4, 12, 1, True)


def make_study(
    folder: Path,
    *,
    seed: int = 1,
    sequences: tuple[Sequence, ...] = (Sequence.T1C, Sequence.T2W),
    t1c: Grid = SMALL_T1C,
    t2w: Grid = SMALL_T2W,
    phases: int = 1,
    segmented: tuple[Sequence, ...] = (Sequence.T1C,),
    other_series: bool = False,
    tumour_radius_mm: float = 13.0,
    noise: float = 0.02,
    patient: SyntheticPatient | None = None,
    study_date: datetime.date = _STUDY_DATE,
) -> SyntheticStudy:
    """Writes one study below `folder`.

    Parameters
    ----------
    seed : of the anatomy, the noise and all UIDs
    sequences : which of T1+C and T2W to write
    t1c, t2w : their grids (same Frame of Reference)
    phases : images per position in the T1+C series; 1: after contrast only; more: before contrast, first phase after
        it, later phases; the segmentation refers to the first after contrast
    segmented : sequences with a BINARY segmentation of the tumour of their own; empty for none
    other_series : also write what a real examination brings along: a localizer and a T1 series before contrast
    tumour_radius_mm : mean radius; lobes and spicules come on top
    noise : standard deviation of the Rician noise, 1.0 is enhancing blood
    patient : None for "Synthetic^Patient^<seed>" with the Patient ID "SYN<seed>"

    Raises
    ------
    ValueError
        When a sequence is to be segmented that is not written.
    """
    if not set(segmented) <= set(sequences):
        raise ValueError(f"segmented is {segmented}; a subset of sequences {sequences} was expected")
    writer = _Writer(
        folder=folder,
        seed=seed,
        phantom=Phantom(seed=seed, tumour_radius_mm=tumour_radius_mm),
        noise=noise,
        patient=patient
        or SyntheticPatient(f"Synthetic^Patient^{seed:04d}", f"SYN{seed:04d}", accession_number=f"SYN-A{seed:04d}"),
        study_date=study_date,
    )
    grids = {Sequence.T1C: t1c, Sequence.T2W: t2w}
    if other_series:
        writer.write_localizer()
    if Sequence.T2W in sequences:
        writer.write_series(_T2W, t2w, (Look.T2,))
    if other_series and Sequence.T1C in sequences:
        writer.write_series(_T1_BEFORE, t1c, (Look.T1_BEFORE,))
    if Sequence.T1C in sequences:
        looks = (Look.T1_EARLY,) if phases == 1 else (Look.T1_BEFORE, Look.T1_EARLY, *[Look.T1_LATE] * (phases - 2))
        writer.write_series(_T1C if phases == 1 else _T1C_PHASES, t1c, looks)
    for sequence in segmented:
        first = grids[sequence].slices if sequence is Sequence.T1C and phases > 1 else 0
        writer.write_segmentation(sequence, grids[sequence], first_image=first)
    volumes = {
        sequence: float(
            np.count_nonzero(writer.tumour(grids[sequence])) * abs(np.linalg.det(grids[sequence].affine[:3, :3]))
        )
        for sequence in sequences
    }
    return SyntheticStudy(
        folder=folder,
        study_instance_uid=writer.uid("study"),
        frame_of_reference_uid=writer.uid("frame of reference"),
        series=writer.files,
        series_uids={key: writer.uid(f"series {key}") for key in writer.files},
        tumour_mm3=volumes,
    )


class _Writer:
    """Writes the series of one study and remembers the files."""

    def __init__(
        self,
        *,
        folder: Path,
        seed: int,
        phantom: Phantom,
        noise: float,
        patient: SyntheticPatient,
        study_date: datetime.date,
    ) -> None:
        self._folder = folder
        self._seed = seed
        self._phantom = phantom
        self._noise = noise
        self._patient = patient
        self._date = study_date
        self._images: dict[str, list[pydicom.Dataset]] = {}  # headers only
        self.files: dict[str, tuple[Path, ...]] = {}

    def uid(self, what: str) -> str:
        """The UID of `what` in this study: "2.25." and a UUID made from the patient, the seed and `what`."""
        text = f"rdeepnet synthetic study {self._patient.patient_id} {self._date} {self._seed} {what}"
        return f"2.25.{uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4).int}"

    def tumour(self, grid: Grid) -> NDArray[np.bool_]:
        """The tumour on a grid."""
        return tumour(self._phantom, affine=grid.affine, shape=grid.shape)

    def write_localizer(self) -> None:
        """Three perpendicular slices in one series."""
        for plane, spacing_mm in ((Plane.AXIAL, 1.4), (Plane.SAGITTAL, 1.4), (Plane.OBLIQUE, 1.4)):
            self.write_series(_LOCALIZER, Grid(1, 256, 256, 8.0, (spacing_mm, spacing_mm), plane), (Look.T1_BEFORE,))

    def write_series(self, protocol: _Protocol, grid: Grid, looks: tuple[Look, ...]) -> None:
        """One series with one image per position and look; a repeated call adds images to it."""
        images = self._images.setdefault(protocol.key, [])
        files = list(self.files.get(protocol.key, ()))
        target = self._folder / protocol.key
        target.mkdir(parents=True, exist_ok=True)
        for phase, look in enumerate(looks):
            stored = self._stored(grid, look, stream=(protocol.number, phase, len(images)))
            for index in range(grid.slices):
                number = len(images) + 1
                dataset = self._header(protocol, grid, number=number, slice_index=index, phase=phase, phases=len(looks))
                images.append(dataset)
                whole = copy.copy(dataset)
                whole.PixelData = stored[index].tobytes()
                files.append(target / f"IM{number:04d}.dcm")
                whole.save_as(files[-1], enforce_file_format=True)
        self.files[protocol.key] = tuple(files)

    def _stored(self, grid: Grid, look: Look, *, stream: tuple[int, ...]) -> NDArray[np.uint16]:
        """Stored values: signal × bias field with Rician noise, 12 bits in uint16."""
        rng = np.random.default_rng([self._seed, *stream])
        clean = signal(self._phantom, look, affine=grid.affine, shape=grid.shape)
        clean *= bias_field(self._seed, affine=grid.affine, shape=grid.shape)
        real = clean + self._noise * rng.standard_normal(grid.shape, dtype=np.float32)
        imaginary = self._noise * rng.standard_normal(grid.shape, dtype=np.float32)
        return np.clip(np.rint(_STORED_BLOOD * np.hypot(real, imaginary)), 0, 4095).astype("<u2")

    def _header(
        self, protocol: _Protocol, grid: Grid, *, number: int, slice_index: int, phase: int, phases: int
    ) -> pydicom.Dataset:
        dataset = pydicom.Dataset()
        self._patient_and_study(dataset)
        self._series_and_equipment(dataset, protocol)
        self._times(dataset, protocol, phase=phase, phases=phases)
        dataset.SOPClassUID = MRImageStorage
        dataset.SOPInstanceUID = self.uid(f"image {protocol.key} {number}")
        dataset.InstanceNumber = number
        dataset.ImageType = list(protocol.image_type)
        dataset.ImageComments = "Synthetic image, not a patient"
        self._image_plane(dataset, grid, slice_index)
        self._mr_image(dataset, protocol)
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        return dataset

    def _patient_and_study(self, dataset: pydicom.Dataset) -> None:
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.PatientName = self._patient.name
        dataset.PatientID = self._patient.patient_id
        dataset.PatientBirthDate = f"{self._patient.birth_date:%Y%m%d}"
        dataset.PatientSex = "F"
        dataset.PatientAge = f"{(self._date - self._patient.birth_date).days // 365.2425:03.0f}Y"
        dataset.PatientWeight = "68"
        dataset.StudyInstanceUID = self.uid("study")
        dataset.StudyDate = f"{self._date:%Y%m%d}"
        dataset.StudyTime = "100000"
        dataset.StudyID = "1"
        dataset.StudyDescription = "MR BREAST BILATERAL W WO CONTRAST"
        dataset.AccessionNumber = self._patient.accession_number
        dataset.ReferringPhysicianName = "Synthetic^Referrer"

    def _series_and_equipment(self, dataset: pydicom.Dataset, protocol: _Protocol) -> None:
        dataset.Modality = "MR"
        dataset.SeriesInstanceUID = self.uid(f"series {protocol.key}")
        dataset.SeriesNumber = protocol.number
        dataset.SeriesDescription = protocol.description
        dataset.ProtocolName = protocol.description
        dataset.BodyPartExamined = "BREAST"
        dataset.ImageLaterality = "B"
        dataset.PatientPosition = "HFP"
        dataset.FrameOfReferenceUID = self.uid("frame of reference")
        dataset.PositionReferenceIndicator = ""
        dataset.Manufacturer = "Synthetic"
        dataset.ManufacturerModelName = "Phantom"
        dataset.DeviceSerialNumber = "0001"
        dataset.SoftwareVersions = "1"
        dataset.InstitutionName = "Synthetic Hospital"

    def _times(self, dataset: pydicom.Dataset, protocol: _Protocol, *, phase: int, phases: int) -> None:
        start = datetime.datetime.combine(self._date, datetime.time(10, 4 * protocol.number))
        date, acquired = f"{self._date:%Y%m%d}", start + datetime.timedelta(seconds=95 * phase)
        dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = dataset.InstanceCreationDate = date
        dataset.SeriesTime = f"{start:%H%M%S}"
        dataset.AcquisitionTime = dataset.ContentTime = dataset.InstanceCreationTime = f"{acquired:%H%M%S}"
        dataset.AcquisitionNumber = phase + 1
        if phases > 1:
            dataset.TemporalPositionIdentifier = phase + 1
            dataset.NumberOfTemporalPositions = phases
            dataset.TemporalResolution = "95000"
        if protocol.contrast and (phases == 1 or phase > 0):
            dataset.ContrastBolusAgent = "Gadobutrol"
            dataset.ContrastBolusRoute = "IV"
            dataset.ContrastBolusVolume = "6.8"

    def _image_plane(self, dataset: pydicom.Dataset, grid: Grid, slice_index: int) -> None:
        affine = grid.affine
        position = affine[:3, 3] + slice_index * affine[:3, 0]
        normal = affine[:3, 0] / grid.slice_spacing_mm
        dataset.ImagePositionPatient = _decimals(position)
        dataset.ImageOrientationPatient = _decimals(grid.orientation.ravel())
        dataset.SliceLocation = _decimals(np.array([position @ normal]))[0]
        dataset.PixelSpacing = _decimals(np.array(grid.pixel_spacing_mm))
        dataset.SliceThickness = dataset.SpacingBetweenSlices = _decimals(np.array([grid.slice_spacing_mm]))[0]
        dataset.Rows, dataset.Columns = grid.rows, grid.columns
        dataset.SamplesPerPixel = 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
        dataset.PixelRepresentation = 0
        dataset.WindowCenter, dataset.WindowWidth = "600", "1200"

    def _mr_image(self, dataset: pydicom.Dataset, protocol: _Protocol) -> None:
        dataset.ScanningSequence = protocol.scanning_sequence
        dataset.SequenceVariant = protocol.sequence_variant
        dataset.ScanOptions = "" if protocol.key == "localizer" else "FS"
        dataset.MRAcquisitionType = protocol.acquisition
        dataset.RepetitionTime = str(protocol.repetition_ms)
        dataset.EchoTime = str(protocol.echo_ms)
        dataset.EchoTrainLength = protocol.echo_train
        dataset.EchoNumbers = 1
        dataset.FlipAngle = str(protocol.flip_degrees)
        dataset.MagneticFieldStrength = "3"
        dataset.ImagedNucleus = "1H"
        dataset.NumberOfAverages = "1"

    def write_segmentation(self, sequence: Sequence, grid: Grid, *, first_image: int) -> None:
        """The tumour as BINARY segmentation, referring to the images of one sequence from `first_image` on."""
        key = f"seg_{sequence}"
        images = self._images[sequence.value][first_image : first_image + grid.slices]
        description = highdicom.seg.SegmentDescription(
            segment_number=1,
            segment_label="Tumour",
            segmented_property_category=CodedConcept("49755003", "SCT", "Morphologically Altered Structure"),
            segmented_property_type=CodedConcept("108369006", "SCT", "Neoplasm"),
            algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
            anatomic_regions=[CodedConcept("76752008", "SCT", "Breast")],
        )
        segmentation = highdicom.seg.Segmentation(
            source_images=images,
            pixel_array=self.tumour(grid),
            segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[description],
            series_instance_uid=self.uid(f"series {key}"),
            series_number=100 + images[0].SeriesNumber,
            sop_instance_uid=self.uid(f"image {key}"),
            instance_number=1,
            manufacturer="Synthetic",
            manufacturer_model_name="Phantom",
            software_versions="1",
            device_serial_number="0001",
            content_label="TUMOUR",
            content_description=f"Tumour on {sequence.label}",
            content_creator_name="Synthetic^Reader",
        )
        segmentation.SeriesDescription = f"Tumour segmentation on {sequence.label}"
        segmentation.ImageComments = "Synthetic image, not a patient"
        self._make_repeatable(segmentation, key)
        target = self._folder / key
        target.mkdir(parents=True, exist_ok=True)
        segmentation.save_as(target / "SEG0001.dcm")
        self.files[key] = (target / "SEG0001.dcm",)

    def _make_repeatable(self, segmentation: pydicom.Dataset, key: str) -> None:
        """Replaces what highdicom takes from the clock or from chance."""
        segmentation.ContentDate = segmentation.InstanceCreationDate = segmentation.SeriesDate = f"{self._date:%Y%m%d}"
        segmentation.ContentTime = segmentation.InstanceCreationTime = segmentation.SeriesTime = "110000"
        dimensions = self.uid(f"dimensions {key}")
        for item in [*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence]:
            item.DimensionOrganizationUID = dimensions
        for equipment in segmentation.ContributingEquipmentSequence:
            equipment.ContributionDateTime = f"{self._date:%Y%m%d}110000"


def _decimals(values: NDArray[np.float64]) -> list[str]:
    """Decimal Strings of at most 16 characters, to 1e-8."""
    return [f"{round(float(value), 8) + 0.0:.10g}" for value in values]
