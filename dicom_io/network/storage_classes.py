"""Contexts the receiver accepts of a proposal: every storage class, each in a transfer syntax that suits its use.

Many senders give up a whole study when one of its classes is refused, so nothing that is stored is refused. Only the
input classes are read; of every other object the beginning is looked at, so any transfer syntax will do for it.
pynetdicom's UNRESTRICTED_STORAGE_SERVICE was rejected: it is a switch of the whole process that opens storage to peers
that may only echo, takes the first transfer syntax of the proposal, also for images (JPIP: without pixels), and forgets
the role selection of storage commitment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydicom.uid import UID
from pynetdicom.presentation import AllStoragePresentationContexts, PresentationContext

from dicom_io.network.accepted_classes import (
    DICOM_ROOT,
    INPUT_CLASSES,
    LABEL_MAP_SEGMENTATION,
    TRANSFER_SYNTAXES,
    is_storage,
)

STORAGE_SERVICE = UID("1.2.840.10008.4.2")  # Storage Service Class, PS3.4 annex B
# The library answers C-STORE for these by itself.
_SERVED = frozenset(str(context.abstract_syntax) for context in AllStoragePresentationContexts)


def class_name(sop_class_uid: str) -> str:
    """Name of a class for people; private ones have none that we know."""
    if sop_class_uid == LABEL_MAP_SEGMENTATION:
        return "Label Map Segmentation Storage"  # newer than the dictionary
    name = UID(sop_class_uid).name
    if name and name != sop_class_uid:
        return name
    return "unknown class" if sop_class_uid.startswith(DICOM_ROOT) else "private class"


def needs_service(sop_class_uid: str) -> bool:
    """Returns whether the library must be told that a class belongs to the Storage Service Class."""
    return sop_class_uid not in _SERVED


def other_classes() -> tuple[UID, ...]:
    """Storage classes of the current standard that are acknowledged and not kept, by UID."""
    others = _SERVED - set(INPUT_CLASSES)
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
