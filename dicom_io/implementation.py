"""Implementation of this product as it names itself to peers and in files, and how it derives UIDs.

A UID is "2.25." and a UUID as one integer (PS3.5 B.2); the UUID's bits come from SHA-256 over named parts. Random
UIDs were rejected: a repeated push would duplicate every result in the archive.
"""

from __future__ import annotations

import hashlib
import json
import uuid

from dicom_io.identity import MODEL_NAME
from models.version import software_version


def derived_uid(purpose: str, *parts: str) -> str:
    """The UID of (purpose, parts): always the same for the same texts, at most 44 characters."""
    text = json.dumps([MODEL_NAME, purpose, *parts], ensure_ascii=True, separators=(",", ":"))
    name = uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=5)
    return f"2.25.{name.int}"


IMPLEMENTATION_CLASS_UID = derived_uid("implementation class")


def implementation_version_name() -> str:
    """Implementation Version Name, at most 16 characters."""
    return f"RDEEPNET_{software_version()}"[:16]
