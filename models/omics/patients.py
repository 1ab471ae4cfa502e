"""Patients with RNA: expression joined with scores, outcomes and features by identifier, both sides counted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.cohort.features import FeatureRows
from models.cohort.outcomes import OutcomeRows
from models.constant import varies
from models.errors import CohortRejected
from models.number_words import agreeing, counted
from models.omics.genes import GeneTable
from models.statistics.followed import Floats

FEWEST = 10  # patients; below, nothing of these analyses means anything


@dataclass(frozen=True)
class Joined:
    """Identifiers of each table and of all together.

    Attributes
    ----------
    expression, scores, features, outcomes : rows of each table; None where there is no such table
    joined : patients of the analysis: with expression, score, and features where there are some
    followed : those of them with follow-up
    only_expression, only_scores : samples without a score or features, and scores without expression
    """

    expression: int
    scores: int
    features: int | None
    outcomes: int | None
    joined: int
    followed: int
    only_expression: int
    only_scores: int

    def sentence(self) -> str:
        """Both sides in words."""
        features = "" if self.features is None else f", {self.features:,} {agreeing(self.features, 'row')} of features"
        outcomes = "" if self.outcomes is None else f", {self.outcomes:,} of outcomes"
        return (
            f"{self.joined:,} {agreeing(self.joined, 'patient is', 'patients are')} analysed: of {self.expression:,} "
            f"{agreeing(self.expression, 'sample')} with expression {self.only_expression:,} "
            f"{agreeing(self.only_expression, 'lacks', 'lack')} a score or features, of {self.scores:,} "
            f"{agreeing(self.scores, 'score')} {self.only_scores:,} {agreeing(self.only_scores, 'lacks', 'lack')} "
            f"expression{features}{outcomes}. {self.followed:,} of the analysed patients "
            f"{agreeing(self.followed, 'has', 'have')} follow-up."
        )


@dataclass(frozen=True, eq=False)
class RnaPatients:
    """Patients in the order of the samples.

    Attributes
    ----------
    identifiers : of the patients
    genes : their expression, all genes that were counted
    scores : float64 (patients,), higher means higher risk
    cut_off : high risk is above it
    cut_off_source : where it is from, in words
    is_high_risk : bool (patients,)
    times_months, events : float64 (patients,), NaN where there is no follow-up
    feature_names : complete features that vary, in their order
    features : float64 (features, patients)
    features_left_out : features that are missing in a patient, or constant
    clinical : other columns of the outcomes, one text for each patient, "" where not known
    joined : counts of both sides
    """

    identifiers: tuple[str, ...]
    genes: GeneTable
    scores: Floats
    cut_off: float
    cut_off_source: str
    is_high_risk: NDArray[np.bool_]
    times_months: Floats
    events: Floats
    feature_names: tuple[str, ...]
    features: Floats
    features_left_out: int
    clinical: Mapping[str, tuple[str, ...]]
    joined: Joined

    def __len__(self) -> int:
        return len(self.identifiers)

    @property
    def is_followed(self) -> NDArray[np.bool_]:
        """True for patients with follow-up: (patients,)."""
        return ~np.isnan(self.times_months) & ~np.isnan(self.events)

    @property
    def event_count(self) -> int:
        """Events among the followed patients."""
        return int(np.nansum(self.events[self.is_followed]))


def join_rna(
    genes: GeneTable,
    scores: Mapping[str, float],
    *,
    cut_off: float | None = None,
    outcomes: OutcomeRows | None = None,
    features: FeatureRows | None = None,
) -> RnaPatients:
    """Patients with expression and score, and with features where a table of them is given.

    Parameters
    ----------
    scores : identifier → score
    cut_off : high risk is above it; the median of these patients when None
    outcomes, features : tables of any patients

    Raises
    ------
    CohortRejected
        When an identifier is duplicated, fewer than 10 patients are on all sides, or all are of one risk group.
    """
    rows_of = {
        kind: _rows(table.identifiers, table.source)
        for kind, table in (("outcomes", outcomes), ("features", features))
        if table is not None
    }
    columns = [
        column
        for column, sample in enumerate(genes.samples)
        if sample in scores and (features is None or sample in rows_of["features"])
    ]
    if len(columns) < FEWEST:
        raise CohortRejected(_too_few(len(columns), genes, scores, features))
    table = genes.of_samples(columns)
    ids = table.samples
    values = np.array([scores[one] for one in ids], dtype=np.float64)
    limit = float(np.median(values)) if cut_off is None else cut_off
    is_high = values > limit
    high = int(is_high.sum())
    if not 2 <= high <= len(ids) - 2:
        raise CohortRejected(
            f"{high} of {counted(len(ids), 'patient')} {agreeing(high, 'has', 'have')} a score above {limit:g}; two or "
            "more on both sides were expected. Give another cut-off."
        )
    places = [rows_of["outcomes"].get(one, -1) for one in ids] if outcomes is not None else [-1] * len(ids)
    names, matrix, left_out = _features(features, [rows_of["features"][one] for one in ids] if features else [])
    times, events = _followed(outcomes, places)
    known = np.array([place >= 0 for place in places])
    return RnaPatients(
        identifiers=ids,
        genes=table,
        scores=values,
        cut_off=limit,
        cut_off_source="median of these patients" if cut_off is None else "given",
        is_high_risk=is_high,
        times_months=times,
        events=events,
        feature_names=names,
        features=matrix,
        features_left_out=left_out,
        clinical={}
        if outcomes is None
        else {name: tuple(cells[p] if p >= 0 else "" for p in places) for name, cells in outcomes.clinical.items()},
        joined=Joined(
            expression=len(genes.samples),
            scores=len(scores),
            features=None if features is None else len(features.identifiers),
            outcomes=None if outcomes is None else len(outcomes.identifiers),
            joined=len(ids),
            followed=int(np.count_nonzero(known & ~np.isnan(times) & ~np.isnan(events))),
            only_expression=len(genes.samples) - len(ids),
            only_scores=len(set(scores) - set(ids)),
        ),
    )


def _rows(identifiers: tuple[str, ...], source: str) -> dict[str, int]:
    rows = {identifier: row for row, identifier in enumerate(identifiers)}
    if len(rows) < len(identifiers):
        raise CohortRejected(
            f"{source} has {counted(len(identifiers) - len(rows), 'row')} with an id that another row has; one row for "
            "each patient was expected."
        )
    return rows


def _features(features: FeatureRows | None, rows: list[int]) -> tuple[tuple[str, ...], Floats, int]:
    if features is None:
        return (), np.empty((0, len(rows))), 0
    matrix = features.values[rows].T
    kept: NDArray[np.bool_] = np.all(np.isfinite(matrix), axis=1)
    kept[kept] = varies(matrix[kept], axis=1)
    names = tuple(name for name, keeps in zip(features.names, kept, strict=True) if keeps)
    return names, matrix[kept], int(np.count_nonzero(~kept))


def _followed(outcomes: OutcomeRows | None, places: list[int]) -> tuple[Floats, Floats]:
    times, events = np.full(len(places), np.nan), np.full(len(places), np.nan)
    for patient, place in enumerate(places):
        if outcomes is not None and place >= 0:
            times[patient], events[patient] = outcomes.times_months[place], outcomes.events[place]
    wrong = int(np.count_nonzero(times <= 0))
    if wrong:
        advice = agreeing(wrong, "leave the cell empty, or correct it", "leave the cells empty, or correct them")
        raise CohortRejected(f"{counted(wrong, 'patient has', 'patients have')} a follow-up of 0 or less; {advice}.")
    return times, events


def shape_of(identifier: str) -> str:
    """Form of an identifier without its content: "TCGA-A1-B2" → "AAAA-A9-A9"."""
    return re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", identifier))[:30]


def _too_few(found: int, genes: GeneTable, scores: Mapping[str, float], features: FeatureRows | None) -> str:
    forms = [f"samples look like {shape_of(genes.samples[0])}"]
    if scores:
        forms.append(f"scores like {shape_of(next(iter(scores)))}")
    if features is not None:
        forms.append(f"features like {shape_of(features.identifiers[0])}")
    tables = "expression and scores" if features is None else "expression, scores and features"
    return (
        f"{counted(found, 'patient is', 'patients are')} in the tables of {tables}; at least {FEWEST} were expected. "
        f"They are joined by identical ids ({', '.join(forms)}): rename the columns of the expression, or check that "
        "the cohorts are the same."
    )
