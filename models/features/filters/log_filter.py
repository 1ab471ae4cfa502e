"""The Laplacian of Gaussian as PyRadiomics takes it: ITK's recursive filter over the whole image.

The filter is recursive, its response reaches everywhere, so the whole (normalised) image is filtered and then cropped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from models.errors import StudyRejected


def laplacian_of_gaussian(
    image: NDArray[Any], spacing_mm: tuple[float, float, float], *, sigma_mm: float
) -> NDArray[Any]:
    """Scale-normalised Laplacian of Gaussian, (slices, rows, columns) like `image`.

    Parameters
    ----------
    image : any real type (slices, rows, columns)
    spacing_mm : along (slices, rows, columns)
    sigma_mm : width of the Gaussian

    Raises
    ------
    StudyRejected
        When the image has fewer than 4 voxels along an axis, or no more than sigma / spacing rounded up: PyRadiomics
        leaves such an image out with a line in its log.
    """
    smallest = np.maximum(np.ceil(sigma_mm / np.array(spacing_mm)) + 1, 4)
    if np.any(np.array(image.shape) < smallest):
        raise StudyRejected(
            f"The image has {' × '.join(map(str, image.shape))} voxels (slices × rows × columns); the Laplacian of "
            f"Gaussian with sigma {sigma_mm:g} mm needs at least {' × '.join(f'{n:.0f}' for n in smallest)}. "
            "Leave this width out of the settings."
        )
    source = sitk.GetImageFromArray(image)
    source.SetSpacing(spacing_mm[::-1])
    laplacian = sitk.LaplacianRecursiveGaussianImageFilter()
    laplacian.SetNormalizeAcrossScale(True)
    laplacian.SetSigma(sigma_mm)
    return np.asarray(sitk.GetArrayFromImage(laplacian.Execute(source)))
