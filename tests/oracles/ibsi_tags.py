"""IBSI 1's tags of our features, and its file of consensus values: tag, value, tolerance.

Zwanenburg et al., Radiology 2020;295:328-338. The tags are those of the files that the initiative distributes.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

from models.features.settings import Aggregation

# Our name (PyRadiomics') → IBSI tag; for texture without the aggregation at its end (`tag_of`).
SAME: dict[str, str] = {
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
    "glcm_MaximumProbability": "cm_joint_max",
    "glcm_JointAverage": "cm_joint_avg",
    "glcm_SumSquares": "cm_joint_var",
    "glcm_JointEntropy": "cm_joint_entr",
    "glcm_DifferenceAverage": "cm_diff_avg",
    "glcm_DifferenceVariance": "cm_diff_var",
    "glcm_DifferenceEntropy": "cm_diff_entr",
    "glcm_SumAverage": "cm_sum_avg",
    "glcm_SumEntropy": "cm_sum_entr",
    "glcm_JointEnergy": "cm_energy",
    "glcm_Contrast": "cm_contrast",
    "glcm_Id": "cm_inv_diff",
    "glcm_Idn": "cm_inv_diff_norm",
    "glcm_Idm": "cm_inv_diff_mom",
    "glcm_Idmn": "cm_inv_diff_mom_norm",
    "glcm_InverseVariance": "cm_inv_var",
    "glcm_Correlation": "cm_corr",
    "glcm_Autocorrelation": "cm_auto_corr",
    "glcm_ClusterTendency": "cm_clust_tend",
    "glcm_ClusterShade": "cm_clust_shade",
    "glcm_ClusterProminence": "cm_clust_prom",
    "glcm_Imc1": "cm_info_corr1",
    "glcm_Imc2": "cm_info_corr2",
    "glrlm_ShortRunEmphasis": "rlm_sre",
    "glrlm_LongRunEmphasis": "rlm_lre",
    "glrlm_LowGrayLevelRunEmphasis": "rlm_lgre",
    "glrlm_HighGrayLevelRunEmphasis": "rlm_hgre",
    "glrlm_ShortRunLowGrayLevelEmphasis": "rlm_srlge",
    "glrlm_ShortRunHighGrayLevelEmphasis": "rlm_srhge",
    "glrlm_LongRunLowGrayLevelEmphasis": "rlm_lrlge",
    "glrlm_LongRunHighGrayLevelEmphasis": "rlm_lrhge",
    "glrlm_GrayLevelNonUniformity": "rlm_glnu",
    "glrlm_GrayLevelNonUniformityNormalized": "rlm_glnu_norm",
    "glrlm_RunLengthNonUniformity": "rlm_rlnu",
    "glrlm_RunLengthNonUniformityNormalized": "rlm_rlnu_norm",
    "glrlm_RunPercentage": "rlm_r_perc",
    "glrlm_GrayLevelVariance": "rlm_gl_var",
    "glrlm_RunVariance": "rlm_rl_var",
    "glrlm_RunEntropy": "rlm_rl_entr",
    "glszm_SmallAreaEmphasis": "szm_sze",
    "glszm_LargeAreaEmphasis": "szm_lze",
    "glszm_LowGrayLevelZoneEmphasis": "szm_lgze",
    "glszm_HighGrayLevelZoneEmphasis": "szm_hgze",
    "glszm_SmallAreaLowGrayLevelEmphasis": "szm_szlge",
    "glszm_SmallAreaHighGrayLevelEmphasis": "szm_szhge",
    "glszm_LargeAreaLowGrayLevelEmphasis": "szm_lzlge",
    "glszm_LargeAreaHighGrayLevelEmphasis": "szm_lzhge",
    "glszm_GrayLevelNonUniformity": "szm_glnu",
    "glszm_GrayLevelNonUniformityNormalized": "szm_glnu_norm",
    "glszm_SizeZoneNonUniformity": "szm_zsnu",
    "glszm_SizeZoneNonUniformityNormalized": "szm_zsnu_norm",
    "glszm_ZonePercentage": "szm_z_perc",
    "glszm_GrayLevelVariance": "szm_gl_var",
    "glszm_ZoneVariance": "szm_zs_var",
    "glszm_ZoneEntropy": "szm_zs_entr",
    "gldm_SmallDependenceEmphasis": "ngl_lde",
    "gldm_LargeDependenceEmphasis": "ngl_hde",
    "gldm_LowGrayLevelEmphasis": "ngl_lgce",
    "gldm_HighGrayLevelEmphasis": "ngl_hgce",
    "gldm_SmallDependenceLowGrayLevelEmphasis": "ngl_ldlge",
    "gldm_SmallDependenceHighGrayLevelEmphasis": "ngl_ldhge",
    "gldm_LargeDependenceLowGrayLevelEmphasis": "ngl_hdlge",
    "gldm_LargeDependenceHighGrayLevelEmphasis": "ngl_hdhge",
    "gldm_GrayLevelNonUniformity": "ngl_glnu",
    "gldm_DependenceNonUniformity": "ngl_dcnu",
    "gldm_DependenceNonUniformityNormalized": "ngl_dcnu_norm",
    "gldm_GrayLevelVariance": "ngl_gl_var",
    "gldm_DependenceVariance": "ngl_dc_var",
    "gldm_DependenceEntropy": "ngl_dc_entr",
    "ngtdm_Coarseness": "ngt_coarseness",
    "ngtdm_Contrast": "ngt_contrast",
    "ngtdm_Busyness": "ngt_busyness",
    "ngtdm_Complexity": "ngt_complexity",
    "ngtdm_Strength": "ngt_strength",
}

# Our name → (IBSI tag, why ours differs, IBSI's value from ours and the number of voxels).
RELATED: dict[str, tuple[str, str, Callable[[float, int], float]]] = {
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
NOT_IN_IBSI: dict[str, str] = {
    "shape_Maximum2DDiameterSlice": "IBSI has the three-dimensional diameter only",
    "shape_Maximum2DDiameterColumn": "IBSI has the three-dimensional diameter only",
    "shape_Maximum2DDiameterRow": "IBSI has the three-dimensional diameter only",
    "firstorder_TotalEnergy": "energy times the volume of a voxel is not in IBSI",
    "glcm_MCC": "the maximal correlation coefficient of Haralick is not in IBSI",
}


# Ends of the tags of co-occurrence and run lengths, and of the other texture families.
ENDS: dict[Aggregation, tuple[str, str]] = {
    Aggregation.AVERAGE_3D: ("3D_avg", "3D"),
    Aggregation.MERGED_3D: ("3D_comb", "3D"),
    Aggregation.AVERAGE_2D: ("2D_avg", "2D"),
    Aggregation.MERGED_2D: ("2D_comb", "2D"),
    Aggregation.AVERAGE_25D: ("2_5D_avg", "2_5D"),
    Aggregation.MERGED_25D: ("2_5D_comb", "2_5D"),
}
TEXTURE = {name: tag for name, tag in SAME.items() if not name.startswith(("shape_", "firstorder_"))}


def tag_of(name: str, aggregation: Aggregation) -> str:
    """IBSI's tag of one of `SAME`."""
    if name not in TEXTURE:
        return SAME[name]
    by_direction, other = ENDS[aggregation]
    return f"{SAME[name]}_{by_direction if name.startswith(('glcm_', 'glrlm_')) else other}"


def consensus_values(path: Path) -> dict[str, tuple[float, float]]:
    """Tag → value, and how far from it still agrees."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter=";") if row["reference value"]]
    return {row["tag"]: tolerance_of(row["reference value"], row["tolerance"]) for row in rows}


def tolerance_of(value: str, tolerance: str) -> tuple[float, float]:
    """The value and how far from it still agrees: the tolerance, and half a unit of its third significant digit."""
    number = float(value)
    digit = 10.0 ** (math.floor(math.log10(abs(number))) - 2) if number else 0.0
    return number, max(float(tolerance), digit / 2) * (1 + 1e-9)
