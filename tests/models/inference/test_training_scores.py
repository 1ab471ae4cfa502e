"""The summary of the training patients' scores: made, written, read again, refused; what it keeps to itself.

Kind: invariant, mechanics.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import PackageInvalid, SetupError
from models.inference.outcome import Group, GroupCurve, ModelOutcome, ScoreRank
from models.inference.package import load_package
from models.inference.predict import predict
from models.inference.runtime import Provider, load_model
from models.inference.tasks import Task
from models.inference.training_scores import FEWEST_AT_RISK, FEWEST_BETWEEN, TrainingScores
from models.statistics.kaplan_meier import survival_curve
from models.training.training_scores import quantiles_of, recurrence_summary, summary_of
from models.validity import Reason, State
from tests.models.small_packages import patients, table, write_small_package

HORIZONS = (12.0, 24.0, 36.0)


def cohort(count: int = 600, *, seed: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, events and scores of patients whose hazard is the exponential of the score."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=count)
    events_at, ends = rng.exponential(90 * np.exp(-scores)), rng.uniform(10, 70, count)
    return np.minimum(events_at, ends), (events_at < ends).astype(np.float64), scores


def summary(cut_off: float = 1.1, *, is_selected: bool = False) -> TrainingScores:
    times, events, scores = cohort()
    made = recurrence_summary(
        times, events, scores, cut_off=cut_off, is_selected=is_selected, horizons_months=HORIZONS, folds=10
    )
    assert made is not None
    return made


def test_the_rank_is_the_share_of_lower_scores() -> None:
    made, (_, _, scores) = summary(), cohort()
    assert len(made.quantiles) == 99
    for score in (-2.0, -0.61, 0.0, 0.345, 1.7):
        rank = made.rank(score)
        assert rank.low == rank.high == pytest.approx(np.mean(scores < score), abs=0.01)


def test_beyond_the_outermost_quantiles_only_a_limit_is_known() -> None:
    made = summary()
    assert made.rank(-99.0) == ScoreRank(0.0, 0.01)
    assert made.rank(99.0) == ScoreRank(0.99, 1.0)
    all_equal = TrainingScores(patients=100, quantiles=(0.2, 0.2, 0.2))
    assert all_equal.rank(0.2) == ScoreRank(0.0, 0.25)  # nobody scored lower
    assert all_equal.rank(0.3) == ScoreRank(0.75, 1.0)


def test_no_score_of_a_single_patient_is_kept() -> None:
    _, _, scores = cohort()
    kept = quantiles_of(scores)
    assert scores.min() < kept[0] < kept[-1] < scores.max()
    for count, expected in ((600, 99), (92, 17), (20, 3), (10, 1), (9, 0)):
        assert len(quantiles_of(scores[:count])) == expected  # five patients between two neighbours
    assert summary_of(scores[:9]) is None


def test_the_curves_are_those_of_kaplan_and_meier_by_the_month() -> None:
    times, events, scores = cohort()
    low, high = summary().groups
    for curve, inside in ((low, scores <= 1.1), (high, scores > 1.1)):
        expected = survival_curve(times[inside], events[inside])
        assert (curve.patients, curve.events) == (inside.sum(), events[inside].sum())
        exact = np.array([expected.at(month)[0] for month in range(len(curve.survival))])
        marks = list(curve.at_risk_months)
        assert np.array(curve.survival)[marks] == pytest.approx(exact[marks], abs=6e-4)
        # Between them straight over groups of five recurrences, so that no month tells a patient's time.
        assert np.abs(curve.survival - exact).max() <= 5 / curve.at_risk[-1]
        bends = np.abs(np.diff(curve.survival, n=2)) > 1.5e-3  # rounding to three digits is below that
        assert np.count_nonzero(bends) <= curve.events / 5 + len(marks)
        assert curve.at_risk == tuple(np.sum(times[inside] >= month) for month in curve.at_risk_months)
    assert (low.at_risk_months, len(low.survival)) == ((0, 12, 24, 36), 37)


def test_a_curve_ends_where_few_are_left_and_a_small_group_has_none() -> None:
    times, _, scores = cohort()
    limit = float(np.sort(scores)[-25])  # 24 patients above it
    made = summary(limit)
    high = made.groups[1]
    left = [int(np.sum(times[scores > limit] >= month)) for month in range(len(high.survival) + 1)]
    assert left[-2] >= FEWEST_AT_RISK > left[-1]
    assert min(high.at_risk) >= FEWEST_AT_RISK
    few = summary(float(np.sort(scores)[-FEWEST_AT_RISK]))  # one patient less than needed above it
    assert (few.groups, few.hazard_ratio) == ((), None)
    assert few.quantiles == made.quantiles


def test_the_ratio_of_a_cut_off_selected_on_the_same_patients_is_left_out() -> None:
    ratio = summary().hazard_ratio
    assert ratio is not None
    assert 1 < ratio[1] < ratio[0] < ratio[2]
    assert summary(is_selected=True).hazard_ratio is None


def test_it_is_read_as_it_was_written_and_is_small() -> None:
    made = summary()
    assert TrainingScores.from_bytes(made.to_bytes()) == made
    assert len(made.to_bytes()) < 3000
    alone = summary_of(cohort()[2])
    assert alone is not None
    assert TrainingScores.from_bytes(alone.to_bytes()) == alone


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda table: table.update(format=2), "format 2; 1 was expected"),
        (lambda table: table.update(quantiles=[0.1] * 150), "150 quantiles of 600 scores"),
        (lambda table: table.update(quantiles=[0.2, 0.1]), "not in increasing order"),
        (lambda table: table.update(quantiles=[0.1, "x"]), r"quantiles\[2\] is 'x'; expected a number"),
        (lambda table: table.update(rows=[1]), "rows is not known"),
        (lambda table: table["groups"].pop(), "low and high were expected"),
        (lambda table: table["groups"][0].update(events=10_000), "10000 events of"),
        (lambda table: table["groups"][1]["survival"].__setitem__(3, 1.5), "fall to no less than 0"),
        (lambda table: table["groups"][1]["at_risk"].__setitem__(-1, 3), "fewer than 10 patients at risk"),
        (lambda table: table.update(hazard_ratio=[2.0, 3.0, 4.0]), "0 < low"),
    ],
)
def test_another_content_is_refused(change: Callable[[dict[str, Any]], object], part: str) -> None:
    table = json.loads(summary().to_bytes())
    change(table)
    with pytest.raises(SetupError, match=part):
        TrainingScores.from_bytes(json.dumps(table).encode())


def test_what_is_no_table_is_refused() -> None:
    for content in (b"\xff", b"[1]", b"null", b"{}"):
        with pytest.raises(SetupError, match="scores of the training patients"):
            TrainingScores.from_bytes(content)


@pytest.mark.parametrize("task", list(Task))
def test_a_package_keeps_it(tmp_path: Path, task: Task) -> None:
    made = summary() if task is Task.RECURRENCE else summary_of(1 / (1 + np.exp(-cohort()[2])))
    write_small_package(tmp_path / "package", task=task, training_scores=made)
    assert load_package(tmp_path / "package").training_scores == made


def test_a_package_without_it_loads_and_a_broken_one_does_not(tmp_path: Path) -> None:
    write_small_package(tmp_path / "older")
    assert load_package(tmp_path / "older").training_scores is None
    folder = tmp_path / "broken"
    write_small_package(folder, training_scores=summary())
    file, manifest = folder / "training_scores.json", folder / "manifest.toml"
    before = file.read_bytes()
    file.write_bytes(before.replace(b'"format": 1', b'"format": 7'))
    with pytest.raises(PackageInvalid, match=r"training_scores\.json: SHA-256"):
        load_package(folder)
    digests = [hashlib.sha256(content).hexdigest() for content in (before, file.read_bytes())]
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(*digests), encoding="utf-8")
    with pytest.raises(PackageInvalid, match=r"training_scores\.json: .* format 7; 1 was expected\. Make the package"):
        load_package(folder)


def test_an_outcome_has_a_rank_only_with_a_score(tmp_path: Path) -> None:
    scorer = write_small_package(tmp_path / "recurrence", training_scores=summary())
    model = load_model(tmp_path / "recurrence", provider=Provider.CPU)
    values = patients(scorer, 1, seed=9)[0]
    (outcome,) = predict(table(model.package.inputs, values), [model], missing={})
    assert isinstance(outcome, ModelOutcome)
    assert outcome.rank == summary().rank(outcome.predictions[0].value)
    assert outcome.training is not None
    assert outcome.training.groups == summary().groups
    withheld = outcome.held_to([Reason("under-age", State.OUTSIDE, "The patient is 9 years old.")])
    assert withheld.rank is None
    with pytest.raises(ValueError, match="a rank"):
        replace(withheld, rank=outcome.rank)


def test_limits_of_a_rank() -> None:
    for low, high in ((0.2, 0.4), (0.5, 0.4), (-0.1, -0.1), (0.0, 1.0)):
        with pytest.raises(ValueError, match="one share"):
            ScoreRank(low, high)


def test_five_patients_lie_between_two_quantiles_at_least() -> None:
    with pytest.raises(SetupError, match="3 quantiles of 15 scores"):
        TrainingScores(patients=15, quantiles=(0.1, 0.2, 0.3))
    assert FEWEST_BETWEEN == 5


def test_a_curve_alone_is_not_a_comparison() -> None:
    curve = GroupCurve(Group.LOW, 40, 1, (1.0, 0.975), (0,), (40,))
    with pytest.raises(SetupError, match="low and high were expected"):
        TrainingScores(patients=100, quantiles=(0.1, 0.2), groups=(curve,))
