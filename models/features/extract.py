"""The door to the feature engines: prepared images in, one `FeatureTable` out.

An engine computes the features of all regions of one image in one call, so that it can share what the regions have in
common. `models.features.names` fixes the order; an engine that leaves one out or adds one is a defect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from models.features.settings import FeatureSettings
from models.volume import Region, Roi, Volume


class FeatureEngine(Protocol):
    """Computes PyRadiomics' features of the regions of one image."""

    @property
    def name(self) -> str:
        """Name and version, e.g. "pyradiomics 3.0.1"; it goes into the report."""

    def extract(
        self, volume: Volume, rois: Mapping[Region, Roi], settings: FeatureSettings
    ) -> Mapping[Region, Mapping[str, float]]:
        """All features of every region by their PyRadiomics name (`original_glcm_Contrast`, …).

        Raises
        ------
        StudyRejected
            When a region is too small, or not on the grid of the image.
        FeatureUndefined
            When a feature has no value.
        """
