"""A stack of mask frames, wherever it lies in the patient, on the grid of a volume: nearest neighbour.

Every voxel of the volume takes the mask voxel at its centre (pull). The other way round loses or duplicates
voxels as soon as the grids differ. Ties are broken to one side for all voxels alike, so that a mask half a
voxel off keeps its shape and its number of voxels; rounding to even would not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dicom_io.errors import GeometryInvalid, TumourEmpty
from dicom_io.images.planes import Orientation
from models.number_words import agreeing, counted
from models.quality_notes import Severity

# Offsets below this share of a voxel are rounding of written positions.
ROUNDING = 0.01
# Frames may sit this share of a voxel off the slices (a little more for the rounding of written positions).
HALF = 0.5 + ROUNDING

# Slices in a row, of so many voxels at least, that come again at other positions are no chance.
REPEATED_SLICES, REPEATED_VOXELS = 2, 20
# Share of the slices that are equal to the one beside them from which on it is no chance.
CARRIED_ON = 0.4
# Sparse segmentations leave out empty slices; more of them than this for each frame is a wrong distance.
MOST_SLICES_PER_FRAME = 100


@dataclass(frozen=True, eq=False)
class MaskFrames:
    """Masks on parallel planes, in any order.

    Attributes
    ----------
    masks : bool (frames, rows, columns)
    positions_mm : float64 (frames, 3), centre of the first pixel of each frame, LPS
    orientation : of all frames
    spacing_mm : (from row to row, from column to column)
    slice_distance_mm : Spacing Between Slices where the object states it
    slice_thickness_mm : Slice Thickness where the object states it
    sources : for each frame the (SOP Instance UID, one-based frame or None) of the images it says it was made on
    """

    masks: NDArray[np.bool_]
    positions_mm: NDArray[np.float64]
    orientation: Orientation
    spacing_mm: tuple[float, float]
    slice_distance_mm: float | None
    slice_thickness_mm: float | None
    sources: tuple[frozenset[tuple[str, int | None]], ...] = ()


@dataclass(frozen=True)
class Remark:
    """A doubt about how a mask was made, before it is known which sequence it is for: see `QualityNote`."""

    code: str
    severity: Severity
    sentence: str


@dataclass(frozen=True, eq=False)
class Placement:
    """A mask on the grid of a volume, and how it got there.

    Attributes
    ----------
    mask : bool (slices, rows, columns) of the volume
    same_grid : whether frames and volume have the same axes and spacing
    offset_voxels : on the same grid, the distance of the frames from the voxel centres along (slices, rows, columns)
    offset_mm : its length
    lost_voxels : on the same grid, voxels that a tie at the edge of the volume left without a place
    remarks : what else was noticed
    """

    mask: NDArray[np.bool_]
    same_grid: bool
    offset_voxels: tuple[float, float, float]
    offset_mm: float
    lost_voxels: int
    remarks: tuple[Remark, ...] = ()


def place(frames: MaskFrames, *, affine: NDArray[np.float64], shape: tuple[int, int, int]) -> Placement:
    """Carry mask frames onto the grid given by `affine` (slice, row, column → LPS mm) and `shape`.

    Raises
    ------
    GeometryInvalid
        When mask voxels lie more than half a voxel outside the volume, when two frames at one position differ, when the
        frames are not on a regular stack, or when their distance cannot be told.
    """
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    stack, own_affine = _stack(frames, spacing, affine, shape=shape)
    # From a voxel of the volume to a voxel of the stack, with fractions.
    to_frames: NDArray[np.float64] = np.linalg.inv(own_affine) @ affine
    _inside(stack, to_volume=np.asarray(np.linalg.inv(to_frames), dtype=np.float64), shape=shape)
    axes = np.abs(to_frames[:3, :3])
    separable = np.count_nonzero(axes > 1e-3 / max(*shape, *stack.shape), axis=0).tolist() == [1, 1, 1]
    mask = _separable(stack, to_frames, shape) if separable else _general(stack, to_frames, shape)
    same_grid = bool(separable and np.all(np.abs(axes.max(axis=0) - 1) <= 0.5 / np.array(shape)))
    offset = _offset(to_frames) if same_grid else np.zeros(3)
    if not mask.any() and stack.any():
        raise GeometryInvalid(
            "No voxel of the volume has its centre inside the segmentation; its regions are smaller than the voxels."
        )
    return Placement(
        mask=mask,
        same_grid=same_grid,
        offset_voxels=(float(offset[0]), float(offset[1]), float(offset[2])),
        offset_mm=float(np.linalg.norm(offset * spacing)),
        lost_voxels=int(np.count_nonzero(stack) - np.count_nonzero(mask)) if same_grid else 0,
        remarks=_repeats(frames, stack, own_affine),
    )


def empty_runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of empty slices inside the extent of a mask, as (first, last) zero-based slice.

    Only runs that break one region count: the last slice before and the first after overlap in the plane. Two
    lesions one above the other at different places in the plane are not broken.
    """
    filled = np.flatnonzero(mask.any(axis=(1, 2)))
    return [
        (int(before) + 1, int(after) - 1)
        for before, after in pairwise(filled)
        if after - before > 1 and np.any(mask[before] & mask[after])
    ]


def _stack(
    frames: MaskFrames, spacing: NDArray[np.float64], affine: NDArray[np.float64], *, shape: tuple[int, int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """The frames that hold voxels as one dense array, sorted along the normal, and its affine."""
    normal = frames.orientation.normal
    filled = frames.masks.any(axis=(1, 2))
    if not filled.any():
        raise TumourEmpty("The segment holds no voxel; at least one was expected.")
    along = frames.positions_mm @ normal
    order = np.argsort(along)
    distance = _slice_distance(frames, np.diff(along[order]), spacing, affine)
    first = int(np.argmin(np.where(filled, along, np.inf)))
    extent = float(along[filled].max() - along[first])
    diagonal = float(np.linalg.norm(affine[:3, :3] @ shape))
    if extent > diagonal:
        raise GeometryInvalid(
            f"The segmentation extends over {extent:.0f} mm, but the images measure {diagonal:.0f} mm from corner to "
            "corner: it was made on other images."
        )
    steps = (along - along[first]) / distance
    index = np.round(steps).astype(np.int64)
    if index[filled].max() > MOST_SLICES_PER_FRAME * len(along):
        raise GeometryInvalid(
            f"The segmentation states slices of {distance:g} mm, which makes {index[filled].max()} slices of its "
            f"{counted(len(along), 'frame')}; frames closer to each other were expected."
        )
    residual = float(np.abs(steps - index).max())
    if residual > 0.25:
        raise GeometryInvalid(
            f"The frames of the segmentation are not evenly spaced: one is {residual * distance:.2f} mm off a stack of "
            f"{distance:.2f} mm; equal distances were expected."
        )
    _one_at_each_position(frames, np.flatnonzero(filled), index)
    sideways = frames.positions_mm - np.outer(along, normal)
    drift = float(np.linalg.norm(sideways - sideways[0], axis=1).max())
    if drift > 0.25 * min(frames.spacing_mm):
        raise GeometryInvalid(
            f"The frames of the segmentation drift sideways by {drift:.2f} mm ({drift / min(frames.spacing_mm):.1f} "
            "pixels, at most 0.25 was expected)."
        )
    dense = np.zeros((int(index[filled].max()) + 1, *frames.masks.shape[1:]), dtype=np.bool_)
    dense[index[filled]] = frames.masks[filled]
    own = np.eye(4)
    own[:3, 0] = normal * distance
    own[:3, 1] = frames.orientation.along_column * frames.spacing_mm[0]
    own[:3, 2] = frames.orientation.along_row * frames.spacing_mm[1]
    own[:3, 3] = frames.positions_mm[first]
    return dense, own


def _one_at_each_position(frames: MaskFrames, filled: NDArray[np.int64], index: NDArray[np.int64]) -> None:
    """Raise when frames at one position differ; where they are equal, it does not matter which is taken."""
    first: dict[int, int] = {}
    for frame in filled.tolist():
        other = first.setdefault(int(index[frame]), frame)
        if not np.array_equal(frames.masks[frame], frames.masks[other]):
            along = float(frames.positions_mm[frame] @ frames.orientation.normal)
            differing = int(np.count_nonzero(frames.masks[frame] != frames.masks[other]))
            raise GeometryInvalid(
                f"The segmentation has {counted(len(filled), 'frame')} for one segment at "
                f"{counted(len(np.unique(index[filled])), 'position')}, and two of them differ (by "
                f"{counted(differing, 'voxel')}, {along:.1f} mm along the normal); one frame at each position was "
                "expected."
            )


def _repeats(frames: MaskFrames, stack: NDArray[np.bool_], affine: NDArray[np.float64]) -> tuple[Remark, ...]:
    """Remarks on frames that are there twice: at one position, or in the same order at other positions."""
    remarks = []
    surplus = int(np.count_nonzero(frames.masks.any(axis=(1, 2))) - np.count_nonzero(stack.any(axis=(1, 2))))
    if surplus:
        remarks.append(
            Remark(
                "segmentation-frames-twice",
                Severity.NOTE,
                f"{surplus} frame{'' if surplus == 1 else 's'} of the segmentation {'is' if surplus == 1 else 'are'} "
                "there twice, equal in position and pixels; each counts once.",
            )
        )
    carried_on = _carried_on(stack)
    if len(carried_on) >= max(2, CARRIED_ON * np.count_nonzero(stack.any(axis=(1, 2)))):
        remarks.append(
            Remark(
                "segmentation-frames-carried-on",
                Severity.NOTE,
                f"{counted(len(carried_on), 'frame')} of the segmentation {agreeing(len(carried_on), 'has', 'have')} "
                f"exactly the pixels of the one beside them ({_extent(affine, carried_on[0], carried_on[-1] + 1)} "
                "along the normal): it was drawn on fewer slices and carried on, or frames were stored twice.",
            )
        )
    if (found := _longest_repeat(stack)) is not None:
        shift, first, count = found
        one, other = (_extent(affine, begins, begins + count - 1) for begins in (first, first + shift))
        remarks.append(
            Remark(
                "segmentation-frames-repeat",
                Severity.WARNING,
                f"{counted(count, 'frame')} of the segmentation in a row have exactly the pixels of "
                f"{counted(count, 'other')} ({one}, and {other} along the normal): its writer may have stored them "
                "under wrong positions. Check on the key image that the tumour is where it was drawn.",
            )
        )
    return tuple(remarks)


def _longest_repeat(stack: NDArray[np.bool_]) -> tuple[int, int, int] | None:
    """(shift, first, count) of the longest run of slices that comes again in the same order; None where none does.

    A mask that is symmetrical has equal slices in the opposite order, and small ones are equal by chance.
    """
    counts = np.count_nonzero(stack, axis=(1, 2))
    best: tuple[int, int, int] | None = None
    for shift in range(2, len(stack) - REPEATED_SLICES + 1):
        run = 0
        for index in range(len(stack) - shift):
            is_equal = counts[index] >= REPEATED_VOXELS and np.array_equal(stack[index], stack[index + shift])
            run = run + 1 if is_equal else 0
            if run >= max(REPEATED_SLICES, best[2] + 1 if best else 0) and _changes(stack[index - run + 1 : index + 1]):
                best = shift, index - run + 1, run
    return best


def _carried_on(stack: NDArray[np.bool_]) -> list[int]:
    """Slices that are equal to the next."""
    counts = np.count_nonzero(stack, axis=(1, 2))
    return [
        index
        for index in range(len(stack) - 1)
        if counts[index] >= REPEATED_VOXELS and np.array_equal(stack[index], stack[index + 1])
    ]


def _extent(affine: NDArray[np.float64], first: int, last: int) -> str:
    """Extent of a run of slices along the normal: "8.0 to 14.0 mm"."""
    step = float(np.linalg.norm(affine[:3, 0]))
    start = float(affine[:3, 3] @ affine[:3, 0]) / step
    return f"{start + first * step:.1f} to {start + last * step:.1f} mm"


def _changes(slices: NDArray[np.bool_]) -> bool:
    return any(not np.array_equal(slices[0], other) for other in slices[1:])


def _slice_distance(
    frames: MaskFrames, steps: NDArray[np.float64], spacing: NDArray[np.float64], affine: NDArray[np.float64]
) -> float:
    """Distance between slices: what the object states where its positions agree, else what the positions show."""
    apart = steps[steps > 0.01]
    stated = frames.slice_distance_mm
    along = np.abs(frames.orientation.normal @ (affine[:3, :3] / spacing))
    parallel = float(spacing[int(np.argmax(along))]) if along.max() > 0.999 else None
    candidates = [one for one in (stated, parallel) if one and one > 0 and _multiples(apart, one)]
    if candidates and not apart.size:
        return candidates[0]
    if candidates:
        # The larger, since frames at every second slice only are not made; refined, since written digits are rounded.
        total = float(apart.sum())
        return total / round(total / max(candidates))
    if apart.size:
        return float(apart.min())
    if stated or frames.slice_thickness_mm:
        return float(stated or frames.slice_thickness_mm or 0)
    raise GeometryInvalid(
        "The segmentation has frames at one position and states neither Spacing Between Slices nor Slice Thickness; "
        "the extent of its voxels is unknown."
    )


def _multiples(steps: NDArray[np.float64], distance: float) -> bool:
    counts = steps / distance
    return bool(np.all(np.abs(counts - np.round(counts)) <= 0.1) and np.all(counts > 0.5))


def _inside(stack: NDArray[np.bool_], *, to_volume: NDArray[np.float64], shape: tuple[int, int, int]) -> None:
    box = [np.flatnonzero(stack.any(axis=others))[[0, -1]] for others in ((1, 2), (0, 2), (0, 1))]
    corners = np.array(np.meshgrid(*box)).reshape(3, -1).T
    if _outside(corners, to_volume, shape).max() <= HALF:
        return  # the box of all voxels is inside: no need to look at each
    voxels = np.argwhere(stack)
    outside = _outside(voxels, to_volume, shape)
    wrong = np.count_nonzero((outside > HALF).any(axis=1))
    if wrong:
        axis = int(np.argmax(outside.max(axis=0)))
        raise GeometryInvalid(
            f"{wrong} of {counted(len(voxels), 'voxel')} of the segmentation {agreeing(wrong, 'lies', 'lie')} outside "
            f"the images, up to {outside.max():.1f} {('slices', 'rows', 'columns')[axis]} off (at most half of one was "
            "expected): it was made on other images, or a part of the series is missing."
        )


def _outside(
    voxels: NDArray[np.int64], to_volume: NDArray[np.float64], shape: tuple[int, int, int]
) -> NDArray[np.float64]:
    """Distances of stack voxels outside the first and last voxel centres of the volume, along its axes."""
    places = voxels @ to_volume[:3, :3].T + to_volume[:3, 3]
    return np.maximum(-places, places - (np.array(shape) - 1))


def _nearest(coordinate: NDArray[np.float64]) -> NDArray[np.int64]:
    """Nearest index; a tie goes down, and rounding noise does not decide it."""
    return np.ceil(coordinate - 0.5 - 1e-3).astype(np.int64)


def _separable(
    stack: NDArray[np.bool_], to_frames: NDArray[np.float64], shape: tuple[int, int, int]
) -> NDArray[np.bool_]:
    """Pull where every axis of the volume runs along one axis of the stack (either way, any order)."""
    source_axis = np.argmax(np.abs(to_frames[:3, :3]), axis=0)  # for each axis of the volume its axis of the stack
    turned = stack.transpose(source_axis)
    wanted = []
    for axis, source in enumerate(source_axis):
        index = _nearest(to_frames[source, 3] + to_frames[source, axis] * np.arange(shape[axis]))
        wanted.append((index, (index >= 0) & (index < stack.shape[source])))
    mask = np.zeros(shape, dtype=np.bool_)
    inside = [np.flatnonzero(valid) for _, valid in wanted]
    mask[np.ix_(*inside)] = turned[np.ix_(*(index[valid] for index, valid in wanted))]
    return mask


def _general(
    stack: NDArray[np.bool_], to_frames: NDArray[np.float64], shape: tuple[int, int, int]
) -> NDArray[np.bool_]:
    """Pull for axes at any angle, inside the box of the volume that the stack covers."""
    corners = np.array(np.meshgrid(*[(-0.5, size - 0.5) for size in stack.shape])).reshape(3, -1)
    to_volume = np.linalg.inv(to_frames)
    box = to_volume[:3, :3] @ corners + to_volume[:3, 3:]
    low = np.maximum(np.floor(box.min(axis=1)).astype(int), 0)
    high = np.minimum(np.ceil(box.max(axis=1)).astype(int) + 1, shape)
    mask = np.zeros(shape, dtype=np.bool_)
    rows, columns = np.meshgrid(np.arange(low[1], high[1]), np.arange(low[2], high[2]), indexing="ij")
    for index in range(low[0], high[0]):
        place = np.stack([np.full(rows.shape, index), rows, columns]).reshape(3, -1)
        source = _nearest(to_frames[:3, :3] @ place + to_frames[:3, 3:])
        valid = np.all((source >= 0) & (source < np.array(stack.shape)[:, np.newaxis]), axis=0)
        values = np.zeros(place.shape[1], dtype=np.bool_)
        values[valid] = stack[tuple(source[:, valid])]
        mask[index, low[1] : high[1], low[2] : high[2]] = values.reshape(rows.shape)
    return mask


def _offset(to_frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fraction of a voxel, along the axes of the volume, between its centres and those of the stack (−0.5 to 0.5)."""
    moved = np.linalg.inv(to_frames)[:3, 3]
    fraction = moved - np.round(moved)
    return np.where(np.abs(fraction) < ROUNDING, 0.0, fraction)
