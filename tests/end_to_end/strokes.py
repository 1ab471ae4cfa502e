"""Strokes of a reader and what he saves of a draft, made from a segmentation of a synthetic study; for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import pack_bits
from pydicom.sequence import Sequence
from scipy import ndimage

from tests.end_to_end.small_study import uid

Mask = NDArray[np.bool_]


def strokes(segmentation: Path, out: Path, *, slices: int = 5, label: str = "tumour strokes", name: str = "") -> Path:
    """The tumour painted on some of its slices, the first and the last among them."""
    dataset = pydicom.dcmread(segmentation)
    mask = masks_of(dataset)
    kept = np.unique(np.linspace(0, len(mask) - 1, slices).round().astype(int))
    frames = dataset.PerFrameFunctionalGroupsSequence
    _put(dataset, mask[kept], Sequence([frames[index] for index in kept]))
    dataset.SegmentSequence[0].SegmentLabel = label
    return _save(dataset, out, name or f"strokes {slices} {label}")


def reviewed(draft: pydicom.Dataset, out: Path) -> Path:
    """A draft as a person edited it in a viewer of another maker: a voxel more all around, and another name."""
    dataset = pydicom.dcmread(_temporary(draft, out))
    mask = np.stack([ndimage.binary_dilation(one) for one in masks_of(dataset)])
    _put(dataset, mask, dataset.PerFrameFunctionalGroupsSequence)
    dataset.Manufacturer, dataset.ManufacturerModelName = "Viewer Ltd", "Viewer"
    dataset.SeriesDescription = dataset.ContentDescription = "Research Derived Series"
    dataset.ContentLabel, dataset.ContentCreatorName = "SEGMENTATION", "Reader^Ada"
    segment = dataset.SegmentSequence[0]
    segment.SegmentDescription, segment.SegmentAlgorithmType = "", "MANUAL"
    for keyword in ("SegmentAlgorithmName", "SegmentationAlgorithmIdentificationSequence"):
        del segment[keyword]
    now = datetime.now(UTC).astimezone()
    for group in ("Content", "InstanceCreation", "Series"):
        setattr(dataset, f"{group}Date", f"{now:%Y%m%d}")
        setattr(dataset, f"{group}Time", f"{now:%H%M%S}")
    return _save(dataset, out, "reviewed")


def masks_of(dataset: pydicom.Dataset) -> Mask:
    """Frames of a BINARY segmentation: bool (frames, rows, columns)."""
    pixels = np.asarray(dataset.pixel_array, np.bool_)
    return pixels if pixels.ndim == 3 else pixels[np.newaxis]


def _temporary(draft: pydicom.Dataset, out: Path) -> Path:
    draft.save_as(out, enforce_file_format=True)
    return out


def _put(dataset: pydicom.Dataset, mask: Mask, frames: Sequence) -> None:
    dataset.PixelData = pack_bits(mask.astype(np.uint8))
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.NumberOfFrames = len(frames)


def _save(dataset: pydicom.Dataset, out: Path, name: str) -> Path:
    dataset.SOPInstanceUID = uid(str(dataset.StudyInstanceUID), name)
    dataset.SeriesInstanceUID = uid(str(dataset.StudyInstanceUID), name, "series")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(out, enforce_file_format=True)
    return out
