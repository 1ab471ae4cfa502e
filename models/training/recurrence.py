"""Trains a recurrence model with every check against overfitting.

Beside the network: a penalised Cox model on the same inputs and the difference to it, the same training on permuted
outcomes, out-of-fold concordance with its interval, calibration slope and baseline hazard out of fold, and a cut-off
that is either fixed or selected with a p value that knows it was selected.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import SetupError
from models.inference.familiarity import Familiarity, FamiliarityTest
from models.inference.package import OutOfFold
from models.quality_notes import QualityNote, Severity
from models.statistics.baseline_resamples import BaselineResamples
from models.statistics.bootstrap import resampled_estimate
from models.statistics.concordance import harrell_c
from models.statistics.cox import fit_cox
from models.statistics.cutpoint import SelectedCutOff, select_cut_off
from models.statistics.estimate import Estimate
from models.statistics.followed import Followed
from models.threads import one_thread
from models.training.baseline_resamples import resample_baseline
from models.training.deepsurv import RecurrenceModel, fit_recurrence, objective_of
from models.training.ensemble import out_of_fold, usable_inputs
from models.training.familiarity import fit_familiarity
from models.training.interval import cross_validated, widened
from models.training.oddities import check_familiarity
from models.training.options import LEAK, TrainingOptions
from models.training.partial_likelihood import Ties
from models.training.penalised_cox import FOLDS as COX_FOLDS
from models.training.penalised_cox import PenalisedCox, fit_penalised_cox
from models.training.refits import fit_refits
from models.training.search import alternatives, search_notes
from models.training.spread import Spread, spread_of

CUT_OFF = 1.10  # of the paper; as a log-risk, three times the hazard of the average patient
HORIZONS_MONTHS = (12.0, 24.0, 36.0)
FEW_EVENTS = 50  # about what the paper's cohort had, which carries some seven parameters
FEW_HIGH = 10  # patients above the cut-off
_RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class TrainedRecurrence:
    """A trained model with what was measured about it.

    Attributes
    ----------
    model : the network
    out_of_fold : its Harrell's C out of fold
    slope_interval : 95 % interval of the calibration slope; None where it cannot be estimated
    cox : the penalised Cox model
    cox_out_of_fold : its Harrell's C out of fold
    difference : Harrell's C of the network less that of the Cox model, and its 95 % interval, on the same samples
    permuted_c : Harrell's C out of fold on permuted outcomes
    cut_off : fixed or selected
    selected : how it was selected, else None
    horizons_months : inside the follow-up
    familiarity, familiarity_test : what the inputs look like, and what that catches
    spread : refits or members, for the plausible range; None for a single network
    resamples : of slope and baseline; None where they cannot be estimated
    notes : doubts
    seconds : of the network (out of fold and final), and of everything
    """

    model: RecurrenceModel
    out_of_fold: OutOfFold
    slope_interval: tuple[float, float] | None
    cox: PenalisedCox
    cox_out_of_fold: OutOfFold
    difference: tuple[float, float, float]
    permuted_c: tuple[float, ...]
    cut_off: float
    selected: SelectedCutOff | None
    horizons_months: tuple[float, ...]
    familiarity: Familiarity
    familiarity_test: FamiliarityTest
    spread: Spread | None
    resamples: BaselineResamples | None
    notes: tuple[QualityNote, ...]
    seconds: tuple[float, float]


@one_thread()
def train_recurrence(
    names: tuple[str, ...],
    values: NDArray[np.float64],
    *,
    times_months: NDArray[np.float64],
    events: NDArray[np.float64],
    options: TrainingOptions,
    cut_off: float | None = CUT_OFF,
    settings_digest: str = "",
) -> TrainedRecurrence:
    """Trains on `values` (patients, inputs), follow-up in months and events of 0 or 1.

    Parameters
    ----------
    cut_off : fixed on the scale of the score, or None to select it
    settings_digest : of the feature settings; "" where they are not known

    Raises
    ------
    SetupError
        When the arrays do not fit, nothing varies, there are too few events for the folds, or the follow-up ends before
        the first horizon.
    """
    started = time.perf_counter()
    recipe, seed = options.recipe, options.seed
    others = alternatives(recipe, trials=options.trials, seed=seed)
    if events.sum() < 2 * recipe.inner_folds:
        raise SetupError(
            f"{events.sum():.0f} of the {events.size} training patients have an event; at least "
            f"{2 * recipe.inner_folds} are needed for {recipe.inner_folds} folds in {recipe.inner_folds} folds."
        )
    model = fit_recurrence(
        names,
        values,
        times_months=times_months,
        events=events,
        recipe=recipe,
        alternatives=others,
        seed=seed,
        device=options.device,
    )
    network_seconds = time.perf_counter() - started
    usable = usable_inputs(names, values, diagnostics=recipe.diagnostics)
    cox = fit_penalised_cox(
        values,
        usable,
        times_months=times_months,
        events=events,
        correlation_limit=recipe.correlation_limit,
        seed=seed,
    )
    horizons = tuple(month for month in HORIZONS_MONTHS if month <= model.baseline.end_months)
    if not horizons:
        raise SetupError(
            f"The follow-up ends after {model.baseline.end_months:g} months; {HORIZONS_MONTHS[0]:g} are needed."
        )
    limit, selected, cut_notes = _cut_off(model, times_months, events, cut_off)
    concordance = concordance_out_of_fold(times_months, events, model.uncalibrated, folds=model.folds, seed=seed)
    slope = fit_cox(times_months, events, model.uncalibrated)
    cox_concordance = concordance_out_of_fold(times_months, events, cox.out_of_fold, folds=COX_FOLDS, seed=seed)
    difference = concordance_difference(
        times_months, events, model.uncalibrated, cox.out_of_fold, folds=model.folds, seed=seed
    )
    permuted = _permuted(names, values, times_months, events, options)
    objective = objective_of(times_months, events, Ties.EFRON, device=options.device)
    refits = fit_refits(
        values,
        usable,
        objective=objective,
        recipes=(recipe, *others),
        slope=model.slope,
        intercept=0.0,
        count=options.refits,
        seed=seed,
    )
    familiarity = fit_familiarity(values, usable, seed=seed)
    return TrainedRecurrence(
        model=model,
        out_of_fold=concordance,
        slope_interval=None if slope is None else _around(model.slope, slope.standard_error),
        cox=cox,
        cox_out_of_fold=cox_concordance,
        difference=difference,
        permuted_c=permuted,
        cut_off=limit,
        selected=selected,
        horizons_months=horizons,
        familiarity=familiarity,
        familiarity_test=check_familiarity(
            familiarity, names, values, usable, settings_digest=settings_digest, seed=seed
        ),
        spread=spread_of(model.scorer, refits, values=values, out_of_fold=model.out_of_fold, cut_off=limit),
        resamples=resample_baseline(
            times_months,
            events,
            model.uncalibrated,
            fold_of=objective.folds(model.folds, seed=seed),
            slope=model.slope,
            horizons_months=horizons,
            seed=seed,
        ),
        notes=(
            *_notes(int(events.sum()), concordance, cox_concordance, permuted, horizons, model.baseline.end_months),
            *search_notes(model.trials),
            *cut_notes,
        ),
        seconds=(network_seconds, time.perf_counter() - started),
    )


def concordance_out_of_fold(
    times_months: NDArray[np.float64],
    events: NDArray[np.float64],
    scores: NDArray[np.float64],
    *,
    folds: int,
    seed: int,
) -> OutOfFold:
    """Harrell's C, bootstrap over patients, widened for the folds; 0 to 1 where there are too few events for one."""
    patients = Followed.of(times_months, events, scores)
    estimate = _resampled(lambda weights: harrell_c(patients, weights), patients, seed=seed)
    low, high = estimate.interval or (0.0, 1.0)
    return cross_validated(estimate.value, low, high, folds=folds)


def concordance_difference(
    times_months: NDArray[np.float64],
    events: NDArray[np.float64],
    scores: NDArray[np.float64],
    others: NDArray[np.float64],
    *,
    folds: int,
    seed: int,
) -> tuple[float, float, float]:
    """Harrell's C of one model less that of another, and its 95 % interval: the same bootstrap samples for both.

    Scores and interval as `concordance_out_of_fold`; -1 to 1 where there are too few events for an interval.
    """
    # The order of `Followed` depends on times and events only, so that the weights fit both.
    patients, same = Followed.of(times_months, events, scores), Followed.of(times_months, events, others)
    estimate = _resampled(lambda weights: harrell_c(patients, weights) - harrell_c(same, weights), patients, seed=seed)
    if estimate.interval is None:
        return estimate.value, -1.0, 1.0
    return estimate.value, *widened(estimate.value, *estimate.interval, folds=folds)


def _resampled(
    statistic: Callable[[NDArray[np.float64] | None], NDArray[np.float64]], patients: Followed, *, seed: int
) -> Estimate:
    estimate = resampled_estimate(
        statistic,
        patients.resampled(resamples=_RESAMPLES, seed=seed),
        events=patients.event_count,
        why_not="no pair of patients can be compared",
    )
    if not isinstance(estimate, Estimate):
        raise SetupError(f"Harrell's C cannot be computed: {estimate.reason}.")
    return estimate


def _around(value: float, standard_error: float) -> tuple[float, float]:
    margin = 1.959964 * standard_error
    return value - margin, value + margin


def _permuted(
    names: tuple[str, ...],
    values: NDArray[np.float64],
    times_months: NDArray[np.float64],
    events: NDArray[np.float64],
    options: TrainingOptions,
) -> tuple[float, ...]:
    """The out-of-fold procedure on outcomes given to other patients; features as they are, no search, fewer folds."""
    rng = np.random.default_rng(options.seed)
    usable = usable_inputs(names, values, diagnostics=options.recipe.diagnostics)
    concordances = []
    for number in range(options.permutations):
        order = rng.permutation(events.size)
        times, flags = times_months[order], events[order]
        raw = out_of_fold(
            values,
            usable,
            objective=objective_of(times, flags, Ties.EFRON, device=options.device),
            recipe=options.recipe,
            folds=options.recipe.inner_folds,
            seed=options.seed + number,
        )
        concordances.append(float(harrell_c(Followed.of(times, flags, raw))[0]))
    return tuple(concordances)


def _cut_off(
    model: RecurrenceModel, times_months: NDArray[np.float64], events: NDArray[np.float64], fixed: float | None
) -> tuple[float, SelectedCutOff | None, tuple[QualityNote, ...]]:
    """On out-of-fold log-risks: what the model gives patients it has not seen."""
    selected, cut_off, notes = None, CUT_OFF if fixed is None else fixed, []
    if fixed is None and model.slope > 0:
        selected = select_cut_off(times_months, events, model.out_of_fold)
        cut_off = selected.cut_off
        if selected.is_at_edge:
            notes.append(
                _warning(
                    "cut-off-at-edge",
                    f"The selected cut-off {cut_off:.2f} is the first or last that was tried ({selected.low_patients} "
                    f"patients at or below, {selected.high_patients} above): the search would have gone further.",
                )
            )
        if selected.p_lausen94 > 0.05:
            notes.append(
                _warning(
                    "cut-off-not-significant",
                    f"The groups at the selected cut-off {cut_off:.2f} do not differ beyond what selecting explains "
                    f"(p = {selected.p_lausen94:.2g}, Lausen 1994).",
                )
            )
    elif fixed is None:
        notes.append(
            _warning(
                "cut-off-not-selected",
                f"All patients have the same score out of fold, so none can be selected; {CUT_OFF:.2f} was taken.",
            )
        )
    high = int(np.count_nonzero(model.out_of_fold > cut_off))
    if high < FEW_HIGH:
        notes.append(
            _warning(
                "few-at-high-risk",
                f"{high} of the {events.size} training patients are above the cut-off {cut_off:.2f} out of fold; the "
                "high-risk group cannot be described by so few. --cut-off optimal selects another one.",
            )
        )
    return cut_off, selected, tuple(notes)


def _notes(
    events: int,
    found: OutOfFold,
    cox: OutOfFold,
    permuted: tuple[float, ...],
    horizons: tuple[float, ...],
    end_months: float,
) -> tuple[QualityNote, ...]:
    """Doubts about a training: no signal, few events, a Cox model as good, a leak, short follow-up."""
    notes = []
    if not found.has_signal:
        notes.append(
            _warning(
                "no-signal",
                f"No signal: Harrell's C {found.value:.2f} out of fold with a 95% interval of {found.low:.2f} to "
                f"{found.high:.2f}, which does not lie above the 0.50 of chance. Every result of this package says so.",
            )
        )
    if events < FEW_EVENTS:
        notes.append(
            _warning(
                "few-events",
                f"{events} events; fewer than {FEW_EVENTS} carry a handful of parameters only, and leave "
                "calibration slope and baseline hazard uncertain by a factor of two.",
            )
        )
    if cox.value >= found.value:
        notes.append(
            QualityNote(
                "cox-as-good",
                Severity.NOTE,
                f"A penalised Cox model does as well out of fold (C {cox.value:.2f}, the network {found.value:.2f}); "
                "it is simpler.",
            )
        )
    if permuted and float(np.mean(permuted)) > LEAK:
        notes.append(
            _warning(
                "learnt-from-permuted-outcomes",
                f"On permuted outcomes the training still reaches C {float(np.mean(permuted)):.2f} on the mean; 0.50 "
                "was expected. Look for repeated patients or features that know the outcome.",
            )
        )
    if len(horizons) < len(HORIZONS_MONTHS):
        notes.append(
            _warning(
                "follow-up-short",
                f"The follow-up ends after {end_months:.0f} months; survival is given up to {horizons[-1]:g} months.",
            )
        )
    return tuple(notes)


def _warning(code: str, sentence: str) -> QualityNote:
    return QualityNote(code, Severity.WARNING, sentence)
