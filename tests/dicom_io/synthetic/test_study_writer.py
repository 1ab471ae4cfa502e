"""The synthetic study is a study a scanner could have made: valid headers, one patient on every grid, repeatable."""

from __future__ import annotations

import subprocess
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest

from dicom_io.synthetic.phantom import Look, Phantom, bias_field, signal, tumour
from dicom_io.synthetic.study_writer import SMALL_T1C, Grid, Plane, SyntheticPatient, SyntheticStudy, make_study
from models.volume import Sequence, Volume
from tests.conftest import require_programs


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> SyntheticStudy:
    """Everything one study can hold, small."""
    return make_study(
        tmp_path_factory.mktemp("synthetic"), segmented=(Sequence.T1C, Sequence.T2W), other_series=True, phases=3
    )


def read(files: tuple[Path, ...]) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(file) for file in files]


@pytest.mark.peers
def test_every_object_passes_the_validator(study: SyntheticStudy) -> None:
    require_programs("dciodvfy")
    first_of_each = [files[index] for files in study.series.values() for index in {0, len(files) // 2, len(files) - 1}]
    for file in first_of_each:
        answer = subprocess.run(["dciodvfy", "-new", file], capture_output=True, text=True, check=False)
        assert "Error" not in answer.stderr, f"{file}: {answer.stderr}"
        assert "MRImage" in answer.stderr or "Segmentation" in answer.stderr


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = (make_study(tmp_path / name, sequences=(Sequence.T1C,)) for name in ("one", "two"))
    assert [f.read_bytes() for f in one.files] == [f.read_bytes() for f in two.files]
    other = make_study(tmp_path / "other", sequences=(Sequence.T1C,), seed=2)
    assert other.study_instance_uid != one.study_instance_uid
    assert pydicom.dcmread(other.files[0]).PatientName != pydicom.dcmread(one.files[0]).PatientName


def test_one_patient_one_study_one_frame_of_reference(study: SyntheticStudy) -> None:
    images = read(study.files)
    assert len({image.SOPInstanceUID for image in images}) == len(study.files)
    for keyword, expected in {
        "PatientID": {"SYN0001"},
        "PatientName": {"Synthetic^Patient^0001"},
        "StudyInstanceUID": {study.study_instance_uid},
        "FrameOfReferenceUID": {study.frame_of_reference_uid},
    }.items():
        assert {str(image.get(keyword)) for image in images} == expected
    assert {image.SeriesInstanceUID for image in images} == set(study.series_uids.values())
    assert set(study.series) == {"localizer", "t2w", "t1_before", "t1c", "seg_t1c", "seg_t2w"}


def test_phases_lie_in_one_series_and_the_segmentation_refers_to_the_first_after_contrast(
    study: SyntheticStudy,
) -> None:
    images = read(study.series["t1c"])
    assert [image.TemporalPositionIdentifier for image in images] == sorted([1, 2, 3] * SMALL_T1C.slices)
    assert {image.TemporalPositionIdentifier for image in images if "ContrastBolusAgent" in image} == {2, 3}
    second = {image.SOPInstanceUID for image in images if image.TemporalPositionIdentifier == 2}
    (segmentation,) = read(study.series["seg_t1c"])
    referenced = segmentation.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {item.ReferencedSOPInstanceUID for item in referenced} == second


def corners(affine: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The eight corner voxels in mm, sorted: the same whichever end the slices are counted from."""
    slices, rows, columns = (size - 1 for size in shape)
    indices = np.array([(s, r, c, 1) for s in (0, slices) for r in (0, rows) for c in (0, columns)])
    return np.array(sorted(map(tuple, np.round(indices @ affine[:3].T, 6))))


@pytest.mark.parametrize("plane", Plane)
def test_headers_place_the_images_where_the_grid_says(tmp_path: Path, plane: Plane) -> None:
    centre_mm = (80.0, -50.0, 0.0) if plane is Plane.SAGITTAL else (0.0, 5.0, 0.0)
    grid = Grid(16, 64, 72, 5.0, (4.0, 4.5), plane, centre_mm)
    study = make_study(tmp_path, sequences=(Sequence.T1C,), t1c=grid)
    # highdicom reads geometry from the headers on its own: an independent judge of our affine.
    volume = highdicom.get_volume_from_series(read(study.series["t1c"]))
    assert volume.spatial_shape == grid.shape
    np.testing.assert_allclose(corners(volume.affine, grid.shape), corners(grid.affine, grid.shape), atol=1e-5)
    assert study.tumour_mm3[Sequence.T1C] > 4000


def test_the_segmentation_holds_the_tumour(study: SyntheticStudy) -> None:
    segmentation = highdicom.seg.segread(study.series["seg_t1c"][0])
    volume = segmentation.get_volume(combine_segments=True)
    expected = tumour(Phantom(seed=1), affine=SMALL_T1C.affine, shape=SMALL_T1C.shape)
    assert np.count_nonzero(volume.array) == np.count_nonzero(expected)
    voxel_mm3 = 5.0 * 3.4 * 3.4
    assert study.tumour_mm3[Sequence.T1C] == pytest.approx(np.count_nonzero(expected) * voxel_mm3)
    centre = volume.affine[:3, :3] @ np.argwhere(volume.array).mean(axis=0) + volume.affine[:3, 3]
    assert np.linalg.norm(centre - Phantom().tumour_centre_mm) < 6.0


def test_every_grid_sees_the_same_tumour() -> None:
    coarse, fine = SMALL_T1C, Grid(50, 60, 60, 1.5, (1.0, 1.0), Plane.OBLIQUE, (80.0, -58.0, 4.0))
    volumes = [
        np.count_nonzero(tumour(Phantom(), affine=grid.affine, shape=grid.shape)) * np.linalg.det(grid.affine[:3, :3])
        for grid in (coarse, fine)
    ]
    assert volumes[0] == pytest.approx(volumes[1], rel=0.1)


def test_the_tumour_enhances_and_washes_out() -> None:
    grid = Grid(30, 60, 60, 1.5, (1.0, 1.0), Plane.AXIAL, (80.0, -58.0, 4.0))
    mask = tumour(Phantom(), affine=grid.affine, shape=grid.shape)
    mean = {look: signal(Phantom(), look, affine=grid.affine, shape=grid.shape)[mask].mean() for look in Look}
    assert mean[Look.T1_EARLY] > 1.8 * mean[Look.T1_BEFORE]
    assert mean[Look.T1_BEFORE] < mean[Look.T1_LATE] < mean[Look.T1_EARLY]


def test_bias_field_is_smooth_and_positive() -> None:
    field = bias_field(1, affine=SMALL_T1C.affine, shape=SMALL_T1C.shape)
    assert 0.3 < field.min() < field.max() < 2.0
    assert max(np.abs(np.diff(np.log(field), axis=axis)).max() for axis in range(3)) < 0.1


def test_bias_field_is_its_formula_at_every_position() -> None:
    grid = Grid(5, 12, 13, 5.0, (3.0, 4.0), Plane.OBLIQUE)
    rng = np.random.default_rng([3, 41])
    waves, phases = rng.normal(size=(3, 3)) / 160.0, rng.uniform(0, 2 * np.pi, size=3)
    field = bias_field(3, affine=grid.affine, shape=grid.shape)
    for index in np.ndindex(grid.shape):
        position = grid.affine @ (*index, 1)
        slow = np.cos(waves @ position[:3] + phases).sum()
        assert field[index] == pytest.approx(np.exp(-(position[1] + 40.0) / 350.0 + 0.07 * slow), rel=1e-6)


def test_images_are_volumes_with_air_around(study: SyntheticStudy) -> None:
    images = read(study.series["t2w"])
    volume = Volume(np.eye(4), np.stack([image.pixel_array for image in images]).astype(np.float32))
    assert np.median(volume.voxels[:, :4, :4]) < 0.05 * np.percentile(volume.voxels, 99)
    assert volume.voxels.max() <= 4095


def test_another_patient(tmp_path: Path) -> None:
    patient = SyntheticPatient(name="合成^患者", patient_id="SYN-ZH")
    study = make_study(tmp_path, sequences=(Sequence.T2W,), segmented=(), patient=patient)
    assert set(study.series) == {"t2w"}
    assert str(pydicom.dcmread(study.files[0]).PatientName) == "合成^患者"


def test_a_segmentation_needs_its_images(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="segmented"):
        make_study(tmp_path, sequences=(Sequence.T1C,), segmented=(Sequence.T2W,))
