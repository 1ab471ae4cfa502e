"""Value that a score adds to clinical covariates: Cox models with and without it on the same patients.

The likelihood-ratio test is the evidence; the difference of two C statistics is its size. Both C statistics are of
models fitted to the very patients they are judged on, so the difference is corrected for its optimism by the bootstrap,
and its interval is that of the bootstrap moved by the optimism. In simulated cohorts of 200 patients with about 90
events (60 cohorts for each hazard ratio per SD) the interval held the difference of the fitted models on 4,000 new
patients in 92 % (hazard ratio 1), 90 % (1.35) and 97 % (2.2) instead of 95 %, give or take 4; the corrected difference
was off by .001, .005 and .006 on average, the apparent one by .008, .006 and -.003. Fewer events were not measured.

References: Harrell, Lee and Mark (1996), Stat Med 15:361-387, for optimism; Noma et al. (2021), Stat Med 40:5691-5701,
for the moved interval; Pencina and D'Agostino (2015), JAMA 314:1063-1064, for added value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.constant import varies
from models.number_words import counted
from models.patients.covariates import Covariate, Kind
from models.statistics.concordance import harrell_c
from models.statistics.cox import ChiSquare, CoxModel, NoMaximum, fit_cox_model, proportional_hazards
from models.statistics.estimate import Estimate, Found, NotEstimable
from models.statistics.followed import Floats, Followed

FEWEST_EVENTS = 5  # below, no model is fitted
FEW_EVENTS = 10
EVENTS_PER_PARAMETER = 10
SCORE = "score"
_FEWEST_USABLE = 0.9  # share of the bootstrap samples


@dataclass(frozen=True)
class Coefficient:
    """One hazard ratio of the models.

    Attributes
    ----------
    term, level, reference : covariate; level and reference of a category, "" of a number
    unit : of a number: what the ratio is for
    alone : hazard ratio in a model with this covariate alone
    together : in the model with all covariates and the score
    p_alone, p_together : likelihood-ratio p values of the whole covariate, the same for all its levels
    """

    term: str
    level: str
    reference: str
    unit: str
    alone: Found
    together: Found
    p_alone: float
    p_together: float


@dataclass(frozen=True)
class ProportionalHazards:
    """Tests of proportional hazards in the full model: of each covariate, and of all together."""

    terms: tuple[tuple[str, ChiSquare], ...]
    together: ChiSquare


@dataclass(frozen=True)
class AddedValue:
    """Cox models of clinical covariates and a score.

    Attributes
    ----------
    covariates : names of the clinical covariates in the models
    constant : names of those that are the same in all these patients, and so not in the models
    patients, events : complete cases, and events among them
    missing : covariate → patients in whom it is unknown; a patient may lack several
    left_out, events_left_out : patients with a covariate unknown, and events among them
    parameters : coefficients of the full model
    coefficients : hazard ratios, the score first
    beyond_clinical : likelihood-ratio test of the score beyond the clinical covariates
    beyond_score : of the clinical covariates beyond the score
    c_score, c_clinical, c_both : Harrell's C on these patients; of the fitted models it is apparent
    difference : C of both minus C of the clinical covariates, corrected for optimism, with its interval
    apparent_difference : before the correction
    hazards : tests of proportional hazards; None where a coefficient is separated
    """

    covariates: tuple[str, ...]
    constant: tuple[str, ...]
    patients: int
    events: int
    missing: dict[str, int]
    left_out: int
    events_left_out: int
    parameters: int
    coefficients: tuple[Coefficient, ...]
    beyond_clinical: ChiSquare
    beyond_score: ChiSquare
    c_score: float
    c_clinical: float
    c_both: float
    difference: Found
    apparent_difference: float
    hazards: ProportionalHazards | None

    @property
    def events_per_parameter(self) -> float:
        """Below 10 the coefficients are unstable."""
        return self.events / self.parameters


@dataclass(frozen=True, eq=False)
class Term:
    """Columns of one covariate in a model."""

    name: str
    levels: tuple[str, ...]
    reference: str
    unit: str
    columns: Floats


def added_value(
    times_months: Floats,
    events: NDArray[np.bool_],
    scores: Floats,
    covariates: Ordered[Covariate],
    *,
    strata: NDArray[np.str_] | None,
    resamples: int,
    seed: int,
    progress: Callable[[], None] = lambda: None,
) -> AddedValue | NotEstimable:
    """Fits the models to the complete cases.

    Parameters
    ----------
    covariates : clinical, of the same patients; at least one
    strata : (patients,), a baseline hazard for each; None for one
    progress : called for each bootstrap sample
    """
    complete = np.all([covariate.known for covariate in covariates], axis=0)
    count = int(events[complete].sum())
    if count < FEWEST_EVENTS:
        return NotEstimable(
            f"{counted(count, 'event')} among the {counted(int(complete.sum()), 'patient')} with every covariate "
            f"known: no model is fitted with fewer than {FEWEST_EVENTS}."
        )
    t, e = times_months[complete], events[complete]
    labels = None if strata is None else strata[complete]
    clinical = [_term(covariate.rows(complete)) for covariate in covariates]
    constant = tuple(term.name for term in clinical if not np.any(varies(term.columns)))
    clinical = [term for term in clinical if term.name not in constant]
    everybody = counted(int(complete.sum()), "patient")
    if not clinical:
        return NotEstimable(
            f"All {everybody} with every covariate known have the same {', '.join(constant)}: there is nothing "
            "that the score could add to."
        )
    terms = [_score_term(scores[complete]), *clinical]
    if not varies(scores[complete]):
        return NotEstimable(f"All {everybody} have the same score.")

    def fitted(some: Ordered[Term]) -> CoxModel:
        return fit_cox_model(t, e, np.hstack([term.columns for term in some]), strata=labels)

    try:
        both = fitted(terms)
    except NoMaximum as reason:
        names = [f"{term.name} {level}".strip() for term in terms for level in term.levels]
        return NotEstimable(f"{reason} ({', '.join(names[column] for column in reason.columns)})")
    without, only = fitted(clinical), fitted(terms[:1])
    patients = Followed.of(t, e, only.linear)
    c = [_concordance(patients, one) for one in (scores[complete], without.linear, both.linear)]
    return AddedValue(
        covariates=tuple(term.name for term in clinical),
        constant=constant,
        patients=both.patients,
        events=both.events,
        missing={one.name: lacking for one in covariates if (lacking := int((~one.known).sum()))},
        left_out=int((~complete).sum()),
        events_left_out=int(events[~complete].sum()),
        parameters=both.coefficients.size,
        coefficients=tuple(_coefficients(terms, both, fitted)),
        beyond_clinical=both.beyond(without),
        beyond_score=both.beyond(only),
        c_score=c[0],
        c_clinical=c[1],
        c_both=c[2],
        difference=_difference(patients, terms, labels, c[2] - c[1], resamples, seed, progress),
        apparent_difference=c[2] - c[1],
        hazards=None if labels is not None or both.separated.any() else _hazards(terms, both, t, e),
    )


def _term(covariate: Covariate) -> Term:
    levels, columns = covariate.columns()
    reference = covariate.reference_of(covariate.present()) if covariate.kind is Kind.CATEGORY else ""
    return Term(covariate.name, levels, reference, "per unit" if covariate.kind is Kind.NUMBER else "", columns)


def _score_term(scores: Floats) -> Term:
    spread = float(scores.std(ddof=1)) if varies(scores) else 1.0
    return Term(SCORE, ("",), "", f"per standard deviation ({spread:.3g})", (scores / spread)[:, None])


def _coefficients(
    terms: Ordered[Term], both: CoxModel, fitted: Callable[[Ordered[Term]], CoxModel]
) -> list[Coefficient]:
    found, start = [], 0
    for term in terms:
        alone = fitted([term])
        others = [other for other in terms if other is not term]
        p_together = both.beyond(fitted(others)).p
        for place, level in enumerate(term.levels):
            found.append(
                Coefficient(
                    term.name,
                    level,
                    term.reference,
                    term.unit,
                    hazard_ratio(alone, place),
                    hazard_ratio(both, start + place),
                    alone.likelihood_ratio.p,
                    p_together,
                )
            )
        start += len(term.levels)
    return found


def hazard_ratio(model: CoxModel, column: int) -> Found:
    """A hazard ratio of a model with its Wald interval, or the reason why there is none."""
    if model.separated[column]:
        return NotEstimable("The ratio is not finite: the patients on one side have no event, or events are in order.")
    low, high = model.intervals()[column]
    if max(abs(low), abs(high)) > 700:
        return NotEstimable("The ratio is beyond every measure.")
    return Estimate(
        math.exp(model.coefficients[column]), (math.exp(low), math.exp(high)), "Cox regression, Efron ties, Wald"
    )


def _hazards(terms: Ordered[Term], both: CoxModel, times: Floats, events: NDArray[np.bool_]) -> ProportionalHazards:
    edges = np.cumsum([0, *(len(term.levels) for term in terms)])
    places = [range(low, high) for low, high in pairwise(edges.tolist())]
    columns = np.hstack([term.columns for term in terms])
    each, together = proportional_hazards(times, events, columns, both, terms=places)
    return ProportionalHazards(tuple((term.name, one) for term, one in zip(terms, each, strict=True)), together)


def _concordance(patients: Followed, linear: Floats) -> float:
    """Harrell's C of log-risks in the order of the input."""
    return _concordance_sorted(patients, linear[patients.order], None)


def _concordance_sorted(patients: Followed, linear: Floats, weights: Floats | None) -> float:
    return float(harrell_c(Followed(patients.times_months, patients.events, linear, patients.order), weights)[0])


def _difference(
    patients: Followed,
    terms: Ordered[Term],
    strata: NDArray[np.str_] | None,
    apparent: float,
    resamples: int,
    seed: int,
    progress: Callable[[], None],
) -> Found:
    """Difference of the C statistics, corrected for optimism, by refitting both models in every bootstrap sample."""
    columns = np.hstack([term.columns for term in terms])[patients.order]
    labels = None if strata is None else strata[patients.order]
    differences, optimism = [], []
    for counts in patients.resampled(resamples=resamples, seed=seed).astype(np.intp):
        progress()
        rows = np.repeat(np.arange(counts.size), counts)
        pair = []
        try:
            for first in (0, 1):  # with the score, without it
                varying = first + np.flatnonzero(varies(columns[rows, first:]))
                model = fit_cox_model(
                    patients.times_months[rows],
                    patients.events[rows],
                    columns[np.ix_(rows, varying)],
                    strata=None if labels is None else labels[rows],
                )
                pair.append(columns[:, varying] @ model.reached)
        except NoMaximum:
            continue
        within, outside = (
            [_concordance_sorted(patients, one, weights) for one in pair]
            for weights in (counts[None].astype(np.float64), None)
        )
        differences.append(within[0] - within[1])
        optimism.append((within[0] - within[1]) - (outside[0] - outside[1]))
    method = f"bootstrap with refitting, {counted(len(differences), 'sample')}, corrected for optimism"
    if len(differences) < _FEWEST_USABLE * resamples:
        return Estimate(
            apparent,
            None,
            f"not corrected: the models exist in {len(differences)} of {counted(resamples, 'bootstrap sample')} only",
        )
    mean = float(np.mean(optimism))
    low, high = (float(one) - mean for one in np.quantile(differences, (0.025, 0.975)))
    return Estimate(apparent - mean, (low, high) if low < high else None, method)
