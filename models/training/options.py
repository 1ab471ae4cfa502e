"""The common part of recurrence and KRT7-AS training: their options, and the parts of a trained model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from models.errors import SetupError
from models.inference.familiarity import Familiarity, FamiliarityTest
from models.inference.package import OutOfFold
from models.quality_notes import QualityNote
from models.training.ensemble import Trial
from models.training.network import Recipe
from models.training.refits import REFITS
from models.training.scorer import Scorer
from models.training.spread import Spread

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
    refits : trainings of the recipe on bootstrap samples, for the plausible range; 0: it comes from the members of the
        one training
    seed : the same seed gives the same model on the same machine
    device : "cpu" or "cuda"
    """

    recipe: Recipe
    permutations: int = PERMUTATIONS
    trials: int = 1
    refits: int = REFITS
    seed: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.refits != 0 and self.refits < REFITS:
            raise SetupError(
                f"{self.refits} refits; 0 or at least {REFITS} were expected: the spread of fewer is unstable."
            )


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
    def familiarity_test(self) -> FamiliarityTest:
        """Results of its test."""

    @property
    def spread(self) -> Spread | None:
        """The parts of plausible ranges."""

    @property
    def notes(self) -> tuple[QualityNote, ...]:
        """Doubts."""

    @property
    def seconds(self) -> tuple[float, float]:
        """Of the networks (out of fold and final), and of everything."""
