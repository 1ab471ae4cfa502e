"""Oracle: the own engine on real images equals PyRadiomics 3.0.1, run live and as stored by its authors."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pydicom
import pytest
from scipy import ndimage

from models.features.own import OwnEngine
from models.features.settings import FeatureSettings
from models.images import read_image, read_mask
from models.volume import Region, Roi, Volume
from tests.models.features.reference import differences, pyradiomics_values, roi_of, volume_of

FAMILIES = ("shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
# The baselines were made with voxelArrayShift 2000, which no image of ours needs.
SHIFTED = {"Energy", "TotalEnergy", "RootMeanSquared"}
# Made with an older mesh: PyRadiomics 3.0.1 itself gives ours (`test_pyradiomics_cases`).
OUTDATED = {"brain1": {"MeshVolume", "SurfaceArea", "SurfaceVolumeRatio", "Sphericity"}, "breast1": set()}


def check(volume: Volume, roi: Roi) -> None:
    wanted = FeatureSettings()
    ours = OwnEngine().extract(volume, {Region.INTRATUMORAL: roi}, wanted)[Region.INTRATUMORAL]
    assert differences(ours, pyradiomics_values(volume, roi, wanted)) == []


def pyradiomics_case(shared_data: Path, case: str) -> tuple[Volume, Roi]:
    folder = shared_data / "pyradiomics"
    return read_image(folder / f"{case}_image.nrrd"), read_mask(folder / f"{case}_label.nrrd", label=1)


@pytest.mark.parametrize("case", ["brain1", "breast1"])
def test_stored_baseline(shared_data: Path, case: str) -> None:
    volume, roi = pyradiomics_case(shared_data, case)
    wanted = FeatureSettings(normalize=False, bin_width=25, wavelet=None, diagnostics=False)
    ours = OwnEngine().extract(volume, {Region.INTRATUMORAL: roi}, wanted)[Region.INTRATUMORAL]
    skipped = SHIFTED | OUTDATED[case]
    compared = 0
    for family in FAMILIES:
        with (shared_data / "pyradiomics" / f"baseline_{family}.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                name = row["featureName"]
                if name in ours and name.rsplit("_", 1)[1] not in skipped:
                    assert ours[name] == pytest.approx(float(row[case]), rel=1e-6), name
                    compared += 1
    assert compared == len(ours) - len(skipped)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["brain1", "breast1"])
def test_pyradiomics_cases(shared_data: Path, case: str) -> None:
    check(*pyradiomics_case(shared_data, case))


def _slices(folder: Path, *, phase: int | None = None) -> tuple[list[pydicom.Dataset], np.ndarray]:
    """Images of one series (of the given phase, 0-based) along the slice normal, and their positions along it."""
    images = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    row, column = np.reshape(np.array(images[0].ImageOrientationPatient, float), (2, 3))
    normal = np.cross(row, column)
    along = np.array([float(np.dot(normal, np.array(image.ImagePositionPatient, float))) for image in images])
    if phase is not None:
        by_number = np.argsort([int(image.InstanceNumber) for image in images], kind="stable")
        keep = np.array_split(by_number, len(images) // len(np.unique(np.round(along, 3))))[phase]
        images, along = [images[k] for k in keep], along[keep]
    order = np.argsort(along)
    return [images[k] for k in order], along[order]


def _dicom_case(folder: Path, seg: Path, *, phase: int | None = None) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Voxels, mask and spacing of a series and a BINARY SEG on its grid."""
    images, along = _slices(folder, phase=phase)
    voxels = np.stack([image.pixel_array for image in images]).astype(np.float32)
    dataset = pydicom.dcmread(seg)
    row, column = np.reshape(np.array(images[0].ImageOrientationPatient, float), (2, 3))
    normal = np.cross(row, column)
    mask = np.zeros(voxels.shape, bool)
    for frame, where in zip(dataset.pixel_array, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        place = float(np.dot(normal, np.array(where.PlanePositionSequence[0].ImagePositionPatient, float)))
        index = int(np.argmin(np.abs(along - place)))
        assert abs(along[index] - place) < 0.01
        mask[index] |= frame > 0
    spacing_mm = (float(np.mean(np.diff(along))), *map(float, images[0].PixelSpacing))
    return voxels, mask, spacing_mm


def _crop_around(mask: np.ndarray, size: tuple[int, int, int]) -> tuple[slice, ...]:
    centre = [int(index.mean()) for index in np.nonzero(mask)]
    starts = [min(max(c - n // 2, 0), whole - n) for c, n, whole in zip(centre, size, mask.shape, strict=True)]
    return tuple(slice(start, start + n) for start, n in zip(starts, size, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("region", list(Region))
@pytest.mark.parametrize("case", ["breast", "t1", "t2"])
def test_crops_of_real_studies(shared_data: Path, case: str, region: Region) -> None:
    if case == "breast":
        folder = shared_data / "breast_dce_ucsf_br_06"
        voxels, mask, spacing_mm = _dicom_case(folder / "dce", folder / "seg" / "tumour_binary_dcmqi.dcm", phase=1)
        part = _crop_around(mask, (48, 120, 121))
    else:
        folder = shared_data / "sts_001"
        voxels, mask, spacing_mm = _dicom_case(folder / case, folder / "seg" / f"tumour_{case}.dcm")
        part = _crop_around(mask, (12, 130, 131))
    voxels, mask = voxels[part], mask[part]
    assert np.count_nonzero(mask) > 10_000
    if region is Region.PERITUMORAL:
        mask = ~mask & (ndimage.distance_transform_edt(~mask, sampling=spacing_mm) <= 10)
    check(volume_of(voxels, spacing_mm), roi_of(mask, spacing_mm))
