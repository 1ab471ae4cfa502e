"""First-order features (18) of the grey values of a region.

Conventions of PyRadiomics 3.0.1 (IBSI reference manual, section 3.3, where not said otherwise): values are not binned,
except for entropy and uniformity; kurtosis is not the excess kurtosis; variance is that of the population; percentiles
interpolate linearly (NumPy's default; IBSI has another rule); the robust deviation keeps values equal to the two
percentiles.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.features.level_size import entropy


def _percentile(ascending: Tensor, percent: float) -> Tensor:
    """NumPy's linear percentile with NumPy's rounding: the robust deviation compares values with it for equality."""
    place = (ascending.shape[-1] - 1) * (percent / 100)
    below = int(place)
    above = min(below + 1, ascending.shape[-1] - 1)
    low, high = ascending[..., below], ascending[..., above]
    part = place - below
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)


def firstorder_features(ascending: Tensor, level_counts: Tensor, voxel_volume_mm3: float) -> dict[str, Tensor]:
    """The 18 features.

    Parameters
    ----------
    ascending : float64 (..., voxels), grey values of the region in ascending order
    level_counts : float64 (..., levels), voxels of each grey level

    Returns
    -------
    float64 (...) by PyRadiomics' name. In a flat region skewness, kurtosis, variance and the deviations are exactly 0.
    """
    count = ascending.shape[-1]
    minimum, maximum = ascending[..., 0], ascending[..., -1]
    flat = minimum == maximum
    mean = torch.where(flat, minimum, ascending.mean(-1))
    centred = ascending - mean[..., None]
    squares = centred**2
    second = squares.mean(-1)
    third = (squares * centred).mean(-1)
    fourth = (squares**2).mean(-1)
    divisor = torch.where(second == 0, 1.0, second)
    energy = (ascending**2).sum(-1)
    p10, p90 = _percentile(ascending, 10), _percentile(ascending, 90)
    kept = ((ascending >= p10[..., None]) & (ascending <= p90[..., None])).to(ascending.dtype)
    kept_count = kept.sum(-1)
    kept_mean = torch.where(flat, minimum, (ascending * kept).sum(-1) / kept_count)
    robust = ((ascending - kept_mean[..., None]).abs() * kept).sum(-1) / kept_count
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
        "Median": _percentile(ascending, 50),
        "InterquartileRange": _percentile(ascending, 75) - _percentile(ascending, 25),
        "Range": maximum - minimum,
        "MeanAbsoluteDeviation": centred.abs().mean(-1),
        "RobustMeanAbsoluteDeviation": robust,
        "RootMeanSquared": torch.sqrt(energy / count),
        "Skewness": third / divisor**1.5,
        "Kurtosis": fourth / divisor**2,
        "Variance": second,
        "Uniformity": (p**2).sum(-1),
    }
