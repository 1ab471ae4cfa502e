"""A network behind the one function type: resampled, a window at a time, back on the grid of the images.

As nnU-Net applies one (Isensee et al. (2021), Nat Methods 18:203): windows of the patch size that overlap by half,
their probabilities averaged with a Gaussian weight (an eighth of the patch), the tumour where the mean is at least .5.
Averaging over mirrored windows is off by default: it costs eight times as much. What a person painted stays as drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.number_words import counted
from models.segmentation.grow_cut import BACKGROUND, TUMOUR, labels_of, strokes_of
from models.segmentation.network_package import Channel, LoadedNetwork, NetworkInput
from models.segmentation.seeds import Images, Mask, Method, Seeds, Triple

Floats = NDArray[np.float32]
Spacing = tuple[float, float, float]

_OVERLAP = 2  # windows start at each half of the patch
_WEIGHT = 8.0  # patch sizes in a standard deviation of the weight


@dataclass(frozen=True, eq=False)
class Prepared:
    """Input of a network: a part of the image, resampled.

    Attributes
    ----------
    part : of the image
    inner : uint8 (slices, rows, columns) of the part, labels as of `grow_cut.labels_of`
    channels : float32 (channels, slices, rows, columns) at the voxel size of the network
    """

    part: tuple[slice, slice, slice]
    inner: NDArray[np.uint8]
    channels: Floats


def segment(network: LoadedNetwork, images: Images, seeds: Seeds, *, mirrored: bool = False) -> Mask:
    """The tumour as a network outlines it around strokes: bool (slices, rows, columns).

    Raises
    ------
    StudyRejected
        When fewer than 3 slices are painted.
    """
    strokes = strokes_of(seeds)
    ready = prepare(images, seeds, network.manifest.input)
    found = _windows(network, ready.channels, mirrored=mirrored)
    probability = resampled(found, ready.inner.shape, order=1)
    mask = np.zeros(strokes.shape, dtype=np.bool_)
    mask[ready.part] = ((probability >= 0.5) & (ready.inner != BACKGROUND)) | (ready.inner == TUMOUR)
    mask[seeds.painted_slices] = strokes[seeds.painted_slices]
    return mask


def method(network: LoadedNetwork, seeds: Seeds, *, mirrored: bool = False) -> Method:
    """A network as a method of making a draft."""
    about = network.manifest
    return Method(
        key="network",
        segment=lambda images, marks: segment(network, images, marks, mirrored=mirrored),
        name=f"{about.name} and strokes on {counted(len(seeds.painted_slices), 'slice')}",
        version=about.version,
        parameters={"sha256": network.digest[:16], "mirrored": "yes" if mirrored else "no"},
    )


def prepare(images: Images, seeds: Seeds, wanted: NetworkInput) -> Prepared:
    """The part of the image around the strokes, as a network of this input takes it."""
    spacing = images.after.spacing_mm
    found = labels_of(strokes_of(seeds), seeds.background, spacing_mm=spacing)
    shape = _shape_at(found.labels.shape, spacing, wanted.spacing_mm)
    contrast = images.contrast[found.part]
    inside = contrast[found.labels != BACKGROUND]
    spread = float(inside.std()) or 1.0
    marks = np.where(found.labels == TUMOUR, 1.0, np.where(found.labels == BACKGROUND, -1.0, 0.0))
    made = {
        Channel.CONTRAST: resampled((contrast - float(inside.mean())) / spread, shape, order=1),
        Channel.SEEDS: resampled(marks.astype(np.float32), shape, order=0),
    }
    return Prepared(found.part, found.labels, np.stack([made[channel] for channel in wanted.channels]))


def resampled(array: Floats, shape: tuple[int, ...], *, order: Literal[0, 1]) -> Floats:
    """The array on another number of voxels over the same extent: its faces stay where they are."""
    places = [(np.arange(new) + 0.5) * (old / new) - 0.5 for new, old in zip(shape, array.shape, strict=True)]
    grid = np.stack(np.meshgrid(*places, indexing="ij"))
    return np.asarray(ndimage.map_coordinates(array, grid, order=order, mode="nearest"), dtype=np.float32)


def _shape_at(shape: tuple[int, ...], spacing: Spacing, wanted: tuple[float, ...]) -> Triple:
    sizes = [max(1, round(size * step / new)) for size, step, new in zip(shape, spacing, wanted, strict=True)]
    return sizes[0], sizes[1], sizes[2]


def _windows(network: LoadedNetwork, channels: Floats, *, mirrored: bool) -> Floats:
    """Mean probability over the windows, weighted: the shape of one channel."""
    patch = network.manifest.input.patch
    shape = channels.shape[1:]
    padded = np.pad(
        channels,
        [(0, 0), *((0, max(0, size - have)) for size, have in zip(patch, shape, strict=True))],
        mode="edge",
    )
    weight = _weight(patch)
    total, weights = np.zeros(padded.shape[1:], np.float32), np.zeros(padded.shape[1:], np.float32)
    for start in product(*(_starts(have, size) for have, size in zip(padded.shape[1:], patch, strict=True))):
        window = tuple(slice(begin, begin + size) for begin, size in zip(start, patch, strict=True))
        total[window] += weight * _probability(network, padded[(slice(None), *window)], mirrored=mirrored)
        weights[window] += weight
    return (total / weights)[tuple(slice(0, size) for size in shape)]


def _probability(network: LoadedNetwork, window: Floats, *, mirrored: bool) -> Floats:
    axes: list[tuple[int, ...]] = [()]
    if mirrored:
        axes = [tuple(axis for axis in range(3) if bits >> axis & 1) for bits in range(8)]
    found = []
    for flipped in axes:
        turned = np.flip(window, tuple(axis + 1 for axis in flipped))
        output = network.probabilities(np.ascontiguousarray(turned[np.newaxis]))[0]
        found.append(np.flip(output, flipped))
    return np.asarray(np.mean(found, axis=0), dtype=np.float32)


def _starts(have: int, size: int) -> list[int]:
    """Starts of windows along an axis, evenly spread, that overlap by half at least."""
    if have == size:
        return [0]
    count = int(np.ceil((have - size) / (size / _OVERLAP))) + 1
    return np.unique(np.round(np.linspace(0, have - size, count)).astype(int)).tolist()


def _weight(patch: tuple[int, ...]) -> Floats:
    """Gaussian weight of a window, 1 in its middle, never 0."""
    weight = np.ones(patch, dtype=np.float32)
    for axis, size in enumerate(patch):
        away = (np.arange(size) - (size - 1) / 2) / (size / _WEIGHT)
        line = np.exp(-0.5 * away**2).astype(np.float32)
        weight *= line.reshape([-1 if other == axis else 1 for other in range(3)])
    return np.maximum(weight, weight.max() * 1e-4)
