"""Patients with high and low expression of one gene: the cut, survival of both groups, and the label for training."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.csv_table import lines
from models.errors import CohortRejected
from models.files import PRIVATE, write_output
from models.number_words import agreeing, counted
from models.omics.annotation import stable_id
from models.omics.cox_screen import FEW_EVENTS, FEWEST_EVENTS, screen_cox
from models.omics.patients import RnaPatients
from models.omics.tpm import log2_tpm
from models.statistics.cutpoint import SelectedCutOff, select_cut_off
from models.statistics.estimate import Estimate, Found, NotEstimable
from models.statistics.followed import Floats
from models.statistics.kaplan_meier import LogRank, SurvivalCurve, log_rank, survival_curve


class Cut(StrEnum):
    """Origin of the cut between low and high expression."""

    MEDIAN = "median"  # of the patients
    OPTIMAL = "optimal"  # maximally selected log-rank statistic: P must be corrected
    GIVEN = "given"  # a TPM


@dataclass(frozen=True, eq=False)
class GroupSurvival:
    """Survival of both groups.

    Attributes
    ----------
    low, high : Kaplan-Meier curves
    test : log-rank test; of an optimal cut it is too small
    ratio : hazard ratio of low against high expression
    p_likelihood_ratio : of the Cox model with the two groups
    events, patients : of the followed
    selected : search for the optimal cut, with Lausen's corrected P; None for another cut
    """

    low: SurvivalCurve
    high: SurvivalCurve
    test: LogRank
    ratio: Found
    p_likelihood_ratio: float
    events: int
    patients: int
    selected: SelectedCutOff | None

    def sentences(self, gene: str) -> tuple[str, ...]:
        """Ratio and P in words, and what they are worth."""
        found = []
        if self.events < FEW_EVENTS:
            found.append(
                f"Only {self.events} of {self.patients} followed patients had an event: survival by {gene} is "
                "mostly chance."
            )
        if isinstance(self.ratio, Estimate) and self.ratio.interval is not None:
            low, high = self.ratio.interval
            ratio = f"hazard ratio of low against high {gene} {self.ratio.value:.2f} ({low:.2f} to {high:.2f})"
        else:
            ratio = f"no hazard ratio ({self.ratio.reason})" if isinstance(self.ratio, NotEstimable) else ""
        p = f"P {self.test.p:.2g} by the log-rank test, {self.p_likelihood_ratio:.2g} by the likelihood ratio"
        if self.selected is None:
            found.append(f"{ratio}, {p}."[:1].upper() + f"{ratio}, {p}."[1:])
        else:
            found.append(
                f"The cut was selected to make the groups differ most: its P is {self.selected.p_lausen94:.2g} with "
                f"Lausen's correction ({p} without it, which is too small; the ratio is too extreme): {ratio}."
            )
        return tuple(found)


@dataclass(frozen=True, eq=False)
class GeneGroups:
    """High and low expression of one gene.

    Attributes
    ----------
    identifier, name : of the gene
    row : in the table of genes
    cut_tpm : high is above it
    cut : its origin
    is_high : bool (patients,)
    non_zero : patients with a value above zero
    survival : of both groups, or why there is none
    caution : about the strand of an antisense gene
    """

    identifier: str
    name: str
    row: int
    cut_tpm: float
    cut: Cut
    is_high: NDArray[np.bool_]
    non_zero: int
    survival: GroupSurvival | NotEstimable
    caution: str | None

    @property
    def counts(self) -> tuple[int, int]:
        """Patients with low and high expression."""
        return int((~self.is_high).sum()), int(self.is_high.sum())

    def sentence(self) -> str:
        """The rule in words."""
        low, high = self.counts
        origin = {
            Cut.MEDIAN: "the median of the patients",
            Cut.OPTIMAL: "selected for the largest log-rank statistic",
            Cut.GIVEN: "given",
        }[self.cut]
        return (
            f"High expression is above {self.cut_tpm:.4g} TPM of {self.name} ({self.identifier}; {origin}): {high} "
            f"high, {low} low; {self.non_zero} of {low + high} patients express it at all."
        )


def gene_groups(patients: RnaPatients, gene: str, cut: Cut | float = Cut.MEDIAN) -> GeneGroups:
    """Splits the patients by one gene.

    Parameters
    ----------
    gene : identifier or name
    cut : rule, or a TPM

    Raises
    ------
    CohortRejected
        When the gene is not there or ambiguous, or fewer than two patients are on a side.
    StudyRejected
        When an optimal cut is asked for and cannot be found.
    """
    row = patients.genes.row(gene)
    values, followed = patients.genes.tpm[row], patients.is_followed
    selected = None
    if cut is Cut.OPTIMAL:
        selected = select_cut_off(patients.times_months[followed], patients.events[followed], values[followed])
        limit = selected.cut_off
    elif isinstance(cut, Cut):
        limit = float(np.median(values))
    else:
        limit = float(cut)
    is_high = values > limit
    name = patients.genes.names[row]
    high, with_any = int(is_high.sum()), np.count_nonzero(values > 0)
    if not 2 <= high <= len(patients) - 2:
        raise CohortRejected(
            f"{high} of {counted(len(patients), 'patient')} {agreeing(high, 'has', 'have')} more than {limit:.4g} TPM "
            f"of {name} ({with_any} {agreeing(with_any, 'has', 'have')} any); two or more on both sides were expected. "
            "Give another cut."
        )
    return GeneGroups(
        identifier=patients.genes.identifiers[row],
        name=name,
        row=row,
        cut_tpm=limit,
        cut=cut if isinstance(cut, Cut) else Cut.GIVEN,
        is_high=is_high,
        non_zero=int(np.count_nonzero(values > 0)),
        survival=_survival(patients, is_high, selected),
        caution=patients.genes.antisense_caution(name),
    )


def _survival(
    patients: RnaPatients, is_high: NDArray[np.bool_], selected: SelectedCutOff | None
) -> GroupSurvival | NotEstimable:
    followed = patients.is_followed
    times, events, high = patients.times_months[followed], patients.events[followed], is_high[followed]
    count = int(events.sum())
    if count < FEWEST_EVENTS:
        return NotEstimable(
            f"{count} of {times.size} followed patients had an event; survival of two groups needs at least "
            f"{FEWEST_EVENTS}."
        )
    test = log_rank(times, events, high)
    if test is None or not 0 < int(high.sum()) < high.size:
        return NotEstimable(f"{int(high.sum())} of {high.size} followed patients are high; both groups were expected.")
    cox = screen_cox((~high).astype(np.float64)[None], times, events)
    return GroupSurvival(
        low=survival_curve(times[~high], events[~high]),
        high=survival_curve(times[high], events[high]),
        test=test,
        ratio=_ratio(float(cox.coefficients[0]), float(cox.standard_errors[0]), float(cox.spreads[0])),
        p_likelihood_ratio=float(cox.p_likelihood_ratio[0]),
        events=count,
        patients=int(times.size),
        selected=selected,
    )


def _ratio(coefficient: float, error: float, spread: float) -> Found:
    if np.isnan(coefficient):
        return NotEstimable("one of both groups has no event")
    low, high = (float(np.exp((coefficient + sign * 1.959963984540054 * error) / spread)) for sign in (-1, 1))
    return Estimate(float(np.exp(coefficient / spread)), (low, high), "Cox, Wald interval")


def write_labels(groups: GeneGroups, patients: RnaPatients, path: Path) -> None:
    """Writes id, expression and label of each patient, with gene and cut: outcomes for `rdeepnet train krt7-as`.

    Raises
    ------
    NotWritable
        When it cannot be written.
    """
    expression: Floats = patients.genes.tpm[groups.row]
    header = ("id", "krt7_as_high", "tpm", "log2_tpm", "gene", "gene_name", "cut_tpm", "cut")
    about = (stable_id(groups.identifier), groups.name, groups.cut_tpm, str(groups.cut))
    rows = [
        (one, int(high), float(value), float(log2_tpm(value)), *about)
        for one, high, value in zip(patients.identifiers, groups.is_high, expression, strict=True)
    ]
    write_output(path, "".join(lines([header, *rows])).encode(), mode=PRIVATE)
