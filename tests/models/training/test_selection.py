"""Selection of inputs: correlation filter, univariate association, folds."""

from __future__ import annotations

import numpy as np
import pytest
from lifelines import CoxPHFitter
from pandas import DataFrame

from models.errors import CohortRejected
from models.training.ensemble import usable_inputs
from models.training.selection import null_martingale_residuals, stratified_folds, strongest, uncorrelated


def standardised(x: np.ndarray) -> np.ndarray:
    return np.asarray((x - x.mean(axis=0)) / x.std(axis=0))


def test_the_correlation_filter_keeps_the_first_of_each_group() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 300))
    z = standardised(np.column_stack([a, a + 0.01 * b, -a + 0.01 * b, b, 0.9 * a + b]))
    np.testing.assert_array_equal(uncorrelated(z, limit=0.9), [0, 3, 4])
    np.testing.assert_array_equal(uncorrelated(z, limit=0.5), [0, 3])


def test_no_two_inputs_that_are_kept_are_correlated_and_each_dropped_one_is_with_one_kept() -> None:
    rng = np.random.default_rng(2)
    z = standardised(rng.normal(size=(200, 6)) @ rng.normal(size=(6, 80)) + 0.5 * rng.normal(size=(200, 80)))
    kept = uncorrelated(z, limit=0.7)
    correlation = np.abs(np.corrcoef(z.T))
    assert 1 < kept.size < 80
    assert (correlation[np.ix_(kept, kept)] - np.eye(kept.size)).max() < 0.7 + 1e-6
    for dropped in np.setdiff1d(np.arange(80), kept):
        assert correlation[dropped, kept[kept < dropped]].max() >= 0.7 - 1e-6


def test_martingale_residuals_by_hand() -> None:
    # Hazards 1/4 at 1, 1/3 at 2; the last two are censored at 2 and 3.
    residuals = null_martingale_residuals(np.array([1.0, 2.0, 2.0, 3.0]), np.array([1.0, 1.0, 0.0, 0.0]))
    np.testing.assert_allclose(residuals, [3 / 4, 5 / 12, -7 / 12, -7 / 12], rtol=1e-14)
    assert residuals.sum() == pytest.approx(0)


def test_the_strongest_inputs_are_those_a_univariate_cox_model_finds() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 12))
    times = rng.exponential(np.exp(-0.8 * x[:, 4] + 0.5 * x[:, 9])) + 0.01
    events = (rng.uniform(size=400) < 0.5).astype(float)
    chosen = strongest(x, null_martingale_residuals(times, events), count=2)
    z = [
        CoxPHFitter().fit(DataFrame({"t": times, "e": events, "x": x[:, i]}), "t", "e").summary["z"]["x"]
        for i in range(12)
    ]
    assert set(chosen) == set(np.argsort(-np.abs(z))[:2]) == {4, 9}


def test_a_constant_input_is_never_the_strongest() -> None:
    rng = np.random.default_rng(4)
    x = np.column_stack([np.full(50, 3.0), rng.normal(size=(50, 3))])
    assert 0 not in strongest(x, rng.normal(size=50), count=3)


def test_folds_are_stratified() -> None:
    labels = np.arange(698) < 51
    folds = stratified_folds(labels, folds=5, seed=1)
    assert sorted(np.bincount(folds[labels])) == [10, 10, 10, 10, 11]
    assert set(np.bincount(folds)) <= {139, 140}
    assert not np.array_equal(folds, stratified_folds(labels, folds=5, seed=2))
    np.testing.assert_array_equal(folds, stratified_folds(labels, folds=5, seed=1))


def test_usable_inputs_vary_and_are_no_diagnostics() -> None:
    names = ("t1c_intratumoral_diagnostics_Mask-original_VoxelNum", "t1c_intratumoral_a", "t1c_intratumoral_b")
    values = np.array([[1.0, 5.0, 1e9], [2.0, 5.0, 1e9 + 1e4], [3.0, 5.0, 1e9]])
    np.testing.assert_array_equal(usable_inputs(names, values, diagnostics=False), [2])
    np.testing.assert_array_equal(usable_inputs(names, values, diagnostics=True), [0, 2])
    with pytest.raises(CohortRejected, match="No input varies"):
        usable_inputs(names, np.ones((3, 3)), diagnostics=True)
    with pytest.raises(CohortRejected, match=r"holds 1e\+308; at most 1e\+150"):
        usable_inputs(names, np.where(values == 2.0, 1e308, values), diagnostics=True)
    with pytest.raises(CohortRejected, match="finite numbers, patients × 3"):
        usable_inputs(names, np.where(values == 2.0, np.nan, values), diagnostics=True)
