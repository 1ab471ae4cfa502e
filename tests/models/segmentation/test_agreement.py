"""Agreement of two masks. Kind: oracle, closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from models.segmentation.agreement import dice, hausdorff_95_mm, volume_error

CUBE = np.zeros((12, 12, 12), bool)
CUBE[3:7, 3:7, 3:7] = True
MOVED = np.roll(CUBE, 2, axis=2)


def test_a_cube_moved_by_half_its_side() -> None:
    assert dice(CUBE, MOVED) == 0.5
    assert volume_error(MOVED, CUBE) == 0
    assert hausdorff_95_mm(CUBE, MOVED, spacing_mm=(1.0, 1.0, 3.0)) == 6.0  # the two faces that stick out


def test_equal_and_empty_masks() -> None:
    assert dice(CUBE, CUBE) == 1
    assert hausdorff_95_mm(CUBE, CUBE, spacing_mm=(1.0, 1.0, 1.0)) == 0
    assert dice(CUBE & False, CUBE & False) == 0
    assert hausdorff_95_mm(CUBE, CUBE & False, spacing_mm=(1.0, 1.0, 1.0)) == float("inf")


def test_a_larger_mask_has_a_positive_volume_error() -> None:
    larger = CUBE | np.roll(CUBE, 1, axis=0)
    assert volume_error(larger, CUBE) == pytest.approx(0.25)
