"""Fingerprints of training rows: who is found, who is not, and how much a hash could be guessed.

Oracle: the simulated training patients of a shipped package, re-extracted with noise, and other patients of the same
simulation. Measured on 698 and 2,000: .1 and .3 % noise 100 %, 1 % noise 99.7 %, other patients 0 of 2,000.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.errors import SetupError
from models.features.names import features_of
from models.inference.fingerprints import (
    CELL,
    FEWEST_INPUTS,
    Fingerprints,
    fingerprints_of,
    projections,
    salt_of,
    to_six_digits,
)
from models.inference.package import ModelPackage, load_package, shipped_packages
from models.simulation.cohort import Truth, simulate_cohort
from models.simulation.feature_shape import measured_shape
from models.statistics.followed import Floats
from models.volume import Region, Sequence
from tests.models.model_card.shipped import training_rows
from tests.models.small_packages import small_familiarity

RNG = np.random.default_rng(6)


@pytest.fixture(scope="module")
def package() -> ModelPackage:
    return load_package(shipped_packages()[2])


@pytest.fixture(scope="module")
def rows(package: ModelPackage) -> Floats:
    return training_rows(package.inputs)


@pytest.fixture(scope="module")
def others(package: ModelPackage) -> Floats:
    """Other patients of the same simulation."""
    cohort = simulate_cohort(
        measured_shape(features_of(Sequence, Region)), truth=Truth.STRONG, seed=77, sizes={"fresh": 600}
    )
    place = {name: index for index, name in enumerate(cohort.names)}
    return np.asarray(cohort.values[:, [place[name] for name in package.inputs]])


def test_the_package_was_trained_on_these_rows(package: ModelPackage, rows: Floats) -> None:
    np.testing.assert_allclose(package.familiarity.centre, rows[:, package.familiarity.used].mean(axis=0), rtol=1e-9)


def test_training_rows_are_found_and_others_are_not(package: ModelPackage, rows: Floats, others: Floats) -> None:
    mixed = np.vstack([rows[:50], others])
    found = package.matches(mixed)
    assert found is not None
    assert found.same.tolist() == [True] * 50 + [False] * len(others)
    assert found.near.tolist() == found.same.tolist()


@pytest.mark.parametrize(("digits", "is_same"), [(13, True), (7, False)])
def test_a_rounded_table_is_found(package: ModelPackage, rows: Floats, digits: int, is_same: bool) -> None:
    found = package.matches(np.array([[float(f"{value:.{digits}g}") for value in row] for row in rows[:20]]))
    assert found is not None
    assert found.near.all()
    # Of 1,712 inputs rounded to seven digits, some lie at the edge between two numbers of six.
    assert (found.same.mean() > 0.8) == is_same


@pytest.mark.parametrize(("noise", "fewest"), [(0.001, 1.0), (0.003, 1.0), (0.01, 0.98)])
def test_patients_extracted_again_are_near(package: ModelPackage, rows: Floats, noise: float, fewest: float) -> None:
    chosen = rows[:200]
    for factors in (RNG.normal(size=chosen.shape), RNG.choice([-1.0, 1.0], size=(len(chosen), 1))):
        found = package.matches(chosen * (1 + noise * factors))
        assert found is not None
        assert not found.same.any()
        assert found.near.mean() >= fewest


def test_a_cell_cannot_be_guessed(package: ModelPackage, rows: Floats, others: Floats) -> None:
    """Collision entropy of a cell vector under the patients' covariance: two patients of 2^64 share one, or fewer."""
    placed = projections(np.vstack([rows, others]), package.familiarity, salt=salt_of(package.graph))
    variances = np.linalg.eigvalsh(np.cov(placed.T))
    resolved = variances[variances > CELL**2 / 12]
    assert 0.5 * np.log2(4 * np.pi * resolved / CELL**2).sum() > 64


def test_another_salt_shares_nothing() -> None:
    values = RNG.normal(size=(40, 160))
    familiarity = small_familiarity(inputs=160)
    one, other = (fingerprints_of(values, familiarity, salt=salt_of(graph)) for graph in (b"one", b"other"))
    assert one is not None
    assert other is not None
    assert not np.isin(one.rows, other.rows).any()
    assert not np.isin(one.cells, other.cells).any()
    assert not one.matches(values, familiarity, salt=salt_of(b"other")).near.any()
    again = Fingerprints.from_bytes(one.to_bytes())
    assert again.to_bytes() == one.to_bytes()
    assert again.matches(values, familiarity, salt=salt_of(b"one")).same.all()


def test_the_hashes_of_one_patient_do_not_stand_together() -> None:
    values = RNG.normal(size=(40, 160))
    familiarity = small_familiarity(inputs=160)
    forward, backward = (fingerprints_of(some, familiarity, salt=b"x" * 32) for some in (values, values[::-1]))
    assert forward is not None
    assert backward is not None
    assert forward.to_bytes() == backward.to_bytes()
    assert np.all(np.diff(forward.cells.astype(np.float64), axis=1) >= 0)


def test_few_inputs_have_no_fingerprints() -> None:
    few = FEWEST_INPUTS - 1
    assert fingerprints_of(RNG.normal(size=(60, few)), small_familiarity(inputs=few), salt=b"x" * 32) is None


def test_six_digits() -> None:
    assert to_six_digits(np.array([1.0, 1 + 1e-8, -0.0])).tolist() == [1.0, 1.0, 0.0]
    assert to_six_digits(np.array([1.00001]))[0] != 1.0


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="not an archive"):
        Fingerprints.from_bytes(b"nothing")
    with pytest.raises(SetupError, match="one row and 24 cells"):
        Fingerprints(np.zeros(3, np.uint64), np.zeros((2, 3), np.uint64))
