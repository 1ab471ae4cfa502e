"""Fisher's exact test and comparisons of groups against R, brute force and closed forms."""

from __future__ import annotations

import json
from itertools import product
from math import comb, prod, sqrt
from pathlib import Path

import numpy as np
import pytest

from models.statistics import contingency
from models.statistics.comparison import category_difference, compare_numbers
from models.statistics.contingency import fisher_test
from models.statistics.kaplan_meier import follow_up_quartiles
from tests.models.statistics.made_in_r import AGE, EVENTS, STAGE, TIMES


def test_fisher_equal_to_r(shared_data: Path) -> None:
    expected = json.loads((shared_data / "r_oracles" / "omics_expected.json").read_text())["fisher"]
    test = fisher_test(expected["table"])
    assert test is not None
    assert test.p == pytest.approx(expected["p"], rel=1e-9)
    assert (test.method, test.odds_ratio) == ("exact", None)


@pytest.mark.parametrize(
    ("table", "p"),
    [
        ([[13, 10, 10, 9], [10, 11, 8, 11], [8, 5, 11, 14]], 0.53662366519757054),
        ([[23, 19], [21, 19], [13, 25]], 0.14405943750642955),
    ],
)
def test_larger_tables_equal_to_r(table: list[list[int]], p: float) -> None:
    """R 4.2.2, `fisher.test(table(stage, ...))` of the patients of `made_in_r`."""
    test = fisher_test(table)
    assert test is not None
    assert test.p == pytest.approx(p, rel=1e-9 if test.method == "exact" else 0.02)


def test_two_by_two() -> None:
    """The tea lady: 3 of 4 right, P = 34/70; the odds ratio of R is the conditional one, 6.408309."""
    test = fisher_test([[3, 1], [1, 3]])
    assert test is not None
    assert test.p == pytest.approx(34 / 70)
    assert test.odds_ratio == pytest.approx(6.408309, rel=1e-5)


def test_enumeration_equals_brute_force() -> None:
    """Every 3 × 3 table with the margins, its probability by multinomial coefficients."""
    table = np.array([[4, 1, 0], [1, 3, 2], [0, 2, 4]])
    rows, columns = table.sum(axis=1), table.sum(axis=0)

    def weight(one: np.ndarray) -> float:
        return prod(
            comb(int(columns[at]), int(one[0, at])) * comb(int(columns[at] - one[0, at]), int(one[1, at]))
            for at in range(3)
        )

    total = extreme = 0.0
    for cells in product(range(7), repeat=4):
        one = np.zeros((3, 3), dtype=int)
        one[:2, :2] = np.reshape(cells, (2, 2))
        one[:2, 2] = rows[:2] - one[:2, :2].sum(axis=1)
        one[2] = columns - one[:2].sum(axis=0)
        if (one >= 0).all():
            total += weight(one)
            extreme += weight(one) if weight(one) <= weight(table) * (1 + 1e-9) else 0.0
    test = fisher_test(table)
    assert test is not None
    assert test.p == pytest.approx(extreme / total, rel=1e-12)
    turned = fisher_test(table.T)
    assert turned is not None
    assert turned.p == pytest.approx(test.p, rel=1e-12)


def test_many_tables_are_drawn_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    table = [[10, 12, 7], [5, 2, 6], [3, 4, 1], [8, 9, 5]]
    exact = fisher_test(table)
    monkeypatch.setattr(contingency, "_MOST_TABLES", 10)
    drawn = fisher_test(table)
    assert exact is not None
    assert drawn is not None
    assert drawn.method == "Monte Carlo, 100000 tables"
    assert drawn.p == pytest.approx(exact.p, abs=5 * sqrt(0.25 / 100_000))
    assert fisher_test(table) == drawn  # the seed is fixed


@pytest.mark.parametrize("table", [[[3, 4]], [[3, 0], [4, 0]], [[0, 0], [3, 4]]])
def test_nothing_to_compare(table: list[list[int]]) -> None:
    assert fisher_test(table) is None


def test_numbers_equal_to_r() -> None:
    """R 4.2.2: t.test, wilcox.test(exact = FALSE), oneway.test, kruskal.test of age."""
    two = compare_numbers([AGE[EVENTS == 1], AGE[EVENTS == 0]])
    assert (two.mean_p, two.rank_p) == pytest.approx((0.93352622441345812, 0.95386079003147939), rel=1e-10)
    three = compare_numbers([AGE[stage == STAGE] for stage in (1, 2, 3)])
    assert (three.mean_p, three.rank_p) == pytest.approx((0.60708485902876563, 0.62243167225333484), rel=1e-10)


def test_standardised_differences() -> None:
    numbers = compare_numbers([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]])
    assert numbers.standardised_difference == pytest.approx(2 / sqrt((1 + 4) / 2))
    p, q = 30 / 100, 45 / 90
    assert category_difference([[30, 45], [70, 45]]) == pytest.approx(
        abs(p - q) / sqrt((p * (1 - p) + q * (1 - q)) / 2)
    )
    # The order of levels does not matter, an empty level neither; equal shares differ by nothing.
    one, other = [[30, 45], [50, 15], [20, 30]], [[20, 30], [0, 0], [30, 45], [50, 15]]
    assert category_difference(one) == pytest.approx(category_difference(other))
    assert category_difference([[10, 20], [30, 60]]) == pytest.approx(0.0, abs=1e-12)
    assert category_difference([[10, 0], [0, 0]]) is None
    assert category_difference([[10, 0], [0, 5], [0, 9]]) == float("inf")


def test_groups_without_variation_have_no_test() -> None:
    alike = compare_numbers([[2.0, 2.0], [2.0, 2.0]])
    assert (alike.mean_p, alike.rank_p, alike.standardised_difference) == (None, None, None)
    half = compare_numbers([[2.0, 2.0, 2.0], [1.0, 3.0, 2.0]])
    assert half.mean_p is None  # one group has no variance
    assert half.rank_p is not None


def test_follow_up_equal_to_r() -> None:
    """`quantile(survfit(Surv(t, 1 - e) ~ 1))`: 24, 48, 57 months."""
    assert follow_up_quartiles(TIMES, EVENTS) == (24, 48, 57)
    never = follow_up_quartiles([1, 2, 3], [1, 1, 1])
    assert np.isnan(never).all()
