"""Paper of a report; a module of its own, so that the settings name it without loading a library."""

from __future__ import annotations

from enum import StrEnum


class Paper(StrEnum):
    """Paper of a report."""

    A4 = "a4"  # 210 × 297 mm
    LETTER = "letter"  # 8.5 × 11 inches
