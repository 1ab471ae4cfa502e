"""First-order features (18) of the grey values of a region.

Conventions of PyRadiomics 3.0.1 (IBSI reference manual, section 3.3, where not said otherwise): values are not binned,
except for entropy and uniformity; kurtosis is not the excess kurtosis; variance is that of the population; percentiles
interpolate linearly (NumPy's default; IBSI has another rule); the robust deviation keeps values equal to the two
percentiles.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.features.families.level_size import entropy

# Relative range up to which a region is flat: what filters leave of a constant. Its skewness would be one of rounding.
_ROUNDING = 1e-12
_PERCENTS = (10, 25, 50, 75, 90)


def needed_ranks(count: int) -> list[int]:
    """The places in ascending order that the features look at, for `count` values."""
    places = [int((count - 1) * (percent / 100)) for percent in _PERCENTS]
    return sorted({0, count - 1, *places, *(min(place + 1, count - 1) for place in places)})


def _percentile(values: Tensor, percent: float) -> Tensor:
    """NumPy's linear percentile with NumPy's rounding: the robust deviation compares values with it for equality."""
    place = (values.shape[-1] - 1) * (percent / 100)
    below = int(place)
    above = min(below + 1, values.shape[-1] - 1)
    low, high = values[..., below], values[..., above]
    part = place - below
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)


def firstorder_features(values: Tensor, level_counts: Tensor, voxel_volume_mm3: float) -> dict[str, Tensor]:
    """The 18 features.

    Parameters
    ----------
    values : float64 (..., voxels), grey values of the region, those of `needed_ranks` where ascending order puts them
    level_counts : float64 (..., levels), voxels of each grey level

    Returns
    -------
    float64 (...) by PyRadiomics' name. Skewness and kurtosis of a region that is flat up to rounding are 0; of an
    exactly flat one variance and deviations, too.
    """
    count = values.shape[-1]
    minimum, maximum = values[..., 0], values[..., -1]
    flat = minimum == maximum
    mean = torch.where(flat, minimum, values.mean(-1))
    centred = values - mean[..., None]
    squares = centred**2
    second = squares.mean(-1)
    third = (squares * centred).mean(-1)
    fourth = (squares**2).mean(-1)
    varies = maximum - minimum > _ROUNDING * torch.maximum(minimum.abs(), maximum.abs())
    divisor = torch.where(varies, second, 1.0)
    energy = (values**2).sum(-1)
    p10, p90 = _percentile(values, 10), _percentile(values, 90)
    kept = ((values >= p10[..., None]) & (values <= p90[..., None])).to(values.dtype)
    kept_count = kept.sum(-1)
    kept_mean = torch.where(flat, minimum, (values * kept).sum(-1) / kept_count)
    robust = ((values - kept_mean[..., None]).abs() * kept).sum(-1) / kept_count
    p = level_counts / level_counts.sum(-1, keepdim=True)
    return {
        "Energy": energy,
        "TotalEnergy": energy * voxel_volume_mm3,
        "Entropy": entropy(p),
        "Minimum": minimum,
        "10Percentile": p10,
        "90Percentile": p90,
        "Maximum": maximum,
        "Mean": mean,
        "Median": _percentile(values, 50),
        "InterquartileRange": _percentile(values, 75) - _percentile(values, 25),
        "Range": maximum - minimum,
        "MeanAbsoluteDeviation": centred.abs().mean(-1),
        "RobustMeanAbsoluteDeviation": robust,
        "RootMeanSquared": torch.sqrt(energy / count),
        "Skewness": torch.where(varies, third / divisor**1.5, 0.0),
        "Kurtosis": torch.where(varies, fourth / divisor**2, 0.0),
        "Variance": second,
        "Uniformity": (p**2).sum(-1),
    }
