"""Stacks in one series: slabs, stopped phases, rounded spacing, foreign objects. Kind: mechanics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_io.images.headers import read_instances
from dicom_io.images.pixels import load
from dicom_io.images.series import Series, series_of
from tests.dicom_io.made_series import Edit, affine_of, save, voxels_of, write_enhanced, write_series

SHAPE = (12, 6, 7)
GAP_MM = 40.0


def read(folder: Path) -> tuple[Series, ...]:
    return series_of(read_instances(folder.glob("*.dcm")))


def behind_a_gap(index: int, dataset: Dataset, *, step_mm: float = 3.0) -> None:
    """Move the slices from the seventh on further along the normal of an axial stack."""
    if index >= 6:
        x, y, z = (float(value) for value in dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y, z + GAP_MM - step_mm]


def slabs(dataset: Dataset, phase: int, index: int) -> None:
    behind_a_gap(index, dataset)


def write(folder: Path, *, phases: int = 1, edit: Edit | None = None, skip: tuple[tuple[int, int], ...] = ()) -> None:
    voxels = [voxels_of(SHAPE, seed=phase) for phase in range(phases)]
    write_series(folder, voxels, affine=affine_of(), description="T1", number=5, edit=edit, skip=skip)


@pytest.mark.parametrize("phases", [1, 2])
def test_two_slabs_in_one_series_are_two_stacks(tmp_path: Path, phases: int) -> None:
    write(tmp_path, phases=phases, edit=slabs)
    lower, upper = read(tmp_path)
    assert lower.part == "stack 1 of 2, 6 axial slices from 5 to 20 mm"
    assert upper.part == "stack 2 of 2, 6 axial slices from 60 to 75 mm"
    for phase in range(phases):
        whole = voxels_of(SHAPE, seed=phase)
        np.testing.assert_array_equal(load(lower.phases[phase]).voxels, whole[:6])
        np.testing.assert_array_equal(load(upper.phases[phase]).voxels, whole[6:])
    assert (lower.stacks, len(lower.others), lower.problem) == (2, 6 * phases, "")


def test_a_gap_is_one_between_slabs_only_when_no_image_is_missing(tmp_path: Path) -> None:
    write(tmp_path, edit=slabs, skip=((0, 3),))  # Instance Number 4 is missing
    (series,) = read(tmp_path)
    assert "missing" in series.problem

    def renumbered(dataset: Dataset, phase: int, index: int) -> None:
        slabs(dataset, phase, index)
        dataset.InstanceNumber = index * 7 + 1

    write(tmp_path / "b", edit=renumbered)
    (series,) = read(tmp_path / "b")
    assert "12 slices seem to be missing, or the series holds several slabs" in series.problem


def test_a_narrow_gap_is_never_one_between_slabs(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        x, y, z = (float(value) for value in dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y, z + (3.0 if index >= 6 else 0.0)]

    write(tmp_path, edit=edit)
    (series,) = read(tmp_path)
    assert series.problem.endswith("1 slice seems to be missing. Send the series again.")


def test_two_orientations_in_one_series_are_two_stacks(tmp_path: Path) -> None:
    sagittal = affine_of("sagittal")

    def edit(dataset: Dataset, phase: int, index: int) -> None:
        if index >= 6:
            dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
            dataset.ImagePositionPatient = (sagittal[:3, 3] + (index - 6) * sagittal[:3, 0]).tolist()

    write(tmp_path, edit=edit)
    axial, other = read(tmp_path)
    assert [series.phases[0].planes[0].orientation.name for series in (axial, other)] == ["axial", "sagittal"]
    np.testing.assert_array_equal(load(axial.phases[0]).voxels, voxels_of(SHAPE)[:6])


@pytest.mark.parametrize("with_stack_id", [True, False])
def test_stacks_of_an_enhanced_image_are_told_apart(tmp_path: Path, with_stack_id: bool) -> None:
    def edit(dataset: Dataset) -> None:
        for number, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            if with_stack_id:
                group.FrameContentSequence[0].StackID = str(1 + (number % SHAPE[0]) // 6)
            behind_a_gap(number % SHAPE[0], group.PlanePositionSequence[0])

    phases = [voxels_of(SHAPE, seed=phase) for phase in range(2)]
    write_enhanced(tmp_path / "image.dcm", phases, affine=affine_of(), description="T1", number=5, edit=edit)
    lower, upper = read(tmp_path)
    assert [series.stacks for series in (lower, upper)] == [2, 2]
    np.testing.assert_array_equal(load(upper.phases[1]).voxels, phases[1][6:] * 2.0 - 10)


def test_stacks_of_an_enhanced_image_that_lie_side_by_side_are_told_by_their_id(tmp_path: Path) -> None:
    """Two slabs with a gap too narrow to tell, and slices at other distances."""

    def edit(dataset: Dataset) -> None:
        for number, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            group.FrameContentSequence[0].StackID = str(1 + number // 6)
            x, y, z = (float(value) for value in group.PlanePositionSequence[0].ImagePositionPatient)
            group.PlanePositionSequence[0].ImagePositionPatient = [x, y, z + (4.0 if number >= 6 else 0.0)]

    write_enhanced(
        tmp_path / "image.dcm", [voxels_of(SHAPE)], affine=affine_of(), description="T1", number=5, edit=edit
    )
    assert [len(series.phases[0].planes) for series in read(tmp_path)] == [6, 6]


def test_a_phase_that_was_stopped_is_set_aside(tmp_path: Path) -> None:
    write(tmp_path, phases=3, skip=tuple((2, index) for index in range(4, 12)))
    (series,) = read(tmp_path)
    assert series.problem == ""
    assert len(series.phases) == 2
    assert len(series.stopped) == 4
    np.testing.assert_array_equal(load(series.phases[1]).voxels, voxels_of(SHAPE, seed=1))


@pytest.mark.parametrize(
    ("phases", "skip", "said"),
    [
        (2, ((1, 4), (1, 5)), "2 images seem to be missing"),  # no complete phase after contrast would be left
        (3, ((1, 4),), "1 image seems to be missing"),  # of a phase in the middle
        (3, ((0, 4), (0, 5), (0, 6)), "3 images seem to be missing"),
    ],
)
def test_images_missing_elsewhere_are_not_a_stopped_phase(
    tmp_path: Path, phases: int, skip: tuple[tuple[int, int], ...], said: str
) -> None:
    write(tmp_path, phases=phases, skip=skip)
    (series,) = read(tmp_path)
    assert said in series.problem


def test_images_sent_twice_are_not_a_stopped_phase(tmp_path: Path) -> None:
    write(tmp_path, phases=2)
    for index in (2, 3):
        copy = pydicom.dcmread(tmp_path / f"5-1-{index}.dcm")
        copy.SOPInstanceUID, copy.InstanceNumber = f"1.2.3.{index}", 25 + index
        save(copy, tmp_path / f"copy-{index}.dcm")
    (series,) = read(tmp_path)
    assert series.problem.endswith("Images with the same times were sent twice: remove one of each from the series.")


@pytest.mark.parametrize(("spacing", "is_read"), [("1.4999", True), ("1.51", True), ("1.53", False)])
def test_pixel_spacing_may_differ_by_a_tenth_of_a_millimetre_over_the_image(
    tmp_path: Path, spacing: str, is_read: bool
) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        if index % 2:
            dataset.PixelSpacing = [spacing, "1"]  # six rows: five steps from the first to the last centre

    write(tmp_path, edit=edit)
    (series,) = read(tmp_path)
    assert (series.problem == "") == is_read
    if not is_read:
        assert "(6 of 1.5 × 1 mm, 6 of 1.53 × 1 mm): 0.15 mm over the image, at most 0.1 mm" in series.problem


def test_objects_that_are_no_images_are_a_part_of_their_own(tmp_path: Path) -> None:
    write(tmp_path)
    picture = pydicom.dcmread(tmp_path / "5-0-0.dcm")
    picture.SOPClassUID, picture.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    del picture.ImagePositionPatient
    save(picture, tmp_path / "picture.dcm")
    images, other = read(tmp_path)
    np.testing.assert_array_equal(load(images.phases[0]).voxels, voxels_of(SHAPE))
    assert [len(series.others) for series in (images, other)] == [1, 12]
    assert other.problem == "It holds no MR images, but 1 × Secondary Capture Image Storage."
    assert not other.is_mr


def test_mosaics_are_named(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]

    write(tmp_path, edit=edit)
    (series,) = read(tmp_path)
    assert series.problem.startswith("12 of 12 objects of the series cannot be placed. The images are mosaics")
