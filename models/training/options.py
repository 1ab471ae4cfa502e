"""The common part of recurrence and KRT7-AS training: their options, and the parts of a trained model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from models.inference.familiarity import Familiarity
from models.inference.package import OutOfFold
from models.quality_notes import QualityNote
from models.training.ensemble import Trial
from models.training.network import Recipe
from models.training.scorer import Scorer

PERMUTATIONS = 3
LEAK = 0.60  # mean statistic on permuted outcomes that noise alone does not give


@dataclass(frozen=True)
class TrainingOptions:
    """Options of a training.

    Attributes
    ----------
    recipe : of the networks
    permutations : how often the training is repeated on permuted outcomes
    trials : recipes to choose from inside the folds, `recipe` the first of them; 1 tries no other
    seed : the same seed gives the same model on the same machine
    device : "cpu" or "cuda"
    """

    recipe: Recipe
    permutations: int = PERMUTATIONS
    trials: int = 1
    seed: int = 1
    device: str = "cpu"


class Networks(Protocol):
    """Trained networks, whatever their task: `RecurrenceModel`, `ExpressionModel`."""

    @property
    def recipe(self) -> Recipe:
        """The recipe that was chosen."""

    @property
    def scorer(self) -> Scorer:
        """The networks as one function."""

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The recipes that were tried."""


class Trained(Protocol):
    """A trained model with what was measured about it: `TrainedRecurrence`, `TrainedExpression`."""

    @property
    def model(self) -> Networks:
        """The networks."""

    @property
    def out_of_fold(self) -> OutOfFold:
        """The statistic of the task, out of fold."""

    @property
    def familiarity(self) -> Familiarity:
        """The distribution of the inputs."""

    @property
    def notes(self) -> tuple[QualityNote, ...]:
        """Doubts."""

    @property
    def seconds(self) -> tuple[float, float]:
        """Of the networks (out of fold and final), and of everything."""
