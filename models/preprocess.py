"""From the images as read to the images the features are computed on: N4, body mask, peritumoral shell.

The z-score over the whole image × 100 is part of `FeatureSettings` (the engine normalises in float64, as PyRadiomics
does), so a prepared volume still has the units of the N4-corrected image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.findings import Finding
from models.volume import Region, Roi, Sequence, Volume


@dataclass(frozen=True, eq=False)
class PreparedSequence:
    """One sequence, ready for feature extraction.

    Attributes
    ----------
    volume : N4-corrected image
    rois : tumour and peritumoral shell on the grid of `volume`
    body : bool (slices, rows, columns), the body mask
    """

    volume: Volume
    rois: Mapping[Region, Roi]
    body: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Both sequences (or the one there is), and what was noticed."""

    sequences: Mapping[Sequence, PreparedSequence]
    findings: tuple[Finding, ...]


class BiasCorrection(Protocol):
    """Removes the low-frequency intensity inhomogeneity of a volume."""

    @property
    def name(self) -> str:
        """Implementation and parameters in words; recorded in reports and model packages."""

    def correct(self, volume: Volume, body: NDArray[np.bool_]) -> Volume:
        """The volume divided by its estimated bias field, float32, same grid."""
