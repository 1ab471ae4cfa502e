"""Features without a value, and why: of most regions all 863 have one, of tiny or flat ones a few have none.

An engine gives NaN for such a feature and a finite number for every other, as PyRadiomics does. A table of features
leaves the cell empty and names the reason; a model that needs the feature refuses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from models.number_words import counted

CHECK_THE_REGION = "Check the segmentation: it may be too small or flat."
_CONSTANT = "every voxel of the image has one value, so that it cannot be normalised"
_NO_NEIGHBOURS = "no two voxels of the region are neighbours"
_NO_LINE = "no line of voxels passes through two voxels of the region"
_NONE_BETWEEN = "no voxel of the region lies between the 10th and the 90th percentile"
_ROUNDING = "there is a root of a negative number in every direction, by rounding"
_OTHER = "its formula gives no finite number for this region"


def undefined_among(values: Mapping[str, float]) -> dict[str, str]:
    """Name → reason, a clause, of the features of one region that have no finite value.

    Parameters
    ----------
    values : all features of the region by their PyRadiomics name
    """
    return {name: _reason(name, values) for name, value in values.items() if not math.isfinite(value)}


def _reason(name: str, values: Mapping[str, float]) -> str:
    image, _, feature = name.partition("_")

    def lacks(other: str) -> bool:
        return math.isnan(values.get(f"{image}_{other}", 0.0))

    if lacks("firstorder_Mean"):
        return _CONSTANT
    if feature.startswith("glcm_") and lacks("glcm_Contrast"):
        return _NO_NEIGHBOURS
    if feature.startswith("glrlm_") and lacks("glrlm_RunVariance"):
        return _NO_LINE
    if feature == "firstorder_RobustMeanAbsoluteDeviation":
        return _NONE_BETWEEN
    return _ROUNDING if feature in ("glcm_Imc2", "glcm_MCC") else _OTHER


def summary(undefined: Mapping[str, str], total: int) -> str:
    """A sentence about the features without a value, of which there is at least one."""
    reasons = list(dict.fromkeys(undefined.values()))
    have = "has" if len(undefined) == 1 else "have"
    of_all = f"{len(undefined)} of {counted(total, 'feature')} {have} no value"
    return f"{of_all} (first: {next(iter(undefined))}): {'; '.join(reasons)}."
