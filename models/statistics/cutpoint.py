"""Cut-off of a score by maximally selected rank statistics, with a p value that knows that it was selected.

The best of many cut-offs looks good on noise: over 300 cohorts of 698 patients without any signal the log-rank p value
at the selected cut-off was below .05 in 44 %, Lausen's corrected one in 2.3 %. A selected cut-off is evidence only on
other patients.

References: Lausen and Schumacher (1992), Biometrics 48:73-85; Lausen, Sauerbrei and Schumacher (1994), Computational
Statistics, 1483-1496; Hothorn and Lausen (2003), Comput Stat Data Anal 43:121-137. Equal to R
`maxstat::maxstat.test(Surv(t, e) ~ x, smethod = "LogRank", pmethod = "Lau94")`, which `survminer::surv_cutpoint` calls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from models.errors import StudyRejected
from models.number_words import counted
from models.statistics.followed import Floats, Followed

SMALLEST_SHARE = 0.1  # of the patients in the smaller group, the default of survminer


@dataclass(frozen=True, eq=False)
class SelectedCutOff:
    """The cut-off whose two groups differ most.

    Attributes
    ----------
    cut_off : low is `score ≤ cut_off`, high is `score > cut_off`
    statistic : maximum of the standardised log-rank statistics, absolute
    p_lausen92, p_lausen94 : approximate p values of the maximum, at most 1
    is_at_edge : the cut-off is the first or the last candidate: the search would have gone further, look at the curve
    candidates, statistics : float64 (k,), every cut-off that was tried with its statistic
    low_patients, high_patients : sizes of the two groups
    """

    cut_off: float
    statistic: float
    p_lausen92: float
    p_lausen94: float
    is_at_edge: bool
    candidates: Floats
    statistics: Floats
    low_patients: int
    high_patients: int


def log_rank_scores(times_months: ArrayLike, events: ArrayLike) -> Floats:
    """Log-rank scores: event minus cumulative hazard, as R `exactRankTests::cscores` computes them: (patients,).

    Tied times all take the hazard at the last of them, summed over events one by one with the risk set of the last.
    """
    times, flags = np.asarray(times_months, dtype=np.float64), np.asarray(events, dtype=np.float64)
    order = np.argsort(times, kind="stable")
    rank = np.searchsorted(times[order], times, side="right")  # the largest rank among tied times
    hazard = np.cumsum((flags / (times.size - rank + 1))[order])
    return np.asarray(flags - hazard[rank - 1])


def select_cut_off(
    times_months: ArrayLike, events: ArrayLike, scores: ArrayLike, *, smallest_share: float = SMALLEST_SHARE
) -> SelectedCutOff:
    """Tries every cut-off that leaves at least `smallest_share` of the patients on each side.

    Raises
    ------
    StudyRejected
        When the arrays do not fit, there is no event, or no cut-off leaves enough patients on both sides.
    """
    patients = Followed.of(times_months, events, scores)
    count = len(patients)
    if not patients.event_count:
        raise StudyRejected("There is no event among the patients; a cut-off needs at least one.")
    values = log_rank_scores(patients.times_months, patients.events)
    order = np.argsort(patients.scores, kind="stable")
    ordered, a = patients.scores[order], values[order]
    sizes = np.append(np.flatnonzero(np.diff(ordered) > 0) + 1, count)  # of the low group, one for each distinct score
    fewest = max(1, int(np.floor(count * smallest_share)))
    most = min(count - 1, int(np.floor(count * (1 - smallest_share))))
    sizes = sizes[(sizes >= fewest) & (sizes <= most)]
    if sizes.size == 0:
        raise StudyRejected(
            f"No cut-off leaves {100 * smallest_share:g} % of the {counted(count, 'patient')} on both sides; too many "
            "scores are equal. Give a fixed cut-off."
        )
    low = np.cumsum(a)[sizes - 1]
    expected = sizes / count * a.sum()
    variance = sizes * (count - sizes) / (count**2 * (count - 1)) * (count * (a**2).sum() - a.sum() ** 2)
    if not np.all(variance > 0):
        raise StudyRejected("All patients have the same follow-up; a cut-off cannot be selected.")
    statistics = np.abs(low - expected) / np.sqrt(variance)
    best = int(np.argmax(statistics))
    statistic = float(statistics[best])
    candidates = ordered[sizes - 1]
    return SelectedCutOff(
        cut_off=float(candidates[best]),
        statistic=statistic,
        p_lausen92=_p_lausen92(statistic, smallest_share),
        p_lausen94=_p_lausen94(statistic, sizes.astype(np.float64), count),
        is_at_edge=best in (0, sizes.size - 1),
        candidates=candidates,
        statistics=statistics,
        low_patients=int(sizes[best]),
        high_patients=int(count - sizes[best]),
    )


def _p_lausen92(b: float, smallest_share: float) -> float:
    density, low, high = float(norm.pdf(b)), smallest_share, 1 - smallest_share
    p = 4 * density / b + density * (b - 1 / b) * np.log(high * (1 - low) / ((1 - high) * low)) if b > 0 else 1.0
    return float(np.clip(p, 0.0, 1.0))


def _p_lausen94(b: float, sizes: Floats, count: int) -> float:
    smaller, larger = sizes[:-1], sizes[1:]
    t = np.sqrt(1 - smaller * (count - larger) / ((count - smaller) * larger))
    steps = np.exp(-(b**2) / 2) / np.pi * (t - (b**2 / 4 - 1) * t**3 / 6)
    return float(np.clip(2 * norm.sf(b) + steps.sum(), 0.0, 1.0))
