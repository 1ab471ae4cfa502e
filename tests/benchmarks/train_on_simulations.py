"""Trains the default recipe on simulated cohorts of the paper's size and scores it on 4,000 fresh patients.

    python -m tests.benchmarks.train_on_simulations [--seeds 11 12 13 14 15 16]

Prints one line for each truth, the figures of TRAINING.md.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from models.features.names import vector_names
from models.survival import harrell_c
from models.training.deepsurv import cox_slope, fit_recurrence
from models.training.feature_shape import generic_shape
from models.training.network import Recipe
from models.training.simulate import Truth, simulate_cohort


def run(truth: Truth, seed: int) -> tuple[float, ...]:
    """C of the true risk; C on fresh patients, out of fold, apparent; calibration slope on fresh; slope; seconds."""
    shape = generic_shape(vector_names(), seed=seed)
    cohort = simulate_cohort(shape, truth=truth, seed=seed).part("training")
    fresh = simulate_cohort(shape, truth=truth, seed=seed + 1000, sizes={"fresh": 4000})
    start = time.perf_counter()
    model = fit_recurrence(
        cohort.names,
        cohort.values,
        times_months=cohort.times_months,
        events=cohort.events,
        recipe=Recipe(),
        seed=seed,
    )
    seconds = time.perf_counter() - start
    score = model.scorer.score(fresh.values)
    nothing = model.slope == 0.0
    return (
        harrell_c(fresh.times_months, fresh.events, fresh.log_risk),
        0.5 if nothing else harrell_c(fresh.times_months, fresh.events, score),
        model.c_out_of_fold,
        model.c_apparent,
        np.nan if nothing else cox_slope(fresh.times_months, fresh.events, score),
        model.slope,
        seconds,
    )


def main() -> None:
    """Run all truths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14, 15, 16])
    seeds = parser.parse_args().seeds
    print("truth     oracle  new (sd)      out of fold  apparent  slope on new (sd)  shrinkage  seconds")
    for truth in Truth:
        found = np.array([run(truth, seed) for seed in seeds])
        mean, spread = np.nanmean(found, axis=0), np.nanstd(found, axis=0, ddof=1)
        print(
            f"{truth:9} {mean[0]:.3f}   {mean[1]:.3f} ({spread[1]:.3f})  {mean[2]:.3f}        {mean[3]:.3f}     "
            f"{mean[4]:.2f} ({spread[4]:.2f})         {mean[5]:.2f}       {mean[6]:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
