"""Verdicts of a package: which there are, at which limits, and that they stand in every row of a table of scores."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from models.cohort.features import read_features
from models.cohort.score import score_rows, write_scored
from models.inference.manifest import OutOfFold, Training
from models.inference.predict import parameter_reasons
from models.inference.runtime import Provider, load_model
from models.inference.tasks import Task
from models.inference.verdicts import few_per_parameter, verdicts, verdicts_of
from models.model_card.about import NOTICE as SITE
from models.validity import State
from tests.models.cohort.made_tables import values, write_features
from tests.models.small_packages import NO_SIGNAL, NOTICE, SIGNAL, write_small_package

ENOUGH = Training(data="made", patients=700, events=120, recipe="r", performance="p", effective_parameters=12.0)


def codes(
    training: Training, *, task: Task = Task.RECURRENCE, notice: str = SITE, found: OutOfFold = SIGNAL
) -> list[str]:
    return [note.code for note in verdicts_of(task, name="m", notice=notice, training=training, out_of_fold=found)]


def test_a_package_with_nothing_against_it_has_none() -> None:
    assert codes(ENOUGH) == []
    assert codes(replace(ENOUGH, effective_parameters=None)) == []  # of an older version: not known


def test_each_verdict() -> None:
    assert codes(ENOUGH, notice=NOTICE) == ["demonstration"]
    assert codes(ENOUGH, found=NO_SIGNAL) == ["no-signal"]
    assert codes(replace(ENOUGH, events=49, effective_parameters=4.0)) == ["few-events"]
    assert codes(replace(ENOUGH, effective_parameters=12.01)) == ["few-events-per-parameter"]
    assert codes(replace(ENOUGH, patients=99, events=40, effective_parameters=2.0), task=Task.KRT7_AS) == [
        "few-patients"
    ]


def test_the_rarer_class_counts() -> None:
    training = replace(ENOUGH, patients=140, events=120)
    assert few_per_parameter(Task.KRT7_AS, training) is not None  # 20 with low expression
    assert few_per_parameter(Task.RECURRENCE, training) is None


def test_twelve_events_are_not_for_patients() -> None:
    sentence = few_per_parameter(Task.RECURRENCE, replace(ENOUGH, patients=20, events=12, effective_parameters=3.1))
    assert sentence == (
        "Must not be used on patients: 12 events for about 3.1 effective parameters are fewer than 10 for each."
    )


@pytest.mark.parametrize("suffix", [".csv"])
def test_every_row_of_a_table_of_scores_has_them(tmp_path: Path, suffix: str) -> None:
    write_small_package(tmp_path / "package", out_of_fold=NO_SIGNAL)
    model = load_model(tmp_path / "package", provider=Provider.CPU)
    expected = "; ".join(note.code for note in verdicts(model.package))
    assert expected == "demonstration; no-signal; few-events"
    rows = read_features(write_features(tmp_path / "features.csv", values(4)))
    write_scored(score_rows(model, rows), model, tmp_path / f"scores{suffix}")
    with (tmp_path / f"scores{suffix}").open(encoding="utf-8") as stream:
        assert [row["verdicts"] for row in csv.DictReader(stream)] == [expected] * 4


def test_an_answer_of_such_a_package_is_conditional(tmp_path: Path) -> None:
    write_small_package(tmp_path / "package")
    package = load_model(tmp_path / "package", provider=Provider.CPU).package
    assert parameter_reasons(package) == ()
    (reason,) = parameter_reasons(replace(package, training=replace(ENOUGH, events=12, effective_parameters=3.0)))
    assert (reason.code, reason.state) == ("few-events-per-parameter", State.CONDITIONAL)
    assert "must not be used on patients" in reason.sentence
