"""Whether image planes form one regular stack of slices, by geometry alone; what does not is refused with the numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dicom_io.errors import GeometryInvalid
from dicom_io.images.planes import Plane, same_orientation

# Planes closer than this along the normal are at one position (positions are written with rounded digits).
SAME_POSITION_MM = 0.05
# Largest deviation of a slice distance from the others: relative, plus the rounding of the written positions.
SPACING_RELATIVE, SPACING_MM = 0.02, 0.12
# Largest sideways drift of the slices over the whole stack, in pixels; more would be sheared.
DRIFT_PIXELS = 0.25


def positions_of(planes: Sequence[Plane]) -> list[list[Plane]]:
    """The planes at each position, positions in order along the normal; all positions have the same number of planes.

    Raises
    ------
    GeometryInvalid
        Mixed matrix, spacing or orientation; different numbers of images at the positions; gaps; drift.
    """
    if not planes:
        raise GeometryInvalid("The series holds no image plane; two or more were expected.")
    _uniform(planes)
    normal = planes[0].orientation.normal
    centre = np.array([plane.position_mm for plane in planes])
    distance = centre @ normal
    groups: list[list[int]] = []
    for index in np.argsort(distance, kind="stable"):
        if groups and distance[index] - distance[groups[-1][0]] < SAME_POSITION_MM:
            groups[-1].append(int(index))
        else:
            groups.append([int(index)])
    _equal_counts([len(group) for group in groups], [float(distance[group[0]]) for group in groups])
    firsts = np.array([centre[group[0]] for group in groups])
    _evenly_spaced(firsts @ normal)
    _straight(centre, normal, pixel_mm=min(planes[0].spacing_mm))
    return [[planes[index] for index in group] for group in groups]


def _uniform(planes: Sequence[Plane]) -> None:
    shapes = Counter(plane.shape for plane in planes)
    if len(shapes) > 1:
        found = ", ".join(f"{count} of {rows} × {columns}" for (rows, columns), count in shapes.most_common(4))
        raise GeometryInvalid(f"The series mixes images of different matrix ({found}); one matrix was expected.")
    spacings = Counter((round(plane.spacing_mm[0], 4), round(plane.spacing_mm[1], 4)) for plane in planes)
    if len(spacings) > 1:
        found = ", ".join(f"{count} of {rows:g} × {columns:g} mm" for (rows, columns), count in spacings.most_common(4))
        raise GeometryInvalid(f"The series mixes images of different pixel spacing ({found}); one was expected.")
    if not same_orientation(planes[0].orientation, [plane.orientation for plane in planes]):
        names = Counter(plane.orientation.name for plane in planes)
        found = ", ".join(f"{count} {name}" for name, count in names.most_common(4))
        raise GeometryInvalid(
            f"The series mixes images of different orientation ({found}, largest angle to the first "
            f"{_largest_angle(planes):.1f} degrees); one orientation was expected."
        )
    references = {plane.instance.frame_of_reference_uid for plane in planes}
    if len(references) > 1:
        raise GeometryInvalid(f"The series has {len(references)} different Frame of Reference UIDs; one was expected.")


def _largest_angle(planes: Sequence[Plane]) -> float:
    first = planes[0].orientation
    cosines = [
        min(first.along_row @ plane.orientation.along_row, first.along_column @ plane.orientation.along_column)
        for plane in planes
    ]
    return float(np.degrees(np.arccos(np.clip(min(cosines), -1, 1))))


def _equal_counts(counts: Sequence[int], distances_mm: Sequence[float]) -> None:
    if len(set(counts)) == 1:
        if len(counts) < 2:
            raise GeometryInvalid(
                f"The series has images at one position only ({counts[0]}); two or more were expected."
            )
        return
    usual, usual_positions = Counter(counts).most_common(1)[0]
    odd = [(distance, count) for distance, count in zip(distances_mm, counts, strict=True) if count != usual]
    where = ", ".join(f"{count} at {distance:.1f} mm" for distance, count in odd[:5])
    raise GeometryInvalid(
        f"{usual_positions} positions have {usual} image{'s' if usual > 1 else ''} each, but {len(odd)} "
        f"{'has' if len(odd) == 1 else 'have'} another number ({where}{', …' if len(odd) > 5 else ''}, along the "
        "normal); the same number at every position was expected. An image is missing or was sent twice."
    )


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
