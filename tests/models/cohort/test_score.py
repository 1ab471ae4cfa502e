"""Scoring of a feature table: what every patient gets, and what is said about patients who are not like the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.cohort.features import read_features
from models.cohort.score import score_rows, write_scored
from models.errors import CohortRejected
from models.inference.outcome import Group
from models.inference.package import FeatureOrigin
from models.inference.predict import ModelOutcome, predict
from models.inference.runtime import LoadedModel, Provider, load_model
from models.inference.tasks import Task
from models.validity import State
from tests.models.cohort.made_tables import values, write_features
from tests.models.small_packages import NO_SIGNAL, SETTINGS, input_names, patients, table, write_small_package

ORIGIN = FeatureOrigin(SETTINGS, "own 1", "simpleitk 2.5")  # as `write_features` writes it


@pytest.fixture
def model(tmp_path: Path) -> LoadedModel:
    write_small_package(tmp_path / "package", origin=ORIGIN)
    return load_model(tmp_path / "package", provider=Provider.CPU)


def test_scores_groups_and_survival_are_those_of_a_single_study(model: LoadedModel, tmp_path: Path) -> None:
    rows = values(30)
    found = score_rows(model, read_features(write_features(tmp_path / "f.csv", rows)))
    assert np.all(~np.isnan(found.scores) | ~np.isnan(found.withheld))
    for patient in (0, 7, 29):
        features = table(input_names(), rows[patient], engine="own 1")
        (outcome,) = predict(features, [model], missing={}, bias="simpleitk 2.5")
        assert isinstance(outcome, ModelOutcome)
        assert found.validity[patient].state is outcome.validity.state
        shown = [found.scores[patient], *(found.survival[months][patient] for months in (12.0, 24.0, 36.0))]
        if outcome.predictions:
            assert shown == pytest.approx([one.value for one in outcome.predictions], rel=1e-12)
        else:
            assert np.isnan(shown).all()
            assert found.withheld[patient] == pytest.approx(outcome.withheld[0].value, rel=1e-12)
        assert found.groups[patient] is outcome.group
        assert found.codes[patient] == tuple(one.code for one in outcome.notes)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_table_that_is_written(model: LoadedModel, tmp_path: Path, suffix: str) -> None:
    features = write_features(tmp_path / "f.csv", values(5), changes={(2, name): "" for name in input_names()[80:]})
    found = score_rows(model, read_features(features))
    out = tmp_path / "new" / f"scores{suffix}"
    write_scored(found, model, out)
    written = pd.read_csv(out, dtype={"id": str}) if suffix == ".csv" else pd.read_parquet(out)
    assert list(written.columns) == [
        *("id", "score", "group", "rfs_12_months", "rfs_24_months", "rfs_36_months", "range_low", "range_high"),
        *("validity", "reasons"),
        *("familiar", "residual", "distance", "share_outside", "quality_notes", "verdicts", "model", "version"),
        "digest",
        "signed_by",
    ]
    assert list(written["id"]) == ["0000", "0001", "0002", "0003", "0004"]
    np.testing.assert_allclose(written["score"].astype(float), found.scores, rtol=1e-12)
    # The third patient has no T2W: no number about that patient, and the reason.
    assert written.loc[2, ["score", "rfs_36_months", "familiar", "residual"]].isna().all()
    assert written.loc[2, "quality_notes"] == "features-missing"
    assert set(written["digest"]) == {model.package.identity.digest}
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_a_score_near_the_cut_off_has_no_group(tmp_path: Path) -> None:
    """Ranges by other trainings: the same rule as for a study, contours left out."""
    scorer = write_small_package(tmp_path / "package", refits=6)
    model = load_model(tmp_path / "package", provider=Provider.CPU)
    rows = patients(scorer, 200, seed=4)
    found = score_rows(model, read_features(write_features(tmp_path / "f.csv", rows)))
    known = [(score, one, state) for score, one, state in zip(found.scores, found.ranges, found.validity, strict=True)]
    states = {State.VALID: 0, State.BORDERLINE: 0}
    for score, one, validity in known:
        if one is None:
            assert np.isnan(score)
            continue
        assert one.low < score < one.high
        is_borderline = one.low <= model.package.cut_off <= one.high
        assert (validity.state is State.BORDERLINE) == is_borderline
        states[validity.state] = states.get(validity.state, 0) + 1
    assert states[State.BORDERLINE] > 0
    assert sum(states.values()) > states[State.BORDERLINE]
    for group, validity in zip(found.groups, found.validity, strict=True):
        assert (group is not None) == validity.state.shows_group


def test_krt7_as_has_a_probability_and_no_survival(tmp_path: Path) -> None:
    write_small_package(tmp_path / "package", task=Task.KRT7_AS, name="krt7_as")
    model = load_model(tmp_path / "package", provider=Provider.CPU)
    found = score_rows(model, read_features(write_features(tmp_path / "f.csv", values(10))))
    assert found.survival == {}
    every = np.where(np.isnan(found.scores), found.withheld, found.scores)
    assert np.all((every > 0) & (every < 1))
    for score, group, validity in zip(found.scores, found.groups, found.validity, strict=True):
        assert group is (None if not validity.state.shows_group else Group.HIGH if score > 0.5 else Group.LOW)


def test_features_made_otherwise_are_a_note_of_patient_and_table(model: LoadedModel, tmp_path: Path) -> None:
    changes = {(row, "bias_correction"): "N4, own (shrink 2)" for row in (1, 3)} | {(3, "engine"): "own 2"}
    found = score_rows(model, read_features(write_features(tmp_path / "f.csv", values(6), changes=changes)))
    mine = ("bias-correction-differs", "feature-engine-differs")
    assert [[code for code in codes if code in mine] for codes in found.codes] == [[], [mine[0]], [], [*mine], [], []]
    sentences = {one.code: one.sentence for one in found.notes}
    assert "2 of the 6 patients have features made with another bias correction" in sentences[mine[0]]
    every = {(row, "settings_digest"): "0" * 64 for row in range(6)}
    found = score_rows(model, read_features(write_features(tmp_path / "g.csv", values(6), changes=every)))
    assert "6 of the 6 patients" in next(one.sentence for one in found.notes if one.code == "feature-settings-differ")
    # Other settings are other quantities: no score, and the reason beside it.
    assert not found.scored.any()
    assert np.isfinite(found.withheld).all()
    assert {one.state for one in found.validity} == {State.OUTSIDE}
    assert all("feature-settings-differ" in [reason.code for reason in one.reasons] for one in found.validity)


def test_unfamiliar_patients_and_a_model_without_signal(tmp_path: Path) -> None:
    scorer = write_small_package(tmp_path / "package", out_of_fold=NO_SIGNAL)
    model = load_model(tmp_path / "package", provider=Provider.CPU)
    rows = patients(scorer, 8, seed=5)
    rows[4] *= 50
    found = score_rows(model, read_features(write_features(tmp_path / "f.csv", rows)))
    assert "unlike-training-patients" in found.codes[4]
    # No signal withholds every score; the table has them under their own name, where a researcher asks.
    assert {one.state for one in found.validity} == {State.OUTSIDE}
    assert np.isnan(found.scores).all()
    assert not np.isnan(found.withheld).any()
    assert set(found.groups) == {None}
    write_scored(found, model, tmp_path / "s.csv", withheld=True)
    table = pd.read_csv(tmp_path / "s.csv")
    assert table["score"].isna().all()
    np.testing.assert_allclose(table["withheld"], found.withheld, rtol=1e-12)
    assert table.loc[4, "reasons"] == "no-signal; unlike-training-patients"
    codes = {one.code for one in found.notes}
    assert {"unlike-training-patients", "no-signal"} <= codes


def test_tables_that_can_not_be_scored(model: LoadedModel, tmp_path: Path) -> None:
    nobody = {(row, name): "" for row in range(3) for name in input_names()[:80]}
    with pytest.raises(CohortRejected, match=r"None of the 3 rows of .* has all 160 features"):
        score_rows(model, read_features(write_features(tmp_path / "f.csv", values(3), changes=nobody)))
    infinite = {(1, input_names()[5]): "inf"}
    with pytest.raises(CohortRejected, match="feature-not-finite"):
        score_rows(model, read_features(write_features(tmp_path / "g.csv", values(3), changes=infinite)))
    found = score_rows(model, read_features(write_features(tmp_path / "h.csv", values(3))))
    with pytest.raises(CohortRejected, match=r"a \.csv or \.parquet file was expected"):
        write_scored(found, model, tmp_path / "scores.xlsx")
