"""Grey-level size zone matrix features (16): connected parts (26 neighbours) of equal level.

Thibault et al. 2009; IBSI reference manual, section 3.8. Conventions of PyRadiomics 3.0.1.
"""

from __future__ import annotations

from torch import Tensor

from models.features.families.level_size import level_size_features

# PyRadiomics' name → neutral name in `level_size_features`.
NAMES = {
    "SmallAreaEmphasis": "Small",
    "LargeAreaEmphasis": "Large",
    "GrayLevelNonUniformity": "LevelNonUniformity",
    "GrayLevelNonUniformityNormalized": "LevelNonUniformityNormalized",
    "SizeZoneNonUniformity": "SizeNonUniformity",
    "SizeZoneNonUniformityNormalized": "SizeNonUniformityNormalized",
    "ZonePercentage": "Percentage",
    "GrayLevelVariance": "LevelVariance",
    "ZoneVariance": "SizeVariance",
    "ZoneEntropy": "Entropy",
    "LowGrayLevelZoneEmphasis": "LowLevel",
    "HighGrayLevelZoneEmphasis": "HighLevel",
    "SmallAreaLowGrayLevelEmphasis": "SmallLow",
    "SmallAreaHighGrayLevelEmphasis": "SmallHigh",
    "LargeAreaLowGrayLevelEmphasis": "LargeLow",
    "LargeAreaHighGrayLevelEmphasis": "LargeHigh",
}


def glszm_features(zones: Tensor, levels: Tensor, sizes: Tensor) -> dict[str, Tensor]:
    """The 16 features.

    Parameters
    ----------
    zones : float64 (..., levels, sizes), zones of each grey level and size
    levels : float64 (..., levels), grey levels
    sizes : float64 (..., sizes), voxels, only sizes that occur

    Returns
    -------
    float64 (...) by PyRadiomics' name
    """
    neutral = level_size_features(zones, levels, sizes)
    return {name: neutral[source] for name, source in NAMES.items()}
