"""Evidence in an evaluation: training patients by fingerprints, not by names; two packages on the same patients."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from appliance.offline.evaluation import COMPARISON, HTML, JSON, PDF, TRAINING_PATIENTS, evaluate_into
from models.cohort.features import read_features
from models.cohort.outcomes import read_outcomes
from models.cohort.patients import PatientTable, join
from models.errors import CohortRejected
from models.evaluation.compared import compare_expression
from models.evaluation.evaluate import EvaluationSettings, evaluate_model
from models.evaluation.overlap import TrainingOverlap
from models.evaluation.results import Evaluation
from models.evaluation.suppress import suppressed
from models.inference.runtime import LoadedModel, Provider, load_model
from models.inference.tasks import Task
from models.statistics.concordance import harrell_c
from models.statistics.estimate import Estimate
from models.statistics.followed import Followed
from reports.evaluation import words
from tests.models.cohort.made_tables import HEADER, outcome_rows, write_features, write_outcomes
from tests.models.small_packages import patients, write_small_package

SETTINGS = EvaluationSettings(subgroups=(), resamples=100)
RNG = np.random.default_rng(4)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("packages") / "recurrence"
    write_small_package(folder)
    return load_model(folder, provider=Provider.CPU)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("packages") / "recurrence"
    write_small_package(folder, seed=8)
    return load_model(folder, provider=Provider.CPU)


@pytest.fixture(scope="module")
def trained_on(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """The training rows of `model`, as `write_small_package` draws them."""
    return patients(write_small_package(tmp_path_factory.mktemp("again") / "recurrence"), 200, seed=2)


def table(model: LoadedModel, folder: Path, rows: np.ndarray, cohorts: list[str]) -> PatientTable:
    outcomes = outcome_rows(model.score(rows))
    for line, cohort in zip(outcomes, cohorts, strict=True):
        line[1] = cohort
    features = read_features(write_features(folder / "features.csv", rows))
    return join(features, read_outcomes(write_outcomes(folder / "outcomes.csv", outcomes, header=HEADER)))


def others_like(rows: np.ndarray, count: int) -> np.ndarray:
    """Other patients from the same distribution, input by input."""
    return np.column_stack([RNG.permutation(column) for column in rows.T])[:count]


def test_the_rows_decide_and_not_the_name(model: LoadedModel, trained_on: np.ndarray, tmp_path: Path) -> None:
    rows = np.vstack([trained_on[:60], others_like(trained_on, 60)])
    found = evaluate_model(model, table(model, tmp_path, rows, ["hospital"] * 60 + ["training"] * 60), SETTINGS)
    hospital, training = found.recurrence
    assert hospital.overlap == TrainingOverlap(60, 60, 0)
    assert training.overlap == TrainingOverlap(60, 0, 0)
    assert any("apparent" in sentence for sentence in words.conclusions(hospital))
    assert "Apparent: the model was trained on 60 of these 60 patients" in words.headline(hospital)
    assert not any("apparent" in sentence.lower() for sentence in words.conclusions(training))
    (note,) = [note for note in found.notes if note.code == "apparent"]
    assert note.sentence.startswith("Cohort 'hospital': the model 'recurrence' was trained on 60 of these 60 patients")


def test_an_older_package_says_that_it_is_not_known(model: LoadedModel, trained_on: np.ndarray, tmp_path: Path) -> None:
    older = replace(model, package=replace(model.package, fingerprints=None))
    joined = table(model, tmp_path, trained_on[:40], ["training"] * 20 + ["hospital"] * 20)
    found = evaluate_model(older, joined, SETTINGS)
    assert [note.severity.value for note in found.notes if note.code == "training-rows-not-known"] == ["note"]
    said = [" ".join(words.conclusions(one)) for one in found.recurrence]
    assert "Whether it was is not known" in said[0]
    assert "fingerprints" not in said[1]


@pytest.fixture(scope="module")
def compared(
    model: LoadedModel, other: LoadedModel, trained_on: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Evaluation, Path, PatientTable]:
    folder = tmp_path_factory.mktemp("compared")
    rows = np.vstack([others_like(trained_on, 147), trained_on[:3] * (1 + 0.003 * RNG.normal(size=(3, 160)))])
    joined = table(model, folder, rows, ["hospital"] * 150)
    found = evaluate_into(folder / "out", model, joined, SETTINGS, created=datetime.now(UTC), others=[other, model])
    return found, folder / "out", joined


def test_patients_extracted_again_are_listed(compared: tuple[Evaluation, Path, PatientTable]) -> None:
    found, out, _ = compared
    (result,) = found.recurrence
    assert result.overlap == TrainingOverlap(150, 0, 3)
    assert not result.overlap.is_apparent
    with (out / TRAINING_PATIENTS).open(encoding="utf-8") as stream:
        assert list(csv.DictReader(stream)) == [
            {"id": f"0{number}", "cohort": "hospital", "features": "nearly the same"} for number in (147, 148, 149)
        ]
    content = json.loads((out / JSON).read_text(encoding="utf-8"))
    assert content["recurrence"][0]["trained_on"] == {"same": 0, "near": 3, "is_apparent": False}
    assert [one["code"] for one in content["model"]["verdicts"]] == ["demonstration", "few-events"]
    page = (out / HTML).read_text(encoding="utf-8")
    assert "its numbers have no clinical meaning" in page
    assert "was trained on 3 of these 150 patients" in page
    # Small numbers of them are not shown where cells are suppressed.
    hidden = suppressed(found, below=5)
    assert hidden.trained_on == ()
    said = " ".join([*(note.sentence for note in hidden.notes), *words.conclusions(hidden.recurrence[0])])
    assert "was trained on some of these patients" in said
    assert not re.search(r"\b3 of", said)


def test_two_packages_are_compared_on_the_same_patients(
    compared: tuple[Evaluation, Path, PatientTable], model: LoadedModel, other: LoadedModel
) -> None:
    found, _, joined = compared
    first = found.comparisons[0]
    assert (first.other.digest, first.cohort, first.subgroup, first.patients) == (
        *(other.package.identity.digest, "hospital", None),
        150,
    )
    rows = joined.features.values
    each = [Followed.of(joined.times_months, joined.events, one.score(rows)) for one in (model, other)]
    difference = first.differences[0].difference
    assert first.differences[0].measure == "harrell_c"
    assert isinstance(difference, Estimate)
    assert difference.value == pytest.approx(float(harrell_c(each[0])[0] - harrell_c(each[1])[0]), abs=1e-12)
    assert difference.interval is not None
    assert difference.interval[0] > 0  # the outcome follows the first model by construction
    assert [(one.measure, one.months) for one in first.differences] == [
        ("harrell_c", None),
        *(("auc", months) for months in (12.0, 24.0, 36.0)),
        ("integrated_brier", 36.0),
    ]
    assert [one.months for one in first.decisions] == [12.0, 24.0, 36.0]
    itself = [one for one in found.comparisons if one.other == model.package.identity and one.subgroup is None]
    for one in itself[0].differences:
        assert isinstance(one.difference, Estimate)
        assert one.difference.value == 0
    # Every cohort and subgroup, once for each other package.
    assert len(found.comparisons) == 2 * len(found.recurrence)


def test_the_comparison_is_in_every_file(compared: tuple[Evaluation, Path, PatientTable]) -> None:
    found, out, _ = compared
    with (out / COMPARISON).open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(len(one.differences) for one in found.comparisons)
    difference = found.comparisons[0].differences[0].difference
    assert isinstance(difference, Estimate)
    assert difference.interval is not None
    assert [float(rows[0][name]) for name in ("difference", "low", "high")] == [difference.value, *difference.interval]
    content = json.loads((out / JSON).read_text(encoding="utf-8"))
    assert content["comparisons"][0]["differences"][0]["difference"]["low"] == difference.interval[0]
    assert content["comparisons"][0]["decision_curves"][0]["first"]
    page = (out / HTML).read_text(encoding="utf-8")
    assert "Compared with recurrence 0.1.0" in page
    assert "the first is better" in page
    assert (out / PDF).stat().st_size > 10_000
    assert list((out / "figures").glob("decision-curve-compared*.svg"))


def test_suppression_keeps_what_is_shown_anyway(compared: tuple[Evaluation, Path, PatientTable]) -> None:
    hidden = suppressed(compared[0], below=5)
    shown = {(one.cohort, one.subgroup) for one in hidden.recurrence}
    assert hidden.comparisons
    assert {(one.cohort, one.subgroup) for one in hidden.comparisons} <= shown
    assert all(not one.decisions for one in hidden.comparisons)


def test_models_of_two_tasks_are_not_compared(
    model: LoadedModel, compared: tuple[Evaluation, Path, PatientTable], tmp_path: Path
) -> None:
    write_small_package(tmp_path / "krt7_as", task=Task.KRT7_AS, name="krt7_as")
    stranger = load_model(tmp_path / "krt7_as", provider=Provider.CPU)
    with pytest.raises(CohortRejected, match="two models of one task were expected"):
        evaluate_model(model, compared[2], SETTINGS, others=[stranger])


def test_two_models_of_expression(model: LoadedModel) -> None:
    is_high = np.arange(80) < 40
    good, poor = is_high + RNG.normal(size=80), RNG.normal(size=80)
    sigmoid = [1 / (1 + np.exp(-one)) for one in (good, poor)]
    found = compare_expression(is_high, *sigmoid, other=model.package.identity, cohort="all", subgroup=None)
    (auc,) = found.differences
    assert isinstance(auc.difference, Estimate)
    assert auc.difference.interval is not None
    assert 0 < auc.difference.interval[0] < auc.difference.value < auc.difference.interval[1]
    assert (found.patients, found.events, len(found.decisions)) == (80, 40, 1)
