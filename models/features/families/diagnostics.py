"""The 12 diagnostics of PyRadiomics 2.1 that describe image and mask, as one number each.

Several of them are tuples in PyRadiomics. Spacing becomes the volume of a voxel (mm³), Size the number of voxels,
BoundingBox the number of voxels in the box, and the two centres of mass become their distance from the centre of the
volume (in voxels and in mm), so that none depends on where the patient lay in the scanner's coordinates.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from models.features.names import DIAGNOSTICS
from models.volume import Roi, Volume


def diagnostics(volume: Volume, roi: Roi) -> dict[str, float]:
    """The 12 values by name, of the image before normalisation. `roi` is on the grid of `volume`."""
    voxels = volume.voxels
    indices = np.nonzero(roi.mask)
    low = [int(index.min()) for index in indices]
    high = [int(index.max()) for index in indices]
    box = tuple(slice(first, last + 1) for first, last in zip(low, high, strict=True))
    _, components = ndimage.label(roi.mask[box], structure=np.ones((3, 3, 3)))
    centre_of_mass = np.array([index.mean() for index in indices])
    from_centre = centre_of_mass - (np.array(roi.shape) - 1) / 2
    values = (
        volume.voxel_volume_mm3,
        voxels.size,
        voxels.mean(dtype=np.float64),
        voxels.min(),
        voxels.max(),
        roi.voxel_volume_mm3,
        roi.mask.size,
        np.prod(np.array(high) - np.array(low) + 1),
        indices[0].size,
        components,
        np.linalg.norm(from_centre),
        np.linalg.norm(roi.affine[:3, :3] @ from_centre),
    )
    return {name: float(value) for name, value in zip(DIAGNOSTICS, values, strict=True)}
