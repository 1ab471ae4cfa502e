"""Number of parameters that a sample can carry, so that a model need not be shrunk by more than a tenth.

Riley et al. (2019), Stat Med 38:1276-1296, criterion (i): patients per parameter = 1 / ((S - 1) · ln(1 - R²/S)) with
S = 0.9 and R² (Cox-Snell) = 0.15 of its maximum 1 - (null likelihood)^(2/n), the anticipation their paper advises where
nothing better is known.
"""

from __future__ import annotations

import math

SHRINKAGE = 0.9
ANTICIPATED = 0.15  # of the maximal Cox-Snell R², hence Nagelkerke's


def survival_patients_per_parameter(*, patients: int, events: int, person_years: float) -> float:
    """For a time to event with a constant hazard of events / person_years."""
    log_likelihood = events * math.log(events / person_years) - events
    return _per_parameter(log_likelihood / patients)


def binary_patients_per_parameter(*, patients: int, events: int) -> float:
    """For a binary outcome."""
    share = events / patients
    return _per_parameter(share * math.log(share) + (1 - share) * math.log(1 - share))


def _per_parameter(null_log_likelihood: float) -> float:
    """From the log-likelihood per patient of a model without predictors."""
    r2 = ANTICIPATED * (1 - math.exp(2 * null_log_likelihood))
    return 1 / ((SHRINKAGE - 1) * math.log(1 - r2 / SHRINKAGE))
