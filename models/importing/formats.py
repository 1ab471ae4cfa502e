"""Tells which program made a table, and turns Slicer's tables into one row a region with PyRadiomics' names.

PyRadiomics (`pyradiomics cases.csv -o out.csv -f csv`): the columns of the case file (Image, Mask, often an identifier
and Label), `diagnostics_…`, then features. SlicerRadiomics: a row for each feature with the columns Image type,
Feature Class, Feature Name and one column for each segment; its first versions had Label, Input image type, …, Value.
MIRP: sample_name, `image_…` and its own feature names; a file for each image, semicolons between the cells.
"""

from __future__ import annotations

import re

from models.errors import CohortRejected
from models.importing.cells import FILE, Cells
from models.importing.schema import SourceFormat

SEGMENT = "Segment"  # the column that a turned table of Slicer has for its segments
DIAGNOSTICS = "diagnostics_"
_FAMILIES = "shape2D|shape|firstorder|glcm|glrlm|glszm|gldm|ngtdm"
# PyRadiomics' <image>_<class>_<name>; images: original, wavelet-LLH, log-sigma-2-0-mm-3D, squareroot, lbp-3D-k …
_PYRADIOMICS = re.compile(rf"[A-Za-z][\w.-]*?_(?:{_FAMILIES})_\w+")
# The families of MIRP, behind the names of a filter where there was one.
_MIRP = re.compile(r"(?:\w*?_)?(?:morph|loc|stat|ih|ivh|cm|rlm|szm|dzm|ngt|ngl)_[\w.-]+")
_SLICER = ("Feature Class", "Feature Name")
_SLICER_IMAGES = ("Image type", "Input image type")


def format_of(cells: Cells) -> SourceFormat:
    """The program that made a table, by its columns; `TABLE` where it is none of the known."""
    header = set(cells.header)
    if header.issuperset(_SLICER):
        return SourceFormat.SLICER
    if "sample_name" in header and any(name.startswith("image_") for name in header):
        return SourceFormat.MIRP
    if any(name.startswith(DIAGNOSTICS) for name in header) or (
        {"Image", "Mask"} <= header and any(is_pyradiomics(name) for name in header)
    ):
        return SourceFormat.PYRADIOMICS
    return SourceFormat.TABLE


def is_pyradiomics(name: str) -> bool:
    """Returns whether a column is named as PyRadiomics names a feature."""
    return not name.startswith(DIAGNOSTICS) and _PYRADIOMICS.fullmatch(name) is not None


def is_mirp(name: str) -> bool:
    """Returns whether a column is named as MIRP names a feature."""
    return not name.startswith("image_") and _MIRP.fullmatch(name) is not None


def turned(cells: Cells) -> Cells:
    """A table of Slicer as one row a segment: columns `Segment`, PyRadiomics' names, `FILE`.

    Raises
    ------
    CohortRejected
        When a column is missing, or a feature of a segment is there twice.
    """
    images = next((name for name in _SLICER_IMAGES if name in cells.header), None)
    if images is None:
        raise CohortRejected(f"{cells.source} has no column '{_SLICER_IMAGES[0]}'; a table of SlicerRadiomics has it.")
    parts = zip(cells.column(images), *(cells.column(name) for name in _SLICER), strict=True)
    names = ["_".join(part) for part in parts]
    known = {images, *_SLICER, FILE}
    if {"Label", "Value"} <= set(cells.header):
        entries = list(zip(cells.column("Label"), names, cells.column("Value"), strict=True))
    else:
        segments = [name for name in cells.header if name not in known]
        entries = [
            (segment, name, value)
            for segment in segments
            for name, value in zip(names, cells.column(segment), strict=True)
        ]
    rows: dict[str, dict[str, str]] = {}
    for segment, name, value in entries:
        row = rows.setdefault(segment, {})
        if name in row:
            raise CohortRejected(
                f"{cells.source} has the feature {name} more than once for one segment; each was expected once. Export "
                "the table of one extraction."
            )
        row[name] = value
    if not rows:
        raise CohortRejected(f"{cells.source} has no column of a segment; extract features in Slicer first.")
    header = tuple(dict.fromkeys(names))
    file = cells.rows[0][-1]
    return Cells(
        files=cells.files,
        header=(SEGMENT, *header, FILE),
        rows=tuple((segment, *(row.get(name, "") for name in header), file) for segment, row in rows.items()),
        places=tuple(f"segment {number}" for number in range(1, len(rows) + 1)),
    )
