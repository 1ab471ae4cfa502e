"""A mask and an image that nearly share a grid, or do not: what differs, by how much, and the mask on the image's grid.

Masks of research archives come from other programs than their images: a direction rounded to four digits, an origin
off by a hundredth of a millimetre, rows stored the other way round, a box cut out. Where every voxel of the mask lies
within a tenth of a voxel of the image's, the mask is taken voxel by voxel. Anything else is carried over in patient
space, and only where that is asked for: a mask that lies elsewhere may belong to another image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.number_words import counted, share_of
from models.preprocessing.prepare import NOTABLE_VOLUME_CHANGE
from models.preprocessing.regions import carry_over
from models.quality_notes import QualityNote, Severity
from models.volume import Roi, Volume, same_grid

# Voxels of mask and image further apart than this share of a voxel, along any axis, are not the same voxels.
TOLERATED_SHARE = 0.1
_AXES = ("slices", "rows", "columns")
_SHOWN_DEGREES, _SHOWN_MM, _SHOWN_SHARE = 1e-5, 1e-6, 1e-6  # differences below are rounding of a file format


@dataclass(frozen=True, eq=False)
class FittedMask:
    """A mask on the grid of its image.

    Attributes
    ----------
    roi : on the grid of the image
    notes : what was done to it
    """

    roi: Roi
    notes: tuple[QualityNote, ...] = ()


def fitted_mask(volume: Volume, roi: Roi, *, resample: bool) -> FittedMask:
    """The region on the grid of `volume`: as it is, voxel by voxel where it nearly fits, or carried over.

    Parameters
    ----------
    resample : carry a mask over in patient space that lies on another grid (`models.preprocessing.regions.carry_over`)

    Raises
    ------
    StudyRejected
        When the grids differ by more than `TOLERATED_SHARE` and nothing is to be carried over, or the region is lost
        on the grid of the image.
    """
    if same_grid(volume, roi):
        return FittedMask(roi)
    differing = "; ".join(grid_differences(volume, roi))
    apart = largest_shift(volume, roi)
    if apart is not None and apart <= TOLERATED_SHARE:
        sentence = (
            f"The mask is on another grid than the image ({differing}); its voxels lie within {apart:.2g} of a voxel "
            "of the image's and were taken for these."
        )
        note = QualityNote("mask-off-grid", Severity.NOTE, sentence)
        return FittedMask(Roi(volume.affine, roi.mask, roi.label), (note,))
    if not resample:
        raise StudyRejected(_refusal(volume, roi))
    carried = carry_over(roi, volume)
    sizes = [
        f"{counted(int(np.count_nonzero(one.mask)), 'voxel')}, {one.volume_mm3 / 1000:.2f} cm³"
        for one in (roi, carried.roi)
    ]
    sentence = (
        f"The mask is on another grid than the image ({differing}) and was carried over in patient space: {sizes[0]} "
        f"there; {sizes[1]} here."
    )
    if carried.share_outside > 0:
        sentence += f" {share_of(carried.share_outside, 1)} of it lie outside the image."
    change = carried.roi.volume_mm3 / roi.volume_mm3 - 1
    if abs(change) > NOTABLE_VOLUME_CHANGE:
        sentence += f" Its volume changed by {change:+.0%}: the voxels are large for it."
    doubtful = carried.share_outside > 0 or abs(change) > NOTABLE_VOLUME_CHANGE
    severity = Severity.WARNING if doubtful else Severity.NOTE
    return FittedMask(carried.roi, (QualityNote("mask-carried-over", severity, sentence),))


def require_same_grid(volume: Volume, roi: Roi) -> None:
    """Refuses a region that is not on the grid of the image.

    Raises
    ------
    StudyRejected
        With what differs and by how much.
    """
    if not same_grid(volume, roi):
        raise StudyRejected(_refusal(volume, roi))


def _refusal(volume: Volume, roi: Roi) -> str:
    return (
        f"The region '{roi.label}' is not on the grid of the image: {'; '.join(grid_differences(volume, roi))}. Equal "
        f"grids were expected, up to {TOLERATED_SHARE:g} of a voxel. Carry the mask over in patient space "
        "(--resample-mask), or resample the region to the grid of the image first."
    )


def largest_shift(volume: Volume, roi: Roi) -> float | None:
    """Largest distance of a voxel of the mask from the image's of the same index, in voxels along one axis.

    None where the sizes differ.
    """
    if volume.shape != roi.shape:
        return None
    corners = np.array(np.meshgrid(*[(0, size - 1) for size in volume.shape], indexing="ij")).reshape(3, -1).T
    to_image = np.linalg.inv(volume.affine) @ roi.affine
    return float(np.abs(corners @ to_image[:3, :3].T + to_image[:3, 3] - corners).max())


def grid_differences(volume: Volume, roi: Roi) -> tuple[str, ...]:
    """Clauses that say in which way the grid of the mask differs from that of the image, with numbers of both."""
    found: list[str] = []
    if roi.shape != volume.shape:
        found.append(f"its size is {_times(roi.shape)} voxels instead of {_times(volume.shape)} ({' × '.join(_AXES)})")
    turn = volume.direction.T @ roi.direction
    order, signs = _axes_of(turn)
    spacing = np.array(volume.spacing_mm)
    ratio = np.array(roi.spacing_mm) / spacing[order]
    if np.any(np.abs(ratio - 1) > _SHOWN_SHARE):
        found.append(f"its voxels measure {_mm(roi.spacing_mm)} instead of {_mm(volume.spacing_mm)}")
    if order != [0, 1, 2]:
        along = ", ".join(f"{_AXES[k]} along the {_AXES[axis]}" for k, axis in enumerate(order) if k != axis)
        found.append(f"its axes are in another order ({along} of the image)")
    backwards = [_AXES[k] for k in range(3) if signs[k] < 0]
    if backwards:
        found.append(f"its {' and '.join(backwards)} run the other way")
    degrees = _angle(turn, order, signs)
    if degrees > _SHOWN_DEGREES:
        found.append(f"its direction is turned by {degrees:.2g}°")
    start = np.zeros(3)  # the corner of the image where the mask would begin
    for k, axis in enumerate(order):
        start[axis] = volume.shape[axis] - 1 if signs[k] < 0 else 0
    corner = volume.affine[:3, :3] @ start + volume.affine[:3, 3]
    offset = roi.origin_mm - corner
    if np.linalg.norm(offset) > _SHOWN_MM:
        where = "its origin is" if not backwards and order == [0, 1, 2] else "its first voxel is"
        steps = np.abs(volume.direction.T @ offset) / spacing
        found.append(
            f"{where} {np.linalg.norm(offset):.3g} mm from that of the image "
            f"({' × '.join(f'{step:.2g}' for step in steps)} voxels)"
        )
    return tuple(found)


def _axes_of(turn: NDArray[np.float64]) -> tuple[list[int], list[int]]:
    """The axis of the image that each axis of the mask runs along, no two the same, and in which direction (1, -1)."""
    left, order, signs = np.abs(turn).copy(), [0, 0, 0], [1, 1, 1]
    for _ in range(3):
        axis, k = np.unravel_index(int(np.argmax(left)), left.shape)
        order[k], signs[k] = int(axis), 1 if turn[axis, k] >= 0 else -1
        left[axis, :] = left[:, k] = -1
    return order, signs


def _angle(turn: NDArray[np.float64], order: list[int], signs: list[int]) -> float:
    """Degrees between the axes of mask and image at most, after those in another order or direction are set right."""
    sines = [np.linalg.norm(np.delete(turn[:, k], order[k])) for k in range(3)]
    cosines = [turn[order[k], k] * signs[k] for k in range(3)]
    return float(np.degrees(np.max(np.arctan2(sines, cosines))))


def _times(numbers: tuple[int, ...]) -> str:
    return " × ".join(map(str, numbers))


def _mm(steps: tuple[float, ...]) -> str:
    return f"{' × '.join(f'{step:.7g}' for step in steps)} mm"
