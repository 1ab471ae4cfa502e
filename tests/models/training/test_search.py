"""The search over recipes: what is tried, that the best is taken, that the figures out of fold include the choice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import SetupError
from models.inference.package import load_package
from models.model_card.about import NOTICE, About
from models.simulation.cohort import Cohort, Truth, simulate_cohort
from models.simulation.feature_shape import FeatureShape
from models.training.deepsurv import objective_of
from models.training.ensemble import Trial, fit_best, fit_ensemble, out_of_fold
from models.training.network import Recipe
from models.training.options import TrainingOptions
from models.training.partial_likelihood import Ties
from models.training.recurrence import train_recurrence
from models.training.recurrence_package import write_recurrence
from models.training.search import DROPOUT, HIDDEN, SELECTED, alternatives, in_words, search_notes
from tests.models.training.test_recurrence import patients_of

SPOILT = {"learning_rate": 1e-7, "epochs": 2}  # learns nothing in two steps


@pytest.fixture(scope="module")
def cohort(shape: FeatureShape) -> Cohort:
    return simulate_cohort(shape, truth=Truth.STRONG, seed=51, sizes={"training": 250})


@pytest.fixture(scope="module")
def tiny(quick: Recipe) -> Recipe:
    return replace(quick, hidden=(8,), epochs=15, patience=4)


def test_the_grid_is_drawn_from_by_the_seed() -> None:
    recipe = Recipe()
    drawn = alternatives(recipe, trials=20, seed=4)
    assert len(set(drawn)) == 19
    assert recipe not in drawn
    assert drawn == alternatives(recipe, trials=20, seed=4) != alternatives(recipe, trials=20, seed=5)
    for one in drawn:
        assert (one.hidden in HIDDEN, one.dropout in DROPOUT, one.selected in SELECTED) == (True, True, True)
        assert (one.members, one.correlation_limit, one.diagnostics) == (5, 0.9, False)  # not searched
    assert alternatives(recipe, trials=1, seed=4) == ()
    with pytest.raises(SetupError, match="1 to 432 recipes can be tried"):
        alternatives(recipe, trials=433, seed=4)


def test_the_smallest_held_out_loss_wins(cohort: Cohort, tiny: Recipe) -> None:
    objective = objective_of(cohort.times_months, cohort.events, Ties.EFRON)
    usable, spoilt = np.arange(len(cohort.names)), replace(tiny, **SPOILT)  # type: ignore[arg-type]
    found = fit_best(cohort.values, usable, objective=objective, recipes=(spoilt, tiny), seed=1)
    assert found.recipe == tiny
    assert [trial.recipe for trial in found.trials] == [spoilt, tiny]
    assert found.trials[1].held_out_loss < found.trials[0].held_out_loss
    alone = fit_ensemble(cohort.values, usable, objective=objective, recipe=tiny, seed=1)
    np.testing.assert_array_equal(found.scorer.output(cohort.values), alone.output(cohort.values))


def test_the_choice_is_made_anew_in_every_outer_fold_without_its_patients(cohort: Cohort, tiny: Recipe) -> None:
    usable, spoilt = np.arange(len(cohort.names)), replace(tiny, **SPOILT)  # type: ignore[arg-type]
    patient = int(np.flatnonzero(cohort.events == 1)[0])

    def outputs(times: np.ndarray) -> np.ndarray:
        return out_of_fold(
            cohort.values,
            usable,
            objective=objective_of(times, cohort.events, Ties.EFRON),
            recipe=spoilt,
            alternatives=(tiny,),
            folds=3,
            seed=1,
        )

    changed = cohort.times_months.copy()
    changed[patient] = 95.0
    before, after = outputs(cohort.times_months), outputs(changed)
    assert before[patient] == after[patient]
    assert np.count_nonzero(before != after) > 80
    # The good recipe is found inside each fold: the same outputs as if it alone had been given.
    objective = objective_of(cohort.times_months, cohort.events, Ties.EFRON)
    alone = out_of_fold(cohort.values, usable, objective=objective, recipe=tiny, folds=3, seed=1)
    np.testing.assert_array_equal(before, alone)


def test_trials_stand_in_manifest_card_and_notes(cohort: Cohort, tiny: Recipe, tmp_path: Path) -> None:
    options = TrainingOptions(recipe=tiny, divisions=1, permutations=0, trials=2, refits=0)
    trained = train_recurrence(
        cohort.names, cohort.values, times_months=cohort.times_months, events=cohort.events, options=options
    )
    assert "recipe-searched" in {note.code for note in trained.notes}
    about = About("site", "1.0.0", "Recurrence score", NOTICE, "250 simulated patients.")
    write_recurrence(tmp_path / "site", trained, patients_of(cohort), about=about)
    package = load_package(tmp_path / "site")
    assert package.search == in_words(trained.model.trials)
    assert list(package.search) == ["trial 1", "trial 2"]
    assert sum(text.endswith(", taken") for text in package.search.values()) == 1
    card = (tmp_path / "site" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert all(f"- {name}: {text}" in card for name, text in package.search.items())
    assert "2 recipes were tried inside the folds" in card


def test_one_recipe_is_no_search() -> None:
    assert in_words((Trial(Recipe(), 4.0),)) == {}
    assert search_notes((Trial(Recipe(), 4.0),)) == ()
    (note,) = search_notes((Trial(Recipe(), 4.0), Trial(Recipe(dropout=0.1), 4.5)))
    assert "the default has the smallest" in note.sentence
