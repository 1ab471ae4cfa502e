"""Familiarity of patients: limits hold for new patients, and each number detects what the others miss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.errors import CohortRejected, SetupError
from models.inference.familiarity import Familiarity, Measures
from models.training.familiarity import fit_familiarity, input_ranges

FACTORS, INPUTS, PATIENTS = 6, 120, 400


def made(count: int, *, seed: int) -> np.ndarray:
    """Inputs that follow six factors closely, of scales from 10⁻³ to 10⁵."""
    loadings = np.random.default_rng(0).normal(size=(FACTORS, INPUTS)) / np.sqrt(FACTORS)
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, FACTORS)) @ loadings + 0.2 * rng.normal(size=(count, INPUTS))
    return np.asarray(values * 10.0 ** np.linspace(-3, 5, INPUTS))


TRAINING = made(PATIENTS, seed=1)
LOW, HIGH = input_ranges(TRAINING)
SPREAD = TRAINING.std(axis=0)


@pytest.fixture(scope="module")
def familiarity() -> Familiarity:
    return fit_familiarity(TRAINING, np.arange(INPUTS), seed=1)


def measured(familiarity: Familiarity, values: np.ndarray) -> Measures:
    return familiarity.measures(values, low=LOW, high=HIGH)


def test_measures_equal_their_definition(familiarity: Familiarity) -> None:
    values = made(5, seed=3)
    z = np.clip((values - TRAINING.mean(axis=0)) / SPREAD, -4, 4)
    directions = familiarity.directions.astype(np.float64)
    projected = z @ directions.T
    found = measured(familiarity, values)
    rest = z - projected @ directions
    np.testing.assert_allclose(found.residual, (rest**2).mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(found.distance, np.sqrt((projected**2 / familiarity.variances).sum(axis=1)), rtol=1e-10)
    np.testing.assert_array_equal(found.share, ((values < LOW) | (values > HIGH)).mean(axis=1))


def test_components_are_those_of_a_singular_value_decomposition(familiarity: Familiarity) -> None:
    z = np.clip((TRAINING - TRAINING.mean(axis=0)) / SPREAD, -4, 4)
    _, singular, directions = np.linalg.svd(z, full_matrices=False)
    count = familiarity.variances.size
    assert count == 50
    np.testing.assert_allclose(familiarity.variances, singular[:count] ** 2 / PATIENTS, rtol=1e-9)
    overlap = np.abs((familiarity.directions[:FACTORS] * directions[:FACTORS]).sum(axis=1))
    np.testing.assert_allclose(overlap, 1, atol=1e-5)


def test_a_narrow_table_has_the_same_components_and_nothing_outside_them() -> None:
    """More patients than inputs: the matrix of the inputs is taken, and all directions are components."""
    rng = np.random.default_rng(4)
    values = rng.normal(size=(300, 6)) @ rng.normal(size=(6, 6))
    found = fit_familiarity(values, np.arange(6), seed=1)
    z = np.clip((values - values.mean(axis=0)) / values.std(axis=0), -4, 4)
    _, singular, directions = np.linalg.svd(z, full_matrices=False)
    np.testing.assert_allclose(found.variances, singular**2 / 300, rtol=1e-9)
    np.testing.assert_allclose(np.abs((found.directions * directions).sum(axis=1)), 1, atol=1e-5)
    low, high = np.quantile(values, (0.005, 0.995), axis=0)
    fresh = found.measures(values + 0.01, low=low, high=high)
    assert np.all(fresh.residual == 0)
    assert found.limits.residual == 0


def test_new_patients_from_the_same_source_are_familiar(familiarity: Familiarity) -> None:
    fresh = measured(familiarity, made(4000, seed=2))
    for name in ("residual", "distance", "share"):
        above = float(np.mean(getattr(fresh, name) > getattr(familiarity.limits, name)))
        # The limit is the fifth largest of 400 held-out patients: 1 % of new ones, give or take 0.5 % (1 s.d.).
        assert 0.001 <= above <= 0.025, name
    training = measured(familiarity, TRAINING)
    # Why the limits come from held-out patients: on training patients the residual is too small.
    assert np.quantile(training.residual, 0.99) < 0.97 * familiarity.limits.residual


def test_each_number_sees_its_own_kind_of_oddity(familiarity: Familiarity) -> None:
    fresh = made(200, seed=4)
    limits = familiarity.limits
    broken = measured(familiarity, np.concatenate([fresh[:, :60], np.roll(fresh[:, 60:], 1, axis=0)], axis=1))
    assert np.mean(broken.residual > limits.residual) > 0.9
    assert np.mean(broken.share > limits.share) < 0.05
    centre = TRAINING.mean(axis=0)
    stronger = measured(familiarity, centre + 2 * (fresh - centre))
    assert np.mean(stronger.distance > limits.distance) > 0.6
    few = fresh.copy()
    few[:, :30] = HIGH[:30] + 0.01 * SPREAD[:30]
    assert np.mean(measured(familiarity, few).share > limits.share) > 0.95


def test_bytes_are_the_same_every_time_and_come_back(familiarity: Familiarity) -> None:
    content = familiarity.to_bytes()
    assert content == familiarity.to_bytes()
    again = Familiarity.from_bytes(content, inputs=INPUTS)
    values = made(20, seed=5)
    np.testing.assert_array_equal(measured(again, values).residual, measured(familiarity, values).residual)
    assert again.limits == familiarity.limits


def test_what_does_not_fit_is_refused(familiarity: Familiarity) -> None:
    with pytest.raises(SetupError, match="do not fit together"):
        replace(familiarity, centre=familiarity.centre[:-1])
    with pytest.raises(SetupError, match="not positive"):
        replace(familiarity, scale=familiarity.scale * 0)
    with pytest.raises(SetupError, match="not finite"):
        replace(familiarity, variances=familiarity.variances * np.nan)
    with pytest.raises(SetupError, match="increasing order"):
        replace(familiarity, used=familiarity.used[::-1].copy())
    with pytest.raises(SetupError, match="is not one of 119 inputs"):
        Familiarity.from_bytes(familiarity.to_bytes(), inputs=INPUTS - 1)
    with pytest.raises(SetupError, match="is not an archive"):
        Familiarity.from_bytes(familiarity.to_bytes()[:100], inputs=INPUTS)
    with pytest.raises(CohortRejected, match="10 patients are needed to learn what is usual; there are 9"):
        fit_familiarity(TRAINING[:9], np.arange(INPUTS), seed=1)
