"""Contours of structure sets as masks: filling, holes, refusals, and the real study against its segmentations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from dicom_io.errors import GeometryInvalid, NotReadable, SeriesNotFound
from dicom_io.images.headers import read_instances
from dicom_io.masks.contours import fill
from dicom_io.masks.placement import Placement
from dicom_io.masks.rtstruct import place_contours, regions_of
from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, Assignment, SelectionRules
from models.volume import Sequence
from tests.dicom_io.made_series import (
    MadeSeries,
    affine_of,
    ball,
    voxels_of,
    write_rtstruct,
    write_seg,
    write_series,
)

SHAPE = (6, 30, 32)
AFFINE = affine_of("oblique")


def circle(*, centre: tuple[float, float], radius: float, points: int = 80) -> NDArray[np.float64]:
    angle = 2 * np.pi * np.arange(points) / points
    return np.column_stack([centre[0] + radius * np.sin(angle), centre[1] + radius * np.cos(angle)])


def in_patient(corners: NDArray[np.float64], slice_index: float) -> NDArray[np.float64]:
    """(row, column) corners on a slice → LPS mm."""
    voxels = np.column_stack([np.full(len(corners), slice_index), corners, np.ones(len(corners))])
    return np.asarray((voxels @ AFFINE.T)[:, :3])


def placed(path: Path) -> Placement:
    (region,) = regions_of(read_instances([path])[0])
    return place_contours(region, affine=AFFINE, shape=SHAPE)


def test_fill_takes_the_pixels_whose_centre_is_inside() -> None:
    """Oracle: the distance to the centre of a circle, and the sign of edges for a triangle."""
    rows, columns = np.indices((30, 32))
    disc = fill(circle(centre=(14.3, 15.1), radius=9.4, points=4000), shape=(30, 32))
    np.testing.assert_array_equal(disc, (rows - 14.3) ** 2 + (columns - 15.1) ** 2 < 9.4**2)
    corners = np.array([[2.2, 3.1], [25.7, 8.4], [11.9, 28.3]])
    inside = np.ones((30, 32), bool)
    for (r0, c0), (r1, c1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        inside &= (r1 - r0) * (columns - c0) - (c1 - c0) * (rows - r0) > 0
    np.testing.assert_array_equal(fill(corners, shape=(30, 32)), inside)
    np.testing.assert_array_equal(fill(corners[::-1], shape=(30, 32)), inside)


def test_fill_counts_corners_and_horizontal_edges_once() -> None:
    square = np.array([[2.0, 2.0], [2.0, 6.0], [6.0, 6.0], [6.0, 2.0]])
    assert np.count_nonzero(fill(square, shape=(9, 9))) == 16
    diamond = np.array([[0.0, 4.0], [4.0, 8.0], [8.0, 4.0], [4.0, 0.0]])
    assert np.count_nonzero(fill(diamond, shape=(9, 9))) == 32
    beyond = np.array([[-5.0, -5.0], [-5.0, 20.0], [20.0, 20.0], [20.0, -5.0]])
    assert fill(beyond, shape=(9, 9)).all()


def test_contours_are_filled_with_holes_and_several_parts(tmp_path: Path) -> None:
    outer, hole = circle(centre=(12, 12), radius=8.2), circle(centre=(12, 12), radius=3.3)
    part = circle(centre=(25, 27), radius=2.6)
    path = write_rtstruct(tmp_path / "r.dcm", [in_patient(one, 2) for one in (outer, hole, part)])
    placement = placed(path)
    expected = np.zeros(SHAPE, bool)
    expected[2] = fill(outer, shape=SHAPE[1:]) & ~fill(hole, shape=SHAPE[1:]) | fill(part, shape=SHAPE[1:])
    np.testing.assert_array_equal(placement.mask, expected)
    assert placement.offset_voxels == (0, 0, 0)


def test_contours_off_the_slices_say_how_far(tmp_path: Path) -> None:
    path = write_rtstruct(tmp_path / "r.dcm", [in_patient(circle(centre=(12, 12), radius=6), 2.4)])
    placement = placed(path)
    assert placement.mask[2].any()
    assert placement.offset_voxels[0] == pytest.approx(0.4)
    assert placement.offset_mm == pytest.approx(1.2)


@pytest.mark.parametrize(
    ("contours", "part"),
    [
        ([in_patient(circle(centre=(12, 12), radius=6), 8)], r"lies 3\.0 voxels outside the images"),
        ([in_patient(circle(centre=(12, 31), radius=6), 2)], r"lies 6\.0 voxels outside the images"),
        ([in_patient(circle(centre=(12, 12), radius=6), 2) + [0, 0, 9] * np.eye(80, 3)], "runs through"),
        (
            [in_patient(circle(centre=(12, 12), radius=6), 2), in_patient(circle(centre=(12, 12), radius=6), 2.4)],
            "of different planes fall on slice 3",
        ),
        ([in_patient(circle(centre=(12.5, 12.5), radius=0.2), 2)], "No voxel has its centre inside"),
    ],
    ids=["slices", "plane", "not-parallel", "thinner", "tiny"],
)
def test_contours_that_do_not_belong_to_the_images_are_refused(
    tmp_path: Path, contours: list[NDArray[np.float64]], part: str
) -> None:
    with pytest.raises(GeometryInvalid, match=part):
        placed(write_rtstruct(tmp_path / "r.dcm", contours))


def codes(placement: Placement) -> list[str]:
    return [remark.code for remark in placement.remarks]


RING = circle(centre=(12.2, 12.1), radius=6.1)
DISC = fill(RING, shape=SHAPE[1:])


@pytest.mark.parametrize("kind", ["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"])
def test_contours_that_are_there_twice_are_taken_once(tmp_path: Path, kind: str) -> None:
    """Exclusive or would cancel them: all of them, one inside, or one at the end of the tumour."""
    for doubled in ([1, 2, 3], [2], [3]):
        contours = [in_patient(RING, index) for index in (1, 2, 3)] + [
            in_patient(RING[::-1], index) for index in doubled
        ]
        placement = placed(write_rtstruct(tmp_path / "r.dcm", contours, kind=kind))
        np.testing.assert_array_equal(placement.mask[1:4], np.stack([DISC] * 3))
        assert codes(placement) == ["contours-doubled"]
        listed = ", ".join(str(index + 1) for index in doubled)
        assert f"{len(doubled)} of the contours" in placement.remarks[0].sentence
        assert f"(slice {listed})" in placement.remarks[0].sentence


def test_contours_that_cross_are_united_or_exclusive_by_their_type(tmp_path: Path) -> None:
    other = circle(centre=(17.3, 12.4), radius=5.2)
    contours = [in_patient(RING, 2), in_patient(other, 2)]
    placement = placed(write_rtstruct(tmp_path / "r.dcm", contours))
    np.testing.assert_array_equal(placement.mask[2], DISC | fill(other, shape=SHAPE[1:]))
    assert codes(placement) == ["contours-crossing"]
    placement = placed(write_rtstruct(tmp_path / "x.dcm", contours, kind="CLOSEDPLANAR_XOR"))
    np.testing.assert_array_equal(placement.mask[2], DISC ^ fill(other, shape=SHAPE[1:]))
    assert codes(placement) == []


def test_stray_contours_without_area_are_left_out(tmp_path: Path) -> None:
    strays = [in_patient(circle(centre=(12, 12), radius=6, points=points), 5) for points in (1, 2, 2)]
    placement = placed(write_rtstruct(tmp_path / "r.dcm", [in_patient(RING, 2), *strays]))
    np.testing.assert_array_equal(placement.mask.any(axis=(1, 2)), np.arange(6) == 2)
    assert codes(placement) == ["contours-stray"]
    assert "(1 of 1 point, 2 of 2 points)" in placement.remarks[0].sentence
    with pytest.raises(GeometryInvalid, match="None of the 3 contours"):
        placed(write_rtstruct(tmp_path / "r.dcm", strays))


def test_types_that_cannot_be_filled_are_named(tmp_path: Path) -> None:
    study(tmp_path)
    contours = [in_patient(RING, index) for index in (1, 2, 3)]
    for kind in ("INTERPOLATED_PLANAR", "POINT", "OPEN_NONPLANAR"):
        path = write_rtstruct(tmp_path / "r.dcm", contours, kind=kind)
        with pytest.raises(NotReadable, match=rf"cannot be filled \(3 {kind}\); CLOSED_PLANAR or CLOSEDPLANAR_XOR"):
            read_study(sorted(tmp_path.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)
        with pytest.raises(NotReadable, match=kind):
            placed(path)


def test_marks_beside_closed_contours_are_left_out_and_other_types_refused(tmp_path: Path) -> None:
    path = write_rtstruct(tmp_path / "r.dcm", [in_patient(RING, 2), in_patient(RING[:1], 2)])
    dataset = pydicom.dcmread(path)
    mark = dataset.ROIContourSequence[0].ContourSequence[1]
    mark.ContourGeometricType = "POINT"
    dataset.save_as(path)
    placement = placed(path)
    np.testing.assert_array_equal(placement.mask[2], DISC)
    assert codes(placement) == ["contours-open"]
    mark.ContourGeometricType = "INTERPOLATED_PLANAR"
    dataset.save_as(path)
    with pytest.raises(NotReadable, match="1 INTERPOLATED_PLANAR"):
        placed(path)


def test_contours_on_every_second_slice_are_refused(tmp_path: Path) -> None:
    """Filled as they are they would be half of the tumour."""
    for slices in ((1, 3), (0, 2, 4), (0, 1, 3, 5)):
        study(tmp_path)
        write_rtstruct(tmp_path / "r.dcm", [in_patient(RING, index) for index in slices])
        with pytest.raises(GeometryInvalid, match=rf"drawn on {len(slices)} of {slices[-1] - slices[0] + 1} slices"):
            read_study(sorted(tmp_path.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    write_rtstruct(tmp_path / "r.dcm", [in_patient(RING, index) for index in (0, 1, 3, 4)])
    result = read_study(sorted(tmp_path.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    assert "tumour-hole" in [note.code for note in result.notes]


def study(folder: Path) -> MadeSeries:
    return write_series(folder, [voxels_of(SHAPE)], affine=AFFINE, description="T1 POST", number=4)


def test_a_structure_set_gives_the_tumour_where_there_is_no_segmentation(tmp_path: Path) -> None:
    series, ring = study(tmp_path), circle(centre=(12.3, 11.8), radius=6.1)
    contours = [in_patient(ring, index) for index in (1, 2, 3)]
    write_rtstruct(tmp_path / "r.dcm", contours, series=series)
    write_rtstruct(tmp_path / "e.dcm", contours, series=series, name="GTV_Edema", number=951)
    files = sorted(tmp_path.iterdir())
    result = read_study(files, rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    assert result.tumours[Sequence.T1C].mask.sum() == 3 * fill(ring, shape=SHAPE[1:]).sum()
    assert result.series[-1].detail.startswith('region 3 "GTV"; contours, manual')
    assert [one.sop_class_uid for one in result.segmentations] == ["1.2.840.10008.5.1.4.1.1.481.3"]
    seg = ball(SHAPE, centre=(2, 12, 12), radius=(1.2, 4, 4))
    write_seg(tmp_path / "s.dcm", seg, affine=AFFINE, source=series)
    result = read_study([*files, tmp_path / "s.dcm"], rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    np.testing.assert_array_equal(result.tumours[Sequence.T1C].mask, seg)


def test_a_structure_set_in_another_frame_of_reference_is_refused(tmp_path: Path) -> None:
    study(tmp_path)
    write_rtstruct(tmp_path / "r.dcm", [in_patient(circle(centre=(12, 12), radius=6), 2)], frame_uid="1.2.3")
    with pytest.raises(GeometryInvalid, match=r"has the Frame of Reference 1\.2\.3"):
        read_study(sorted(tmp_path.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)


def test_a_structure_set_without_a_tumour_is_refused(tmp_path: Path) -> None:
    study(tmp_path)
    write_rtstruct(tmp_path / "r.dcm", [in_patient(circle(centre=(12, 12), radius=6), 2)], name="Heart")
    with pytest.raises(SeriesNotFound, match='"Heart" is not a tumour'):
        read_study(sorted(tmp_path.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)


@pytest.mark.slow
def test_real_contours_fill_the_voxels_of_the_segmentation_made_from_them(shared_data: Path) -> None:
    """STS_001: dcmqi's SEGs were made from these contours by another program; not one voxel differs."""
    folder = shared_data / "sts_001"
    assignment = Assignment.parse(["t1c=AXIAL SE T1 - RESEARCH", "t2w=AXIAL SE T2 FAT SAT - RESEARCH"])
    rules = SelectionRules()
    images = [*(folder / "t1").iterdir(), *(folder / "t2").iterdir()]
    contours = read_study([*images, *(folder / "rtstruct").iterdir()], rules=rules, assignment=assignment)
    segments = read_study([*images, *(folder / "seg").iterdir()], rules=rules, assignment=assignment)
    for sequence in Sequence:
        np.testing.assert_array_equal(contours.tumours[sequence].mask, segments.tumours[sequence].mask)
