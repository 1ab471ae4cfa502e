"""Bootstrap of slope and baseline. Oracles: the estimates of the model itself, on samples written out."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import SetupError
from models.statistics.baseline_resamples import BaselineResamples
from models.statistics.survival import breslow_baseline
from models.training.baseline_resamples import RESAMPLES, resample_baseline, weighted_slopes
from models.training.deepsurv import cox_slope
from models.training.divisions import OutOfFoldOutputs

RNG = np.random.default_rng(3)
COUNT = 240
OUTPUTS = RNG.normal(size=COUNT)
TIMES = RNG.exponential(size=COUNT) * 40 / np.exp(0.8 * OUTPUTS) + 0.1  # continuous: no ties
EVENTS = (TIMES < 30).astype(float)
TIMES = np.minimum(TIMES, 30 + RNG.uniform(size=COUNT))
FOLDS = np.arange(COUNT) % 4


def test_the_slope_of_all_is_that_of_the_model() -> None:
    found = weighted_slopes(TIMES, EVENTS, OUTPUTS, weights=np.ones((1, COUNT)), strata=FOLDS)
    assert found[0] == pytest.approx(cox_slope(TIMES, EVENTS, OUTPUTS, strata=FOLDS), abs=1e-5)


def test_a_weight_is_a_patient_drawn_so_often() -> None:
    weights = RNG.multinomial(COUNT, np.full(COUNT, 1 / COUNT), size=3).astype(float)
    found = weighted_slopes(TIMES, EVENTS, OUTPUTS, weights=weights, strata=FOLDS)
    for slope, counts in zip(found, weights, strict=True):
        rows = np.repeat(np.arange(COUNT), counts.astype(int))
        # Copies are tied; their order among each other is Breslow's in one and Efron's in the other: to 5 %.
        assert slope == pytest.approx(cox_slope(TIMES[rows], EVENTS[rows], OUTPUTS[rows], strata=FOLDS[rows]), rel=0.05)


def test_hazards_are_breslows() -> None:
    found = resample_baseline(
        TIMES, EVENTS, OutOfFoldOutputs(OUTPUTS[None], FOLDS[None]), slope=0.8, horizons_months=(12.0, 24.0), seed=1
    )
    assert found is not None
    assert found.slopes.size <= RESAMPLES
    model = breslow_baseline(TIMES, EVENTS, 0.8 * OUTPUTS)
    for column, months in enumerate((12.0, 24.0)):
        assert np.median(found.hazards[:, column]) == pytest.approx(model.at(months), rel=0.1)
    assert found.slopes.mean() == pytest.approx(cox_slope(TIMES, EVENTS, OUTPUTS, strata=FOLDS) / 0.8, rel=0.1)


def test_the_farther_from_the_mean_the_wider() -> None:
    found = resample_baseline(
        TIMES, EVENTS, OutOfFoldOutputs(OUTPUTS[None], FOLDS[None]), slope=0.8, horizons_months=(24.0,), seed=1
    )
    assert found is not None
    assert found.spread(3.0, 24.0) > 1.5 * found.spread(0.0, 24.0) > 0


def test_a_model_that_predicts_nothing_has_none() -> None:
    assert (
        resample_baseline(
            TIMES, EVENTS, OutOfFoldOutputs(OUTPUTS[None], FOLDS[None]), slope=0.0, horizons_months=(24.0,), seed=1
        )
        is None
    )


@pytest.mark.parametrize("hazard", [0.0, np.nan])
def test_a_hazard_that_is_no_number_is_refused(hazard: float) -> None:
    with pytest.raises(SetupError):
        BaselineResamples(np.ones(200), (12.0,), np.full((200, 1), hazard))
