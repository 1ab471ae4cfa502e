"""Origin of the rows of PyRadiomics by its own diagnostics: versions, settings, hashes of image and mask.

The settings that PyRadiomics states are those of the extractor; one that nobody set (binWidth, for one) is not among
them. `label` says which region a row is of and no more, so it is left out of the comparison.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.importing.cell_numbers import is_empty
from models.importing.cells import Cells
from models.importing.formats import DIAGNOSTICS

VERSION = f"{DIAGNOSTICS}Versions_PyRadiomics"
SETTINGS = f"{DIAGNOSTICS}Configuration_Settings"
IMAGE_TYPES = f"{DIAGNOSTICS}Configuration_EnabledImageTypes"
IMAGE_HASH = f"{DIAGNOSTICS}Image-original_Hash"
MASK_HASH = f"{DIAGNOSTICS}Mask-original_Hash"
_OF_THE_ROW = frozenset({"label", "label_channel"})
_OTHER_VERSIONS = ("Numpy", "SimpleITK", "PyWavelet", "Python")


@dataclass(frozen=True)
class RowOrigin:
    """Origin of one row by its own words; empty where it says nothing.

    Attributes
    ----------
    software : "PyRadiomics 3.0.1"
    settings : key → value of the extractor, and "imageType"
    image_hash, mask_hash : SHA-1 of the voxels, by PyRadiomics
    """

    software: str
    settings: Mapping[str, Any]
    image_hash: str
    mask_hash: str


def row_origins(cells: Cells) -> tuple[RowOrigin, ...]:
    """The origin of each row."""
    columns = {
        name: cells.column(name) if name in cells.header else ("",) * len(cells.rows)
        for name in (VERSION, SETTINGS, IMAGE_TYPES, IMAGE_HASH, MASK_HASH)
    }
    read: dict[tuple[str, str], dict[str, Any]] = {}

    def settings(row: int) -> dict[str, Any]:
        texts = columns[SETTINGS][row], columns[IMAGE_TYPES][row]
        if texts not in read:
            read[texts] = _settings(*texts)
        return read[texts]

    return tuple(
        RowOrigin(
            software="" if is_empty(version) else f"PyRadiomics {version.removeprefix('v')}",
            settings=settings(row),
            image_hash=columns[IMAGE_HASH][row],
            mask_hash=columns[MASK_HASH][row],
        )
        for row, version in enumerate(columns[VERSION])
    )


def versions(cells: Cells) -> dict[str, list[str]]:
    """The other versions that the rows name: "Numpy" → each once."""
    found = {}
    for name in _OTHER_VERSIONS:
        column = f"{DIAGNOSTICS}Versions_{name}"
        if column in cells.header and (stated := sorted({one for one in cells.column(column) if not is_empty(one)})):
            found[name] = stated
    return found


def digest_of(settings: Mapping[str, Any]) -> str:
    """SHA-256 of settings in canonical JSON: 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The first key in which two settings differ, with both values: "binWidth (25 and 10)"."""
    absent = "not stated"
    key = next(key for key in sorted({*one, *other}) if one.get(key, absent) != other.get(key, absent))
    return f"{key} ({one.get(key, absent)} and {other.get(key, absent)})"


def _settings(stated: str, image_types: str) -> dict[str, Any]:
    if is_empty(stated):
        return {}
    settings = _literal(stated)
    found = settings if isinstance(settings, dict) else {"settings": stated}
    kept = {str(key): value for key, value in found.items() if key not in _OF_THE_ROW}
    return {**kept, "imageType": _literal(image_types)} if image_types else kept


def _literal(text: str) -> Any:
    """The Python value that PyRadiomics printed; the text itself where it is none."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
