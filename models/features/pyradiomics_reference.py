"""PyRadiomics 3.0.1 as a feature engine: slow, and the reference that our own engine must equal.

PyRadiomics filters the whole image before it crops. Here the normalised image is cropped first to the box of the
region plus the reach of the wavelet, and only along the axes where box and reach lie inside the image: along the others
the periodic transform wraps around the image, so the whole extent is kept. The values are those of PyRadiomics'
defaults, at about a third of the time and an eighth of the memory. PyRadiomics' own `preCrop` crops after
normalisation too, but lets a region near the border wrap around the crop instead of the image.
A Laplacian of Gaussian is recursive and reaches everywhere: with `log_sigma_mm` nothing is cropped.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import pywt
import SimpleITK as sitk
from numpy.typing import NDArray

from models.errors import EngineUnavailable, FeatureUndefined, StudyRejected
from models.features.families.diagnostics import diagnostics
from models.features.filters.image_box import body_statistics, normalised
from models.features.names import GREY_LEVEL, feature_names
from models.features.settings import FeatureSettings, NormalizeRegion
from models.images import to_sitk
from models.quality_notes import QualityNote
from models.volume import Region, Roi, Volume, same_grid


def _import_radiomics() -> ModuleType:
    try:
        import radiomics
        import radiomics.featureextractor
    except ImportError as missing:
        raise EngineUnavailable(
            f"The engine 'pyradiomics' was requested, but it cannot be imported ({missing}). Use the engine 'own', or "
            "install it, with a C compiler: 'pip install setuptools wheel \"numpy>=2\"', then "
            "'pip install --no-build-isolation pyradiomics==3.0.1'."
        ) from missing
    # It logs tracebacks of features that fail; those are reported as FeatureUndefined.
    logging.getLogger("radiomics").setLevel(logging.CRITICAL + 1)
    return radiomics


def check_region(volume: Volume, roi: Roi) -> None:
    """Refuses a region PyRadiomics' features have no meaning for.

    Raises
    ------
    StudyRejected
        When the region is not on the grid of the image, has extent along fewer than two axes, or is the whole image.
    """
    if not same_grid(volume, roi):
        raise StudyRejected(
            f"The region '{roi.label}' is on a grid of {roi.shape} voxels and the image on one of {volume.shape}, or "
            "their positions differ; resample the region to the grid of the image first."
        )
    count = int(np.count_nonzero(roi.mask))
    extent = [int(np.ptp(index)) + 1 for index in np.nonzero(roi.mask)]
    if sum(size > 1 for size in extent) < 2:
        raise StudyRejected(
            f"The region '{roi.label}' has {count} voxel(s) in a box of {extent[0]} × {extent[1]} × {extent[2]} "
            "(slices × rows × columns); features need an extent of at least 2 voxels along at least 2 axes. "
            "Check the segmentation."
        )
    if count == roi.mask.size:
        raise StudyRejected(
            f"The region '{roi.label}' is the whole image ({count} voxels); a region inside the image was expected."
        )


def _reach(settings: FeatureSettings) -> int:
    """Voxels beyond the box that the wavelet images inside the box depend on."""
    if settings.wavelet is None:
        return 0
    return settings.wavelet_levels * (pywt.Wavelet(settings.wavelet).dec_len - 1)


def _crop(roi: Roi, settings: FeatureSettings) -> tuple[slice, ...]:
    if settings.log_sigma_mm:
        return (slice(None),) * 3
    # One voxel more than the filters need: PyRadiomics refuses a mask without background.
    reach = max(_reach(settings), 1)
    box = []
    for index, size in zip(np.nonzero(roi.mask), roi.shape, strict=True):
        low, high = int(index.min()) - reach, int(index.max()) + 1 + reach
        box.append(slice(low, high) if low >= 0 and high <= size else slice(None))
    return tuple(box)


class PyRadiomicsEngine:
    """PyRadiomics behind the interface of `models.features.extract.FeatureEngine`.

    Raises
    ------
    EngineUnavailable
        When PyRadiomics is not installed.
    """

    def __init__(self) -> None:
        self._radiomics = _import_radiomics()

    @property
    def name(self) -> str:
        """Name and version."""
        return f"pyradiomics {str(self._radiomics.__version__).removeprefix('v')}"

    def take_notes(self) -> tuple[QualityNote, ...]:
        """None: it runs on the CPU only and notices nothing beside what it refuses."""
        return ()

    def extract(
        self,
        volume: Volume,
        rois: Mapping[Region, Roi],
        settings: FeatureSettings,
        *,
        body: NDArray[np.bool_] | None = None,
    ) -> dict[Region, dict[str, float]]:
        """All features of every region by their PyRadiomics name.

        Raises
        ------
        StudyRejected
            When a region is too small or not on the grid of the image, or the image too small for a LoG filter.
        FeatureUndefined
            When a feature has no value; names the feature.
        """
        for roi in rois.values():
            check_region(volume, roi)
        # 0/0 in directions without neighbours, which PyRadiomics leaves out of the mean afterwards.
        with np.errstate(all="ignore"):
            image = to_sitk(volume.voxels, volume)
            if body is not None and settings.normalize and settings.normalize_region is NormalizeRegion.BODY:
                over_body = body_statistics(volume.voxels, body)
                image = to_sitk(normalised(volume.voxels, over_body, settings), volume)
            elif settings.normalize:
                image = self._radiomics.imageoperations.normalizeImage(image, normalizeScale=settings.normalize_scale)
            values = {region: self._features(image, roi, settings) for region, roi in rois.items()}
        if settings.diagnostics:
            values = {region: {**diagnostics(volume, rois[region]), **found} for region, found in values.items()}
        for region, found in values.items():
            _check_complete(found, rois[region], settings)
        return values

    def _features(self, image: sitk.Image, roi: Roi, settings: FeatureSettings) -> dict[str, float]:
        box = _crop(roi, settings)
        # SimpleITK slices by (x, y, z) and moves the origin along.
        backwards = box[::-1]
        mask = to_sitk(roi.mask.astype(np.uint8), roi)
        mask.CopyInformation(image)  # the affine decides; its last bits may differ
        extractor = self._extractor(settings)
        try:
            found = extractor.execute(image[backwards], mask[backwards])
        except (ValueError, RuntimeError) as refusal:
            raise StudyRejected(f"PyRadiomics refused the region '{roi.label}': {refusal}") from refusal
        return {name: float(value) for name, value in found.items()}

    def _extractor(self, settings: FeatureSettings) -> Any:
        bins = {"binCount": settings.bin_count} if settings.bin_count is not None else {"binWidth": settings.bin_width}
        # Normalisation and cropping are already done, and the diagnostics are ours.
        extractor = self._radiomics.featureextractor.RadiomicsFeatureExtractor(additionalInfo=False, **bins)
        extractor.disableAllImageTypes()
        extractor.enableImageTypeByName("Original")
        if settings.log_sigma_mm:
            widths = [float(sigma) for sigma in settings.log_sigma_mm]
            extractor.enableImageTypeByName("LoG", customArgs={"sigma": widths})
        if settings.wavelet is not None:
            custom = {"wavelet": settings.wavelet, "level": settings.wavelet_levels}
            extractor.enableImageTypeByName("Wavelet", customArgs=custom)
        extractor.disableAllFeatures()
        for family in ("shape", *GREY_LEVEL):
            extractor.enableFeatureClassByName(family)
        return extractor


def _check_complete(found: Mapping[str, float], roi: Roi, settings: FeatureSettings) -> None:
    absent = [name for name in feature_names(settings) if name not in found]
    if absent:
        # PyRadiomics skips a LoG filter wider than the image with a log line only.
        raise StudyRejected(
            f"PyRadiomics gave {len(absent)} features of the region '{roi.label}' no value (first: {absent[0]}): the "
            "image is too small for the filter. Leave the filter out or use a larger image."
        )
    undefined = [name for name, value in found.items() if not np.isfinite(value)]
    if undefined:
        raise FeatureUndefined(
            f"{len(undefined)} features of the region '{roi.label}' have no value, the first is {undefined[0]}; "
            "the region is probably too small or flat. Check the segmentation."
        )
