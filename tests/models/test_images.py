"""NRRD, NIfTI and MetaImage files: places, orientations, labels and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from models.errors import StudyRejected
from models.images import affine_of, read_image, read_mask, to_sitk
from models.volume import Volume, same_grid
from tests.models.geometry import centred_affine

SHAPE = (4, 5, 6)
AFFINES = {
    "axial": centred_affine(SHAPE, (3.0, 0.7, 0.8), centre_mm=(12.5, -40, 7)),
    "oblique": centred_affine(SHAPE, (3.0, 0.7, 0.8), degrees=(20, -35, 50), centre_mm=(12.5, -40, 7)),
    "sagittal, slices to the right": centred_affine(SHAPE, (2.0, 0.7, 0.7), degrees=(-90, 0, -90)),
}
FLIPPED = AFFINES["oblique"].copy()
FLIPPED[:3, 1] *= -1  # left-handed
AFFINES["mirrored rows"] = FLIPPED


@pytest.mark.parametrize("suffix", [".nrrd", ".nii", ".nii.gz", ".mha"])
@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES.keys())
def test_an_image_comes_back_with_its_values_and_its_place(tmp_path: Path, suffix: str, affine: np.ndarray) -> None:
    volume = Volume(affine, np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE))
    sitk.WriteImage(to_sitk(volume.voxels, volume), str(tmp_path / f"image{suffix}"))
    back = read_image(tmp_path / f"image{suffix}")
    np.testing.assert_array_equal(back.voxels, volume.voxels)
    assert same_grid(back, volume)


def test_the_affine_places_voxels_where_simpleitk_does() -> None:
    volume = Volume(AFFINES["oblique"], np.zeros(SHAPE, dtype=np.float32))
    image = to_sitk(volume.voxels, volume)
    place = image.TransformIndexToPhysicalPoint((5, 3, 2))  # x, y, z
    np.testing.assert_allclose(place, (volume.affine @ (2, 3, 5, 1))[:3])
    np.testing.assert_allclose(affine_of(image), volume.affine, atol=1e-9)


def test_nifti_is_read_in_lps(tmp_path: Path) -> None:
    """NIfTI stores RAS; an identity sform in RAS is x to the left negative, y to posterior negative in LPS."""
    header = np.zeros(348, dtype=np.uint8)
    header[0:4] = np.array([348], "<i4").view(np.uint8)
    header[40:56] = np.array([3, 2, 2, 2, 1, 1, 1, 1], "<i2").view(np.uint8)
    header[70:74] = np.array([16, 32], "<i2").view(np.uint8)  # float32
    header[76:92] = np.array([1, 1, 1, 1], "<f4").view(np.uint8)
    header[108:112] = np.array([352], "<f4").view(np.uint8)
    header[252:256] = np.array([0, 1], "<i2").view(np.uint8)  # sform: scanner
    header[280:328] = np.array([1, 0, 0, 10, 0, 1, 0, 20, 0, 0, 1, 30], "<f4").view(np.uint8)
    header[344:348] = np.frombuffer(b"n+1\0", dtype=np.uint8)
    path = tmp_path / "ras.nii"
    path.write_bytes(header.tobytes() + bytes(4) + np.arange(8, dtype="<f4").tobytes())
    volume = read_image(path)
    expected = [[0, 0, -1, -10], [0, -1, 0, -20], [1, 0, 0, 30], [0, 0, 0, 1]]
    np.testing.assert_allclose(volume.affine, expected)
    np.testing.assert_array_equal(volume.voxels.ravel(), np.arange(8))


def write_mask(path: Path, values: np.ndarray) -> Path:
    volume = Volume(AFFINES["oblique"], np.zeros(SHAPE, dtype=np.float32))
    sitk.WriteImage(to_sitk(values, volume), str(path))
    return path


def test_a_mask_is_the_label_that_is_meant(tmp_path: Path) -> None:
    values = np.zeros(SHAPE, dtype=np.uint8)
    values[1, 2, 3], values[2, 2, 2] = 2, 5
    path = write_mask(tmp_path / "mask.nrrd", values)
    roi = read_mask(path, label=5)
    assert np.argwhere(roi.mask).tolist() == [[2, 2, 2]]
    assert roi.label == "label 5"
    with pytest.raises(StudyRejected, match=r"holds 2 labels \(2, 5\); choose"):
        read_mask(path)
    with pytest.raises(StudyRejected, match=r"no voxel of label 3; found: 2, 5"):
        read_mask(path, label=3)
    values[1, 2, 3] = 0
    assert np.argwhere(read_mask(write_mask(tmp_path / "one.nii.gz", values)).mask).tolist() == [[2, 2, 2]]


def test_masks_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyRejected, match="is empty"):
        read_mask(write_mask(tmp_path / "empty.nrrd", np.zeros(SHAPE, dtype=np.uint8)))
    with pytest.raises(StudyRejected, match=r"not whole numbers \(from 0 to 0.5\)"):
        read_mask(write_mask(tmp_path / "soft.nrrd", np.linspace(0, 0.5, np.prod(SHAPE)).reshape(SHAPE)))


def test_files_that_can_not_be_read_are_refused_with_their_reason(tmp_path: Path) -> None:
    with pytest.raises(StudyRejected, match="There is no image file"):
        read_image(tmp_path / "absent.nrrd")
    (tmp_path / "slice.dcm").write_bytes(b"DICM")
    with pytest.raises(StudyRejected, match="none of the known suffixes"):
        read_image(tmp_path / "slice.dcm")
    (tmp_path / "broken.nrrd").write_bytes(b"not a header")
    with pytest.raises(StudyRejected, match=r"'broken.nrrd' cannot be read"):
        read_image(tmp_path / "broken.nrrd")
    sitk.WriteImage(sitk.Image([4, 4], sitk.sitkUInt8), str(tmp_path / "flat.nrrd"))
    with pytest.raises(StudyRejected, match=r"has 2 dimensions \(4 × 4\)"):
        read_image(tmp_path / "flat.nrrd")
    sitk.WriteImage(sitk.Image([4, 4, 4], sitk.sitkVectorUInt8, 3), str(tmp_path / "colour.nrrd"))
    with pytest.raises(StudyRejected, match=r"3 components per voxel"):
        read_image(tmp_path / "colour.nrrd")


def test_a_header_that_claims_terabytes_is_refused_before_its_voxels_are_read(tmp_path: Path) -> None:
    path = tmp_path / "claim.nrrd"
    path.write_text(
        "NRRD0004\ntype: double\ndimension: 3\nsizes: 60000 60000 600\nencoding: gzip\nendian: little\n"
        "space: left-posterior-superior\nspace directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n\n"
    )
    with pytest.raises(StudyRejected, match=r"60000 × 60000 × 600 by its header; at most 536,870,912 voxels"):
        read_image(path)
