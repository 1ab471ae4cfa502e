"""Rules by which an instance is taken, whatever door it comes through: C-STORE or STOW-RS."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from mmap import mmap

from dicom_io.errors import NotReadable
from dicom_io.network.accepted_classes import INPUT_CLASSES
from dicom_io.network.header_fields import ArrivedHeader
from dicom_io.network.instance_header import arrived_header


class Status(IntEnum):
    """Statuses of a C-STORE response (PS3.4 Table B.2-1, PS3.7 Annex C), and Failure Reasons of STOW-RS."""

    SUCCESS = 0x0000  # the bytes are safe, or it is no input and they are not kept
    PROCESSING_FAILURE = 0x0110  # PS3.7 C.5.14: our storage failed in another way than by being full
    OUT_OF_RESOURCES = 0xA700  # PS3.4 B.2.3: no space, or no database; the peer may repeat later
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900  # PS3.4 B.2.3: the data set names another instance than the request
    CANNOT_UNDERSTAND = 0xC000  # PS3.4 B.2.3: the data set cannot be read, or has no usable Study Instance UID


@dataclass(frozen=True)
class Accepted:
    """An instance that is taken; `needed`: a study is read from it."""

    header: ArrivedHeader
    needed: bool


def judge(
    dataset: bytes | memoryview | mmap,
    *,
    transfer_syntax_uid: str,
    sop_class_uid: str,
    sop_instance_uid: str,
    context_class_uid: str,
) -> Accepted | Status:
    """An instance that is taken, or the status with which it is not.

    Parameters
    ----------
    dataset : encoded; of a class that is no input perhaps only the beginning
    sop_class_uid, sop_instance_uid : as the request names it, or the file meta information
    context_class_uid : of the presentation context; that of the request where there is none
    """
    # Of other contexts the data set may be incomplete, so an input class that comes in one of them cannot be kept.
    classes = {sop_class_uid, context_class_uid}
    is_input = not classes.isdisjoint(INPUT_CLASSES)
    try:
        header = arrived_header(dataset, transfer_syntax_uid, is_whole=is_input)
    except NotReadable:
        if is_input:
            return Status.CANNOT_UNDERSTAND
        header = ArrivedHeader(sop_class_uid, sop_instance_uid, "", "", is_ours=False)
    classes.add(header.sop_class_uid)
    same = len(classes) == 1 and header.sop_instance_uid == sop_instance_uid
    if not same and not classes.isdisjoint(INPUT_CLASSES):
        return Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
    return Accepted(header, needed=sop_class_uid in INPUT_CLASSES and not header.is_ours)
