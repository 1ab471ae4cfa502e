"""The decoder of each transfer syntax: one, by name, so that the library tries no other.

Left to itself it takes whichever is installed, GDCM first, whose OpenJPEG is of 2017. GDCM has the JPEG of 1992 alone,
for which no maintained decoder with a permissive licence is at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pydicom import uid
from pydicom.uid import UID

# Transfer syntax → plug-in of pydicom; none is needed where the pixels are not compressed.
DECODERS: Final[Mapping[UID, str]] = MappingProxyType(
    {
        uid.ImplicitVRLittleEndian: "",
        uid.ExplicitVRLittleEndian: "",
        uid.ExplicitVRBigEndian: "",
        uid.DeflatedExplicitVRLittleEndian: "",
        uid.RLELossless: "pydicom",
        uid.JPEGBaseline8Bit: "gdcm",
        uid.JPEGExtended12Bit: "gdcm",
        uid.JPEGLossless: "gdcm",
        uid.JPEGLosslessSV1: "gdcm",
        uid.JPEGLSLossless: "pyjpegls",  # CharLS
        uid.JPEGLSNearLossless: "pyjpegls",
        uid.JPEG2000Lossless: "pylibjpeg",  # OpenJPEG
        uid.JPEG2000: "pylibjpeg",
        uid.HTJ2KLossless: "pylibjpeg",
        uid.HTJ2KLosslessRPCL: "pylibjpeg",
        uid.HTJ2K: "pylibjpeg",
    }
)


def is_decoded(syntax: UID) -> bool:
    """Returns whether pixels in a transfer syntax are read."""
    return syntax in DECODERS


def decoder_of(syntax: UID) -> str:
    """Name of the plug-in that decodes a transfer syntax; empty for one whose pixels are not compressed."""
    return DECODERS[syntax]
