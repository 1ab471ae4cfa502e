"""Several divisions of the outer folds, and a training that does not depend on the order of the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.cohort.features import FeatureRows
from models.cohort.outcomes import OutcomeRows
from models.cohort.patients import join
from models.errors import SetupError
from models.features.names import inputs_among
from models.inference.package import Training, load_package
from models.inference.tasks import Task
from models.inference.verdicts import few_per_parameter
from models.model_card.about import NOTICE, About
from models.statistics.concordance import harrell_c_of
from models.statistics.cox import fit_cox_model
from models.statistics.survival import breslow_baseline
from models.training.deepsurv import RecurrenceModel, cox_slope, fit_recurrence, partial_log_likelihood
from models.training.divisions import OutOfFoldOutputs, spread_in_words
from models.training.effective_parameters import effective_parameters
from models.training.network import Recipe
from models.training.options import TrainingOptions
from models.training.patients import TrainingPatients, training_patients
from models.training.recurrence import train_recurrence
from models.training.recurrence_package import write_recurrence
from models.training.trained_package import UNFIT
from models.volume import Sequence
from tests.models.small_packages import SETTINGS, input_names, write_small_package

TINY = Recipe(members=2, hidden=(4,), epochs=15, selected=10, correlation_limit=1.0)
NAMES = inputs_among(input_names())
COUNT = 100


def outcomes_of(values: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    risk = values[:, 0] + values[:, 1]
    recurrence, censoring = rng.exponential(60 * np.exp(-risk)), rng.uniform(20, 70, len(values))
    return np.maximum(np.minimum(recurrence, censoring), 0.1), (recurrence <= censoring).astype(float)


def patients_in(order: np.ndarray, values: np.ndarray, times: np.ndarray, events: np.ndarray) -> TrainingPatients:
    """The same patients, their rows in some order in both tables, the outcomes in another."""
    identifiers = np.array([f"patient {number:03d}" for number in range(len(values))])
    features = FeatureRows(
        "features.csv",
        tuple(identifiers[order].tolist()),
        NAMES,
        values[order],
        *((text,) * len(values) for text in (SETTINGS, "own 1", "own N4")),
    )
    turned = order[::-1]
    given = tuple(identifiers[turned].tolist())
    nobody = np.full(len(values), np.nan)
    outcomes = OutcomeRows(
        "outcomes.csv", given, ("all",) * len(values), given, times[turned], events[turned], nobody, {}
    )
    return training_patients(join(features, outcomes), task=Task.RECURRENCE, sequences=tuple(Sequence))


def package_of(patients: TrainingPatients, folder: Path) -> dict[str, bytes]:
    options = TrainingOptions(recipe=TINY, divisions=2, permutations=0, refits=0, seed=3)
    trained = train_recurrence(
        patients.names,
        patients.values,
        times_months=patients.times_months,
        events=patients.events,
        options=options,
    )
    about = About("site", "1.0.0", "Recurrence score", NOTICE, "Made-up patients.")
    write_recurrence(folder, trained, patients, about=about)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_shuffled_rows_give_the_same_package(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(COUNT, len(NAMES)))
    times, events = outcomes_of(values, rng)
    made = [
        package_of(patients_in(order, values, times, events), tmp_path / str(number))
        for number, order in enumerate((np.arange(COUNT), rng.permutation(COUNT)))
    ]
    assert made[0] == made[1]
    package = load_package(tmp_path / "0")
    assert package.training.effective_parameters is not None
    assert package.training.effective_parameters >= 1
    card = made[0]["MODEL_CARD.md"].decode()
    assert "| Spread over divisions and seeds |" in card
    assert "in 2 divisions (standard deviation" in card
    assert "| Effective parameters |" in card
    # Said on top of the card and in the notice that every page has, or nowhere.
    few = few_per_parameter(package.task, package.training)
    assert package.identity.notice == (NOTICE if few is None else f"{NOTICE}; {UNFIT}")
    assert (card.splitlines()[4] == f"**{few}**") == (few is not None)


@pytest.mark.parametrize(("parameters", "is_unfit"), [(1.3, True), (1.1, False)])
def test_a_package_of_few_events_for_its_parameters_says_so_on_top(
    tmp_path: Path, parameters: float, is_unfit: bool
) -> None:
    """The case of 20 patients with 12 events, at both sides of ten events for each parameter."""
    write_small_package(
        tmp_path,
        notice=NOTICE,
        training=Training(
            data="made", patients=20, events=12, recipe="r", performance="p", effective_parameters=parameters
        ),
    )
    card = (tmp_path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.splitlines()[4].startswith("**Must not be used on patients: 12 events") == is_unfit
    assert ("Must not be used on patients" in (tmp_path / "MODEL_CARD.html").read_text(encoding="utf-8")) == is_unfit
    assert load_package(tmp_path).training.effective_parameters == parameters


@pytest.fixture(scope="module")
def model() -> tuple[RecurrenceModel, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    values = rng.normal(size=(COUNT, 12))
    times, events = outcomes_of(values, rng)
    names = tuple(f"t1c_intratumoral_original_made_{i:02d}" for i in range(12))
    found = fit_recurrence(names, values, times_months=times, events=events, recipe=TINY, seed=5, divisions=3)
    return found, times, events


def test_figures_are_means_and_estimates_of_all_divisions(
    model: tuple[RecurrenceModel, np.ndarray, np.ndarray],
) -> None:
    found, times, events = model
    outputs = found.divisions.outputs
    assert outputs.shape == found.divisions.fold_of.shape == (3, COUNT)
    concordances = [harrell_c_of(times, events, one) for one in outputs]
    assert len(set(concordances)) == 3
    assert found.c_out_of_fold == pytest.approx(np.mean(concordances), abs=1e-12)
    np.testing.assert_array_equal(found.uncalibrated, outputs[0])
    # Each division's own slope lies around the common one, and the baseline is that of the average risk set.
    slopes = [
        cox_slope(times, events, one, strata=fold) for one, fold in zip(outputs, found.divisions.fold_of, strict=True)
    ]
    assert min(slopes) < found.slope < max(slopes)
    hazards = [breslow_baseline(times, events, found.slope * one).at(24.0) for one in outputs]
    assert min(hazards) <= found.baseline.at(24.0) <= max(hazards)


def test_the_first_division_is_that_of_a_training_with_one(
    model: tuple[RecurrenceModel, np.ndarray, np.ndarray],
) -> None:
    found = model[0]
    assert not np.array_equal(found.divisions.fold_of[0], found.divisions.fold_of[1])
    assert np.unique(found.divisions.strata).size == 3 * found.folds
    one = OutOfFoldOutputs(found.divisions.outputs[:1], found.divisions.fold_of[:1])
    np.testing.assert_array_equal(one.strata, found.divisions.fold_of[0])


def test_the_spread_in_words() -> None:
    outputs = np.random.default_rng(1).normal(size=(3, 50))
    assert spread_in_words((0.7,), outputs[:1]) == "not measured: one division"
    said = spread_in_words((0.70, 0.74, 0.72), np.stack([outputs[0], 2 * outputs[0], 1 + outputs[0]]))
    assert said == "0.70 to 0.74 in 3 divisions (standard deviation 0.020); scores of two divisions correlate with 1.00"
    assert "correlate" not in spread_in_words((0.5, 0.5), np.full((2, 50), 0.9))


def test_no_division_is_refused() -> None:
    with pytest.raises(SetupError, match="at least 1"):
        TrainingOptions(recipe=TINY, divisions=0)


def test_five_coefficients_are_about_five_parameters() -> None:
    """Akaike's theorem, on Cox models of five covariates, cross-validated in ten folds: mean over 30 cohorts."""
    rng = np.random.default_rng(8)
    found = []
    for _ in range(30):
        values = rng.normal(size=(200, 5))
        times, events = outcomes_of(values, rng)
        unseen = np.empty(200)
        for fold in range(10):
            outside = np.arange(200) % 10 == fold
            fit = fit_cox_model(times[~outside], events[~outside], values[~outside])
            unseen[outside] = values[outside] @ fit.coefficients
        whole = values @ fit_cox_model(times, events, values).coefficients
        found.append(effective_parameters(partial_log_likelihood(times, events), whole, unseen[None]))
    # Folds of a tenth cost a ninth of the optimism more; the standard error of the mean is about .5.
    assert np.mean(found) == pytest.approx(5.5, abs=1.5)


def test_a_model_without_inputs_has_one_parameter() -> None:
    times, events = np.arange(1.0, 41.0), np.ones(40)
    assert effective_parameters(partial_log_likelihood(times, events), np.zeros(40), np.zeros((2, 40))) == 1.0
