"""The choice of what becomes of cavities; apart from its use, since settings name it where nothing is computed."""

from __future__ import annotations

from enum import StrEnum


class Cavities(StrEnum):
    """Treatment of voxels that the tumour encloses (necrosis that was left out of the segmentation)."""

    EXCLUDE = "exclude"  # neither tumour nor surroundings
    FILL = "fill"  # tumour
