"""A synthetic image in Hounsfield units with a tumour, for the configurations A to E of IBSI 1.

The CT phantom of IBSI is a real lung tumour and not part of the project. This one has what the configurations act on:
slices of 2.9 mm with pixels of 0.977 mm, air and calcifications beyond the re-segmentation ranges, and a rough outline.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from models.volume import Roi, Volume

SHAPE = (21, 55, 58)
SPACING_MM = (2.9, 0.977, 0.977)  # no voxel of 2 mm is covered by exactly half, which rounding would decide


def ct_like_phantom() -> tuple[Volume, Roi]:
    """Image (int16, Hounsfield units) and region."""
    rng = np.random.default_rng(20)
    places = np.stack(np.meshgrid(*[(np.arange(n) - n / 2 + 0.3) for n in SHAPE], indexing="ij"), axis=-1) * SPACING_MM
    distance = np.linalg.norm(places / np.array([21.0, 19.0, 17.0]), axis=-1)
    rough = ndimage.gaussian_filter(rng.standard_normal(SHAPE), (1.5, 5, 5))
    rough /= rough.std()
    mask = distance + 0.1 * rough < 1
    texture = ndimage.gaussian_filter(rng.standard_normal(SHAPE), (0.6, 1.4, 1.4))
    texture /= texture.std()
    voxels = np.where(distance < 0.95, 45.0, -780.0) + 60 * texture + rng.normal(0, 12, SHAPE)
    voxels = ndimage.gaussian_filter(voxels, (0.3, 0.8, 0.8))
    voxels[9:11, 20:24, 25:30] = 620  # calcified
    voxels[13, 30:33, 28:33] = -980  # air
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = *SPACING_MM, 1
    voxels = np.clip(np.rint(voxels), -1000, 3000).astype(np.int16)
    return Volume(affine, voxels), Roi(affine, mask, "tumour")
