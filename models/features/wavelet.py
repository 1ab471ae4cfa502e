"""The stationary wavelet transform of a box, equal to that of the whole image to the last bit.

PyRadiomics transforms the whole image: one periodic stationary transform per level (`pywt.swtn`, level 1) of the image,
each axis made even by repeating its first sample at the end, every next level on the approximation of the last one.
A filter of F taps sees F - 1 samples per level, so a box with that margin gives the same sums in the same order; along
an axis where the margin would leave the image the whole extent is kept, because there the transform wraps around.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pywt
from numpy.typing import NDArray

from models.errors import SetupError
from models.features.settings import FeatureSettings

Box = tuple[slice, slice, slice]


def open_wavelet(settings: FeatureSettings) -> pywt.Wavelet:
    """The wavelet the settings name.

    Raises
    ------
    SetupError
        When PyWavelets knows no discrete wavelet of that name.
    """
    if settings.wavelet not in pywt.wavelist(kind="discrete"):
        raise SetupError(
            f"The wavelet is '{settings.wavelet}'; a discrete wavelet of PyWavelets was expected, e.g. coif1 or db4."
        )
    return pywt.Wavelet(settings.wavelet)


def margin(wavelet: pywt.Wavelet, levels: int) -> int:
    """Voxels beyond a box that its sub-bands depend on."""
    return int(levels * (wavelet.dec_len - 1))


def crop_with_margin(shape: tuple[int, ...], box: Box, reach: int) -> tuple[Box, Box]:
    """Where to cut so that the transform inside `box` stays what it is.

    Returns
    -------
    crop : the part of the image to transform
    inside : where `box` lies in the crop
    """
    crops: list[slice] = []
    inside: list[slice] = []
    for size, part in zip(shape, box, strict=True):
        low, high = part.start - reach, part.stop + reach
        high += (high - low) % 2
        wraps = low < 0 or high > size
        crops.append(slice(0, size) if wraps else slice(low, high))
        inside.append(slice(part.start - crops[-1].start, part.stop - crops[-1].start))
    return (crops[0], crops[1], crops[2]), (inside[0], inside[1], inside[2])


def sub_bands(
    crop: NDArray[Any], inside: Box, *, wavelet: pywt.Wavelet, levels: int
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Names (`wavelet-LLH`, `wavelet2-HHH`, …) and sub-bands of the part `inside` of a crop.

    Parameters
    ----------
    crop : float32 or float64 (slices, rows, columns) from `crop_with_margin`; the result has the same precision

    The letters are the filters along x, y, z (columns, rows, slices); the approximation of the last level comes last.
    """
    odd = [(0, size % 2) for size in crop.shape]
    data = np.pad(crop, odd, mode="wrap")
    for level in range(1, levels + 1):
        prefix = "wavelet" if level == 1 else f"wavelet{level}"
        bands = pywt.swtn(data, wavelet, level=1, axes=(2, 1, 0))[0]
        data = bands.pop("aaa")
        for letters, band in bands.items():
            yield f"{prefix}-{letters.replace('a', 'L').replace('d', 'H')}", band[inside]
    yield f"{prefix}-LLL", data[inside]
