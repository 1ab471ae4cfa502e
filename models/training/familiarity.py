"""Learns what the features of the training patients look like, with limits from patients who were held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.constant import varies
from models.errors import CohortRejected
from models.inference.familiarity import (
    CLIP,
    COMPONENTS,
    FAR_OUTSIDE_SHARE,
    HELD_OUT_SHARE,
    Familiarity,
    Floats,
    Limits,
    Measures,
)

RANGE = (0.005, 0.995)  # quantiles that make the range of an input
FOLDS = 5
_PATIENTS_PER_COMPONENT = 5
_NO_LIMITS = Limits(residual=0.0, distance=0.0, share=0.0)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One fold: what was learnt from the other patients, and who was held out.

    Attributes
    ----------
    familiarity : of the other patients, without limits
    low, high : their ranges, float64 (inputs,)
    rows : bool (patients,), held out
    """

    familiarity: Familiarity
    low: Floats
    high: Floats
    rows: NDArray[np.bool_]

    def measures(self, values: Floats) -> Measures:
        """Measures of patients (patients, inputs) by what was learnt from the others."""
        return self.familiarity.measures(values, low=self.low, high=self.high)


def fit_familiarity(values: Floats, usable: NDArray[np.int64], *, seed: int) -> Familiarity:
    """Principal components of the training patients; limits from five folds, each compared with the other four.

    Parameters
    ----------
    values : (patients, inputs), finite
    usable : inputs that vary

    Raises
    ------
    CohortRejected
        When there are fewer than two patients for each fold.
    """
    folds = held_out_folds(values, usable, seed=seed)
    measured = [fold.measures(values[fold.rows]) for fold in folds]

    def limit(name: str, share: float = HELD_OUT_SHARE) -> float:
        # The next larger of the patients there are: with fewer than a hundred, the largest.
        return float(np.quantile(np.concatenate([getattr(one, name) for one in measured]), share, method="higher"))

    limits = Limits(
        residual=limit("residual"),
        distance=limit("distance"),
        share=limit("share"),
        count=limit("count"),
        count_outside=limit("count", FAR_OUTSIDE_SHARE),
    )
    return _fitted(values, usable, limits)


def held_out_folds(values: Floats, usable: NDArray[np.int64], *, seed: int) -> tuple[HeldOut, ...]:
    """Five folds, each learnt without its patients.

    Raises
    ------
    CohortRejected
        As `fit_familiarity`.
    """
    if len(values) < 2 * FOLDS:
        raise CohortRejected(
            f"{2 * FOLDS} patients are needed to learn what is usual; there are {len(values)}: train on more."
        )
    fold_of = np.random.default_rng(seed).permutation(len(values)) % FOLDS
    folds = []
    for fold in range(FOLDS):
        inside = values[fold_of != fold]
        kept = usable[varies(inside[:, usable])]
        folds.append(HeldOut(_fitted(inside, kept, _NO_LIMITS), *input_ranges(inside), fold_of == fold))
    return tuple(folds)


def input_ranges(values: Floats) -> tuple[Floats, Floats]:
    """0.5 and 99.5 % quantile of each input: (patients, inputs) → two of (inputs,)."""
    low, high = np.quantile(values, RANGE, axis=0)
    return np.asarray(low), np.asarray(high)


def _fitted(values: Floats, usable: NDArray[np.int64], limits: Limits) -> Familiarity:
    centre, scale = values[:, usable].mean(axis=0), values[:, usable].std(axis=0)
    z = np.clip((values[:, usable] - centre) / scale, -CLIP, CLIP)
    count = max(1, min(COMPONENTS, len(values) // _PATIENTS_PER_COMPONENT, usable.size))
    # Components from the smaller of two matrices: inner products of patients, or of inputs.
    is_wide = z.shape[1] >= len(z)
    squares, vectors = np.linalg.eigh(z @ z.T if is_wide else z.T @ z)
    squares, vectors = squares[::-1][:count], vectors[:, ::-1][:, :count]
    kept = squares > 1e-9 * squares[0]
    squares, vectors = squares[kept], vectors[:, kept]
    directions = (z.T @ vectors / np.sqrt(squares) if is_wide else vectors).T
    # Eigenvectors have no sign; the largest entry is made positive.
    largest = np.abs(directions).argmax(axis=1)
    directions *= np.sign(directions[np.arange(len(directions)), largest])[:, np.newaxis]
    return Familiarity(
        used=usable,
        centre=centre,
        scale=scale,
        directions=directions.astype(np.float32),
        variances=squares / len(values),
        limits=limits,
    )
