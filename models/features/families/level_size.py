"""Features of a matrix of grey level × size, the shape that run lengths, zones and dependences have in common.

A matrix counts things (runs, zones, dependent neighbourhoods) of grey level i and size j. The formulas are those of
Galloway (1975), Chu (1990) and Dasarathy and Holder (1991) as PyRadiomics 3.0.1 writes them; IBSI reference manual,
sections 3.7 to 3.11. Leading axes are a batch: images, and directions where there are any.
"""

from __future__ import annotations

import torch
from torch import Tensor

# The smallest step above 1 in float64: PyRadiomics adds it inside logarithms and to denominators.
EPS = 2.0**-52


def entropy(p: Tensor) -> Tensor:
    """-Σ p log2(p + ε) over the last axis, bits."""
    return -(p * torch.log2(p + EPS)).sum(-1)


def variance(p: Tensor, at: Tensor) -> Tensor:
    """Variance over the last axis of the distribution `p` at the places `at`."""
    mean = (p * at).sum(-1, keepdim=True)
    return (p * (at - mean) ** 2).sum(-1)


def level_size_features(counts: Tensor, levels: Tensor, sizes: Tensor) -> dict[str, Tensor]:
    """All features of the family under neutral names.

    Parameters
    ----------
    counts : float64 (..., levels, sizes), in every matrix some count is positive
    levels : float64, grey levels, broadcast against (..., levels); where padded any positive number
    sizes : float64, sizes, broadcast against (..., sizes); where padded any positive number

    Returns
    -------
    float64 (...) by name
    """
    by_level = counts.sum(-1)
    by_size = counts.sum(-2)
    total = by_size.sum(-1)
    p_level = by_level / total[..., None]
    p_size = by_size / total[..., None]
    level_squared, size_squared = levels**2, sizes**2
    level_purity = (by_level**2).sum(-1)
    size_purity = (by_size**2).sum(-1)
    # Σ_i counts(i, j) weighted by i² or 1/i²: (..., sizes)
    high = (counts * level_squared[..., :, None]).sum(-2)
    low = (counts / level_squared[..., :, None]).sum(-2)
    return {
        "Small": (by_size / size_squared).sum(-1) / total,
        "Large": (by_size * size_squared).sum(-1) / total,
        "LevelNonUniformity": level_purity / total,
        "LevelNonUniformityNormalized": level_purity / total**2,
        "SizeNonUniformity": size_purity / total,
        "SizeNonUniformityNormalized": size_purity / total**2,
        "Percentage": total / (by_size * sizes).sum(-1),
        "LevelVariance": variance(p_level, levels),
        "SizeVariance": variance(p_size, sizes),
        "Entropy": entropy((counts / total[..., None, None]).flatten(-2)),
        "LowLevel": (by_level / level_squared).sum(-1) / total,
        "HighLevel": (by_level * level_squared).sum(-1) / total,
        "SmallLow": (low / size_squared).sum(-1) / total,
        "SmallHigh": (high / size_squared).sum(-1) / total,
        "LargeLow": (low * size_squared).sum(-1) / total,
        "LargeHigh": (high * size_squared).sum(-1) / total,
    }
