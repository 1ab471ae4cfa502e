"""Scores of the training patients as a summary: where a new score lies among them, and how their groups did.

Each of these patients was scored by a model trained without that patient: the model's own scores of them are too
extreme. The summary is one no patient can be found in: quantiles with at least `FEWEST_BETWEEN` patients between two
neighbours and without the extremes, and curves by whole months that end where fewer than `FEWEST_AT_RISK` are left.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Annotated

import numpy as np

from models.errors import SetupError
from models.inference.outcome import GroupCurve, ScoreRank
from models.number_words import counted
from models.typed_tables import AtLeast, read_whole

FORMAT = 1
FEWEST_BETWEEN = 5
FEWEST_AT_RISK = 10


@dataclass(frozen=True)
class TrainingScores:
    """Summary of the out-of-fold scores.

    Attributes
    ----------
    patients : number of patients
    quantiles : of their scores, at 1/n, 2/n … (n - 1)/n; neither the smallest nor the largest score is among them
    groups : curves of low and high risk by these scores and the cut-off; empty where a group is too small, or the task
        has no survival
    hazard_ratio : of high against low risk, with its 95 % interval, widened because the models of the folds share
        patients; None where it cannot be estimated, or the cut-off was selected on the same patients

    Raises
    ------
    SetupError
        When the quantiles are too many for the patients or not in order, or there is one group alone.
    """

    patients: Annotated[int, AtLeast(2 * FEWEST_BETWEEN)]
    quantiles: tuple[float, ...]
    groups: tuple[GroupCurve, ...] = ()
    hazard_ratio: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        mistakes = []
        if not 1 <= len(self.quantiles) < self.patients // FEWEST_BETWEEN:
            mistakes.append(
                f"{counted(len(self.quantiles), 'quantile')} of {counted(self.patients, 'score')}; at least one, and "
                f"{FEWEST_BETWEEN} patients between two of them, were expected"
            )
        if any(later < earlier for earlier, later in pairwise(self.quantiles)):
            mistakes.append("the quantiles are not in increasing order")
        if self.groups and [curve.group for curve in self.groups] != ["low", "high"]:
            mistakes.append(f"groups {[str(curve.group) for curve in self.groups]}; low and high were expected")
        if any(count < FEWEST_AT_RISK for curve in self.groups for count in curve.at_risk):
            mistakes.append(f"fewer than {FEWEST_AT_RISK} patients at risk; the curve was expected to end before")
        if (
            self.hazard_ratio is not None
            and not 0 < self.hazard_ratio[1] <= self.hazard_ratio[0] <= self.hazard_ratio[2]
        ):
            mistakes.append(f"hazard ratio {self.hazard_ratio}; 0 < low ≤ ratio ≤ high was expected")
        if mistakes:
            raise SetupError("; ".join(mistakes))

    def rank(self, score: float) -> ScoreRank:
        """Share of the training patients with a lower score, interpolated between quantiles; a limit beyond them."""
        intervals = len(self.quantiles) + 1
        place = int(np.searchsorted(self.quantiles, score, side="left"))
        if place == 0:
            return ScoreRank(0.0, 1 / intervals)
        if place == len(self.quantiles):
            return ScoreRank(1 - 1 / intervals, 1.0)
        lower, upper = self.quantiles[place - 1 : place + 1]
        share = (place + (score - lower) / (upper - lower)) / intervals
        return ScoreRank(share, share)

    def to_bytes(self) -> bytes:
        """Serialises to JSON; the same summary gives the same bytes."""
        table = {"format": FORMAT} | {key: value for key, value in asdict(self).items() if value is not None}
        return (json.dumps(table, allow_nan=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> TrainingScores:
        """Reads what `to_bytes` wrote.

        Raises
        ------
        SetupError
            When it is no such summary, or of another format.
        """
        try:
            table = json.loads(content)
        except ValueError as error:
            raise SetupError(f"The scores of the training patients are no JSON: {error}.") from error
        if not isinstance(table, dict) or (found := table.pop("format", None)) != FORMAT:
            stated = found if isinstance(table, dict) else "no table"
            raise SetupError(f"The scores of the training patients are of format {stated}; {FORMAT} was expected.")
        return read_whole(cls, table, what="The summary of the scores of the training patients")
