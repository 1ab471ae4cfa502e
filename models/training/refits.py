"""Trains the whole recipe again on bootstrap samples of the patients: how far another training moves a score.

Every refit repeats correlation filter, selection in the folds, early stopping and, where recipes are searched, the
choice among them. Copies of one patient stay in one fold, or early stopping would listen to patients it has seen.
Calibration is that of the model itself: of its own the refits would have one each only after ten times the training.

Reference: Efron (1979), Ann Stat 7:1-26.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.constant import varies
from models.errors import CohortRejected
from models.number_words import counted
from models.training.ensemble import Indices, Objective, fit_best
from models.training.network import Recipe
from models.training.scorer import Scorer

REFITS = 6  # with three or four the spread is unstable, and the groups of more patients flip among those shown
_REDRAWS = 100


@dataclass(frozen=True, eq=False)
class Refits:
    """The refits of a model.

    Attributes
    ----------
    scorers : one for each bootstrap sample; output on the log-risk or logit scale, calibrated like the model
    drawn : bool (refits, patients), which training patients each has seen
    """

    scorers: tuple[Scorer, ...] = ()
    drawn: NDArray[np.bool_] | None = None

    def outputs(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(patients, inputs) → float64 (patients, refits)."""
        return np.column_stack([np.empty((len(values), 0)), *(scorer.output(values) for scorer in self.scorers)])


def fit_refits(
    values: NDArray[np.float64],
    usable: Indices,
    *,
    objective: Objective,
    recipes: tuple[Recipe, ...],
    slope: float,
    intercept: float,
    count: int,
    seed: int,
) -> Refits:
    """Trains `count` refits; each output is slope · ensemble + intercept, as that of the model.

    Parameters
    ----------
    values, usable, objective, recipes : as in `fit_best`

    Raises
    ------
    CohortRejected
        When bootstrap samples hold too few patients of the rarer label for the folds.
    """
    scorers, drawn = [], np.zeros((count, len(values)), dtype=np.bool_)
    for number in range(count):
        objective.steps.begin(f"refit {number + 1}/{count}")
        rows = _bootstrap(objective.stratify, folds=recipes[0].inner_folds, seed=seed, number=number)
        drawn[number, rows] = True
        kept = usable[varies(values[np.ix_(rows, usable)])]
        fitted = fit_best(
            values[rows],
            kept,
            objective=objective.of(rows, may_repeat=True),
            recipes=recipes,
            seed=seed + 100_000 * (number + 1),
        ).scorer
        scorers.append(
            replace(
                fitted,
                gains=tuple(slope * gain for gain in fitted.gains),
                offset=slope * fitted.offset + intercept,
            )
        )
    return Refits(tuple(scorers), drawn)


def _bootstrap(labels: NDArray[np.bool_], *, folds: int, seed: int, number: int) -> Indices:
    """Rows of one sample, drawn with replacement, with two different patients of each label for each fold."""
    rng = np.random.default_rng((seed, number))
    for _ in range(_REDRAWS):
        rows = np.sort(rng.integers(labels.size, size=labels.size))
        different = labels[np.unique(rows)]
        if min(np.count_nonzero(different), np.count_nonzero(~different)) >= 2 * folds:
            return rows
    raise CohortRejected(
        f"{_REDRAWS} bootstrap samples of {counted(labels.size, 'patient')} ({np.count_nonzero(labels)} with the "
        f"event) had fewer than {2 * folds} of one kind; there are too few for refits. Train without them: --refits 0."
    )
