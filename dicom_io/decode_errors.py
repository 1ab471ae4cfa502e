"""Errors that pydicom and its decoders raise for damaged input; they have no common root."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from pydicom.errors import BytesLengthException, InvalidDicomError

DECODE_ERRORS: Final = (
    BytesLengthException,
    InvalidDicomError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,  # raised by the library for "no tag to read"; opening a file is told apart before
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
