"""Grey-level co-occurrence matrix features (24), averaged over 13 directions at distance 1.

Haralick et al. 1973 (doi:10.1109/TSMC.1973.4309314); IBSI reference manual, section 3.6. Conventions of PyRadiomics
3.0.1: symmetric matrices, pairs inside the region only, every direction normalised and evaluated by itself, directions
without pairs left out of the mean, 2⁻⁵² added inside logarithms and to the denominators of Correlation and MCC.

Near independence of the two levels, Imc2 and MCC are square roots of rounding errors, and PyRadiomics leaves out the
directions where the rounded value under the root is negative. To agree with PyRadiomics there, `imc2_by_rounding`
and `mcc_by_rounding` repeat its operations in their order; they are used only where the value hangs on it.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.features.families.level_size import EPS, entropy, variance

# Bits of mutual information below which rounding is visible in Imc2 at 1e-9.
_NEAR_INDEPENDENCE = 1e-4
# Squared correlation below which rounding is visible in MCC.
_NEAR_ZERO = 1e-3


def _probabilities_along(p: Tensor, index: Tensor, length: int) -> Tensor:
    """Sums the joint probabilities (..., D, K, K) by an index (..., K, K): (..., D, length)."""
    flat = index.flatten(-2)[..., None, :].expand(*p.shape[:-2], -1)
    return p.new_zeros((*p.shape[:-2], length)).scatter_add_(-1, flat, p.flatten(-2))


def glcm_features(
    pairs: Tensor, levels: Tensor, level_counts: Tensor, highest: Tensor, *, with_mcc: bool = True
) -> dict[str, Tensor]:
    """The 24 features, averaged over directions.

    Parameters
    ----------
    pairs : float64 (..., directions, K, K), pairs of neighbours counted once; only directions with pairs, at least one
    levels : int64 (..., K), grey levels; padded with any number up to `highest` where `pairs` is 0
    level_counts : int64 (...), how many of the K levels are real
    highest : float64 (...), the highest grey level (PyRadiomics' Ng)
    with_mcc : compute MCC, whose eigenvalues cost more than all the others together

    Returns
    -------
    float64 (...) by PyRadiomics' name. MCC of a flat region is 1, Imc1 and Imc2 are 0.
    """
    p = pairs + pairs.transpose(-1, -2)
    p = p / p.sum((-2, -1), keepdim=True)
    px = p.sum(-1)
    i = levels.to(p.dtype)[..., None, :]
    top = int(levels.max())
    p_sum = _probabilities_along(p, levels[..., :, None] + levels[..., None, :], 2 * top + 1)
    p_diff = _probabilities_along(p, (levels[..., :, None] - levels[..., None, :]).abs(), top)
    k_sum = torch.arange(2 * top + 1, dtype=p.dtype, device=p.device)
    k = k_sum[:top]
    ng = highest[..., None, None]

    mean = (px * i).sum(-1)
    around = k_sum - 2 * mean[..., None]
    around_squared = around**2
    tendency = (p_sum * around_squared).sum(-1)
    contrast = (p_diff * k**2).sum(-1)
    spread = (px * (i - mean[..., None]) ** 2).sum(-1)
    correlation = torch.where(spread == 0, 1.0, (tendency - contrast) / 4 / (spread + EPS))

    independent = px[..., :, None] * px[..., None, :]
    log_independent = torch.log2(independent + EPS)
    hxy = entropy(p.flatten(-2))
    hxy1 = -(p * log_independent).sum((-2, -1))
    hxy2 = -(independent * log_independent).sum((-2, -1))
    hx = entropy(px)
    per_direction = {
        "Autocorrelation": ((p_sum * k_sum**2).sum(-1) - contrast) / 4,
        "JointAverage": mean,
        "ClusterProminence": (p_sum * around_squared**2).sum(-1),
        "ClusterShade": (p_sum * around_squared * around).sum(-1),
        "ClusterTendency": tendency,
        "Contrast": contrast,
        "Correlation": correlation,
        "DifferenceAverage": (p_diff * k).sum(-1),
        "DifferenceEntropy": entropy(p_diff),
        "DifferenceVariance": variance(p_diff, k),
        "JointEnergy": (p**2).sum((-2, -1)),
        "JointEntropy": hxy,
        "Imc1": torch.where(hx == 0, 0.0, (hxy - hxy1) / torch.where(hx == 0, 1.0, hx)),
        "Idm": (p_diff / (1 + k**2)).sum(-1),
        "Idmn": (p_diff / (1 + k**2 / ng**2)).sum(-1),
        "Id": (p_diff / (1 + k)).sum(-1),
        "Idn": (p_diff / (1 + k / ng)).sum(-1),
        "InverseVariance": (p_diff[..., 1:] / k[1:] ** 2).sum(-1),
        "MaximumProbability": p.amax((-2, -1)),
        "SumAverage": (p_sum * k_sum).sum(-1),
        "SumEntropy": entropy(p_sum),
        "SumSquares": spread,
    }
    features = {name: value.mean(-1) for name, value in per_direction.items()}
    features["Imc2"] = _imc2(p, hxy2 - hxy, level_counts)
    if with_mcc:
        features["MCC"] = _mcc(p, level_counts)
    return features


def _imc2(p: Tensor, information: Tensor, level_counts: Tensor) -> Tensor:
    value = torch.sqrt(1 - torch.exp(-2 * information.clamp(min=0))).mean(-1)
    for where in (information < _NEAR_INDEPENDENCE).any(-1).nonzero():
        at = tuple(where.tolist())
        count = int(level_counts[at])
        value[at] = imc2_by_rounding(_compact(p[at][:, :count, :count]))
    return value


def _mcc(p: Tensor, level_counts: Tensor) -> Tensor:
    value = torch.empty(level_counts.shape, dtype=p.dtype)
    for at in np.ndindex(*level_counts.shape):
        count = int(level_counts[at])
        real = p[at][:, :count, :count].cpu()
        px = real.sum(-1)
        # Q(i, j) = Σ_k p(i, k) p(j, k) / (p(i) p(k) + ε); p is symmetric, and so is the quotient.
        q = (real / (px[:, :, None] * px[:, None, :] + EPS)) @ real
        second = torch.linalg.eigvals(q).real.sort(-1).values[:, -2] if count > 1 else px.new_zeros(1)
        value[at] = second.sqrt().mean() if bool((second > _NEAR_ZERO).all()) else mcc_by_rounding(_compact(real))
    return value.to(p.device)


def _compact(p: Tensor) -> NDArray[np.float64]:
    """(directions, K, K) → (K, K, directions), PyRadiomics' memory order, which decides the order of its sums."""
    return np.ascontiguousarray(p.permute(1, 2, 0).cpu().numpy())


def imc2_by_rounding(p: NDArray[np.float64]) -> float:
    """Imc2 by PyRadiomics' own operations; 0 where it finds no direction with a value.

    p : float64 (K, K, directions)
    """
    px, py = p.sum(1, keepdims=True), p.sum(0, keepdims=True)
    hxy = -np.sum(p * np.log2(p + EPS), (0, 1))
    hxy2 = -np.sum((px * py) * np.log2(px * py + EPS), (0, 1))
    inside = 1 - np.e ** (-2 * (hxy2 - hxy))
    values = np.sqrt(inside[inside >= 0])
    return float(values.mean()) if values.size else 0.0


def mcc_by_rounding(p: NDArray[np.float64]) -> float:
    """MCC by PyRadiomics' own operations; 1 for a single level, 0 where it finds no direction with a value.

    p : float64 (K, K, directions)
    """
    if p.shape[0] < 2:
        return 1.0
    px, py = p.sum(1, keepdims=True), p.sum(0, keepdims=True)
    q = np.zeros_like(p)
    for k in range(p.shape[0]):
        q += (p[:, None, k, :] * p[None, :, k, :]) / (px * py[0, k] + EPS)
    eigenvalues = np.linalg.eigvals(q.transpose(2, 0, 1))
    eigenvalues.sort()
    second = eigenvalues[:, -2]
    if not np.iscomplexobj(second):
        second = second[second >= 0]
    return float(np.sqrt(second).mean().real) if second.size else 0.0
