"""Contexts the receiver accepts of a proposal: every storage class, each in a transfer syntax that suits its use.

Many senders give up a whole study when one of its classes is refused, so nothing that is stored is refused. Only the
input classes are read; of every other object the beginning is looked at, so any transfer syntax will do for it.
pynetdicom's UNRESTRICTED_STORAGE_SERVICE was rejected: it is a switch of the whole process that opens storage to peers
that may only echo, takes the first transfer syntax of the proposal, also for images (JPIP: without pixels), and forgets
the role selection of storage commitment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydicom.uid import (
    UID,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
    RTStructureSetStorage,
    SegmentationStorage,
)
from pynetdicom.presentation import AllStoragePresentationContexts, PresentationContext

LABEL_MAP_SEGMENTATION = UID("1.2.840.10008.5.1.4.1.1.66.7")
# What a study is read from.
INPUT_CLASSES: tuple[UID, ...] = (
    MRImageStorage,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    SegmentationStorage,
    LABEL_MAP_SEGMENTATION,
    RTStructureSetStorage,
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

STORAGE_SERVICE = UID("1.2.840.10008.4.2")  # Storage Service Class, PS3.4 annex B
# The library answers C-STORE for these by itself.
_SERVED = frozenset(str(context.abstract_syntax) for context in AllStoragePresentationContexts)
_DICOM_ROOT = "1.2.840.10008."
# Of the dictionary's SOP classes named "… Storage …" the one group that C-STORE has nothing to do with.
_NO_STORAGE = "Storage Commitment"


def is_storage(sop_class_uid: str) -> bool:
    """Returns whether objects of a class may come by C-STORE.

    So it is with the storage classes of the standard, retired ones too, and with every class that the dictionary does
    not know: private ones, and those of a newer edition. A class that it knows as another service is none.
    """
    if sop_class_uid in _SERVED:
        return True
    uid = UID(sop_class_uid)
    if not uid.type:  # not in the dictionary
        return not uid.startswith(_DICOM_ROOT) or uid.startswith(f"{_DICOM_ROOT}5.1.4.")
    is_named_so = "Storage" in uid.name and not uid.name.startswith(_NO_STORAGE)
    return uid.type == "SOP Class" and (
        is_named_so or not uid.name
    )  # two retired storage classes have lost their names


def class_name(sop_class_uid: str) -> str:
    """Name of a class for people; private ones have none that we know."""
    if sop_class_uid == LABEL_MAP_SEGMENTATION:
        return "Label Map Segmentation Storage"  # newer than the dictionary
    name = UID(sop_class_uid).name
    if name and name != sop_class_uid:
        return name
    return "unknown class" if sop_class_uid.startswith(_DICOM_ROOT) else "private class"


def needs_service(sop_class_uid: str) -> bool:
    """Returns whether the library must be told that a class belongs to the Storage Service Class."""
    return sop_class_uid not in _SERVED


def other_classes() -> tuple[UID, ...]:
    """Storage classes of the current standard that are acknowledged and not kept, by UID."""
    others = _SERVED - {str(uid) for uid in INPUT_CLASSES}
    return tuple(sorted((UID(uid) for uid in others), key=lambda uid: [int(part) for part in uid.split(".")]))


def proposed_storage(contexts: Iterable[PresentationContext]) -> Mapping[str, Sequence[str]]:
    """Storage class → transfer syntaxes, over all contexts of a proposal (senders make one context for each pair)."""
    proposed: dict[str, list[str]] = {}
    for context in contexts:
        sop_class = str(context.abstract_syntax)
        if is_storage(sop_class):
            proposed.setdefault(sop_class, []).extend(str(syntax) for syntax in context.transfer_syntax)
    return proposed


def accepted_syntaxes(sop_class_uid: str, proposed: Sequence[str]) -> list[str]:
    """Transfer syntaxes that are accepted of those a peer proposes for a class, in order of preference.

    Of an input class those that are decoded here, so that a peer that can convert does; where there is none among
    them, all: the study then names what cannot be decoded, instead of not arriving. Of any other class all.
    """
    ours = [syntax for syntax in TRANSFER_SYNTAXES if syntax in proposed]
    if ours and sop_class_uid in INPUT_CLASSES:
        return ours
    return ours + [syntax for syntax in dict.fromkeys(proposed) if syntax not in ours]
