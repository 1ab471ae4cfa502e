"""Progress of a long computation, told to whoever waits for it: the models know no terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

# (what is being done, steps done, steps in all)
Tell = Callable[[str, int, int], None]


def silent(what: str, done: int, total: int) -> None:
    """Nobody waits."""


def named(what: str, tell: Tell) -> Tell:
    """Tells the same of one thing among several: "krt7_as, fold 1/5"."""
    return lambda part, done, total: tell(f"{what}, {part}", done, total)


@dataclass
class Steps:
    """Steps of one computation, counted over its parts.

    Attributes
    ----------
    tell : called at the beginning of each part and at the end of each step
    total : steps in all
    done : steps that have ended
    part : what is being done now
    """

    tell: Tell = field(default=silent)
    total: int = 0
    done: int = 0
    part: str = ""

    def begin(self, part: str) -> None:
        """Another part begins: "permutation 2/3"."""
        self.part = part
        self.tell(part, self.done, self.total)

    def step(self, what: str = "") -> None:
        """One step has ended; `what` says which of its part."""
        self.done += 1
        self.tell(", ".join(text for text in (self.part, what) if text), self.done, self.total)
