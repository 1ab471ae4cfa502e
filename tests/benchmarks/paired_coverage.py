"""Coverage of the intervals of differences between two scores of the same patients, for `bench_coverage`.

The risk is that of a population there; each score is the true log-risk with noise, and the noise of the two is
correlated: two packages trained on the same kind of patients err in the same direction.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from functools import partial

import numpy as np

from models.statistics.bootstrap import FEWEST_EVENTS, resampled_estimate
from models.statistics.brier import brier_difference, integrated_brier
from models.statistics.concordance import harrell_c, harrell_c_compared
from models.statistics.estimate import Estimate
from models.statistics.followed import Floats, Followed
from models.statistics.roc import auc_at, auc_compared
from tests.benchmarks.bench_coverage import BINS, GRID, MONTHS, Cell, Population, population, side

# Correlation of each score with the log-risk, and of their noise.
KINDS = {
    "equal, nearly the same": (0.8, 0.8, 0.9),
    "equal, apart": (0.8, 0.8, 0.0),
    "close": (0.97, 0.9, 0.9),
    "far": (0.9, 0.4, 0.3),
}
AUCS, SURVIVALS, SIZES = (0.75, 0.92), (0.96, 0.87), (60, 171, 400)
TRUTH = 24_000
PEERS, LARGEST_OF_PEERS = 100, 171
MEASURES = ("Harrell's C", "AUC", "integrated Brier")


def cohort(where: Population, kind: str, count: int, rng: np.random.Generator) -> tuple[Followed, Floats]:
    """Patients with the first score, and the second in their order."""
    first, second, together = KINDS[kind]
    drawn = where.cohort(count, rng)
    noise = rng.normal(size=count)
    other = together * noise + math.sqrt(1 - together**2) * rng.normal(size=count)
    risk = drawn.scores
    scores, others = (own * risk + math.sqrt(1 - own**2) * e for own, e in ((first, noise), (second, other)))
    return Followed(drawn.times_months, drawn.events, scores, drawn.order), others


def _survival(where: Population, own: float, scores: Floats, months: float) -> Floats:
    """Predictions of a score that is calibrated as far as its noise allows."""
    return np.asarray(np.exp(-months * where.rate * np.exp(own * where.log_ratio * scores)))


def truths(where: Population, kind: str) -> dict[str, float]:
    rng = np.random.default_rng(7)
    parts = [cohort(where, kind, 3_000, rng) for _ in range(TRUTH // 3_000)]
    pairs = [(one, Followed(one.times_months, one.events, others, one.order)) for one, others in parts]
    first, second, _ = KINDS[kind]

    def brier(patients: Followed, own: float) -> float:
        return float(integrated_brier(patients, GRID, partial(_survival, where, own, patients.scores))[0])

    return {
        "Harrell's C": float(np.mean([harrell_c(a)[0] - harrell_c(b)[0] for a, b in pairs])),
        "AUC": float(np.mean([auc_at(a, MONTHS)[0] - auc_at(b, MONTHS)[0] for a, b in pairs])),
        "integrated Brier": float(np.mean([brier(a, first) - brier(b, second) for a, b in pairs])),
    }


def found_in(
    patients: Followed, others: Floats, where: Population, kind: str
) -> Iterator[tuple[str, int, tuple[float, float] | None]]:
    """Measure, the events that it rests on, and the interval of its difference."""
    by, in_all = patients.events_by(MONTHS), patients.event_count
    compared = harrell_c_compared(patients, others)
    yield "Harrell's C", in_all, None if compared is None else compared.interval
    compared = auc_compared(patients, others, MONTHS)
    yield "AUC", by, None if compared is None else compared.interval
    if by >= FEWEST_EVENTS:
        first, second, _ = KINDS[kind]
        ours, theirs = partial(_survival, where, first, patients.scores), partial(_survival, where, second, others)
        yield "integrated Brier", by, brier_difference(patients, GRID, ours, theirs)[3]


def found_by_bootstrap(patients: Followed, others: Floats) -> Iterator[tuple[str, int, tuple[float, float] | None]]:
    """The percentile interval of the difference of C, on the same samples for both."""
    same = Followed(patients.times_months, patients.events, others, patients.order)
    found = resampled_estimate(
        lambda weights: harrell_c(patients, weights) - harrell_c(same, weights),
        patients.resampled(resamples=300, seed=1),
        events=FEWEST_EVENTS,
        why_not="",
    )
    yield "Harrell's C", patients.event_count, found.interval if isinstance(found, Estimate) else None


def run_cell(task: tuple[float, float, str, int]) -> tuple[tuple[str], Cell, Cell]:
    """All cohorts of one population and pair of scores, so many of each size."""
    auc, survival, kind, repetitions = task
    where = population(auc, survival)
    truth = truths(where, kind)
    rng = np.random.default_rng([int(auc * 1000), int(survival * 1000), list(KINDS).index(kind), 19])
    ours: Cell = defaultdict(lambda: [0, 0, 0, 0])
    theirs: Cell = defaultdict(lambda: [0, 0, 0, 0])
    for number, count in ((number, count) for count in SIZES for number in range(repetitions)):
        patients, others = cohort(where, kind, count, rng)
        found = [(ours, one) for one in found_in(patients, others, where, kind)]
        if number < PEERS and count <= LARGEST_OF_PEERS:
            found += [(theirs, one) for one in found_by_bootstrap(patients, others)]
        for cell, (name, events, limits) in found:
            place = next((one for one in BINS if one[0] <= events <= one[1]), None)
            if place is not None:
                cell[name, place][side(limits, truth[name])] += 1
    return (kind,), dict(ours), dict(theirs)


def tasks(repetitions: int) -> list[tuple[float, float, str, int]]:
    return [(auc, survival, kind, repetitions) for auc in AUCS for survival in SURVIVALS for kind in KINDS]
