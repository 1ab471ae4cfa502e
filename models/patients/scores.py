"""Scores of the patients: from a model package, or from a table such as `rdeepnet score` writes; and their groups."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.cohort.features import FeatureRows
from models.cohort.origin import input_values
from models.cohort.outcomes import read_cells
from models.errors import CohortRejected
from models.inference.outcome import Group
from models.inference.runtime import LoadedModel
from models.inference.tasks import Task
from models.number_words import agreeing, counted
from models.statistics.followed import Floats


class CutOffRule(StrEnum):
    """Origin of the cut-off between low and high risk."""

    PACKAGE = "package"  # frozen in the model package
    TABLE = "table"  # of the groups that the table of scores names
    GIVEN = "given"  # a number in the command line
    MEDIAN = "median"  # of the scores of the reference cohort
    OPTIMAL = "optimal"  # maximally selected log-rank statistic in the reference cohort


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores by identifier of the patient; higher means higher risk.

    Attributes
    ----------
    source : for sentences: name of the package, or of the file
    values : identifier → score; patients without one are not in it
    cut_off : high is above it; None where the source has none
    rule : origin of the cut-off
    lacking : identifiers whose features are not complete, or whose score is empty in the table
    notice : what every output of the package must carry; "" of a table
    """

    source: str
    values: dict[str, float]
    cut_off: float | None
    rule: CutOffRule
    lacking: frozenset[str]
    notice: str = ""

    def of(self, identifiers: tuple[str, ...]) -> Floats:
        """float64 (patients,), NaN where there is no score."""
        return np.array([self.values.get(one, math.nan) for one in identifiers])


def scores_of_model(model: LoadedModel, features: FeatureRows) -> Scores:
    """Scores every row that has the features of a recurrence model.

    Raises
    ------
    CohortRejected
        When the package has another task, or the table lacks a feature of the model.
    """
    package = model.package
    if package.task is not Task.RECURRENCE:
        raise CohortRejected(
            f"The package '{package.identity.name}' has the task {package.task}; one for {Task.RECURRENCE} was "
            "expected."
        )
    values = input_values(package, features)
    complete: NDArray[np.bool_] = np.all(~np.isnan(values), axis=1)
    found = np.full(complete.size, np.nan)
    if complete.any():
        found[complete] = model.score(values[complete])
    named = f"{package.identity.name} {package.identity.version}"
    return Scores(
        source=named,
        values={one: float(score) for one, score in zip(features.identifiers, found, strict=True) if score == score},
        cut_off=package.cut_off,
        rule=CutOffRule.PACKAGE,
        lacking=frozenset(one for one, is_there in zip(features.identifiers, complete, strict=True) if not is_there),
        notice=package.identity.notice,
    )


def read_scores(path: Path) -> Scores:
    """Reads a table with `id` and `score`, and optionally `group` (high, low), as `rdeepnet score` writes one.

    The cut-off of the groups is the highest score of the low group: nothing lies between it and the high group.

    Raises
    ------
    CohortRejected
        When a column is missing, an id is repeated, a cell holds no number or group, or groups and scores contradict
        each other.
    """
    header, rows = read_cells(path)
    lacking = [name for name in ("id", "score") if name not in header]
    if lacking:
        raise CohortRejected(
            f"{path.name} has no column '{lacking[0]}'; it has {', '.join(header)}. Give a table with id and score, as "
            "rdeepnet score writes one."
        )
    cells = {name: [row[place].strip() for row in rows] for place, name in enumerate(header)}
    identifiers = cells["id"]
    repeated = sum(count > 1 for count in Counter(identifiers).values())
    if repeated or "" in identifiers:
        raise CohortRejected(
            f"{path.name} has {counted(repeated, 'id')} in more than one row and "
            f"{counted(identifiers.count(''), 'row')} without id; one row per patient was expected."
        )
    values = np.array([_score(cell, row, path) for row, cell in enumerate(cells["score"], start=1)])
    known = ~np.isnan(values)
    if not known.any():
        its = agreeing(len(rows), "its", "any of its")
        raise CohortRejected(f"{path.name} has no score in {its} {counted(len(rows), 'row')}.")
    return Scores(
        source=path.name,
        values={one: float(value) for one, value in zip(identifiers, values, strict=True) if value == value},
        cut_off=_cut_off(values, cells["group"], path) if "group" in cells else None,
        rule=CutOffRule.TABLE,
        lacking=frozenset(one for one, is_there in zip(identifiers, known, strict=True) if not is_there),
    )


def _score(cell: str, row: int, path: Path) -> float:
    try:
        value = float(cell) if cell else math.nan
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise CohortRejected(
            f"{path.name}: the score of row {row} is '{cell[:20]}'; a finite number or an empty cell was expected."
        )
    return value


def _cut_off(values: Floats, groups: list[str], path: Path) -> float | None:
    if wrong := sorted(set(groups) - {"", *Group}):
        raise CohortRejected(
            f"{path.name}: a group is '{wrong[0][:20]}'; {', '.join(Group)} or an empty cell expected."
        )
    labels = np.array(groups)
    low, high = (values[(labels == group) & ~np.isnan(values)] for group in (Group.LOW, Group.HIGH))
    if not low.size or not high.size:
        return None
    wrong_side = int((low >= high.min()).sum())
    if wrong_side:
        raise CohortRejected(
            f"{path.name}: {counted(wrong_side, 'score of the low group is', 'scores of the low group are')} not below "
            f"the lowest of the high group ({high.min():g}); one cut-off was expected. Say it with --cut-off."
        )
    return float(low.max())
