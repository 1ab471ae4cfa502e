"""Trains a recurrence model with every check against overfitting.

Beside the network: a penalised Cox model on the same inputs and the difference to it, the same training on permuted
outcomes, out-of-fold concordance with its interval, calibration slope and baseline hazard out of fold, and a cut-off
that is either fixed or selected with a p value that knows it was selected.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.errors import CohortRejected
from models.inference.familiarity import Familiarity, FamiliarityTest
from models.inference.package import OutOfFold
from models.inference.verdicts import FEW_EVENTS_BELOW
from models.number_words import agreeing, counted
from models.progress import Steps, Tell, silent
from models.quality_notes import QualityNote, Severity
from models.statistics.baseline_resamples import BaselineResamples
from models.statistics.concordance import harrell_c, harrell_c_compared, harrell_c_with_interval, influences
from models.statistics.cox import fit_cox
from models.statistics.cutpoint import SelectedCutOff, select_cut_off
from models.statistics.followed import Followed
from models.statistics.kaplan_meier import FEWEST_AT_RISK
from models.threads import one_thread
from models.training.baseline_resamples import resample_baseline
from models.training.deepsurv import RecurrenceModel, fit_recurrence, objective_of, outer_folds
from models.training.ensemble import out_of_fold, usable_inputs
from models.training.familiarity import fit_familiarity
from models.training.interval import cross_validated, widened
from models.training.oddities import check_familiarity
from models.training.options import LEAK, TrainingOptions, networks
from models.training.partial_likelihood import Ties
from models.training.penalised_cox import FOLDS as COX_FOLDS
from models.training.penalised_cox import PenalisedCox, fit_penalised_cox
from models.training.refits import fit_refits
from models.training.search import alternatives, search_notes
from models.training.spread import Spread, spread_of

CUT_OFF = 1.10  # of the paper; as a log-risk, three times the hazard of the average patient
HORIZONS_MONTHS = (12.0, 24.0, 36.0)
FEW_HIGH = 10  # patients above the cut-off
MANY = 2000  # patients, from which on intervals of a concordance are those of the infinitesimal jackknife


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
    tell: Tell = silent,
) -> TrainedRecurrence:
    """Trains on `values` (patients, inputs), follow-up in months and events of 0 or 1.

    Parameters
    ----------
    cut_off : fixed on the scale of the score, or None to select it
    settings_digest : of the feature settings; "" where they are not known
    tell : told which network of how many is trained

    Raises
    ------
    CohortRejected
        When the arrays do not fit, nothing varies, there are too few events for the folds, or the follow-up ends before
        the first horizon.
    """
    started = time.perf_counter()
    recipe, seed = options.recipe, options.seed
    others = alternatives(recipe, trials=options.trials, seed=seed)
    if events.sum() < 2 * recipe.inner_folds:
        raise CohortRejected(
            f"{2 * recipe.inner_folds} events are needed for {counted(recipe.inner_folds, 'fold')} in "
            f"{counted(recipe.inner_folds, 'fold')}; of the {counted(events.size, 'training patient')} "
            f"{events.sum():.0f} had one: train on more patients."
        )
    outer = outer_folds(events) if options.outer_folds is None else options.outer_folds
    steps = Steps(tell, total=networks(options, folds=outer, recipes=1 + len(others)))
    model = fit_recurrence(
        names,
        values,
        times_months=times_months,
        events=events,
        recipe=recipe,
        alternatives=others,
        outer=outer,
        seed=seed,
        device=options.device,
        steps=steps,
        divisions=options.divisions,
    )
    network_seconds = time.perf_counter() - started
    usable = usable_inputs(names, values, diagnostics=recipe.diagnostics)
    steps.begin("penalised Cox model")
    cox = fit_penalised_cox(
        values,
        usable,
        times_months=times_months,
        events=events,
        correlation_limit=recipe.correlation_limit,
        seed=seed,
    )
    horizons = _horizons(times_months, events, end_months=model.baseline.end_months)
    limit, selected, cut_notes = _cut_off(model, times_months, events, cut_off)
    unseen = model.divisions
    concordance = concordance_out_of_fold(times_months, events, unseen.outputs, folds=model.folds)
    slope = fit_cox(times_months, events, model.uncalibrated)
    cox_concordance = concordance_out_of_fold(times_months, events, cox.out_of_fold[None], folds=COX_FOLDS)
    difference = concordance_difference(times_months, events, unseen.outputs, cox.out_of_fold, folds=model.folds)
    permuted = _permuted(names, values, times_months, events, options, steps)
    objective = replace(objective_of(times_months, events, Ties.EFRON, device=options.device), steps=steps)
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
    steps.begin("comparison with the training patients")
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
            unseen,
            slope=model.slope,
            horizons_months=horizons,
            seed=seed,
        ),
        notes=(
            *_notes(int(events.sum()), concordance, cox_concordance, permuted, horizons, model.baseline.end_months),
            *search_notes(model.trials),
            *cut_notes,
            *_not_nested(model),
        ),
        seconds=(network_seconds, time.perf_counter() - started),
    )


def concordance_out_of_fold(
    times_months: NDArray[np.float64], events: NDArray[np.float64], outputs: NDArray[np.float64], *, folds: int
) -> OutOfFold:
    """Harrell's C of outputs (divisions, patients), its interval as in an evaluation, widened for the folds.

    Value and limits are means over the divisions. Of more than `MANY` patients the interval is that of the
    infinitesimal jackknife: the other is computed from every pair at once.

    Raises
    ------
    CohortRejected
        When no pair of patients can be compared.
    """
    found = [_concordance(Followed.of(times_months, events, one)) for one in outputs]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        raise CohortRejected("Harrell's C cannot be computed: no pair of patients can be compared.")
    value, low, high = np.mean(known, axis=0).tolist()
    return cross_validated(value, low, high, folds=folds)


def _concordance(patients: Followed) -> tuple[float, float, float] | None:
    if len(patients) > MANY:
        value, influence = influences(patients)
        low, high = _around(value, float(np.sqrt(influence @ influence)))
        return value, max(low, 0.0), min(high, 1.0)
    found = harrell_c_with_interval(patients)
    return None if found is None else (found.share, found.low, found.high)


def concordance_difference(
    times_months: NDArray[np.float64],
    events: NDArray[np.float64],
    outputs: NDArray[np.float64],
    others: NDArray[np.float64],
    *,
    folds: int,
) -> tuple[float, float, float]:
    """Harrell's C of outputs (divisions, patients) less that of another model (patients,), and its 95 % interval.

    The interval is that of paired concordances, widened for the folds; value and limits are means over the divisions.

    Raises
    ------
    CohortRejected
        When no pair of patients can be compared.
    """
    found = []
    for one in outputs:
        patients = Followed.of(times_months, events, one)
        if len(patients) > MANY:
            (first, influence), (second, its) = (
                influences(patients),
                influences(Followed.of(times_months, events, others)),
            )
            difference = influence - its  # the order of `Followed` depends on times and events only
            found.append((first - second, *_around(first - second, float(np.sqrt(difference @ difference)))))
            continue
        compared = harrell_c_compared(patients, others[patients.order])
        if compared is None:
            raise CohortRejected("Harrell's C cannot be computed: no pair of patients can be compared.")
        found.append((compared.difference, *compared.interval))
    value, low, high = np.mean(found, axis=0).tolist()
    return value, *widened(value, low, high, folds=folds)


def _around(value: float, standard_error: float) -> tuple[float, float]:
    margin = 1.959964 * standard_error
    return value - margin, value + margin


def _permuted(
    names: tuple[str, ...],
    values: NDArray[np.float64],
    times_months: NDArray[np.float64],
    events: NDArray[np.float64],
    options: TrainingOptions,
    steps: Steps,
) -> tuple[float, ...]:
    """The out-of-fold procedure on outcomes given to other patients; features as they are, no search, fewer folds."""
    rng = np.random.default_rng(options.seed)
    usable = usable_inputs(names, values, diagnostics=options.recipe.diagnostics)
    concordances = []
    for number in range(options.permutations):
        order = rng.permutation(events.size)
        times, flags = times_months[order], events[order]
        steps.begin(f"permutation {number + 1}/{options.permutations}")
        raw = out_of_fold(
            values,
            usable,
            objective=replace(objective_of(times, flags, Ties.EFRON, device=options.device), steps=steps),
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
                    f"The selected cut-off {cut_off:.2f} is the first or last that was tried "
                    f"({counted(selected.low_patients, 'patient')} at or below, {selected.high_patients} above): the "
                    "search would have gone further.",
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
                f"{high} of the {counted(events.size, 'training patient')} {agreeing(high, 'is', 'are')} above the "
                f"cut-off {cut_off:.2f} out of fold; the high-risk group cannot be described by so few. --cut-off "
                "optimal selects another one.",
            )
        )
    return cut_off, selected, tuple(notes)


def _horizons(
    times_months: NDArray[np.float64], events: NDArray[np.float64], *, end_months: float
) -> tuple[float, ...]:
    """Horizons to which enough patients are followed: beyond, survival is that of the last event, whatever happens.

    Raises
    ------
    CohortRejected
        When there is none.
    """
    patients = Followed.of(times_months, events, np.zeros(len(times_months)))
    followed = {month: patients.at_risk_at(month) for month in HORIZONS_MONTHS}
    horizons = tuple(month for month in HORIZONS_MONTHS if month <= end_months and followed[month] >= FEWEST_AT_RISK)
    if not horizons:
        first = HORIZONS_MONTHS[0]
        raise CohortRejected(
            f"{counted(followed[first], 'patient is', 'patients are')} followed to {first:g} months, and the follow-up "
            f"ends after {end_months:g}; at least {FEWEST_AT_RISK} patients followed so far are needed for the first "
            "horizon: check the unit of the times (--time-unit), or train on patients who were followed longer."
        )
    return horizons


def _not_nested(model: RecurrenceModel) -> tuple[QualityNote, ...]:
    if model.is_nested:
        return ()
    sentence = (
        "There were no outer folds: every patient was scored by the one network that held that patient out, and early "
        "stopping listened to those patients. Concordance, slope and baseline are a little too good, the less the more "
        "events there are; train with outer folds before you rely on them."
    )
    return (_warning("no-outer-folds", sentence),)


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
    if events < FEW_EVENTS_BELOW:
        notes.append(
            _warning(
                "few-events",
                f"{counted(events, 'event')}; fewer than {FEW_EVENTS_BELOW} carry a handful of parameters only, and "
                "leave calibration slope and baseline hazard uncertain by a factor of two.",
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
                f"Survival is given up to {horizons[-1]:g} months: fewer than {FEWEST_AT_RISK} patients are followed "
                f"to the next horizon (the follow-up ends after {end_months:.0f} months).",
            )
        )
    return tuple(notes)


def _warning(code: str, sentence: str) -> QualityNote:
    return QualityNote(code, Severity.WARNING, sentence)
