"""Simulated cohorts of feature vectors with outcomes, of the paper's shape. No patient is behind any of them.

698 training, 171 validation and 244 testing patients, 24 latent factors for each sequence, about 6.5 % recurrences at
three years, median follow-up about 45 months, a known risk of four kinds, and an expression of KRT7-AS.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.errors import SetupError
from models.simulation.feature_shape import FACTORS, FeatureShape
from models.volume import Sequence

PAPER_SIZES = {"training": 698, "validation": 171, "testing": 244}
RFS_36_MONTHS = 0.935  # paper: 93.6, 96.7 and 93.3 % in the three cohorts
SEQUENCE_CORRELATION = 0.5  # between the same factor of T1+C and of T2W
DAYS_PER_MONTH = 30.4375


class Truth(StrEnum):
    """Form of the true log-risk as a function of the features."""

    STRONG = "strong"  # nonlinear (magnitude, product, hinge); the true risk has a concordance of about .92
    MODERATE = "moderate"  # the same function, weaker: about .80
    LINEAR = "linear"  # a weighted sum of factors: about .82
    NULL = "null"  # nothing: .50


# Standard deviation of the true log-risk, which sets the concordance the true risk reaches.
_SPREAD = {Truth.STRONG: 2.4, Truth.MODERATE: 1.25, Truth.LINEAR: 1.4, Truth.NULL: 0.0}


@dataclass(frozen=True, eq=False)
class Cohort:
    """Simulated patients.

    Attributes
    ----------
    names : of the features
    values : float64 (patients, features)
    split : "training", "validation" or "testing" for each patient
    times_months : follow-up until recurrence or censoring, whole days
    events : 1 recurrence, 0 censored
    log_risk : the true log-risk
    krt7_as_tpm : expression of KRT7-AS in transcripts per million
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    split: NDArray[np.str_]
    times_months: NDArray[np.float64]
    events: NDArray[np.float64]
    log_risk: NDArray[np.float64]
    krt7_as_tpm: NDArray[np.float64]

    def part(self, split: str) -> Cohort:
        """The patients of one split.

        Raises
        ------
        SetupError
            When there is none.
        """
        rows = self.split == split
        if not rows.any():
            raise SetupError(
                f"The cohort has no split '{split}'; it has {', '.join(sorted(set(self.split.tolist())))}."
            )
        return Cohort(
            self.names,
            self.values[rows],
            self.split[rows],
            self.times_months[rows],
            self.events[rows],
            self.log_risk[rows],
            self.krt7_as_tpm[rows],
        )


def simulate_cohort(shape: FeatureShape, *, truth: Truth, seed: int, sizes: dict[str, int] | None = None) -> Cohort:
    """Simulates patients whose features follow `shape`; names begin with their sequence (`t1c_`, `t2w_`).

    Parameters
    ----------
    sizes : patients by split, the paper's when None
    """
    sizes = PAPER_SIZES if sizes is None else sizes
    rng = np.random.default_rng(seed)
    split = np.repeat(list(sizes), list(sizes.values()))
    t1c = rng.normal(size=(split.size, FACTORS))
    own = rng.normal(size=(split.size, FACTORS))
    t2w = SEQUENCE_CORRELATION * t1c + np.sqrt(1 - SEQUENCE_CORRELATION**2) * own
    log_risk = true_log_risk(t1c, t2w, truth)
    times, events = _outcomes(log_risk, truth, rng)
    return Cohort(
        names=shape.names,
        values=_features(shape, t1c, t2w, rng),
        split=split,
        times_months=times,
        events=events,
        log_risk=log_risk,
        krt7_as_tpm=_expression(t1c, t2w, rng),
    )


def true_log_risk(t1c: NDArray[np.float64], t2w: NDArray[np.float64], truth: Truth) -> NDArray[np.float64]:
    """The log-risk of patients with these factors (patients, 24): (patients,), mean 0 over all patients."""
    if truth is Truth.LINEAR:
        sums = 0.7 * t1c[:, 0] - 0.6 * t1c[:, 1] + 0.5 * t1c[:, 2] + 0.4 * t2w[:, 3] - 0.3 * t2w[:, 4]
        variance = 0.7**2 + 0.6**2 + 0.5**2 + 0.4**2 + 0.3**2
        return np.asarray(_SPREAD[truth] * sums / np.sqrt(variance))
    # |x| has mean sqrt(2/π) and variance 1 - 2/π; max(x, 0) mean 1/sqrt(2π) and variance 1/2 - 1/(2π).
    magnitude = np.abs(t1c[:, 1]) - np.sqrt(2 / np.pi)
    product = t1c[:, 2] * t1c[:, 3]
    hinge = np.maximum(t2w[:, 0], 0) - 1 / np.sqrt(2 * np.pi)
    total = 0.8 * t1c[:, 0] + 0.9 * magnitude + 0.5 * product + 0.9 * hinge
    covariance = 2 * 0.8 * 0.9 * SEQUENCE_CORRELATION * 0.5  # of t1c[0] with the hinge of t2w[0]: E[x·max(x,0)] = 1/2
    variance = 0.8**2 + 0.9**2 * (1 - 2 / np.pi) + 0.5**2 + 0.9**2 * (0.5 - 0.5 / np.pi) + covariance
    return np.asarray(_SPREAD[truth] * total / np.sqrt(variance))


def _outcomes(
    log_risk: NDArray[np.float64], truth: Truth, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exponential recurrence times, censored at the end of a normal follow-up; both in whole days."""
    hazard = _baseline_rate(truth) * np.exp(log_risk)
    recurrence = rng.exponential(size=log_risk.size) / hazard
    follow_up = np.clip(rng.normal(46.0, 15.0, size=log_risk.size), 3.0, 100.0)
    days = np.ceil(np.minimum(recurrence, follow_up) * DAYS_PER_MONTH)
    return days / DAYS_PER_MONTH, (recurrence <= follow_up).astype(np.float64)


def _baseline_rate(truth: Truth) -> float:
    """Hazard per month of a patient with log-risk 0 that gives the paper's recurrence-free survival at 36 months."""
    rng = np.random.default_rng(0)
    t1c, own = rng.normal(size=(20_000, FACTORS)), rng.normal(size=(20_000, FACTORS))
    t2w = SEQUENCE_CORRELATION * t1c + np.sqrt(1 - SEQUENCE_CORRELATION**2) * own
    risk = np.exp(true_log_risk(t1c, t2w, truth))
    low, high = -30.0, 0.0
    for _ in range(60):
        middle = (low + high) / 2
        survival = float(np.mean(np.exp(-np.exp(middle) * 36.0 * risk)))
        low, high = (middle, high) if survival > RFS_36_MONTHS else (low, middle)
    return float(np.exp(low))


def _features(
    shape: FeatureShape, t1c: NDArray[np.float64], t2w: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    # Size and form of the lesion are the same lesion's on both sequences.
    follows_t2w = np.array(
        [
            name.startswith(f"{Sequence.T2W}_") and "_shape_" not in name and "Mask-original" not in name
            for name in shape.names
        ]
    )
    common = np.where(follows_t2w, t2w @ shape.loadings.T, t1c @ shape.loadings.T)
    unique = np.sqrt(np.maximum(0.0, 1 - (shape.loadings**2).sum(axis=1)))
    return shape.values(common + unique * rng.normal(size=common.shape))


def _expression(t1c: NDArray[np.float64], t2w: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Log-normal expression; the part that the images know has a correlation of .75 with its logarithm."""
    known = 0.7 * t1c[:, 0] - 0.5 * t2w[:, 1] + 0.6 * (np.abs(t1c[:, 2]) - np.sqrt(2 / np.pi))
    variance = 0.7**2 + 0.5**2 + 0.6**2 * (1 - 2 / np.pi)
    return np.asarray(np.exp(0.75 * known / np.sqrt(variance) + np.sqrt(1 - 0.75**2) * rng.normal(size=len(t1c))))
