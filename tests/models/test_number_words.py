"""Numbers in sentences are never shown as what they are not. Kind: invariant."""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.number_words import age_in_words, apart, counted, fixed, share_of
from models.plausibility import PlausibilityLimits, judge_place
from models.volume import Roi
from reports import numerals


@pytest.mark.parametrize(
    ("value", "places", "shown"),
    [
        (0.0, 1, "0.0%"),
        (0.0003, 1, "0.03%"),  # one decimal would be "0.0%"
        (0.021, 0, "2%"),
        (0.9996, 0, "99.96%"),
        (1.0, 0, "100%"),
        (1e-9, 1, "less than 0.00001%"),
        (1 - 1e-9, 0, "more than 99.9999%"),
    ],
)
def test_a_part_is_neither_none_nor_all(value: float, places: int, shown: str) -> None:
    assert share_of(value, places) == shown


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_two_numbers_that_differ_are_shown_apart(value: float, limit: float) -> None:
    shown, beside = apart(value, limit, fixed, places=2)
    if abs(value - limit) > 1e-17:
        assert Decimal(shown).compare(Decimal(beside)) == (1 if value > limit else -1)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_probability_beside_a_limit_has_no_digits_of_the_machine(value: float, limit: float) -> None:
    """Before: "50.000009999999996%" for 0.5000001 beside 0.5."""
    shown = numerals.percent(value, beside=limit).strip("<>%")
    if "." in shown:
        before = f"{Decimal(value) * 100:.{len(shown.split('.')[1]) - 1}f}"
        other = f"{Decimal(limit) * 100:.{len(shown.split('.')[1]) - 1}f}"
        assert float(before) == float(other) or abs(value - limit) < 1e-16  # one decimal fewer does not tell them apart


def test_the_probability_that_was_printed_with_the_digits_of_the_machine() -> None:
    assert numerals.percent(0.5000001, beside=0.5) == "50.00001%"
    assert numerals.score(math.nextafter(1.1, 2), beside=1.1) == "1.1000000000000003"


def test_nouns_agree() -> None:
    assert [counted(n, "patient") for n in (0, 1, 2)] == ["0 patients", "1 patient", "2 patients"]
    assert [counted(n, "study", "studies") for n in (1, 2)] == ["1 study", "2 studies"]


@pytest.mark.parametrize(
    ("voxels", "shown", "limit"),
    [
        (150_000, "15 %", "at most 10 %"),
        (100_600, "10.1 %", "at most 10.0 %"),
        (100_001, "10.0001 %", "at most 10.0000 %"),
    ],
)
def test_a_measure_that_exceeds_its_limit_is_not_shown_as_equal_to_it(voxels: int, shown: str, limit: str) -> None:
    """Of a body of a million voxels; before: "It is 10 % of the body in the image; at most 10 % was expected."."""
    body = np.ones((1, 1000, 1000), np.bool_)
    mask = np.zeros_like(body)
    mask.flat[:voxels] = True
    judged = judge_place(Roi(np.eye(4), mask, "tumour"), body, PlausibilityLimits())
    (check,) = [one for one in judged.checks if one.code == "tumour-share-of-body"]
    assert (check.found, check.expected) == (shown, limit)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (200000, "2 days")],
)
def test_ages_are_said_in_one_unit(seconds: float, words: str) -> None:
    assert age_in_words(timedelta(seconds=seconds)) == words
