"""The images the features are computed on, only where the regions are: normalisation, LoG and wavelet of one box."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.features.filters.log_filter import laplacian_of_gaussian
from models.features.filters.wavelet import Box, box_sub_bands, open_wavelet
from models.features.kernels import box as box_kernels
from models.features.names import log_image_name
from models.features.settings import FeatureSettings
from models.volume import Roi, Volume, same_grid

_LANES = 256
# Values of the body are cut at these quantiles before mean and deviation are taken: vessels, skin and artefacts.
BODY_PERCENT = (0.5, 99.5)


@dataclass(frozen=True)
class ImageStatistics:
    """Of voxels before normalisation; `deviation` is that of a sample (N - 1), as ITK computes it."""

    mean: float
    deviation: float
    minimum: float
    maximum: float


@dataclass(frozen=True, eq=False)
class BoxImages:
    """The images of one box.

    Attributes
    ----------
    box : where the box lies in the volume
    names : `original`, `log-sigma-…`, `wavelet-LLH`, …
    images : of each name float64 (float32 without normalisation) (slices, rows, columns) of the box
    """

    box: Box
    names: tuple[str, ...]
    images: tuple[NDArray[Any], ...]


def image_statistics(voxels: NDArray[np.float32]) -> ImageStatistics:
    """One pass over all voxels; mean and deviation are exact up to the last rounding."""
    parts, low, high = box_kernels.exact_sums(voxels.ravel(), _LANES)
    total, squared, count = math.fsum(parts[:2].ravel()), math.fsum(parts[2:].ravel()), voxels.size
    variance = (squared - total * total / count) / (count - 1) if count > 1 else 0.0
    return ImageStatistics(total / count, math.sqrt(max(variance, 0.0)), float(low), float(high))


def body_statistics(voxels: NDArray[np.float32], body: NDArray[np.bool_]) -> ImageStatistics:
    """Mean and deviation over the body with its values cut at `BODY_PERCENT` (winsorised).

    Raises
    ------
    StudyRejected
        When the body has no voxel or all its voxels have one value.
    """
    values = voxels[body]
    if values.size < 2:
        raise StudyRejected(f"The body mask holds {values.size} voxels; a body of many voxels was expected.")
    low, high = np.percentile(values, BODY_PERCENT)
    found = image_statistics(np.clip(values, np.float32(low), np.float32(high)))
    if found.deviation == 0:
        raise StudyRejected(
            f"Nearly every voxel of the body has the value {found.mean:g}; an image with contrast was expected."
        )
    return found


def region_box(volume: Volume, roi: Roi) -> Box:
    """Bounding box of a region that features can be computed of.

    Raises
    ------
    StudyRejected
        When the region is not on the grid of the image, extends along fewer than two axes, or is the whole image.
    """
    if not same_grid(volume, roi):
        raise StudyRejected(
            f"The region '{roi.label}' is on a grid of {roi.shape} voxels and the image on one of {volume.shape}, or "
            "their positions differ; resample the region to the grid of the image first."
        )
    limits = box_kernels.bounding_box(roi.mask)
    extent = limits[:, 1] - limits[:, 0] + 1
    box = tuple(slice(int(first), int(last) + 1) for first, last in limits)
    if np.count_nonzero(extent > 1) < 2:
        raise StudyRejected(
            f"The region '{roi.label}' lies in a box of {extent[0]} × {extent[1]} × {extent[2]} voxels (slices × rows "
            "× columns); features need an extent of at least 2 voxels along at least 2 axes. Check the segmentation."
        )
    if tuple(extent) == roi.shape and roi.mask.all():
        raise StudyRejected(
            f"The region '{roi.label}' is the whole image ({roi.mask.size} voxels); a region inside the image was "
            "expected."
        )
    return box[0], box[1], box[2]


def union_box(boxes: Sequence[Box]) -> Box:
    """The smallest box around all."""
    parts = [slice(min(p.start for p in along), max(p.stop for p in along)) for along in zip(*boxes, strict=True)]
    return parts[0], parts[1], parts[2]


def relative_box(box: Box, origin: Box) -> Box:
    """`box` in the indices of the array cut out at `origin`."""
    parts = [slice(p.start - o.start, p.stop - o.start) for p, o in zip(box, origin, strict=True)]
    return parts[0], parts[1], parts[2]


def normalised(voxels: NDArray[np.float32], statistics: ImageStatistics, settings: FeatureSettings) -> NDArray[Any]:
    """(voxels - mean) / deviation × scale in float64 when the settings say so, in the order of ITK's operations.

    Raises
    ------
    StudyRejected
        When the whole image is constant.
    """
    if not settings.normalize:
        return voxels
    if statistics.deviation == 0:
        raise StudyRejected(
            f"Every voxel of the image has the value {statistics.minimum:g}; an image with contrast was expected."
        )
    result = voxels.astype(np.float64)
    result -= statistics.mean
    result *= 1 / statistics.deviation
    result *= settings.normalize_scale
    return result


def box_images(volume: Volume, box: Box, statistics: ImageStatistics, settings: FeatureSettings) -> BoxImages:
    """The original and all filtered images of a box of the volume.

    Raises
    ------
    StudyRejected
        When the image is constant and to be normalised, or too small for a LoG filter.
    SetupError
        When the settings name a wavelet PyWavelets does not have.
    """
    names: list[str] = ["original"]
    images = [normalised(volume.voxels[box], statistics, settings)]
    if settings.log_sigma_mm:
        whole_image = normalised(volume.voxels, statistics, settings)
        for sigma in settings.log_sigma_mm:
            names.append(log_image_name(sigma))
            images.append(laplacian_of_gaussian(whole_image, volume.spacing_mm, sigma_mm=sigma)[box])
    if settings.wavelet is not None:
        wavelet = open_wavelet(settings)

        def cut(part: Box) -> NDArray[Any]:
            return normalised(volume.voxels[part], statistics, settings)

        for name, band in box_sub_bands(cut, volume.shape, box, wavelet=wavelet, levels=settings.wavelet_levels):
            names.append(name)
            images.append(band)
    return BoxImages(box, tuple(names), tuple(images))
