"""`ArrivedHeader`: the attributes that are read of an instance before it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from mmap import mmap

Bytes = bytes | memoryview | mmap

SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018
MANUFACTURER_TAG, MODEL_NAME_TAG = 0x00080070, 0x00081090
STUDY_INSTANCE_UID, SERIES_INSTANCE_UID = 0x0020000D, 0x0020000E
READ_TAGS = (
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    MANUFACTURER_TAG,
    MODEL_NAME_TAG,
    STUDY_INSTANCE_UID,
    SERIES_INSTANCE_UID,
)


@dataclass(frozen=True)
class ArrivedHeader:
    """Identity of an instance, as the receiver needs it."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    is_ours: bool
