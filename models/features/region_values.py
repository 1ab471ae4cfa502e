"""Grey values of regions in the original and all filtered images, from one box around them or several small ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.features.filters.image_box import ImageStatistics, box_images, relative_box, union_box
from models.features.filters.wavelet import Box, wavelet_reach
from models.features.pieces import covering, is_sparse
from models.features.settings import FeatureSettings
from models.features.texture import RegionGeometry
from models.volume import Region, Volume

Values = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class PlacedRegion:
    """A region in an image.

    Attributes
    ----------
    box : its bounding box
    geometry : of the region in that box
    """

    box: Box
    geometry: RegionGeometry

    def inside(self) -> NDArray[np.bool_]:
        """The mask in the bounding box; only where the parts of the region were not moved."""
        return self.geometry.mask[1:-1, 1:-1, 1:-1].astype(np.bool_)

    def places(self) -> NDArray[np.int64]:
        """Indices of its voxels in the image in scan order: int64 (voxels, 3)."""
        places = self.geometry.places
        inside = np.argwhere(self.inside()) if places is None else places
        return inside + np.array([part.start for part in self.box])


def region_values(
    volume: Volume, regions: Mapping[Region, PlacedRegion], statistics: ImageStatistics, settings: FeatureSettings
) -> dict[Region, Values]:
    """Region → name of the image (`original`, `wavelet-LLH`, …) → grey values of its voxels in scan order (voxels,).

    Filters are computed of the box around all regions; where that is large and nearly empty, of the smaller boxes that
    cover them. The values are the same to the last bit. A Laplacian of Gaussian is one of the whole image anyway.

    Raises
    ------
    StudyRejected, SetupError
        As `box_images`.
    """
    box = union_box([placed.box for placed in regions.values()])
    voxels = sum(placed.geometry.positions.size for placed in regions.values())
    if is_sparse(math.prod(part.stop - part.start for part in box), voxels) and not settings.log_sigma_mm:
        return _from_several_boxes(volume, regions, statistics, settings)
    images = box_images(volume, box, statistics, settings)
    return {
        region: dict(zip(images.names, _cut(images.images, placed, images.box), strict=True))
        for region, placed in regions.items()
    }


def _cut(images: tuple[NDArray[Any], ...], placed: PlacedRegion, box: Box) -> list[NDArray[Any]]:
    part = relative_box(placed.box, box)
    if placed.geometry.places is None:
        inside = placed.inside()
        return [image[part][inside] for image in images]
    where = tuple(placed.geometry.places.T)
    return [image[part][where] for image in images]


def _from_several_boxes(
    volume: Volume, regions: Mapping[Region, PlacedRegion], statistics: ImageStatistics, settings: FeatureSettings
) -> dict[Region, Values]:
    places = np.concatenate([placed.places() for placed in regions.values()])
    ends = np.cumsum([placed.geometry.positions.size for placed in regions.values()])
    values: Values = {}
    for members in covering(places, wavelet_reach(settings)):
        low, high = places[members].min(axis=0), places[members].max(axis=0) + 1
        box = tuple(slice(int(first), int(last)) for first, last in zip(low, high, strict=True))
        images = box_images(volume, (box[0], box[1], box[2]), statistics, settings)
        where = tuple((places[members] - low).T)
        for name, image in zip(images.names, images.images, strict=True):
            values.setdefault(name, np.empty(len(places), image.dtype))[members] = image[where]
    return {
        region: {name: of_image[end - placed.geometry.positions.size : end] for name, of_image in values.items()}
        for (region, placed), end in zip(regions.items(), ends.tolist(), strict=True)
    }
