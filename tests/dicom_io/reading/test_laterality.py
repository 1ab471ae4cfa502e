"""The side of the tumour: read wherever writers put it, compared with the images and with where it lies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicom_io.images.headers import read_instances
from dicom_io.masks.segmentation import segments_of
from dicom_io.reading.laterality import side_of_segment
from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from dicom_io.study import Study
from tests.dicom_io.made_series import affine_of, ball, voxels_of, write_enhanced, write_seg, write_series

SHAPE = (4, 6, 7)
MASK = ball(SHAPE, centre=(1.5, 3, 3), radius=(1.5, 2, 2))
LEFT, RIGHT = ("7771000", "SCT", "Left"), ("24028007", "SCT", "Right")
Code = tuple[str, str, str]


def code(value: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value
    return item


def in_the_region(segment: Dataset, side: Code) -> None:
    region = code(("76752008", "SCT", "Breast"))
    region.AnatomicRegionModifierSequence = [code(side)]
    segment.AnatomicRegionSequence = [region]


def as_the_region(segment: Dataset, side: Code) -> None:
    segment.AnatomicRegionSequence = [code(side)]


def in_the_type(segment: Dataset, side: Code) -> None:
    segment.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [code(side)]


def beside_the_type(segment: Dataset, side: Code) -> None:
    segment.SegmentedPropertyTypeModifierCodeSequence = [code(side)]


def with_side(put: Callable[[Dataset, Code], None], side: Code) -> Callable[[Dataset], None]:
    def edit(dataset: Dataset) -> None:
        put(dataset.SegmentSequence[0], side)

    return edit


@pytest.mark.parametrize(
    ("put", "side", "expected"),
    [
        (in_the_region, LEFT, "L"),
        (in_the_region, ("G-A100", "SRT", "Right"), "R"),
        (in_the_region, ("51440002", "SCT", "Right and left"), "B"),
        (as_the_region, ("73056007", "SCT", "Right breast"), "R"),
        (as_the_region, ("76752008", "SCT", "Breast"), ""),
        (in_the_type, LEFT, "L"),
        (beside_the_type, RIGHT, "R"),
    ],
)
def test_the_side_of_a_segment(tmp_path: Path, put: Callable[[Dataset, Code], None], side: Code, expected: str) -> None:
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), edit=with_side(put, side))
    (instance,) = read_instances(tmp_path.iterdir())
    (segment,) = segments_of(instance)
    assert side_of_segment(segment) == expected


def study(
    folder: Path, *, images: str = "", segment: Code | None = None, pixel_mm: float = 1.0, shift: int = 0
) -> Study:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        if images:
            dataset.Laterality = images

    affine = affine_of(spacing_mm=(3.0, 1.5, pixel_mm))
    series = write_series(folder, [voxels_of(SHAPE)], affine=affine, description="T1 POST", number=4, edit=edit)
    mask = np.roll(MASK & (np.indices(SHAPE)[2] == 3), shift, axis=2)
    put = None if segment is None else with_side(in_the_region, segment)
    write_seg(folder / "s.dcm", mask, affine=affine, source=series, edit=put)
    return read_study(sorted(folder.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)


def contradictions(read: Study) -> list[str]:
    return [one.sentence for one in read.notes if one.code == "laterality-contradicted"]


@pytest.mark.parametrize(
    ("images", "segment", "expected"),
    [("", None, ""), ("L", None, "L"), ("", LEFT, "L"), ("B", RIGHT, "R"), ("R", RIGHT, "R"), ("B", None, "B")],
)
def test_the_segment_goes_before_images_of_both_sides(
    tmp_path: Path, images: str, segment: Code | None, expected: str
) -> None:
    read = study(tmp_path, images=images, segment=segment)
    assert read.subject.laterality == expected
    assert contradictions(read) == []


def test_a_side_that_images_and_segment_dispute_is_left_out(tmp_path: Path) -> None:
    read = study(tmp_path, images="L", segment=RIGHT)
    assert read.subject.laterality == ""
    (sentence,) = contradictions(read)
    assert sentence.startswith("The images are of the left breast, but the segmentation says right")


@pytest.mark.parametrize(("shift", "agrees"), [(2, True), (-2, False), (0, True)])
def test_a_side_is_compared_with_where_the_tumour_lies(tmp_path: Path, shift: int, agrees: bool) -> None:
    """7 columns of 40 mm show both breasts, columns run to the patient's left; the middle one decides nothing."""
    read = study(tmp_path, images="B", segment=LEFT, pixel_mm=40.0, shift=shift)
    assert read.subject.laterality == ("L" if agrees else "")
    assert [one.split(",")[0] for one in contradictions(read)] == ([] if agrees else ["The segmentation says left"])


def test_the_side_of_a_multi_frame_image_is_that_of_its_frames(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        anatomy = Dataset()
        anatomy.FrameLaterality = "R"
        dataset.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [anatomy]

    write_enhanced(
        tmp_path / "e.dcm", [voxels_of(SHAPE)], affine=affine_of(), description="T1 POST", number=4, edit=edit
    )
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of())
    read = read_study(sorted(tmp_path.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    assert read.subject.laterality == "R"
