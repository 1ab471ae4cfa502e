"""PyRadiomics on the whole image, without any of our code: the oracle of the own engine, and how to compare with it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from unittest.mock import patch

import numpy as np
import pytest
import SimpleITK as sitk

from models.features.settings import BinOrigin, FeatureSettings
from models.volume import Roi, Volume

RELATIVE = 1e-9
ABSOLUTE = 1e-12  # times the natural scale of the feature


def volume_of(voxels: np.ndarray, spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    """A volume at the origin, slices towards the head."""
    return Volume(affine=affine_of(spacing_mm), voxels=voxels)


def roi_of(mask: np.ndarray, spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0), label: str = "region") -> Roi:
    """A region on the grid of `volume_of`."""
    return Roi(affine=affine_of(spacing_mm), mask=mask, label=label)


def affine_of(spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Columns along x, rows along y, slices along z."""
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = *spacing_mm, 1
    return affine


def pyradiomics_values(
    volume: Volume, roi: Roi, settings: FeatureSettings, *, pre_crop: bool = False
) -> dict[str, float]:
    """All features of PyRadiomics 3.0.1; NaN where it gives NaN, its ValueError where it refuses.

    A mask without background is taken as PyRadiomics 3.1 takes it; 3.0.1 refuses it. Of the steps of IBSI those are
    taken that PyRadiomics has: one way of re-segmentation, and aggregations that are not by slice.
    """
    pytest.importorskip("radiomics")
    from radiomics import imageoperations
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    logging.getLogger("radiomics").setLevel(logging.CRITICAL + 1)
    image = sitk.GetImageFromArray(np.asarray(volume.voxels))
    image.SetSpacing(volume.spacing_mm[::-1])
    mask = sitk.GetImageFromArray(roi.mask.astype(np.uint8))
    mask.CopyInformation(image)
    extractor = RadiomicsFeatureExtractor(
        additionalInfo=False,
        normalize=settings.normalize,
        normalizeScale=settings.normalize_scale,
        binWidth=settings.bin_width,
        binCount=settings.bin_count,
        preCrop=pre_crop,
        padDistance=5,
        **_of_ibsi(settings),
    )
    extractor.disableAllImageTypes()
    extractor.enableImageTypeByName("Original")
    if settings.log_sigma_mm:
        extractor.enableImageTypeByName("LoG", customArgs={"sigma": list(settings.log_sigma_mm)})
    if settings.wavelet:
        extractor.enableImageTypeByName(
            "Wavelet", customArgs={"wavelet": settings.wavelet, "level": settings.wavelet_levels}
        )
    extractor.enableAllFeatures()
    extractor.enabledFeatures.pop("shape2D")
    full = (
        patch.object(imageoperations, "getMask", _without_a_look_at_the_background) if roi.mask.all() else nullcontext()
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"), full:
        warnings.simplefilter("ignore")  # 0/0 where a direction has no pairs
        return {name: float(value) for name, value in extractor.execute(image, mask).items()}


def _of_ibsi(settings: FeatureSettings) -> dict[str, object]:
    lacking = (
        bool(settings.resample_mm),
        settings.aggregation.by_slice,
        settings.bin_origin is BinOrigin.MINIMUM,
        bool(settings.resegment_range) and settings.resegment_sigma is not None,
    )
    assert not any(lacking)
    found: dict[str, object] = {}
    if settings.resegment_range:
        found |= {"resegmentRange": list(settings.resegment_range), "resegmentMode": "absolute"}
    if settings.resegment_sigma:
        found |= {"resegmentRange": [-settings.resegment_sigma, settings.resegment_sigma], "resegmentMode": "sigma"}
    if settings.aggregation.merges_directions:
        found["weightingNorm"] = "no_weighting"
    if settings.aggregation.within_slices:
        assert settings.wavelet is None, "PyRadiomics would make the wavelet two-dimensional, too"
        found["force2D"] = True
    return found


def _without_a_look_at_the_background(mask: sitk.Image, **settings: object) -> sitk.Image:
    return sitk.Cast(mask, sitk.sitkUInt32)


def natural_scale(name: str, reference: Mapping[str, float]) -> float:
    """Unit of relative error for a feature that can be 0 by cancellation."""
    prefix, feature = name.rsplit("_", 1)
    image = prefix.rsplit("_", 1)[0]

    def of(other: str) -> float:
        return abs(reference[f"{image}_{other}"])

    grey = max(of("firstorder_Minimum"), of("firstorder_Maximum")) if "firstorder" in name else 1.0
    scales = {
        "Mean": grey,
        "Median": grey,
        "10Percentile": grey,
        "90Percentile": grey,
        "MeanAbsoluteDeviation": grey,
        "RobustMeanAbsoluteDeviation": grey,
        "InterquartileRange": grey,
        "Range": grey,
        "Variance": grey**2,
        # Of values far above their spread: the last bit of their mean, in units of the spread.
        "Skewness": grey / max(of("firstorder_Variance"), 1e-300) ** 0.5 if feature == "Skewness" else 1.0,
    }
    if feature == "ClusterShade":
        return 1 + of("glcm_ClusterProminence") ** 0.75
    return max(1.0, scales.get(feature, 1.0))


def differences(
    ours: Mapping[str, float], reference: Mapping[str, float], *, relative: float = RELATIVE
) -> list[tuple[str, float, float]]:
    """(name, ours, reference) of the features that are not equal within the tolerance."""
    return [
        (name, ours[name], value)
        for name, value in reference.items()
        if not abs(ours[name] - value) <= relative * abs(value) + ABSOLUTE * natural_scale(name, reference)
    ]
