"""The simulator makes cohorts of the paper's shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.errors import SetupError
from models.features.names import features_of, vector_names
from models.simulation.cohort import PAPER_SIZES, Cohort, Truth, simulate_cohort, true_log_risk
from models.simulation.feature_shape import (
    FACTORS,
    LEVELS,
    FeatureShape,
    generic_shape,
    measured_shape,
    shape_of,
    write_shape,
)
from models.statistics.concordance import harrell_c_of
from models.volume import Region, Sequence

MANY = {"fresh": 6000}


def many(shape: FeatureShape, truth: Truth) -> Cohort:
    return simulate_cohort(shape, truth=truth, seed=3, sizes=MANY)


@pytest.fixture(scope="module")
def tiny() -> FeatureShape:
    return generic_shape(("t1c_intratumoral_a", "t2w_intratumoral_a"), seed=1)


def test_the_cohort_has_the_sizes_of_the_paper(shape: FeatureShape) -> None:
    cohort = simulate_cohort(shape, truth=Truth.STRONG, seed=1)
    assert PAPER_SIZES == {"training": 698, "validation": 171, "testing": 244}  # paper, Methods
    assert cohort.values.shape == (1113, len(shape.names))
    for split, size in PAPER_SIZES.items():
        part = cohort.part(split)
        assert part.values.shape == (size, len(shape.names))
        assert part.times_months.shape == part.events.shape == part.log_risk.shape == part.krt7_as_tpm.shape == (size,)
    with pytest.raises(SetupError, match="no split 'extern'; it has testing, training, validation"):
        cohort.part("extern")


@pytest.mark.parametrize("truth", Truth)
def test_recurrences_and_follow_up(tiny: FeatureShape, truth: Truth) -> None:
    cohort = many(tiny, truth)
    # Paper: 3-year RFS 93.6, 96.7, 93.3 %; median follow-up 44.7, 40.4, 39.9 months.
    early = cohort.times_months < 36
    at_risk_36 = ~(early & (cohort.events == 0))
    assert 1 - np.mean((early & (cohort.events == 1))[at_risk_36]) == pytest.approx(0.93, abs=0.02)
    assert np.median(cohort.times_months) == pytest.approx(45, abs=2)
    days = cohort.times_months * 30.4375
    np.testing.assert_allclose(days, np.round(days), atol=1e-9)
    assert np.all(cohort.times_months > 0)


@pytest.mark.parametrize(
    ("truth", "concordance"), [(Truth.STRONG, 0.92), (Truth.MODERATE, 0.80), (Truth.LINEAR, 0.82), (Truth.NULL, 0.5)]
)
def test_what_the_true_risk_reaches(tiny: FeatureShape, truth: Truth, concordance: float) -> None:
    cohort = many(tiny, truth)
    assert harrell_c_of(cohort.times_months, cohort.events, cohort.log_risk) == pytest.approx(concordance, abs=0.025)


@pytest.mark.parametrize("truth", [Truth.STRONG, Truth.MODERATE, Truth.LINEAR])
def test_the_true_risk_has_mean_0_and_the_spread_it_is_scaled_to(truth: Truth) -> None:
    rng = np.random.default_rng(5)
    t1c, own = rng.normal(size=(400_000, FACTORS)), rng.normal(size=(400_000, FACTORS))
    risk = true_log_risk(t1c, 0.5 * t1c + np.sqrt(0.75) * own, truth)
    assert risk.mean() == pytest.approx(0, abs=0.02)
    assert risk.std() == pytest.approx({"strong": 2.4, "moderate": 1.25, "linear": 1.4}[truth], rel=0.01)


def test_the_same_seed_gives_the_same_cohort(shape: FeatureShape) -> None:
    one, same, other = (simulate_cohort(shape, truth=Truth.STRONG, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.values, same.values)
    np.testing.assert_array_equal(one.times_months, same.times_months)
    assert not np.array_equal(one.values, other.values)


def test_generic_features_are_skewed_correlated_and_of_all_scales() -> None:
    names = tuple(f"t1c_intratumoral_made_{i}" for i in range(600))
    cohort = many(generic_shape(names, blocks=140, seed=2), Truth.NULL)
    spread = cohort.values.std(axis=0)
    assert spread.min() < 1e-2
    assert spread.max() > 1e4
    z = (cohort.values - cohort.values.mean(axis=0)) / spread
    assert np.median((z**3).mean(axis=0)) > 0.5
    strong = np.abs(np.corrcoef(cohort.values[:2000].T)) > 0.6
    assert 1 < strong.sum(axis=1).mean() < 100


def test_quantiles_of_the_values_are_those_of_the_shape(shape: FeatureShape) -> None:
    cohort = many(shape, Truth.NULL)
    found = np.quantile(cohort.values, LEVELS, axis=0).T
    reach = shape.quantiles[:, -1:] - shape.quantiles[:, :1]
    assert np.abs((found - shape.quantiles) / reach)[:, 1:-1].max() < 0.05


def test_expression_is_half_above_its_median_and_known_to_the_images(tiny: FeatureShape) -> None:
    cohort = many(tiny, Truth.NULL)
    assert np.all(cohort.krt7_as_tpm > 0)
    assert np.median(cohort.krt7_as_tpm) == pytest.approx(1.0, abs=0.1)


def test_size_and_form_are_those_of_one_lesion_on_both_sequences() -> None:
    names = tuple(
        f"{s}_intratumoral_{n}" for n in ("original_shape_MeshVolume", "original_glcm_Contrast") for s in Sequence
    )
    cohort = many(measured_shape(names), Truth.NULL)
    rank = np.argsort(np.argsort(cohort.values, axis=0), axis=0)
    correlation = np.corrcoef(rank.T)
    assert correlation[0, 1] > 0.8
    assert correlation[2, 3] < 0.7


def test_every_feature_of_the_vector_was_measured() -> None:
    shape = measured_shape(vector_names())
    assert len(shape.names) == 3452
    with pytest.raises(SetupError, match="1 feature was not measured"):
        measured_shape(("t1c_intratumoral_original_glcm_Beauty",))


def test_measured_volumes_are_those_of_breast_tumours() -> None:
    names = features_of((Sequence.T1C,), (Region.INTRATUMORAL,))
    shape = measured_shape(names)
    volume = shape.quantiles[names.index("t1c_intratumoral_original_shape_MeshVolume")]
    # Spheres of 8 and 60 mm: 268 and 113,097 mm³.
    assert 100 < volume[0] < volume[-1] < 150_000


def test_a_measured_shape_survives_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    common = rng.normal(size=200)
    measured = {
        "intratumoral_a": np.exp(common),
        "intratumoral_b": -3 * common + rng.normal(size=200),
        "peritumoral_c": np.full(200, 7.0),
    }
    shape = shape_of(measured)
    similarity = shape.loadings @ shape.loadings.T
    assert similarity[0, 1] == pytest.approx(-0.95, abs=0.02)
    assert np.all(shape.loadings[2] == 0)
    path = tmp_path / "shape.csv"
    write_shape(path, shape, origin=("Made up.",))
    monkeypatch.setattr("models.simulation.feature_shape.MEASURED", path)
    again = measured_shape(tuple(f"t1c_{name}" for name in measured))
    np.testing.assert_allclose(again.quantiles, shape.quantiles, rtol=1e-6)
    np.testing.assert_allclose(again.loadings, shape.loadings, atol=6e-4)
    assert path.read_text().startswith("# Made up.\n")


def test_impossible_shapes_are_refused() -> None:
    with pytest.raises(SetupError, match="do not fit together"):
        FeatureShape(("a",), np.zeros((1, 6)), np.zeros((1, FACTORS)))
    with pytest.raises(SetupError, match="must not decrease"):
        FeatureShape(("a",), np.arange(7.0)[np.newaxis, ::-1], np.zeros((1, FACTORS)))
