"""SimpleITK's N4 as a `models.preprocessing.prepare.BiasCorrection`: the oracle of the own implementation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.images import to_sitk
from models.preprocessing.n4_settings import Corrected, FieldFit, N4Settings, shrunk
from models.volume import Volume


@dataclass(frozen=True)
class SimpleItkN4:
    """N4 by SimpleITK on the CPU.

    Attributes
    ----------
    settings : parameters
    threads : 0 for SimpleITK's own choice; another count changes the field by up to 7e-3 (log units). The filters
        inside N4 know the process-wide number only, so that is what is set while a field is fitted.
    """

    settings: N4Settings = field(default_factory=N4Settings)
    threads: int = 0

    @property
    def name(self) -> str:
        """Implementation and parameters in words."""
        return f"N4, SimpleITK {sitk.Version().VersionString()} ({self.settings.in_words()})"

    def log_field(self, volume: Volume, body: NDArray[np.bool_]) -> NDArray[np.float32]:
        """The natural logarithm of the bias field, float32 (slices, rows, columns), at full resolution.

        Raises
        ------
        StudyRejected
            When SimpleITK cannot fit a field to this image.
        """
        return self._fitted(volume.in_single_precision(), body)[0]

    def correct(self, volume: Volume, body: NDArray[np.bool_]) -> Corrected:
        """The volume divided by its estimated bias field.

        Raises
        ------
        StudyRejected
            As `log_field`.
        """
        volume = volume.in_single_precision()
        field, fit = self._fitted(volume, body)
        return Corrected(Volume(volume.affine, np.divide(volume.voxels, np.exp(field), dtype=np.float32)), fit)

    def _fitted(self, volume: Volume, body: NDArray[np.bool_]) -> tuple[NDArray[np.float32], FieldFit]:
        settings = self.settings
        small = shrunk(volume, body, shrink=settings.shrink)
        try:
            with _threads(self.threads):
                fit = _filter(settings)
                # Placed anywhere: the spline's domain is stretched over whatever grid it is evaluated on.
                fit.Execute(sitk.GetImageFromArray(small.image), sitk.GetImageFromArray(small.mask.astype(np.uint8)))
                image = fit.GetLogBiasFieldAsImage(to_sitk(volume.voxels, volume))
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise StudyRejected(
                f"SimpleITK's N4 failed on an image of {volume.shape} voxels ({reason}); "
                "check the image, or switch the bias correction off."
            ) from error
        result: NDArray[np.float32] = sitk.GetArrayFromImage(image).astype(np.float32)
        # It tells the number of iterations of the last level only, so the limit is not judged.
        return result, FieldFit(small.left_out, float(np.std(result[body])), at_limit=False)

    def on_cpu(self) -> SimpleItkN4:
        """Itself: SimpleITK's N4 knows no other device."""
        return self


def _filter(settings: N4Settings) -> sitk.N4BiasFieldCorrectionImageFilter:
    fit = sitk.N4BiasFieldCorrectionImageFilter()
    fit.SetMaximumNumberOfIterations(list(settings.iterations))
    fit.SetConvergenceThreshold(settings.convergence_threshold)
    fit.SetNumberOfHistogramBins(settings.bins)
    fit.SetWienerFilterNoise(settings.wiener_noise)
    fit.SetBiasFieldFullWidthAtHalfMaximum(settings.fwhm)
    fit.SetNumberOfControlPoints([settings.control_points] * 3)
    return fit


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """SimpleITK's process-wide number of threads for a while; 0 leaves it."""
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(count or before)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
