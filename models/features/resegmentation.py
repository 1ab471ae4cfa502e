"""Re-segmentation: the voxels of a region whose grey values count, by a range and by outliers.

IBSI reference manual, section 2.5. Shape is that of the region as it was drawn; grey values and texture are those of
the voxels that are left. Both limits are closed, as in PyRadiomics 3.0.1 (`imageoperations.resegmentMask`, modes
absolute and sigma, of which it takes one at a time): here the range comes first, then mean and standard deviation
(of the population) of what it leaves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.features.settings import FeatureSettings
from models.number_words import agreeing, counted


def kept_values(values: NDArray[Any], settings: FeatureSettings) -> NDArray[np.bool_]:
    """Returns which grey values of a region stay in it: bool (voxels,).

    Parameters
    ----------
    values : float32 or float64 (voxels,), of the image before any filter, normalised if the settings say so
    """
    kept = np.ones(values.size, np.bool_)
    if settings.resegment_range:
        low, high = settings.resegment_range
        kept &= (values >= low) & (values <= high)
    if settings.resegment_sigma is not None and kept.any():
        mean, deviation = np.mean(values[kept]), np.std(values[kept])
        reach = deviation * settings.resegment_sigma
        kept &= (values >= mean - reach) & (values <= mean + reach)
    return kept


def resegmented(
    image: NDArray[Any], mask: NDArray[np.bool_], settings: FeatureSettings, *, label: str
) -> NDArray[np.bool_]:
    """The voxels of a region whose grey values count: bool, of the shape of `mask`.

    Parameters
    ----------
    image : float32 or float64, of the shape of `mask`
    label : of the region, for the sentence of a refusal

    Raises
    ------
    StudyRejected
        When fewer than two voxels are left.
    """
    values = image[mask]
    result = np.zeros_like(mask)
    result[mask] = kept_values(values, settings)
    left = int(np.count_nonzero(result))
    if left < 2:
        raise StudyRejected(
            f"The region '{label}' has {counted(values.size, 'voxel')} with grey values from {values.min():g} to "
            f"{values.max():g}; {left} {agreeing(left, 'is', 'are')} left by the settings resegment_range and "
            "resegment_sigma, and at least 2 were expected. Widen the range, or check the units of the image."
        )
    return result
