"""The METRICS score of a package: the share, by weight, of the items that apply which are met.

Kocak et al. (2024), Insights Imaging 15:8. Weights: those of the authors' calculator (version 1.0, three decimals),
which divides by the sum of the weights of the items that apply. An item counts as met where the package itself shows
it, or where the trainers say so; everything else that applies counts as not met, as in the calculator.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.model_card.facts import CardFacts
from models.model_card.guidelines import CALIBRATION, DIFFERENCE, has_documented_settings, is_known_engine
from models.model_card.statements import item_numbers
from models.number_words import share_of

# fmt: off
WEIGHTS = (
    0.037, 0.074, 0.092,                              # study design
    0.044, 0.029, 0.044, 0.029,                       # imaging data
    0.034, 0.022, 0.011,                              # segmentation
    0.062, 0.031, 0.041,                              # image processing and feature extraction
    0.020, 0.020, 0.030, 0.020,                       # feature processing
    0.060, 0.030,                                     # preparation for modelling
    0.035, 0.023, 0.018, 0.012, 0.029, 0.018,         # metrics and comparison
    0.037, 0.075,                                     # testing
    0.007, 0.007, 0.007,                              # open science
)
# fmt: on
DEEP_LEARNING = 17  # of images, end to end: never applies here


@dataclass(frozen=True)
class MetricsScore:
    """Counted items of METRICS.

    Attributes
    ----------
    percent : 0 to 100
    shown : numbers of the items the package itself shows to be met
    claimed : of those the trainers say are met, beside the former
    not_applicable : of those that do not apply
    """

    percent: float
    shown: tuple[int, ...]
    claimed: tuple[int, ...]
    not_applicable: tuple[int, ...]

    def verdict(self, number: int) -> str:
        """Verdict on an item."""
        if number in self.not_applicable:
            return "not applicable"
        if number in self.shown:
            return "met, shown by the package"
        return "met, the trainers say" if number in self.claimed else "not met"

    def in_words(self) -> str:
        """One sentence for the card."""
        return (
            f"{share_of(self.percent / 100)}: items {_listed(self.shown)} shown by the package, "
            f"{_listed(self.claimed)} by the word of the trainers; "
            f"{_listed(self.not_applicable)} not applicable; all others count as not met."
        )


def metrics_score(facts: CardFacts) -> MetricsScore:
    """Counts the items of a package."""
    absent = (item_numbers(facts.statements.get("metrics_not_applicable", "")) or frozenset()) | {DEEP_LEARNING}
    shown = {number for number, is_met in _shown(facts).items() if is_met} - absent
    claimed = (item_numbers(facts.statements.get("metrics_met", "")) or frozenset()) - absent - shown
    applicable = [number for number in range(1, len(WEIGHTS) + 1) if number not in absent]
    total = sum(WEIGHTS[number - 1] for number in applicable)
    met = sum(WEIGHTS[number - 1] for number in shown | claimed)
    return MetricsScore(
        percent=100 * met / total if total else 0.0,
        shown=tuple(sorted(shown)),
        claimed=tuple(sorted(claimed)),
        not_applicable=tuple(sorted(absent)),
    )


def _shown(facts: CardFacts) -> dict[int, bool]:
    """Items that can be judged from the package: whether they are met."""
    return {
        1: True,  # this card goes through CLEAR
        12: is_known_engine(facts),
        13: has_documented_settings(facts),
        15: facts.used < facts.inputs / 2,
        18: True,  # patient level, stratified, everything inside the folds
        20: bool(facts.measurements),
        21: True,
        22: bool(facts.measured(CALIBRATION)),
        23: len(facts.sequences) == 1,
        25: bool(facts.measured(DIFFERENCE)),
    }


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(str(number) for number in numbers) or "none"
