"""Validity: whether an answer holds, as a value that everything said about it is computed from.

A doubt that stands beside an answer is not read by the system that reads the code, nor by the board that reads the bold
line. So each outcome of a model has one `Validity`: the worst of its reasons decides the state, and headline, codes,
tables and pictures follow from the state alone. Absence of evidence makes an answer conditional; contradiction
withholds it (see `models.intended_use`, `models.plausibility`, `models.inference.predict`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """States of an answer, from the best to the worst; the last stands apart."""

    VALID = "valid"  # nothing is against it
    CONDITIONAL = "conditional"  # something was odd or could not be confirmed; a person has to look
    BORDERLINE = "borderline"  # the cut-off lies in the plausible range: between the groups
    OUTSIDE = "outside"  # contradicts the intended use, or far from the training patients: no result
    NOT_COMPUTABLE = "not_computable"  # mask or geometry is impossible, or a feature undefined: no result
    NOT_ASKED = "not_asked"  # the model was not run: a sequence is missing, or another model answers

    @property
    def weight(self) -> int:
        """Place in the order; the larger is the worse."""
        return tuple(State).index(self)

    @property
    def shows_score(self) -> bool:
        """Returns whether score, survival, attributions and their pictures may be shown."""
        return self in (State.VALID, State.CONDITIONAL, State.BORDERLINE)

    @property
    def shows_group(self) -> bool:
        """Returns whether the side of the cut-off may be named."""
        return self in (State.VALID, State.CONDITIONAL)

    @property
    def shows_features(self) -> bool:
        """Returns whether volume, diameter and features may be shown."""
        return self.shows_score or self is State.OUTSIDE


@dataclass(frozen=True)
class Reason:
    """One reason for a state.

    Attributes
    ----------
    code : stable kebab-case identifier, e.g. "other-organ"
    state : the state it forces; VALID for what was overruled and stays on record
    sentence : complete, for the reader of the report; numbers included, no patient data
    found, expected : value and limit in words; empty where the sentence has no such pair
    overruled_by : the setting or option that overrules it, e.g. "--confirm breast"; empty where nothing does
    """

    code: str
    state: State
    sentence: str
    found: str = ""
    expected: str = ""
    overruled_by: str = ""


@dataclass(frozen=True)
class Validity:
    """State of an answer and every reason for it, the weightiest first.

    Raises
    ------
    ValueError
        When the state is not that of the weightiest reason (VALID without reasons).
    """

    state: State = State.VALID
    reasons: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        weights = [reason.state.weight for reason in self.reasons]
        if weights != sorted(weights, reverse=True) or self.state is not _worst(self.reasons):
            raise ValueError(f"The state is {self.state}, of reasons {[str(one.state) for one in self.reasons]}.")

    @property
    def main(self) -> Reason | None:
        """The reason that decides; None where nothing is against the answer."""
        return self.reasons[0] if self.reasons and self.reasons[0].state is self.state is not State.VALID else None

    @property
    def decisive(self) -> tuple[Reason, ...]:
        """All reasons that force the state; empty in VALID."""
        return tuple(one for one in self.reasons if one.state is self.state is not State.VALID)


def decide(reasons: Iterable[Reason]) -> Validity:
    """The worst reason wins; all are kept, each once, in order of weight and else in their order."""
    kept = tuple(sorted(dict.fromkeys(reasons), key=lambda reason: -reason.state.weight))
    return Validity(_worst(kept), kept)


def _worst(reasons: tuple[Reason, ...]) -> State:
    return max((reason.state for reason in reasons), key=lambda state: state.weight, default=State.VALID)


VALID = Validity()
