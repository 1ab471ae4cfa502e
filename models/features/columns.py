"""Columns of a table of features: what each holds, by a schema and never by how its name begins.

A column of ours is `<sequence>_<region>_<feature>`, with a feature that `models.features.names` can name under some
settings. A column from elsewhere is whatever the schema of its import says: a feature of any sequence and region, or a
clinical variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from models.features.names import DIAGNOSTICS, GREY_LEVEL, SHAPE, SUB_BANDS
from models.volume import Region, Sequence

CLINICAL_PREFIX = "clinical_"

_GREY_LEVEL = frozenset(f"{family}_{name}" for family, names in GREY_LEVEL.items() for name in names)
_IMAGE = re.compile(rf"original|wavelet[2-9]?-(?:{'|'.join((*SUB_BANDS, 'LLL'))})|log-sigma-\d+-\d+-mm-3D")


class ColumnKind(StrEnum):
    """Kind of an input."""

    FEATURE = "feature"  # computed from an image and a region
    CLINICAL = "clinical"  # known of the patient without an image


@dataclass(frozen=True)
class InputColumn:
    """One column of a table of features.

    Attributes
    ----------
    name : unique in the table
    kind : feature or clinical variable
    sequence, region : what it was computed from, in the words of who made the table; empty for a clinical variable
    feature : its name without sequence and region; the name of the variable for a clinical one
    unit : UCUM code; "" where it is not known
    """

    name: str
    kind: ColumnKind
    sequence: str
    region: str
    feature: str
    unit: str = ""

    @property
    def group(self) -> str:
        """Sequence and region in words; "clinical" for a clinical variable."""
        return "clinical" if self.kind is ColumnKind.CLINICAL else f"{self.sequence} {self.region}"


def is_feature(name: str) -> bool:
    """Returns whether some settings give a feature of this name (without sequence and region)."""
    if name in DIAGNOSTICS:
        return True
    image, _, rest = name.partition("_")
    if image == "original" and rest.startswith("shape_"):
        return rest.removeprefix("shape_") in SHAPE
    return rest in _GREY_LEVEL and _IMAGE.fullmatch(image) is not None


@lru_cache(maxsize=32_768)
def our_column(name: str) -> InputColumn | None:
    """The column of this name in a table that `rdeepnet features` wrote; None where there is none."""
    sequence, _, rest = name.partition("_")
    region, _, feature = rest.partition("_")
    if sequence not in tuple(Sequence) or region not in tuple(Region) or not is_feature(feature):
        return None
    return InputColumn(name, ColumnKind.FEATURE, sequence, region, feature)


def feature_class(feature: str) -> str:
    """Class of a feature by its name in PyRadiomics' form, "glcm", "shape", "diagnostics"; "other" for other names."""
    if feature.startswith("diagnostics_"):
        return "diagnostics"
    parts = feature.split("_")
    return parts[-2] if len(parts) > 2 else "other"


def groups_in_words(columns: Iterable[InputColumn]) -> str:
    """ "t1c intratumoral (851), clinical (2)", in the order of their first occurrence."""
    counts: dict[str, int] = {}
    for column in columns:
        counts[column.group] = counts.get(column.group, 0) + 1
    return ", ".join(f"{group} ({count})" for group, count in counts.items())
