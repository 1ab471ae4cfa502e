"""Settings that determine the value of a feature, in one frozen value with a digest.

The defaults are the documented settings of the product: normalisation over the body × 100, bin width 25, original image
and one level of the coif1 wavelet, all PyRadiomics classes. The names are PyRadiomics' own concepts, and for the steps
that it lacks or takes otherwise those of the IBSI reference manual (Zwanenburg et al., Radiology 2020;295:328-338).
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields, replace
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


class Interpolator(StrEnum):
    """Interpolation of an image or mask between its voxels."""

    NEAREST = "nearest"  # the nearest voxel
    LINEAR = "linear"  # linear along each axis
    CUBIC = "cubic"  # cubic B-spline along each axis, through the voxels


class BinOrigin(StrEnum):
    """The place that bins of a fixed width are counted from."""

    ZERO = "zero"  # edges are multiples of the width, level 1 holds the minimum of the region, as in PyRadiomics
    MINIMUM = "minimum"  # level 1 begins at the lower end of `resegment_range`, or else at the minimum, as in IBSI


class Aggregation(StrEnum):
    """Counting of texture matrices, and what of them is summed or averaged; IBSI reference manual, section 3.6."""

    AVERAGE_3D = "3d_average"  # neighbours in 3D; features of each of 13 directions, averaged
    MERGED_3D = "3d_merged"  # neighbours in 3D; features of one matrix, the sum over all directions
    AVERAGE_2D = "2d_average"  # neighbours in the slice; features of each slice and direction, averaged
    MERGED_2D = "2d_merged"  # neighbours in the slice; features of each slice, all its directions summed, averaged
    AVERAGE_25D = "2.5d_average"  # neighbours in the slice; features of each direction, all slices summed, averaged
    MERGED_25D = "2.5d_merged"  # neighbours in the slice; features of one matrix, the sum over slices and directions

    @property
    def within_slices(self) -> bool:
        """Returns whether only voxels of the same slice are neighbours."""
        return self not in (Aggregation.AVERAGE_3D, Aggregation.MERGED_3D)

    @property
    def by_slice(self) -> bool:
        """Returns whether features are computed of each slice and averaged."""
        return self in (Aggregation.AVERAGE_2D, Aggregation.MERGED_2D)

    @property
    def merges_directions(self) -> bool:
        """Returns whether the matrices of all directions are summed before features are computed."""
        return self in (Aggregation.MERGED_3D, Aggregation.MERGED_2D, Aggregation.MERGED_25D)


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
    resample_mm : voxel size to resample to, mm along slices, rows, columns; 0 keeps an axis, an empty list all
    image_interpolator : of the image when it is resampled
    mask_interpolator : of the mask then; what covers half of a voxel or more belongs to the region
    round_intensities : round to whole numbers after resampling, as for CT in Hounsfield units
    resegment_range : closed range of grey values that stay in the region (shape aside), an empty list for all
    resegment_sigma : keep grey values within so many standard deviations of the region's mean, after the range
    bin_origin : where bins of a fixed width begin
    aggregation : of texture matrices over directions and slices
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
    resample_mm: tuple[float, ...] = ()
    image_interpolator: Interpolator = Interpolator.LINEAR
    mask_interpolator: Interpolator = Interpolator.LINEAR
    round_intensities: bool = False
    resegment_range: tuple[float, ...] = ()
    resegment_sigma: float | None = None
    bin_origin: BinOrigin = BinOrigin.ZERO
    aggregation: Aggregation = Aggregation.AVERAGE_3D

    def __post_init__(self) -> None:
        for name, kind in _ENUMERATIONS.items():
            object.__setattr__(self, name, _member(kind, getattr(self, name), name))
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

        self._check_grid()
        self._check_resegmentation()
        if self.bin_count is not None and self.bin_origin is not BinOrigin.ZERO:
            raise SetupError(
                f"A bin count of {self.bin_count} is set together with the bin origin '{self.bin_origin}', which "
                "belongs to a bin width; leave one of them out."
            )

    def _check_grid(self) -> None:
        sizes = self.resample_mm
        if sizes and not (len(sizes) == 3 and all(math.isfinite(size) and size >= 0 for size in sizes) and any(sizes)):
            raise SetupError(
                f"The voxel size to resample to is {list(sizes)} mm; three numbers were expected (slices, rows, "
                "columns), 0 for an axis that stays as it is, not all of them 0."
            )
        if self.mask_interpolator is Interpolator.CUBIC:
            raise SetupError("The interpolator of the mask is 'cubic'; 'linear' or 'nearest' was expected.")
        if not sizes and self.round_intensities:
            raise SetupError("Grey values are to be rounded after resampling, but resample_mm is empty; set it, too.")

    def _check_resegmentation(self) -> None:
        limits = self.resegment_range
        if limits and not (len(limits) == 2 and all(map(math.isfinite, limits)) and limits[0] < limits[1]):
            raise SetupError(
                f"The range of grey values to keep is {list(limits)}; two numbers, the lower one first, were expected."
            )
        if self.resegment_sigma is not None and not (math.isfinite(self.resegment_sigma) and self.resegment_sigma > 0):
            raise SetupError(
                f"Grey values within {self.resegment_sigma} standard deviations are to be kept; a positive number was "
                "expected."
            )

    @property
    def resegments(self) -> bool:
        """Returns whether grey values decide which voxels of a region count."""
        return bool(self.resegment_range) or self.resegment_sigma is not None

    @property
    def is_plain(self) -> bool:
        """Returns whether image and region are taken as they are and matrices counted in three dimensions."""
        return not (self.resample_mm or self.resegments or self.aggregation is not Aggregation.AVERAGE_3D)

    def on_resampled(self, *, normalized: bool) -> FeatureSettings:
        """The settings that remain for an image that is resampled, and normalised where that was to be done."""
        return replace(
            self,
            normalize=self.normalize and not normalized,
            diagnostics=False,
            resample_mm=(),
            round_intensities=False,
        )

    def digest(self) -> str:
        """SHA-256 over the settings and the version of the images in canonical JSON, 64 hexadecimal digits.

        Settings that came after the first packages count only where they differ from their defaults, so that a package
        keeps the digest it was trained with.
        """
        usual = {field.name: field.default for field in fields(self)}
        told = {name: value for name, value in asdict(self).items() if name in _FIRST_SETTINGS or value != usual[name]}
        text = json.dumps({**told, "images": IMAGES_VERSION}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _member(kind: type[StrEnum], value: str, name: str) -> StrEnum:
    """The member of an enumeration; its text, as Python users write it, is as good."""
    try:
        return kind(value)
    except ValueError as unknown:
        known = ", ".join(f"'{member}'" for member in kind)
        raise SetupError(f"The feature setting {name} is '{value}'; one of {known} was expected.") from unknown


_ENUMERATIONS: dict[str, type[StrEnum]] = {
    "normalize_region": NormalizeRegion,
    "image_interpolator": Interpolator,
    "mask_interpolator": Interpolator,
    "bin_origin": BinOrigin,
    "aggregation": Aggregation,
}
_FIRST_SETTINGS = frozenset(
    {
        "normalize",
        "normalize_region",
        "normalize_scale",
        "bin_width",
        "bin_count",
        "wavelet",
        "wavelet_levels",
        "log_sigma_mm",
        "diagnostics",
    }
)
