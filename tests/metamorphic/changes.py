"""The changes, each a function of an image and the tumour on it, with the tolerance that is promised for it.

`docs/inputs.md` has the table of what was measured on real studies (`python -m tests.metamorphic.table`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.preprocessing.fill import box_of
from models.preprocessing.measurement import body_mask
from models.volume import Roi, Volume

Image = tuple[Volume, Roi]

# What is promised (|difference of a score|); None: nothing, and the report has to say so.
STORAGE, SCALE, SURROUNDINGS, TOUCHES_BODY, NOISE = 0.0, 1e-3, 0.02, 0.12, 0.05


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes
    ----------
    words : for the table
    tolerance : largest promised |difference of a score|; None where none is promised
    apply : (image, tumour) → the same patient
    codes : quality notes of which one has to be there
    """

    words: str
    tolerance: float | None
    apply: Callable[[Volume, Roi], Image]
    codes: tuple[str, ...] = ()


def placed(volume: Volume, first: tuple[int, int, int]) -> NDArray[np.float64]:
    """The affine of a part of the image that begins at voxel `first`."""
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.array(first)
    return affine


def padded(factor: float, value: float, *, declared: bool = False) -> Callable[[Volume, Roi], Image]:
    """Rows and columns times `factor`, the rest holds `value`."""

    def apply(volume: Volume, tumour: Roi) -> Image:
        before = [0, *(round(size * (factor - 1) / 2) for size in volume.shape[1:])]
        after = [
            0,
            *(round(size * factor) - size - one for size, one in zip(volume.shape[1:], before[1:], strict=True)),
        ]
        width = list(zip(before, after, strict=True))
        affine = placed(volume, (0, -before[1], -before[2]))
        voxels = np.pad(volume.voxels, width, constant_values=value)
        padding = np.pad(np.zeros(volume.shape, dtype=bool), width, constant_values=True) if declared else None
        return Volume(affine, voxels, padding), Roi(affine, np.pad(tumour.mask, width), tumour.label)

    return apply


def with_blank_slices(volume: Volume, tumour: Roi) -> Image:
    """Four blank slices before and after."""
    width = [(4, 4), (0, 0), (0, 0)]
    affine = placed(volume, (-4, 0, 0))
    return Volume(affine, np.pad(volume.voxels, width)), Roi(affine, np.pad(tumour.mask, width), tumour.label)


def cut_to(volume: Volume, tumour: Roi, box: tuple[slice, slice, slice]) -> Image:
    """A part of the image."""
    affine = placed(volume, (box[0].start, box[1].start, box[2].start))
    return Volume(affine, volume.voxels[box]), Roi(affine, tumour.mask[box], tumour.label)


def without_air(volume: Volume, tumour: Roi) -> Image:
    """Cut to the box of the body and two voxels."""
    parts = box_of(body_mask(volume) | tumour.mask)
    low = [max(part.start - 2, 0) for part in parts]
    high = [min(part.stop + 2, size) for part, size in zip(parts, volume.shape, strict=True)]
    return cut_to(volume, tumour, (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])))


def around_tumour(millimetres: float) -> Callable[[Volume, Roi], Image]:
    """Cut to the tumour and so many millimetres."""

    def apply(volume: Volume, tumour: Roi) -> Image:
        parts = box_of(tumour.mask)
        margin = [round(millimetres / step) for step in volume.spacing_mm]
        low = [max(part.start - one, 0) for part, one in zip(parts, margin, strict=True)]
        high = [min(part.stop + one, size) for part, one, size in zip(parts, margin, volume.shape, strict=True)]
        return cut_to(volume, tumour, (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])))

    return apply


def flipped(*axes: int) -> Callable[[Volume, Roi], Image]:
    """Stored in reverse along these axes, at the same place in the patient."""

    def apply(volume: Volume, tumour: Roi) -> Image:
        affine = volume.affine.copy()
        for axis in axes:
            affine[:3, 3] += affine[:3, axis] * (volume.shape[axis] - 1)
            affine[:3, axis] *= -1
        return Volume(affine, np.flip(volume.voxels, axes)), Roi(affine, np.flip(tumour.mask, axes), tumour.label)

    return apply


def transposed(volume: Volume, tumour: Roi) -> Image:
    """Rows and columns exchanged, at the same place in the patient."""
    affine = volume.affine[:, [0, 2, 1, 3]]
    return (
        Volume(affine, volume.voxels.transpose(0, 2, 1)),
        Roi(affine, tumour.mask.transpose(0, 2, 1), tumour.label),
    )


def values(function: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> Callable[[Volume, Roi], Image]:
    """Other values at the same places."""
    return lambda volume, tumour: (Volume(volume.affine, function(volume.voxels)), tumour)


def hot(count: int, value: float, *, in_body: bool = False) -> Callable[[Volume, Roi], Image]:
    """Single pixels of a value far outside the rest, in the air or in the body but not near the tumour."""

    def apply(volume: Volume, tumour: Roi) -> Image:
        near, body = within_reach(tumour), body_mask(volume)
        places = np.argwhere((body if in_body else ~body) & ~near)
        # So many of a clinical image of four million voxels; in a small one as large a share.
        some = max(1, min(count, volume.voxels.size // 40_000))
        chosen = places[np.random.default_rng(3).choice(len(places), some, replace=False)]
        voxels = volume.voxels.copy()
        voxels[tuple(chosen.T)] = value
        return Volume(volume.affine, voxels), tumour

    return apply


def within_reach(tumour: Roi) -> NDArray[np.bool_]:
    """The box of the tumour, its shell of 10 mm, and the three voxels that filters look further, as a mask."""
    mask = np.zeros(tumour.shape, dtype=bool)
    margin = [round(10 / step) + 3 for step in tumour.spacing_mm]
    mask[tuple(slice(max(p.start - m, 0), p.stop + m) for p, m in zip(box_of(tumour.mask), margin, strict=True))] = True
    return mask


def with_label(volume: Volume, tumour: Roi) -> Image:
    """A burnt-in label of 16 × 56 pixels in the first corner of every slice."""
    voxels = volume.voxels.copy()
    voxels[:, 2 : 2 + min(16, volume.shape[1] // 12), 2 : 2 + min(56, volume.shape[2] // 6)] = 1.2 * voxels.max()
    return Volume(volume.affine, voxels), tumour


def dark_border(volume: Volume, tumour: Roi) -> Image:
    """Six pixels at the edge of every slice set to 0; they enter the body."""
    voxels = np.zeros_like(volume.voxels)
    voxels[:, 6:-6, 6:-6] = volume.voxels[:, 6:-6, 6:-6]
    return Volume(volume.affine, voxels), tumour


def circular_fill(volume: Volume, tumour: Roi) -> Image:
    """The corners outside the inscribed circle set to -2000; it cuts the body where the body reaches it."""
    rows, columns = (np.linspace(-1, 1, size) for size in volume.shape[1:])
    outside = rows[:, None] ** 2 + columns**2 > 1
    return Volume(volume.affine, np.where(outside & ~tumour.mask, np.float32(-2000), volume.voxels)), tumour


def noisy(share: float) -> Callable[[Volume, Roi], Image]:
    """Gaussian noise of a share of the mean of the body."""

    def apply(volume: Volume, tumour: Roi) -> Image:
        deviation = share * float(volume.voxels[body_mask(volume)].mean())
        noise = np.random.default_rng(5).normal(0, deviation, volume.shape).astype(np.float32)
        return Volume(volume.affine, volume.voxels + noise), tumour

    return apply


def some_negative(volume: Volume, tumour: Roi) -> Image:
    """One in ten thousand voxels of the body, outside the box of the tumour, set to -300."""
    places = np.argwhere(body_mask(volume) & ~within_reach(tumour))
    chosen = places[np.random.default_rng(4).choice(len(places), max(4, len(places) // 10_000), replace=False)]
    voxels = volume.voxels.copy()
    voxels[tuple(chosen.T)] = -300
    return Volume(volume.affine, voxels), tumour


CUT = ("body-share-unusual", "body-cut-by-image", "shell-cut-by-image")
CHANGES: tuple[Change, ...] = (
    Change("padded × 1.1 with 0", SURROUNDINGS, padded(1.1, 0)),
    Change("padded × 1.5 with 0", SURROUNDINGS, padded(1.5, 0)),
    Change("padded × 2 with 0", SURROUNDINGS, padded(2, 0)),
    Change("padded × 1.5 with −1000", SURROUNDINGS, padded(1.5, -1000)),
    Change("padded × 1.5 with 37, declared", SURROUNDINGS, padded(1.5, 37, declared=True)),
    Change("4 + 4 blank slices", SURROUNDINGS, with_blank_slices),
    Change("cut to the body and 2 voxels", SURROUNDINGS, without_air),
    Change("1 pixel of 65535 in the air", SURROUNDINGS, hot(1, 65535), ("hot-pixels",)),
    Change("10 pixels of 32767 in the air", SURROUNDINGS, hot(10, 32767), ("hot-pixels",)),
    Change("100 pixels of 32767 in the air", SURROUNDINGS, hot(100, 32767), ("hot-pixels",)),
    Change("100 pixels of 32767 in the body", SURROUNDINGS, hot(100, 32767, in_body=True), ("hot-pixels",)),
    Change("burnt-in label", SURROUNDINGS, with_label, ("burnt-in-label",)),
    Change("1e-4 of the body at −300", SURROUNDINGS, some_negative),
    Change("columns reversed", STORAGE, flipped(2)),
    Change("rows reversed", STORAGE, flipped(1)),
    Change("slices reversed", STORAGE, flipped(0)),
    Change("rows and columns exchanged", STORAGE, transposed),
    Change("all of it", STORAGE, lambda volume, tumour: transposed(*flipped(0, 1, 2)(volume, tumour))),
    Change("values × 0.5", SCALE, values(lambda v: v * np.float32(0.5))),
    Change("values × 3", SCALE, values(lambda v: v * np.float32(3))),
    Change("values × 0.37", SCALE, values(lambda v: v * np.float32(0.37))),
    Change("values + 100", SCALE, values(lambda v: v + np.float32(100))),
    Change("dark border of 6 pixels", TOUCHES_BODY, dark_border),
    Change("circle, −2000 outside", TOUCHES_BODY, circular_fill),
    Change("noise of 1 %", NOISE, noisy(0.01)),
    Change("cut to the tumour ± 40 mm", None, around_tumour(40), CUT),
    Change("cut to the tumour ± 15 mm", None, around_tumour(15), CUT),
)
