"""A study written as DICOM and read again: from files to scores, whatever way its images are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from models.volume import Sequence, Volume
from tests.dicom_io.made_series import write_enhanced, write_seg, write_series
from tests.metamorphic.changes import SCALE, STORAGE
from tests.metamorphic.study import Images, with_tumours

SERIES = {Sequence.T1C: ("AX T1 FS POST", 4), Sequence.T2W: ("AX T2 FS", 2)}


@dataclass(frozen=True)
class Way:
    """One way to store the same images.

    Attributes
    ----------
    words : for the table
    tolerance : largest promised |difference of a score|
    slope, intercept : the values come out times `slope` plus `intercept`
    enhanced, backwards, compressed : one multi-frame object; slices in reverse order; RLE
    split : the second half of the slices belongs to another series
    bits : Bits Stored; None: as many as are allocated
    """

    words: str
    tolerance: float = STORAGE
    slope: float = 1.0
    intercept: float = 0.0
    enhanced: bool = False
    backwards: bool = False
    compressed: bool = False
    split: bool = False
    bits: int | None = None


PLAIN = Way("as classic MR images")
WAYS = (
    Way("as Enhanced MR", enhanced=True),
    Way("as Enhanced MR, slices in reverse", enhanced=True, backwards=True),
    Way("slices numbered in reverse", backwards=True),
    Way("RLE", compressed=True),
    Way("12 bits instead of 16", bits=12),
    Way("Rescale Slope 0.37", SCALE, slope=0.37),
    Way("Rescale Slope 3, Intercept 100", SCALE, slope=3.0, intercept=100.0),
)

# Whole numbers cannot hold these factors (the Rescale Slope does), and 37 is a value of the breast's own voxels too.
NOT_THROUGH_DICOM = ("values × 0.5", "values × 0.37", "padded × 1.5 with 37, declared")


def through_dicom(images: Images, folder: Path, way: Way = PLAIN) -> Images:
    """The images after they were written below `folder` in a way, with a SEG for each, and read as one study."""
    files: list[Path] = []
    for sequence, (volume, tumour) in images.items():
        description, number = SERIES[sequence]
        stored, lowest = _stored(volume)
        scaling = {"RescaleSlope": f"{way.slope:g}", "RescaleIntercept": f"{way.intercept + way.slope * lowest:.10g}"}
        padding = None if volume.padding is None else int(stored[volume.padding][0])
        order = range(len(stored))[::-1] if way.backwards else range(len(stored))
        files.append(write_seg(folder / f"{sequence}.seg.dcm", tumour.mask, affine=volume.affine, number=number + 900))
        if way.enhanced:
            image = folder / f"{sequence}.dcm"
            edit = _Edit(way, scaling, padding)
            arguments = {"affine": volume.affine, "description": description, "number": number}
            write_enhanced(image, [stored], order=list(order), edit=edit.enhanced, **arguments)  # type: ignore[arg-type]
            files.append(image)
            continue
        edit = _Edit(way, scaling, padding, numbers={index: place + 1 for place, index in enumerate(order)})
        series = write_series(
            folder / sequence,
            [stored],
            affine=volume.affine,
            description=description,
            number=number,
            edit=edit.classic,
        )
        files += series.files
        if way.compressed:
            for file in series.files:
                dataset = pydicom.dcmread(file)
                dataset.compress(RLELossless)
                dataset.save_as(file)
    study = read_study(files, rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    return with_tumours(study.volumes, study.tumours)


def _stored(volume: Volume) -> tuple[NDArray[np.uint16], int]:
    """Whole numbers from 0 on, and what has to be added to them."""
    lowest = min(0, int(np.floor(volume.voxels.min())))
    return np.round(volume.voxels - lowest).astype(np.uint16), lowest


@dataclass(frozen=True)
class _Edit:
    way: Way
    scaling: Mapping[str, str]
    padding: int | None
    numbers: Mapping[int, int] | None = None

    def classic(self, dataset: Dataset, _: int, index: int) -> None:
        for keyword, value in self.scaling.items():
            setattr(dataset, keyword, value)
        assert self.numbers is not None
        dataset.InstanceNumber = self.numbers[index]
        if self.way.split and 2 * index >= len(self.numbers):
            dataset.SeriesInstanceUID, dataset.SeriesNumber = f"{dataset.SeriesInstanceUID}.2", 5
        self._both(dataset)

    def enhanced(self, dataset: Dataset) -> None:
        (scaling,) = dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
        for keyword, value in self.scaling.items():
            setattr(scaling, keyword, value)
        self._both(dataset)

    def _both(self, dataset: Dataset) -> None:
        if self.padding is not None:
            dataset.add_new("PixelPaddingValue", "US", self.padding)
        if self.way.bits is not None:
            dataset.BitsStored, dataset.HighBit = self.way.bits, self.way.bits - 1
