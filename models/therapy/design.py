"""Linear models of the five comparisons of therapy: which values, which regressors.

Before and after: value = group + covariates. Change within a group: difference of a pair (after - before) against zero,
with the change of a covariate beside it; what does not change with time cancels out of a difference of pairs, so those
covariates play no part. Change by response: difference of a pair = group + change of covariates + fixed covariates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.statistics.followed import Floats
from models.therapy.patients import Covariate


class Comparison(StrEnum):
    """Comparisons of features with therapy and response; the first four are those of the paper."""

    BEFORE = "before"  # responders - non-responders, before therapy (B1)
    AFTER = "after"  # responders - non-responders, after therapy (B2)
    RESPONDERS = "responders"  # after - before in responders, paired (B3)
    NON_RESPONDERS = "non-responders"  # after - before in non-responders, paired (B4)
    CHANGE = "change"  # does change differ by response: (after - before), responders - non-responders

    @property
    def is_paired(self) -> bool:
        """Returns whether it is the change within one group."""
        return self in (Comparison.RESPONDERS, Comparison.NON_RESPONDERS)


LISTS = (Comparison.BEFORE, Comparison.AFTER, Comparison.RESPONDERS, Comparison.NON_RESPONDERS)
"""The lists whose overlap the paper calls therapy-related features."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """Numbers of a therapy analysis on the scale of its tests.

    Attributes
    ----------
    before, after : float64 (features, patients)
    responded : bool (patients,)
    covariates : in the order of the design
    blocks : name of the block of each patient, such as the scanner; None without blocks
    """

    before: Floats
    after: Floats
    responded: NDArray[np.bool_]
    covariates: Sequence[Covariate] = ()
    blocks: Sequence[str] | None = None

    def group(self, comparison: Comparison) -> NDArray[np.bool_]:
        """Patients of a comparison: bool (patients,)."""
        if comparison is Comparison.RESPONDERS:
            return self.responded
        if comparison is Comparison.NON_RESPONDERS:
            return ~self.responded
        return np.ones(len(self.responded), dtype=np.bool_)

    def values(self, comparison: Comparison) -> Floats:
        """Values of all patients that a comparison looks at: (features, patients)."""
        if comparison is Comparison.BEFORE:
            return self.before
        if comparison is Comparison.AFTER:
            return self.after
        return self.after - self.before

    def nuisance(self, comparison: Comparison) -> Floats:
        """Regressors besides the tested one, of all patients: (patients, terms); the constant first, if any."""
        count = len(self.responded)
        if comparison.is_paired:
            columns = [one.after - one.before for one in self.covariates if one.changes]
            return np.hstack([np.empty((count, 0)), *columns])
        columns = [np.ones((count, 1))]
        for one in self.covariates:
            if comparison is Comparison.CHANGE:
                columns.append(one.after - one.before if one.changes else one.before)
            else:
                columns.append(one.before if comparison is Comparison.BEFORE else one.after)
        if self.blocks is not None:
            _, codes = np.unique(np.asarray(self.blocks), return_inverse=True)
            columns.append(np.eye(int(codes.max()) + 1)[codes][:, 1:])
        return np.hstack(columns)

    def tested(self, comparison: Comparison) -> Floats:
        """The tested regressor, of all patients: 1 for a responder, or the constant of a paired comparison."""
        if comparison.is_paired:
            return np.ones(len(self.responded))
        return self.responded.astype(np.float64)

    def design(self, comparison: Comparison) -> Floats:
        """The design of a comparison, its tested column last: (patients of the comparison, terms)."""
        whole = np.column_stack([self.nuisance(comparison), self.tested(comparison)])
        return whole[self.group(comparison)]
