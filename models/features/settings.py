"""Settings that determine the value of a feature, in one frozen value with a digest.

The defaults are the documented settings of the product: normalisation over the body × 100, bin width 25, original image
and one level of the coif1 wavelet, all PyRadiomics classes. The names are PyRadiomics' own concepts.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from models.errors import SetupError

# Name and version of our own engine (`models.features.own`): the number goes up when a value changes.
OWN_ENGINE = "own 1"
# Changes when the same settings give other values because the images they are computed on are made in another way:
# 2, the measured part of an image, N4 on means, statistics over the body.
IMAGES_VERSION = 2


class NormalizeRegion(StrEnum):
    """The region grey levels are normalised over."""

    BODY = "body"  # the body, its values cut at two quantiles: padding, crop, labels and outliers do not matter
    IMAGE = "image"  # every voxel of the image, as PyRadiomics does


@dataclass(frozen=True)
class FeatureSettings:
    """Settings of the feature extraction, the same for every engine.

    Attributes
    ----------
    normalize : subtract the mean and divide by the standard deviation (N - 1), in float64
    normalize_region : what both are taken over
    normalize_scale : factor after normalisation
    bin_width : width of a grey-level bin, in units of the normalised image; exclusive with `bin_count`
    bin_count : number of bins instead of a width (None: use `bin_width`)
    wavelet : PyWavelets name of the wavelet, None for no wavelet images
    wavelet_levels : levels of the stationary wavelet transform
    log_sigma_mm : widths of the Laplacian-of-Gaussian filters in mm, none by default
    diagnostics : include the 12 image and mask diagnostics
    """

    normalize: bool = True
    normalize_region: NormalizeRegion = NormalizeRegion.BODY
    normalize_scale: float = 100.0
    bin_width: float = 25.0
    bin_count: int | None = None
    wavelet: str | None = "coif1"
    wavelet_levels: int = 1
    log_sigma_mm: tuple[float, ...] = ()
    diagnostics: bool = True

    def __post_init__(self) -> None:
        if not self.bin_width > 0:
            raise SetupError(f"The bin width is {self.bin_width}; a positive number was expected.")
        if self.bin_count is not None and self.bin_count < 1:
            raise SetupError(f"The bin count is {self.bin_count}; at least 1 was expected.")
        if not self.normalize_scale > 0:
            raise SetupError(f"The normalisation scale is {self.normalize_scale}; a positive number was expected.")
        if self.wavelet_levels < 1:
            raise SetupError(f"The number of wavelet levels is {self.wavelet_levels}; at least 1 was expected.")
        if any(not sigma > 0 for sigma in self.log_sigma_mm):
            raise SetupError(f"The LoG widths are {self.log_sigma_mm} mm; positive numbers were expected.")

    def digest(self) -> str:
        """SHA-256 over the settings and the version of the images in canonical JSON, 64 hexadecimal digits."""
        text = json.dumps({**asdict(self), "images": IMAGES_VERSION}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
