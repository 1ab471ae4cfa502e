"""Regular stacks of slices from image planes, by geometry alone; what is none is refused with the numbers.

Several stacks in one series (a slab for each breast, stacks of an Enhanced MR image, two orientations) are told apart
here, and a phase that was stopped before its end is set aside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dicom_io.errors import GeometryInvalid
from dicom_io.images.headers import shown
from dicom_io.images.planes import Plane, same_orientation
from models.number_words import counted

# Planes closer than this along the normal are at one position (positions are written with rounded digits).
SAME_POSITION_MM = 0.05
# Largest deviation of a slice distance from the others: relative, plus the rounding of the written positions.
SPACING_RELATIVE, SPACING_MM = 0.02, 0.12
# Pixel spacings of one series may differ by rounding: largest displacement it makes over the whole image.
SPACING_OVER_IMAGE_MM = 0.1
# Largest sideways drift of the slices over the whole stack, in pixels; more would be sheared.
DRIFT_PIXELS = 0.25
# What tells that the images of a phase are later than all others; numbers and times of writing do not, because a copy
# that was imported again has new ones.
STOPPED_BY = (
    "TemporalPositionIdentifier",
    "AcquisitionDateTime",
    "AcquisitionTime",
    "TriggerTime",
    "AcquisitionNumber",
)
# A gap between two slabs: at least this many slices and millimetres wide, and slabs of at least this many slices.
GAP_SLICES, GAP_MM, SLAB_SLICES = 5, 10.0, 4


def positions_of(planes: Sequence[Plane]) -> tuple[list[list[Plane]], tuple[Plane, ...]]:
    """The planes at each position, positions in order along the normal; and those of a last phase that was stopped.

    All positions have the same number of planes.

    Raises
    ------
    GeometryInvalid
        Mixed matrix, spacing or orientation; different numbers of images at the positions; gaps; drift.
    """
    if not planes:
        raise GeometryInvalid("The series holds no image plane; two or more were expected.")
    _uniform(planes)
    groups = _at_one_position(planes)
    positions, stopped = _without_stopped_phase(groups)
    _equal_counts(positions)
    normal = planes[0].orientation.normal
    _evenly_spaced(np.array([at[0].position_mm for at in positions]) @ normal)
    _straight(np.array([plane.position_mm for plane in planes]), normal, pixel_mm=min(planes[0].spacing_mm))
    return positions, stopped


def stacks_of(planes: Sequence[Plane], *, none_missing: bool) -> list[list[Plane]]:
    """The stacks of a series: by Stack ID, matrix and orientation, then by wide gaps along the normal.

    Parameters
    ----------
    none_missing : whether it is known that no image is missing, so that a gap is one between slabs
    """
    groups: list[list[Plane]] = []
    for plane in planes:
        group = next((one for one in groups if _may_be_one_stack(one[0], plane)), None)
        if group is None:
            groups.append([plane])
        else:
            group.append(plane)
    return [slab for group in groups for slab in (_slabs(group) if none_missing else [group])]


def _may_be_one_stack(one: Plane, other: Plane) -> bool:
    return (one.stack, one.shape) == (other.stack, other.shape) and same_orientation(
        one.orientation, [other.orientation]
    )


def _slabs(planes: Sequence[Plane]) -> list[list[Plane]]:
    positions = _at_one_position(planes)
    distances = np.array([at[0].position_mm for at in positions]) @ planes[0].orientation.normal
    steps = np.diff(distances)
    if len(steps) == 0:
        return [list(planes)]
    cuts = np.flatnonzero(steps > max(GAP_SLICES * float(np.median(steps)), GAP_MM)) + 1
    bounds = [0, *cuts.tolist(), len(positions)]
    if min(np.diff(bounds)) < SLAB_SLICES:
        return [list(planes)]
    return [[plane for at in positions[low:high] for plane in at] for low, high in pairwise(bounds)]


def _at_one_position(planes: Sequence[Plane]) -> list[list[Plane]]:
    """The planes grouped by position along the normal of the first, in its direction."""
    distance = np.array([plane.position_mm for plane in planes]) @ planes[0].orientation.normal
    groups: list[list[int]] = []
    for index in np.argsort(distance, kind="stable"):
        if groups and distance[index] - distance[groups[-1][0]] < SAME_POSITION_MM:
            groups[-1].append(int(index))
        else:
            groups.append([int(index)])
    return [[planes[index] for index in group] for group in groups]


def _without_stopped_phase(positions: list[list[Plane]]) -> tuple[list[list[Plane]], tuple[Plane, ...]]:
    """The complete phases, and the images of one more that was stopped; all as they are when it is not clearly that.

    The first attribute of `STOPPED_BY` that tells the images of each position apart decides: the surplus images
    must be later than every image of the other phases. Two or more phases must be complete, because a dynamic series
    without one after contrast is of no use.
    """
    complete, most = min(len(at) for at in positions), max(len(at) for at in positions)
    if complete < 2 or most != complete + 1:
        return positions, ()
    for name in STOPPED_BY:
        if not all(name in plane.times for at in positions for plane in at):
            continue
        ordered = [sorted(at, key=lambda plane: plane.times[name]) for at in positions]
        if any(a.times[name] == b.times[name] for at in ordered for a, b in pairwise(at)):
            if len({plane.times[name] for at in positions for plane in at}) > 1:
                return positions, ()  # sent twice
            continue
        stopped = tuple(at[complete] for at in ordered if len(at) > complete)
        if min(plane.times[name] for plane in stopped) > max(at[complete - 1].times[name] for at in ordered):
            kept = {id(plane) for plane in stopped}
            return [[plane for plane in at if id(plane) not in kept] for at in positions], stopped
        return positions, ()
    return positions, ()


def _uniform(planes: Sequence[Plane]) -> None:
    shapes = Counter(plane.shape for plane in planes)
    if len(shapes) > 1:
        found = ", ".join(f"{count} of {rows} × {columns}" for (rows, columns), count in shapes.most_common(4))
        raise GeometryInvalid(f"The series mixes images of different matrix ({found}); one matrix was expected.")
    spacing = np.array([plane.spacing_mm for plane in planes])
    # From the centre of the first pixel to that of the last.
    displaced_mm = float((np.ptp(spacing, axis=0) * (np.array(planes[0].shape) - 1)).max())
    if displaced_mm > SPACING_OVER_IMAGE_MM:
        spacings = Counter((round(plane.spacing_mm[0], 5), round(plane.spacing_mm[1], 5)) for plane in planes)
        found = ", ".join(f"{count} of {rows:g} × {columns:g} mm" for (rows, columns), count in spacings.most_common(4))
        raise GeometryInvalid(
            f"The series mixes images of different pixel spacing ({found}): {displaced_mm:.2f} mm over the image, at "
            f"most {SPACING_OVER_IMAGE_MM:g} mm was expected."
        )
    if not same_orientation(planes[0].orientation, [plane.orientation for plane in planes]):
        names = Counter(plane.orientation.name for plane in planes)
        found = ", ".join(f"{count} {name}" for name, count in names.most_common(4))
        raise GeometryInvalid(
            f"The series mixes images of different orientation ({found}, largest angle to the first "
            f"{_largest_angle(planes):.1f} degrees){_rare(planes)}; one orientation was expected."
        )
    references = {plane.instance.frame_of_reference_uid for plane in planes}
    if len(references) > 1:
        raise GeometryInvalid(f"The series has {len(references)} different Frame of Reference UIDs; one was expected.")


def _rare(planes: Sequence[Plane]) -> str:
    """Instance Numbers of the images whose orientation only a few have."""
    names = Counter(plane.orientation.name for plane in planes)
    rare = [shown(plane.instance.header, "InstanceNumber") for plane in planes if names[plane.orientation.name] <= 3]
    return f": Instance Number {', '.join(rare)}" if rare and len(rare) <= 3 and all(rare) else ""


def _largest_angle(planes: Sequence[Plane]) -> float:
    first = planes[0].orientation
    cosines = [
        min(first.along_row @ plane.orientation.along_row, first.along_column @ plane.orientation.along_column)
        for plane in planes
    ]
    return float(np.degrees(np.arccos(np.clip(min(cosines), -1, 1))))


def is_later(planes: Sequence[Plane], others: Sequence[Plane]) -> bool:
    """Returns whether planes were made after all others, by the first attribute of `STOPPED_BY` that all have."""
    for name in STOPPED_BY:
        if all(name in plane.times for plane in (*planes, *others)):
            first, last = min(plane.times[name] for plane in planes), max(plane.times[name] for plane in others)
            if first != last:
                return first > last
    return False


def _equal_counts(positions: Sequence[Sequence[Plane]]) -> None:
    counts = [len(at) for at in positions]
    if len(set(counts)) == 1:
        if len(counts) < 2:
            raise GeometryInvalid(
                f"The series has images at one position only ({counts[0]}); two or more were expected."
            )
        return
    usual, usual_positions = Counter(counts).most_common(1)[0]
    normal = positions[0][0].orientation.normal
    odd = [(float(np.dot(at[0].position_mm, normal)), at) for at in positions if len(at) != usual]
    where = ", ".join(f"{len(at)} at {distance:.1f} mm" for distance, at in odd[:5])
    raise GeometryInvalid(
        f"{counted(usual_positions, 'position has', 'positions have')} {usual} image{'s' if usual > 1 else ''} each, "
        f"but {len(odd)} {'has' if len(odd) == 1 else 'have'} another number ({where}{', …' if len(odd) > 5 else ''}, "
        f"along the normal); the same number at every position was expected. {_why_odd(usual, [at for _, at in odd])}"
    )


def _why_odd(usual: int, odd: Sequence[Sequence[Plane]]) -> str:
    """The most likely reason for surplus or missing images at some positions, and what to do."""
    times = [[tuple(plane.times.get(name) for name in STOPPED_BY) for plane in at] for at in odd]
    if any(len(at) < usual for at in odd):
        missing = sum(max(usual - len(at), 0) for at in odd)
        return f"{missing} image{' seems' if missing == 1 else 's seem'} to be missing: send the series again."
    if any(len(set(at)) < len(at) for at in times):
        return "Images with the same times were sent twice: remove one of each from the series."
    return "A phase seems to have been stopped: send its other images, or the series without it."


def _evenly_spaced(distances_mm: NDArray[np.float64]) -> None:
    steps = np.diff(distances_mm)
    usual = float(np.median(steps))
    wrong = np.flatnonzero(np.abs(steps - usual) > SPACING_RELATIVE * usual + SPACING_MM)
    if wrong.size == 0:
        return
    where = ", ".join(
        f"{steps[index]:.2f} mm between {distances_mm[index]:.1f} and {distances_mm[index + 1]:.1f} mm"
        for index in wrong[:3]
    )
    found = f"The slices are {usual:.2f} mm apart, but {where}{', …' if wrong.size > 3 else ''} (along the normal)"
    if steps[wrong].min() > 1.5 * usual:
        missing = int(np.round(steps[wrong] / usual - 1).sum())
        seems = "1 slice seems" if missing == 1 else f"{missing} slices seem"
        if steps[wrong].min() > max(GAP_SLICES * usual, GAP_MM):
            raise GeometryInvalid(
                f"{found}; {seems} to be missing, or the series holds several slabs and its Instance Numbers do not "
                "tell. Send the series again, slabs as series of their own."
            )
        raise GeometryInvalid(f"{found}; {seems} to be missing. Send the series again.")
    raise GeometryInvalid(f"{found}; equal distances were expected.")


def _straight(centre: NDArray[np.float64], normal: NDArray[np.float64], *, pixel_mm: float) -> None:
    sideways = centre - np.outer(centre @ normal, normal)
    drift = float(np.linalg.norm(sideways - sideways[0], axis=1).max())
    if drift > DRIFT_PIXELS * pixel_mm:
        raise GeometryInvalid(
            f"The slices drift sideways by {drift:.2f} mm over the stack ({drift / pixel_mm:.1f} pixels, at most "
            f"{DRIFT_PIXELS} was expected): the stack is sheared or mixes acquisitions."
        )
