"""Simulated patients before and after therapy: the truth is in the numbers, and the tables are those of a site."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm, rankdata

from models.features.names import features_of
from models.simulation.feature_shape import FeatureShape, measured_shape
from models.simulation.therapy import (
    AFTER,
    BEFORE,
    CLINICAL,
    NON_RESPONDERS,
    RESPONDERS,
    TherapyTruth,
    simulate_therapy,
    write_simulated_therapy,
)
from models.therapy.patients import Reason
from models.therapy.tables import ClinicalColumns, read_tables
from models.volume import Region, Sequence

NAMES = features_of((Sequence.T1C,), (Region.INTRATUMORAL,))[12:112]


@pytest.fixture(scope="module")
def shape() -> FeatureShape:
    return measured_shape(NAMES)


def normal_scores(values: np.ndarray) -> np.ndarray:
    return np.asarray(norm.ppf((rankdata(values, axis=0) - 0.5) / len(values)))


def test_true_effects_are_the_mean_differences(shape: FeatureShape) -> None:
    found = []
    for seed in range(40):
        cohort = simulate_therapy(shape, truth=TherapyTruth.PLANTED, seed=seed)
        scores = normal_scores(np.vstack([cohort.before, cohort.after]))
        before, after = scores[: len(cohort.before)], scores[len(cohort.before) :]
        change, responded = after - before, cohort.responded
        found.append(
            [
                before[responded].mean(axis=0) - before[~responded].mean(axis=0),
                change[responded].mean(axis=0),
                change[responded].mean(axis=0) - change[~responded].mean(axis=0),
            ]
        )
    means = np.mean(found, axis=0)
    for measured, name in zip(means, ("before", "responders", "change"), strict=True):
        truth = cohort.effects[name]
        assert np.corrcoef(measured, truth)[0, 1] > 0.9
        assert np.abs(measured - truth).mean() < 0.1


def test_equal_and_null_plant_what_they_say(shape: FeatureShape) -> None:
    equal = simulate_therapy(shape, truth=TherapyTruth.EQUAL, seed=1)
    assert not equal.effects["change"].any()
    np.testing.assert_array_equal(equal.effects["responders"], equal.effects["non-responders"])
    assert equal.effects["before"].any()
    null = simulate_therapy(shape, truth=TherapyTruth.NULL, seed=1)
    assert not any(effect.any() for effect in null.effects.values())
    assert (RESPONDERS, NON_RESPONDERS) == (int(null.responded.sum()), int((~null.responded).sum())) == (72, 55)


def test_the_tables_are_read_with_everybody_accounted_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.simulation.therapy.features_of", lambda *_: NAMES)
    cohort = write_simulated_therapy(tmp_path, truth=TherapyTruth.PLANTED, seed=3)
    tables = read_tables(*(tmp_path / name for name in (BEFORE, AFTER, CLINICAL)), columns=ClinicalColumns())
    patients = tables.patients
    assert (patients.responders, patients.non_responders) == (72, 55)
    np.testing.assert_allclose(patients.before, cohort.before.T)
    assert patients.reasons() == {Reason.NO_RESPONSE: 2, Reason.NO_AFTER_COMPLETE: 5, Reason.NO_AFTER: 3}
    assert set(tables.clinical["scanner"]) == {"A", "B"}
