"""Series of image planes to phases and volumes: geometry, order of phases, decoding."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom_io.errors import NotReadable
from dicom_io.images.headers import read_instances
from dicom_io.images.pixels import load
from dicom_io.images.series import Series, numbering_doubt, series_of
from dicom_io.rules import ValueMapping
from tests.dicom_io.made_series import Edit, affine_of, voxels_of, write_enhanced, write_series

SHAPE = (5, 6, 7)


def read(folder: Path) -> Series:
    (series,) = series_of(read_instances(folder.rglob("*.dcm")))
    return series


def write(
    folder: Path,
    *,
    phases: int = 1,
    affine: NDArray[np.float64] | None = None,
    edit: Edit | None = None,
    skip: tuple[tuple[int, int], ...] = (),
) -> list[NDArray[np.uint16]]:
    voxels = [voxels_of(SHAPE, seed=phase) for phase in range(phases)]
    placed = affine_of() if affine is None else affine
    write_series(folder, voxels, affine=placed, description="T1", number=5, edit=edit, skip=skip)
    return voxels


@pytest.mark.parametrize("plane", ["axial", "sagittal", "coronal", "oblique"])
def test_a_series_becomes_the_volume_it_was_written_from(tmp_path: Path, plane: str) -> None:
    affine = affine_of(plane)
    (voxels,) = write(tmp_path, affine=affine)
    series = read(tmp_path)
    assert series.problem == ""
    volume = load(series.phases[0])
    np.testing.assert_array_equal(volume.voxels, voxels)
    np.testing.assert_allclose(volume.affine, affine, atol=1e-8)
    assert volume.spacing_mm == pytest.approx((3.0, 1.5, 1.0))
    expected = "oblique axial" if plane == "oblique" else plane
    assert series.phases[0].planes[0].orientation.name == expected


def test_slices_written_against_the_normal_are_turned_into_its_direction(tmp_path: Path) -> None:
    downwards = affine_of()
    downwards[:3, 0] *= -1
    (voxels,) = write(tmp_path, affine=downwards)
    volume = load(read(tmp_path).phases[0])
    np.testing.assert_array_equal(volume.voxels, voxels[::-1])
    first = downwards @ (len(voxels) - 1, 0, 0, 1)
    np.testing.assert_allclose(volume.affine[:3, 3], first[:3], atol=1e-8)


def test_names_numbers_and_times_do_not_order_the_slices(tmp_path: Path) -> None:
    shuffled = random.Random(1).sample(range(SHAPE[0]), SHAPE[0])

    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.InstanceNumber = shuffled[index] + 1
        dataset.SliceLocation = str(shuffled[index])
        dataset.AcquisitionTime = f"1000{shuffled[index]:02d}"

    (voxels,) = write(tmp_path, edit=edit)
    np.testing.assert_array_equal(load(read(tmp_path).phases[0]).voxels, voxels)


def test_rescale_slope_and_intercept_are_applied(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept = "0.5", str(-100 * index)

    (voxels,) = write(tmp_path, edit=edit)
    expected = voxels * 0.5 - 100.0 * np.arange(SHAPE[0])[:, None, None]
    np.testing.assert_allclose(load(read(tmp_path).phases[0]).voxels, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("edit_name", "part"),
    [
        ("gap", "5.00 mm apart"),
        ("duplicate", "3 positions have 1 image each, but 1 has another number (2 at 11.0 mm"),
        ("orientation", "different orientation (4 axial, 1 oblique axial, largest angle to the first 20.0 degrees)"),
        ("matrix", "different matrix (4 of 6 × 7, 1 of 5 × 7)"),
        ("spacing", "different pixel spacing (4 of 1.5 × 1 mm, 1 of 1.6 × 1 mm)"),
        ("uneven", "3.00 mm apart, but 2.20 mm between 5.0 and 7.2 mm"),
        ("drift", "drift sideways by 4.00 mm"),
        ("frame", "2 different Frame of Reference UIDs"),
        ("position", "The attribute ImagePositionPatient is absent or empty"),
        ("nonsense", "holds [1.0, 2.0]; 3 finite numbers were expected"),
        ("direction", "a cosine of 0.600"),
    ],
)
def test_a_series_that_is_not_one_stack_says_so_with_the_numbers(tmp_path: Path, edit_name: str, part: str) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        x, y, z = (float(value) for value in dataset.ImagePositionPatient)
        if edit_name == "drift":
            dataset.ImagePositionPatient = [x + index, y, z]
        if index != 1:
            return
        match edit_name:
            case "duplicate":
                dataset.ImagePositionPatient = [x, y, z + 3]
            case "orientation":
                dataset.ImageOrientationPatient = [np.cos(np.radians(20)), 0, np.sin(np.radians(20)), 0, 1, 0]
            case "matrix":
                dataset.Rows = 5
                dataset.PixelData = dataset.PixelData[: 5 * 7 * 2]
            case "spacing":
                dataset.PixelSpacing = [1.6, 1.0]
            case "uneven":
                dataset.ImagePositionPatient = [x, y, z - 0.8]
            case "frame":
                dataset.FrameOfReferenceUID = "1.2.3.4"
            case "position":
                del dataset.ImagePositionPatient
            case "nonsense":
                dataset.ImagePositionPatient = [1, 2]
            case "direction":
                dataset.ImageOrientationPatient = [1, 0, 0, 0.6, 0.8, 0]

    affine = affine_of(spacing_mm=(5.0, 1.5, 1.0)) if edit_name == "gap" else affine_of()
    skip = ((0, 2),) if edit_name == "gap" else ()
    write(tmp_path, affine=affine, edit=edit, skip=skip)
    series = read(tmp_path)
    assert series.phases == ()
    assert part in series.problem


def test_a_gap_names_the_number_of_missing_slices(tmp_path: Path) -> None:
    write(tmp_path, skip=((0, 2),))
    assert "6.00 mm between 8.0 and 14.0 mm" in read(tmp_path).problem
    assert "1 slice seems to be missing" in read(tmp_path).problem


def test_an_edge_slice_that_is_missing_shows_in_the_instance_numbers_only(tmp_path: Path) -> None:
    write(tmp_path, skip=((0, 0),))
    series = read(tmp_path)
    assert series.problem == ""
    assert numbering_doubt(series.instances) == "run from 1 to 5 with 1 missing"


def test_complete_or_repeated_instance_numbers_say_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a")
    assert numbering_doubt(read(tmp_path / "a").instances) == ""

    def same(dataset: Dataset, phase: int, index: int) -> None:
        dataset.InstanceNumber = 7

    write(tmp_path / "b", edit=same)
    assert numbering_doubt(read(tmp_path / "b").instances) == ""


@pytest.mark.parametrize(("index", "value"), [(4, None), (2, "x"), (2, "5")])
def test_instance_numbers_that_do_not_count_all_images_are_doubted(
    tmp_path: Path, index: int, value: str | None
) -> None:
    """One is absent, no number, or there twice: a slice at the edge may be missing beside it."""

    def edit(dataset: Dataset, phase: int, at: int) -> None:
        if at == index:
            dataset.add_new("InstanceNumber", "SH", value)

    write(tmp_path, skip=((0, 0),), edit=edit)
    doubt = numbering_doubt(read(tmp_path).instances)
    number = "occur 1 time each, but not 5" if value == "5" else "are absent or no numbers in 1 of 4 images"
    assert doubt == number


def test_phases_may_be_numbered_alike(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, at: int) -> None:
        dataset.InstanceNumber = at + 1

    write(tmp_path, phases=2, edit=edit)
    assert numbering_doubt(read(tmp_path).instances) == ""


def test_rounded_positions_are_no_gap(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.ImagePositionPatient = [f"{float(value):.1f}" for value in dataset.ImagePositionPatient]

    write(tmp_path, affine=affine_of("oblique", spacing_mm=(2.13, 1.5, 1.0)), edit=edit)
    series = read(tmp_path)
    assert series.problem == ""
    assert series.phases[0].slice_distance_mm == pytest.approx(2.13, abs=0.03)


def _drop(*keywords: str) -> Edit:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        for keyword in keywords:
            del dataset[keyword]

    return edit


def _constant_times(dataset: Dataset, phase: int, index: int) -> None:
    dataset.TemporalPositionIdentifier, dataset.AcquisitionTime, dataset.ContentTime = 1, "100000", "100000"


def _jitter(dataset: Dataset, phase: int, index: int) -> None:
    jitter = random.Random(10 * phase + index).randrange(50)
    dataset.AcquisitionTime = f"100{phase}{jitter:02d}.5"
    del dataset.TemporalPositionIdentifier


def _wrong_temporal_position(dataset: Dataset, phase: int, index: int) -> None:
    dataset.TemporalPositionIdentifier = 3 - phase


@pytest.mark.parametrize(
    ("edit", "ordered_by", "contradicted_by"),
    [
        (None, "TemporalPositionIdentifier", ()),
        (_drop("TemporalPositionIdentifier"), "AcquisitionTime", ()),
        (_drop("TemporalPositionIdentifier", "AcquisitionTime"), "ContentTime", ()),
        (_constant_times, "InstanceNumber", ()),
        (_jitter, "AcquisitionTime", ()),
        (_wrong_temporal_position, "AcquisitionTime", ("TemporalPositionIdentifier",)),
    ],
    ids=["all", "no-temporal-position", "content-time", "constant", "jitter", "wrong"],
)
def test_phases_are_ordered_within_each_position(
    tmp_path: Path, edit: Edit | None, ordered_by: str, contradicted_by: tuple[str, ...]
) -> None:
    voxels = write(tmp_path, phases=3, edit=edit)
    series = read(tmp_path)
    assert (len(series.phases), series.ordered_by, series.contradicted_by) == (3, ordered_by, contradicted_by)
    for phase, expected in zip(series.phases, voxels, strict=True):
        np.testing.assert_array_equal(load(phase).voxels, expected)


def test_phases_without_any_order_are_refused(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        _constant_times(dataset, phase, index)
        dataset.InstanceNumber = 1

    write(tmp_path, phases=2, edit=edit)
    assert "2 images at each position, and no attribute tells which was first" in read(tmp_path).problem


def test_an_incomplete_phase_is_refused_with_the_counts(tmp_path: Path) -> None:
    write(tmp_path, phases=3, skip=((1, 4),))
    problem = read(tmp_path).problem
    assert "4 positions have 3 images each, but 1 has another number (2 at 17.0 mm" in problem
    assert problem.endswith("1 image seems to be missing: send the series again.")


def test_echoes_in_one_series_are_series_of_their_own(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.EchoTime = ("20", "90")[phase]

    voxels = write(tmp_path, phases=2, edit=edit)
    short, long = series_of(read_instances(tmp_path.rglob("*.dcm")))
    assert (short.part, long.part, short.uid) == ("TE 20 ms", "TE 90 ms", long.uid)
    for series, expected in zip((short, long), voxels, strict=True):
        (phase,) = series.phases
        np.testing.assert_array_equal(load(phase).voxels, expected)
        assert len(series.instances) == len(series.others) == len(expected)


def test_phases_of_water_and_fat_in_one_series_stay_phases(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.ImageType = ["DERIVED", "PRIMARY", "DIXON", ("WATER", "FAT")[phase % 2]]
        dataset.TemporalPositionIdentifier = phase // 2 + 1
        dataset.AcquisitionTime = f"10000{phase // 2}"

    voxels = write(tmp_path, phases=6, edit=edit)
    fat, water = series_of(read_instances(tmp_path.rglob("*.dcm")))
    assert (fat.part, water.part) == ("FAT", "WATER")
    for number, phase in enumerate(water.phases):
        np.testing.assert_array_equal(load(phase).voxels, voxels[2 * number])
    assert len(fat.phases) == len(water.phases) == 3


def test_kinds_that_are_no_whole_stacks_are_refused_with_the_list(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.EchoTime = ("20", "90")[phase]
        if phase == 0 and index == 1:
            dataset.EchoTime = "21"

    write(tmp_path, phases=2, edit=edit)
    problem = read(tmp_path).problem
    assert "The 2 images at each position are different kinds of image, not phases (echo time 20 ms" in problem
    assert "echo time 21 ms" in problem
    assert "echo time 90 ms" in problem


@pytest.mark.parametrize("order", [None, [7, 2, 9, 0, 4, 1, 3, 8, 5, 6]], ids=["in-order", "shuffled"])
def test_an_enhanced_image_is_read_by_its_functional_groups(tmp_path: Path, order: list[int] | None) -> None:
    voxels = [voxels_of(SHAPE, seed=phase) for phase in range(2)]
    affine = affine_of("oblique")
    write_enhanced(tmp_path / "e.dcm", voxels, affine=affine, description="T1", number=6, order=order)
    series = read(tmp_path)
    assert (series.problem, len(series.phases)) == ("", 2)
    for phase, expected in zip(series.phases, voxels, strict=True):
        volume = load(phase)
        np.testing.assert_array_equal(volume.voxels, expected * 2.0 - 10)
        np.testing.assert_allclose(volume.affine, affine, atol=1e-8)


def _mapped(*mappings: tuple[float, float], unit: str = "ms") -> list[Dataset]:
    made = []
    for slope, intercept in mappings:
        item = Dataset()
        item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, intercept
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = unit, "UCUM", unit
        item.MeasurementUnitsCodeSequence = [code]
        made.append(item)
    return made


def test_a_real_world_mapping_replaces_rescale_where_it_is_asked_for(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept = "2", "-10"
        dataset.RealWorldValueMappingSequence = _mapped((0.5 + index, 3.0))  # each slice on its own scale

    (voxels,) = write(tmp_path, edit=edit)
    (phase,) = read(tmp_path).phases
    np.testing.assert_array_equal(load(phase).voxels, voxels * np.float32(2) - 10)
    slopes = 0.5 + np.arange(len(voxels))[:, np.newaxis, np.newaxis]
    expected = (voxels * slopes + 3.0).astype(np.float32)
    np.testing.assert_array_equal(load(phase, mapping=ValueMapping.REAL_WORLD).voxels, expected)


@pytest.mark.parametrize(
    ("mappings", "part"),
    [
        ([], "has no real world value mapping"),
        ([(1.0, 0.0), (2.0, 0.0)], "has 2 real world value mappings (× 1 + 0 (UCUM ms ms)"),
        ([(0.0, 1.0)], "with slope 0"),
    ],
)
def test_a_real_world_mapping_that_is_not_one_is_refused(
    tmp_path: Path, mappings: list[tuple[float, float]], part: str
) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        if mappings:
            dataset.RealWorldValueMappingSequence = _mapped(*mappings)

    write(tmp_path, edit=edit)
    with pytest.raises(NotReadable, match=re.escape(part)):
        load(read(tmp_path).phases[0], mapping=ValueMapping.REAL_WORLD)


def test_truncated_pixels_are_refused_by_the_name_of_the_file(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "5-0-3.dcm"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(NotReadable, match=r"pixels of the file 5-0-3\.dcm cannot be decoded"):
        load(read(tmp_path).phases[0])


def test_a_truncated_multi_frame_image_is_refused_even_where_the_lost_frames_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "e.dcm"
    voxels = [voxels_of(SHAPE, seed=phase) for phase in range(2)]
    write_enhanced(path, voxels, affine=affine_of(), description="T1 DYN", number=6)
    first, _ = read(tmp_path).phases
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(NotReadable, match=r"pixels of the file e\.dcm cannot be decoded"):
        load(first)
