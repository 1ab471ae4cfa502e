"""The tasks: what a model package can predict. One row each, with everything that differs from task to task.

A third task is a member of `Task` and a row of `TASKS`; strict mypy (`assert_never`) and `tests/test_closed_lists.py`
name what is still to be filled then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from models.inference.outcome import Quantity
from models.volume import Region

BASELINE: Final = "baseline.csv"
BASELINE_RESAMPLES: Final = "baseline_resamples.csv"
FINGERPRINTS: Final = "fingerprints.npz"
TRAINING_SCORES: Final = "training_scores.json"
CARDS: Final = frozenset({"MODEL_CARD.md", "MODEL_CARD.html", "MODEL_CARD.json"})
COMMON_FILES: Final = CARDS | {"model.onnx", "inputs.csv", "familiarity.npz", "reference.json"}


class Task(StrEnum):
    """Task of a package; it fixes the required files and the scale."""

    RECURRENCE = "recurrence"  # score on the log-risk scale, survival at horizons from a baseline hazard
    KRT7_AS = "krt7_as"  # probability of high expression of the lncRNA KRT7-AS


@dataclass(frozen=True, kw_only=True)
class CardWords:
    """Words of the model card about a task.

    Attributes
    ----------
    gives : what the output is; "{months}" stands for the horizons
    groups : which side of the cut-off is which
    attributed_scale : on which attributions are given
    outcome : what was known of the training patients
    keyword : for the list of keywords
    algorithm : loss and calibration
    """

    gives: str
    groups: str
    attributed_scale: str
    outcome: str
    keyword: str
    algorithm: str


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """One task.

    Attributes
    ----------
    quantity : what the score is; words and codes are keyed by it (`reports.concepts`)
    scale, direction : of the score; which direction is worse, in words
    statistic : how well a model tells patients apart is measured by it; .5 is chance
    has_survival : packages have a baseline hazard and give survival at horizons
    regions : whose features are inputs of a training
    outcome : what a training patient must have, in words
    card : what the model card says
    """

    quantity: Quantity
    scale: str
    direction: str
    statistic: str
    has_survival: bool
    regions: tuple[Region, ...]
    outcome: str
    card: CardWords

    @property
    def is_probability(self) -> bool:
        """Returns whether the score is a probability, the sigmoid of the output."""
        return self.scale == "probability"

    @property
    def files(self) -> frozenset[str]:
        """Names of the files a package has beside its manifest and signature."""
        return COMMON_FILES | {BASELINE} if self.has_survival else COMMON_FILES

    @property
    def optional_files(self) -> frozenset[str]:
        """Names of the files a package may have besides."""
        return frozenset({FINGERPRINTS, TRAINING_SCORES, *([BASELINE_RESAMPLES] if self.has_survival else [])})


TASKS: Final[Mapping[Task, TaskRow]] = MappingProxyType(
    {
        Task.RECURRENCE: TaskRow(
            quantity=Quantity.RECURRENCE_SCORE,
            scale="log-risk",
            direction="higher means higher risk",
            statistic="Harrell's C",
            has_survival=True,
            regions=tuple(Region),
            outcome="a time and an event",
            card=CardWords(
                gives=(
                    "log-risk of recurrence after surgery; recurrence-free survival at {months} months from "
                    "baseline.csv"
                ),
                groups="high risk above the cut-off, low risk at or below it",
                attributed_scale="log-risk",
                outcome="Recurrence-free survival",
                keyword="recurrence-free survival",
                algorithm="DeepSurv: Cox's partial likelihood, Efron's ties",
            ),
        ),
        Task.KRT7_AS: TaskRow(
            quantity=Quantity.KRT7_AS_HIGH,
            scale="probability",
            direction="higher means higher expression",
            statistic="area under the ROC curve",
            has_survival=False,
            regions=(Region.INTRATUMORAL,),
            outcome="krt7_as_high",
            card=CardWords(
                gives="probability that the lncRNA KRT7-AS is highly expressed in the tumour",
                groups="high expression above the cut-off, low expression at or below it",
                attributed_scale="logit",
                outcome="High expression of KRT7-AS",
                keyword="lncRNA KRT7-AS",
                algorithm="cross-entropy, Platt scaling",
            ),
        ),
    }
)
