"""The half-way threshold in a box: brighter than the middle between the lesion's core and what surrounds the box.

Worth it only for a lesion that clearly enhances against quiet tissue; everything else is refused, with the advice to
paint strokes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import ndimage

from models.errors import StudyRejected
from models.number_words import share_of
from models.segmentation.agreement import dice
from models.segmentation.box_checks import PAINT, box_of, check_in_box
from models.segmentation.seeds import Box, Images, Mask, Method, Seeds, Triple

VERSION: Final = "1.0"
LEAST_DICE: Final = 0.85  # between the masks of two points
_CORE_MM = 3.0  # radius of the ball around the point
_RING_VOXELS = 3
_MOVED_MM = 3.0
_WHAT = "The half-way threshold"


def half_way(images: Images, seeds: Seeds) -> Mask:
    """The lesion around a point in a box: bool (slices, rows, columns).

    Voxels above the middle between the median of a ball of 3 mm around the point and that of the ring of 3 voxels
    around the box; opened by one voxel, the parts that touch the ball, holes filled.

    Raises
    ------
    StudyRejected
        When there is no point or box, the core is not brighter than the ring, the mask fills more than 80 % of the box
        or touches three of its faces, or a point 3 mm away gives another mask (Dice below .85).
    """
    box, point = box_of(images, seeds), seeds.point
    if point is None or not all(a <= p <= b for p, a, b in zip(point, box.first, box.last, strict=True)):
        raise StudyRejected(
            f"The point is {point or 'not given'} (slice, row, column, from 0); a point of the bright part of the "
            f"lesion, in the box from {box.first} to {box.last}, was expected."
        )
    ring = _ring(images, box)
    mask = _of_point(images, box, point, ring)
    if mask is None:
        raise StudyRejected(
            "At the point the image is not brighter than around the box; a lesion that enhances against what surrounds "
            f"it was expected. {PAINT}"
        )
    check_in_box(mask, box, _WHAT)
    for axis, spacing in enumerate(images.after.spacing_mm):
        steps = max(1, round(_MOVED_MM / spacing))
        for way in (-steps, steps):
            moved = tuple(place + (way if axis == own else 0) for own, place in enumerate(point))
            if not box.first[axis] <= moved[axis] <= box.last[axis]:
                continue
            other = _of_point(images, box, (moved[0], moved[1], moved[2]), ring)
            agree = 0.0 if other is None else dice(mask, other)
            if agree < LEAST_DICE:
                raise StudyRejected(
                    f"{_WHAT} from a point {_MOVED_MM:g} mm away gives another mask (Dice {agree:.2f}; at least "
                    f"{LEAST_DICE:.2f} was expected), so the draft would depend on where the point was set. {PAINT}"
                )
    return mask


METHOD: Final = Method(
    key="half-way",
    segment=half_way,
    name="half-way threshold in a box",
    version=VERSION,
    parameters={
        "core_mm": f"{_CORE_MM:g}",
        "ring_voxels": str(_RING_VOXELS),
        "refused_below_dice": f"{LEAST_DICE:g}",
        "refused_above_filled": share_of(0.8),
    },
)


def _ring(images: Images, box: Box) -> float:
    """Median of the voxels around the box."""
    shape = images.after.shape
    around = tuple(
        slice(max(a - _RING_VOXELS, 0), min(b + 1 + _RING_VOXELS, size))
        for a, b, size in zip(box.first, box.last, shape, strict=True)
    )
    outside = np.ones(shape, dtype=np.bool_)
    outside[box.slices] = False
    values = images.contrast[around][outside[around]]
    if not values.size:
        raise StudyRejected("The box is the whole image; a box around the lesion, with tissue outside, was expected.")
    return float(np.median(values))


def _of_point(images: Images, box: Box, point: Triple, ring: float) -> Mask | None:
    """The mask from one point; None where the core is not brighter than the ring."""
    spacing = np.array(images.after.spacing_mm)
    inside = images.contrast[box.slices]
    places = np.indices(inside.shape).reshape(3, -1).T + np.array(box.first)
    near = np.linalg.norm((places - np.array(point)) * spacing, axis=1) <= _CORE_MM
    ball = near.reshape(inside.shape)
    core = float(np.median(inside[ball]))
    if core <= ring:
        return None
    above = inside > (core + ring) / 2
    opened = ndimage.binary_opening(above)
    parts, _ = ndimage.label(opened, structure=np.ones((3, 3, 3)))
    touched = np.unique(parts[ball & opened])
    mask = np.zeros(images.after.shape, dtype=np.bool_)
    mask[box.slices] = ndimage.binary_fill_holes(np.isin(parts, touched[touched > 0]))
    return mask
