"""Our own feature engine: PyRadiomics 3.0.1's numbers, at a fraction of its time.

What it saves: one pass over the whole volume for the normalisation, the wavelet only of the box around all regions and
its margin (of several boxes where parts of them are far apart), one sweep per direction for four matrices, formulas as
array operations, diameters without trying every pair. What it does not share with PyRadiomics is listed in
`DIFFERENCES`; everything else is equal to a relative 1e-9.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import EngineUnavailable
from models.features.aggregation import Part, alike, averaged, counts_of, histogram_of, parts_of
from models.features.batch import FAMILIES, grey_level_features
from models.features.families.firstorder import needed_ranks
from models.features.families.shape import coordinate_sums, shape_features
from models.features.filters.discretise import GreyLevels, discretise
from models.features.filters.image_box import (
    ImageStatistics,
    body_statistics,
    image_statistics,
    in_working_precision,
    normalised,
    region_box,
)
from models.features.filters.wavelet import Box
from models.features.interpolation import resampled
from models.features.names import DIAGNOSTICS, feature_names
from models.features.region_values import PlacedRegion, region_values
from models.features.resegmentation import resegmented
from models.features.settings import OWN_ENGINE, Aggregation, FeatureSettings, NormalizeRegion
from models.features.texture import TEXTURE_FAMILIES, TextureCounts, connected_parts, region_geometry
from models.preprocessing.mask_fit import require_same_grid
from models.quality_notes import QualityNote, Severity
from models.volume import Region, Roi, Volume

# Where PyRadiomics 3.0.1 fails, gives NaN, or hangs on the last bit → what this engine does instead.
DIFFERENCES: dict[str, str] = {
    "region of one voxel, or extended along one axis only": "StudyRejected, as PyRadiomics refuses it",
    "region that is the whole image (PyRadiomics 3.0.1: ValueError)": "its features, as PyRadiomics 3.1 gives them",
    "constant image with normalisation (PyRadiomics: ValueError after a division by zero)": "shape and diagnostics, "
    "NaN for all others",
    "more than 65,000 bins or 2,048 different levels (PyRadiomics runs out of memory)": "StudyRejected",
    "grey values too close for the bin count (PyRadiomics: ValueError of NumPy)": "StudyRejected",
    "image too small for a LoG filter (PyRadiomics leaves the image out, with a log line)": "StudyRejected",
    "no two voxels are neighbours: all GLCM features; no two lie on a line: all GLRLM features; no voxel between the "
    "percentiles 10 and 90, as in a region of two voxels: the robust deviation": "NaN, like PyRadiomics",
    "flat region, exactly or up to rounding (a range below 1e-12 of the values): Skewness, Kurtosis (PyRadiomics: 0, "
    "or the moments of its rounding errors)": "0",
    "Imc2 or MCC, all directions negative under the root by rounding (PyRadiomics: NaN)": "0",
    "last bits of the normalised image (ITK's deviation depends on its number of threads), more than those where it is "
    "below a millionth of the values, as of 64-bit counters": "exactly rounded sums, in the same formula",
    "re-segmentation: shape (PyRadiomics cuts the region off at the box of what is left)": "that of the whole region",
    "single level: MCC, Correlation 1; Imc1, Imc2, InverseVariance 0; Coarseness 1e6": "the same values",
}


class OwnEngine:
    """The engine behind the interface of `models.features.extract.FeatureEngine`.

    Counting runs on the CPU; `device` is where the formulas run. When the memory of a GPU does not suffice the CPU
    takes over, and `take_notes` says so.

    Parameters
    ----------
    device : "cpu", "cuda", or "auto" for CUDA where there is a device

    Raises
    ------
    EngineUnavailable
        When "cuda" is requested and there is no CUDA device.
    """

    def __init__(self, *, device: str = "cpu") -> None:
        if device not in ("cpu", "cuda", "auto"):
            raise EngineUnavailable(f"The device is '{device}'; cpu, cuda or auto was expected.")
        available = torch.cuda.is_available()
        if device == "cuda" and not available:
            raise EngineUnavailable(
                "The device 'cuda' was requested, but PyTorch finds none; use the device 'cpu' or 'auto', or install a "
                "PyTorch with CUDA and the driver it needs."
            )
        self._device = torch.device("cuda" if device != "cpu" and available else "cpu")
        self._notes: list[QualityNote] = []

    @property
    def name(self) -> str:
        """Name and version of the algorithm."""
        return OWN_ENGINE

    @property
    def device(self) -> str:
        """Device of the formulas: "cpu" or "cuda"."""
        return self._device.type

    def take_notes(self) -> tuple[QualityNote, ...]:
        """Quality notes since the last call of this method: whoever reports on a study takes them."""
        taken = tuple(dict.fromkeys(self._notes))
        self._notes.clear()
        return taken

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
            When a region is too small or not on the grid of the image; when the body is constant or the image too small
            for a LoG filter; when there would be too many grey levels.
        SetupError
            When the settings name a wavelet PyWavelets does not have.
        """
        for roi in rois.values():
            require_same_grid(volume, roi)
        regions = {region: _placed(roi) for region, roi in rois.items()}
        if not regions:
            return {}
        of_image = image_statistics(volume.voxels)
        statistics = of_image
        if body is not None and settings.normalize and settings.normalize_region is NormalizeRegion.BODY:
            statistics = body_statistics(volume.voxels, body)
        of_regions = {
            region: diagnostics(volume, placed, of_image) if settings.diagnostics else {}
            for region, placed in regions.items()
        }
        if settings.resample_mm:
            on = resampled(volume, rois, statistics, settings)
            found = self.extract(on.volume, on.rois, on.settings)
        else:
            found = self._on_grid(volume, rois, regions, statistics, settings)
        nothing = dict.fromkeys(feature_names(settings), math.nan)
        return {region: {**nothing, **of_regions[region], **found[region]} for region in rois}

    def _on_grid(
        self,
        volume: Volume,
        rois: Mapping[Region, Roi],
        regions: Mapping[Region, PlacedRegion],
        statistics: ImageStatistics,
        settings: FeatureSettings,
    ) -> dict[Region, dict[str, float]]:
        """Shape, and what depends on grey values unless the image is constant and to be normalised."""
        results: dict[Region, dict[str, float]] = {}
        for region, placed in regions.items():
            shape = shape_features(placed.geometry.masks(), volume.spacing_mm)
            results[region] = {f"original_shape_{name}": value for name, value in shape.items()}
        if settings.normalize and statistics.deviation == 0:
            return results
        if settings.resegments:
            rois = {
                region: _resegmented(volume, roi, regions[region].box, statistics, settings)
                for region, roi in rois.items()
            }
            regions = {region: _placed(roi) for region, roi in rois.items()}
        values = region_values(volume, regions, statistics, settings)
        for region, placed in regions.items():
            parts: tuple[Part, ...] = (Part(placed.geometry, slice(0, placed.geometry.positions.size)),)
            if settings.aggregation.within_slices:
                parts = parts_of(rois[region].mask[placed.box], settings.aggregation)
            results[region].update(self._grey_levels(values[region], parts, volume.voxel_volume_mm3, settings))
        return results

    def _grey_levels(
        self,
        of_images: Mapping[str, NDArray[Any]],
        parts: tuple[Part, ...],
        voxel_volume_mm3: float,
        settings: FeatureSettings,
    ) -> dict[str, float]:
        values = np.empty((len(of_images), parts[-1].voxels.stop))
        levels = []
        for k, (image, in_region) in enumerate(of_images.items()):
            levels.append(discretise(in_region, settings, image=image))
            values[k] = in_region
        values.partition(needed_ranks(values.shape[1]), axis=1)
        if settings.aggregation.by_slice:
            features = self._by_slice(values, levels, parts, voxel_volume_mm3, settings.aggregation)
        else:
            counts = [counts_of(parts[0], of_image, settings.aggregation) for of_image in levels]
            features = self._formulas(values, counts, voxel_volume_mm3)
        return {
            f"{image}_{name}": value
            for image, of_image in zip(of_images, features, strict=True)
            for name, value in of_image.items()
        }

    def _by_slice(
        self,
        values: NDArray[np.float64],
        levels: list[GreyLevels],
        parts: tuple[Part, ...],
        voxel_volume_mm3: float,
        aggregation: Aggregation,
    ) -> list[dict[str, float]]:
        """First order of the region, and the average over its slices of their texture."""
        counts = [counts_of(part, of_image, aggregation) for of_image in levels for part in parts]
        texture: list[dict[str, float]] = [{}] * len(counts)
        for group in alike(counts):
            of_group = [counts[k] for k in group]
            nothing = np.zeros((len(group), 1))
            found = self._formulas(nothing, of_group, voxel_volume_mm3, families=TEXTURE_FAMILIES)
            for k, features in zip(group, found, strict=True):
                texture[k] = features
        histograms = [histogram_of(of_image) for of_image in levels]
        results = self._formulas(values, histograms, voxel_volume_mm3, families=("firstorder",))
        for k, features in enumerate(results):
            slices = slice(k * len(parts), (k + 1) * len(parts))
            features.update(averaged(texture[slices], counts[slices]))
        return results

    def _formulas(
        self,
        values: NDArray[np.float64],
        counts: list[TextureCounts],
        voxel_volume_mm3: float,
        *,
        families: Collection[str] = FAMILIES,
    ) -> list[dict[str, float]]:
        def on(device: torch.device) -> list[dict[str, float]]:
            return grey_level_features(
                values, counts, voxel_volume_mm3=voxel_volume_mm3, device=device, families=families
            )

        if self._device.type == "cuda":
            try:
                return on(self._device)
            except torch.OutOfMemoryError:
                self._notes.append(
                    QualityNote(
                        "gpu-memory-exhausted",
                        Severity.NOTE,
                        "The memory of the GPU did not suffice for the features of a region; they were computed on the "
                        "CPU instead, with the same result.",
                    )
                )
            finally:
                torch.cuda.empty_cache()
        return on(torch.device("cpu"))


def _placed(roi: Roi) -> PlacedRegion:
    box = region_box(roi)
    return PlacedRegion(box, region_geometry(roi.mask[box]))


def _resegmented(volume: Volume, roi: Roi, box: Box, statistics: ImageStatistics, settings: FeatureSettings) -> Roi:
    image = in_working_precision(normalised(volume.voxels[box], statistics, settings))
    mask = np.zeros_like(roi.mask)
    mask[box] = resegmented(image, roi.mask[box], settings, label=roi.label)
    return Roi(roi.affine, mask, roi.label)


def diagnostics(volume: Volume, placed: PlacedRegion, statistics: ImageStatistics) -> dict[str, float]:
    """The 12 facts about image and mask as `families.diagnostics` defines them, from what is known already."""
    geometry = placed.geometry
    voxels, sums, _ = coordinate_sums(geometry.masks())
    first = np.array([part.start for part in placed.box])
    # The sums are over the padded box, in which every index is one larger.
    from_centre = first + (sums - voxels) / voxels - (np.array(volume.shape) - 1) / 2
    values: tuple[float, ...] = (
        volume.voxel_volume_mm3,
        volume.voxels.size,
        statistics.mean,
        statistics.minimum,
        statistics.maximum,
        volume.voxel_volume_mm3,
        volume.voxels.size,
        math.prod(geometry.box_shape),
        voxels,
        connected_parts(geometry),
        float(np.linalg.norm(from_centre)),
        float(np.linalg.norm(volume.affine[:3, :3] @ from_centre)),
    )
    return {name: float(value) for name, value in zip(DIAGNOSTICS, values, strict=True)}


def warm_up() -> None:
    """Compiles all kernels, or loads them from the cache on disk: about 20 s the first time on a machine.

    For the build of an installation, so that the first study does not wait.
    """
    voxels = np.random.default_rng(0).normal(100, 20, (12, 13, 14)).astype(np.float32)
    mask = np.zeros(voxels.shape, np.bool_)
    mask[4:8, 4:8, 4:9] = True
    volume, roi = Volume(np.eye(4), voxels), Roi(np.eye(4), mask, "warm-up")
    for normalize in (True, False):
        OwnEngine().extract(volume, {Region.INTRATUMORAL: roi}, FeatureSettings(normalize=normalize))
