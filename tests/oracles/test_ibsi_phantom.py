"""Oracle: the digital phantom of the Image Biomarker Standardisation Initiative and its consensus values.

Zwanenburg et al., Radiology 2020;295:328-338. The phantom is discretised already (levels 1 to 6), so bin width 1
without normalisation is the identity. Consensus values are given with a tolerance, or to three significant digits.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from models.features.names import GREY_LEVEL, SHAPE, feature_definitions
from models.features.own import OwnEngine
from models.features.settings import FeatureSettings
from models.images import read_image, read_mask
from models.volume import Region

# Our name (PyRadiomics') → IBSI tag in the file of consensus values.
SAME = {
    "shape_MeshVolume": "morph_volume",
    "shape_VoxelVolume": "morph_vol_approx",
    "shape_SurfaceArea": "morph_area_mesh",
    "shape_SurfaceVolumeRatio": "morph_av",
    "shape_Sphericity": "morph_sphericity",
    "shape_Maximum3DDiameter": "morph_diam",
    "shape_Elongation": "morph_pca_elongation",
    "shape_Flatness": "morph_pca_flatness",
    "firstorder_Mean": "stat_mean",
    "firstorder_Variance": "stat_var",
    "firstorder_Skewness": "stat_skew",
    "firstorder_Median": "stat_median",
    "firstorder_Minimum": "stat_min",
    "firstorder_10Percentile": "stat_p10",
    "firstorder_90Percentile": "stat_p90",
    "firstorder_Maximum": "stat_max",
    "firstorder_InterquartileRange": "stat_iqr",
    "firstorder_Range": "stat_range",
    "firstorder_MeanAbsoluteDeviation": "stat_mad",
    "firstorder_RobustMeanAbsoluteDeviation": "stat_rmad",
    "firstorder_Energy": "stat_energy",
    "firstorder_RootMeanSquared": "stat_rms",
    "firstorder_Entropy": "ih_entropy",
    "firstorder_Uniformity": "ih_uniformity",
    "glcm_MaximumProbability": "cm_joint_max_3D_avg",
    "glcm_JointAverage": "cm_joint_avg_3D_avg",
    "glcm_SumSquares": "cm_joint_var_3D_avg",
    "glcm_JointEntropy": "cm_joint_entr_3D_avg",
    "glcm_DifferenceAverage": "cm_diff_avg_3D_avg",
    "glcm_DifferenceVariance": "cm_diff_var_3D_avg",
    "glcm_DifferenceEntropy": "cm_diff_entr_3D_avg",
    "glcm_SumAverage": "cm_sum_avg_3D_avg",
    "glcm_SumEntropy": "cm_sum_entr_3D_avg",
    "glcm_JointEnergy": "cm_energy_3D_avg",
    "glcm_Contrast": "cm_contrast_3D_avg",
    "glcm_Id": "cm_inv_diff_3D_avg",
    "glcm_Idn": "cm_inv_diff_norm_3D_avg",
    "glcm_Idm": "cm_inv_diff_mom_3D_avg",
    "glcm_Idmn": "cm_inv_diff_mom_norm_3D_avg",
    "glcm_InverseVariance": "cm_inv_var_3D_avg",
    "glcm_Correlation": "cm_corr_3D_avg",
    "glcm_Autocorrelation": "cm_auto_corr_3D_avg",
    "glcm_ClusterTendency": "cm_clust_tend_3D_avg",
    "glcm_ClusterShade": "cm_clust_shade_3D_avg",
    "glcm_ClusterProminence": "cm_clust_prom_3D_avg",
    "glcm_Imc1": "cm_info_corr1_3D_avg",
    "glcm_Imc2": "cm_info_corr2_3D_avg",
    "glrlm_ShortRunEmphasis": "rlm_sre_3D_avg",
    "glrlm_LongRunEmphasis": "rlm_lre_3D_avg",
    "glrlm_LowGrayLevelRunEmphasis": "rlm_lgre_3D_avg",
    "glrlm_HighGrayLevelRunEmphasis": "rlm_hgre_3D_avg",
    "glrlm_ShortRunLowGrayLevelEmphasis": "rlm_srlge_3D_avg",
    "glrlm_ShortRunHighGrayLevelEmphasis": "rlm_srhge_3D_avg",
    "glrlm_LongRunLowGrayLevelEmphasis": "rlm_lrlge_3D_avg",
    "glrlm_LongRunHighGrayLevelEmphasis": "rlm_lrhge_3D_avg",
    "glrlm_GrayLevelNonUniformity": "rlm_glnu_3D_avg",
    "glrlm_GrayLevelNonUniformityNormalized": "rlm_glnu_norm_3D_avg",
    "glrlm_RunLengthNonUniformity": "rlm_rlnu_3D_avg",
    "glrlm_RunLengthNonUniformityNormalized": "rlm_rlnu_norm_3D_avg",
    "glrlm_RunPercentage": "rlm_r_perc_3D_avg",
    "glrlm_GrayLevelVariance": "rlm_gl_var_3D_avg",
    "glrlm_RunVariance": "rlm_rl_var_3D_avg",
    "glrlm_RunEntropy": "rlm_rl_entr_3D_avg",
    "glszm_SmallAreaEmphasis": "szm_sze_3D",
    "glszm_LargeAreaEmphasis": "szm_lze_3D",
    "glszm_LowGrayLevelZoneEmphasis": "szm_lgze_3D",
    "glszm_HighGrayLevelZoneEmphasis": "szm_hgze_3D",
    "glszm_SmallAreaLowGrayLevelEmphasis": "szm_szlge_3D",
    "glszm_SmallAreaHighGrayLevelEmphasis": "szm_szhge_3D",
    "glszm_LargeAreaLowGrayLevelEmphasis": "szm_lzlge_3D",
    "glszm_LargeAreaHighGrayLevelEmphasis": "szm_lzhge_3D",
    "glszm_GrayLevelNonUniformity": "szm_glnu_3D",
    "glszm_GrayLevelNonUniformityNormalized": "szm_glnu_norm_3D",
    "glszm_SizeZoneNonUniformity": "szm_zsnu_3D",
    "glszm_SizeZoneNonUniformityNormalized": "szm_zsnu_norm_3D",
    "glszm_ZonePercentage": "szm_z_perc_3D",
    "glszm_GrayLevelVariance": "szm_gl_var_3D",
    "glszm_ZoneVariance": "szm_zs_var_3D",
    "glszm_ZoneEntropy": "szm_zs_entr_3D",
    "gldm_SmallDependenceEmphasis": "ngl_lde_3D",
    "gldm_LargeDependenceEmphasis": "ngl_hde_3D",
    "gldm_LowGrayLevelEmphasis": "ngl_lgce_3D",
    "gldm_HighGrayLevelEmphasis": "ngl_hgce_3D",
    "gldm_SmallDependenceLowGrayLevelEmphasis": "ngl_ldlge_3D",
    "gldm_SmallDependenceHighGrayLevelEmphasis": "ngl_ldhge_3D",
    "gldm_LargeDependenceLowGrayLevelEmphasis": "ngl_hdlge_3D",
    "gldm_LargeDependenceHighGrayLevelEmphasis": "ngl_hdhge_3D",
    "gldm_GrayLevelNonUniformity": "ngl_glnu_3D",
    "gldm_DependenceNonUniformity": "ngl_dcnu_3D",
    "gldm_DependenceNonUniformityNormalized": "ngl_dcnu_norm_3D",
    "gldm_GrayLevelVariance": "ngl_gl_var_3D",
    "gldm_DependenceVariance": "ngl_dc_var_3D",
    "gldm_DependenceEntropy": "ngl_dc_entr_3D",
    "ngtdm_Coarseness": "ngt_coarseness_3D",
    "ngtdm_Contrast": "ngt_contrast_3D",
    "ngtdm_Busyness": "ngt_busyness_3D",
    "ngtdm_Complexity": "ngt_complexity_3D",
    "ngtdm_Strength": "ngt_strength_3D",
}

# Our name → (IBSI tag, why ours differs, IBSI's value from ours and the number of voxels).
RELATED = {
    "firstorder_Kurtosis": ("stat_kurt", "IBSI subtracts 3", lambda value, n: value - 3),
    "shape_MajorAxisLength": (
        "morph_pca_maj_axis",
        "IBSI divides the covariance by N - 1",
        lambda value, n: value * math.sqrt(n / (n - 1)),
    ),
    "shape_MinorAxisLength": (
        "morph_pca_min_axis",
        "IBSI divides the covariance by N - 1",
        lambda value, n: value * math.sqrt(n / (n - 1)),
    ),
    "shape_LeastAxisLength": (
        "morph_pca_least_axis",
        "IBSI divides the covariance by N - 1",
        lambda value, n: value * math.sqrt(n / (n - 1)),
    ),
}

# Our name → why IBSI 1 has no consensus value for it.
NOT_IN_IBSI = {
    "shape_Maximum2DDiameterSlice": "IBSI has the three-dimensional diameter only",
    "shape_Maximum2DDiameterColumn": "IBSI has the three-dimensional diameter only",
    "shape_Maximum2DDiameterRow": "IBSI has the three-dimensional diameter only",
    "firstorder_TotalEnergy": "energy times the volume of a voxel is not in IBSI",
    "glcm_MCC": "the maximal correlation coefficient of Haralick is not in IBSI",
}


@pytest.fixture(scope="module")
def ours(shared_data: Path) -> dict[str, float]:
    folder = shared_data / "ibsi" / "digital_phantom"
    volume = read_image(folder / "image" / "phantom.nii.gz")
    roi = read_mask(folder / "mask" / "mask.nii.gz", label=1)
    wanted = FeatureSettings(normalize=False, bin_width=1, wavelet=None, diagnostics=False)
    found = OwnEngine().extract(volume, {Region.INTRATUMORAL: roi}, wanted)[Region.INTRATUMORAL]
    return {name.removeprefix("original_"): value for name, value in found.items()}


@pytest.fixture(scope="module")
def consensus(shared_data: Path) -> dict[str, tuple[float, float]]:
    with (shared_data / "ibsi" / "ibsi_1_dig_phantom.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter=";") if row["reference value"]]
    return {row["tag"]: tolerance_of(row["reference value"], row["tolerance"]) for row in rows}


def tolerance_of(value: str, tolerance: str) -> tuple[float, float]:
    """The value and how far from it still agrees: the tolerance, and half a unit of its third significant digit."""
    number = float(value)
    digit = 10.0 ** (math.floor(math.log10(abs(number))) - 2) if number else 0.0
    return number, max(float(tolerance), digit / 2) * (1 + 1e-9)


def test_every_feature_has_its_place_in_one_table() -> None:
    names = {f"shape_{name}" for name in SHAPE}
    names |= {f"{family}_{name}" for family, features in GREY_LEVEL.items() for name in features}
    tables = (SAME, RELATED, NOT_IN_IBSI)
    assert names == set().union(*tables)
    assert len(names) == sum(map(len, tables)) == 107


def test_the_features_with_an_ibsi_code_are_those_that_equal_the_consensus() -> None:
    coded = {
        what.name.removeprefix("original_")
        for what in feature_definitions(FeatureSettings(wavelet=None, diagnostics=False))
        if what.ibsi is not None
    }
    assert coded == set(SAME)


@pytest.mark.parametrize("name", SAME)
def test_equals_the_consensus(name: str, ours: dict[str, float], consensus: dict[str, tuple[float, float]]) -> None:
    value, tolerance = consensus[SAME[name]]
    assert ours[name] == pytest.approx(value, abs=tolerance, rel=0)


@pytest.mark.parametrize("name", RELATED)
def test_equals_the_consensus_by_the_stated_relation(
    name: str, ours: dict[str, float], consensus: dict[str, tuple[float, float]]
) -> None:
    tag, _, convert = RELATED[name]
    value, tolerance = consensus[tag]
    voxels = round(ours["shape_VoxelVolume"] / 8)  # voxels of 2 × 2 × 2 mm
    assert convert(ours[name], voxels) == pytest.approx(value, abs=tolerance, rel=0)
