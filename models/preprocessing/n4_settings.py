"""Parameters of both implementations of N4, the shrinking of the volume before the fit, and how a fit went.

N4: Tustison et al., "N4ITK: improved N3 bias correction", IEEE Trans. Med. Imaging 2010;29:1310-1320.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import SetupError, StudyRejected
from models.number_words import counted
from models.volume import Volume

# Along an axis with fewer shrunk voxels than this a factor is lowered: a cubic spline has 4 control points.
FEWEST_VOXELS = 4
# Voxels of the body below this part of its median are left out of the fit: their logarithm would stretch the histogram
# until the field is flat (1e-3 of the voxels at 1e-30 switch N4 off, as 1e-4 at -300 do).
DARKEST_PART_OF_MEDIAN = 1e-3


@dataclass(frozen=True)
class N4Settings:
    """Parameters of N4, as in ITK's N4BiasFieldCorrectionImageFilter; but for the shrink factor SimpleITK's defaults.

    Attributes
    ----------
    shrink : factor by which every axis is shrunk for the fit; the field is evaluated at full resolution
    iterations : at most so many per fitting level; one level for each number
    convergence_threshold : a level ends when the coefficient of variation of the field's change falls below it
    bins : of the histogram of log intensities
    wiener_noise : noise term of the Wiener filter
    fwhm : full width at half maximum of the Gaussian that models the field's histogram, log intensities
    control_points : of the first level along each axis; each further level doubles the number of spans
    """

    shrink: int = 4
    iterations: tuple[int, ...] = (50, 50, 50, 50)
    convergence_threshold: float = 0.001
    bins: int = 200
    wiener_noise: float = 0.01
    fwhm: float = 0.15
    control_points: int = 4

    def __post_init__(self) -> None:
        if self.shrink < 1:
            raise SetupError(f"The shrink factor of N4 is {self.shrink}; at least 1 was expected.")
        if not self.iterations or min(self.iterations) < 1:
            raise SetupError(f"The iterations of N4 are {self.iterations}; at least one for each level was expected.")
        if self.bins < 2:
            raise SetupError(f"N4 has {self.bins} histogram bins; at least 2 were expected.")
        if self.control_points < 4:
            raise SetupError(f"N4 has {self.control_points} control points; a cubic spline needs at least 4.")
        if not (self.convergence_threshold > 0 and self.wiener_noise > 0 and self.fwhm > 0):
            raise SetupError(
                f"The convergence threshold, Wiener noise and FWHM of N4 are {self.convergence_threshold}, "
                f"{self.wiener_noise} and {self.fwhm}; positive numbers were expected."
            )

    def in_words(self) -> str:
        """All parameters, short, for reports and model packages."""
        return (
            f"shrink {self.shrink} by means, iterations {'/'.join(map(str, self.iterations))}, threshold "
            f"{self.convergence_threshold:g}, {self.bins} bins, Wiener noise {self.wiener_noise:g}, "
            f"FWHM {self.fwhm:g}, {self.control_points} control points"
        )


def own_name(settings: N4Settings) -> str:
    """The own implementation with its parameters, as reports and model packages record it."""
    return f"N4, own ({settings.in_words()})"


def shrink_factors(shape: tuple[int, int, int], shrink: int) -> tuple[int, int, int]:
    """The factor along each axis: `shrink`, or less where fewer than `FEWEST_VOXELS` voxels would remain."""
    slices, rows, columns = (max(1, min(shrink, size // FEWEST_VOXELS)) for size in shape)
    return slices, rows, columns


@dataclass(frozen=True)
class FieldFit:
    """Outcome of the fit of a field.

    Attributes
    ----------
    left_out : share of the body that was too dark for the fit, 0 to 1
    deviation : standard deviation of the log field in the body; NaN where the fit failed and nothing was corrected
    at_limit : every level ended at its limit of iterations
    """

    left_out: float
    deviation: float
    at_limit: bool


@dataclass(frozen=True, eq=False)
class Corrected:
    """A corrected volume, and how the fit went; None where no field was fitted."""

    volume: Volume
    fit: FieldFit | None = None


@dataclass(frozen=True, eq=False)
class Shrunk:
    """The blocks a field is fitted to.

    Attributes
    ----------
    image : float32 (slices, rows, columns), means of blocks
    mask : bool, same shape: at least half of the block is used
    left_out : share of the body that was too dark, 0 to 1
    """

    image: NDArray[np.float32]
    mask: NDArray[np.bool_]
    left_out: float


def shrunk(volume: Volume, body: NDArray[np.bool_], *, shrink: int) -> Shrunk:
    """Means over the body of blocks centred on the volume, both implementations alike.

    ITK's example picks one voxel of each block; which one depends on how the image is stored, and its noise enters the
    logarithm. A mean is the same whichever way the axes run. (`SimpleITK.BinShrink` would average air and fill, too.)

    Raises
    ------
    StudyRejected
        When the image has a single voxel along an axis, or no block of the body mask is left.
    """
    # Imported here: whoever asks for parameters only does not wait for it.

    # Imported here: the parameters and their name are asked for where nothing is computed.
    from models.preprocessing import pixel_kernels
    from models.preprocessing.sampling import sampled

    if min(volume.shape) < 2:
        raise StudyRejected(
            f"The image has {' × '.join(map(str, volume.shape))} voxels (slices, rows, columns); the bias correction "
            "needs at least 2 along each axis. Switch it off for this image."
        )
    factors = shrink_factors(volume.shape, shrink)
    shape = tuple(size // factor for size, factor in zip(volume.shape, factors, strict=True))
    starts = tuple(size % factor // 2 for size, factor in zip(volume.shape, factors, strict=True))
    inside = sampled(volume.voxels, body) if body.any() else np.zeros(1, np.float32)
    used = body & (volume.voxels > DARKEST_PART_OF_MEDIAN * max(float(np.median(inside)), 0.0))
    means, counts = pixel_kernels.block_means(volume.voxels, used, factors, starts, shape, -np.inf, np.inf)
    mask = 2 * counts >= factors[0] * factors[1] * factors[2]
    if not mask.any():
        raise StudyRejected(
            f"None of the {counted(int(np.count_nonzero(body)), 'voxel')} of the body mask is left after shrinking by "
            f"{factors[2]} × {factors[1]} × {factors[0]}; use a smaller shrink factor or no bias correction."
        )
    left_out = 1 - np.count_nonzero(used) / np.count_nonzero(body)
    return Shrunk(means.astype(np.float32), mask, left_out)
