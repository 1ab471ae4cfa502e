"""Image and regions on a grid of another voxel size, as the IBSI reference manual describes (section 2.4).

The new grid covers the old one (the number of voxels is rounded up) and has the same centre. The image is interpolated
between voxel centres, and beyond the outermost ones it continues with their values. A mask is interpolated as 0 and 1,
and what covers half of a voxel or more belongs to the region.

PyRadiomics 3.0.1 differs (`imageoperations.resampleImage`): it lines up the corners of the first voxels instead of the
centres of the grids, takes the nearest voxel of the mask, keeps the number type of the image, cuts the image out around
the region (`padDistance`) before it filters, and leaves an axis alone along which the region is one voxel thick.

SciPy interpolates: its splines pass through the voxels and continue at the edge like the image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.errors import StudyRejected
from models.features.filters.image_box import ImageStatistics, normalised
from models.features.settings import FeatureSettings, Interpolator
from models.number_words import counted
from models.volume import Region, Roi, Volume

ORDERS: dict[Interpolator, Literal[0, 1, 3]] = {Interpolator.NEAREST: 0, Interpolator.LINEAR: 1, Interpolator.CUBIC: 3}
# Half a voxel, less what sums of weights round: a voxel that is covered by exactly half belongs to the region.
HALF = 0.5 - 1e-9
# A row of voxels is not one longer because its length in mm rounds up, as 10 steps of 0.1 mm do.
_ROUNDING = 1e-6
_MOST_VOXELS = 500_000_000  # 4 GB


@dataclass(frozen=True)
class NewGrid:
    """A grid with the centre of another one: voxel i of it lies at `first + i * step` in voxels of the other.

    Attributes
    ----------
    shape : voxels along slices, rows, columns
    step, first : along each axis, in voxels of the other grid
    """

    shape: tuple[int, int, int]
    step: tuple[float, float, float]
    first: tuple[float, float, float]

    def interpolated(self, voxels: NDArray[Any], interpolator: Interpolator) -> NDArray[np.float64]:
        """The values at the voxels of this grid: float64, of its shape."""
        return np.asarray(
            ndimage.affine_transform(
                voxels.astype(np.float64),
                np.array(self.step),
                offset=np.array(self.first),
                output_shape=self.shape,
                order=ORDERS[interpolator],
                mode="nearest",
            )
        )

    def affine(self, other: NDArray[np.float64]) -> NDArray[np.float64]:
        """Its affine, from that of the other grid."""
        affine = other.copy()
        affine[:3, :3] = other[:3, :3] * np.array(self.step)
        affine[:3, 3] = other[:3, 3] + other[:3, :3] @ np.array(self.first)
        return affine


def new_grid(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], wanted_mm: tuple[float, ...]
) -> NewGrid:
    """The grid of voxels of `wanted_mm` (0: as they are) with the centre of a grid of `shape` and `spacing_mm`.

    Raises
    ------
    StudyRejected
        When it would have more than 500 million voxels.
    """
    sizes, steps, firsts = [], [], []
    for size, spacing, wanted in zip(shape, spacing_mm, wanted_mm, strict=True):
        step = wanted / spacing if wanted else 1.0
        if math.isclose(step, 1.0, rel_tol=_ROUNDING):
            step = 1.0
        count = max(math.ceil(size / step - _ROUNDING), 1)
        sizes.append(count)
        steps.append(step)
        firsts.append((size - 1) / 2 - step * (count - 1) / 2)
    if math.prod(sizes) > _MOST_VOXELS:
        raise StudyRejected(
            f"The image would have {' × '.join(map(str, sizes))} voxels (slices × rows × columns) after resampling; at "
            f"most {_MOST_VOXELS:,} were expected. Choose a larger resample_mm."
        )
    return NewGrid((sizes[0], sizes[1], sizes[2]), (steps[0], steps[1], steps[2]), (firsts[0], firsts[1], firsts[2]))


@dataclass(frozen=True, eq=False)
class Resampled:
    """Image and regions on the new grid, and what is left to do of the settings.

    Attributes
    ----------
    volume : float64; normalised, if that was to be done and the image is not constant
    """

    volume: Volume
    rois: Mapping[Region, Roi]
    settings: FeatureSettings


def resampled(
    volume: Volume, rois: Mapping[Region, Roi], statistics: ImageStatistics, settings: FeatureSettings
) -> Resampled:
    """Normalises the image, as far as the settings say so, and carries it and the regions over to the new grid.

    Parameters
    ----------
    statistics : that the image is normalised with

    Raises
    ------
    StudyRejected
        When a region has no voxel on the new grid, the grid is too large, or the values are too large.
    """
    grid = new_grid(volume.shape, volume.spacing_mm, settings.resample_mm)
    affine = grid.affine(volume.affine)
    can_normalise = settings.normalize and statistics.deviation != 0
    source = normalised(volume.voxels, statistics, settings) if can_normalise else volume.voxels
    voxels = grid.interpolated(source, settings.image_interpolator)
    if settings.round_intensities:
        voxels = np.rint(voxels)
    found: dict[Region, Roi] = {}
    for region, roi in rois.items():
        mask = grid.interpolated(roi.mask, settings.mask_interpolator) >= HALF
        if not mask.any():
            raise StudyRejected(
                f"The region '{roi.label}' ({counted(int(np.count_nonzero(roi.mask)), 'voxel')} of "
                f"{' × '.join(f'{size:.3g}' for size in roi.spacing_mm)} mm) covers half of no voxel after resampling "
                f"to {' × '.join(f'{size:g}' for size in settings.resample_mm)} mm; choose a smaller resample_mm."
            )
        found[region] = Roi(affine, mask, roi.label)
    return Resampled(Volume(affine, voxels), found, settings.on_resampled(normalized=can_normalise))
