"""A number with its interval, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes
    ----------
    value : finite
    interval : (low, high); None where it cannot be computed or does not end
    method : how the interval was computed, or why there is none
    """

    value: float
    interval: tuple[float, float] | None
    method: str

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"an estimate of {self.value}; a finite number was expected")
        if self.interval is not None and not all(math.isfinite(limit) for limit in self.interval):
            raise ValueError(f"an interval of {self.interval}; finite numbers were expected")


@dataclass(frozen=True)
class NotEstimable:
    """A number that the patients cannot give, and why (a sentence)."""

    reason: str


Found = Estimate | NotEstimable
