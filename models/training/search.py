"""A small random search over a stated grid: which recipes are tried beside the given one.

The search itself is `models.training.ensemble.fit_best`, inside the folds; nothing here looks at a patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np

from models.errors import SetupError
from models.number_words import counted
from models.quality_notes import QualityNote, Severity
from models.training.ensemble import Trial
from models.training.network import Recipe

# Small on purpose: fifty events cannot tell many recipes apart, and what wins among many wins by chance.
HIDDEN = ((16,), (32, 16), (64, 32), (128, 64))
DROPOUT = (0.1, 0.3, 0.5)
LEARNING_RATE = (1e-3, 2e-3, 5e-3)
WEIGHT_DECAY = (1e-3, 1e-2, 1e-1)
SELECTED = (25, 50, 100, 200)


def alternatives(recipe: Recipe, *, trials: int, seed: int) -> tuple[Recipe, ...]:
    """`trials` - 1 different recipes of the grid, drawn at random, none of them `recipe`; the rest is as in `recipe`.

    Raises
    ------
    SetupError
        When there are more trials than recipes.
    """
    grid = [
        replace(recipe, hidden=hidden, dropout=dropout, learning_rate=rate, weight_decay=decay, selected=selected)
        for hidden, dropout, rate, decay, selected in product(HIDDEN, DROPOUT, LEARNING_RATE, WEIGHT_DECAY, SELECTED)
    ]
    others = [candidate for candidate in grid if candidate != recipe]
    if not 1 <= trials <= len(others) + 1:
        raise SetupError(
            f"{counted(trials, 'trial was', 'trials were')} requested; 1 to {counted(len(others) + 1, 'recipe')} can "
            "be tried."
        )
    chosen = np.random.default_rng(seed).choice(len(others), size=trials - 1, replace=False)
    return tuple(others[index] for index in chosen)


def search_notes(trials: tuple[Trial, ...]) -> tuple[QualityNote, ...]:
    """Note on the gain of the search; nothing where there was no search."""
    if len(trials) < 2:
        return ()
    best = min(trial.held_out_loss for trial in trials)
    gain = trials[0].held_out_loss - best
    if gain > 0:
        sentence = (
            f"{counted(len(trials), 'recipe was', 'recipes were')} tried; the best has a held-out loss of {best:.4f}, "
            f"{gain:.4f} below that of the default. Figures out of fold include this choice; the losses say nothing "
            "about new patients."
        )
    else:
        sentence = (
            f"{counted(len(trials), 'recipe was', 'recipes were')} tried; the default has the smallest held-out loss, "
            f"{best:.4f}."
        )
    return (QualityNote("recipe-searched", Severity.NOTE, sentence),)


def in_words(trials: tuple[Trial, ...]) -> Mapping[str, str]:
    """ "trial 1" → its parameters and loss, for manifest and card; empty where there was no choice."""
    if len(trials) < 2:
        return {}
    best = min(trials, key=lambda trial: trial.held_out_loss)
    return {f"trial {number}": _words(trial, is_best=trial is best) for number, trial in enumerate(trials, start=1)}


def _words(trial: Trial, *, is_best: bool) -> str:
    recipe = trial.recipe
    widths = "-".join(str(width) for width in recipe.hidden)
    selected = "all" if recipe.selected is None else f"{recipe.selected}"
    return (
        f"{widths} units, dropout {recipe.dropout:g}, learning rate {recipe.learning_rate:g}, weight decay "
        f"{recipe.weight_decay:g}, {counted(selected, 'input')}: held-out loss "
        f"{trial.held_out_loss:.4f}{', taken' if is_best else ''}"
    )
