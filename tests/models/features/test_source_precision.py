"""Oracle: features of image files in every type of their values equal PyRadiomics 3.0.1 reading the same file."""

from __future__ import annotations

import logging
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from models.features.extract import extract_region, open_engine
from models.features.settings import FeatureSettings
from models.images import read_image, read_mask
from models.volume import Volume
from tests.models.features.reference import differences

SHAPE = (14, 21, 20)
MASK = np.zeros(SHAPE, np.uint8)
MASK[4:10, 5:14, 6:14] = np.random.default_rng(4).random((6, 9, 8)) > 0.3
# A texture from 0 to 1 with correlation along the rows.
WAVE = np.cumsum(np.random.default_rng(3).normal(0, 1, SHAPE), axis=2)
WAVE = (WAVE - WAVE.min()) / np.ptp(WAVE)
IMAGES = {
    "int8": (255 * WAVE - 128).astype(np.int8),
    "uint8": (255 * WAVE).astype(np.uint8),
    "int16": (4000 * WAVE - 1000).astype(np.int16),
    "uint16": (60000 * WAVE).astype(np.uint16),
    "int32 beyond 24 bits": (3e5 * WAVE - 2**27).astype(np.int32),
    "uint32 beyond 31 bits": (3e5 * WAVE + 2**31).astype(np.uint32),
    "float32": (1000 * WAVE).astype(np.float32),
    "float64": 1000 * WAVE,
    "float64, diffusion": 3e-3 * WAVE,
    "float64, an offset": 16384 + 0.8 * (WAVE - 0.5),
}
# Bins of about a thirtieth of the range of each image where grey levels are not normalised.
NORMALISED = FeatureSettings(diagnostics=False)
RAW = FeatureSettings(diagnostics=False, normalize=False)
COUNTED = FeatureSettings(diagnostics=False, normalize=False, bin_count=16, wavelet=None)
SMOOTHED = FeatureSettings(diagnostics=False, wavelet=None, bin_width=11.3, log_sigma_mm=(2.0,))


def write(voxels: np.ndarray, path: Path, *, scale: tuple[float, float] | None = None) -> Path:
    """A file of the values as they are; `scale` is the slope and intercept in the header of a NIfTI file."""
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((0.8, 0.9, 2.0))
    sitk.WriteImage(image, str(path))
    if scale is not None:
        header = bytearray(path.read_bytes())
        header[112:120] = struct.pack("<ff", *scale)
        path.write_bytes(bytes(header))
    return path


def of_the_file(image: Path, mask: Path, settings: FeatureSettings) -> dict[str, float]:
    """PyRadiomics on the files, without any of our code."""
    pytest.importorskip("radiomics")
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    logging.getLogger("radiomics").setLevel(logging.CRITICAL + 1)
    bins = {"binCount": settings.bin_count} if settings.bin_count is not None else {"binWidth": settings.bin_width}
    extractor = RadiomicsFeatureExtractor(
        additionalInfo=False, normalize=settings.normalize, normalizeScale=settings.normalize_scale, **bins
    )
    if settings.wavelet is not None:
        extractor.enableImageTypeByName("Wavelet", customArgs={"wavelet": settings.wavelet, "level": 1})
    if settings.log_sigma_mm:
        extractor.enableImageTypeByName("LoG", customArgs={"sigma": list(settings.log_sigma_mm)})
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return {name: float(value) for name, value in extractor.execute(str(image), str(mask)).items()}


def check(image: Path, mask: Path, settings: FeatureSettings) -> None:
    reference = of_the_file(image, mask, settings)
    for name in ("own", "pyradiomics"):
        engine = open_engine(name, device="cpu")
        table = extract_region(read_image(image), read_mask(mask), engine=engine, settings=settings)
        ours = {feature.name: feature.value for feature in table.features}
        assert set(ours) == set(reference), name
        assert differences(ours, reference) == [], name


@pytest.mark.parametrize("settings", [NORMALISED, RAW, COUNTED, SMOOTHED], ids=["default", "raw", "16 bins", "LoG"])
@pytest.mark.parametrize("kind", IMAGES)
def test_every_type_of_values(tmp_path: Path, kind: str, settings: FeatureSettings) -> None:
    voxels = IMAGES[kind]
    if settings is RAW:
        spread = float(np.ptp(voxels[MASK > 0].astype(float)))
        settings = FeatureSettings(diagnostics=False, normalize=False, bin_width=spread / 29.7)
    check(write(voxels, tmp_path / "image.nrrd"), write(MASK, tmp_path / "mask.nrrd"), settings)


@pytest.mark.parametrize("kind", ["uint8", "int16"])
def test_scaled_values_of_nifti(tmp_path: Path, kind: str) -> None:
    image = write(IMAGES[kind], tmp_path / "image.nii", scale=(0.31, -7.7))
    check(image, write(MASK, tmp_path / "mask.nii"), FeatureSettings(diagnostics=False, normalize=False, bin_width=3.3))


@pytest.mark.parametrize("kind", IMAGES)
def test_a_volume_keeps_the_type_of_its_values(tmp_path: Path, kind: str) -> None:
    volume = read_image(write(IMAGES[kind], tmp_path / "image.nrrd"))
    assert volume.voxels.dtype == IMAGES[kind].dtype
    np.testing.assert_array_equal(volume.voxels, IMAGES[kind])
    single = volume.in_single_precision()
    assert single.voxels.dtype == np.float32
    assert (single is volume) == (kind == "float32")


def test_other_types_become_the_nearest_that_files_have() -> None:
    affine = np.eye(4)
    assert Volume(affine, WAVE > 0.5).voxels.dtype == np.uint8
    assert Volume(affine, WAVE.astype(np.float16)).voxels.dtype == np.float32
    assert Volume(affine, WAVE.astype(">f8")).voxels.dtype == np.dtype("=f8")
    np.testing.assert_array_equal(Volume(affine, WAVE.astype(">f8")).voxels, WAVE)
