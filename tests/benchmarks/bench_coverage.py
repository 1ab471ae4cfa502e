"""Coverage of the 95 % intervals of `evaluate`: `python -m tests.benchmarks.bench_coverage` writes COVERAGE.md.

Simulated cohorts from populations whose true values are known: how often the interval holds the truth, and on which
side it misses. Peer: the bootstrap percentile interval of the same statistic (300 samples) on some of the cohorts.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from models.evaluation.intervals import brier, share, won
from models.statistics.bootstrap import resampled_estimate
from models.statistics.brier import brier_at, integrated_brier
from models.statistics.concordance import harrell_c, harrell_c_with_interval, uno_c, uno_c_with_interval
from models.statistics.cox import fit_cox
from models.statistics.estimate import Estimate, Found
from models.statistics.firth import firth_interval
from models.statistics.followed import Followed
from models.statistics.kaplan_meier import survival_curve
from models.statistics.roc import (
    auc_at,
    auc_with_interval,
    case_and_control_weights,
    sensitivity_at,
    specificity_at,
)
from models.statistics.wilson import kish

DIFFERENCES = "## Differences of two scores on the same patients"
TARGET = Path(__file__).with_name("COVERAGE.md")
MONTHS = 36.0
SIZES = (60, 100, 171, 244, 698)
AUCS = (0.5, 0.6, 0.75, 0.82, 0.92, 0.95)
SURVIVALS = (0.96, 0.87)
HIGH = 0.8  # quantile of the score above which is high risk
GRID = np.linspace(1e-6, MONTHS, 13)
BINS = ((1, 2), (3, 4), (5, 9), (10, 14), (15, 29), (30, 10_000))
# What depends on the number of events itself: among cohorts with many of them it is low by selection.
ABSOLUTE = ("survival", "Brier", "integrated Brier")
PEERS = 150  # cohorts of a cell for the bootstrap
LARGE = 60_000


@dataclass(frozen=True)
class Population:
    """Proportional hazards, exponential times, a normal score, normal censoring.

    Attributes
    ----------
    log_ratio : log hazard for one standard deviation of the score
    rate : hazard a month of a patient with score 0
    cut_off : above it is high risk
    """

    log_ratio: float
    rate: float
    cut_off: float

    def cohort(self, count: int, rng: np.random.Generator) -> Followed:
        scores = rng.normal(size=count)
        recurrence = rng.exponential(size=count) / (self.rate * np.exp(self.log_ratio * scores))
        censoring = np.clip(rng.normal(41, 17, size=count), 1.0, None)
        return Followed.of(np.minimum(recurrence, censoring), recurrence <= censoring, scores)

    def survival(self, scores: np.ndarray, months: float) -> np.ndarray:
        return np.asarray(np.exp(-months * self.rate * np.exp(self.log_ratio * scores)))


def population(auc: float, survival: float) -> Population:
    """With a true AUC at 36 months and a survival then, by bisection on the quantiles of the score."""
    scores = np.sqrt(2) * np.array([_inverse_erf(p) for p in (2 * (np.arange(4000) + 0.5) / 4000 - 1)])

    def rate_of(log_ratio: float) -> float:
        low, high = 1e-9, 1.0
        for _ in range(60):
            middle = np.sqrt(low * high)
            alive = float(np.mean(np.exp(-MONTHS * middle * np.exp(log_ratio * scores))))
            low, high = (middle, high) if alive > survival else (low, middle)
        return float(low)

    def auc_of(log_ratio: float) -> float:
        risk = 1 - np.exp(-MONTHS * rate_of(log_ratio) * np.exp(log_ratio * scores))
        below = np.cumsum(1 - risk) - 0.5 * (1 - risk)
        return float((risk * below).sum() / (risk.sum() * (1 - risk).sum()))

    low, high = 0.0, 6.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if auc_of(middle) < auc else (low, middle)
    return Population(low, rate_of(low), float(np.quantile(scores, HIGH)))


def _inverse_erf(value: float) -> float:
    from scipy.special import erfinv

    return float(erfinv(value))


def truths(where: Population, survival: float) -> dict[str, float]:
    """True values, from the population's formulas or from a sample of 60,000."""
    rng = np.random.default_rng(1)
    parts = [where.cohort(3_000, rng) for _ in range(LARGE // 3_000)]

    def mean(statistic) -> float:  # type: ignore[no-untyped-def]
        return float(np.mean([statistic(part)[0] for part in parts]))

    whole = where.cohort(LARGE, rng)
    months = np.ceil(whole.times_months * 4) / 4  # few different times: fast
    fit = fit_cox(months, whole.events, whole.scores > where.cut_off)
    assert fit is not None
    return {
        "AUC": mean(lambda p: auc_at(p, MONTHS)),
        "Harrell's C": mean(harrell_c),
        "Uno's C": mean(lambda p: uno_c(p, tau_months=MONTHS)),
        "sensitivity": mean(lambda p: sensitivity_at(p, MONTHS, cut_off=where.cut_off)),
        "specificity": mean(lambda p: specificity_at(p, MONTHS, cut_off=where.cut_off)),
        "survival": survival,
        "Brier": mean(lambda p: brier_at(p, MONTHS, where.survival(p.scores, MONTHS))),
        "integrated Brier": mean(lambda p: integrated_brier(p, GRID, partial(where.survival, p.scores))),
        "log HR": fit.coefficient,
    }


def found_in(patients: Followed, where: Population) -> Iterator[tuple[str, int, tuple[float, float] | None]]:
    """Statistic, the events that it rests on, and its interval."""

    def interval(found: Found) -> tuple[float, float] | None:
        return found.interval if isinstance(found, Estimate) else None

    by, in_all = patients.events_by(MONTHS), patients.event_count
    cases, controls = (one[0] for one in case_and_control_weights(patients, MONTHS, patients.once))
    cut = where.cut_off
    yield "AUC", by, interval(won(auc_with_interval(patients, MONTHS), ""))
    yield "Harrell's C", in_all, interval(won(harrell_c_with_interval(patients), ""))
    yield "Uno's C", by, interval(won(uno_c_with_interval(patients, tau_months=MONTHS), ""))
    sensitivity = float(sensitivity_at(patients, MONTHS, cut_off=cut)[0])
    specificity = float(specificity_at(patients, MONTHS, cut_off=cut)[0])
    yield "sensitivity", by, interval(share(sensitivity, kish(cases), ""))
    yield "specificity", by, interval(share(specificity, kish(controls), ""))
    survival, low, high = survival_curve(patients.times_months, patients.events).at(MONTHS)
    yield "survival", by, None if np.isnan(low) or np.isnan(survival) else (low, high)
    one = brier(patients, np.array([MONTHS]), lambda t: where.survival(patients.scores, t), "")
    yield "Brier", by, interval(one)
    yield (
        "integrated Brier",
        by,
        interval(brier(patients, GRID, lambda t: where.survival(patients.scores, t), "")),
    )
    yield "log HR", in_all, firth_interval(patients.times_months, patients.events, patients.scores > cut)


def found_by_bootstrap(patients: Followed, where: Population) -> Iterator[tuple[str, int, tuple[float, float] | None]]:
    """The same of the percentile interval, for the statistics whose interval has changed."""
    samples = patients.resampled(resamples=300, seed=1)
    by, in_all = patients.events_by(MONTHS), patients.event_count
    for name, events, statistic in (
        ("AUC", by, lambda w: auc_at(patients, MONTHS, w)),
        ("Harrell's C", in_all, lambda w: harrell_c(patients, w)),
        ("sensitivity", by, lambda w: sensitivity_at(patients, MONTHS, cut_off=where.cut_off, weights=w)),
        ("Brier", by, lambda w: brier_at(patients, MONTHS, where.survival(patients.scores, MONTHS), w)),
    ):
        found = resampled_estimate(statistic, samples, events=5, why_not="")
        yield name, events, found.interval if isinstance(found, Estimate) else None


Cell = dict[tuple[str, tuple[int, int]], list[int]]  # below, held, above, without an interval


def run_cell(task: tuple[float, float, int, int]) -> tuple[tuple[float, float], Cell, Cell]:
    """All cohorts of one population and size."""
    auc, survival, count, repetitions = task
    where = population(auc, survival)
    truth = truths(where, survival)
    rng = np.random.default_rng([int(auc * 1000), int(survival * 1000), count])
    ours: Cell = defaultdict(lambda: [0, 0, 0, 0])
    theirs: Cell = defaultdict(lambda: [0, 0, 0, 0])
    for number in range(repetitions):
        patients = where.cohort(count, rng)
        for cell, found in ((ours, found_in), (theirs, found_by_bootstrap)):
            if cell is theirs and number >= PEERS:
                continue
            for name, events, limits in found(patients, where):
                place = next((one for one in BINS if one[0] <= events <= one[1]), None)
                if name in ABSOLUTE:
                    place = (count, count)
                if place is not None:
                    cell[name, place][side(limits, truth[name])] += 1
    return (auc, survival), dict(ours), dict(theirs)


def side(limits: tuple[float, float] | None, truth: float) -> int:
    """Place in a cell: truth below the interval, inside, above; no interval."""
    if limits is None:
        return 3
    return 0 if truth < limits[0] - 1e-12 else 2 if truth > limits[1] + 1e-12 else 1


def table(
    results: Sequence[tuple[tuple[object, ...], Cell, Cell]], which: int, names: list[str], *, by_patients: bool = False
) -> list[str]:
    """Coverage, lowest to highest over the populations, and the pooled share of misses on each side."""
    lines = [f"| {'patients' if by_patients else 'events'} | " + " | ".join(names) + " |"]
    lines.append("|---" * (len(names) + 1) + "|")
    for place in [(count, count) for count in SIZES] if by_patients else BINS:
        cells = []
        for name in names:
            pooled, by_population = np.zeros(4, int), defaultdict(lambda: np.zeros(4, int))
            for key, *both in results:
                counts = np.array(both[which].get((name, place), [0, 0, 0, 0]))
                pooled += counts
                by_population[key] += counts
            with_interval = [one for one in by_population.values() if one[:3].sum() >= 100]
            if not with_interval:
                cells.append("–")
                continue
            shares = [100 * one[1] / one[:3].sum() for one in with_interval]
            below, above = 100 * pooled[0] / pooled[:3].sum(), 100 * pooled[2] / pooled[:3].sum()
            without = f", none {100 * pooled[3] / pooled.sum():.0f}" if pooled[3] else ""
            cells.append(f"{min(shares):.1f}–{max(shares):.1f} ({below:.1f}/{above:.1f}{without})")
        label = f"{place[0]}–{place[1]}" if place[1] < 10_000 else f"{place[0]}+"
        label = str(place[0]) if by_patients else label
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=800, help="cohorts of each population and size")
    parser.add_argument("--part", choices=("single", "differences"), help="one part of the page; default: both")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    written = TARGET.read_text(encoding="utf-8")
    before, _, after = written.partition(DIFFERENCES)
    if given.part != "differences":
        before = single(given.repetitions)
    if given.part != "single":
        after = differences(given.repetitions)
    TARGET.write_text(before.rstrip() + f"\n\n{DIFFERENCES}" + after, encoding="utf-8")
    print(TARGET.read_text(encoding="utf-8"))


def single(repetitions: int) -> str:
    """The part on the intervals of one score."""
    tasks = [(auc, s, count, repetitions) for auc in AUCS for s in SURVIVALS for count in SIZES]
    begun = time.monotonic()
    with Pool(2) as pool:
        results = pool.map(run_cell, tasks, chunksize=1)
    aucs = ", ".join(f"{one:g}" for one in AUCS)
    ours = ["AUC", "Harrell's C", "Uno's C", "sensitivity", "specificity", "log HR"]
    return "\n".join(
        [
            "# Coverage of the intervals of an evaluation",
            "",
            f"Made by `python -m tests.benchmarks.bench_coverage`: {repetitions} cohorts of each of {len(tasks)} cells",
            f"(true AUC at 36 months {aucs}; survival then .96, .87; {SIZES} patients),",
            f"in {(time.monotonic() - begun) / 60:.0f} minutes. Nominal 95 %: lowest to highest coverage over the",
            "populations, in brackets the pooled per cent of truths below and above the interval. Brier scores have no",
            f"interval below 5 events. Python {platform.python_version()}.",
            "",
            *table(results, 0, ours),
            "",
            "Survival and Brier scores, by the number of patients: they depend on the number of events itself.",
            "",
            *table(results, 0, list(ABSOLUTE), by_patients=True),
            "",
            f"The bootstrap percentile (300 samples) on {PEERS} cohorts of each cell, where it exists:",
            "",
            *table(results, 1, ["AUC", "Harrell's C", "sensitivity"]),
            "",
            *table(results, 1, ["Brier"], by_patients=True),
            "",
        ]
    )


def differences(repetitions: int) -> str:
    """The part on the intervals of the difference between two scores of the same patients."""
    from tests.benchmarks import paired_coverage as paired

    tasks = paired.tasks(repetitions)
    begun = time.monotonic()
    with Pool(2) as pool:
        results = pool.map(paired.run_cell, tasks, chunksize=1)
    aucs = ", ".join(f"{one:g}" for one in paired.AUCS)
    kinds = "; ".join(f"{name} ({a:g}, {b:g}, {c:g})" for name, (a, b, c) in paired.KINDS.items())
    return "\n".join(
        [
            "",
            "",
            f"Made by `python -m tests.benchmarks.bench_coverage --part differences`: {repetitions} cohorts of each of",
            f"{len(tasks) * len(paired.SIZES)} cells (true AUC of the risk {aucs}; survival at 36 months .96, .87;",
            f"{paired.SIZES} patients), in {(time.monotonic() - begun) / 60:.0f} minutes. Pairs of scores, with the",
            f"correlation of each with the log-risk and of their noise: {kinds}.",
            "",
            "C and AUC: smoothed Wilson limits of both, squared and added with their correlation. Integrated Brier",
            "score: paired losses, Student's t of the events. Lowest to highest coverage over the pairs of scores, in",
            "brackets the pooled per cent of truths below and above the interval.",
            "",
            *table(results, 0, list(paired.MEASURES)),
            "",
            f"The bootstrap percentile (300 samples) of the difference of C on {paired.PEERS} cohorts of each cell of",
            f"up to {paired.LARGEST_OF_PEERS} patients:",
            "",
            *table(results, 1, ["Harrell's C"]),
            "",
        ]
    )


if __name__ == "__main__":
    main()
