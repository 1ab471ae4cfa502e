"""Segments to tumours: which are tumours, several of them, both breasts, quality notes. Kind: mechanics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dicom_io.errors import GeometryInvalid, SelectionAmbiguous, SeriesNotFound
from dicom_io.rules import Assignment, SelectionRules
from models.acquisition import SeveralTumours, TrainingImages
from models.errors import SetupError
from tests.dicom_io.made_series import (
    affine_of,
    ball,
    voxels_of,
    write_seg,
    write_series,
)
from tests.dicom_io.reading.small_studies import (
    MASK,
    SHAPE,
    T1C,
    T2_AFFINE,
    T2_SHAPE,
    T2W,
    doubts,
    read,
    refused,
    t1c,
    t2w,
)


def test_tissue_is_not_a_tumour(tmp_path: Path) -> None:
    t1c(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), label="Breast", code=("76752008", "SCT", "Breast"))
    refused(tmp_path, SeriesNotFound, '"Breast" is not a tumour')
    assert np.any(read(tmp_path, assignment=Assignment.parse(["tumour=breast"])).tumours[T1C].mask)


def test_several_tumours_are_one_region_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    small = ball(SHAPE, centre=(0.5, 1, 2), radius=(0.6, 1, 1))
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, label="Tumour 1")
    write_seg(tmp_path / "b.dcm", small, affine=affine_of(), source=images, label="Tumour 2", number=901)
    union = read(tmp_path)
    largest = read(tmp_path, rules=SelectionRules(several_tumours=SeveralTumours.LARGEST))
    np.testing.assert_array_equal(union.tumours[T1C].mask, MASK | small)
    np.testing.assert_array_equal(largest.tumours[T1C].mask, MASK)
    assert [row.description for row in union.series[1:]] == ["SEG Tumour 1", "SEG Tumour 2"]
    assert [row.description for row in largest.series[1:]] == ["SEG Tumour 1"]
    # Voxels of 3.0 × 1.5 × 1.0 mm.
    listed = f'"Tumour 1" {MASK.sum() * 4.5 / 1000:.2f} cm³; "Tumour 2" {small.sum() * 4.5 / 1000:.2f} cm³'
    (all_of_them,), (one_of_them,) = doubts(union), doubts(largest)
    assert all_of_them.code == one_of_them.code == "several-tumours"
    assert all_of_them.sentence.startswith(f"2 tumours were segmented on T1+C ({listed}); all of them together")
    assert one_of_them.sentence.endswith('only the largest, "Tumour 1", is analysed.')
    chosen = read(tmp_path, assignment=Assignment.parse(["tumour=Tumour 2"]))
    np.testing.assert_array_equal(chosen.tumours[T1C].mask, small)
    with pytest.raises(SelectionAmbiguous, match='2 segments could be the tumour on T1\\+C: segment 1 "Tumour 1"'):
        read(tmp_path, rules=SelectionRules(several_tumours=SeveralTumours.REFUSE))


def test_the_models_say_what_is_done_with_several_tumours(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    small = ball(SHAPE, centre=(0.5, 1, 2), radius=(0.6, 1, 1))
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, label="Tumour 1")
    write_seg(tmp_path / "b.dcm", small, affine=affine_of(), source=images, label="Tumour 2", number=901)
    models = {"ours": TrainingImages(SeveralTumours.LARGEST), "theirs": TrainingImages()}
    by_models = read(tmp_path, rules=SelectionRules(models=models))
    np.testing.assert_array_equal(by_models.tumours[T1C].mask, MASK)
    assert [one.code for one in doubts(by_models)] == ["several-tumours"]
    by_site = read(tmp_path, rules=SelectionRules(models=models, several_tumours=SeveralTumours.UNION))
    np.testing.assert_array_equal(by_site.tumours[T1C].mask, MASK | small)
    unlike = doubts(by_site)[1]
    assert unlike.code == "several-tumours-unlike-training"
    assert unlike.sentence == (
        "The model 'ours' was trained on the largest tumour alone; the settings ask for all tumours as one region "
        "(T1+C)."
    )


def test_models_that_want_several_tumours_differently_need_a_setting() -> None:
    models = {"a": TrainingImages(SeveralTumours.LARGEST), "b": TrainingImages(SeveralTumours.UNION)}
    with pytest.raises(SetupError, match=r"\('a' largest, 'b' union\); one way was expected: set several_tumours"):
        SelectionRules(models=models)
    assert SelectionRules(models=models, several_tumours=SeveralTumours.UNION).tumours_together is SeveralTumours.UNION


def test_two_drawings_of_one_tumour_are_not_two_tumours(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, label="Tumour reader 1")
    moved = np.roll(MASK, 1, axis=1)
    write_seg(tmp_path / "b.dcm", moved, affine=affine_of(), source=images, label="Tumour reader 2", number=901)
    refused(tmp_path, SelectionAmbiguous, "overlap by", '"Tumour reader 1"', "two segmentations of one tumour")


def test_tumours_of_different_kinds_are_refused_unless_assigned(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    small = ball(SHAPE, centre=(0.5, 1, 2), radius=(0.6, 1, 1))
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, label="A")
    mass = ("4147007", "SCT", "Mass")
    write_seg(tmp_path / "b.dcm", small, affine=affine_of(), source=images, label="B", code=mass, number=901)
    refused(tmp_path, SelectionAmbiguous, "2 segments could be", "(Mass)", "Their property types differ")
    both = read(tmp_path, assignment=Assignment.parse(["tumour=A", "tumour=B"]))
    np.testing.assert_array_equal(both.tumours[T1C].mask, MASK | small)


def test_a_segment_that_only_a_later_rule_calls_a_tumour_is_named(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images)
    tissue = ("85756007", "SCT", "Tissue")
    other = ball(SHAPE, centre=(0.5, 1, 2), radius=(0.6, 1, 1))
    write_seg(tmp_path / "b.dcm", other, affine=affine_of(), source=images, label="Lesion 2", code=tissue, number=901)
    (note,) = doubts(read(tmp_path))
    assert note.code == "tumour-segments-not-used"
    assert 'segment 1 "Lesion 2" (Tissue)' in note.sentence


@pytest.mark.parametrize("sides", ["two segments", "one segment"])
def test_tumours_in_both_breasts_are_named_by_side(tmp_path: Path, sides: str) -> None:
    # 14 columns of 20 mm: 280 mm wide, middle between columns 6 and 7; LPS, so that column 12 is left.
    affine = affine_of(spacing_mm=(3.0, 1.5, 20.0))
    images = write_series(tmp_path, [voxels_of(SHAPE)], affine=affine, description="T1 POST", number=4)
    left, right = (ball(SHAPE, centre=(3, 5, column), radius=(2, 3, 1.2)) for column in (11, 2))
    right[:, :4] = False
    if sides == "two segments":
        write_seg(tmp_path / "a.dcm", left, affine=affine, source=images, label="Tumour 1")
        write_seg(tmp_path / "b.dcm", right, affine=affine, source=images, label="Tumour 2", number=901)
    else:
        write_seg(tmp_path / "a.dcm", left | right, affine=affine, source=images)
    (note,) = (one for one in doubts(read(tmp_path)) if one.code == "bilateral-tumours")
    cm3 = [mask.sum() * 0.09 for mask in (left, right)]
    assert f"{cm3[0]:.2f} cm³ in the left breast and {cm3[1]:.2f} cm³ in the right" in note.sentence
    assert cm3[0] > cm3[1]


def test_each_sequence_may_have_its_own_segmentation(tmp_path: Path) -> None:
    first, second = t1c(tmp_path), t2w(tmp_path)
    other = ball(T2_SHAPE, centre=(3, 5, 6), radius=(2, 3, 3))
    write_seg(tmp_path / "b.dcm", other, affine=T2_AFFINE, source=second, number=901)
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=first)
    study = read(tmp_path)
    assert list(study.tumours) == [T1C, T2W]
    np.testing.assert_array_equal(study.tumours[T2W].mask, other)


def test_a_segmentation_without_references_goes_to_the_images_of_its_matrix(tmp_path: Path) -> None:
    t1c(tmp_path)
    t2w(tmp_path)
    other = ball(T2_SHAPE, centre=(3, 5, 6), radius=(2, 3, 3))
    write_seg(tmp_path / "b.dcm", other, affine=T2_AFFINE)
    assert list(read(tmp_path).tumours) == [T2W]


def test_a_hole_is_a_note_up_to_the_limit(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images, order=[1, 2, 5])
    (note,) = doubts(read(tmp_path))
    assert note.sentence.startswith("The tumour on T1+C has 2 empty slices inside its extent (slice 4 to 5)")
    with pytest.raises(GeometryInvalid, match="2 in a row; at most 1 were expected"):
        read(tmp_path, rules=SelectionRules(hole_limit_slices=1))


def test_a_tumour_in_one_slice_is_a_note(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    flat = MASK & (np.indices(SHAPE)[0] == 3)
    write_seg(tmp_path / "s.dcm", flat, affine=affine_of(), source=images)
    (note,) = doubts(read(tmp_path))
    assert note.sentence.startswith("The tumour on T1+C lies in one slice only")
