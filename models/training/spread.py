"""The parts of a package's plausible ranges, and what such ranges would have held."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.inference.manifest import RangeSource, SpreadFacts
from models.inference.plausible_range import FACTOR, INFLATION, training_spread
from models.statistics.risk_coverage import RiskCoverage, leave_one_out, risk_coverage
from models.training.refits import Refits
from models.training.scorer import Scorer

Floats = NDArray[np.float64]
NOT_SEEN = "training patients out of fold, against refits that had not seen them"


@dataclass(frozen=True, eq=False)
class Spread:
    """The third output of the graph of a package.

    Attributes
    ----------
    scorers : refits or members, output on the log-risk or logit scale
    facts : for the manifest
    curve : share withheld against flips among the groups shown; empty where it was not measured
    """

    scorers: tuple[Scorer, ...]
    facts: SpreadFacts
    curve: tuple[RiskCoverage, ...] = ()


def spread_of(scorer: Scorer, refits: Refits, *, values: Floats, out_of_fold: Floats, cut_off: float) -> Spread | None:
    """Refits where there are any, else the members; None for a model of one network.

    Parameters
    ----------
    values : the training patients (patients, inputs)
    out_of_fold : float64 (patients,), calibrated outputs on the log-risk or logit scale
    cut_off : on that scale
    """
    if not refits.scorers:
        members = members_of(scorer, values)
        facts = SpreadFacts(RangeSource.MEMBERS, len(members), INFLATION[RangeSource.MEMBERS])
        return Spread(members, facts) if len(members) > 1 else None
    assert refits.drawn is not None
    others, inflation = refits.outputs(values), INFLATION[RangeSource.REFITS]
    wide = inflation * leave_one_out(out_of_fold, others)
    unseen = np.where(refits.drawn.T, np.nan, others)
    borderline = np.abs(out_of_fold - cut_off) <= FACTOR * training_spread(
        out_of_fold, others, source=RangeSource.REFITS, inflation=inflation
    )
    facts = SpreadFacts(
        RangeSource.REFITS,
        len(refits.scorers),
        inflation,
        borderline=float(borderline.mean()),
        whom=NOT_SEEN,
    )
    return Spread(refits.scorers, facts, risk_coverage(out_of_fold, unseen, wide, cut_off=cut_off))


def tried_on(spread: Spread, scorer: Scorer, others: Floats, *, values: Floats, cut_off: float, whom: str) -> Spread:
    """The same spread with what it held of the scores of other trainings of new patients.

    Parameters
    ----------
    others : float64 (patients, trainings), outputs of trainings on other cohorts
    values : float64 (patients, inputs), patients that no training has seen
    whom : these patients and trainings, in words
    """
    outputs = scorer.output(values)
    from_scorers = np.column_stack([one.output(values) for one in spread.scorers])
    wide = training_spread(outputs, from_scorers, source=spread.facts.source, inflation=spread.facts.inflation)
    curve = risk_coverage(outputs, others, wide, cut_off=cut_off)
    at = next(point for point in curve if point.factor == FACTOR)
    facts = replace(spread.facts, borderline=at.withheld, held=at.held, flips_shown=at.flips_shown, whom=whom)
    return replace(spread, facts=facts, curve=curve)


def members_of(scorer: Scorer, values: Floats) -> tuple[Scorer, ...]:
    """The networks of an ensemble as scorers of their own, on the scale of the ensemble's output.

    Each has the ensemble's mean over the training patients `values` (patients, inputs); their mean is the ensemble.
    """
    count, mean = len(scorer.networks), float(scorer.output(values).mean())
    members = []
    for network, gain in zip(scorer.networks, scorer.gains, strict=True):
        alone = replace(scorer, networks=(network,), gains=(count * gain,), offset=0.0, is_probability=False)
        members.append(replace(alone, offset=mean - float(alone.output(values).mean())))
    return tuple(members)
