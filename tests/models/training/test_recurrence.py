"""Training of a recurrence model as a site does it: what is found, what is said about it, what is in the package."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.cohort.features import FeatureRows
from models.cohort.outcomes import OutcomeRows
from models.cohort.patients import join
from models.errors import CohortRejected, EngineUnavailable, SetupError
from models.features.own import OwnEngine
from models.features.settings import FeatureSettings
from models.inference.package import FeatureOrigin, OutOfFold, load_package
from models.inference.predict import ModelOutcome, predict
from models.inference.runtime import Provider, load_model
from models.inference.tasks import Task
from models.model_card.about import NOTICE, About
from models.preprocessing.n4 import N4
from models.preprocessing.n4_settings import N4Settings
from models.progress import Tell, silent
from models.simulation.cohort import Cohort, Truth, simulate_cohort
from models.simulation.feature_shape import FeatureShape
from models.training import recurrence
from models.training.interval import cross_validated
from models.training.network import PAPER, Recipe, training_device
from models.training.options import TrainingOptions
from models.training.patients import TrainingPatients, training_patients
from models.training.recurrence import CUT_OFF, TrainedRecurrence, concordance_difference, train_recurrence
from models.training.recurrence_package import measurements, write_recurrence
from models.training.selection import stratified_folds
from models.volume import Sequence
from tests.models.small_packages import SETTINGS, table


def patients_of(cohort: Cohort) -> TrainingPatients:
    return TrainingPatients(
        cohort="training",
        names=cohort.names,
        values=cohort.values,
        times_months=cohort.times_months,
        events=cohort.events,
        is_high=cohort.krt7_as_tpm > 1,
        origin=FeatureOrigin(SETTINGS, "own 1", "own N4"),
        left_out=(3, 2),
    )


def trained(
    cohort: Cohort, options: TrainingOptions, *, cut_off: float | None = CUT_OFF, tell: Tell = silent
) -> TrainedRecurrence:
    return train_recurrence(
        cohort.names,
        cohort.values,
        times_months=cohort.times_months,
        events=cohort.events,
        options=options,
        cut_off=cut_off,
        tell=tell,
    )


@pytest.fixture(scope="module")
def strong(shape: FeatureShape) -> Cohort:
    return simulate_cohort(shape, truth=Truth.STRONG, seed=41, sizes={"training": 400})


@pytest.fixture(scope="module")
def told() -> list[tuple[str, int, int]]:
    """Everything that the training of `found` told: what, networks trained, networks in all."""
    return []


@pytest.fixture(scope="module")
def found(strong: Cohort, quick: Recipe, told: list[tuple[str, int, int]]) -> TrainedRecurrence:
    options = TrainingOptions(recipe=quick, divisions=1, permutations=2)
    return trained(strong, options, cut_off=None, tell=lambda *step: told.append(step))


def test_a_training_tells_its_folds_members_permutations_and_refits(
    found: TrainedRecurrence, told: list[tuple[str, int, int]], quick: Recipe
) -> None:
    folds, members, inner = found.model.folds, quick.members, quick.inner_folds
    assert {total for _, _, total in told} == {members * (folds + 1 + 6 + 2 * inner)}
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1] == told[-1][2]  # every network has been counted
    words = [what for what, _, _ in told]
    assert words[0] == f"fold 1/{folds}"
    for expected in (
        f"fold {folds}/{folds}, member {members}/{members}",
        f"all patients, member 1/{members}",
        "penalised Cox model",
        f"permutation 2/2, fold {inner}/{inner}, member {members}/{members}",
        f"refit 6/6, member {members}/{members}",
    ):
        assert expected in words


def test_network_and_penalised_cox_see_the_signal_and_permuted_outcomes_do_not(found: TrainedRecurrence) -> None:
    assert found.out_of_fold.has_signal
    assert found.out_of_fold.low < found.out_of_fold.value < found.out_of_fold.high
    assert found.out_of_fold.value == pytest.approx(found.model.c_out_of_fold, abs=1e-12)
    assert found.cox_out_of_fold.value > 0.6
    assert len(found.permuted_c) == 2
    assert np.mean(found.permuted_c) < found.out_of_fold.low
    assert not {"no-signal", "learnt-from-permuted-outcomes"} & {note.code for note in found.notes}


def test_the_cut_off_is_selected_on_out_of_fold_scores(found: TrainedRecurrence, strong: Cohort) -> None:
    assert found.selected is not None
    assert found.cut_off == found.selected.cut_off
    assert found.cut_off in found.model.out_of_fold
    assert np.count_nonzero(found.model.out_of_fold > found.cut_off) == found.selected.high_patients
    codes = {note.code for note in found.notes}
    assert ("cut-off-not-significant" in codes) == (found.selected.p_lausen94 > 0.05)
    assert ("cut-off-at-edge" in codes) == found.selected.is_at_edge


def test_the_interval_is_widened_for_the_folds() -> None:
    # Five folds: 1/5 + 1/4 over 1/5 is 2.25, its root 1.5.
    assert cross_validated(0.6, 0.54, 0.66, folds=5) == OutOfFold(
        pytest.approx(0.6), pytest.approx(0.51), pytest.approx(0.69)
    )
    assert cross_validated(0.6, 0.0, 1.0, folds=5) == OutOfFold(0.6, 0.0, 1.0)


def test_no_signal_is_said(shape: FeatureShape, quick: Recipe) -> None:
    silent = 0
    for seed in (1, 2, 3):
        null = simulate_cohort(shape, truth=Truth.NULL, seed=seed, sizes={"training": 300})
        result = trained(
            null, TrainingOptions(recipe=quick, divisions=1, permutations=0, refits=0, seed=seed), cut_off=None
        )
        silent += "no-signal" in {note.code for note in result.notes}
        assert result.permuted_c == ()
        assert np.isfinite(result.cut_off)
    assert silent >= 2  # a 95 % interval misses chance by one in forty on this side


def test_the_package_says_what_was_found(
    found: TrainedRecurrence, strong: Cohort, quick: Recipe, tmp_path: Path
) -> None:
    about = About("site", "2.0.0", "Recurrence score", NOTICE, "400 simulated patients.", statements={"ethics": "n/a"})
    patients = patients_of(strong)
    write_recurrence(tmp_path / "site", found, patients, about=about)
    model = load_model(tmp_path / "site", provider=Provider.CPU)
    package = model.package
    assert package.out_of_fold == found.out_of_fold
    assert package.cut_off == found.cut_off
    assert package.horizons_months == (12.0, 24.0, 36.0)
    assert package.statements == {"ethics": "n/a"}
    assert (package.training.patients, package.training.events) == (400, int(strong.events.sum()))
    # No recurrence's time is in the package, and survival is that of the model.
    assert package.baseline is not None
    assert np.array_equal(package.baseline.times_months, np.arange(1, package.baseline.end_months + 1))
    for months in package.horizons_months:
        assert package.baseline.at(months) == pytest.approx(found.model.baseline.at(months), rel=1e-5)
    assert "moves by at most 0.0001" in (tmp_path / "site" / "MODEL_CARD.md").read_text(encoding="utf-8")
    # No patient's features are in the package.
    cases = json.loads((tmp_path / "site" / "reference.json").read_text())["cases"]
    for case in cases:
        assert np.isclose(strong.values, case["inputs"]).mean(axis=1).max() < 0.1
    card = (tmp_path / "site" / "MODEL_CARD.md").read_text(encoding="utf-8")
    for one in measurements(found, patients):
        assert one.value in card
    assert "3 without complete features, 2 more without outcome." in card
    assert "| 17 Ethics | n/a |" in card
    assert re.search(r"\| 18a Funding \| Open question \d+\. \|", card)
    (outcome,) = predict(table(strong.names, strong.values[0], engine="own 1"), [model], missing={}, bias="own N4")
    assert isinstance(outcome, ModelOutcome)
    assert not {"no-signal", "feature-settings-differ"} & {note.code for note in outcome.notes}


def test_without_signal_card_and_every_outcome_say_so(
    found: TrainedRecurrence, strong: Cohort, quick: Recipe, tmp_path: Path
) -> None:
    silent = replace(found, out_of_fold=replace(found.out_of_fold, value=0.52, low=0.44, high=0.6))
    about = About("site", "2.0.0", "Recurrence score", NOTICE, "400 simulated patients.")
    write_recurrence(tmp_path / "site", silent, patients_of(strong), about=about)
    for kind in ("md", "html"):
        assert "No signal: on the patients it was trained on" in (tmp_path / "site" / f"MODEL_CARD.{kind}").read_text()
    assert json.loads((tmp_path / "site" / "MODEL_CARD.json").read_text())["has_signal"] is False
    model = load_model(tmp_path / "site", provider=Provider.CPU)
    (outcome,) = predict(table(strong.names, strong.values[0]), [model], missing={})
    assert isinstance(outcome, ModelOutcome)
    assert "no-signal" in {note.code for note in outcome.notes}


def test_the_recipe_of_the_paper_is_one_network_on_all_inputs(strong: Cohort, tmp_path: Path) -> None:
    recipe = replace(PAPER, hidden=(8,), epochs=20, patience=5)
    result = trained(strong, TrainingOptions(recipe=recipe, divisions=1, permutations=0, refits=0))
    assert len(result.model.scorer.networks) == 1
    assert result.model.scorer.selected.size == len(strong.names)
    assert "1 network (8 units" in recipe.in_words()
    assert "no selection" in recipe.in_words()


def test_short_follow_up_few_events_and_a_cut_off_nobody_is_above(strong: Cohort, quick: Recipe) -> None:
    options = TrainingOptions(recipe=quick, divisions=1, permutations=0, refits=0)
    times = np.minimum(strong.times_months, 30.0)
    result = train_recurrence(
        strong.names,
        strong.values,
        times_months=times,
        events=strong.events * (strong.times_months <= 30.0),
        options=options,
        cut_off=50.0,
    )
    assert result.horizons_months == (12.0, 24.0)
    assert (result.cut_off, result.selected) == (50.0, None)
    assert {"follow-up-short", "few-at-high-risk"} <= {note.code for note in result.notes}
    few = np.zeros_like(strong.events)
    few[np.flatnonzero(strong.events)[:5]] = 1
    with pytest.raises(
        CohortRejected, match=r"6 events are needed for 3 folds .* of the 400 training patients 5 had one"
    ):
        train_recurrence(strong.names, strong.values, times_months=times, events=few, options=options)


def test_devices_by_name() -> None:
    assert training_device("cpu") == "cpu"
    assert training_device("auto") in ("cpu", "cuda")
    with pytest.raises(SetupError, match="auto, cpu or cuda was expected"):
        training_device("tpu")


@pytest.mark.gpu
def test_training_on_a_gpu_learns_the_same(strong: Cohort, quick: Recipe) -> None:
    on_gpu = trained(
        strong, TrainingOptions(recipe=quick, divisions=1, permutations=0, refits=0, device=training_device("cuda"))
    )
    on_cpu = trained(strong, TrainingOptions(recipe=quick, divisions=1, permutations=0, refits=0))
    # Dropout draws other numbers, so the networks differ; what they know does not.
    assert on_gpu.model.c_out_of_fold == pytest.approx(on_cpu.model.c_out_of_fold, abs=0.08)


def test_cuda_is_refused_where_there_is_none() -> None:
    import torch

    if torch.cuda.is_available():
        assert training_device("cuda") == "cuda"
        return
    with pytest.raises(EngineUnavailable, match="torch finds no CUDA device"):
        training_device("cuda")


def test_a_package_folder_is_complete(found: TrainedRecurrence, strong: Cohort, quick: Recipe, tmp_path: Path) -> None:
    about = About("site", "2.0.0", "Recurrence score", NOTICE, "400 simulated patients.")
    write_recurrence(tmp_path / "site", found, patients_of(strong), about=about)
    again = tmp_path / "again"
    write_recurrence(again, found, patients_of(strong), about=about)
    assert load_package(again).identity.digest == load_package(tmp_path / "site").identity.digest


def test_a_package_knows_how_its_training_features_were_made(
    found: TrainedRecurrence, strong: Cohort, tmp_path: Path
) -> None:
    """From a table as `rdeepnet features` writes it to a quality note about a study that was made otherwise."""
    bias, engine = N4(device="cpu").name, OwnEngine().name
    count = len(strong.values)
    identifiers = tuple(f"p{number}" for number in range(count))
    rows = FeatureRows(
        "features.csv",
        identifiers,
        strong.names,
        strong.values,
        (SETTINGS,) * count,
        (engine,) * count,
        (bias,) * count,
    )
    nobody = np.full(count, np.nan)
    outcomes = OutcomeRows(
        "outcomes.csv", identifiers, ("all",) * count, identifiers, strong.times_months, strong.events, nobody, {}
    )
    patients = training_patients(join(rows, outcomes), task=Task.RECURRENCE, sequences=tuple(Sequence))
    assert patients.origin == FeatureOrigin(SETTINGS, engine, bias)
    about = About("site", "2.0.0", "Recurrence score", NOTICE, "400 simulated patients.")
    write_recurrence(tmp_path / "site", found, patients, about=about)
    model = load_model(tmp_path / "site", provider=Provider.CPU)
    assert model.package.origin == patients.origin
    assert "N4, own (shrink 4" in (tmp_path / "site" / "manifest.toml").read_text(encoding="utf-8")

    def codes(settings: str, engine: str, bias: str) -> set[str]:
        features = table(strong.names, strong.values[0], settings=settings, engine=engine)
        (outcome,) = predict(features, [model], missing={}, bias=bias)
        assert isinstance(outcome, ModelOutcome)
        return {note.code for note in outcome.notes} - {"unlike-training-patients"}

    assert codes(SETTINGS, engine, bias) == set()
    other_n4 = N4(N4Settings(shrink=2), "cpu").name
    assert codes(SETTINGS, engine, other_n4) == {"bias-correction-differs"}
    other_settings = FeatureSettings(bin_width=10.0).digest()
    assert codes(other_settings, "pyradiomics 3.0.1", bias) == {"feature-settings-differ", "feature-engine-differs"}


def test_the_difference_to_the_cox_model_is_paired(found: TrainedRecurrence, strong: Cohort) -> None:
    value, low, high = found.difference
    assert value == pytest.approx(found.out_of_fold.value - found.cox_out_of_fold.value, abs=1e-12)
    assert low < value < high
    # Both scores go up and down with the same patients: closer together than two separate intervals.
    apart = (found.out_of_fold.high - found.out_of_fold.low) + (found.cox_out_of_fold.high - found.cox_out_of_fold.low)
    assert high - low < 0.75 * apart
    outcomes = (strong.times_months, strong.events)
    itself = concordance_difference(*outcomes, found.model.divisions.outputs, 3 * found.model.uncalibrated, folds=5)
    assert itself[0] == 0
    assert -0.1 < itself[1] < 0 < itself[2] < 0.1


def test_without_outer_folds_each_patient_is_scored_by_the_member_that_held_that_patient_out(
    strong: Cohort, quick: Recipe
) -> None:
    options = TrainingOptions(quick, permutations=0, refits=0, outer_folds=0)
    told: list[tuple[str, int, int]] = []
    single = trained(strong, options, tell=lambda *one: told.append(one))
    model = single.model
    assert told[-1][2] == quick.members  # networks that were trained
    assert not model.is_nested
    assert model.folds == quick.inner_folds
    # Written out: each member's output, standardised over its own patients, on the fold it held out.
    fold_of = stratified_folds(strong.events == 1, folds=quick.members, seed=1)
    expected = np.empty(fold_of.size)
    for fold, network in enumerate(model.scorer.networks):
        alone = replace(model.scorer, networks=(network,), gains=(1.0,), offset=0.0).output(strong.values)
        inside = alone[fold_of != fold]
        expected[fold_of == fold] = (alone[fold_of == fold] - inside.mean()) / inside.std()
    np.testing.assert_allclose(model.uncalibrated, expected, atol=1e-9)
    np.testing.assert_allclose(model.out_of_fold, model.slope * expected, atol=1e-9)
    assert single.out_of_fold.value < model.c_apparent
    assert "no-outer-folds" in {note.code for note in single.notes}
    (whom,) = (one.whom for one in measurements(single, patients_of(strong)) if one.what == "Harrell's C")
    assert whom.startswith(
        "training patients, each by the network that held that patient out for early stopping; smooth"
    )


def test_many_patients_have_the_interval_of_the_jackknife(
    found: TrainedRecurrence, strong: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Close to the interval of hundreds, which would need every pair of thousands at once."""
    scores, others = found.model.divisions.outputs, found.cox.out_of_fold
    monkeypatch.setattr(recurrence, "MANY", 100)
    one = recurrence.concordance_out_of_fold(strong.times_months, strong.events, scores, folds=found.model.folds)
    assert one.value == pytest.approx(found.out_of_fold.value, abs=1e-12)
    width = found.out_of_fold.high - found.out_of_fold.low
    assert one.high - one.low == pytest.approx(width, rel=0.15)
    value, low, high = concordance_difference(
        strong.times_months, strong.events, scores, others, folds=found.model.folds
    )
    assert value == pytest.approx(found.difference[0], abs=1e-12)
    assert high - low == pytest.approx(found.difference[2] - found.difference[1], rel=0.2)
