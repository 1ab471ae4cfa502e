"""Segmentations against the images they name: what contradicts itself is refused with the numbers. Kind: invariant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom_io.errors import GeometryInvalid
from dicom_io.images.headers import read_instances
from dicom_io.images.series import series_of
from dicom_io.masks.placement import Remark
from dicom_io.masks.references import check_references
from dicom_io.masks.segmentation import mask_frames, referenced_instances, segments_of
from tests.dicom_io.made_series import MadeSeries, affine_of, ball, voxels_of, write_seg, write_series

SHAPE = (10, 16, 18)
MASK = ball(SHAPE, centre=(4.3, 7.6, 9.2), radius=(3.2, 4.5, 5.5))
FILLED = [int(index) for index in np.flatnonzero(MASK.any(axis=(1, 2)))]
AFFINE = affine_of("oblique")

Affine = NDArray[np.float64]


def images(folder: Path, *, affine: Affine = AFFINE) -> MadeSeries:
    return write_series(folder, [voxels_of(SHAPE)] * 2, affine=affine, description="T1 DYN", number=4)


def naming(made: MadeSeries, slices: Sequence[int], **attributes: str) -> Callable[[Dataset], None]:
    """An edit that makes each frame name the image of one slice."""

    def edit(dataset: Dataset) -> None:
        for group, index in zip(dataset.PerFrameFunctionalGroupsSequence, slices, strict=True):
            source, derivation = Dataset(), Dataset()
            source.ReferencedSOPInstanceUID = made.sop_uids[1][index]
            for keyword, value in attributes.items():
                setattr(source, keyword, value)
            derivation.SourceImageSequence = [source]
            group.DerivationImageSequence = [derivation]

    return edit


def checked(folder: Path, **written: object) -> tuple[Remark, ...]:
    path = write_seg(folder / "s.dcm", **{"masks": MASK, "affine": AFFINE, **written})  # type: ignore[arg-type]
    series = series_of(read_instances(sorted(folder.glob("4-*.dcm"))))
    (instance,) = read_instances([path])
    (segment,) = segments_of(instance)
    return check_references(mask_frames(segment), series, named=referenced_instances(instance))


def codes(remarks: Sequence[Remark]) -> list[str]:
    return [remark.code for remark in remarks]


def scaled(rows: float, columns: float) -> Affine:
    """The grid of the images with other spacings, on the same first pixel."""
    return AFFINE * np.array([1, rows, columns, 1])


def moved(slices: float, rows: float, columns: float) -> Affine:
    affine = AFFINE.copy()
    affine[:3, 3] += AFFINE[:3, :3] @ (slices, rows, columns)
    return affine


@pytest.mark.parametrize("order", [FILLED, FILLED[::-1], [4, 2, 7, 1, 5, 3, 6]], ids=["sorted", "reversed", "shuffled"])
def test_frames_on_the_images_they_name_are_fine(tmp_path: Path, order: list[int]) -> None:
    made = images(tmp_path)
    assert checked(tmp_path, order=order, edit=naming(made, order)) == ()
    assert checked(tmp_path, order=order, source=made) == ()


def test_a_mask_that_counts_rows_from_the_other_end_is_fine(tmp_path: Path) -> None:
    made = images(tmp_path)
    flipped = AFFINE @ np.array([[-1, 0, 0, 9], [0, -1, 0, 15], [0, 0, 1, 0], [0, 0, 0, 1]])
    order = [9 - index for index in FILLED]
    assert checked(tmp_path, masks=MASK[::-1, ::-1], affine=flipped, order=order, edit=naming(made, FILLED)) == ()


@pytest.mark.parametrize("named_by", ["frame", "object"])
@pytest.mark.parametrize(
    ("affine", "parts"),
    [
        (scaled(1.05, 1.05), ("0.8 rows (1.1 mm), 0.9 columns (0.9 mm)", "1.575 × 1.05 mm for 1.5 × 1 mm")),
        (scaled(1 / 1.5, 1.5), ("5.0 rows (7.5 mm), 8.5 columns (8.5 mm)", "1 × 1.5 mm for 1.5 × 1 mm")),
        (moved(0, 0, 3), ("0.0 rows (0.0 mm), 3.0 columns (3.0 mm)",)),
        (moved(0, -0.8, 0), ("0.8 rows (1.2 mm)",)),
    ],
    ids=["rounded spacing", "exchanged spacing", "beside", "more than half a row"],
)
def test_frames_off_the_images_they_name_are_refused_with_the_numbers(
    tmp_path: Path, affine: Affine, parts: tuple[str, ...], named_by: str
) -> None:
    """The corner of 16 rows lies 15 steps from the first pixel, that of 18 columns 17: 15 × .05 = .75 rows."""
    made = images(tmp_path)
    named = {"edit": naming(made, FILLED)} if named_by == "frame" else {"source": made, "phase": 1}
    with pytest.raises(GeometryInvalid, match="contradicts the images it says it was made on") as caught:
        checked(tmp_path, affine=affine, **named)
    for part in parts:
        assert part in str(caught.value)


def test_a_mask_one_slice_off_is_refused_by_the_images_its_frames_name(tmp_path: Path) -> None:
    made = images(tmp_path)
    with pytest.raises(GeometryInvalid, match=r"up to 1\.0 slices \(3\.0 mm\), 0\.0 rows"):
        checked(tmp_path, affine=moved(1, 0, 0), edit=naming(made, FILLED))
    single = [index == 4 for index in range(10)]
    with pytest.raises(GeometryInvalid, match=r"up to 1\.0 slices"):
        checked(tmp_path, masks=MASK & np.array(single)[:, None, None], edit=naming(made, [5]))


@pytest.mark.parametrize("thickness", [4.0, 6.0], ids=["between the slices", "on every second slice"])
def test_a_slice_step_taken_from_the_thickness_is_found(tmp_path: Path, thickness: float) -> None:
    made = images(tmp_path)
    stretched = AFFINE * np.array([thickness / 3.0, 1, 1, 1])
    short = MASK & (np.arange(10) < 4)[:, None, None]
    with pytest.raises(GeometryInvalid, match=r"\d\.\d slices \(\d\.\d mm\)"):
        checked(tmp_path, masks=short, affine=stretched, edit=naming(made, [2, 3]))


def test_a_slice_step_of_its_own_is_remarked_on_where_frames_name_nothing(tmp_path: Path) -> None:
    made = images(tmp_path)
    (remark,) = checked(tmp_path, affine=AFFINE * np.array([4 / 3, 1, 1, 1]), source=made)
    assert remark.code == "segmentation-slice-step"
    assert "are 4.00 mm apart, the images it names 3.00 mm" in remark.sentence


@pytest.mark.parametrize("named_by", ["frame", "object"])
def test_a_tenth_to_half_a_voxel_is_a_remark(tmp_path: Path, named_by: str) -> None:
    made = images(tmp_path)
    named = {"edit": naming(made, FILLED)} if named_by == "frame" else {"source": made, "phase": 1}
    (remark,) = checked(tmp_path, affine=moved(0, 0.3, 0), **named)
    assert remark.code == "segmentation-off-its-images"
    assert "up to 0.30 voxels off" in remark.sentence
    assert checked(tmp_path, affine=moved(0, 0.05, 0), **named) == ()


@pytest.mark.parametrize(
    "slices",
    [FILLED[::-1], [3, 2, 7, 4, 6, 5], [FILLED[0]] * len(FILLED)],
    ids=["upside down", "mixed", "one for all"],
)
def test_names_that_are_only_mixed_up_are_a_remark(tmp_path: Path, slices: list[int]) -> None:
    """Frames fit the images, and each names another of the same images: a public breast collection is written so."""
    made = images(tmp_path)
    remarks = checked(tmp_path, edit=naming(made, slices))
    assert codes(remarks) == ["segmentation-references-disagree"]
    off = sum(one != other for one, other in zip(FILLED, slices, strict=True))
    assert remarks[0].sentence.startswith(f"{off} of {len(FILLED)} frames")


def test_another_matrix_than_that_of_the_named_image_is_refused(tmp_path: Path) -> None:
    made = images(tmp_path)
    cropped = MASK[:, :14]
    with pytest.raises(GeometryInvalid, match="a frame has 14 × 18 pixels, the image it names 16 × 18"):
        checked(tmp_path, masks=cropped, edit=naming(made, FILLED))
    elsewhere = naming(made, FILLED, SpatialLocationsPreserved="NO")
    assert codes(checked(tmp_path, masks=cropped, edit=elsewhere)) == ["segmentation-other-matrix"]


@pytest.mark.parametrize(("rows", "columns"), [(14, 18), (16, 17), (16, 20)])
def test_a_mask_of_another_matrix_from_the_corner_of_the_images_it_names_is_doubted(
    tmp_path: Path, rows: int, columns: int
) -> None:
    made = images(tmp_path)
    other = np.zeros((len(MASK), rows, columns), dtype=bool)
    other[:, 3:9, 4:12] = MASK[:, 3:9, 4:12]
    (remark,) = checked(tmp_path, masks=other, source=made)
    assert remark.code == "segmentation-other-matrix"
    assert f"have {rows} × {columns} pixels, the images it names 16 × 18" in remark.sentence


def test_a_cut_out_of_the_grid_of_the_images_is_legal(tmp_path: Path) -> None:
    made, affine = images(tmp_path), affine_of()
    affine[:3, 3] += affine[:3, 1] * 2 + affine[:3, 2] * 3
    assert checked(tmp_path, masks=MASK[:, 2:, 3:], affine=affine, source=made) == ()


def test_a_grid_of_its_own_that_claims_nothing_is_legal(tmp_path: Path) -> None:
    made = images(tmp_path)
    finer = np.repeat(np.repeat(MASK, 2, axis=1), 2, axis=2)
    assert checked(tmp_path, masks=finer, affine=scaled(0.5, 0.5), source=made) == ()
    assert checked(tmp_path, affine=scaled(1.05, 1.05)) == ()
    assert (
        checked(
            tmp_path, affine=scaled(1.05, 1.05), edit=naming(MadeSeries("", (), (("",) * 10, ("1.2.3",) * 10)), FILLED)
        )
        == ()
    )
