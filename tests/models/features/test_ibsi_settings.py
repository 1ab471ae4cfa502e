"""Resampling, re-segmentation, bins and aggregation. Oracles: SimpleITK, PyRadiomics 3.0.1, the formulas of IBSI.

The digital phantom and the configurations A to E are in `tests/oracles`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from models.errors import SetupError, StudyRejected
from models.features.aggregation import averaged, counts_of, parts_of
from models.features.extract import extract_region, open_engine
from models.features.filters.discretise import discretise
from models.features.filters.image_box import image_statistics
from models.features.interpolation import new_grid, resampled
from models.features.names import DIAGNOSTICS, feature_names
from models.features.own import OwnEngine
from models.features.resegmentation import kept_values
from models.features.settings import Aggregation, BinOrigin, FeatureSettings, Interpolator
from models.images import to_sitk
from models.volume import Region, Roi, Volume
from tests.models.features.phantoms import tumour_study
from tests.models.features.reference import differences, pyradiomics_values, roi_of, volume_of

TUMOUR = Region.INTRATUMORAL
SPACING = (1.2, 0.8, 0.8)
RAW = FeatureSettings(normalize=False, wavelet=None)
ISOTROPIC = replace(RAW, resample_mm=(1.0, 1.0, 1.0))


@pytest.fixture(scope="module")
def study() -> tuple[Volume, dict[Region, Roi]]:
    return tumour_study((30, 40, 41), SPACING, 9, seed=3)


def ramp(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Volume:
    """A plane: linear interpolation and cubic splines give it back exactly, away from the border."""
    places = np.meshgrid(*[np.arange(n) * s for n, s in zip(shape, spacing, strict=True)], indexing="ij")
    return volume_of(100 + 3 * places[0] - 2 * places[1] + places[2], spacing)


# --- resampling ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "spacing", "wanted", "count"),
    [(60, 3.0, 2.0, 90), (204, 0.977, 2.0, 100), (10, 0.1, 1.0, 1), (30, 0.1, 0.3, 10), (7, 1.0, 0.0, 7)],
)
def test_the_new_grid_covers_the_old_one_and_has_its_centre(
    size: int, spacing: float, wanted: float, count: int
) -> None:
    """Sizes of the first two: those IBSI 1 lists for its CT phantom by configuration C."""
    grid = new_grid((size, 5, 5), (spacing, 1.0, 1.0), (wanted, 0.0, 1.0))
    assert grid.shape == (count, 5, 5)
    assert grid.first[0] + grid.step[0] * (count - 1) / 2 == pytest.approx((size - 1) / 2, abs=1e-12)
    assert grid.step[1:] == (1.0, 1.0)
    assert grid.first[1:] == (0.0, 0.0)


@pytest.mark.parametrize("interpolator", list(Interpolator))
def test_interpolation_is_that_of_simpleitk_inside_the_image(
    interpolator: Interpolator, study: tuple[Volume, dict[Region, Roi]]
) -> None:
    volume, rois = study
    wanted = replace(ISOTROPIC, resample_mm=(1.1, 0.7, 0.9), image_interpolator=interpolator)
    found = resampled(volume, rois, image_statistics(volume.voxels), wanted)
    theirs = {
        Interpolator.NEAREST: sitk.sitkNearestNeighbor,
        Interpolator.LINEAR: sitk.sitkLinear,
        Interpolator.CUBIC: sitk.sitkBSpline,
    }[interpolator]
    reference = sitk.Resample(
        sitk.Cast(to_sitk(volume.voxels, volume), sitk.sitkFloat64),
        to_sitk(found.volume.voxels, found.volume),
        sitk.Transform(),
        theirs,
        0.0,
        sitk.sitkFloat64,
    )
    inside = (slice(8, -8),) * 3  # splines of the two continue differently at the border
    expected = sitk.GetArrayFromImage(reference)[inside]
    assert expected.size > 5_000
    np.testing.assert_allclose(found.volume.voxels[inside], expected, rtol=1e-4 if interpolator == "cubic" else 1e-9)


def test_a_plane_is_interpolated_exactly_and_continues_with_its_border_values() -> None:
    volume = ramp((9, 10, 11), (3.0, 2.0, 2.0))
    roi = roi_of(np.ones(volume.shape, bool), (3.0, 2.0, 2.0))
    found = resampled(volume, {TUMOUR: roi}, image_statistics(volume.voxels), ISOTROPIC).volume
    assert found.shape == (27, 20, 22)
    places = [np.arange(n) - (n - old) / 2 / s for n, old, s in zip(found.shape, (27, 20, 22), (3, 2, 2), strict=True)]
    along = [
        np.clip((p + 0.5) / s - 0.5, 0, size - 1) * s
        for p, s, size in zip(places, (3.0, 2.0, 2.0), volume.shape, strict=True)
    ]
    expected = 100 + 3 * along[0][:, None, None] - 2 * along[1][:, None] + along[2]
    np.testing.assert_allclose(found.voxels, expected, rtol=1e-12)
    centre = np.array([*(np.array(found.shape) - 1) / 2, 1])
    np.testing.assert_allclose(found.affine @ centre, volume.affine @ [*(np.array(volume.shape) - 1) / 2, 1], atol=1e-9)


def test_a_voxel_covered_by_half_belongs_to_the_region() -> None:
    mask = np.zeros((4, 8, 8), bool)
    mask[:, 2:6, 2:5] = True
    volume, roi = ramp(mask.shape, (1.0, 1.0, 1.0)), roi_of(mask)
    wanted = replace(RAW, resample_mm=(1.0, 1.0, 2.0))
    found = resampled(volume, {TUMOUR: roi}, image_statistics(volume.voxels), wanted)
    # Centres of the new columns lie at 0.5, 2.5, 4.5 …: the mask is 0, 1, 0.5, 0 there.
    np.testing.assert_array_equal(found.rois[TUMOUR].mask[0, 3], [False, True, True, False])
    nearest = replace(wanted, mask_interpolator=Interpolator.NEAREST)
    assert resampled(volume, {TUMOUR: roi}, image_statistics(volume.voxels), nearest).rois[TUMOUR].mask.any()


def test_both_engines_agree_after_every_step(study: tuple[Volume, dict[Region, Roi]]) -> None:
    pytest.importorskip("radiomics")
    volume, rois = study
    body = np.ones(volume.shape, bool)
    body[:, :4] = False
    for wanted in (
        FeatureSettings(wavelet=None, resample_mm=(1.0, 1.0, 1.0), image_interpolator=Interpolator.CUBIC),
        replace(
            RAW,
            resample_mm=(0.0, 1.3, 0.7),
            round_intensities=True,
            bin_count=32,
            resegment_range=(50.0, 500.0),
            resegment_sigma=2.0,
            aggregation=Aggregation.MERGED_25D,
        ),
    ):
        ours = open_engine("own", device="cpu").extract(volume, rois, wanted, body=body)
        theirs = open_engine("pyradiomics", device="cpu").extract(volume, rois, wanted, body=body)
        for region in rois:
            assert set(ours[region]) == set(theirs[region]) == set(feature_names(wanted))
            assert differences(ours[region], theirs[region]) == []


def test_diagnostics_are_of_the_image_as_it_was(study: tuple[Volume, dict[Region, Roi]]) -> None:
    volume, rois = study
    before = OwnEngine().extract(volume, rois, RAW)[TUMOUR]
    after = OwnEngine().extract(volume, rois, ISOTROPIC)[TUMOUR]
    assert {name: after[name] for name in DIAGNOSTICS} == {name: before[name] for name in DIAGNOSTICS}
    assert after["original_shape_VoxelVolume"] == round(after["original_shape_VoxelVolume"])  # voxels of 1 mm³
    assert after["original_shape_VoxelVolume"] == pytest.approx(before["original_shape_VoxelVolume"], rel=0.05)


def test_a_constant_image_keeps_its_shape_features_after_resampling() -> None:
    mask = np.zeros((6, 9, 9), bool)
    mask[1:5, 2:7, 2:7] = True
    wanted = FeatureSettings(wavelet=None, resample_mm=(2.0, 2.0, 2.0))
    found = OwnEngine().extract(volume_of(np.full(mask.shape, 7.0)), {TUMOUR: roi_of(mask)}, wanted)[TUMOUR]
    assert {name for name, value in found.items() if math.isfinite(value)} == {
        name for name in found if "_shape_" in name or name in DIAGNOSTICS
    }


def test_what_is_lost_by_resampling_is_refused() -> None:
    mask = np.zeros((8, 9, 9), bool)
    mask[1, 1:3, 1:3] = True
    with pytest.raises(StudyRejected, match="covers half of no voxel after resampling to 9 × 9 × 9 mm; choose a small"):
        OwnEngine().extract(
            volume_of(ramp(mask.shape, (1, 1, 1)).voxels),
            {TUMOUR: roi_of(mask)},
            replace(RAW, resample_mm=(9.0, 9.0, 9.0)),
        )
    with pytest.raises(StudyRejected, match="at most 500,000,000 were expected"):
        new_grid((100, 512, 512), (2.0, 1.0, 1.0), (0.05, 0.1, 0.1))


# --- re-segmentation -------------------------------------------------------------------------------------------------


def test_the_range_comes_before_the_outliers() -> None:
    values = np.array([-5000.0, 0.0, 1.0, 2.0, 3.0, 4.0, 100.0, 1000.0])
    wanted = replace(RAW, resegment_range=(0.0, 100.0), resegment_sigma=2.0)
    left = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 100.0])
    reach = 2 * left.std()
    expected = (values >= 0) & (values <= 100) & (np.abs(values - left.mean()) <= reach)
    np.testing.assert_array_equal(kept_values(values, wanted), expected)
    assert 0 < expected.sum() < 6
    np.testing.assert_array_equal(
        kept_values(values, replace(RAW, resegment_range=(0.0, 4.0))), (values >= 0) & (values <= 4)
    )


@pytest.mark.parametrize(
    "wanted",
    [
        replace(RAW, resegment_range=(380.0, 470.0)),
        FeatureSettings(wavelet=None, resegment_sigma=1.5),
        FeatureSettings(resegment_range=(0.0, 120.0)),
    ],
    ids=["range", "outliers", "range of the normalised image, with wavelets"],
)
def test_re_segmentation_is_pyradiomics(wanted: FeatureSettings, study: tuple[Volume, dict[Region, Roi]]) -> None:
    volume, rois = study
    roi = rois[TUMOUR]
    ours = OwnEngine().extract(volume, {TUMOUR: roi}, wanted)[TUMOUR]
    reference = pyradiomics_values(volume, roi, wanted)
    texture = {name: value for name, value in reference.items() if "_shape_" not in name}
    assert len(texture) == len(ours) - 14 - 12
    assert {name for name, _, _ in differences(ours, reference)} <= {name for name in reference if "_shape_" in name}
    plain = OwnEngine().extract(volume, {TUMOUR: roi}, replace(wanted, resegment_range=(), resegment_sigma=None))
    assert all(ours[name] == plain[TUMOUR][name] for name in ours if "_shape_" in name)  # of the whole region
    assert ours["original_firstorder_Range"] < plain[TUMOUR]["original_firstorder_Range"]


def test_a_region_of_which_too_little_is_left_is_refused(study: tuple[Volume, dict[Region, Roi]]) -> None:
    volume, rois = study
    for engine in ("own", "pyradiomics"):
        if engine == "pyradiomics":
            pytest.importorskip("radiomics")
        with pytest.raises(StudyRejected, match=r"grey values from .*; 0 are left by the settings resegment_range"):
            open_engine(engine, device="cpu").extract(volume, rois, replace(RAW, resegment_range=(-9.0, -8.0)))


# --- bins ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bins_from_the_minimum_are_those_of_ibsi(dtype: type) -> None:
    values = np.array([-3.0, 7.5, 22.0, 22.1, 46.9, 47.0, 96.9], dtype)
    wanted = replace(RAW, bin_width=25.0, bin_origin=BinOrigin.MINIMUM)
    found = discretise(values, wanted)
    levels = found.greys[found.compact.astype(int) - 1]
    np.testing.assert_array_equal(levels, np.floor((values.astype(float) + 3) / 25) + 1)
    ranged = discretise(values, replace(wanted, resegment_range=(-100.0, 100.0)))
    levels = ranged.greys[ranged.compact.astype(int) - 1]
    np.testing.assert_array_equal(levels, np.floor((values.astype(float) + 100) / 25) + 1)
    # Of a filtered image the range says nothing.
    filtered = discretise(values, replace(wanted, resegment_range=(-100.0, 100.0)), image="wavelet-LLH")
    np.testing.assert_array_equal(filtered.greys, found.greys)


def test_the_highest_value_of_the_range_has_a_bin_of_its_own() -> None:
    wanted = replace(RAW, bin_width=25.0, bin_origin=BinOrigin.MINIMUM, resegment_range=(-500.0, 400.0))
    found = discretise(np.array([-500.0, -475.1, -475.0, 399.0, 400.0]), wanted)
    np.testing.assert_array_equal(found.greys, [1, 2, 36, 37])


def test_a_number_of_bins_is_that_of_ibsi() -> None:
    values = np.random.default_rng(1).uniform(-40, 90, 500)
    found = discretise(values, replace(RAW, bin_count=32))
    expected = np.minimum(np.floor(32 * (values - values.min()) / np.ptp(values)) + 1, 32)
    np.testing.assert_array_equal(found.greys[found.compact.astype(int) - 1], expected)


# --- aggregation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("aggregation", [Aggregation.MERGED_3D, Aggregation.AVERAGE_25D, Aggregation.MERGED_25D])
def test_aggregations_that_pyradiomics_has(aggregation: Aggregation, study: tuple[Volume, dict[Region, Roi]]) -> None:
    volume, rois = study
    wanted = replace(RAW, aggregation=aggregation, log_sigma_mm=(1.5,))
    ours = OwnEngine().extract(volume, {TUMOUR: rois[TUMOUR]}, wanted)[TUMOUR]
    assert differences(ours, pyradiomics_values(volume, rois[TUMOUR], wanted)) == []
    reference = open_engine("pyradiomics", device="cpu").extract(volume, {TUMOUR: rois[TUMOUR]}, wanted)[TUMOUR]
    assert differences(ours, reference) == []


def test_by_slice_is_the_average_over_its_slices(study: tuple[Volume, dict[Region, Roi]]) -> None:
    """Each slice as an image of its own, by the engine that knows nothing of aggregation by slice."""
    volume, rois = study
    roi = rois[TUMOUR]
    wanted = replace(RAW, bin_width=10.0, diagnostics=False)
    by_slice = OwnEngine().extract(volume, {TUMOUR: roi}, replace(wanted, aggregation=Aggregation.AVERAGE_2D))[TUMOUR]
    slices = []
    for index in np.flatnonzero(roi.mask.any(axis=(1, 2))):
        one = Roi(roi.affine, roi.mask & (np.arange(volume.shape[0]) == index)[:, None, None], "slice")
        slices.append(OwnEngine().extract(volume, {TUMOUR: one}, wanted)[TUMOUR])
    assert len(slices) > 5
    for family in ("glcm_Contrast", "glrlm_RunPercentage", "glszm_ZonePercentage", "ngtdm_Contrast"):
        name = f"original_{family}"
        assert by_slice[name] == pytest.approx(np.mean([one[name] for one in slices]), rel=1e-12)


def test_slices_without_neighbours_have_no_say_in_co_occurrence() -> None:
    mask = np.zeros((3, 6, 6), bool)
    mask[0, 1:5, 1:5] = mask[2, 2:5, 2:5] = True
    mask[1, 3, 3] = True
    values = np.random.default_rng(2).integers(1, 5, np.count_nonzero(mask)).astype(float)
    levels = discretise(values, replace(RAW, bin_width=1.0))
    parts = parts_of(mask, Aggregation.MERGED_2D)
    counts = [counts_of(part, levels, Aggregation.MERGED_2D) for part in parts]
    assert [len(one.pairs) for one in counts] == [1, 0, 1]
    assert {one.highest_grey for one in counts} == {int(levels.greys[-1])}
    features = [{"glcm_Contrast": 2.0}, {"glcm_Contrast": math.nan}, {"glcm_Contrast": 4.0}]
    assert averaged(features, counts) == {"glcm_Contrast": 3.0}
    assert math.isnan(averaged([features[1]], [counts[1]])["glcm_Contrast"])


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            replace(RAW, aggregation=Aggregation.AVERAGE_2D),
            "aggregation is '2d_average', which PyRadiomics does not have",
        ),
        (replace(RAW, bin_origin=BinOrigin.MINIMUM), "bin_origin is 'minimum', which PyRadiomics does not have"),
    ],
)
def test_pyradiomics_says_what_it_does_not_have(
    wanted: FeatureSettings, message: str, study: tuple[Volume, dict[Region, Roi]]
) -> None:
    pytest.importorskip("radiomics")
    with pytest.raises(SetupError, match=f"{message}; use the engine 'own'"):
        open_engine("pyradiomics", device="cpu").extract(*study, wanted)


# --- the settings ----------------------------------------------------------------------------------------------------


def test_every_new_setting_has_a_digest_of_its_own_and_the_defaults_keep_theirs() -> None:
    usual = FeatureSettings()
    # In the manifests of the packages that ship, which were made before these settings.
    assert usual.digest() == "9b855cc179b2308912fe52e8a418ea4cf265f5796926ff9ae9f8889af4d5679d"
    others = [
        replace(usual, resample_mm=(1.0, 1.0, 1.0)),
        replace(usual, resample_mm=(1.0, 1.0, 1.0), image_interpolator=Interpolator.CUBIC),
        replace(usual, resample_mm=(1.0, 1.0, 1.0), mask_interpolator=Interpolator.NEAREST),
        replace(usual, resample_mm=(1.0, 1.0, 1.0), round_intensities=True),
        replace(usual, resegment_range=(0.0, 1.0)),
        replace(usual, resegment_sigma=3.0),
        replace(usual, bin_origin=BinOrigin.MINIMUM),
        *[replace(usual, aggregation=one) for one in Aggregation if one is not usual.aggregation],
    ]
    assert len({usual.digest(), *(one.digest() for one in others)}) == 1 + len(others)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"resample_mm": (1.0, 1.0)}, r"resample to is \[1.0, 1.0\] mm; three numbers were expected"),
        ({"resample_mm": (0.0, 0.0, 0.0)}, "three numbers were expected"),
        ({"resample_mm": (1.0, -1.0, 1.0)}, "three numbers were expected"),
        ({"mask_interpolator": Interpolator.CUBIC}, "interpolator of the mask is 'cubic'; 'linear' or 'nearest'"),
        ({"round_intensities": True}, "resample_mm is empty"),
        ({"resegment_range": (400.0, -500.0)}, r"to keep is \[400.0, -500.0\]; two numbers, the lower one first"),
        ({"resegment_range": (400.0,)}, "two numbers"),
        ({"resegment_sigma": 0.0}, "within 0.0 standard deviations are to be kept; a positive number"),
        ({"aggregation": "2d"}, "aggregation is '2d'; one of '3d_average', '3d_merged', .* was expected"),
        ({"bin_count": 8, "bin_origin": BinOrigin.MINIMUM}, "together with the bin origin 'minimum'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(SetupError, match=message):
        FeatureSettings(**wrong)  # type: ignore[arg-type]


def test_a_text_is_as_good_as_a_member() -> None:
    wanted = FeatureSettings(aggregation="2d_merged", bin_origin="minimum")  # type: ignore[arg-type]
    assert wanted == FeatureSettings(aggregation=Aggregation.MERGED_2D, bin_origin=BinOrigin.MINIMUM)
    assert wanted.aggregation.by_slice


def test_a_table_of_a_region_has_the_usual_names(study: tuple[Volume, dict[Region, Roi]]) -> None:
    volume, rois = study
    wanted = replace(ISOTROPIC, resegment_sigma=3.0, bin_origin=BinOrigin.MINIMUM, aggregation=Aggregation.MERGED_2D)
    table = extract_region(volume, rois[TUMOUR], engine=OwnEngine(), settings=wanted)
    assert table.names == feature_names(wanted)
    assert not table.undefined
