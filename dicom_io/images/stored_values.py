"""Decoded samples → stored values: the bits that hold the value, its sign, and which end of the scale is bright.

Decoders differ in what they leave in the bits above Bits Stored (overlays of old scanners live there): native and RLE
images come cleaned from some libraries, JPEG-LS and JPEG 2000 code streams of 16 bits do not. So every decoder is asked
for the bits as they are, and PS3.5 section 8.1.1 is applied here, once.
"""

from __future__ import annotations

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import UID, RLELossless

from dicom_io.errors import NotReadable
from dicom_io.images.headers import text, whole_number


def stored_values(samples: NDArray[np.generic], header: pydicom.Dataset, *, syntax: UID) -> NDArray[np.generic]:
    """The values of Bits Stored bits below High Bit, with their sign; samples without unused bits as they are.

    Parameters
    ----------
    samples : integers of Bits Allocated bits, any shape
    header : with Bits Allocated, Bits Stored, High Bit and Pixel Representation
    syntax : transfer syntax the samples were decoded from

    Raises
    ------
    NotReadable
        When High Bit leaves no room for the stored bits, or names other bits than the lowest of a code stream.
    """
    allocated = samples.dtype.itemsize * 8
    stored = whole_number(header, "BitsStored", default=allocated)
    high = whole_number(header, "HighBit", default=stored - 1)
    if samples.dtype.kind not in "iu" or not 1 < stored <= allocated:
        return samples
    shift = high + 1 - stored
    if shift < 0 or high >= allocated:
        raise NotReadable(
            f"High Bit is {high} with {stored} Bits Stored of {allocated}; {stored - 1} was expected. Send the images "
            "again from the scanner."
        )
    if shift and syntax.is_compressed and syntax.is_encapsulated and syntax != RLELossless:
        raise NotReadable(
            f"High Bit is {high} with {stored} Bits Stored in an image compressed as {syntax.name}: which bits of the "
            "code stream hold the value is not known. Send the images uncompressed."
        )
    if samples.dtype.byteorder == ">":
        samples = samples.astype(samples.dtype.newbyteorder("="))
    bits = samples.view(f"u{samples.dtype.itemsize}")
    if shift:
        bits = bits >> shift
    if whole_number(header, "PixelRepresentation", default=0) == 1:
        above = allocated - stored
        return (bits << above).view(f"i{samples.dtype.itemsize}") >> above
    return bits if stored == allocated else bits & bits.dtype.type((1 << stored) - 1)


def description_of(header: pydicom.Dataset) -> tuple[str, str, str]:
    """Bits Stored, High Bit and Pixel Representation, for comparison."""
    return text(header, "BitsStored"), text(header, "HighBit"), text(header, "PixelRepresentation")


def is_inverted(header: pydicom.Dataset) -> bool:
    """Returns whether the smallest value is the brightest (MONOCHROME1).

    Raises
    ------
    NotReadable
        When a pixel is not one grey value (colour, palette).
    """
    interpretation = text(header, "PhotometricInterpretation")
    if interpretation not in ("MONOCHROME1", "MONOCHROME2"):
        raise NotReadable(
            f"Photometric Interpretation is '{interpretation}'; one grey value for each pixel was expected "
            "(MONOCHROME2 or MONOCHROME1). Send the original images."
        )
    return interpretation == "MONOCHROME1"


def inverted(values: NDArray[np.generic], header: pydicom.Dataset) -> NDArray[np.generic]:
    """Values whose largest is the brightest, in the range of Bits Stored: what ITK makes of MONOCHROME1."""
    if whole_number(header, "PixelRepresentation", default=0) == 1:
        return np.invert(values)
    largest = values.dtype.type((1 << whole_number(header, "BitsStored", default=values.dtype.itemsize * 8)) - 1)
    return np.subtract(largest, values)
