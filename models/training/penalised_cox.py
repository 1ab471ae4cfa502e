"""The reference for every network: a Cox model with the elastic net, its penalty by cross-validated likelihood.

Minimises  -log partial likelihood / events + λ (α |b|₁ + (1 - α)/2 |b|²)  on standardised inputs (Breslow's ties), as
R `glmnet(family = "cox")` does but for a factor patients/events in λ. Own code, since scikit-survival is GPL, skglm
compiles for minutes at its first call and lifelines needs minutes from 1,000 inputs on.

References: Simon, Friedman, Hastie and Tibshirani (2011), J Stat Softw 39(5):1-13; Beck and Teboulle (2009), SIAM J
Imaging Sci 2:183-202, with O'Donoghue and Candès (2015), Found Comput Math 15:715-732, for the restart; Tibshirani et
al. (2012), J R Stat Soc B 74:245-266, for the screening; Verweij and van Houwelingen (1993), Stat Med 12:2305-2314, for
the cross-validated partial likelihood.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.constant import varies
from models.errors import CohortRejected
from models.number_words import counted
from models.statistics.concordance import harrell_c_of
from models.training.selection import stratified_folds, uncorrelated

Floats = NDArray[np.float64]

FOLDS = 5
PENALTIES = 30
SMALLEST_PENALTY = 0.1  # of the largest, at which the model is empty; below, 50 events only fit noise
TOLERANCE = 1e-6  # largest step of a coefficient, in units of the gradient
_STEPS = 2000
_PAST_THE_BEST = 5  # penalties without a better held-out likelihood before the search ends
_CLIP = 4.0


@dataclass(frozen=True, eq=False)
class PenalisedCox:
    """A penalised Cox model, and what it does with patients it has not seen.

    Attributes
    ----------
    inputs : int64 (selected,), the inputs with a coefficient, increasing; none where it finds nothing
    coefficients : float64 (selected,), log hazard ratio per standard deviation of the input
    penalty : λ
    out_of_fold : float64 (patients,), log-risk of every patient by a model fitted, penalty included, without that
        patient
    c_out_of_fold : Harrell's C of these
    """

    inputs: NDArray[np.int64]
    coefficients: Floats
    penalty: float
    out_of_fold: Floats
    c_out_of_fold: float


class CoxLikelihood:
    """Negative log partial likelihood per event with Breslow's ties, and its gradient by the log-risks."""

    def __init__(self, times: Floats, events: Floats) -> None:
        if not events.any():
            raise CohortRejected("There is no event among the patients; the partial likelihood needs at least one.")
        self._order = np.argsort(-times, kind="stable")
        ordered = times[self._order]
        self._events = events[self._order]
        # Of each patient: the last one, in order of falling time, who is at risk at that patient's time.
        self._last = np.searchsorted(-ordered, -ordered, side="right") - 1
        self._first = np.searchsorted(-ordered, -ordered, side="left")
        self.event_count = float(events.sum())

    def value(self, log_risk: Floats) -> float:
        """(patients,) → scalar."""
        eta = log_risk[self._order]
        peak = float(eta.max())
        at_risk = np.log(np.cumsum(np.exp(eta - peak))[self._last]) + peak
        return float(self._events @ (at_risk - eta)) / self.event_count

    def gradient(self, log_risk: Floats) -> Floats:
        """(patients,) → (patients,)."""
        eta = log_risk[self._order]
        weights = np.exp(eta - eta.max())
        increments = self._events / np.cumsum(weights)[self._last]
        # Hazard up to a patient's own time: over events at the same time or earlier, hence behind in this order.
        hazard = np.cumsum(increments[::-1])[::-1][self._first]
        gradient = np.empty_like(eta)
        gradient[self._order] = (weights * hazard - self._events) / self.event_count
        return gradient


def penalties(x: Floats, likelihood: CoxLikelihood, *, l1_share: float) -> Floats:
    """From the smallest penalty at which the model is empty downwards, on a logarithmic scale: (30,)."""
    largest = float(np.abs(x.T @ likelihood.gradient(np.zeros(len(x)))).max()) / l1_share
    return largest * np.geomspace(1.0, SMALLEST_PENALTY, PENALTIES)


def penalised_path(x: Floats, likelihood: CoxLikelihood, grid: Floats, *, l1_share: float) -> Iterator[Floats]:
    """Coefficients (inputs,) for each penalty of a falling grid; x is (patients, inputs).

    Every solution is checked against the optimality conditions of all inputs, those screened out included.

    Raises
    ------
    CohortRejected
        When a solution is not reached.
    """
    beta = np.zeros(x.shape[1])
    previous = float(grid[0])
    for penalty in grid:
        l1, l2 = float(penalty) * l1_share, float(penalty) * (1 - l1_share)
        slope = x.T @ likelihood.gradient(x @ beta)
        active = (beta != 0) | (np.abs(slope) >= l1_share * (2 * penalty - previous))
        while True:
            beta[active] = _minimised(x[:, active], likelihood, beta[active], l1=l1, l2=l2)
            slope = x.T @ likelihood.gradient(x @ beta)
            violated = ~active & (np.abs(slope) > l1 * (1 + 1e-4))
            if not violated.any():
                break
            active |= violated
        previous = float(penalty)
        yield beta.copy()


def fit_penalised_cox(
    values: Floats,
    usable: NDArray[np.int64],
    *,
    times_months: Floats,
    events: Floats,
    correlation_limit: float,
    l1_share: float = 1.0,
    folds: int = FOLDS,
    seed: int,
) -> PenalisedCox:
    """Fits on the inputs the network is offered: usable, not copies of each other, standardised, clipped at ±4.

    Parameters
    ----------
    values : (patients, inputs), unscaled
    usable : inputs that may be used
    correlation_limit : inputs with |r| above this with an earlier one are dropped inside each fold; 1 keeps all
    l1_share : α; 1 is the lasso
    folds : outer folds, of the out-of-fold log-risks, and inner folds, of the penalty

    Raises
    ------
    CohortRejected
        When there are fewer events than folds.
    """
    if events.sum() < 2 * folds:
        raise CohortRejected(
            f"{2 * folds} events are needed for {counted(folds, 'fold')}; there are {events.sum():.0f}: train on more "
            "patients."
        )
    fold_of = stratified_folds(events.astype(np.bool_), folds=folds, seed=seed)
    out_of_fold = np.empty(len(values))
    for fold in range(folds):
        inside, outside = fold_of != fold, fold_of == fold
        kept = usable[varies(values[np.ix_(inside, usable)])]
        z, chosen, scale = _standardised(values[inside], kept, correlation_limit)
        _, beta = _selected(
            z, times_months[inside], events[inside], l1_share=l1_share, folds=folds, seed=seed + fold + 1
        )
        unseen = np.clip((values[np.ix_(outside, chosen)] - scale[0]) / scale[1], -_CLIP, _CLIP)
        out_of_fold[outside] = unseen @ beta
    z, chosen, _ = _standardised(values, usable, correlation_limit)
    penalty, beta = _selected(z, times_months, events, l1_share=l1_share, folds=folds, seed=seed)
    return PenalisedCox(
        inputs=chosen[beta != 0],
        coefficients=beta[beta != 0],
        penalty=penalty,
        out_of_fold=out_of_fold,
        c_out_of_fold=harrell_c_of(times_months, events, out_of_fold),
    )


def _standardised(
    values: Floats, usable: NDArray[np.int64], correlation_limit: float
) -> tuple[Floats, NDArray[np.int64], tuple[Floats, Floats]]:
    mean, spread = values[:, usable].mean(axis=0), values[:, usable].std(axis=0)
    z = (values[:, usable] - mean) / spread
    kept = np.arange(usable.size) if correlation_limit >= 1 else uncorrelated(z, limit=correlation_limit)
    return np.clip(z[:, kept], -_CLIP, _CLIP), usable[kept], (mean[kept], spread[kept])


def _selected(
    z: Floats, times: Floats, events: Floats, *, l1_share: float, folds: int, seed: int
) -> tuple[float, Floats]:
    """(penalty, coefficients) with the largest cross-validated partial likelihood."""
    whole = CoxLikelihood(times, events)
    grid = penalties(z, whole, l1_share=l1_share)
    fold_of = stratified_folds(events.astype(np.bool_), folds=folds, seed=seed)
    inside = [fold_of != fold for fold in range(folds)]
    parts = [CoxLikelihood(times[rows], events[rows]) for rows in inside]
    paths = [penalised_path(z[rows], part, grid, l1_share=l1_share) for rows, part in zip(inside, parts, strict=True)]
    losses: list[float] = []
    for solutions in zip(*paths, strict=True):
        loss = 0.0
        for rows, part, beta in zip(inside, parts, solutions, strict=True):
            # Log likelihood of all less that of those inside: what the patients outside add.
            eta = z @ beta
            loss += whole.value(eta) * whole.event_count - part.value(eta[rows]) * part.event_count
        losses.append(loss)
        if len(losses) - int(np.argmin(losses)) > _PAST_THE_BEST:
            break
    best = int(np.argmin(losses))
    *_, coefficients = penalised_path(z, whole, grid[: best + 1], l1_share=l1_share)
    return float(grid[best]), coefficients


def _minimised(x: Floats, likelihood: CoxLikelihood, start: Floats, *, l1: float, l2: float) -> Floats:
    """Accelerated proximal gradient with backtracking and restart."""
    beta = momentum = start
    speed, step = 1.0, 1.0
    for _ in range(_STEPS):
        eta = x @ momentum
        smooth = likelihood.value(eta) + 0.5 * l2 * float(momentum @ momentum)
        slope = x.T @ likelihood.gradient(eta) + l2 * momentum
        while True:
            moved = momentum - step * slope
            new = np.sign(moved) * np.maximum(np.abs(moved) - step * l1, 0.0)
            change = new - momentum
            bound = smooth + float(slope @ change) + float(change @ change) / (2 * step)
            if likelihood.value(x @ new) + 0.5 * l2 * float(new @ new) <= bound + 1e-12:
                break
            step /= 2
        if float(np.abs(change).max(initial=0.0)) <= TOLERANCE * step:
            return np.asarray(new)
        if float((momentum - new) @ (new - beta)) > 0:
            speed = 1.0  # the momentum points uphill
        faster = (1 + np.sqrt(1 + 4 * speed**2)) / 2
        momentum = new + (speed - 1) / faster * (new - beta)
        beta, speed, step = new, faster, step * 1.1
    raise CohortRejected(f"The penalised Cox model was not reached in {_STEPS} steps; standardise the inputs.")
