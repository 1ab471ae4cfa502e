"""Univariable Cox regressions of many genes at once, tested by likelihood ratio and score.

There is no Wald P: where a gene separates the patients its coefficient has no maximum, and Wald's P of such a gene says
where the iteration stopped (R .76, lifelines .0039 for one where the likelihood ratio says 2e-20).

References: Cox (1972), J R Stat Soc B 34:187-220; Efron (1977), JASA 72:557-565, for ties. Equal to R
`survival::coxph(Surv(t, e) ~ x)`, `summary()$logtest` and `$sctest`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, ndtri

from models.compiled import compiled
from models.constant import varies
from models.errors import StudyRejected
from models.number_words import agreeing, counted
from models.statistics.followed import Floats, Followed

FEWEST_EVENTS = 5  # below, a screen is refused
FEW_EVENTS = 10  # below, it is said
LARGEST = 10.0  # log hazard ratio per standard deviation: beyond, the gene separates the patients


@dataclass(frozen=True, eq=False)
class CoxScreen:
    """A Cox model with one gene as covariate, for each gene.

    Attributes
    ----------
    coefficients, standard_errors : float64 (genes,), of the log hazard per standard deviation of the gene; NaN where
        there is no ratio (constant or separated)
    spreads : float64 (genes,), standard deviations of the genes (ddof 1): a coefficient per unit is divided by it
    p_likelihood_ratio, p_score : float64 (genes,); NaN for a constant gene. For a separated gene that of the likelihood
        ratio is an upper limit
    is_constant : bool (genes,), one value for all patients: not tested
    is_separated : bool (genes,), the likelihood has no maximum: tested, without hazard ratio
    patients, events : their numbers
    """

    coefficients: Floats
    standard_errors: Floats
    spreads: Floats
    p_likelihood_ratio: Floats
    p_score: Floats
    is_constant: NDArray[np.bool_]
    is_separated: NDArray[np.bool_]
    patients: int
    events: int

    @property
    def hazard_ratios(self) -> Floats:
        """Hazard ratios per standard deviation; NaN where there is none."""
        return np.exp(self.coefficients)

    @property
    def intervals(self) -> Floats:
        """95 % intervals of the hazard ratios (Wald): (genes, 2)."""
        width = float(ndtri(0.975)) * self.standard_errors
        return np.exp(np.stack([self.coefficients - width, self.coefficients + width], axis=1))

    @property
    def caution(self) -> str | None:
        """Sentence for the first page where the events are few."""
        if self.events >= FEW_EVENTS:
            return None
        return (
            f"Only {self.events} of {counted(self.patients, 'patient')} had an event; hazard ratios of single genes "
            f"are mostly chance below {FEW_EVENTS} events, and a missing association says nothing."
        )

    def remarks(self) -> tuple[str, ...]:
        """Sentences about genes without a ratio."""
        sentences = []
        genes = f"of {self.is_constant.size:,} {agreeing(self.is_constant.size, 'gene')}"
        if constant := int(self.is_constant.sum()):
            verb = agreeing(constant, "is constant and was", "are constant and were")
            sentences.append(f"{constant:,} {genes} {verb} not tested.")
        if separated := int(self.is_separated.sum()):
            sentences.append(
                f"{separated:,} {genes} {agreeing(separated, 'separates', 'separate')} patients with and without "
                f"event, so that no hazard ratio exists; {agreeing(separated, 'its', 'their')} P is that of the "
                "likelihood ratio."
            )
        return tuple(sentences)


def screen_cox(genes: ArrayLike, times_months: ArrayLike, events: ArrayLike) -> CoxScreen:
    """Fits every gene by Newton's method with halved steps (Efron's ties).

    Parameters
    ----------
    genes : (genes, patients), finite, log2(TPM + 1) as a rule; or 0 and 1 for two groups
    times_months : (patients,), positive
    events : (patients,), 1 or 0

    Raises
    ------
    StudyRejected
        When the arrays do not fit, or fewer than 5 patients had an event.
    """
    values = np.asarray(genes, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise StudyRejected(
            f"Genes of shape {values.shape}, {counted(np.count_nonzero(~np.isfinite(values)), 'value')} not finite, "
            "were given; (genes, patients) without missing values was expected."
        )
    followed = Followed.of(times_months, events, np.zeros(values.shape[1]))
    if followed.event_count < FEWEST_EVENTS:
        raise StudyRejected(
            f"{followed.event_count} of {counted(len(followed), 'patient')} had an event; a screen for survival needs "
            f"at least {FEWEST_EVENTS}. Leave it out, or follow the patients longer."
        )
    spreads = values.std(axis=1, ddof=1)
    is_constant = ~varies(values, axis=1)
    spreads[is_constant] = 0.0
    centred = values[:, followed.order] - values.mean(axis=1, keepdims=True)
    z = np.divide(centred, spreads[:, None], out=np.zeros_like(centred), where=spreads[:, None] > 0)
    times, starts = np.unique(followed.times_months, return_index=True)
    deaths = np.add.reduceat(followed.events.astype(np.int64), starts) if times.size else starts
    fits = _fit_all(z, starts.astype(np.int64), deaths)
    beta, information, gain, score = fits.T
    is_separated = ~is_constant & (np.abs(beta) > LARGEST)
    has_ratio = ~is_constant & ~is_separated & (information > 0)
    return CoxScreen(
        coefficients=np.where(has_ratio, beta, np.nan),
        standard_errors=np.sqrt(np.divide(1.0, information, out=np.full_like(beta, np.nan), where=has_ratio)),
        spreads=spreads,
        p_likelihood_ratio=np.where(is_constant, np.nan, chdtrc(1.0, 2 * np.maximum(gain, 0.0))),
        p_score=np.where(is_constant, np.nan, chdtrc(1.0, score)),
        is_constant=is_constant,
        is_separated=is_separated,
        patients=len(followed),
        events=followed.event_count,
    )


@compiled
def _derivatives(  # pragma: no cover - compiled
    beta: float, z: Floats, starts: NDArray[np.int64], deaths: NDArray[np.int64]
) -> tuple[float, float, float]:
    """Partial log-likelihood, slope, and negative curvature (Efron).

    `z` in order of time, events before censorings; `starts` is the first patient of each time, `deaths` the number of
    events at it.
    """
    top = z[0] * beta
    for i in range(z.size):
        top = max(top, z[i] * beta)
    value = slope = curvature = 0.0
    s0 = s1 = s2 = 0.0
    end = z.size
    for group in range(starts.size - 1, -1, -1):
        start, died = starts[group], deaths[group]
        d0 = d1 = d2 = 0.0
        for i in range(start, end):
            w = math.exp(beta * z[i] - top)
            s0 += w
            s1 += w * z[i]
            s2 += w * z[i] * z[i]
            if i < start + died:
                d0 += w
                d1 += w * z[i]
                d2 += w * z[i] * z[i]
                value += beta * z[i]
                slope += z[i]
        for k in range(died):
            share = k / died
            a0 = s0 - share * d0
            mean = (s1 - share * d1) / a0
            value -= math.log(a0) + top
            slope -= mean
            curvature += (s2 - share * d2) / a0 - mean * mean
        end = start
    return value, slope, curvature


@compiled
def _fit_all(  # pragma: no cover - compiled
    genes: Floats, starts: NDArray[np.int64], deaths: NDArray[np.int64]
) -> Floats:
    """(genes, 4): coefficient, information, gain of log-likelihood, score statistic."""
    found = np.zeros((genes.shape[0], 4))
    for gene in range(genes.shape[0]):
        z = genes[gene]
        null, slope, curvature = _derivatives(0.0, z, starts, deaths)
        if curvature <= 1e-12:
            continue
        found[gene, 3] = slope * slope / curvature
        beta, value = 0.0, null
        for _ in range(60):
            if curvature <= 1e-12:  # nothing left to gain on the way to infinity
                beta = 2 * LARGEST * (1.0 if slope >= 0 else -1.0) if abs(beta) > 5 else beta
                break
            step = slope / curvature
            if abs(step) > 5.0:
                step = 5.0 if step > 0 else -5.0
            next_value, next_slope, next_curvature = _derivatives(beta + step, z, starts, deaths)
            while not next_value >= value - 1e-12 * abs(value) and abs(step) > 1e-12:
                step /= 2
                next_value, next_slope, next_curvature = _derivatives(beta + step, z, starts, deaths)
            beta += step
            value, slope, curvature = next_value, next_slope, next_curvature
            if abs(step) < 1e-9 * max(1.0, abs(beta)) or abs(beta) > 4 * LARGEST:
                break
        found[gene, 0], found[gene, 1], found[gene, 2] = beta, curvature, value - null
    return found
