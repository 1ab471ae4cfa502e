"""The recipe "ensemble": scaling, correlation filter, in-fold selection, one network per inner fold, averaged.

Each member holds out one fold for early stopping and selects its inputs without it. Members are brought to mean 0 and
standard deviation 1 over their own training patients before they are averaged, since the partial likelihood leaves
offset and, under early stopping, scale to chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.constant import varies
from models.errors import CohortRejected
from models.progress import Steps
from models.training.divisions import OutOfFoldOutputs, seed_of
from models.training.network import Loss, Recipe, fit_network
from models.training.scorer import CLIP, Layer, Scorer
from models.training.selection import stratified_folds, strongest, uncorrelated

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Objective:
    """Objective of the training, as functions of the patients (indices) given.

    Attributes
    ----------
    stratify : bool (patients,), spread evenly over the folds
    residuals : what the univariate association is measured with: indices → (indices,)
    loss : indices → (outputs of these patients, on the device → scalar)
    device : "cpu" or "cuda", where the networks are trained
    same : int64 (patients,), equal for rows that are the same patient (drawn twice by a bootstrap), which stay in one
        fold; None: every row is a patient of its own
    steps : counts the networks that are trained
    """

    stratify: NDArray[np.bool_]
    residuals: Callable[[Indices], NDArray[np.float64]]
    loss: Callable[[Indices], Loss]
    device: str = "cpu"
    same: Indices | None = None
    steps: Steps = field(default_factory=Steps)

    def of(self, rows: Indices, *, may_repeat: bool = False) -> Objective:
        """The objective of some of the patients, or of patients of whom some are drawn more than once."""
        return Objective(
            stratify=self.stratify[rows],
            residuals=lambda indices: self.residuals(rows[indices]),
            loss=lambda indices: self.loss(rows[indices]),
            device=self.device,
            same=rows if may_repeat else None,
            steps=self.steps,
        )

    def folds(self, count: int, *, seed: int) -> Indices:
        """A fold number for each row: `stratified_folds` over the patients."""
        if self.same is None:
            return stratified_folds(self.stratify, folds=count, seed=seed)
        _, first, patient = np.unique(self.same, return_index=True, return_inverse=True)
        return stratified_folds(self.stratify[first], folds=count, seed=seed)[patient]


# Squares of larger values, summed over patients, are no numbers of float64.
LARGEST = 1e150


def usable_inputs(names: tuple[str, ...], values: NDArray[np.float64], *, diagnostics: bool) -> Indices:
    """Indices of the inputs that vary and, unless `diagnostics`, are not diagnostics of image and mask.

    Raises
    ------
    CohortRejected
        When a value is not finite or too large for float64, or no input is left.
    """
    if values.ndim != 2 or values.shape[1] != len(names) or not np.all(np.isfinite(values)):
        raise CohortRejected(
            f"Features of shape {values.shape}; finite numbers, patients × {len(names)}, were expected."
        )
    size = np.abs(values).max(axis=0)
    if np.any(size > LARGEST):
        name = names[int(np.argmax(size))]
        raise CohortRejected(
            f"The feature {name} holds {size.max():.3g}; at most {LARGEST:g} was expected, as the variance of larger "
            "numbers cannot be computed. Correct that patient, or leave the patient out."
        )
    allowed = np.array([diagnostics or "_diagnostics_" not in name for name in names])
    usable = np.flatnonzero(varies(values) & allowed)
    if not usable.size:
        raise CohortRejected("No input varies between the patients; check the feature table.")
    return usable


@dataclass(frozen=True)
class Trial:
    """A recipe that was tried, and its loss on the held-out folds, mean over the members."""

    recipe: Recipe
    held_out_loss: float


@dataclass(frozen=True, eq=False)
class Searched:
    """The ensemble of the best recipe.

    Attributes
    ----------
    scorer : output has mean 0 over the training patients, no calibration yet
    recipe : what it was trained with
    trials : every recipe tried, in order
    held_out : float64 (patients,), for each patient the standardised output of the member that held that patient out
        for early stopping; NaN where no member did
    """

    scorer: Scorer
    recipe: Recipe
    trials: tuple[Trial, ...]
    held_out: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Scaled and clipped inputs z (patients, kept), which they are, and how they were scaled."""

    inputs: int
    source: Indices
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    z: NDArray[np.float64]


def fit_ensemble(
    values: NDArray[np.float64], usable: Indices, *, objective: Objective, recipe: Recipe, seed: int
) -> Scorer:
    """Trains the members and averages them: output has mean 0 over the training patients, no calibration yet.

    Parameters
    ----------
    values : (patients, inputs), unscaled
    usable : inputs that may be used
    """
    return fit_best(values, usable, objective=objective, recipes=(recipe,), seed=seed).scorer


def fit_best(
    values: NDArray[np.float64], usable: Indices, *, objective: Objective, recipes: tuple[Recipe, ...], seed: int
) -> Searched:
    """Trains an ensemble by every recipe and keeps the one with the smallest loss on the held-out folds.

    All are trained with the same folds and the same correlation filter, so that their losses can be compared. That loss
    has chosen the recipe and the epoch: it says nothing about new patients. `out_of_fold` repeats the choice in every
    outer fold.
    """
    prepared = _prepared(values, usable, recipes[0].correlation_limit)
    fitted = [_fitted(prepared, objective=objective, recipe=recipe, seed=seed) for recipe in recipes]
    trials = tuple(Trial(recipe, loss) for recipe, (_, loss, _) in zip(recipes, fitted, strict=True))
    best = min(range(len(trials)), key=lambda place: trials[place].held_out_loss)
    return Searched(fitted[best][0], recipes[best], trials, fitted[best][2])


def _prepared(values: NDArray[np.float64], usable: Indices, correlation_limit: float) -> _Prepared:
    mean, spread = values[:, usable].mean(axis=0), values[:, usable].std(axis=0)
    z = (values[:, usable] - mean) / spread
    kept = uncorrelated(z, limit=correlation_limit) if correlation_limit < 1 else np.arange(usable.size)
    return _Prepared(values.shape[1], usable[kept], mean[kept], spread[kept], np.clip(z[:, kept], -CLIP, CLIP))


def _fitted(
    prepared: _Prepared, *, objective: Objective, recipe: Recipe, seed: int
) -> tuple[Scorer, float, NDArray[np.float64]]:
    """The ensemble, the mean over its members of the loss on the fold each held out, and their outputs there."""
    z = prepared.z
    folds = objective.folds(recipe.inner_folds, seed=seed)
    networks: list[tuple[Indices, tuple[Layer, ...]]] = []
    losses: list[float] = []
    gains, offset = [], 0.0
    held_out = np.full(len(z), np.nan)
    for fold in range(recipe.members):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        chosen = np.arange(z.shape[1], dtype=np.int64)
        if recipe.selected is not None:
            chosen = strongest(z[inside], objective.residuals(inside), count=recipe.selected)
        fit = fit_network(
            z[np.ix_(inside, chosen)],
            z[np.ix_(outside, chosen)],
            loss=objective.loss(inside),
            held_out_loss=objective.loss(outside),
            recipe=recipe,
            seed=seed + fold,
            device=objective.device,
        )
        objective.steps.step(f"member {fold + 1}/{recipe.members}")
        losses.append(fit.held_out_loss)
        member = _scorer(z.shape[1], chosen, [(chosen, fit.layers)], (1.0,), 0.0)
        output = member.output(z[inside])
        spread = max(float(output.std()), 1e-6)
        held_out[outside] = (member.output(z[outside]) - float(output.mean())) / spread
        gain = 1.0 / (recipe.members * spread)
        networks.append((chosen, fit.layers))
        gains.append(gain)
        offset -= gain * float(output.mean())
    union = np.unique(np.concatenate([chosen for chosen, _ in networks]))
    inner = _scorer(z.shape[1], union, networks, tuple(gains), offset)
    scorer = Scorer(
        inputs=prepared.inputs,
        selected=prepared.source[union],
        centre=prepared.mean[union],
        scale=prepared.spread[union],
        networks=inner.networks,
        gains=inner.gains,
        offset=offset - float(inner.output(z).mean()),
        is_probability=False,
    )
    return scorer, float(np.mean(losses)), held_out


def _scorer(
    inputs: int,
    used: Indices,
    networks: list[tuple[Indices, tuple[Layer, ...]]],
    gains: tuple[float, ...],
    offset: float,
) -> Scorer:
    """A scorer on scaled inputs; every first layer is spread over the union of inputs, zero where not chosen."""
    spread = []
    for chosen, layers in networks:
        weights, bias = layers[0]
        first = np.zeros((used.size, weights.shape[1]))
        first[np.searchsorted(used, chosen)] = weights
        spread.append(((first, bias), *layers[1:]))
    return Scorer(inputs, used, np.zeros(used.size), np.ones(used.size), tuple(spread), gains, offset, False)


def out_of_fold_in_divisions(
    values: NDArray[np.float64],
    usable: Indices,
    *,
    objective: Objective,
    recipe: Recipe,
    folds: int,
    seed: int,
    alternatives: tuple[Recipe, ...] = (),
    divisions: int,
) -> OutOfFoldOutputs:
    """`out_of_fold` with the outer folds, and everything else that is drawn, drawn again for each division."""
    outputs, fold_of = [], []
    for division in range(divisions):
        if divisions > 1:
            objective.steps.begin(f"division {division + 1}/{divisions}")
        own = seed_of(seed, division)
        outputs.append(
            out_of_fold(
                values, usable, objective=objective, recipe=recipe, folds=folds, seed=own, alternatives=alternatives
            )
        )
        fold_of.append(objective.folds(folds, seed=own))
    return OutOfFoldOutputs(np.stack(outputs), np.stack(fold_of))


def out_of_fold(
    values: NDArray[np.float64],
    usable: Indices,
    *,
    objective: Objective,
    recipe: Recipe,
    folds: int,
    seed: int,
    alternatives: tuple[Recipe, ...] = (),
) -> NDArray[np.float64]:
    """Outputs for every patient of an ensemble that was trained without that patient: (patients,).

    The whole procedure is repeated in every fold, selection and choice among `alternatives` included, so that
    calibration and baseline hazard are estimated on what the model does with patients it has not seen. The folds are
    `stratified_folds(objective.stratify, folds=folds, seed=seed)`.
    """
    fold_of = objective.folds(folds, seed=seed)
    outputs = np.empty(len(values))
    part = objective.steps.part
    for fold in range(folds):
        objective.steps.begin(f"{part}, fold {fold + 1}/{folds}" if part else f"fold {fold + 1}/{folds}")
        inside, outside = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        kept = usable[varies(values[np.ix_(inside, usable)])]
        best = fit_best(
            values[inside],
            kept,
            objective=objective.of(inside),
            recipes=(recipe, *alternatives),
            seed=seed + 1000 * (fold + 1),
        )
        outputs[outside] = best.scorer.output(values[outside])
    return outputs
