"""The two regions on the grid of an image: the tumour, carried over where needed, and the peritumoral shell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.distance import squared_distance_mm2
from models.errors import StudyRejected
from models.number_words import counted, share_of
from models.preprocessing import pixel_kernels
from models.preprocessing.fill import box_of
from models.preprocessing.orientation import canonical_roi, storage_of
from models.volume import Roi, Volume

# More of the tumour than this outside the other image: the study is refused, the rest is a warning.
LARGEST_SHARE_OUTSIDE = 0.05
# Distances are compared with this tolerance: 10 steps of 0.1 mm are not quite 1 mm in binary.
TOLERANCE_MM = 1e-6
# Points along each axis of a voxel, at most, that decide how much of it a region covers.
MOST_POINTS = 8
# A region that covers no voxel by this share is lost on the grid.
LEAST_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class Carried:
    """A region carried to another grid.

    Attributes
    ----------
    roi : on the grid of the image
    share_outside : share of the region's voxels whose centre lies outside the image, 0 to 1
    """

    roi: Roi
    share_outside: float


def carry_over(roi: Roi, volume: Volume) -> Carried:
    """The region on the grid of `volume`, by the share of each voxel that it covers.

    Both are placed by their affines in patient space, so that any two orientations and spacings fit together. A voxel
    belongs to the region from that share on which keeps its volume best: by the centres of the voxels alone, a tumour
    thinner than the distance of the slices doubles or vanishes.

    Raises
    ------
    StudyRejected
        When no voxel of the image, or too little of the region, is left.
    """
    source, storage = canonical_roi(roi), storage_of(volume)
    affine = storage.canonical_affine(volume.affine, volume.shape)
    size = np.array([volume.shape[axis] for axis in storage.order])
    voxels = np.argwhere(source.mask)
    to_image = np.linalg.inv(affine) @ source.affine
    centres = voxels @ to_image[:3, :3].T + to_image[:3, 3]
    outside = np.any((centres < -0.5) | (centres > size - 0.5), axis=1)
    share_outside = float(outside.mean())
    what = f"The region '{roi.label}' ({counted(len(voxels), 'voxel')}, {roi.volume_mm3 / 1000:.2f} cm³)"
    if share_outside > LARGEST_SHARE_OUTSIDE:
        raise StudyRejected(
            f"{what} lies to {share_of(share_outside)} outside the other image of {volume.shape} voxels (slices, rows, "
            f"columns); at most {share_of(LARGEST_SHARE_OUTSIDE)} was expected. Send an image that covers the tumour."
        )

    # Only the box that the region can reach: its voxels' centres and half a diagonal of one of them.
    reach = np.abs(to_image[:3, :3]).sum(axis=1) / 2
    low = np.maximum(np.floor(centres.min(axis=0) - reach).astype(int), 0)
    high = np.minimum(np.ceil(centres.max(axis=0) + reach).astype(int), size - 1)
    mask, largest = np.zeros(tuple(size), dtype=bool), 0.0
    if np.all(low <= high):
        to_source = np.linalg.inv(to_image)
        parts = np.clip(np.ceil(2 * np.abs(to_source[:3, :3]).max(axis=0)), 2, MOST_POINTS).astype(int)
        shares = pixel_kernels.coverage(source.mask, to_source, low, tuple(high - low + 1), parts)
        box = tuple(slice(first, last + 1) for first, last in zip(low, high, strict=True))
        largest = float(shares.max())
        mask[box] = _of_same_volume(shares) & (largest >= LEAST_SHARE)
    if not mask.any():
        raise StudyRejected(
            f"{what} covers at most {share_of(largest)} of a voxel of the other image, whose voxels measure "
            f"{' × '.join(f'{step:.2f}' for step in volume.spacing_mm)} mm; segment the tumour on that image as well."
        )
    return Carried(Roi(volume.affine, storage.as_stored(mask), roi.label), share_outside)


def _of_same_volume(shares: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The voxels with the largest shares, as many as add up to the whole; equal shares are taken or left together."""
    levels, counts = np.unique(shares[shares > 0], return_counts=True)
    if not levels.size:
        return shares > 0
    at_least = np.cumsum(counts[::-1])[::-1]
    # From above: of two that are as good the one with fewer voxels.
    best = levels.size - 1 - int(np.argmin(np.abs(at_least - shares.sum())[::-1]))
    return np.asarray(shares >= levels[best])


def enclosed(tumour: Roi) -> NDArray[np.bool_]:
    """Cavities: voxels outside the tumour from where no way leads out of it, bool (slices, rows, columns)."""
    box = box_of(tumour.mask)
    part = np.ascontiguousarray(tumour.mask[box])
    mask = np.zeros(tumour.shape, dtype=bool)
    mask[box] = ~(part | pixel_kernels.outside(part, True))
    return mask


@dataclass(frozen=True, eq=False)
class Shell:
    """The peritumoral region, and what it lost.

    Attributes
    ----------
    roi : within the distance, outside the tumour, inside the body
    share_outside_image : share of the full shell that lies beyond the edge of the image, 0 to 1
    share_outside_body : share of the full shell that lies in the image but outside the body, 0 to 1
    """

    roi: Roi
    share_outside_image: float
    share_outside_body: float


def peritumoral_shell(
    tumour: Roi, *, body: NDArray[np.bool_], shell_mm: float, cavities: NDArray[np.bool_] | None = None
) -> Shell:
    """The voxels within `shell_mm` of the tumour (centre to nearest centre), outside it and inside the body.

    What the tumour encloses (`cavities`, on its grid) is not around it and is not counted as lost either.

    Distances are exact and Euclidean in mm, whatever the spacing. They are taken on a box that holds the whole shell,
    beyond the edge of the image where necessary.

    Raises
    ------
    StudyRejected
        When no voxel is left.
    """
    steps = np.array(tumour.spacing_mm)
    margin = np.array([steps_within(shell_mm, step) for step in steps]) + 1
    box = box_of(tumour.mask)
    low = np.array([part.start for part in box]) - margin
    high = np.array([part.stop - 1 for part in box]) + margin
    size = np.array(tumour.shape)
    in_image = tuple(
        slice(max(first, 0), min(last, count - 1) + 1) for first, last, count in zip(low, high, size, strict=True)
    )
    in_box = tuple(
        slice(one.start - int(first), one.stop - int(first)) for one, first in zip(in_image, low, strict=True)
    )

    near = np.zeros(high - low + 1, dtype=bool)
    near[in_box] = tumour.mask[in_image]
    squared = squared_distance_mm2(near, spacing_mm=tumour.spacing_mm, reach_mm=shell_mm + TOLERANCE_MM)
    full = np.isfinite(squared) & ~near
    if cavities is not None:
        full[in_box] &= ~cavities[in_image]
    whole, seen = int(np.count_nonzero(full)), int(np.count_nonzero(full[in_box]))
    mask = np.zeros(tumour.shape, dtype=bool)
    mask[in_image] = full[in_box] & body[in_image]
    kept = int(np.count_nonzero(mask[in_image]))
    if kept == 0:
        raise StudyRejected(
            f"The peritumoral region of {shell_mm:g} mm holds no voxel: the full shell has {whole}, of which {seen} "
            f"lie in the image and none inside the body mask; voxels measure "
            f"{' × '.join(f'{step:.2f}' for step in steps)} mm. "
            "Check that the segmentation belongs to this image."
        )
    return Shell(
        Roi(tumour.affine, mask, "peritumoral shell"),
        share_outside_image=(whole - seen) / whole,
        share_outside_body=(seen - kept) / whole,
    )


def steps_within(distance_mm: float, step_mm: float) -> int:
    """Number of voxels along an axis that lie within a distance."""
    return int((distance_mm + TOLERANCE_MM) // step_mm)


def share_of_box_outside_image(roi: Roi, *, margin: tuple[int, int, int]) -> float:
    """Share of the bounding box of a region, grown by a margin in voxels, beyond the edge of the image, 0 to 1."""
    grown, inside = 1, 1
    for part, more, size in zip(box_of(roi.mask), margin, roi.shape, strict=True):
        grown *= part.stop - part.start + 2 * more
        inside *= min(part.stop + more, size) - max(part.start - more, 0)
    return 1 - inside / grown
