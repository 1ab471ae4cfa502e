"""Refits and members: a tiny recipe, folds that hold copies together, and the graph that says what they say.

Invariants, with the arrays in numpy as the oracle of the graph.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.errors import CohortRejected, SetupError
from models.inference.manifest import RangeSource
from models.inference.package import load_package
from models.inference.runtime import Provider, load_model
from models.inference.tasks import Task
from models.training.ensemble import Objective
from models.training.mlp import class_objective
from models.training.network import Recipe
from models.training.options import TrainingOptions
from models.training.refits import Refits, fit_refits
from models.training.spread import members_of, spread_of
from tests.models.small_packages import patients, random_scorer, write_small_package

TINY = Recipe(members=2, hidden=(4,), epochs=4, selected=5, correlation_limit=1.0)
RNG = np.random.default_rng(5)
VALUES = RNG.normal(size=(80, 12))
HIGH = VALUES[:, 0] + 0.5 * RNG.normal(size=80) > 0


def refits(count: int = 3, *, high: np.ndarray = HIGH) -> Refits:
    return fit_refits(
        VALUES,
        np.arange(12),
        objective=class_objective(high, "cpu"),
        recipes=(TINY,),
        slope=2.0,
        intercept=0.5,
        count=count,
        seed=7,
    )


def test_copies_of_a_patient_stay_in_one_fold() -> None:
    objective = class_objective(HIGH, "cpu")
    rows = np.sort(RNG.integers(80, size=80))
    assert np.unique(rows).size < 80
    part = objective.of(rows, may_repeat=True)
    folds = part.folds(5, seed=1)
    for patient in np.unique(rows):
        assert np.unique(folds[rows == patient]).size == 1
    np.testing.assert_array_equal(part.stratify, HIGH[rows])
    np.testing.assert_allclose(part.residuals(np.arange(10)), objective.residuals(rows[:10]))
    assert np.bincount(folds).min() > 8


def test_refits_are_the_recipe_on_bootstrap_samples() -> None:
    found, again = refits(), refits()
    assert len(found.scorers) == 3
    assert found.drawn is not None
    assert again.drawn is not None
    np.testing.assert_array_equal(found.drawn, again.drawn)
    # A bootstrap sample holds 1 - 1/e = 63 % of the patients; ±5 % is 1 s.d. of 80.
    assert found.drawn.mean(axis=1) == pytest.approx(0.632, abs=0.15)
    outputs = found.outputs(VALUES)
    np.testing.assert_array_equal(outputs, again.outputs(VALUES))
    assert np.abs(np.diff(outputs, axis=1)).max() > 1e-3
    # Calibrated as the model: mean 0 over the sample times the slope, plus the intercept.
    for scorer, drawn in zip(found.scorers, found.drawn, strict=True):
        assert scorer.output(VALUES[drawn]).mean() == pytest.approx(0.5, abs=1.0)


def test_too_few_of_a_kind_are_refused() -> None:
    with pytest.raises(CohortRejected, match="--refits 0"):
        refits(high=np.arange(80) < 2)


@pytest.mark.parametrize("count", [1, 5, -1])
def test_few_refits_are_refused(count: int) -> None:
    with pytest.raises(SetupError, match="0 or at least 6"):
        TrainingOptions(TINY, divisions=1, refits=count)


@pytest.mark.parametrize("task", Task)
def test_the_graph_gives_the_refits_as_they_are(tmp_path: Path, task: Task) -> None:
    scorer = write_small_package(tmp_path / "small", task=task, refits=6)
    model = load_model(tmp_path / "small", provider=Provider.CPU)
    values = patients(scorer, 300, seed=4)  # more than one batch
    expected = scorer.output(values)[:, np.newaxis] + 0.1 * (np.arange(6) - 2)
    np.testing.assert_allclose(model.spread(values), expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(model.explain(values[:5]).spread, expected[:5], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(model.score(values), scorer.score(values), rtol=1e-10, atol=1e-12)


def test_refits_with_inputs_of_their_own_are_in_the_graph(tmp_path: Path) -> None:
    """Each selects its own inputs with its own scales: the graph equals separate scorers."""
    import onnxruntime

    from models.training.scorer_graph import scorer_graph

    others = tuple(random_scorer(30, seed=seed) for seed in (2, 3))
    graph = scorer_graph(random_scorer(30, seed=1), tuple(f"n{i}" for i in range(30)), spread=others)
    values = np.random.default_rng(1).normal(size=(40, 30)) * 10
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (found,) = session.run(["refits"], {"features": values})
    np.testing.assert_allclose(found, np.column_stack([one.output(values) for one in others]), rtol=1e-9, atol=1e-9)


def test_members_average_to_the_score_and_agree_on_the_mean() -> None:
    scorer = random_scorer(30, seed=1)
    values = patients(scorer, 100, seed=3)
    outputs = np.column_stack([member.output(values) for member in members_of(scorer, values)])
    weights = np.array(scorer.gains) * len(scorer.gains)
    assert outputs.shape == (100, 3)
    np.testing.assert_allclose(outputs.mean(axis=1), scorer.output(values), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(outputs.mean(axis=0), scorer.output(values).mean(), atol=1e-9)
    assert weights.sum() == pytest.approx(3.0)


def test_without_refits_the_range_is_made_of_members() -> None:
    scorer = random_scorer(12, seed=1)
    found = spread_of(scorer, Refits(), values=VALUES, out_of_fold=scorer.output(VALUES), cut_off=0.0)
    assert found is not None
    assert (found.facts.source, found.facts.count, found.facts.held) == (RangeSource.MEMBERS, 3, None)
    assert found.curve == ()


def test_what_a_range_would_withhold_is_measured_on_patients_a_refit_has_not_seen() -> None:
    made = refits(6)
    scorer = made.scorers[0]
    found = spread_of(scorer, made, values=VALUES, out_of_fold=scorer.output(VALUES), cut_off=0.0)
    assert found is not None
    assert found.facts.borderline is not None
    assert 0 <= found.facts.borderline <= 1
    assert found.facts.held is None  # no independent training: not claimed
    assert [point.withheld for point in found.curve] == sorted(point.withheld for point in found.curve)


def test_the_manifest_says_what_the_range_is_made_of(tmp_path: Path) -> None:
    write_small_package(tmp_path / "small", refits=6)
    spread = load_package(tmp_path / "small").spread
    assert spread is not None
    assert (spread.source, spread.count, spread.inflation) == (RangeSource.REFITS, 6, 2.0)
    assert all(len(case.spread) == 6 for case in load_package(tmp_path / "small").reference)


def test_an_objective_of_other_patients_is_theirs() -> None:
    objective: Objective = class_objective(HIGH, "cpu").of(np.array([3, 5, 8]))
    np.testing.assert_array_equal(objective.stratify, HIGH[[3, 5, 8]])
