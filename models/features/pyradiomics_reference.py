"""PyRadiomics 3.0.1 as a feature engine: slow, and the reference that our own engine must equal.

PyRadiomics filters the whole image before it crops. Here the normalised image is cropped first to the box of the
region plus the reach of the wavelet, and only along the axes where box and reach lie inside the image: along the others
the periodic transform wraps around the image, so the whole extent is kept. The values are those of PyRadiomics'
defaults, at about a third of the time and an eighth of the memory. PyRadiomics' own `preCrop` crops after
normalisation too, but lets a region near the border wrap around the crop instead of the image.
A Laplacian of Gaussian is recursive and reaches everywhere: with `log_sigma_mm` nothing is cropped.

Resampling and re-segmentation are done before PyRadiomics, in the way of `models.features.interpolation` and
`models.features.resegmentation`; it counts and computes.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from models.errors import EngineUnavailable, SetupError, StudyRejected
from models.features.families.diagnostics import diagnostics
from models.features.filters.image_box import body_statistics, image_statistics, in_working_precision, normalised
from models.features.filters.wavelet import wavelet_reach
from models.features.interpolation import resampled
from models.features.names import DIAGNOSTICS, GREY_LEVEL, feature_names
from models.features.resegmentation import resegmented
from models.features.settings import BinOrigin, FeatureSettings, NormalizeRegion
from models.images import to_sitk
from models.number_words import counted
from models.preprocessing.mask_fit import require_same_grid
from models.quality_notes import QualityNote
from models.volume import Region, Roi, Volume

_FAMILIES = ("shape", *GREY_LEVEL)


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
    # It logs tracebacks of features that fail; those have no value in the table.
    logging.getLogger("radiomics").setLevel(logging.CRITICAL + 1)
    return radiomics


def check_region(volume: Volume, roi: Roi) -> None:
    """Refuses a region PyRadiomics' features have no meaning for.

    Raises
    ------
    StudyRejected
        When the region is not on the grid of the image or has extent along fewer than two axes.
    """
    require_same_grid(volume, roi)
    count = int(np.count_nonzero(roi.mask))
    extent = [int(np.ptp(index)) + 1 for index in np.nonzero(roi.mask)]
    if sum(size > 1 for size in extent) < 2:
        raise StudyRejected(
            f"The region '{roi.label}' has {count} voxel(s) in a box of {extent[0]} × {extent[1]} × {extent[2]} "
            "(slices × rows × columns); features need an extent of at least 2 voxels along at least 2 axes. "
            "Check the segmentation."
        )


def _crop(roi: Roi, settings: FeatureSettings) -> tuple[slice, ...]:
    if settings.log_sigma_mm:
        return (slice(None),) * 3
    # One voxel more than nothing, so that a mask has background wherever the image has.
    reach = max(wavelet_reach(settings), 1)
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
        """All features of every region by their PyRadiomics name; NaN where a feature has no value.

        Raises
        ------
        StudyRejected
            When a region is too small or not on the grid of the image, or the image too small for a LoG filter.
        SetupError
            When PyRadiomics has no such setting.
        """
        _check_settings(settings)
        for roi in rois.values():
            check_region(volume, roi)
        if settings.resample_mm:
            statistics = image_statistics(volume.voxels)
            if body is not None and settings.normalize and settings.normalize_region is NormalizeRegion.BODY:
                statistics = body_statistics(volume.voxels, body)
            on = resampled(volume, rois, statistics, settings)
            return self._complete(volume, rois, self.extract(on.volume, on.rois, on.settings), settings)
        # 0/0 in directions without neighbours, which PyRadiomics leaves out of the mean afterwards.
        with np.errstate(all="ignore"):
            image = to_sitk(volume.voxels, volume)
            if settings.normalize and volume.voxels.min() == volume.voxels.max():
                # PyRadiomics divides by zero and then fails; shape does not depend on the values.
                shapes = replace(settings, wavelet=None, log_sigma_mm=())
                values = {
                    region: self._features(image, roi, shapes, families=("shape",)) for region, roi in rois.items()
                }
                return self._complete(volume, rois, values, settings)
            if body is not None and settings.normalize and settings.normalize_region is NormalizeRegion.BODY:
                over_body = body_statistics(volume.voxels, body)
                image = to_sitk(normalised(volume.voxels, over_body, settings), volume)
            elif settings.normalize:
                image = self._radiomics.imageoperations.normalizeImage(image, normalizeScale=settings.normalize_scale)
            values = {region: self._of_region(image, roi, settings) for region, roi in rois.items()}
        for region, found in values.items():
            _check_complete(found, rois[region], settings)
        return self._complete(volume, rois, values, settings)

    def _of_region(self, image: sitk.Image, roi: Roi, settings: FeatureSettings) -> dict[str, float]:
        """Shape of the region, and all others of the voxels that re-segmentation leaves."""
        if not settings.resegments:
            return self._features(image, roi, settings)
        shape = self._features(image, roi, replace(settings, wavelet=None, log_sigma_mm=()), families=("shape",))
        voxels = in_working_precision(sitk.GetArrayViewFromImage(image))
        left = Roi(roi.affine, resegmented(voxels, roi.mask, settings, label=roi.label), roi.label)
        return {**shape, **self._features(image, left, settings, families=tuple(GREY_LEVEL))}

    def _complete(
        self,
        volume: Volume,
        rois: Mapping[Region, Roi],
        values: Mapping[Region, Mapping[str, float]],
        settings: FeatureSettings,
    ) -> dict[Region, dict[str, float]]:
        """With diagnostics where they are wanted, and NaN for what there is not."""
        nothing = dict.fromkeys(feature_names(settings), math.nan)
        return {
            region: {**nothing, **(diagnostics(volume, rois[region]) if settings.diagnostics else {}), **found}
            for region, found in values.items()
        }

    def _features(
        self, image: sitk.Image, roi: Roi, settings: FeatureSettings, *, families: Iterable[str] = _FAMILIES
    ) -> dict[str, float]:
        box = _crop(roi, settings)
        # SimpleITK slices by (x, y, z) and moves the origin along.
        backwards = box[::-1]
        mask = to_sitk(roi.mask.astype(np.uint8), roi)
        mask.CopyInformation(image)  # the affine decides; its last bits may differ
        extractor = self._extractor(settings, families)
        try:
            found = extractor.execute(image[backwards], mask[backwards])
        except (ValueError, RuntimeError) as refusal:
            raise StudyRejected(f"PyRadiomics refused the region '{roi.label}': {refusal}") from refusal
        # MCC is the root of an eigenvalue, with an imaginary part that is rounding.
        return {name: float(np.real(value)) for name, value in found.items()}

    def _extractor(self, settings: FeatureSettings, families: Iterable[str]) -> Any:
        bins: dict[str, Any] = {"binWidth": settings.bin_width}
        if settings.bin_count is not None:
            bins = {"binCount": settings.bin_count}
        if settings.aggregation.merges_directions:
            bins["weightingNorm"] = "no_weighting"
        # Normalisation and cropping are already done, and the diagnostics are ours.
        extractor = self._radiomics.featureextractor.RadiomicsFeatureExtractor(additionalInfo=False, **bins)
        if settings.aggregation.within_slices:
            # For the features alone: as a setting of the extractor it would make the wavelet two-dimensional, too.
            compute = extractor.computeFeatures
            extractor.computeFeatures = lambda *arguments, **custom: compute(*arguments, **{**custom, "force2D": True})
        # Its own way from files to images refuses a mask without background, as 3.1 no longer does.
        extractor.loadImage = lambda image, mask, *_, **__: (image, sitk.Cast(mask, sitk.sitkUInt32))
        extractor.disableAllImageTypes()
        extractor.enableImageTypeByName("Original")
        if settings.log_sigma_mm:
            widths = [float(sigma) for sigma in settings.log_sigma_mm]
            extractor.enableImageTypeByName("LoG", customArgs={"sigma": widths})
        if settings.wavelet is not None:
            custom = {"wavelet": settings.wavelet, "level": settings.wavelet_levels}
            extractor.enableImageTypeByName("Wavelet", customArgs=custom)
        extractor.disableAllFeatures()
        for family in families:
            extractor.enableFeatureClassByName(family)
        return extractor


def _check_settings(settings: FeatureSettings) -> None:
    """Refuses settings that PyRadiomics has no equal of.

    Raises
    ------
    SetupError
        With the setting and its value.
    """
    lacking = {
        "bin_origin": settings.bin_origin if settings.bin_origin is not BinOrigin.ZERO else None,
        "aggregation": settings.aggregation if settings.aggregation.by_slice else None,
    }
    for name, value in lacking.items():
        if value is not None:
            raise SetupError(
                f"The feature setting {name} is '{value}', which PyRadiomics does not have; use the engine 'own', or "
                "another value."
            )


def _check_complete(found: Mapping[str, float], roi: Roi, settings: FeatureSettings) -> None:
    absent = [name for name in feature_names(settings) if name not in found and name not in DIAGNOSTICS]
    if absent:
        # PyRadiomics skips a LoG filter wider than the image with a log line only.
        raise StudyRejected(
            f"PyRadiomics gave {counted(len(absent), 'feature')} of the region '{roi.label}' no value (first: "
            f"{absent[0]}): the image is too small for the filter. Leave the filter out or use a larger image."
        )
