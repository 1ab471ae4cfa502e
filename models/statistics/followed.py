"""`Followed`: patients with their follow-up and the score of a model; weights for resampling; censoring weights.

Every statistic of this package that is resampled is a function of a weight for each patient, with a leading axis of
resamples: all weights 1 is the estimate, the counts of a bootstrap sample are that sample. One formula serves both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import StudyRejected
from models.number_words import counted

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Followed:
    """Follow-up and scores of some patients, in order of time; at the same time events precede censorings.

    Attributes
    ----------
    times_months : float64 (patients,), positive, not decreasing
    events : bool (patients,), True recurrence, False censored
    scores : float64 (patients,), finite; higher means higher risk
    order : int (patients,), position of each patient in the input

    Raises
    ------
    StudyRejected
        When the arrays do not fit, a time is not positive and finite, an event is not 0 or 1, or a score not finite.
    """

    times_months: Floats
    events: NDArray[np.bool_]
    scores: Floats
    order: NDArray[np.intp]

    @classmethod
    def of(cls, times_months: ArrayLike, events: ArrayLike, scores: ArrayLike) -> Followed:
        """Patients in any order."""
        times, flags = np.asarray(times_months, dtype=np.float64), np.asarray(events)
        values = np.asarray(scores, dtype=np.float64)
        if times.ndim != 1 or times.shape != flags.shape or times.shape != values.shape or times.size == 0:
            raise StudyRejected(
                f"{times.shape} times, {flags.shape} events and {values.shape} scores were given; one of each for "
                "every patient, and at least one patient, were expected."
            )
        if not (np.all(np.isfinite(times)) and np.all(times > 0)):
            raise StudyRejected(
                f"{counted(np.count_nonzero(~(times > 0) | ~np.isfinite(times)), 'time is', 'times are')} not positive "
                "numbers of months; leave out patients without follow-up."
            )
        if not np.all(np.isin(flags, (0, 1))):
            raise StudyRejected("Events other than 0 (censored) and 1 (recurrence) were given.")
        if not np.all(np.isfinite(values)):
            raise StudyRejected(
                f"{counted(np.count_nonzero(~np.isfinite(values)), 'score is', 'scores are')} not finite; none was "
                "expected."
            )
        is_event = flags.astype(np.bool_)
        order = np.lexsort((~is_event, times))
        return cls(times[order], is_event[order], values[order], order)

    def __len__(self) -> int:
        return int(self.times_months.size)

    @property
    def event_count(self) -> int:
        """Number of recurrences."""
        return int(np.count_nonzero(self.events))

    def events_by(self, months: float) -> int:
        """Recurrences up to and including a time."""
        return int(np.count_nonzero(self.events & (self.times_months <= months)))

    def at_risk_after(self, months: float) -> int:
        """Patients followed beyond a time; a follow-up that ends at exactly the time is not (as R has it)."""
        return int(np.count_nonzero(self.times_months > months))

    def at_risk_at(self, months: float) -> int:
        """Patients under observation just before a time, events and censorings at it included."""
        return int(np.count_nonzero(self.times_months >= months))

    @cached_property
    def once(self) -> Floats:
        """Weights of the estimate: (1, patients), all 1."""
        return np.ones((1, len(self)))

    def resampled(self, *, resamples: int, seed: int) -> NDArray[np.uint16]:
        """Bootstrap samples of the patients: how often each is in the sample, uint16 (resamples, patients).

        The same patients give the same samples whatever the order of the rows given.
        """
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(len(self), np.full(len(self), 1 / len(self)), size=resamples).astype(np.uint16)
        drawn_as = np.lexsort((self.scores, ~self.events, self.times_months))
        return np.asarray(counts[:, np.argsort(drawn_as)])

    def censoring_survival_before(self, weights: Floats) -> Floats:
        """G(T-): the probability of not being censored before each patient's own time: (resamples, patients).

        Kaplan-Meier estimate of the censoring distribution; at the same time events come before censorings. Positive
        for every patient of the sample.
        """
        after = self._censoring_survival(weights)
        first = np.searchsorted(self.times_months, self.times_months, side="left")
        padded = np.concatenate([np.ones((len(weights), 1)), after], axis=1)
        return np.asarray(padded[:, first])

    def censoring_survival_at(self, weights: Floats, months: float) -> Floats:
        """G(t): the probability of not being censored up to and including a time: (resamples,)."""
        last = int(np.searchsorted(self.times_months, months, side="right"))
        after = self._censoring_survival(weights)
        return np.asarray(after[:, last - 1] if last else np.ones(len(weights)))

    def _censoring_survival(self, weights: Floats) -> Floats:
        """The estimate after each patient, (resamples, patients); meaningful at the last patient of each time.

        With the patients in order of time, events first, the risk set of a censoring is itself and all behind it, and
        the factors 1 - w/(sum of w behind) of censorings at one time multiply to 1 - c/Y.
        """
        behind = np.cumsum(weights[:, ::-1], axis=1)[:, ::-1]
        share = np.divide(weights * ~self.events, behind, out=np.zeros_like(weights), where=behind > 0)
        return np.asarray(np.cumprod(1 - share, axis=1))


def inverse(probabilities: Floats) -> Floats:
    """1/p, and 0 where p is 0: such a patient is not in the sample."""
    return np.divide(1.0, probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Elementwise quotient, NaN where the denominator is 0: the resample cannot be used; callers count those."""
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0)
