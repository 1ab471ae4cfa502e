"""Segmentations: which segments, and their voxels on the grid of the images, by geometry alone."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from dicom_io.errors import GeometryInvalid, NotReadable
from dicom_io.images.headers import read_instances
from dicom_io.masks.placement import Placement, empty_runs, place
from dicom_io.masks.segmentation import at_least_half, mask_frames, referenced_instances, segments_of
from models.images import read_mask
from tests.conftest import require_programs
from tests.dicom_io.made_series import affine_of, ball, voxels_of, write_seg, write_series

SHAPE = (10, 16, 18)
MASK = ball(SHAPE, centre=(4.3, 7.6, 9.2), radius=(3.2, 4.5, 5.5))


def placed(
    path: Path,
    *,
    affine: NDArray[np.float64],
    shape: tuple[int, int, int] = SHAPE,
) -> Placement:
    (instance,) = read_instances([path])
    (segment,) = segments_of(instance)
    return place(mask_frames(segment), affine=affine, shape=shape)


@pytest.mark.parametrize("plane", ["axial", "sagittal", "coronal", "oblique"])
@pytest.mark.parametrize(
    ("order", "identification", "dimensions"),
    [
        (None, "per-frame", True),
        ([4, 2, 7, 1, 5, 3, 6], "per-frame", True),
        ([7, 6, 5, 4, 3, 2, 1], "shared", True),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], "none", False),
    ],
    ids=["sparse", "shuffled", "reversed-shared", "all-frames-no-dimensions"],
)
def test_frames_are_placed_by_their_position(
    tmp_path: Path, plane: str, order: list[int] | None, identification: str, dimensions: bool
) -> None:
    affine = affine_of(plane)
    path = write_seg(
        tmp_path / "s.dcm", MASK, affine=affine, order=order, identification=identification, dimensions=dimensions
    )
    placement = placed(path, affine=affine)
    np.testing.assert_array_equal(placement.mask, MASK)
    assert (placement.same_grid, placement.offset_voxels, placement.lost_voxels) == (True, (0, 0, 0), 0)


@pytest.mark.parametrize("shape", [(6, 7, 13), (9, 11, 11), (40, 57, 61), (33, 219, 197)])
def test_binary_frames_that_do_not_begin_with_a_byte_are_read(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    """rows × columns is no multiple of 8, as in cropped images: frames begin and end within a byte."""
    mask = np.random.default_rng(5).random(shape) > 0.5
    path = write_seg(tmp_path / "s.dcm", mask, affine=affine_of())
    (segment,) = segments_of(read_instances([path])[0])
    np.testing.assert_array_equal(mask_frames(segment).masks, mask)


def test_a_fractional_segment_is_the_voxels_of_at_least_half(tmp_path: Path) -> None:
    fractions = np.zeros(SHAPE, np.uint8)
    fractions[4, 5, 3:8] = [100, 127, 128, 200, 255]
    path = write_seg(tmp_path / "s.dcm", fractions > 0, affine=affine_of(), encoding="FRACTIONAL", fractions=fractions)
    mask = placed(path, affine=affine_of()).mask
    assert np.argwhere(mask).tolist() == [[4, 5, 5], [4, 5, 6], [4, 5, 7]]


def test_a_label_map_segment_is_the_voxels_with_its_number(tmp_path: Path) -> None:
    labels = np.where(MASK, 1, 0).astype(np.uint8)
    labels[0, 0, 0] = 2
    path = write_seg(
        tmp_path / "s.dcm",
        MASK,
        affine=affine_of(),
        encoding="LABELMAP",
        fractions=labels,
        order=range(10),
        identification="none",
    )
    np.testing.assert_array_equal(placed(path, affine=affine_of()).mask, MASK)


def test_a_compressed_label_map_of_several_segments_is_read(tmp_path: Path) -> None:
    """Label map as OHIF writes it: all frames, 8 bits, RLE, a background item, no Segment Identification."""
    other = ball(SHAPE, centre=(4, 2, 2), radius=(2, 1.5, 1.5)) & ~MASK
    labels = np.where(MASK, 3, np.where(other, 1, 0)).astype(np.uint8)

    def edit(dataset: Dataset) -> None:
        (segment,) = dataset.SegmentSequence
        segment.SegmentNumber = 3
        background, node = deepcopy(segment), deepcopy(segment)
        background.SegmentNumber, background.SegmentLabel = 0, "Background"
        node.SegmentNumber, node.SegmentLabel = 1, "Lymph node"
        dataset.SegmentSequence = [background, segment, node]

    path = write_seg(
        tmp_path / "s.dcm",
        MASK,
        affine=affine_of(),
        encoding="LABELMAP",
        fractions=labels,
        order=range(10),
        identification="none",
        edit=edit,
    )
    dataset = pydicom.dcmread(path)
    dataset.compress(RLELossless)
    dataset.save_as(path)
    (instance,) = read_instances([path])
    node, tumour = segments_of(instance)
    for segment, expected in ((node, other), (tumour, MASK)):
        placement = place(mask_frames(segment), affine=affine_of(), shape=SHAPE)
        np.testing.assert_array_equal(placement.mask, expected)


def test_frames_of_several_segments_may_stand_in_any_order(tmp_path: Path) -> None:
    """Order of frames as in exports of 3D Slicer: one binary object, many segments, one segment after another."""
    other = ball(SHAPE, centre=(4, 2, 2), radius=(2, 1.5, 1.5))
    paths = [
        write_seg(tmp_path / f"{name}.dcm", mask, affine=affine_of(), number=900 + index)
        for index, (name, mask) in enumerate((("a", MASK), ("b", other)))
    ]
    first, second = (pydicom.dcmread(path) for path in paths)
    for group in second.PerFrameFunctionalGroupsSequence:
        group.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 2
    second.SegmentSequence[0].SegmentNumber, second.SegmentSequence[0].SegmentLabel = 2, "Fat"
    groups = [*second.PerFrameFunctionalGroupsSequence, *first.PerFrameFunctionalGroupsSequence]
    frames = np.concatenate([one.pixel_array for one in (second, first)])
    shuffled = np.random.default_rng(1).permutation(len(groups))
    first.SegmentSequence = [*first.SegmentSequence, *second.SegmentSequence]
    first.PerFrameFunctionalGroupsSequence = [groups[index] for index in shuffled]
    first.NumberOfFrames = len(groups)
    packed = np.packbits(frames[shuffled].astype(np.uint8).ravel(), bitorder="little").tobytes()
    first.PixelData = packed + b"\0" * (len(packed) % 2)
    first.save_as(paths[0])
    (instance,) = read_instances(paths[:1])
    for segment, expected in zip(segments_of(instance), (MASK, other), strict=True):
        placement = place(mask_frames(segment), affine=affine_of(), shape=SHAPE)
        np.testing.assert_array_equal(placement.mask, expected)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_frames_half_a_voxel_off_keep_every_voxel_and_say_so(tmp_path: Path, axis: int) -> None:
    moved = affine_of("oblique")
    moved[:3, 3] += 0.5 * moved[:3, axis]
    placement = placed(write_seg(tmp_path / "s.dcm", MASK, affine=moved), affine=affine_of("oblique"))
    assert np.count_nonzero(placement.mask) == np.count_nonzero(MASK)
    assert placement.offset_voxels == pytest.approx(
        np.where(np.arange(3) == axis, 0.5, 0) * np.sign(placement.offset_voxels)
    )
    assert placement.offset_mm == pytest.approx((1.5, 0.75, 0.5)[axis])
    shift = np.argwhere(placement.mask).min(axis=0) - np.argwhere(MASK).min(axis=0)
    assert shift.tolist() in ([0, 0, 0], np.eye(3, dtype=int)[axis].tolist())


def fractions_of(*values: int, maximum: int = 255) -> Callable[[], NDArray[np.bool_]]:
    return lambda: at_least_half(np.array(values), maximum=maximum)


@pytest.mark.parametrize(
    ("values", "maximum", "part"),
    [
        ((0, 60, 100, 255), 100, r"values up to 255 \(1 voxel above 100\); 0 to 100"),
        ((0, 1, 1, 1), 255, r"its values \(1\) never reach half of the maximum of 255"),
        ((0, 0x31, 0x21), 255, r"its values \(33, 49\) never reach half"),
        ((0, 0x80, 0x91, 0x11), 255, r"its values \(17, 128, 145\) look like flags made of a few bits"),
        ((0, 128), 255, "look like flags"),
    ],
    ids=["above the maximum", "0 and 1", "flags below half", "flags", "one flag"],
)
def test_values_that_are_no_fractions_are_refused(values: tuple[int, ...], maximum: int, part: str) -> None:
    with pytest.raises(NotReadable, match=part):
        fractions_of(*values, maximum=maximum)()


@pytest.mark.parametrize(
    ("values", "maximum", "expected"),
    [
        ((0, 255), 255, [False, True]),
        ((0, 64, 128, 191, 255), 255, [False, False, True, True, True]),  # occupancy in quarters
        ((0, 3, 37, 81, 150, 222, 240), 255, [False, False, False, False, True, True, True]),  # never quite certain
        ((0, 1, 4, 6), 8, [False, False, True, True]),  # votes of eight readers
        ((0, 50, 100), 100, [False, True, True]),
        ((0, 0), 255, [False, False]),
    ],
)
def test_fractions_are_cut_at_half_of_their_maximum(
    values: tuple[int, ...], maximum: int, expected: list[bool]
) -> None:
    assert fractions_of(*values, maximum=maximum)().tolist() == expected


def test_segments_of_one_number_are_told_apart_by_nothing(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        dataset.SegmentSequence.append(deepcopy(dataset.SegmentSequence[0]))

    path = write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), edit=edit)
    first, second = segments_of(read_instances([path])[0])
    for segment in (first, second):
        assert segment.problem.startswith("2 segments of the object have this number")
        with pytest.raises(NotReadable, match="2 segments of the object have this number"):
            mask_frames(segment)


def test_voxels_outside_the_images_are_refused(tmp_path: Path) -> None:
    path = write_seg(tmp_path / "s.dcm", MASK, affine=affine_of())
    with pytest.raises(GeometryInvalid, match=r"lie outside the images, up to 2\.0 slices off"):
        placed(path, affine=affine_of(), shape=(6, 16, 18))


@pytest.mark.parametrize("turned", ["sagittal", "coronal"])
def test_another_orientation_is_carried_over_exactly(tmp_path: Path, turned: str) -> None:
    """Voxels of one size: a mask on turned axes names the same points, so not one voxel may differ."""
    affine = affine_of(spacing_mm=(2, 2, 2), origin_mm=(0, 0, 0))
    other = affine_of(turned, spacing_mm=(2, 2, 2), origin_mm=(0, 0, 0))
    corners = np.linalg.inv(affine_of(turned, spacing_mm=(2, 2, 2), origin_mm=(0, 0, 0))) @ affine
    low = np.minimum(0, corners[:3, :3] @ (np.array(SHAPE) - 1)).round()
    other[:3, 3] = other[:3, :3] @ low
    to_other = np.linalg.inv(other) @ affine
    size = (np.abs(to_other[:3, :3]).round().astype(int) @ np.array(SHAPE)).tolist()
    mask = np.zeros(size, bool)
    places = (np.argwhere(MASK) @ to_other[:3, :3].T + to_other[:3, 3]).round().astype(int)
    mask[tuple(places.T)] = True
    placement = placed(write_seg(tmp_path / "s.dcm", mask, affine=other), affine=affine)
    np.testing.assert_array_equal(placement.mask, MASK)


def test_another_grid_is_sampled_at_the_voxel_centres(tmp_path: Path) -> None:
    """Oracle: for every voxel of the volume, the nearest voxel of the mask, one by one."""
    affine = affine_of("oblique", spacing_mm=(2.2, 1.1, 0.9), origin_mm=(-17, -27, 7))
    other = affine_of("axial", spacing_mm=(3.1, 1.4, 1.2))
    path = write_seg(tmp_path / "s.dcm", MASK, affine=other)
    shape = (14, 24, 26)
    placement = placed(path, affine=affine, shape=shape)
    expected = np.zeros(shape, bool)
    for index in np.ndindex(shape):
        source = np.round((np.linalg.inv(other) @ affine @ (*index, 1))[:3]).astype(int)
        inside = np.all(source >= 0) and np.all(source < SHAPE)
        expected[index] = inside and MASK[tuple(source)]
    np.testing.assert_array_equal(placement.mask, expected)
    assert not placement.same_grid


def test_equal_frames_at_one_position_count_once(tmp_path: Path) -> None:
    filled = [index for index in range(len(MASK)) if MASK[index].any()]
    path = write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), order=[*filled, *filled])
    placement = placed(path, affine=affine_of())
    np.testing.assert_array_equal(placement.mask, MASK)
    (remark,) = placement.remarks
    assert (remark.code, remark.severity) == ("segmentation-frames-twice", "note")
    assert remark.sentence.startswith(f"{len(filled)} frames of the segmentation are there twice")


def test_two_frames_at_one_position_that_differ_are_refused(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence = dataset.PerFrameFunctionalGroupsSequence[
            2
        ].PlanePositionSequence

    path = write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), order=[3, 2, 4, 5], edit=edit)
    voxels = np.count_nonzero(MASK[2] != MASK[4])
    with pytest.raises(
        GeometryInvalid, match=rf"4 frames .* at 3 positions, and two of them differ \(by {voxels} voxels, 17\.0 mm"
    ):
        placed(path, affine=affine_of())


def test_frames_stored_again_under_other_positions_are_doubted(tmp_path: Path) -> None:
    again = np.zeros(SHAPE, bool)
    again[1:4], again[6:9] = MASK[3:6], MASK[3:6]
    placement = placed(write_seg(tmp_path / "s.dcm", again, affine=affine_of()), affine=affine_of())
    np.testing.assert_array_equal(placement.mask, again)
    (remark,) = placement.remarks
    assert (remark.code, remark.severity) == ("segmentation-frames-repeat", "warning")
    # The first slice lies at 5 mm, slices are 3 mm apart: slices 1 to 3, and 6 to 8.
    assert "3 frames of the segmentation in a row" in remark.sentence
    assert "(8.0 to 14.0 mm, and 23.0 to 29.0 mm along the normal)" in remark.sentence


def test_frames_that_are_equal_to_the_one_beside_them_are_named(tmp_path: Path) -> None:
    doubled = np.zeros(SHAPE, bool)
    doubled[2:8] = MASK[3:6].repeat(2, axis=0)
    (remark,) = placed(write_seg(tmp_path / "s.dcm", doubled, affine=affine_of()), affine=affine_of()).remarks
    assert (remark.code, remark.severity) == ("segmentation-frames-carried-on", "note")
    assert "3 frames of the segmentation have exactly the pixels of the one beside them (11.0 to" in remark.sentence


def test_a_symmetrical_mask_is_not_doubted(tmp_path: Path) -> None:
    symmetrical = ball((11, 16, 18), centre=(5, 7.6, 9.2), radius=(4.2, 4.5, 5.5))
    path = write_seg(tmp_path / "s.dcm", symmetrical, affine=affine_of())
    assert placed(path, affine=affine_of(), shape=(11, 16, 18)).remarks == ()


@pytest.mark.parametrize(("moved_mm", "part"), [(3e8, "extends over 2999999"), (300.0, "extends over 303")])
def test_a_frame_far_away_is_refused_before_memory_is_asked_for(tmp_path: Path, moved_mm: float, part: str) -> None:
    def edit(dataset: Dataset) -> None:
        position = dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0]
        x, y, z = position.ImagePositionPatient
        position.ImagePositionPatient = [x, y, f"{float(z) + moved_mm:g}"]

    path = write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), edit=edit)
    with pytest.raises(GeometryInvalid, match=part):
        placed(path, affine=affine_of())


def test_a_tiny_slice_distance_is_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        shared = dataset.SharedFunctionalGroupsSequence[0]
        shared.PixelMeasuresSequence[0].SpacingBetweenSlices = "0.0001"

    path = write_seg(tmp_path / "s.dcm", MASK, affine=affine_of("sagittal"), edit=edit)
    turned = affine_of("oblique")  # no axis along the frames: what they state is all there is
    with pytest.raises(GeometryInvalid, match=r"states slices of 0\.0001 mm"):
        placed(path, affine=turned)


def test_a_hole_is_empty_slices_between_slices_that_overlap() -> None:
    broken = MASK.copy()
    broken[[3, 5, 6]] = False
    assert empty_runs(broken) == [(3, 3), (5, 6)]
    apart = np.zeros(SHAPE, bool)
    apart[2, 2:4, 2:4] = apart[6, 9:12, 9:12] = True
    assert empty_runs(apart) == []
    assert empty_runs(MASK) == []


@pytest.mark.parametrize(
    ("edit", "part"),
    [
        (lambda ds: ds.SegmentSequence.clear(), "no Segment Sequence"),
        (lambda ds: setattr(ds, "SegmentationType", "VOXELS"), "Segmentation Type is 'VOXELS'"),
        (lambda ds: setattr(ds, "PixelData", ds.PixelData[:40]), "cannot be decoded"),
        (lambda ds: ds.PerFrameFunctionalGroupsSequence[2].clear(), "is absent or empty"),
        (lambda ds: setattr(ds.SegmentSequence[0], "SegmentNumber", 7), "no frame of the object belongs to it"),
        (lambda ds: setattr(ds, "NumberOfFrames", 99_999_999), "has 99999999 frames but"),
        (lambda ds: setattr(ds, "Rows", 65_535), "cannot be decoded"),
    ],
    ids=["no-segments", "type", "truncated", "no-position", "no-frames", "frame-count", "rows"],
)
def test_a_damaged_segmentation_is_refused_by_name(tmp_path: Path, edit: object, part: str) -> None:
    def apply(dataset: Dataset) -> None:
        edit(dataset)  # type: ignore[operator]

    path = write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), edit=apply)
    with pytest.raises(NotReadable, match=part):
        placed(path, affine=affine_of())


def test_references_are_found_wherever_they_stand(tmp_path: Path) -> None:
    series = write_series(tmp_path, [voxels_of(SHAPE)], affine=affine_of(), description="T1", number=5)
    with_series = write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=series)

    def derive(dataset: Dataset) -> None:
        for group, uid in zip(dataset.PerFrameFunctionalGroupsSequence, series.sop_uids[0], strict=False):
            source, derivation = Dataset(), Dataset()
            source.ReferencedSOPInstanceUID = uid
            derivation.SourceImageSequence = [source]
            group.DerivationImageSequence = [derivation]

    per_frame = write_seg(tmp_path / "b.dcm", MASK, affine=affine_of(), edit=derive)
    frames = int(MASK.any(axis=(1, 2)).sum())
    assert referenced_instances(read_instances([with_series])[0]) == set(series.sop_uids[0])
    assert referenced_instances(read_instances([per_frame])[0]) == set(series.sop_uids[0][:frames])


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "images", "seg"),
    [
        ("breast_dce_ucsf_br_06", "dce", "seg/tumour_binary_dcmqi.dcm"),
        ("sts_001", "t1", "seg/tumour_t1.dcm"),
        ("sts_001", "t2", "seg/tumour_t2.dcm"),
    ],
)
def test_dcmqi_places_every_voxel_where_we_do(
    shared_data: Path, tmp_path: Path, folder: str, images: str, seg: str
) -> None:
    """Oracle: dcmqi's segimage2itkimage (ITK), an independent reader of the same objects."""
    require_programs("segimage2itkimage")
    path = shared_data / folder / seg
    command = [
        "segimage2itkimage",
        "--inputDICOM",
        str(path),
        "--outputDirectory",
        str(tmp_path),
        "--outputType",
        "nrrd",
    ]
    subprocess.run(command, check=True, capture_output=True)
    (nrrd,) = tmp_path.glob("*.nrrd")
    theirs = read_mask(nrrd)
    ours = placed(path, affine=theirs.affine, shape=theirs.shape)
    np.testing.assert_array_equal(ours.mask, theirs.mask)
    assert json.loads(next(tmp_path.glob("*meta.json")).read_text())["segmentAttributes"]
