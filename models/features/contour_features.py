"""Features of other readers' contours: only those asked for, of all contours of a study.

What the contours of a sequence share is made once: normalisation and filtered images of the box around all of them.
Of each contour, region and image only the families are computed that hold a feature asked for: a model uses about 130
of 3,404. The numbers are those of our own engine on the CPU, whatever engine computes the study's own features.
Where settings change the grid, the region or the neighbours, the engine itself computes all features of each contour:
slower, and the same numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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
from models.features.kernels.box import bounding_box
from models.features.own import OwnEngine, diagnostics
from models.features.region_values import PlacedRegion
from models.features.settings import FeatureSettings, NormalizeRegion
from models.features.texture import region_geometry, texture_counts
from models.preprocessing.other_readers import DICE, OtherReaders, measured_of, other_readers
from models.preprocessing.prepare import Measured, Prepared
from models.preprocessing.regions import TOLERANCE_MM, enclosed, peritumoral_shell
from models.threads import one_thread
from models.volume import Region, Roi, Sequence, Volume

Floats = NDArray[np.float64]
_Parts = Mapping[str, set[str]]  # image → families; "shape" and "diagnostics" are families of the image ""
_MCC = "MCC"  # a family of its own here: it costs more than the rest of glcm


@dataclass(frozen=True, eq=False)
class _SequenceImages:
    """The parts that contours of a sequence share.

    Attributes
    ----------
    on : the whole grid
    window : box around all contours and their shells, with a margin
    near : the part of the grid in the window, without regions
    of_image : statistics of the whole image
    images : original and filtered images of a box around all contours and their shells
    """

    on: Measured
    window: Box
    near: Measured
    of_image: ImageStatistics
    images: BoxImages


class ContourFeatures:
    """Features of the contours of one study; nothing is computed before it is asked for, and nothing twice.

    Parameters
    ----------
    prepared : the study
    settings, shell_mm : as for its own features
    readers : its contours; None: `other_readers` makes them
    dice : at which those agree with the tumour
    """

    def __init__(
        self,
        prepared: Prepared,
        *,
        settings: FeatureSettings,
        shell_mm: float,
        readers: OtherReaders | None = None,
        dice: float = DICE,
    ) -> None:
        self._dice = dice
        self._prepared, self._settings, self._shell_mm, self._readers = prepared, settings, shell_mm, readers
        self._images: dict[Sequence, _SequenceImages] = {}
        self._known: defaultdict[tuple[Sequence, int], dict[str, float]] = defaultdict(dict)

    @one_thread()
    def vectors(self, names: Iterable[str], part: slice = slice(None)) -> Floats:
        """Values of `names` of the contours of this part: float64 (contours, names).

        NaN in the row of a contour that has no such features (no voxel left, no two that are neighbours).
        """
        wanted = tuple(names)
        if self._readers is None:
            self._readers = other_readers(self._prepared, dice=self._dice)
        every = range(*part.indices(len(self._readers.masks)))
        found: list[dict[str, float]] = [{} for _ in every]
        for sequence in self._prepared.sequences:
            of_sequence = [name for name in wanted if name.startswith(f"{sequence}_")]
            if of_sequence:
                for row, contour in zip(found, every, strict=True):
                    row.update(self._of_contour(sequence, contour, of_sequence))
        return np.array([[row.get(name, np.nan) for name in wanted] for row in found]).reshape(len(found), len(wanted))

    def _of_contour(self, sequence: Sequence, contour: int, names: list[str]) -> Mapping[str, float]:
        """The names, and what was computed besides; empty where a region that they need has no features."""
        known = self._known[sequence, contour]
        parts = _parts((name for name in names if name not in known), sequence)
        if not parts:
            return known
        assert self._readers is not None
        if not self._settings.is_plain:
            known.update(self._by_engine(sequence, self._readers.masks[contour][sequence], parts))
            return known
        shared = self._shared(sequence, self._readers)
        near, settings = shared.near, self._settings
        mask = self._readers.masks[contour][sequence][shared.window]
        computed: dict[str, float] = {}
        try:
            for region, roi in _regions(near, mask, self._shell_mm, parts).items():
                box = region_box(roi)
                found = _of_region(shared, _moved(box, shared.window), roi.mask[box], parts[region], settings)
                computed.update({f"{sequence}_{region}_{name}": value for name, value in found.items()})
        except (StudyRejected, FeatureUndefined):
            return {}
        known.update(computed)
        return known

    def _by_engine(
        self, sequence: Sequence, mask: NDArray[np.bool_], parts: Mapping[Region, _Parts]
    ) -> dict[str, float]:
        """All features of the regions of a contour that are needed; none where one of these has no features."""
        on = measured_of(self._prepared, sequence)
        try:
            rois = _regions(on, mask, self._shell_mm, parts)
            found = OwnEngine(device="cpu").extract(on.volume, rois, self._settings, body=on.body)
        except StudyRejected:
            return {}
        return {f"{sequence}_{region}_{name}": value for region, of in found.items() for name, value in of.items()}

    def _shared(self, sequence: Sequence, readers: OtherReaders) -> _SequenceImages:
        """Images and boxes of a sequence, made for the first contour that asks."""
        if sequence not in self._images:
            on, settings = measured_of(self._prepared, sequence), self._settings
            union = np.logical_or.reduce([masks[sequence] for masks in readers.masks])
            of_image = image_statistics(on.volume.voxels)
            statistics = of_image
            if settings.normalize and settings.normalize_region is NormalizeRegion.BODY:
                statistics = body_statistics(on.volume.voxels, on.body)
            window = _window(union, on.volume.spacing_mm, self._shell_mm)
            images = box_images(on.volume, _reach(union, on, self._shell_mm), statistics, settings)
            self._images[sequence] = _SequenceImages(on, window, _cut(on, window), of_image, images)
        return self._images[sequence]


def _window(union: NDArray[np.bool_], spacing_mm: tuple[float, float, float], shell_mm: float) -> Box:
    """The box around all contours and their shells: the rest of the image need not be searched for each of them."""
    return _around(union, np.ceil(shell_mm / np.array(spacing_mm)).astype(int) + 2)


def _reach(union: NDArray[np.bool_], on: Measured, shell_mm: float) -> Box:
    """The box that regions of the contours can reach: contours, and their shells within the body.

    Without a margin: where filters would look beyond the image, they need the whole of it.
    """
    steps = np.floor((shell_mm + TOLERANCE_MM) / np.array(on.volume.spacing_mm)).astype(int)
    shells, body, contours = _around(union, steps), _around(on.body, np.zeros(3, int)), _around(union, np.zeros(3, int))
    within = [
        slice(max(shell.start, of.start), min(shell.stop, of.stop)) for shell, of in zip(shells, body, strict=True)
    ]
    return union_box([(within[0], within[1], within[2]), contours])


def _around(mask: NDArray[np.bool_], margin: NDArray[np.int64]) -> Box:
    """The bounding box of a mask, larger by a margin as far as the image goes."""
    first, second, third = (
        slice(max(int(low) - more, 0), min(int(high) + more + 1, size))
        for (low, high), more, size in zip(bounding_box(mask), margin.tolist(), mask.shape, strict=True)
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
        families = parts.setdefault(Region(region), {}).setdefault(image, set())
        families |= {family, _MCC} if rest.endswith("_glcm_MCC") else {family}
    return parts


def _regions(
    on: Measured, mask: NDArray[np.bool_], shell_mm: float, parts: Mapping[Region, _Parts]
) -> dict[Region, Roi]:
    """The regions of a contour that are needed.

    Raises
    ------
    StudyRejected
        When one has no voxel.
    """
    if not mask.any():
        raise StudyRejected("The contour has no voxel.")
    tumour = Roi(on.volume.affine, mask, "contour")
    rois: dict[Region, Roi] = {}
    for region in parts:
        rois[region] = tumour
        if region is Region.PERITUMORAL:
            shell = peritumoral_shell(tumour, body=on.body, shell_mm=shell_mm, cavities=enclosed(tumour))
            rois[region] = shell.roi
    return rois


def _of_region(
    shared: _SequenceImages, box: Box, mask: NDArray[np.bool_], parts: _Parts, settings: FeatureSettings
) -> dict[str, float]:
    """The families asked for, of the region with this mask in the box.

    Raises
    ------
    FeatureUndefined
        When no two voxels of the region are neighbours.
    """
    on, images = shared.on, shared.images
    geometry = region_geometry(mask)
    if not geometry.linked.any():
        raise FeatureUndefined("No two voxels of the contour are neighbours.")
    found: dict[str, float] = {}
    if "diagnostics" in parts.get("", ()):
        found.update(diagnostics(on.volume, PlacedRegion(box, geometry), shared.of_image))
    if "shape" in parts.get("", ()):
        shape = shape_features(geometry.masks(), on.volume.spacing_mm)
        found.update({f"original_shape_{name}": value for name, value in shape.items()})
    part = relative_box(box, images.box)
    for name, image in zip(images.names, images.images, strict=True):
        families = parts.get(name, set()) & set(FAMILIES)
        if not families:
            continue
        values = image[part][mask]
        counts = texture_counts(geometry, discretise(values, settings, image=name), families)
        if "firstorder" in families:
            values = np.partition(values, needed_ranks(values.size))
        (features,) = grey_level_features(
            values.astype(np.float64)[np.newaxis],
            [counts],
            voxel_volume_mm3=on.volume.voxel_volume_mm3,
            device=torch.device("cpu"),
            families=families,
            with_mcc=_MCC in parts[name],
        )
        found.update({f"{name}_{feature}": value for feature, value in features.items()})
    return found
