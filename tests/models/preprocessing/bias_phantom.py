"""A synthetic contrast-enhanced T1 image with a bias field that is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.volume import Volume
from tests.models.geometry import centred_affine


@dataclass(frozen=True, eq=False)
class BiasPhantom:
    """Image, body mask, and the logarithm of the field in the image: all (slices, rows, columns)."""

    volume: Volume
    body: NDArray[np.bool_]
    log_field: NDArray[np.float32]


def bias_phantom(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], *, seed: int = 0, strength: float = 0.35
) -> BiasPhantom:
    """Two breasts and a chest wall: fat, patches of gland, vessels, noise, times the smooth field of a surface coil."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, size, dtype=np.float32) for size in shape), indexing="ij", sparse=True)
    breasts = [((x - side) / 0.42) ** 2 + ((y + 0.25) / 0.55) ** 2 + (z / 0.9) ** 2 < 1 for side in (-0.5, 0.5)]
    chest = (y > 0.2) & (y < 0.85) & (np.abs(x) < 0.92) & (np.abs(z) < 0.95)
    body = breasts[0] | breasts[1] | chest
    coarse = [max(2, size // 8) for size in shape]
    patches = ndimage.zoom(rng.standard_normal(coarse, dtype=np.float32), np.divide(shape, coarse), order=1)
    tissue = np.full(shape, 6, dtype=np.float32)
    tissue[body] = 220
    tissue[(breasts[0] | breasts[1]) & (patches > 0.3)] = 420
    tissue[(breasts[0] | breasts[1]) & (patches > 1.1)] = 700
    tissue[chest & (patches < 0)] = 330
    log_field = strength * (0.8 * x - 0.9 * y + 0.5 * y**2 - 0.4 * z * x + 0.5 * np.cos(2.5 * y + z))
    noise = rng.normal(0, 9, shape).astype(np.float32)
    voxels = np.abs(tissue * np.exp(log_field) + noise).astype(np.float32)
    return BiasPhantom(Volume(centred_affine(shape, spacing_mm), voxels), body, log_field.astype(np.float32))
