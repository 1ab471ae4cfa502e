"""DICOM objects as small as a receiver takes them, for tests that are about transport and states, not about pixels."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian, MRImageStorage, SegmentationStorage

from dicom_io.identity import MANUFACTURER, MODEL_NAME


def uid(*parts: object) -> str:
    """A UID derived from texts (PS3.5 §B.2)."""
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def instance(study: str, *, sop_class: str, number: int, name: str = "Test^Patient", ours: bool = False) -> FileDataset:
    """One instance of a study called `study` (any text)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = uid(study, sop_class, number)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", Dataset(), file_meta=meta, preamble=b"\x00" * 128)
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.StudyDate = "20260102"
    dataset.Modality = {MRImageStorage: "MR", SegmentationStorage: "SEG"}.get(sop_class, "DOC")
    dataset.Manufacturer = MANUFACTURER if ours else "test"
    if ours:
        dataset.ManufacturerModelName = MODEL_NAME
    dataset.PatientName = name
    dataset.PatientID = f"id-{study}"
    dataset.StudyInstanceUID = uid(study)
    dataset.SeriesInstanceUID = uid(study, sop_class, "series")
    dataset.InstanceNumber = number
    return dataset


def image(study: str, number: int, *, name: str = "Test^Patient", rows: int = 16) -> FileDataset:
    """One MR image of rows × rows voxels."""
    dataset = instance(study, sop_class=MRImageStorage, number=number, name=name)
    dataset.Rows = dataset.Columns = rows
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    dataset.PixelData = np.random.default_rng(number).integers(0, 4096, (rows, rows), np.uint16).tobytes()
    return dataset


def segmentation(study: str, *, ours: bool = False) -> FileDataset:
    """A stand-in for a segmentation: its class is all these tests look at."""
    return instance(study, sop_class=SegmentationStorage, number=1000 + ours, ours=ours)


def document(study: str, *, ours: bool = False) -> FileDataset:
    """A PDF."""
    dataset = instance(study, sop_class=EncapsulatedPDFStorage, number=2000 + ours, ours=ours)
    dataset.EncapsulatedDocument = b"%PDF-1.4\n"
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    return dataset


def write_study(folder: Path, study: str, *, images: int = 3, with_segmentation: bool = True) -> list[Path]:
    """Files of a small study."""
    folder.mkdir(parents=True, exist_ok=True)
    datasets = [image(study, number) for number in range(images)]
    if with_segmentation:
        datasets.append(segmentation(study))
    files = []
    for number, dataset in enumerate(datasets):
        files.append(folder / f"{number:04d}.dcm")
        dataset.save_as(files[-1], enforce_file_format=True)
    return files
