"""Invariant: how the images of a patient are stored does not change a bit of volume and mask, so nor of a score."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicom_io.errors import SelectionAmbiguous
from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from dicom_io.study import Study
from models.volume import Sequence as MrSequence
from tests.dicom_io.made_series import MadeSeries, affine_of, ball, voxels_of, write_enhanced, write_seg, write_series

T1C = MrSequence.T1C
SHAPE = (8, 12, 14)
VOXELS, AFFINE = voxels_of(SHAPE), affine_of("oblique")
MASK = ball(SHAPE, centre=(3.4, 6, 7), radius=(2.6, 3.4, 4.2))
WORDS = "AX T1 FS POST"


def read(files: Sequence[Path]) -> Study:
    return read_study(files, rules=SelectionRules(), assignment=NO_ASSIGNMENT)


def classic(folder: Path) -> MadeSeries:
    return write_series(folder, [VOXELS], affine=AFFINE, description=WORDS, number=4)


@pytest.fixture
def truth(tmp_path: Path) -> Study:
    """The study as classic MR images, its files in the order of the slices."""
    folder = tmp_path / "classic"
    images = classic(folder)
    mask = write_seg(folder / "s.dcm", MASK, affine=AFFINE, source=images)
    return read([*images.files, mask])


def check_same(study: Study, truth: Study) -> None:
    np.testing.assert_array_equal(study.volumes[T1C].voxels, truth.volumes[T1C].voxels)
    np.testing.assert_array_equal(study.volumes[T1C].affine, truth.volumes[T1C].affine)
    np.testing.assert_array_equal(study.tumours[T1C].mask, truth.tumours[T1C].mask)
    np.testing.assert_array_equal(study.tumours[T1C].affine, truth.tumours[T1C].affine)
    np.testing.assert_array_equal(study.volumes[T1C].voxels, VOXELS)


@pytest.mark.parametrize("order", ["as acquired", "backwards", "shuffled"])
def test_enhanced_images_give_the_volume_of_classic_ones(tmp_path: Path, truth: Study, order: str) -> None:
    def unscaled(dataset: Dataset) -> None:
        (scaling,) = dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
        scaling.RescaleIntercept, scaling.RescaleSlope = "0", "1"

    frames = list(range(SHAPE[0]))
    if order == "backwards":
        frames.reverse()
    elif order == "shuffled":
        random.Random(1).shuffle(frames)
    image, mask = tmp_path / "e.dcm", tmp_path / "s.dcm"
    write_enhanced(image, [VOXELS], affine=AFFINE, description=WORDS, number=4, order=frames, edit=unscaled)
    write_seg(mask, MASK, affine=AFFINE)
    check_same(read([image, mask]), truth)


@pytest.mark.parametrize("order", ["backwards", "shuffled"])
def test_the_order_of_files_slices_and_masks_does_not_matter(tmp_path: Path, truth: Study, order: str) -> None:
    numbers = list(range(1, SHAPE[0] + 1))
    files = random.Random(2)

    def renumbered(dataset: Dataset, _: int, index: int) -> None:
        dataset.InstanceNumber = numbers[index]

    if order == "backwards":
        numbers.reverse()
    else:
        files.shuffle(numbers)
    images = write_series(tmp_path, [VOXELS], affine=AFFINE, description=WORDS, number=4, edit=renumbered)
    filled = [index for index in range(SHAPE[0]) if MASK[index].any()]
    mask = write_seg(tmp_path / "s.dcm", MASK, affine=AFFINE, source=images, order=filled[::-1])
    paths = [*images.files, mask]
    files.shuffle(paths)
    check_same(read(paths), truth)


def test_slices_split_over_two_series_are_refused_by_name(tmp_path: Path) -> None:
    """Each half is a volume of its own; nothing in DICOM says that two series are one, so it is not guessed."""

    def split(dataset: Dataset, _: int, index: int) -> None:
        if index >= SHAPE[0] // 2:
            dataset.SeriesInstanceUID, dataset.SeriesNumber = f"{dataset.SeriesInstanceUID}.2", 5

    images = write_series(tmp_path, [VOXELS], affine=AFFINE, description=WORDS, number=4, edit=split)
    mask = write_seg(tmp_path / "s.dcm", MASK, affine=AFFINE, source=images)
    with pytest.raises(SelectionAmbiguous, match=rf'2 series could be T1\+C.*4 "{WORDS}".*5 "{WORDS}"'):
        read([*images.files, mask])
