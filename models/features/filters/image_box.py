"""The images the features are computed on, only where the regions are: normalisation, LoG and wavelet of one box."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
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
from models.number_words import counted
from models.volume import Roi, Volume

_LANES = 256
_PIECE = 1 << 20  # voxels
# Values of the body are cut at these quantiles before mean and deviation are taken: vessels, skin and artefacts.
BODY_PERCENT = (0.5, 99.5)


@dataclass(frozen=True)
class ImageStatistics:
    """Of voxels before normalisation; `deviation` is that of a sample (N - 1), as ITK computes it.

    NaN where values are so large that their squares are no numbers of float64.
    """

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
    images : of each name (slices, rows, columns) of the box; float64, or float32 where the source is float32 and is not
        normalised
    """

    box: Box
    names: tuple[str, ...]
    images: tuple[NDArray[Any], ...]


def image_statistics(voxels: NDArray[Any]) -> ImageStatistics:
    """One pass over all voxels; the sums behind mean and deviation are exact up to the last rounding."""
    found = [box_kernels.exact_sums(part, _LANES) for part in _in_floats(voxels.ravel())]
    parts = np.concatenate([sums for sums, _, _ in found], axis=1)
    low, high = min(low for _, low, _ in found), max(high for _, _, high in found)
    count = voxels.size
    try:
        total, squared = math.fsum(parts[:2].ravel()), math.fsum(parts[2:].ravel())
        variance = (squared - total * total / count) / (count - 1) if count > 1 else 0.0
    except (OverflowError, ValueError):
        total = variance = math.nan
    deviation = math.sqrt(max(variance, 0.0)) if math.isfinite(variance) else math.nan
    return ImageStatistics(total / count, deviation, float(low), float(high))


def _in_floats(voxels: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Floating-point voxels (n,) as they are, whole numbers in pieces of float64, so that no second image is made."""
    if voxels.dtype.kind == "f":
        yield voxels
        return
    for start in range(0, voxels.size, _PIECE):
        yield voxels[start : start + _PIECE].astype(np.float64)


def body_statistics(voxels: NDArray[Any], body: NDArray[np.bool_]) -> ImageStatistics:
    """Mean and deviation over the body with its values cut at `BODY_PERCENT` (winsorised).

    Raises
    ------
    StudyRejected
        When the body has no voxel or all its voxels have one value.
    """
    values = voxels[body]
    if values.size < 2:
        raise StudyRejected(f"The body mask holds {counted(values.size, 'voxel')}; a body of many voxels was expected.")
    values = in_working_precision(values)
    low, high = np.percentile(values, BODY_PERCENT).astype(values.dtype)
    found = image_statistics(np.clip(values, low, high))
    if found.deviation == 0:
        raise StudyRejected(
            f"Nearly every voxel of the body has the value {found.mean:g}; an image with contrast was expected."
        )
    return found


def region_box(roi: Roi) -> Box:
    """Bounding box of a region that features can be computed of.

    Raises
    ------
    StudyRejected
        When the region extends along fewer than two axes.
    """
    limits = box_kernels.bounding_box(roi.mask)
    extent = limits[:, 1] - limits[:, 0] + 1
    box = tuple(slice(int(first), int(last) + 1) for first, last in limits)
    if np.count_nonzero(extent > 1) < 2:
        raise StudyRejected(
            f"The region '{roi.label}' lies in a box of {extent[0]} × {extent[1]} × {extent[2]} voxels (slices × rows "
            "× columns); features need an extent of at least 2 voxels along at least 2 axes. Check the segmentation."
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


def in_working_precision(voxels: NDArray[Any]) -> NDArray[Any]:
    """float32 stays, everything else becomes float64: as NumPy bins the values and PyWavelets transforms them."""
    return voxels if voxels.dtype == np.float32 else voxels.astype(np.float64, copy=False)


def normalised(voxels: NDArray[Any], statistics: ImageStatistics, settings: FeatureSettings) -> NDArray[Any]:
    """(voxels - mean) / deviation × scale in float64 when the settings say so, in the order of ITK's operations.

    Otherwise the voxels themselves, in the type of the source.

    Raises
    ------
    StudyRejected
        When the whole image is constant, or its values are too large.
    """
    if not settings.normalize:
        return voxels
    if not math.isfinite(statistics.deviation):
        raise StudyRejected(
            f"The voxels of the image reach from {statistics.minimum:.3g} to {statistics.maximum:.3g}; such values "
            "cannot be normalised, as their squares are no numbers. Rescale the image."
        )
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
    images = [in_working_precision(normalised(volume.voxels[box], statistics, settings))]
    if settings.log_sigma_mm:
        whole_image = normalised(volume.voxels, statistics, settings)
        for sigma in settings.log_sigma_mm:
            names.append(log_image_name(sigma))
            images.append(
                in_working_precision(laplacian_of_gaussian(whole_image, volume.spacing_mm, sigma_mm=sigma)[box])
            )
    if settings.wavelet is not None:
        wavelet = open_wavelet(settings)

        def cut(part: Box) -> NDArray[Any]:
            return in_working_precision(normalised(volume.voxels[part], statistics, settings))

        for name, band in box_sub_bands(cut, volume.shape, box, wavelet=wavelet, levels=settings.wavelet_levels):
            names.append(name)
            images.append(band)
    return BoxImages(box, tuple(names), tuple(images))
