"""The interval of a figure that was cross-validated, wide enough for the training sets that overlap.

Bootstrap and DeLong treat the out-of-fold scores as if one fixed model had made them. The models of the folds share
most of their patients, so chance in those patients moves all of them together and does not average out over folds.
Nadeau and Bengio (2003), Mach Learn 52:239-281: the variance of a mean over k folds is s² (1/k + 1/(k - 1)), not s²/k.
The interval is widened by the root of that ratio, 1.5 for five folds.
"""

from __future__ import annotations

import math

from models.inference.package import OutOfFold


def cross_validated(value: float, low: float, high: float, *, folds: int) -> OutOfFold:
    """Widens an interval (low, high) around the value, cut at 0 and 1; 0 and 1 stay: there was none."""
    wider = widened(value, low, high, folds=folds)
    return OutOfFold(value=value, low=max(0.0, wider[0]), high=min(1.0, wider[1]))


def widened(value: float, low: float, high: float, *, folds: int) -> tuple[float, float]:
    """The interval around the value, wider by the factor for the folds."""
    factor = math.sqrt(1 + folds / (folds - 1))
    return value - factor * max(0.0, value - low), value + factor * max(0.0, high - value)
