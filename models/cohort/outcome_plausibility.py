"""Times and events that look wrong as a whole: another unit, two units, a coding turned round.

Each is refused under its name, and can be overruled by it where the table is right: it is a warning then.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from models.constant import varies
from models.number_words import counted, share_of

# Median follow-up of 240 months would be twenty years of MRI with outcomes; the same number of days is eight months.
DAYS_SUSPECTED_MONTHS = 240.0
# A cohort nobody of which was followed for 15 months cannot show two-year survival; 15 years are plausible.
YEARS_SUSPECTED_MONTHS = 15.0
LONGEST_MONTHS = 600.0  # fifty years: longer than any follow-up after an MRI
_FEWEST = 40  # patients, before the pattern of events says anything
_SURE = 1e-3  # p value of the pattern
_FEWEST_EVENTS = 3  # before equal times say anything
_ROWS_NAMED = 5


class Doubt(StrEnum):
    """Doubts about outcomes; the names are those of `--overrule`."""

    DAYS = "time-looks-like-days"
    YEARS = "time-looks-like-years"
    TOO_LONG = "time-too-long"
    INVERTED = "events-look-inverted"
    EQUAL = "times-all-equal"
    AMONG_FEATURES = "outcome-among-features"


@dataclass(frozen=True)
class DoubtfulOutcomes:
    """A doubt and its sentence, which says how to overrule it."""

    doubt: Doubt
    sentence: str


def doubtful_outcomes(
    times_months: NDArray[np.float64], events: NDArray[np.float64], source: str
) -> list[DoubtfulOutcomes]:
    """Looks at times and events together.

    Parameters
    ----------
    times_months, events : float64 (rows,), NaN where not known
    source : name of the table, for the sentences
    """
    found = [_of_times(times_months), _of_events(times_months, events), _of_differences(times_months, events)]
    return [
        DoubtfulOutcomes(one[0], f"{source}: {one[1]} If the table is right: --overrule {one[0]}.")
        for one in found
        if one is not None
    ]


def _of_times(times_months: NDArray[np.float64]) -> tuple[Doubt, str] | None:
    known = times_months[~np.isnan(times_months)]
    if not known.size:
        return None
    longest, median = float(known.max()), float(np.median(known))
    too_long = np.flatnonzero(times_months > LONGEST_MONTHS)
    if median >= DAYS_SUSPECTED_MONTHS:
        sentence = f"half of the patients have a time of {median:.0f} months or more; that looks like days."
        return Doubt.DAYS, f"{sentence} Say so with --time-unit days."
    if too_long.size:
        rows = ", ".join(str(row + 1) for row in too_long[:_ROWS_NAMED].tolist())
        rows += ", …" if too_long.size > _ROWS_NAMED else ""
        sentence = (
            f"{counted(too_long.size, 'patient has', 'patients have')} a time of more than "
            f"{LONGEST_MONTHS / 12:.0f} years (the longest {longest / 12:.0f} years; "
            f"{'row' if too_long.size == 1 else 'rows'} {rows}), and half of all have {median:.0f} months or less."
        )
        return Doubt.TOO_LONG, (
            f"{sentence} If all times are days, say so with --time-unit days; if some are, write them in the unit of "
            "the others."
        )
    if longest <= YEARS_SUSPECTED_MONTHS:
        sentence = f"the longest time is {longest:.3g} months, and no statistic at two years could be computed;"
        return Doubt.YEARS, f"{sentence} that looks like another unit. Say which with --time-unit, such as years."
    return None


def _of_events(times_months: NDArray[np.float64], events: NDArray[np.float64]) -> tuple[Doubt, str] | None:
    """A doubt where most patients have an event, those followed longest above all.

    Follow-up ends with the event, so that the patients followed longest are those without one, unless nearly all are
    followed until theirs.
    """
    known = ~np.isnan(times_months) & ~np.isnan(events)
    times, flags = times_months[known], events[known] == 1
    if flags.size < _FEWEST or flags.mean() <= 0.5 or flags.all():
        return None
    early, late = np.quantile(times, [0.25, 0.75])
    short, long = flags[times <= early], flags[times >= late]
    table = np.array([[long.sum(), (~long).sum()], [short.sum(), (~short).sum()]])
    if long.mean() <= short.mean() or fisher_exact(table).pvalue >= _SURE:
        return None
    return Doubt.INVERTED, (
        f"{int(flags.sum())} of {counted(flags.size, 'patient')} have an event, {share_of(float(long.mean()))} of the "
        f"quarter followed longest and {share_of(float(short.mean()))} of the quarter followed shortest; 1 may stand "
        "for no event. 1 for a recurrence and 0 for none was expected."
    )


def _of_differences(times_months: NDArray[np.float64], events: NDArray[np.float64]) -> tuple[Doubt, str] | None:
    """A doubt where nobody's event comes before anybody's: a duration stands in the column, not each patient's time."""
    known = ~np.isnan(times_months) & ~np.isnan(events)
    times, flags = times_months[known], events[known] == 1
    if flags.sum() < _FEWEST_EVENTS or varies(times):
        return None
    return Doubt.EQUAL, (
        f"{counted(flags.size, 'patient')}, {int(flags.sum())} of them with an event, all have the time "
        f"{times[0]:.4g} months; the time of each patient, to the event or the last contact, was expected."
    )
