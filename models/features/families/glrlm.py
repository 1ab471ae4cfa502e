"""Grey-level run length matrix features (16): runs of equal level along 13 directions.

PyRadiomics 3.0.1 averages over directions, leaving out those along which no line passes through two voxels of the
region. Galloway 1975 (doi:10.1016/S0146-664X(75)80008-6); IBSI reference manual, section 3.7.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.features.families.level_size import level_size_features

# PyRadiomics' name → neutral name in `level_size_features`.
NAMES = {
    "ShortRunEmphasis": "Small",
    "LongRunEmphasis": "Large",
    "GrayLevelNonUniformity": "LevelNonUniformity",
    "GrayLevelNonUniformityNormalized": "LevelNonUniformityNormalized",
    "RunLengthNonUniformity": "SizeNonUniformity",
    "RunLengthNonUniformityNormalized": "SizeNonUniformityNormalized",
    "RunPercentage": "Percentage",
    "GrayLevelVariance": "LevelVariance",
    "RunVariance": "SizeVariance",
    "RunEntropy": "Entropy",
    "LowGrayLevelRunEmphasis": "LowLevel",
    "HighGrayLevelRunEmphasis": "HighLevel",
    "ShortRunLowGrayLevelEmphasis": "SmallLow",
    "ShortRunHighGrayLevelEmphasis": "SmallHigh",
    "LongRunLowGrayLevelEmphasis": "LargeLow",
    "LongRunHighGrayLevelEmphasis": "LargeHigh",
}


def glrlm_features(runs: Tensor, levels: Tensor) -> dict[str, Tensor]:
    """The 16 features, averaged over directions.

    Parameters
    ----------
    runs : float64 (..., directions, levels, lengths), runs of length index + 1; only directions to average
    levels : float64 (..., levels), grey levels

    Returns
    -------
    float64 (...) by PyRadiomics' name
    """
    lengths = torch.arange(1, runs.shape[-1] + 1, dtype=runs.dtype, device=runs.device)
    neutral = level_size_features(runs, levels[..., None, :], lengths)
    return {name: neutral[source].mean(-1) for name, source in NAMES.items()}
