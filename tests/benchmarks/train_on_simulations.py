"""Trains on simulated cohorts of the paper's size, beside a penalised Cox model, and scores 4,000 fresh patients.

    python -m tests.benchmarks.train_on_simulations [--recipe ensemble|paper] [--truths …] [--seeds 11 12 13 14 15 16]
        [--without-cox]

Prints one line for each truth, the figures of TRAINING.md: mean (standard deviation over the cohorts), median.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from models.features.names import vector_names
from models.simulation.cohort import Truth, simulate_cohort
from models.simulation.feature_shape import generic_shape
from models.statistics.concordance import harrell_c_of
from models.training.deepsurv import cox_slope, fit_recurrence
from models.training.ensemble import usable_inputs
from models.training.network import PAPER, Recipe
from models.training.penalised_cox import PenalisedCox, fit_penalised_cox
from models.training.recurrence import concordance_out_of_fold

COLUMNS = (
    "oracle", "new", "Cox new", "out of fold", "Cox oof", "apparent", "slope new", "shrinkage", "signal", "seconds",
    "CPU seconds", "Cox seconds",
)  # fmt: skip


def run(truth: Truth, seed: int, recipe: Recipe, *, with_cox: bool) -> tuple[float, ...]:
    """The figures of one cohort, in the order of `COLUMNS`; C unless the name says otherwise."""
    shape = generic_shape(vector_names(), seed=seed)
    cohort = simulate_cohort(shape, truth=truth, seed=seed).part("training")
    fresh = simulate_cohort(shape, truth=truth, seed=seed + 1000, sizes={"fresh": 4000})
    times, events = cohort.times_months, cohort.events
    start, cpu = time.perf_counter(), time.process_time()
    model = fit_recurrence(cohort.names, cohort.values, times_months=times, events=events, recipe=recipe, seed=seed)
    trained, trained_cpu = time.perf_counter(), time.process_time()
    cox_new, cox_found = np.nan, np.nan
    if with_cox:
        default = Recipe()
        cox = fit_penalised_cox(
            cohort.values,
            usable_inputs(cohort.names, cohort.values, diagnostics=default.diagnostics),
            times_months=times,
            events=events,
            correlation_limit=default.correlation_limit,
            seed=seed,
        )
        cox_found = cox.c_out_of_fold
        cox_new = harrell_c_of(fresh.times_months, fresh.events, log_risk(cox, cohort.values, fresh.values))
    compared = time.perf_counter()
    score = model.scorer.score(fresh.values)
    nothing = model.slope == 0.0
    return (
        harrell_c_of(fresh.times_months, fresh.events, fresh.log_risk),
        0.5 if nothing else harrell_c_of(fresh.times_months, fresh.events, score),
        cox_new,
        model.c_out_of_fold,
        cox_found,
        model.c_apparent,
        np.nan if nothing else cox_slope(fresh.times_months, fresh.events, score),
        model.slope,
        float(concordance_out_of_fold(times, events, model.divisions.outputs, folds=model.folds).has_signal),
        trained - start,
        trained_cpu - cpu,
        compared - trained,
    )


def log_risk(cox: PenalisedCox, training: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The penalised Cox model on new patients: (patients,)."""
    mean, spread = training[:, cox.inputs].mean(axis=0), training[:, cox.inputs].std(axis=0)
    return np.asarray(np.clip((values[:, cox.inputs] - mean) / spread, -4, 4) @ cox.coefficients)


def main() -> None:
    """Run the truths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", choices=["ensemble", "paper"], default="ensemble")
    parser.add_argument("--truths", nargs="+", choices=list(Truth), default=list(Truth))
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14, 15, 16])
    parser.add_argument("--without-cox", action="store_true")
    parser.add_argument("--each", action="store_true", help="a line for each cohort as well")
    arguments = parser.parse_args()
    recipe = PAPER if arguments.recipe == "paper" else Recipe()
    print(" | ".join(("truth", *COLUMNS)))
    for truth in arguments.truths:
        rows = []
        for seed in arguments.seeds:
            rows.append(run(Truth(truth), seed, recipe, with_cox=not arguments.without_cox))
            if arguments.each:
                print(" | ".join((f"{truth} {seed}", *(f"{one:.3f}" for one in rows[-1]))), flush=True)
        found = np.array(rows)
        shown = [_shown(column[np.isfinite(column)]) for column in found.T]
        print(" | ".join((truth, *shown)), flush=True)


def _shown(values: np.ndarray) -> str:
    """Mean (standard deviation), median; a ratio such as a slope is skewed."""
    if values.size < 2:
        return "-"
    return f"{values.mean():.3f} ({values.std(ddof=1):.3f}), {np.median(values):.3f}"


if __name__ == "__main__":
    main()
