"""Plausible range of a score: where another contour of the tumour and another training of the model would put it.

    range = score ± 1.28 · sqrt(contours² + training²)   on the log-risk or logit scale

`contours` is the standard deviation of the score over contours of other readers (`models.preprocessing.other_readers`),
`training` the deviation of the package's refits from the score, inflated to that of an independent training. 1.28 is
the normal quantile of an 80 % range: 8 of 10 scores of other contours and trainings lie in it. It covers no other
scanner, motion or hospital.

Survival takes both through the baseline hazard and adds the bootstrap of slope and baseline: on the scale of the log
cumulative hazard, log H0(t) + score, independent sources add in variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.inference.manifest import RangeSource
from models.inference.outcome import PlausibleRange, SurvivalRange
from models.inference.package import ModelPackage
from models.inference.tasks import TASKS
from models.number_words import counted, share_of
from models.validity import Reason, State

Floats = NDArray[np.float64]

FACTOR = 1.28  # standard deviations on either side: 80 % of a normal distribution
# Deviation of an independent training over that of the source. Bootstrap samples share two thirds of their patients,
# and the members of one ensemble share all: measured on trainings with other simulated cohorts (model card).
INFLATION = {RangeSource.REFITS: 2.0, RangeSource.MEMBERS: 1.8}
# Farther from the cut-off than this (log-risk, logit) no contour moves a score: the contours need not be computed.
FAR_FROM_CUT_OFF = 3.0
_NEAREST = 1e-12  # probabilities nearer to 0 or 1 have no logit

NO_RANGE = "no-plausible-range"  # code of the doubt about a group whose score has no range

FOOTNOTE = (
    "Plausible range: 8 of 10 scores of other contours of the tumour and other trainings of the model lie in it; other "
    "scanners, motion and other hospitals are not covered."
)


@dataclass(frozen=True)
class Spread:
    """Standard deviations of one score, on the log-risk or logit scale.

    Attributes
    ----------
    training : of another training
    contours : of another contour; None where contours were not computed
    """

    training: float
    contours: float | None

    @property
    def total(self) -> float:
        """Both together, independent."""
        return float(np.hypot(self.training, self.contours or 0.0))


def training_spread(outputs: Floats, others: Floats, *, source: RangeSource, inflation: float) -> Floats:
    """Standard deviation of another training: (patients,), (patients, refits or members) → float64 (patients,).

    The mean of the members is the score, so their deviation loses a degree of freedom; refits keep theirs.
    """
    count = others.shape[1] - (1 if source is RangeSource.MEMBERS else 0)
    return np.asarray(inflation * np.sqrt(((others - outputs[:, np.newaxis]) ** 2).sum(axis=1) / count))


def as_output(package: ModelPackage, score: float) -> float:
    """A score or cut-off on the scale of the output: the log-risk itself, or the logit of a probability."""
    if not TASKS[package.task].is_probability:
        return score
    p = min(max(score, _NEAREST), 1 - _NEAREST)
    return float(np.log(p / (1 - p)))


def as_score(package: ModelPackage, output: float) -> float:
    """The inverse of `as_output`."""
    if not TASKS[package.task].is_probability:
        return output
    return float(0.5 * (1.0 + np.tanh(0.5 * output)))


def contours_matter(package: ModelPackage, *, score: float, training: float) -> bool:
    """Returns whether other contours could decide between group and borderline.

    Not where the score is far from the cut-off, nor where another training alone makes it borderline.
    """
    distance = abs(as_output(package, score) - as_output(package, package.cut_off))
    return distance <= FAR_FROM_CUT_OFF and not is_near(package, score, training)


def is_near(package: ModelPackage, score: float, deviation: float) -> bool:
    """Returns whether a range of this standard deviation (log-risk, logit) holds the cut-off."""
    return abs(as_output(package, score) - as_output(package, package.cut_off)) <= FACTOR * float(deviation)


def plausible_range(package: ModelPackage, *, score: float, spread: Spread, contours: int) -> PlausibleRange:
    """The range of a score and of survival.

    Parameters
    ----------
    contours : number of contours that were computed; 0 for none
    """
    output, half = as_output(package, score), FACTOR * spread.total
    survival = []
    for months in package.horizons_months if package.baseline is not None else ():
        assert package.baseline is not None
        log_hazard = np.log(max(package.baseline.at(months), np.finfo(float).tiny)) + output
        of_baseline = 0.0 if package.resamples is None else package.resamples.spread(output, months)
        wide = FACTOR * float(np.hypot(spread.total, of_baseline))
        low, high = (float(np.exp(-np.exp(min(log_hazard + sign * wide, 700.0)))) for sign in (1, -1))
        survival.append(SurvivalRange(months, low, high))
    return PlausibleRange(
        low=as_score(package, output - half),
        high=as_score(package, output + half),
        source=_source(package, contours),
        survival=tuple(survival),
    )


def range_reasons(package: ModelPackage, found: PlausibleRange | None) -> tuple[Reason, ...]:
    """The reason against a group where the cut-off lies in the range; the doubt where a package gives no range.

    `found` is that of a score the state allows; None where it is not known.
    """
    if package.spread is None:
        return (_no_range(package),)
    if found is None or not found.low <= package.cut_off <= found.high:
        return ()
    low, high, cut_off = (_shown(package, value) for value in (found.low, found.high, package.cut_off))
    return (
        Reason(
            "cut-off-in-range",
            State.BORDERLINE,
            f"The cut-off of {cut_off} lies in the plausible range of the score, {low} to {high}.",
            f"{low} to {high}",
            f"a range on one side of {cut_off}",
        ),
    )


def _no_range(package: ModelPackage) -> Reason:
    """A package of an older version, or of a single network: nothing says how far another training lies."""
    return Reason(
        NO_RANGE,
        State.CONDITIONAL,
        f"The model '{package.identity.name}' {package.identity.version} gives no plausible range, because its package "
        "holds one training without members or refits: it is not known whether another contour of the tumour or "
        "another training would change the group. Train the package again with this version of the software.",
        "no refits and no members",
        "the outputs of refits or members in the package",
    )


def _shown(package: ModelPackage, value: float) -> str:
    return share_of(value) if TASKS[package.task].is_probability else f"{value:.2f}"


def _source(package: ModelPackage, contours: int) -> str:
    facts = package.spread
    assert facts is not None
    trainings = (
        f"{counted(facts.count, 'other training')} of the model"
        if facts.source is RangeSource.REFITS
        else "one training of the model (its members)"
    )
    drawn = f"{counted(contours, 'other contour')} of the tumour" if contours else "no other contour of the tumour"
    return f"Range from {trainings} and {drawn}."
