"""The common part of recurrence and KRT7-AS training: their options, and the parts of a trained model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from models.errors import SetupError
from models.inference.familiarity import Familiarity, FamiliarityTest
from models.inference.package import OutOfFold
from models.number_words import counted
from models.quality_notes import QualityNote
from models.training.divisions import DIVISIONS
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
    divisions : how often the outer folds are drawn; figures out of fold are averaged over them
    refits : trainings of the recipe on bootstrap samples, for the plausible range; 0: it comes from the members of the
        one training
    outer_folds : in which the whole training is repeated, so that each patient is scored by a model that never saw that
        patient; None: ten, or as many as the events allow; 0: none, each patient is scored by the member that held that
        patient out for early stopping
    seed : the same seed gives the same model on the same machine
    device : "cpu" or "cuda"
    """

    recipe: Recipe
    permutations: int = PERMUTATIONS
    trials: int = 1
    refits: int = REFITS
    outer_folds: int | None = None
    divisions: int = DIVISIONS
    seed: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.divisions < 1:
            raise SetupError(f"{counted(self.divisions, 'division')} of the outer folds; at least 1 was expected.")
        if self.refits != 0 and self.refits < REFITS:
            raise SetupError(
                f"{counted(self.refits, 'refit')}; 0 or at least {REFITS} were expected: the spread of fewer is "
                "unstable."
            )
        if self.outer_folds == 1 or (self.outer_folds or 0) < 0:
            raise SetupError(f"{counted(self.outer_folds or 0, 'outer fold')}; 0, or at least 2 were expected.")
        if self.outer_folds == 0 and (self.recipe.members != self.recipe.inner_folds or self.trials > 1):
            raise SetupError(
                "No outer folds, with a recipe of one network or a search among recipes; an ensemble by one recipe was "
                "expected, in which every patient is held out by one member."
            )


def networks(options: TrainingOptions, *, folds: int, recipes: int) -> int:
    """Number of networks that a training trains: out of fold, final, on permuted outcomes, and refits."""
    of_recipes = (options.divisions * folds + 1 + options.refits) * recipes
    return options.recipe.members * (of_recipes + options.permutations * options.recipe.inner_folds)


class Networks(Protocol):
    """Trained networks, whatever their task: `RecurrenceModel`, `ExpressionModel`."""

    @property
    def recipe(self) -> Recipe:
        """The recipe that was chosen."""

    @property
    def scorer(self) -> Scorer:
        """The networks as one function."""

    @property
    def parameters(self) -> float:
        """Their effective number of parameters."""

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
