"""From features to outcomes: groups, survival, contributions, quality notes, models that do not apply."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import StudyRejected
from models.inference.familiarity import FamiliarityTest, Limits, Measures
from models.inference.package import FeatureOrigin
from models.inference.plausible_range import NO_RANGE
from models.inference.predict import (
    Group,
    ModelOutcome,
    NotApplicable,
    Quantity,
    familiarity_reasons,
    not_computed,
    predict,
)
from models.inference.runtime import LoadedModel, Provider, load_model
from models.inference.tasks import Task
from models.quality_notes import Severity
from models.training.scorer import Scorer
from models.validity import Reason, State, decide
from models.volume import Sequence
from tests.models.small_packages import NO_SIGNAL, SETTINGS, input_names, patients, table, write_small_package

NO_T2W = {Sequence.T2W: "no T2W series was found"}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[LoadedModel, Scorer]]:
    root = tmp_path_factory.mktemp("packages")
    scorers = {
        "recurrence": write_small_package(root / "recurrence"),
        "krt7_as": write_small_package(root / "krt7_as", task=Task.KRT7_AS, name="krt7_as", seed=2),
        "t1c": write_small_package(root / "t1c", name="t1c", sequences=(Sequence.T1C,), seed=3),
    }
    return {name: (load_model(root / name, provider=Provider.CPU), scorer) for name, scorer in scorers.items()}


def ordinary(scorer: Scorer) -> np.ndarray:
    """A patient inside the training range: half a standard deviation from the centre."""
    values = np.zeros(scorer.inputs)
    values[scorer.selected] = scorer.centre + 0.5 * scorer.scale
    return values


def outcome_of(model: LoadedModel, names: tuple[str, ...], values: np.ndarray, **changes: str) -> ModelOutcome:
    (outcome,) = predict(table(names, values, **changes), [model], missing={})
    assert isinstance(outcome, ModelOutcome)
    return outcome


def test_recurrence(loaded: dict[str, tuple[LoadedModel, Scorer]]) -> None:
    model, scorer = loaded["recurrence"]
    values = patients(scorer, 1, seed=8)[0]
    outcome = outcome_of(model, input_names(), values)
    score, *survival = outcome.predictions or outcome.withheld
    assert score.quantity is Quantity.RECURRENCE_SCORE
    assert score.value == pytest.approx(scorer.score(values[np.newaxis])[0], rel=1e-12)
    assert [(p.quantity, p.horizon_months) for p in survival] == [(Quantity.RFS, m) for m in (12.0, 24.0, 36.0)]
    # S(t) = exp(-H0(t)·exp(r)) with the baseline of the small package: H0 .01 from 6, .03 from 20, .08 from 40 months.
    for prediction, hazard in zip(survival, (0.01, 0.03, 0.03), strict=True):
        assert prediction.value == pytest.approx(np.exp(-hazard * np.exp(score.value)), rel=1e-12)
    assert outcome.model == model.package.identity
    assert outcome.provider == "CPUExecutionProvider"


def test_krt7_as_is_a_probability_without_survival(loaded: dict[str, tuple[LoadedModel, Scorer]]) -> None:
    model, scorer = loaded["krt7_as"]
    for values in patients(scorer, 20, seed=8):
        (prediction,) = outcome_of(model, input_names(), values).predictions
        assert prediction.quantity is Quantity.KRT7_AS_HIGH
        assert 0 < prediction.value < 1
        assert prediction.value == pytest.approx(scorer.score(values[np.newaxis])[0], rel=1e-12)


def test_only_above_the_cut_off_is_high(loaded: dict[str, tuple[LoadedModel, Scorer]]) -> None:
    model, scorer = loaded["recurrence"]
    values = patients(scorer, 1, seed=8)[0]
    score = outcome_of(model, input_names(), values).predictions[0].value
    for cut_off, group in ((score, Group.LOW), (np.nextafter(score, -9), Group.HIGH), (score + 1e-9, Group.LOW)):
        moved = replace(model, package=replace(model.package, cut_off=float(cut_off)))
        outcome = outcome_of(moved, input_names(), values)
        assert (outcome.group, outcome.cut_off) == (group, cut_off)


def test_contributions_are_complete_and_in_order(loaded: dict[str, tuple[LoadedModel, Scorer]]) -> None:
    model, scorer = loaded["recurrence"]
    values = patients(scorer, 1, seed=8)[0]
    outcome = outcome_of(model, input_names(), values)
    assert {contribution.feature for contribution in outcome.contributions} == set(input_names())
    sizes = [abs(contribution.attribution) for contribution in outcome.contributions]
    assert sizes == sorted(sizes, reverse=True)
    given = dict(zip(input_names(), values.tolist(), strict=True))
    assert all(contribution.value == given[contribution.feature] for contribution in outcome.contributions)
    total = sum(contribution.attribution for contribution in outcome.contributions)
    assert total == pytest.approx(outcome.predictions[0].value - scorer.output_at_reference, abs=1e-4)


def test_a_model_that_needs_a_missing_sequence_says_why(loaded: dict[str, tuple[LoadedModel, Scorer]]) -> None:
    models = [loaded[name][0] for name in ("recurrence", "krt7_as", "t1c")]
    names = input_names((Sequence.T1C,))
    values = patients(loaded["t1c"][1], 1, seed=8)[0]
    first, second, third = predict(table(names, values), models, missing=NO_T2W)
    for outcome, model in ((first, models[0]), (second, models[1])):
        assert outcome == NotApplicable(
            model.package.identity,
            "no T2W series was found",
            quantity=outcome.quantity,
            horizons_months=model.package.horizons_months,
        )
        assert outcome.quantity is not None
    assert isinstance(third, ModelOutcome)


def test_a_model_that_stands_in_is_silent_where_the_other_one_is_asked(
    loaded: dict[str, tuple[LoadedModel, Scorer]],
) -> None:
    recurrence, scorer = loaded["recurrence"]
    t1c = loaded["t1c"][0]
    stand_in = replace(t1c, package=replace(t1c.package, stands_in_for="recurrence"))
    values = patients(scorer, 1, seed=8)[0]
    for models in ([recurrence, stand_in], [stand_in, recurrence]):
        by_name = {outcome.model.name: outcome for outcome in predict(table(input_names(), values), models, missing={})}
        assert isinstance(by_name["recurrence"], ModelOutcome)
        assert by_name["t1c"] == NotApplicable(
            t1c.package.identity,
            f"it substitutes for '{recurrence.package.identity.title}', which was run because the study has all it "
            "needs (T1+C and T2W)",
            is_expected=True,
            quantity=Quantity.RECURRENCE_SCORE,
            horizons_months=t1c.package.horizons_months,
        )
    # Without the other one, or where the other one lacks a sequence, it answers.
    (alone,) = predict(table(input_names(), values), [stand_in], missing={})
    assert isinstance(alone, ModelOutcome)
    only_t1c = table(input_names((Sequence.T1C,)), values[:80])
    _, answer = predict(only_t1c, [recurrence, stand_in], missing=NO_T2W)
    assert isinstance(answer, ModelOutcome)


def test_a_study_is_refused_when_no_model_applies(loaded: dict[str, tuple[LoadedModel, Scorer]]) -> None:
    model, scorer = loaded["recurrence"]
    names = input_names((Sequence.T1C,))
    features = table(names, np.zeros(len(names)))
    with pytest.raises(
        StudyRejected, match=r"The only model is not applicable \(recurrence: no T2W series was found\)"
    ):
        predict(features, [model], missing=NO_T2W)
    with pytest.raises(StudyRejected, match="no model is loaded"):
        predict(features, [], missing={})
    with pytest.raises(StudyRejected, match="80 of the 160 requested features were not extracted"):
        predict(features, [model], missing={})
    assert scorer.inputs == 160


def test_an_ordinary_patient_has_no_note(loaded: dict[str, tuple[LoadedModel, Scorer]]) -> None:
    model, scorer = loaded["recurrence"]
    assert outcome_of(model, input_names(), ordinary(scorer)).notes == ()


def test_inputs_unlike_those_of_the_training_patients_are_a_note(
    loaded: dict[str, tuple[LoadedModel, Scorer]],
) -> None:
    model, scorer = loaded["recurrence"]
    familiarity = model.package.familiarity
    values = ordinary(scorer)
    far = 3
    values[far] = familiarity.centre[far] - 9.5 * familiarity.scale[far]
    outside = [place for place in range(40, 40 + 1 + int(160 * familiarity.limits.share)) if place != far]
    values[outside] = model.package.high[outside] * (1 + 1e-6) + 1e-9
    outcome = outcome_of(model, input_names(), values)
    (note,) = outcome.notes
    assert (note.code, note.severity) == ("unlike-training-patients", Severity.WARNING)
    (reason,) = (one for one in outcome.validity.reasons if one.code != NO_RANGE)  # the small package has no refits
    assert (reason.code, reason.state) == ("unlike-training-patients", State.CONDITIONAL)
    assert "1 of 160 inputs beyond 4 standard deviations" in reason.sentence
    assert f"({familiarity.limits.count:.0f} at most in 99% of new patients)" in reason.sentence
    assert input_names()[far] not in reason.sentence  # names of features stay off page 1
    assert f"{len(outside) + 1} of 160 (" in note.sentence
    assert "1 input is more than 4 standard deviations from the mean: " in note.sentence
    assert f"{input_names()[far]} (-9.5)." in note.sentence


@pytest.mark.parametrize(
    ("stretch", "count", "state"),
    [
        # Ratio of the residual to its limit, inputs beyond 4 standard deviations, and what VALIDITY's rule makes of it:
        # above 1, or the count above its 99 %: conditional; above 1.5, or the count above its 99.9 %: outside.
        (0.9, 0, State.VALID),
        (1.2, 0, State.CONDITIONAL),
        (1.6, 0, State.OUTSIDE),
        (0.9, 11, State.CONDITIONAL),
        (0.9, 21, State.OUTSIDE),
    ],
)
def test_the_distance_from_training_decides_the_state(
    loaded: dict[str, tuple[LoadedModel, Scorer]], stretch: float, count: int, state: State
) -> None:
    package = loaded["recurrence"][0].package
    limits = Limits(2.0, 3.0, 0.1, count=10, count_outside=20)
    package = replace(package, familiarity=replace(package.familiarity, limits=limits))
    one = np.ones(1)
    measures = Measures(2.0 * stretch * one, 0.5 * one, 0.01 * one, count * one)
    (reasons,) = familiarity_reasons(package, measures)
    assert decide(reasons).state is state
    assert all("10 at most in 99% of new patients" in reason.sentence for reason in reasons)
    assert all(("extrapolated" in reason.sentence) is (state is State.OUTSIDE) for reason in reasons)
    # Limits that a package does not state do not count.
    package = replace(package, familiarity=replace(package.familiarity, limits=Limits(2.0, 3.0, 0.1)))
    (reasons,) = familiarity_reasons(package, Measures(1.8 * one, 0.5 * one, 0.01 * one, 99 * one))
    assert reasons == ()
    ((reason,),) = familiarity_reasons(package, Measures(2.2 * one, 0.5 * one, 0.01 * one, 99 * one))
    assert "how many are usual this package does not state" in reason.sentence
    # What the comparison cannot tell stands with what it told.
    blind = replace(package, familiarity_test=FamiliarityTest((0.02, 0.0), "some", {"other organs": (0.02, 0.0)}))
    ((reason,),) = familiarity_reasons(blind, Measures(2.2 * one, 0.5 * one, 0.01 * one, 99 * one))
    assert reason.sentence.endswith("This comparison cannot tell: other organs.")


def test_reasons_of_the_study_hold_for_every_model(loaded: dict[str, tuple[LoadedModel, Scorer]]) -> None:
    models = [loaded["recurrence"][0], loaded["krt7_as"][0]]
    young = Reason("under-age", State.OUTSIDE, "The patient is 9 years old.")
    values = ordinary(loaded["recurrence"][1])  # far from what the other model was trained on: the study's come first
    for outcome in predict(table(input_names(), values), models, missing={}, reasons=[young]):
        assert isinstance(outcome, ModelOutcome)
        assert outcome.validity.main == young
        assert (outcome.group, outcome.predictions, outcome.contributions) == (None, (), ())
        assert outcome.withheld


def test_nothing_computed_is_an_outcome_of_every_model_that_would_be_run(
    loaded: dict[str, tuple[LoadedModel, Scorer]],
) -> None:
    models = [loaded[name][0] for name in ("recurrence", "krt7_as", "t1c")]
    large = Reason("tumour-volume", State.NOT_COMPUTABLE, "It measures 8,190 cm³.")
    first, second, third = not_computed(models, missing=NO_T2W, reasons=[large])
    assert isinstance(first, NotApplicable)
    assert isinstance(second, NotApplicable)
    assert isinstance(third, ModelOutcome)
    assert (third.validity.state, third.withheld, third.group) == (State.NOT_COMPUTABLE, (), None)
    with pytest.raises(StudyRejected, match="The only model is not applicable"):
        not_computed(models[:1], missing=NO_T2W, reasons=[large])


def test_a_model_without_signal_says_so_with_every_outcome(tmp_path: Path) -> None:
    scorer = write_small_package(tmp_path / "recurrence", out_of_fold=NO_SIGNAL)
    model = load_model(tmp_path / "recurrence", provider=Provider.CPU)
    outcome = outcome_of(model, input_names(), ordinary(scorer))
    (note,) = outcome.notes
    assert (note.code, note.severity) == ("no-signal", Severity.WARNING)
    assert outcome.validity.state is State.OUTSIDE
    assert [reason.code for reason in outcome.validity.decisive] == ["no-signal"]
    assert outcome.predictions == ()
    assert "Harrell's C 0.53 out of fold, 95% interval 0.46 to 0.60" in note.sentence


def test_odd_inputs_can_not_blow_the_score_up(loaded: dict[str, tuple[LoadedModel, Scorer]]) -> None:
    model, scorer = loaded["recurrence"]
    far = scorer.centre + 1e3 * scorer.scale
    farther = scorer.centre + 1e6 * scorer.scale
    values = np.zeros((2, scorer.inputs))
    values[0, scorer.selected], values[1, scorer.selected] = far, farther
    scores = model.score(values)
    assert scores[0] == scores[1]


def test_other_settings_engine_and_bias_correction_are_notes(tmp_path: Path) -> None:
    origin = FeatureOrigin(settings_digest="ab" * 32, engine="pyradiomics 3.0.1", bias_correction="SimpleITK N4")
    scorer = write_small_package(tmp_path / "recurrence", origin=origin)
    model = load_model(tmp_path / "recurrence", provider=Provider.CPU)
    features = table(input_names(), ordinary(scorer), engine="own 1")
    (outcome,) = predict(features, [model], missing={}, bias="own N4")
    assert isinstance(outcome, ModelOutcome)
    assert [(note.code, note.severity) for note in outcome.notes] == [
        ("feature-settings-differ", Severity.WARNING),
        ("bias-correction-differs", Severity.WARNING),
        ("feature-engine-differs", Severity.NOTE),
    ]
    assert SETTINGS[:12] in outcome.notes[0].sentence
    assert "abababababab" in outcome.notes[0].sentence
    assert outcome.validity.state is State.OUTSIDE
    assert outcome.predictions == ()
    assert "feature-settings-differ" in [reason.code for reason in outcome.validity.reasons]
    same = table(input_names(), ordinary(scorer), settings="ab" * 32, engine="pyradiomics 3.0.1")
    (outcome,) = predict(same, [model], missing={}, bias="SimpleITK N4")
    assert isinstance(outcome, ModelOutcome)
    assert outcome.notes == ()
