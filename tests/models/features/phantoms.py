"""Synthetic tumours with a peritumoral shell: small ones for tests, the reference patient for the benchmark."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from models.volume import Region, Roi, Volume
from tests.models.features.reference import roi_of, volume_of


def tumour_study(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], diameter_mm: float, *, seed: int
) -> tuple[Volume, dict[Region, Roi]]:
    """An ellipsoid tumour (axes 1.1 : 1 : 0.9 of the diameter) a little off the centre, its 10 mm shell, and the image.

    The image has a slow wave, texture of about 1.2 voxels, noise, and a brighter tumour with a darker core.
    """
    rng = np.random.default_rng(seed)
    along = [(np.arange(n) - n / 2 + 0.3) * step for n, step in zip(shape, spacing_mm, strict=True)]
    z, y, x = np.meshgrid(*along, indexing="ij", sparse=True)
    radius = np.sqrt((z / 0.9) ** 2 + (y / 1.1) ** 2 + x**2).astype(np.float32)
    texture = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 1.2)
    voxels = 300 + 60 * np.sin(z / 9) + 360 * texture + 15 * rng.standard_normal(shape, dtype=np.float32)
    voxels += 120 * (radius < diameter_mm / 2) - 80 * (radius < diameter_mm / 6)
    tumour = radius < diameter_mm / 2
    shell = ~tumour & (ndimage.distance_transform_edt(~tumour, sampling=spacing_mm) <= 10)
    rois = {
        Region.INTRATUMORAL: roi_of(tumour, spacing_mm, "tumour"),
        Region.PERITUMORAL: roi_of(shell, spacing_mm, "peritumoral shell"),
    }
    return volume_of(voxels.astype(np.float32), spacing_mm), rois
