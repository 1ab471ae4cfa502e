"""Grey-level dependence matrix features (14): how many of the 26 neighbours have the same level as a voxel.

Sun and Wee 1983 (doi:10.1016/0734-189X(83)90032-4); IBSI reference manual, section 3.11, with coarseness 0. Conventions
of PyRadiomics 3.0.1: the voxel itself counts, so the size is the number of equal neighbours plus one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.features.families.level_size import level_size_features

# PyRadiomics' name → neutral name in `level_size_features`.
NAMES = {
    "SmallDependenceEmphasis": "Small",
    "LargeDependenceEmphasis": "Large",
    "GrayLevelNonUniformity": "LevelNonUniformity",
    "DependenceNonUniformity": "SizeNonUniformity",
    "DependenceNonUniformityNormalized": "SizeNonUniformityNormalized",
    "GrayLevelVariance": "LevelVariance",
    "DependenceVariance": "SizeVariance",
    "DependenceEntropy": "Entropy",
    "LowGrayLevelEmphasis": "LowLevel",
    "HighGrayLevelEmphasis": "HighLevel",
    "SmallDependenceLowGrayLevelEmphasis": "SmallLow",
    "SmallDependenceHighGrayLevelEmphasis": "SmallHigh",
    "LargeDependenceLowGrayLevelEmphasis": "LargeLow",
    "LargeDependenceHighGrayLevelEmphasis": "LargeHigh",
}


def gldm_features(dependences: Tensor, levels: Tensor) -> dict[str, Tensor]:
    """The 14 features.

    Parameters
    ----------
    dependences : float64 (..., levels, 27), voxels by grey level and number of equal neighbours
    levels : float64 (..., levels), grey levels

    Returns
    -------
    float64 (...) by PyRadiomics' name
    """
    sizes = torch.arange(1, dependences.shape[-1] + 1, dtype=dependences.dtype, device=dependences.device)
    neutral = level_size_features(dependences, levels, sizes)
    return {name: neutral[source] for name, source in NAMES.items()}
