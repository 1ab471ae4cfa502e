"""From grey values to grey levels, as PyRadiomics 3.0.1 does (`imageoperations.getBinEdges`, `binImage`).

Not IBSI's fixed bin size: the edges are multiples of the width from 0, not from the minimum of the region, and every
bin is half open, so that a maximum on an edge gets a bin of its own. Bin edges are computed in the precision of the
image (float32 for a float32 image that is not normalised, float64 otherwise), because PyRadiomics does.

`BinOrigin.MINIMUM` is IBSI's fixed bin size (reference manual, section 2.7): ⌊(x - lowest) / width⌋ + 1 from the lower
end of the re-segmentation range, or from the minimum of the region where there is none and in filtered images. A fixed
number of bins is the same in both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.features.kernels import box as box_kernels
from models.features.settings import BinOrigin, FeatureSettings
from models.number_words import counted

# Matrices grow with the square of the number of levels in use (13 × levels² integers for GLCM).
MOST_LEVELS = 2048
_MOST_BINS = 65_000  # a level must fit into 16 bits


@dataclass(frozen=True, eq=False)
class GreyLevels:
    """The grey levels of one image inside one region.

    Attributes
    ----------
    compact : uint16 (voxels,), 1 … K, an index into `greys` plus one
    greys : int64 (K,), the grey levels that occur, ascending; level 1 is the lowest of the region, or IBSI's first bin
    counts : int64 (K,), voxels of each
    """

    compact: NDArray[np.uint16]
    greys: NDArray[np.int64]
    counts: NDArray[np.int64]


def bin_edges(values: NDArray[Any], settings: FeatureSettings, *, image: str = "original") -> NDArray[Any]:
    """Bin edges for the grey values of a region, (bins + 1,), in the precision of `values`.

    Parameters
    ----------
    image : name of the image the values are from

    Raises
    ------
    StudyRejected
        When the range of the values would need more than 65,000 bins, or is too narrow for `bin_count` bins.
    """
    minimum, maximum = values.min(), values.max()
    if settings.bin_count is not None:
        try:
            edges: NDArray[Any] = np.histogram_bin_edges(values, settings.bin_count)
        except ValueError as too_narrow:
            raise StudyRejected(
                f"The grey values of the region reach from {minimum!s} to {maximum!s}, too close to one another for "
                f"{counted(settings.bin_count, 'bin')}; use a bin width, or leave the filter out whose image is that "
                "flat."
            ) from too_narrow
        edges[-1] += 1  # so that the maximum falls into the last bin of numpy.digitize
        return edges
    width = settings.bin_width
    from_minimum = settings.bin_origin is BinOrigin.MINIMUM
    if from_minimum and settings.resegment_range and image == "original":
        minimum = minimum.dtype.type(settings.resegment_range[0])
    if float(maximum) - float(minimum) > _MOST_BINS * width:
        raise StudyRejected(
            f"The grey values of the region reach from {minimum:g} to {maximum:g}; with a bin width of {width:g} that "
            f"is more than {_MOST_BINS} bins. Choose a larger bin width or normalise the image."
        )
    if from_minimum:
        bins = math.floor((float(maximum) - float(minimum)) / width) + 2
        ibsi_edges: NDArray[Any] = (float(minimum) + width * np.arange(bins)).astype(values.dtype)
        return ibsi_edges
    edges = np.arange(minimum - (minimum % width), maximum + 2 * width, width)
    if edges.size == 1:
        edges = np.array([edges[0] - 0.5, edges[0] + 0.5])
    return edges


def discretise(values: NDArray[Any], settings: FeatureSettings, *, image: str = "original") -> GreyLevels:
    """Grey levels of the voxels of one region.

    Parameters
    ----------
    values : float32 or float64 (voxels,), finite
    image : name of the image they are from

    Raises
    ------
    StudyRejected
        When more than 65,000 bins or more than `MOST_LEVELS` different levels would be needed.
    """
    edges = bin_edges(values, settings, image=image)
    levels, counts = box_kernels.digitise(values, edges, float(edges[1] - edges[0]))
    greys = np.flatnonzero(counts)
    if greys.size > MOST_LEVELS:
        raise StudyRejected(
            f"The region has {greys.size} different grey levels, at most {MOST_LEVELS} were expected; "
            "choose a larger bin width or a smaller bin count."
        )
    if greys[-1] == greys.size:  # no level is empty, so levels are their own index
        return GreyLevels(levels, greys, counts[greys])
    compact = np.zeros(counts.size, dtype=np.uint16)
    compact[greys] = np.arange(1, greys.size + 1, dtype=np.uint16)
    return GreyLevels(compact[levels], greys, counts[greys])
