"""Neighbourhood grey-tone difference matrix features (5).

Amadasun and King 1989 (doi:10.1109/21.44046); IBSI reference manual, section 3.10. Conventions of PyRadiomics 3.0.1: a
voxel without neighbours counts as a voxel with difference 0; coarseness is 10⁶ where the region is flat.
"""

from __future__ import annotations

import torch
from torch import Tensor

COARSENESS_OF_FLAT = 1e6


def ngtdm_features(voxels: Tensor, differences: Tensor, levels: Tensor) -> dict[str, Tensor]:
    """The 5 features.

    Parameters
    ----------
    voxels : float64 (..., levels), voxels of each grey level
    differences : float64 (..., levels), sum of |grey level - mean of the neighbours| over these voxels
    levels : float64 (..., levels), grey levels

    Returns
    -------
    float64 (...) by PyRadiomics' name
    """
    total = voxels.sum(-1)
    p = voxels / total[..., None]
    present = (p > 0).to(p.dtype)
    used = present.sum(-1)
    weighted = (p * differences).sum(-1)
    summed = differences.sum(-1)
    both = present[..., :, None] * present[..., None, :]
    apart = levels[..., :, None] - levels[..., None, :]
    p_sum = p[..., :, None] + p[..., None, :]
    ps = p * differences
    ip = levels * p
    contrast = (p[..., :, None] * p[..., None, :] * apart**2).sum((-2, -1)) * summed / total
    spread = ((ip[..., :, None] - ip[..., None, :]).abs() * both).sum((-2, -1))
    complexity = apart.abs() * (ps[..., :, None] + ps[..., None, :]) * both / torch.where(p_sum > 0, p_sum, 1.0)
    strength = (p_sum * apart**2 * both).sum((-2, -1))
    return {
        "Coarseness": torch.where(weighted != 0, 1 / weighted, COARSENESS_OF_FLAT),
        "Contrast": torch.where(used > 1, contrast / (used * (used - 1)), 0.0),
        "Busyness": torch.where(spread != 0, weighted / spread, 0.0),
        "Complexity": complexity.sum((-2, -1)) / total,
        "Strength": torch.where(summed != 0, strength / summed, 0.0),
    }
