"""The formulas of all families over a batch of images of one region, on any device."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.features.families.firstorder import firstorder_features
from models.features.families.glcm import glcm_features
from models.features.families.gldm import gldm_features
from models.features.families.glrlm import glrlm_features
from models.features.families.glszm import glszm_features
from models.features.families.ngtdm import ngtdm_features
from models.features.texture import TEXTURE_FAMILIES, TextureCounts
from models.threads import one_thread

FAMILIES = ("firstorder", *TEXTURE_FAMILIES)


def _stack(arrays: Sequence[NDArray[Any]], device: torch.device, fill: int = 0) -> Tensor:
    """Pads to the largest extent along every axis and stacks: float64 (arrays, …)."""
    extent = np.max([array.shape for array in arrays], axis=0)
    stacked = np.full((len(arrays), *extent), fill, dtype=np.float64)
    for k, array in enumerate(arrays):
        part: tuple[int | slice, ...] = (k, *(slice(size) for size in array.shape))
        stacked[part] = array
    return torch.from_numpy(stacked).to(device)


def _groups(counts: Sequence[TextureCounts], device: torch.device) -> list[list[int]]:
    """Groups of images to evaluate together: all on a GPU; on the CPU those with similar numbers of levels.

    Matrices are padded to the largest of their group, and a low-pass image has several times the levels of the others.
    """
    if device.type != "cpu":
        return [list(range(len(counts)))]
    groups: list[list[int]] = []
    largest = 0
    for k in sorted(range(len(counts)), key=lambda k: -counts[k].greys.size):
        if not groups or counts[k].greys.size < largest / 2:
            groups.append([])
            largest = counts[k].greys.size
        groups[-1].append(k)
    return groups


def grey_level_features(
    values: NDArray[np.float64],
    counts: Sequence[TextureCounts],
    *,
    voxel_volume_mm3: float,
    device: torch.device,
    families: Collection[str] = FAMILIES,
    with_mcc: bool = True,
) -> list[dict[str, float]]:
    """The 93 features of each image by `<family>_<name>`, or those of some families.

    Parameters
    ----------
    values : float64 (images, voxels), the grey values of the region in each image, as `firstorder_features` wants them
    counts : the matrices of each image, of these families
    with_mcc : compute MCC, of the family glcm
    """
    results: list[dict[str, float]] = [{}] * len(counts)
    with one_thread():
        for group in _groups(counts, device):
            features = _evaluate(
                values[group], [counts[k] for k in group], voxel_volume_mm3, device, families, with_mcc
            )
            for k, found in zip(group, features, strict=True):
                results[k] = found
    return results


def _evaluate(
    values: NDArray[np.float64],
    counts: Sequence[TextureCounts],
    voxel_volume_mm3: float,
    device: torch.device,
    families: Collection[str],
    with_mcc: bool,
) -> list[dict[str, float]]:
    levels = _stack([c.greys for c in counts], device, fill=1)
    formulas: dict[str, Callable[[], dict[str, Tensor]]] = {
        "firstorder": lambda: firstorder_features(
            torch.from_numpy(values).to(device), _stack([c.level_counts for c in counts], device), voxel_volume_mm3
        ),
        "glcm": lambda: glcm_features(
            _stack([c.pairs for c in counts], device),
            levels.long(),
            torch.tensor([c.greys.size for c in counts]),
            torch.tensor([float(c.highest_grey) for c in counts], dtype=torch.float64, device=device),
            with_mcc=with_mcc,
        ),
        "glrlm": lambda: glrlm_features(_stack([c.runs for c in counts], device), levels),
        "glszm": lambda: glszm_features(
            _stack([c.zones for c in counts], device), levels, _stack([c.zone_sizes for c in counts], device, fill=1)
        ),
        "gldm": lambda: gldm_features(_stack([c.dependences for c in counts], device), levels),
        "ngtdm": lambda: ngtdm_features(
            _stack([c.tones[:, 0] for c in counts], device), _stack([c.tones[:, 1] for c in counts], device), levels
        ),
    }
    found = {family: formulas[family]() for family in FAMILIES if family in families}
    names = [f"{family}_{name}" for family, features in found.items() for name in features]
    rows = torch.stack([value for features in found.values() for value in features.values()], dim=-1).cpu().numpy()
    return [dict(zip(names, row, strict=True)) for row in rows.tolist()]
