"""The stationary wavelet transform of a box, equal to that of the whole image to the last bit.

PyRadiomics transforms the whole image: one periodic stationary transform per level (`pywt.swtn`, level 1) of the image,
each axis made even by repeating its first sample at the end, every next level on the approximation of the last one.
A filter of F taps looks F/2 - 1 samples back and F/2 ahead, so a box with that margin per level gives the same sums in
the same order. Where the margin would leave the image the transform wraps around: then PyWavelets transforms the box
with the whole extent along those axes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pywt
from numpy.typing import NDArray

from models.errors import SetupError
from models.features.kernels import box as box_kernels
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


def wavelet_reach(settings: FeatureSettings) -> int:
    """Voxels beyond a box that its sub-bands depend on, along each axis, on both sides together.

    Raises
    ------
    SetupError
        As `open_wavelet`.
    """
    return 0 if settings.wavelet is None else settings.wavelet_levels * (open_wavelet(settings).dec_len - 1)


def box_sub_bands(
    cut: Callable[[Box], NDArray[Any]], shape: tuple[int, int, int], box: Box, *, wavelet: pywt.Wavelet, levels: int
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Names (`wavelet-LLH`, `wavelet2-HHH`, …) and sub-bands of a box of an image.

    Parameters
    ----------
    cut : part of the image → its voxels, float32 or float64; the sub-bands have the same precision
    shape : of the image

    The letters are the filters along x, y, z (columns, rows, slices); the approximation of the last level comes last.
    """
    ahead = levels * wavelet.dec_len // 2
    back = ahead - levels
    crop = tuple(slice(part.start - back, part.stop + ahead) for part in box)
    if all(part.start >= 0 and part.stop <= size for part, size in zip(crop, shape, strict=True)):
        return _inner_sub_bands(cut((crop[0], crop[1], crop[2])), wavelet=wavelet, levels=levels)
    around, inside = _wrapping_crop(shape, box, ahead)
    return _periodic_sub_bands(cut(around), inside, wavelet=wavelet, levels=levels)


def _inner_sub_bands(data: NDArray[Any], *, wavelet: pywt.Wavelet, levels: int) -> Iterator[tuple[str, NDArray[Any]]]:
    low, high = _filters(wavelet, data.dtype)
    data = np.ascontiguousarray(data)
    for level in range(1, levels + 1):
        prefix = "wavelet" if level == 1 else f"wavelet{level}"
        left = levels - level  # what the later levels still need around the box
        back, ahead = left * (low.size // 2 - 1), left * (low.size // 2)
        bands = {"": data}
        for filter_axis in (box_kernels.filter_columns, box_kernels.filter_rows, _filter_slices):
            bands = {
                letters + letter: band
                for letters, source in bands.items()
                for letter, band in zip("LH", filter_axis(source, low, high), strict=True)
            }
        data = bands.pop("LLL")
        inside = tuple(slice(back, size - ahead) for size in data.shape)
        for letters, band in bands.items():
            yield f"{prefix}-{letters}", band[inside]
    yield f"{prefix}-LLL", data


def _filters(wavelet: pywt.Wavelet, dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Low- and high-pass filter as PyWavelets uses them: in float32 they are not the rounded float64 ones."""
    taps = wavelet.dec_len
    impulse = np.zeros(2 * taps, dtype)
    impulse[taps] = 1
    low, high = pywt.swt(impulse, wavelet, level=1)[0]
    response = slice(taps - taps // 2, 2 * taps - taps // 2)
    return low[response], high[response]


def _filter_slices(data: NDArray[Any], low: NDArray[Any], high: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    slices, rows, columns = data.shape
    lows, highs = box_kernels.filter_rows(data.reshape(1, slices, rows * columns), low, high)
    return lows.reshape(-1, rows, columns), highs.reshape(-1, rows, columns)


def _wrapping_crop(shape: tuple[int, int, int], box: Box, reach: int) -> tuple[Box, Box]:
    """The part of the image to transform periodically, and where `box` lies in it: even lengths, or whole extents."""
    crops: list[slice] = []
    inside: list[slice] = []
    for size, part in zip(shape, box, strict=True):
        low, high = part.start - reach, part.stop + reach
        high += (high - low) % 2
        crops.append(slice(0, size) if low < 0 or high > size else slice(low, high))
        inside.append(slice(part.start - crops[-1].start, part.stop - crops[-1].start))
    return (crops[0], crops[1], crops[2]), (inside[0], inside[1], inside[2])


def _periodic_sub_bands(
    crop: NDArray[Any], inside: Box, *, wavelet: pywt.Wavelet, levels: int
) -> Iterator[tuple[str, NDArray[Any]]]:
    data = np.pad(crop, [(0, size % 2) for size in crop.shape], mode="wrap")
    for level in range(1, levels + 1):
        prefix = "wavelet" if level == 1 else f"wavelet{level}"
        bands = pywt.swtn(data, wavelet, level=1, axes=(2, 1, 0))[0]
        data = bands.pop("aaa")
        for letters, band in bands.items():
            yield f"{prefix}-{letters.replace('a', 'L').replace('d', 'H')}", band[inside]
    yield f"{prefix}-LLL", data[inside]
