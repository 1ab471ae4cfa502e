"""Quantiles of many voxels from an evenly spread sample: the same array gives the same numbers."""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray

# Two hundred thousand voxels place the 0.1 % quantile within a twentieth of its rank, at a tenth of the cost.
SAMPLE = 200_000


def sampled(voxels: NDArray[np.float32], usable: NDArray[np.bool_]) -> NDArray[np.float32]:
    """About `SAMPLE` of the usable voxels, float32 (n,); all of them where there are fewer."""
    step = max(1, int(np.count_nonzero(usable)) // SAMPLE)
    while gcd(step, voxels.shape[-1]) > 1:
        step += 1  # a step that divides the rows would see some columns only
    values = voxels.ravel()[::step][usable.ravel()[::step]]
    return values if values.size else voxels[usable]
