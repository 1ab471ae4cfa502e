"""Cox regression on one or several covariates; a coefficient that does not exist is named, never printed.

Newton's method with halved steps on standardised covariates, tied times by Efron. Equal to R
`survival::coxph(Surv(t, e) ~ x1 + x2 + strata(s), ties = "efron")`. lifelines' fitter stops earlier, and raises or
prints an arbitrary large number where a group has no event.

References: Cox (1972), J R Stat Soc B 34:187-220; Efron (1977), JASA 72:557-565, for ties; Albert and Anderson (1984),
Biometrika 71:1-10, for separation; Grambsch and Therneau (1994), Biometrika 81:515-526, for proportional hazards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2, norm

from models.constant import varies
from models.errors import StudyRejected
from models.number_words import counted
from models.statistics.followed import Floats

_Z = float(norm.ppf(0.975))
_STEPS = 80
_DECREMENT = 1e-13  # of Newton's method, relative: the next step moves no coefficient by more than rounding
_RESTLESS = 1e-6  # a coefficient that still moves so far, in standard deviations, after the last step has no maximum
_LARGEST = 20.0  # log hazard ratio per standard deviation: beyond, nothing was measured
_WIDEST = 300.0  # between two patients' log-risks: far beyond, risks of later risk sets are 0 in double precision
_LONGEST = 10.0  # change of any patient's log-risk in one step: no risk set runs out of double precision
_FLAT = 1e-7  # of the information that was there without effect: less is left where the likelihood has no maximum
_COLLINEAR = 1e-9  # smallest eigenvalue of the correlation of the covariates


@dataclass(frozen=True)
class CoxFit:
    """A Cox model with one covariate.

    Attributes
    ----------
    coefficient, standard_error : of the log hazard per unit of the covariate
    log_likelihood : partial log-likelihood at the coefficient (Efron)
    """

    coefficient: float
    standard_error: float
    log_likelihood: float

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wald interval of the coefficient."""
        return self.coefficient - _Z * self.standard_error, self.coefficient + _Z * self.standard_error

    @property
    def p(self) -> float:
        """Two-sided p value of Wald's test of no effect."""
        return float(2 * norm.sf(abs(self.coefficient / self.standard_error)))


@dataclass(frozen=True)
class ChiSquare:
    """A chi-square test: statistic, degrees of freedom, p value."""

    statistic: float
    degrees: int
    p: float

    @classmethod
    def of(cls, statistic: float, degrees: int) -> ChiSquare:
        """The test of a statistic; one that is negative by rounding counts as 0."""
        positive = max(0.0, statistic)
        return cls(positive, degrees, float(chi2.sf(positive, degrees)) if degrees else 1.0)


@dataclass(frozen=True, eq=False)
class CoxModel:
    """A Cox model with several covariates.

    Attributes
    ----------
    coefficients, standard_errors : float64 (covariates,), of the log hazard per unit; NaN where separated
    reached : float64 (covariates,), where the search ended: the coefficients, and large numbers where separated
    separated : bool (covariates,), the likelihood still rises as this coefficient grows without end: patients of one
        value have no event, or the events are in perfect order
    covariance : float64 (covariates, covariates) of the coefficients; NaN where separated
    log_likelihood, null_log_likelihood : partial, at its maximum (its limit where separated), and without covariates
    score : test of no effect at all, by the slope at zero
    linear : float64 (patients,), log-risk of each patient in the order given, its mean zero
    patients, events : numbers
    """

    coefficients: Floats
    standard_errors: Floats
    reached: Floats
    separated: NDArray[np.bool_]
    covariance: Floats
    log_likelihood: float
    null_log_likelihood: float
    score: ChiSquare
    linear: Floats
    patients: int
    events: int

    @property
    def likelihood_ratio(self) -> ChiSquare:
        """Likelihood-ratio test of no effect at all; holds where coefficients are separated, too."""
        return ChiSquare.of(2 * (self.log_likelihood - self.null_log_likelihood), self.coefficients.size)

    def beyond(self, smaller: CoxModel) -> ChiSquare:
        """Likelihood-ratio test of what this model has beyond one with fewer covariates on the same patients."""
        if (self.patients, self.events) != (smaller.patients, smaller.events):
            raise ValueError(
                f"models of {self.patients} and of {counted(smaller.patients, 'patient')}; the same were expected"
            )
        added = self.coefficients.size - smaller.coefficients.size
        return ChiSquare.of(2 * (self.log_likelihood - smaller.log_likelihood), added)

    def intervals(self) -> Floats:
        """95 % Wald intervals of the coefficients: float64 (covariates, 2); NaN where separated."""
        reach = _Z * self.standard_errors
        return np.stack([self.coefficients - reach, self.coefficients + reach], axis=1)

    def wald_p(self) -> Floats:
        """Two-sided p values of Wald's test of each coefficient; NaN where separated."""
        return np.asarray(2 * norm.sf(np.abs(self.coefficients / self.standard_errors)))

    def wald(self, columns: Sequence[int]) -> ChiSquare | None:
        """Wald's test of several coefficients together; None where one of them is separated."""
        chosen = list(columns)
        if self.separated[chosen].any():
            return None
        part = self.coefficients[chosen]
        return ChiSquare.of(float(part @ np.linalg.solve(self.covariance[np.ix_(chosen, chosen)], part)), len(chosen))


class NoMaximum(StudyRejected):
    """A Cox model that cannot be fitted to these patients: no event, a constant or a collinear covariate.

    Attributes
    ----------
    columns : of the covariates that are the reason, if any is
    """

    def __init__(self, sentence: str, columns: tuple[int, ...] = ()) -> None:
        super().__init__(sentence)
        self.columns = columns


def fit_cox(times_months: ArrayLike, events: ArrayLike, covariate: ArrayLike) -> CoxFit | None:
    """Fits one covariate; None where the likelihood has no maximum.

    That is so when the covariate is constant, there is no event, or the covariate separates the patients (one of two
    groups without event).
    """
    try:
        model = fit_cox_model(times_months, events, np.asarray(covariate, dtype=np.float64)[:, None])
    except NoMaximum:
        return None
    if model.separated[0]:
        return None
    return CoxFit(float(model.coefficients[0]), float(model.standard_errors[0]), model.log_likelihood)


def fit_cox_model(
    times_months: ArrayLike, events: ArrayLike, covariates: ArrayLike, *, strata: ArrayLike | None = None
) -> CoxModel:
    """Fits a Cox model by maximum partial likelihood.

    Parameters
    ----------
    times_months, events : (patients,), positive; events are true or false
    covariates : (patients, covariates), finite; without any column the model is empty
    strata : (patients,), any labels: each has a baseline hazard of its own; one for all when None

    Raises
    ------
    NoMaximum
        When there is no event, a covariate has one value only, or one is a combination of others.
    """
    problem = PartialLikelihood.of(times_months, events, covariates, strata)
    nothing = np.zeros(problem.z.shape[1])
    null, slope, at_zero = problem.derivatives(nothing)
    score = float(slope @ _solved(at_zero, slope)) if nothing.size else 0.0
    beta, value, information, moving = _maximised(problem)
    separated = moving | (np.abs(beta) > _LARGEST) | _without_maximum(at_zero, information)
    covariance = np.full((beta.size, beta.size), np.nan)
    free = np.ix_(~separated, ~separated)
    covariance[free] = np.linalg.inv(information[free])
    covariance /= np.outer(problem.spread, problem.spread)
    linear = np.empty(problem.order.size)
    linear[problem.order] = problem.z @ beta
    return CoxModel(
        coefficients=np.where(separated, np.nan, beta / problem.spread),
        standard_errors=np.sqrt(np.diag(covariance)),
        reached=beta / problem.spread,
        separated=separated,
        covariance=covariance,
        log_likelihood=value,
        null_log_likelihood=null,
        score=ChiSquare.of(score, beta.size),
        linear=linear,
        patients=problem.order.size,
        events=int(problem.flags.sum()),
    )


def _maximised(problem: PartialLikelihood) -> tuple[Floats, float, Floats, NDArray[np.bool_]]:
    """Coefficients of the standardised covariates, log-likelihood, information, and which still move at the end."""
    beta = np.zeros(problem.z.shape[1])
    moving: NDArray[np.bool_] = np.zeros(beta.size, dtype=np.bool_)
    value, slope, information = problem.derivatives(beta)
    for _ in range(_STEPS if beta.size else 0):
        step = _solved(information, slope)
        decrement = float(slope @ step)
        step = step * min(1.0, _LONGEST / max(float(np.abs(problem.z @ step).max()), 1e-300))
        while True:
            moved = problem.derivatives(beta + step)
            if moved[0] >= value - 1e-12 * max(1.0, abs(value)) or np.abs(step).max() < 1e-12:
                break
            step = step / 2
        beta = beta + step
        value, slope, information = moved
        moving = np.abs(step) > _RESTLESS
        if decrement < _DECREMENT * max(1.0, abs(value)):
            return beta, value, information, np.zeros_like(moving)
        if np.ptp(problem.z @ beta) > _WIDEST:
            break
    return beta, value, information, moving


def proportional_hazards(
    times_months: ArrayLike,
    events: ArrayLike,
    covariates: ArrayLike,
    model: CoxModel,
    *,
    terms: Sequence[Sequence[int]],
) -> tuple[list[ChiSquare], ChiSquare]:
    """Tests of proportional hazards: each term (a group of columns), and all together.

    The score test of a coefficient that changes with 1 - Kaplan-Meier survival just before each time, as R's `cox.zph`
    of survival 3 (Grambsch and Therneau). A small p value: the hazard ratio is not the same over the follow-up.

    Raises
    ------
    NoMaximum
        When a coefficient is separated: its ratio does not exist at any time.
    """
    if model.separated.any():
        raise NoMaximum("A coefficient without maximum has no hazard ratio whose change could be tested.")
    problem = PartialLikelihood.of(times_months, events, covariates, None)
    per_event = problem.per_event(model.coefficients * problem.spread)
    clock = problem.one_minus_survival_before()
    clock = clock - clock.mean()
    count = model.coefficients.size
    # Deaths at one time share its mean: the Schoenfeld residuals of tied patients differ by their covariates only.
    slope = np.concatenate([np.zeros(count), clock @ (per_event.own - per_event.mean)])
    blocks = [np.einsum("e,eij->ij", clock**power, per_event.variance) for power in (0, 1, 2)]
    information = np.block([[blocks[0], blocks[1]], [blocks[1], blocks[2]]])

    def test(columns: Sequence[int]) -> ChiSquare:
        chosen = [*range(count), *(count + column for column in columns)]
        part = np.concatenate([np.zeros(count), slope[[count + column for column in columns]]])
        return ChiSquare.of(float(part @ _solved(information[np.ix_(chosen, chosen)], part)), len(columns))

    return [test(columns) for columns in terms], test(range(count))


@dataclass(frozen=True, eq=False)
class _PerEvent:
    """Risk sets of the events: log-likelihood, mean (events, p) and variance (events, p, p), own covariates."""

    value: float
    own: Floats
    mean: Floats
    variance: Floats


@dataclass(frozen=True, eq=False)
class PartialLikelihood:
    """Standardised covariates in order of stratum and time, events first; for each event its risk set.

    Attributes
    ----------
    times, flags, z : (n,), (n,), (n, p)
    spread : (p,), standard deviations
    order : (n,), position of each row in the input
    stops : (n,), where the stratum of each row ends
    deaths : (e,), rows of the events; starts: first row of their risk set; share: of the tied that has left, Efron
    ties : (e,), number of the group of tied events of each
    """

    times: Floats
    flags: NDArray[np.bool_]
    z: Floats
    spread: Floats
    order: NDArray[np.intp]
    strata: NDArray[np.intp]
    deaths: NDArray[np.intp]
    starts: NDArray[np.intp]
    share: Floats
    ties: NDArray[np.intp]

    @classmethod
    def of(
        cls, times: ArrayLike, events: ArrayLike, covariates: ArrayLike, strata: ArrayLike | None
    ) -> PartialLikelihood:
        t, flags = np.asarray(times, dtype=np.float64), np.asarray(events).astype(np.bool_)
        x = np.asarray(covariates, dtype=np.float64)
        if not flags.any():
            raise NoMaximum(f"There is no event among {counted(flags.size, 'patient')}; a Cox model needs events.")
        spread = _spreads(x)
        z = (x - x.mean(axis=0)) / spread
        label = np.zeros(t.size, dtype=np.intp)
        if strata is not None:
            label = np.asarray(np.unique(np.asarray(strata), return_inverse=True)[1], dtype=np.intp)
        order = np.lexsort((~flags, t, label))
        t, flags, z, label = t[order], flags[order], z[order], label[order]
        begins = np.concatenate([[True], (np.diff(t) > 0) | (np.diff(label) != 0)])
        first_of_time = np.maximum.accumulate(np.where(begins, np.arange(t.size), 0))
        deaths = np.flatnonzero(flags)
        starts = first_of_time[deaths]
        groups, ties, counts = np.unique(starts, return_inverse=True, return_counts=True)
        share = (deaths - groups[ties]) / counts[ties]  # events come first at their time
        return cls(t, flags, z, spread, order, label, deaths, starts, share, ties)

    def derivatives(self, beta: Floats) -> tuple[float, Floats, Floats]:
        """Partial log-likelihood, its slope (p,), and its negative curvature (p, p)."""
        found = self.per_event(beta)
        return found.value, (found.own - found.mean).sum(axis=0), found.variance.sum(axis=0)

    def per_event(self, beta: Floats) -> _PerEvent:
        linear = self.z @ beta
        shift = float(linear.max()) if linear.size else 0.0
        risk = np.exp(linear - shift)
        first = risk[:, None] * self.z
        second = first[:, :, None] * self.z[:, None, :]
        s0, s1, s2 = (self._left(moment) for moment in (risk, first, second))
        mean = s1 / s0[:, None]
        own = self.z[self.deaths]
        # Efron: the tied leave the risk set one after the other, each an average of them all.
        value = float(linear[self.deaths].sum() - (np.log(s0) + shift).sum())
        variance = s2 / s0[:, None, None] - mean[:, :, None] * mean[:, None, :]
        return _PerEvent(value, own, mean, variance)

    def _left(self, moment: Floats) -> Floats:
        """Sum of a moment over the risk set of each event, less the share of the tied that has left."""
        behind = np.empty_like(moment)
        for label in range(int(self.strata[-1]) + 1):
            rows = self.strata == label
            behind[rows] = np.cumsum(moment[rows][::-1], axis=0)[::-1]
        tied = np.zeros((int(self.ties[-1]) + 1, *moment.shape[1:]))
        np.add.at(tied, self.ties, moment[self.deaths])
        share = self.share.reshape(-1, *([1] * (moment.ndim - 1)))
        return np.asarray(behind[self.starts] - share * tied[self.ties])

    def one_minus_survival_before(self) -> Floats:
        """1 - Kaplan-Meier survival of all patients just before each event: (events,)."""
        at_risk = self.times.size - self.starts
        groups, place = np.unique(self.starts, return_inverse=True)
        died = np.bincount(place)
        survival = np.cumprod(1 - died / at_risk[np.searchsorted(self.starts, groups)])
        return np.asarray(1 - np.concatenate([[1.0], survival[:-1]])[place])


def _spreads(x: Floats) -> Floats:
    """Standard deviations of the covariates, after checking that a model of them has a single solution."""
    if x.ndim != 2 or not np.all(np.isfinite(x)):
        raise ValueError(f"covariates of shape {x.shape}; finite (patients, covariates) were expected")
    spread = x.std(axis=0)
    constant = ~varies(x)
    if constant.any():
        columns = tuple(int(column) for column in np.flatnonzero(constant))
        raise NoMaximum(f"{len(columns)} of the {x.shape[1]} covariates have one value in all patients.", columns)
    if x.shape[1] > 1:
        values, vectors = np.linalg.eigh(np.corrcoef(x, rowvar=False))
        if values[0] < _COLLINEAR:
            columns = tuple(int(column) for column in np.flatnonzero(np.abs(vectors[:, 0]) > 0.05))
            raise NoMaximum(f"{len(columns)} covariates determine each other exactly: leave one of them out.", columns)
    return spread


def _solved(information: Floats, slope: Floats) -> Floats:
    """Newton's step; scaled first, since a separated covariate has almost no information left."""
    scale = 1 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    scaled = information * np.outer(scale, scale)
    return np.asarray(scale * np.linalg.lstsq(scaled, scale * slope, rcond=1e-13)[0])


def _without_maximum(at_zero: Floats, at_end: Floats) -> NDArray[np.bool_]:
    """Covariates of the directions along which hardly any information is left: bool (covariates,)."""
    flat: NDArray[np.bool_] = np.zeros(len(at_zero), dtype=np.bool_)
    if not flat.size:
        return flat
    known = np.diag(at_zero)
    flat = known <= 1e-12  # all patients at risk at the events are alike
    scale = 1 / np.sqrt(np.where(flat, 1.0, known))
    values, vectors = np.linalg.eigh(at_end * np.outer(scale, scale))
    for value, vector in zip(values, vectors.T, strict=True):
        if value < _FLAT:
            flat |= np.abs(vector) > 0.05 * np.abs(vector).max()
    return flat
