"""Area under the ROC curve of a binary outcome with DeLong's confidence interval.

References: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44:837-845; Sun and Xu (2014), IEEE Signal Process Lett
21:1389-1393, for the mid-ranks. Equal to R `pROC::ci.auc`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm, rankdata

from models.errors import StudyRejected
from models.number_words import counted


def delong_auc(outcomes: ArrayLike, scores: ArrayLike) -> tuple[float, float, float]:
    """AUC with its 95 % limits, cut at 0 and 1; higher score means outcome 1, tied scores count one half.

    Raises
    ------
    StudyRejected
        When the arrays do not fit, or there are fewer than two patients of either outcome.
    """
    flags, values = np.asarray(outcomes), np.asarray(scores, dtype=np.float64)
    if flags.shape != values.shape or flags.ndim != 1 or not np.all(np.isin(flags, (0, 1))):
        raise StudyRejected(f"{flags.shape} outcomes and {values.shape} scores; 0 or 1 and a score for each expected.")
    positive, negative = values[flags == 1], values[flags == 0]
    m, n = positive.size, negative.size
    if m < 2 or n < 2:
        raise StudyRejected(
            f"{counted(m, 'patient has', 'patients have')} the outcome and {n} do not; at least two of each were "
            "expected."
        )
    ranks = rankdata(np.concatenate([positive, negative]))
    # Placement of each positive among the negatives, and the other way round.
    above = (ranks[:m] - rankdata(positive)) / n
    below = 1 - (ranks[m:] - rankdata(negative)) / m
    auc = float(above.mean())
    spread = float(norm.ppf(0.975) * np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n))
    return auc, max(0.0, auc - spread), min(1.0, auc + spread)
