"""The one definition of "constant": equal numbers never vary, whatever rounding does to their standard deviation."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from models.constant import ROUNDING, varies

MODELS = Path(__file__).resolve().parents[2] / "models"


@pytest.mark.parametrize("value", [0.9, 0.1, 1e-12, -3.3e9, 0.0])
@pytest.mark.parametrize("count", [1, 7, 560, 698])
def test_equal_numbers_do_not_vary(value: float, count: int) -> None:
    assert not varies(np.full(count, value))


def test_the_standard_deviation_of_equal_numbers_is_not_zero() -> None:
    assert np.full(698, 0.9).std() > 0  # why it is not asked


def test_numbers_that_differ_beyond_rounding_vary_at_any_scale() -> None:
    for scale in (1e-9, 1.0, 1e9):
        assert varies(scale * np.array([1.0, 1.0, 1 + 10 * ROUNDING]))
        assert not varies(scale * np.array([1.0, 1.0, 1 + ROUNDING / 10]))


def test_each_column_or_row_by_itself() -> None:
    table = np.array([[1.0, 0.9], [2.0, 0.9], [3.0, 0.9]])
    assert varies(table).tolist() == [True, False]
    assert varies(table.T, axis=1).tolist() == [True, False]
    assert varies(np.empty((0, 3))).tolist() == [False, False, False]


def test_no_other_definition_is_in_the_models() -> None:
    # Kernels of images have tolerances of their own, with IBSI's rules for a flat region.
    elsewhere = re.compile(r"(std|ptp|nanstd)\([^\n]*\)\s*(==|>|<=)\s*(0|1e-)")
    for path in MODELS.rglob("*.py"):
        if not {"features", "preprocessing"} & set(path.parts):
            assert not elsewhere.search(path.read_text(encoding="utf-8")), path
