"""Contours of one slice put together. Kind: oracle (closed forms, pixel centres) and invariant (order, direction)."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from dicom_io.masks.contours import Combined, Relation, combine, encloses_area, relation

SHAPE = (40, 40)
ROWS, COLUMNS = np.indices(SHAPE)


def circle(row: float, column: float, radius: float, *, points: int = 200) -> NDArray[np.float64]:
    angle = 2 * np.pi * np.arange(points) / points
    return np.column_stack([row + radius * np.sin(angle), column + radius * np.cos(angle)])


def disc(row: float, column: float, radius: float) -> NDArray[np.bool_]:
    return (ROWS - row) ** 2 + (COLUMNS - column) ** 2 < radius**2


def combined(*polygons: NDArray[np.float64], exclusive: bool = False) -> Combined:
    """Together, whatever the order and the direction they are drawn in."""
    results = [combine(order, shape=SHAPE, exclusive=exclusive) for order in permutations(polygons)]
    results.append(combine([one[::-1] for one in polygons], shape=SHAPE, exclusive=exclusive))
    for other in results[1:]:
        np.testing.assert_array_equal(other.mask, results[0].mask)
        assert (other.doubled, other.crossing) == (results[0].doubled, results[0].crossing)
    return results[0]


A, B = (14.3, 15.1, 8.2), (22.4, 15.2, 6.3)  # they overlap in part
INNER, FAR = (14.1, 15.4, 3.1), (32.2, 33.1, 4.2)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (circle(*A), circle(*FAR), Relation.APART),
        (circle(*A), circle(*B), Relation.CROSSING),
        (circle(*INNER), circle(*A), Relation.INSIDE),
        (circle(*A), circle(*INNER), Relation.AROUND),
        (circle(*A), np.roll(circle(*A), 31, axis=0)[::-1], Relation.SAME),
        (circle(*A), circle(*A, points=63) + 0.01, Relation.SAME),
        (circle(10, 10, 5), circle(10, 20.1, 5), Relation.APART),
        (
            np.array([[2.0, 9], [2, 11], [30, 11], [30, 9]]),
            np.array([[15.0, 2], [17, 2], [17, 30], [15, 30]]),
            Relation.CROSSING,
        ),
    ],
    ids=[
        "apart",
        "crossing",
        "inside",
        "around",
        "same",
        "same-with-other-points",
        "touching",
        "cross-without-corners-inside",
    ],
)
def test_two_contours_lie_to_each_other(
    one: NDArray[np.float64], other: NDArray[np.float64], expected: Relation
) -> None:
    assert relation(one, other) is expected


def test_a_contour_drawn_twice_counts_once() -> None:
    for exclusive in (False, True):
        result = combine([circle(*A), circle(*FAR), circle(*A)[::-1]], shape=SHAPE, exclusive=exclusive)
        np.testing.assert_array_equal(result.mask, disc(*A) | disc(*FAR))
        assert (result.doubled, result.crossing) == (1, 0)


def test_contours_that_cross_are_united_unless_they_are_exclusive() -> None:
    united = combined(circle(*A), circle(*B))
    np.testing.assert_array_equal(united.mask, disc(*A) | disc(*B))
    assert (united.doubled, united.crossing) == (0, 2)
    exclusive = combined(circle(*A), circle(*B), exclusive=True)
    np.testing.assert_array_equal(exclusive.mask, disc(*A) ^ disc(*B))
    assert exclusive.crossing == 0


@pytest.mark.parametrize("exclusive", [False, True])
def test_nested_contours_are_holes_and_islands_in_them(exclusive: bool) -> None:
    """PS3.3 Figure C.8.8.6-3: an outer contour, a hole in it, a part of the region inside the hole."""
    island = (14.2, 15.3, 1.6)
    result = combined(circle(*A), circle(14.1, 15.4, 5.2), circle(*island), exclusive=exclusive)
    np.testing.assert_array_equal(result.mask, disc(*A) & ~disc(14.1, 15.4, 5.2) | disc(*island))
    assert (result.doubled, result.crossing) == (0, 0)


def test_a_hole_in_the_union_of_two_that_cross_is_cut_out_of_both() -> None:
    hole = (18.4, 15.2, 2.1)  # in the part they share
    result = combined(circle(*A), circle(*B), circle(*hole))
    np.testing.assert_array_equal(result.mask, (disc(*A) | disc(*B)) & ~disc(*hole))
    assert result.crossing == 2


def test_a_keyhole_is_a_ring() -> None:
    outer, inner = circle(*A), circle(*INNER)[::-1]
    keyhole = np.concatenate([outer, outer[:1], inner, inner[:1]])
    np.testing.assert_array_equal(combined(keyhole).mask, disc(*A) & ~disc(*INNER))


def test_what_lies_on_a_line_encloses_nothing() -> None:
    assert encloses_area(np.array([[0.0, 0], [0, 3], [2, 1]]))
    for points in ([[1.0, 1]], [[1.0, 1], [2, 5]], [[0.0, 0], [1, 1], [2, 2], [1, 1]], [[3.0, 3]] * 4):
        assert not encloses_area(np.array(points))
