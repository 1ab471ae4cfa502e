"""Uncertainty of a survival probability that comes from slope and baseline hazard: their bootstrap resamples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import SetupError

Floats = NDArray[np.float64]
FEWEST = 100  # resamples; the standard deviation from fewer is off by more than 7 %


@dataclass(frozen=True, eq=False)
class BaselineResamples:
    """Slope and cumulative baseline hazard of bootstrap samples of the training patients.

    Attributes
    ----------
    slopes : float64 (resamples,), calibration slope of the sample over that of the model
    horizons_months : increasing
    hazards : float64 (resamples, horizons), positive: H0 of the sample at each horizon

    Raises
    ------
    SetupError
        When the arrays do not fit, a number is not finite, a hazard is not positive, or there are too few resamples.
    """

    slopes: Floats
    horizons_months: tuple[float, ...]
    hazards: Floats

    def __post_init__(self) -> None:
        if self.hazards.shape != (self.slopes.size, len(self.horizons_months)) or self.slopes.size < FEWEST:
            raise SetupError(
                f"{self.slopes.shape} slopes and {self.hazards.shape} baseline hazards at {len(self.horizons_months)} "
                f"horizons; one for each of at least {FEWEST} resamples was expected."
            )
        if not (np.all(np.isfinite(self.slopes)) and np.all(np.isfinite(self.hazards)) and np.all(self.hazards > 0)):
            raise SetupError("A resample of the baseline has a slope that is not finite, or a hazard not above zero.")

    def spread(self, log_risk: float, months: float) -> float:
        """Standard deviation over the resamples of the log cumulative hazard, log H0 + slope · log-risk."""
        column = self.horizons_months.index(months)
        return float(np.std(np.log(self.hazards[:, column]) + self.slopes * log_risk, ddof=1))
