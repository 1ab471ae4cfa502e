"""Features of other readers' contours: only those asked for, of all contours of a study.

What the contours of a sequence share is made once: normalisation and filtered images of the box around all of them.
Of each contour, region and image only the families are computed that hold a feature asked for: a model uses about 130
of 3,404. The numbers are those of our own engine on the CPU, whatever engine computes the study's own features.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import FeatureUndefined, StudyRejected
from models.features.batch import FAMILIES, grey_level_features
from models.features.families.firstorder import needed_ranks
from models.features.families.shape import shape_features
from models.features.filters.discretise import discretise
from models.features.filters.image_box import (
    BoxImages,
    ImageStatistics,
    body_statistics,
    box_images,
    image_statistics,
    region_box,
    relative_box,
    union_box,
)
from models.features.filters.wavelet import Box
from models.features.own import diagnostics
from models.features.settings import FeatureSettings, NormalizeRegion
from models.features.texture import region_geometry, texture_counts
from models.preprocessing.other_readers import OtherReaders, measured_of, other_readers
from models.preprocessing.prepare import Measured, Prepared
from models.preprocessing.regions import enclosed, peritumoral_shell
from models.threads import one_thread
from models.volume import Region, Roi, Sequence, Volume

Floats = NDArray[np.float64]
_Parts = Mapping[str, set[str]]  # image → families; "shape" and "diagnostics" are families of the image ""


class ContourFeatures:
    """Features of the contours of one study; nothing is computed before it is asked for.

    Parameters
    ----------
    prepared : the study
    settings, shell_mm : as for its own features
    readers : its contours; None: `other_readers` makes them
    """

    def __init__(
        self, prepared: Prepared, *, settings: FeatureSettings, shell_mm: float, readers: OtherReaders | None = None
    ) -> None:
        self._prepared, self._settings, self._shell_mm, self._readers = prepared, settings, shell_mm, readers

    @one_thread()
    def vectors(self, names: Iterable[str], part: slice = slice(None)) -> Floats:
        """Values of `names` of the contours of this part: float64 (contours, names).

        NaN in the row of a contour that has no such features (no voxel left, no two that are neighbours).
        """
        wanted = tuple(names)
        if self._readers is None:
            self._readers = other_readers(self._prepared)
        every = self._readers.masks[part]
        found: list[dict[str, float]] = [{} for _ in every]
        for sequence in self._prepared.sequences:
            parts = _parts(wanted, sequence)
            if parts:
                for row, values in zip(
                    found, self._of_sequence(sequence, [masks[sequence] for masks in every], parts), strict=True
                ):
                    row.update(values)
        return np.array([[row.get(name, np.nan) for name in wanted] for row in found]).reshape(len(found), len(wanted))

    def _of_sequence(
        self, sequence: Sequence, masks: list[NDArray[np.bool_]], parts: Mapping[Region, _Parts]
    ) -> list[dict[str, float]]:
        on, settings = measured_of(self._prepared, sequence), self._settings
        window = _window(masks, on.volume.spacing_mm, self._shell_mm)
        near = _cut(on, window)
        contours = [_regions(near, mask[window], self._shell_mm, parts) for mask in masks]
        boxes = [_moved(region_box(near.volume, roi), window) for rois in contours for roi in (rois or {}).values()]
        if not boxes:
            return [{} for _ in contours]
        of_image = image_statistics(on.volume.voxels)
        statistics = of_image
        if settings.normalize and settings.normalize_region is NormalizeRegion.BODY:
            statistics = body_statistics(on.volume.voxels, on.body)
        images = box_images(on.volume, union_box(boxes), statistics, settings)
        results = []
        for rois in contours:
            values: dict[str, float] = {}
            try:
                for region, roi in (rois or {}).items():
                    box = region_box(near.volume, roi)
                    found = _of_region(
                        on, _moved(box, window), images, of_image, roi.mask[box], parts[region], settings
                    )
                    values.update({f"{sequence}_{region}_{name}": value for name, value in found.items()})
            except (StudyRejected, FeatureUndefined):
                values = {}
            results.append(values)
        return results


def _window(masks: list[NDArray[np.bool_]], spacing_mm: tuple[float, float, float], shell_mm: float) -> Box:
    """The box around all contours and their shells: the rest of the image need not be searched for each of them."""
    union = np.logical_or.reduce(masks)
    margin = np.ceil(shell_mm / np.array(spacing_mm)).astype(int) + 2
    first, second, third = (
        slice(max(int(i.min()) - more, 0), min(int(i.max()) + more + 1, size))
        for i, more, size in zip(np.nonzero(union), margin, union.shape, strict=True)
    )
    return first, second, third


def _cut(on: Measured, window: Box) -> Measured:
    """The part of a grid in the window, without regions."""
    affine = on.volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.array([part.start for part in window])
    return Measured(Volume(affine, np.ascontiguousarray(on.volume.voxels[window])), {}, on.body[window])


def _moved(box: Box, window: Box) -> Box:
    """A box in the window as a box of the whole image."""
    first, second, third = (
        slice(part.start + of.start, part.stop + of.start) for part, of in zip(box, window, strict=True)
    )
    return first, second, third


def _parts(names: Iterable[str], sequence: Sequence) -> dict[Region, dict[str, set[str]]]:
    """Region → image → families that hold one of the names of this sequence."""
    parts: dict[Region, dict[str, set[str]]] = {}
    for name in names:
        own, region, rest = name.split("_", 2)
        if own != sequence:
            continue
        image, family = rest.split("_")[:2]
        if image == "diagnostics" or family == "shape":
            image, family = "", "diagnostics" if image == "diagnostics" else "shape"
        parts.setdefault(Region(region), {}).setdefault(image, set()).add(family)
    return parts


def _regions(
    on: Measured, mask: NDArray[np.bool_], shell_mm: float, parts: Mapping[Region, _Parts]
) -> dict[Region, Roi] | None:
    """The regions of a contour that are needed; None where one has no voxel or too few for any feature."""
    rois: dict[Region, Roi] = {}
    try:
        tumour = Roi(on.volume.affine, mask, "contour")
        for region in parts:
            roi = tumour
            if region is Region.PERITUMORAL:
                shell = peritumoral_shell(tumour, body=on.body, shell_mm=shell_mm, cavities=enclosed(tumour))
                roi = shell.roi
            region_box(on.volume, roi)
            rois[region] = roi
    except (StudyRejected, ValueError):
        return None
    return rois


def _of_region(
    on: Measured,
    box: Box,
    images: BoxImages,
    of_image: ImageStatistics,
    mask: NDArray[np.bool_],
    parts: _Parts,
    settings: FeatureSettings,
) -> dict[str, float]:
    """The families asked for, of the region with this mask in the box."""
    geometry = region_geometry(mask, "contour")
    found: dict[str, float] = {}
    if "diagnostics" in parts.get("", ()):
        found.update(diagnostics(on.volume, box, geometry, of_image))
    if "shape" in parts.get("", ()):
        shape = shape_features(geometry.mask, on.volume.spacing_mm)
        found.update({f"original_shape_{name}": value for name, value in shape.items()})
    part = relative_box(box, images.box)
    inside = geometry.mask[1:-1, 1:-1, 1:-1].astype(np.bool_)
    for name, image in zip(images.names, images.images, strict=True):
        families = parts.get(name, set()) & set(FAMILIES)
        if not families:
            continue
        values = image[part][inside]
        counts = texture_counts(geometry, discretise(values, settings), families)
        if "firstorder" in families:
            values = np.partition(values, needed_ranks(values.size))
        (features,) = grey_level_features(
            values.astype(np.float64)[np.newaxis],
            [counts],
            voxel_volume_mm3=on.volume.voxel_volume_mm3,
            device=torch.device("cpu"),
            families=families,
        )
        found.update({f"{name}_{feature}": value for feature, value in features.items()})
    return found
