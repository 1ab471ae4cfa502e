"""Pixels that the header declares to be padding: Pixel Padding Value, and up to Pixel Padding Range Limit.

PS3.3 C.7.5.1.1.2: both are stored values, before any rescaling, and the range includes both of its ends whichever is
larger. Where Photometric Interpretation is MONOCHROME1 the value is the brightest; here only which pixels have it
matters, so it is all the same. Written with the VR of the pixels, or, wrongly, with the other one: both are taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from dicom_io.errors import NotReadable
from dicom_io.images.headers import whole_number


def padding_range(header: pydicom.Dataset) -> tuple[int, int] | None:
    """Lowest and highest stored value that is padding; None where the header declares none it can be read from."""
    try:
        if "PixelPaddingValue" not in header:
            return None
        value = whole_number(header, "PixelPaddingValue")
        limit = whole_number(header, "PixelPaddingRangeLimit", default=value)
    except NotReadable:
        return None  # a damaged optional attribute: what is in the corners is looked at anyway
    return min(value, limit), max(value, limit)


def padding_in(pixels: NDArray[Any], header: pydicom.Dataset) -> NDArray[np.bool_] | None:
    """Bool, where stored pixels are padding; None where the header declares none, or no pixel is."""
    found = padding_range(header)
    if found is None:
        return None
    low, high = (_as_stored(value, pixels.dtype) for value in found)
    mask = (pixels >= min(low, high)) & (pixels <= max(low, high))
    return np.asarray(mask) if mask.any() else None


def _as_stored(value: int, dtype: np.dtype[Any]) -> int:
    """The value in the range of the pixels: 63536 for signed 16-bit pixels is -2000, -2000 for unsigned ones 63536."""
    if not np.issubdtype(dtype, np.integer):
        return value
    limits = np.iinfo(dtype)
    if not limits.min <= value <= limits.max:
        bits = 8 * dtype.itemsize
        value = (value - limits.min) % (1 << bits) + limits.min
    return value
