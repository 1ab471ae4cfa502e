"""Mechanics: what the own engine refuses, its devices, its diagnostics, and what it leaves as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import models.features.own as own
from models.compiled import compiled as compile_kernel
from models.errors import EngineUnavailable, SetupError, StudyRejected
from models.features.batch import grey_level_features
from models.features.families.diagnostics import diagnostics
from models.features.filters.discretise import MOST_LEVELS
from models.features.kernels import box as box_kernels
from models.features.names import DIAGNOSTICS, feature_names
from models.features.own import OwnEngine
from models.features.settings import FeatureSettings
from models.features.undefined import undefined_among
from models.volume import Region, Roi, Volume
from tests.models.features.phantoms import tumour_study
from tests.models.features.reference import affine_of, roi_of, volume_of

RAW = FeatureSettings(normalize=False, wavelet=None)


@pytest.fixture(scope="module")
def study() -> tuple[Volume, dict[Region, Roi]]:
    return tumour_study((30, 40, 41), (1.2, 0.8, 0.8), 9, seed=11)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(200, 50, shape).astype(np.float32)


def extract(voxels: np.ndarray, mask: np.ndarray, settings: FeatureSettings = RAW) -> dict[str, float]:
    return OwnEngine().extract(volume_of(voxels), {Region.INTRATUMORAL: roi_of(mask)}, settings)[Region.INTRATUMORAL]


def mask_of(shape: tuple[int, ...], *parts: slice | int) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[parts] = True
    return mask


def test_one_region_alone_has_the_same_values_as_beside_another(study: tuple[Volume, dict[Region, Roi]]) -> None:
    volume, rois = study
    together = OwnEngine().extract(volume, rois, FeatureSettings())
    for region, roi in rois.items():
        assert OwnEngine().extract(volume, {region: roi}, FeatureSettings())[region] == together[region]


def test_no_regions_no_features(study: tuple[Volume, dict[Region, Roi]]) -> None:
    assert OwnEngine().extract(study[0], {}, FeatureSettings()) == {}


def test_diagnostics_are_those_of_the_reference_engine(study: tuple[Volume, dict[Region, Roi]]) -> None:
    volume, rois = study
    turned = np.array(volume.affine)
    turned[:3, :3] = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0] @ turned[:3, :3]
    volume = Volume(affine=turned, voxels=volume.voxels)
    for region, roi in rois.items():
        placed = Roi(affine=turned, mask=roi.mask, label=roi.label)
        found = OwnEngine().extract(volume, {region: placed}, FeatureSettings(wavelet=None))[region]
        expected = diagnostics(volume, placed)
        assert {name: found[name] for name in DIAGNOSTICS} == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("voxels", "mask", "message"),
    [
        (noise(4, 5, 6), mask_of((4, 5, 6), 2, 2, 2), "1 × 1 × 1"),
        (noise(4, 5, 6), mask_of((4, 5, 6), 2, slice(1, 4), 2), "1 × 3 × 1"),
    ],
)
def test_regions_that_are_refused(voxels: np.ndarray, mask: np.ndarray, message: str) -> None:
    with pytest.raises(StudyRejected, match=message):
        extract(voxels, mask)


def test_a_region_on_another_grid_is_refused() -> None:
    mask = mask_of((4, 5, 6), slice(1, 3), slice(1, 3), slice(1, 3))
    affine = affine_of((1, 1, 1))
    affine[0, 3] = 3
    with pytest.raises(StudyRejected, match="grid"):
        OwnEngine().extract(
            volume_of(noise(4, 5, 6)), {Region.INTRATUMORAL: Roi(affine=affine, mask=mask, label="x")}, RAW
        )


def test_a_constant_image_that_can_not_be_normalised_has_shape_and_diagnostics() -> None:
    mask = mask_of((4, 5, 6), slice(1, 3), slice(1, 3), slice(1, 3))
    settings = FeatureSettings(wavelet=None)
    found = extract(np.full((4, 5, 6), 7, np.float32), mask, settings)
    assert tuple(found) == feature_names(settings)
    finite = {name for name, value in found.items() if np.isfinite(value)}
    assert finite == {name for name in found if "_shape_" in name or name.startswith("diagnostics_")}
    assert set(undefined_among(found).values()) == {
        "every voxel of the image has one value, so that it cannot be normalised"
    }


@pytest.mark.parametrize("largest", [1e200, 1e308])
def test_values_too_large_to_be_squared_are_refused(largest: float) -> None:
    mask = mask_of((4, 5, 6), slice(1, 3), slice(1, 3), slice(1, 3))
    voxels = largest * np.random.default_rng(1).normal(0, 0.2, (4, 5, 6))
    with pytest.raises(StudyRejected, match="Rescale the image"):
        extract(voxels, mask, FeatureSettings(wavelet=None))


@pytest.mark.parametrize(
    ("other", "undefined"),
    [
        ((1, 2, 2), {"firstorder": "no voxel of the region lies between"}),
        ((3, 3, 3), {"firstorder": "no voxel", "glcm": "no two voxels of the region are neighbours"}),
        ((3, 4, 5), {"firstorder": "no voxel", "glcm": "no two voxels", "glrlm": "no line of voxels"}),
    ],
    ids=["diagonal", "apart on a line", "apart"],
)
def test_two_voxels_lack_some_features_only(other: tuple[int, int, int], undefined: dict[str, str]) -> None:
    mask = np.zeros((5, 6, 7), bool)
    mask[1, 1, 1] = mask[other] = True
    reasons = undefined_among(extract(noise(5, 6, 7), mask, FeatureSettings()))
    images = {name.split("_")[0] for name in reasons}
    of_original = {name.split("_")[1]: why for name, why in reasons.items() if name.startswith("original_")}
    assert len(images) == 9
    assert len(reasons) == 9 * (1 + 24 * ("glcm" in undefined) + 16 * ("glrlm" in undefined))
    assert set(of_original) == set(undefined)
    for family, why in undefined.items():
        assert of_original[family].startswith(why)


def test_too_many_bins_are_refused() -> None:
    mask = mask_of((20, 20, 20), slice(1, 19), slice(1, 19), slice(1, 19))
    voxels = noise(20, 20, 20)
    with pytest.raises(StudyRejected, match="65000 bins"):
        extract(voxels, mask, FeatureSettings(normalize=False, wavelet=None, bin_width=1e-4))
    with pytest.raises(StudyRejected, match=f"at most {MOST_LEVELS}"):
        extract(voxels, mask, FeatureSettings(normalize=False, wavelet=None, bin_width=0.02))


def test_settings_that_can_not_be_met_are_refused() -> None:
    mask = mask_of((5, 6, 7), slice(1, 4), slice(1, 4), slice(1, 4))
    with pytest.raises(SetupError, match="morlet"):
        extract(noise(5, 6, 7), mask, FeatureSettings(wavelet="morlet"))
    with pytest.raises(StudyRejected, match="at least 9"):
        extract(noise(5, 6, 7), mask, FeatureSettings(wavelet=None, log_sigma_mm=(8.0,)))


def test_a_range_too_narrow_for_the_bin_count_is_refused() -> None:
    mask = mask_of((5, 6, 7), slice(1, 4), slice(1, 4), slice(1, 4))
    voxels = np.full((5, 6, 7), 1, np.float32)
    voxels[2, 2, 2] = np.nextafter(np.float32(1), np.float32(2))
    with pytest.raises(StudyRejected, match="too close"):
        extract(voxels, mask, FeatureSettings(normalize=False, wavelet=None, bin_count=8))


def test_kernels_work_where_nothing_can_be_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(self: object, *arguments: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr("numba.core.dispatcher.Dispatcher.enable_caching", nowhere)
    compiled = compile_kernel(box_kernels.bounding_box.py_func)
    np.testing.assert_array_equal(compiled(mask_of((3, 4, 5), 1, 2, 3)), [[1, 1], [2, 2], [3, 3]])


def test_warm_up_compiles_both_precisions() -> None:
    own.warm_up()
    assert len(box_kernels.filter_columns.signatures) == 2


def test_devices() -> None:
    assert OwnEngine().device == "cpu"
    assert OwnEngine().name == "own 1"
    assert OwnEngine(device="auto").device == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(EngineUnavailable, match="tpu"):
        OwnEngine(device="tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_that_is_not_there_is_refused() -> None:
    with pytest.raises(EngineUnavailable, match="PyTorch finds none"):
        OwnEngine(device="cuda")


def test_the_number_of_threads_is_as_before(study: tuple[Volume, dict[Region, Roi]]) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        OwnEngine().extract(*study, RAW)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_inputs_are_not_changed(study: tuple[Volume, dict[Region, Roi]]) -> None:
    volume, rois = study
    before = volume.voxels.copy()
    OwnEngine().extract(volume, rois, FeatureSettings())
    np.testing.assert_array_equal(volume.voxels, before)


def test_images_padded_into_one_batch_have_the_same_values(
    study: tuple[Volume, dict[Region, Roi]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a GPU gets: all images of a region at once, padded to the one with the most grey levels.
    expected = OwnEngine().extract(*study, FeatureSettings())
    monkeypatch.setattr("models.features.batch._groups", lambda counts, device: [list(range(len(counts)))])
    found = OwnEngine().extract(*study, FeatureSettings())
    for region in found:
        assert found[region] == pytest.approx(expected[region], rel=1e-11, abs=1e-11)


def test_exhausted_gpu_memory_falls_back_to_the_cpu_and_says_so(
    study: tuple[Volume, dict[Region, Roi]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*arrays: object, device: torch.device, **rest: object) -> list[dict[str, float]]:
        if device.type == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return grey_level_features(*arrays, device=device, **rest)  # type: ignore[arg-type]

    expected = OwnEngine().extract(*study, RAW)
    monkeypatch.setattr(own, "grey_level_features", exhausted)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    engine = OwnEngine(device="cuda")
    assert engine.extract(*study, RAW) == expected
    notes = engine.take_notes()
    assert [note.code for note in notes] == ["gpu-memory-exhausted"]
    assert engine.take_notes() == ()


@pytest.mark.gpu
def test_cuda_gives_the_same_numbers(study: tuple[Volume, dict[Region, Roi]]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no CUDA device")
    expected = OwnEngine().extract(*study, FeatureSettings())
    engine = OwnEngine(device="cuda")
    found = engine.extract(*study, FeatureSettings())
    assert engine.take_notes() == ()
    for region in found:
        assert found[region] == pytest.approx(expected[region], rel=1e-9, abs=1e-11)
