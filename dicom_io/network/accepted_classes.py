"""Classes and transfer syntaxes of what comes through a door: what is read, what is stored, and how it is encoded.

By UID alone, without the libraries: the process that takes images by STOW-RS loads none of them. A test compares the
table of services with the dictionary.
"""

from __future__ import annotations

from typing import Final

# Bytes that are looked at of what is no input: identity stands in the first groups, references in them take kilobytes.
BEGINNING: Final = 1024**2
LABEL_MAP_SEGMENTATION: Final = "1.2.840.10008.5.1.4.1.1.66.7"
# What a study is read from.
INPUT_CLASSES: tuple[str, ...] = (
    "1.2.840.10008.5.1.4.1.1.4",  # MR Image Storage
    "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR Image Storage
    "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR Image Storage
    "1.2.840.10008.5.1.4.1.1.66.4",  # Segmentation Storage
    LABEL_MAP_SEGMENTATION,
    "1.2.840.10008.5.1.4.1.1.481.3",  # RT Structure Set Storage
)
# PS3.5 §10; every one of them is decoded by the codecs the product installs.
TRANSFER_SYNTAXES: tuple[str, ...] = (
    "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
    "1.2.840.10008.1.2",  # Implicit VR Little Endian
    "1.2.840.10008.1.2.1.99",  # Deflated Explicit VR Little Endian
    "1.2.840.10008.1.2.2",  # Explicit VR Big Endian (retired)
    "1.2.840.10008.1.2.4.50",  # JPEG Baseline
    "1.2.840.10008.1.2.4.51",  # JPEG Extended
    "1.2.840.10008.1.2.4.57",  # JPEG Lossless
    "1.2.840.10008.1.2.4.70",  # JPEG Lossless, first-order prediction
    "1.2.840.10008.1.2.4.80",  # JPEG-LS Lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS Near-Lossless
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 Lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.201",  # High-Throughput JPEG 2000 Lossless
    "1.2.840.10008.1.2.4.202",  # High-Throughput JPEG 2000 with RPCL, lossless
    "1.2.840.10008.1.2.4.203",  # High-Throughput JPEG 2000
    "1.2.840.10008.1.2.5",  # RLE Lossless
)
PLAIN_SYNTAXES = TRANSFER_SYNTAXES[:4]  # for messages without an image
# The whole data set is deflated (PS3.5 §10.3, A.5, A.7, A.12).
DEFLATED_SYNTAXES = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
IMPLICIT_SYNTAX: Final = "1.2.840.10008.1.2"
BIG_ENDIAN_SYNTAX: Final = "1.2.840.10008.1.2.2"

DICOM_ROOT: Final = "1.2.840.10008."
_SERVICES: Final = f"{DICOM_ROOT}5.1.4."  # storage classes are here, and other services with them
# What the dictionary has below it that is no storage: queries, worklists, procedure steps, and instances of its own.
_NO_STORAGE: Final = """
    1.1.200.4 1.1.200.5 1.1.200.6 1.1.201.1.1 1.1.201.2 1.1.201.3 1.1.201.4 1.1.201.5 1.1.201.6
    1.2.1.1 1.2.1.2 1.2.1.3 1.2.2.1 1.2.2.2 1.2.2.3 1.2.3.1 1.2.3.2 1.2.3.3 1.2.4.2 1.2.4.3 1.2.5.3
    20.1 20.2 20.3 31 32 32.1 32.2 32.3 33
    34.2 34.3 34.4 34.4.1 34.4.2 34.4.3 34.4.4 34.5 34.5.1 34.6 34.6.1 34.6.2 34.6.3 34.6.4 34.6.5 34.8 34.9
    37.1 37.2 37.3 38.2 38.3 38.4 39.2 39.3 39.4 41 42 43.2 43.3 43.4 44.2 44.3 44.4 45.2 45.3 45.4
"""
_NO_STORAGE_CLASSES: Final = frozenset(f"{_SERVICES}{place}" for place in _NO_STORAGE.split())
# Storage classes that are elsewhere: of a directory, and three retired ones of printing.
_STORAGE_ELSEWHERE: Final = frozenset(
    f"{DICOM_ROOT}{place}" for place in ("1.3.10", "5.1.1.27", "5.1.1.29", "5.1.1.30")
)


def is_storage(sop_class_uid: str) -> bool:
    """Returns whether objects of a class may come by C-STORE or STOW-RS.

    So it is with the storage classes of the standard, retired ones too, and with every class that the dictionary does
    not know: private ones, and those of a newer edition. A class that it knows as another service is none.
    """
    if not sop_class_uid.startswith(DICOM_ROOT) or sop_class_uid in _STORAGE_ELSEWHERE:
        return True
    return sop_class_uid.startswith(_SERVICES) and sop_class_uid not in _NO_STORAGE_CLASSES
