"""Screen of long non-coding RNAs: Spearman with a score, then Cox of those that correlate.

The second step tests genes that the first selected on the same patients. Where score and outcome are related, genes
that correlate with the score are related to the outcome too: their P is no evidence beside that of the score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.number_words import agreeing, counted
from models.omics.compared import ALPHA
from models.omics.cox_screen import FEWEST_EVENTS, CoxScreen, screen_cox
from models.omics.patients import RnaPatients
from models.omics.tpm import log2_tpm
from models.statistics.estimate import NotEstimable
from models.statistics.feature_tests import (
    FeatureTests,
    HitCount,
    benjamini_hochberg,
    correlation_tests,
    count_hits,
    spearman,
    spearman_matrix,
)
from models.statistics.followed import Floats


@dataclass(frozen=True, eq=False)
class Survival:
    """Cox models of the selected genes.

    Attributes
    ----------
    per_sd : one model for each selected gene, per standard deviation of log2(TPM + 1)
    groups : the same with two groups, above the median (1) against the others (0); a gene whose median is its largest
        value is constant there
    fdr : float64 (selected,), of the likelihood-ratio P
    count : hits among the selected genes
    count_of_all : hits among all genes of the screen, as if the score had not selected
    """

    per_sd: CoxScreen
    groups: CoxScreen
    fdr: Floats
    count: HitCount
    count_of_all: HitCount


@dataclass(frozen=True, eq=False)
class LncrnaScreen:
    """Genes of the screen, in the order of the table.

    Attributes
    ----------
    rows : int64 (genes,), their rows in the table of genes
    correlation : Spearman's rho with the score
    fdr : float64 (genes,), of the correlations
    count : hits beside those expected by chance
    non_zero : int64 (genes,), patients with a value above zero: few mean a large rho on few patients
    selected : positions of the genes with P (or FDR) below alpha, by P
    survival : Cox models of the selected genes, or why there are none
    """

    rows: NDArray[np.int64]
    correlation: FeatureTests
    fdr: Floats
    count: HitCount
    non_zero: NDArray[np.int64]
    selected: NDArray[np.int64]
    survival: Survival | NotEstimable

    @property
    def prognostic(self) -> NDArray[np.int64]:
        """Positions of the selected genes whose likelihood-ratio P is below alpha, by that P."""
        if isinstance(self.survival, NotEstimable):
            return np.empty(0, np.int64)
        p = self.survival.per_sd.p_likelihood_ratio
        order = np.argsort(p, kind="stable")
        return self.selected[order[p[order] < self.count.alpha]]

    def sentences(self) -> tuple[str, ...]:
        """Counts of both steps with their expectation by chance, and what the second step is worth."""
        found = [f"Correlation with the score: {self.count}."]
        if isinstance(self.survival, NotEstimable):
            return (*found, self.survival.reason)
        survival = self.survival
        found.append(
            f"Cox models of the {len(self.selected):,} selected {agreeing(len(self.selected), 'gene')} (likelihood "
            f"ratio): {survival.count}. Of all {len(self.rows):,} {agreeing(len(self.rows), 'gene')}: "
            f"{survival.count_of_all}."
        )
        found.append(
            "The genes were selected by their correlation with the score on these same patients, and then tested on "
            "them; other patients are needed to confirm any."
        )
        found += survival.per_sd.remarks()
        if survival.per_sd.caution:
            found.insert(0, survival.per_sd.caution)
        return tuple(found)


def screen_lncrnas(
    patients: RnaPatients, rows: NDArray[np.int64], *, alpha: float = ALPHA, selects_by_fdr: bool = False
) -> LncrnaScreen:
    """Screens the genes of some rows, those that the filter keeps."""
    values = log2_tpm(patients.genes.tpm[rows])
    correlation = spearman(values, patients.scores)
    fdr = benjamini_hochberg(correlation.p)
    judged = fdr if selects_by_fdr else correlation.p
    hits = np.flatnonzero(judged < alpha)
    selected = hits[np.argsort(correlation.p[hits], kind="stable")]
    return LncrnaScreen(
        rows=rows,
        correlation=correlation,
        fdr=fdr,
        count=count_hits(correlation.p, alpha=alpha),
        non_zero=np.count_nonzero(values > 0, axis=1).astype(np.int64),
        selected=selected.astype(np.int64),
        survival=_survival(patients, values, selected, alpha),
    )


def _survival(
    patients: RnaPatients, values: Floats, selected: NDArray[np.intp], alpha: float
) -> Survival | NotEstimable:
    followed = patients.is_followed
    if not len(selected):
        return NotEstimable("No gene was selected by its correlation with the score; no Cox model was fitted.")
    if patients.event_count < FEWEST_EVENTS:
        return NotEstimable(
            f"{patients.event_count} of {int(followed.sum())} followed patients had an event; Cox models need at least "
            f"{FEWEST_EVENTS} and were not fitted."
        )
    times, events = patients.times_months[followed], patients.events[followed]
    everything = screen_cox(values[:, followed], times, events)
    chosen = values[selected][:, followed]
    per_sd = screen_cox(chosen, times, events)
    high = (chosen > np.median(chosen, axis=1, keepdims=True)).astype(np.float64)
    return Survival(
        per_sd=per_sd,
        groups=screen_cox(high, times, events),
        fdr=benjamini_hochberg(per_sd.p_likelihood_ratio),
        count=count_hits(per_sd.p_likelihood_ratio, alpha=alpha),
        count_of_all=count_hits(everything.p_likelihood_ratio, alpha=alpha),
    )


@dataclass(frozen=True, eq=False)
class FeatureGenes:
    """Spearman's correlations of features with genes.

    Attributes
    ----------
    features : names of the features
    rows : int64 (genes,), rows in the table of genes
    rho, p, fdr : float64 (features, genes); false discovery rates over all cells
    count : hits over all cells
    """

    features: tuple[str, ...]
    rows: NDArray[np.int64]
    rho: Floats
    p: Floats
    fdr: Floats
    count: HitCount


def correlate_features(
    patients: RnaPatients, chosen: Sequence[int], rows: NDArray[np.int64], *, alpha: float = ALPHA
) -> FeatureGenes:
    """Correlates some features with some genes.

    Raises
    ------
    StudyRejected
        When there is no feature or no gene.
    """
    if not len(chosen) or not len(rows):
        raise StudyRejected(
            f"{counted(len(chosen), 'feature')} and {counted(len(rows), 'gene')} were given; at least one of each was "
            "expected."
        )
    rho = spearman_matrix(patients.features[list(chosen)], log2_tpm(patients.genes.tpm[rows]))
    tests = correlation_tests(rho, len(patients))
    return FeatureGenes(
        features=tuple(patients.feature_names[one] for one in chosen),
        rows=rows,
        rho=rho,
        p=tests.p,
        fdr=benjamini_hochberg(tests.p.ravel()).reshape(rho.shape),
        count=count_hits(tests.p, alpha=alpha),
    )
