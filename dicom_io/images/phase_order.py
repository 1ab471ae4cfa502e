"""Several images at each position: in which order they were made, and whether they are phases at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dicom_io.errors import GeometryInvalid
from dicom_io.images.planes import TIME_ORDER, Plane
from models.number_words import counted

# More kinds of image in one series than this are not kinds but an attribute that differs from image to image.
MOST_KINDS = 8


def phase_order(positions: Sequence[Sequence[Plane]]) -> tuple[list[list[Plane]], str, tuple[str, ...]]:
    """The planes at each position in the order of time, what ordered them, and what contradicts that order.

    An attribute can order the phases when every plane has it and no two planes at one position share a value. Of those
    that can, the order most of them agree on is taken; between equals, the first of `TIME_ORDER`.

    Raises
    ------
    GeometryInvalid
        When no attribute can order them, or the images at one position differ in echo time or image type in a way
        that is the same at every position: then they are not phases.
    """
    count = len(positions[0])
    if count == 1:
        return [list(at) for at in positions], "", ()
    orders: dict[str, NDArray[np.intp]] = {}
    for name in TIME_ORDER:
        if all(name in plane.times for at in positions for plane in at):
            values = np.array([[plane.times[name] for plane in at] for at in positions])
            if all(len(set(row)) == count for row in values.tolist()):
                orders[name] = np.argsort(values, axis=1)
    if not orders:
        raise GeometryInvalid(
            f"There are {counted(count, 'image')} at each position, and no attribute tells which was first (looked at "
            f"{', '.join(TIME_ORDER)}); send the phases as separate series."
        )
    votes = {name: sum(np.array_equal(order, other) for other in orders.values()) for name, order in orders.items()}
    best = max(orders, key=lambda name: votes[name])
    ordered = [[at[index] for index in row] for at, row in zip(positions, orders[best], strict=True)]
    _really_phases(ordered)
    contradicted = tuple(name for name, order in orders.items() if not np.array_equal(order, orders[best]))
    return ordered, best, contradicted


def _really_phases(positions: Sequence[Sequence[Plane]]) -> None:
    kinds = {plane.kind for at in positions for plane in at}
    if len(kinds) <= MOST_KINDS and all(len({plane.kind for plane in at}) > 1 for at in positions):
        found = "; ".join(f"echo time {echo or '?'} ms, image type {kind}" for echo, kind in sorted(kinds))
        raise GeometryInvalid(
            f"The {counted(len(positions[0]), 'image')} at each position are different kinds of image, not phases "
            f"({found}); send them as separate series."
        )
