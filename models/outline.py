"""Outlines: whether a tumour was outlined by hand, half by hand or automatically, and who stands for it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from models.volume import Sequence

# Segment Algorithm Type → in words.
KINDS = {"MANUAL": "by hand", "SEMIAUTOMATIC": "semi-automatically", "AUTOMATIC": "automatically"}
READERS_DICE: Final = 0.81  # four readers of 129 breast tumours (Granzier et al. (2020), Sci Rep 10:14163)
# What a method adds to 1 − Dice beyond a careful hand outline, the square root of the difference of the squares: the
# worst on the one real breast with a reference and on the phantom (tests/benchmarks/SEGMENTATION.md).
ADDED: Final = {"grow-cut": 0.12, "half-way": 0.15, "ftv": 0.14}
ADDED_FEW_STROKES: Final = (
    0.27  # grow-cut from 3 or 4 painted slices, and networks, which were not measured on patients
)
_ENOUGH_STROKES: Final = 5
_NOT_STATED = "in a way the segmentation does not state"


@dataclass(frozen=True)
class DraftComparison:
    """A draft of this software, and the final segmentation that came of it.

    Attributes
    ----------
    dice : between the two, 0 to 1
    draft_mm3, final_mm3 : their volumes
    """

    dice: float
    draft_mm3: float
    final_mm3: float


@dataclass(frozen=True)
class Outline:
    """Outline of the tumour on one sequence.

    Attributes
    ----------
    kind : MANUAL, SEMIAUTOMATIC, AUTOMATIC, or empty where it is not stated or several say it differently
    method : name of the algorithm; empty where it is not stated
    version : of the algorithm
    detail : the algorithm in more words, "grow-cut from strokes on 5 slices"
    strokes : slices with strokes; None where it is no draft of this software, or none was made from strokes
    accepted_by : who accepted a draft of this software, or edited it, as the object states it; empty where not known
    accepted_at : when, "2026-11-29 12:30"
    draft : the comparison with the draft; None where there is none
    """

    kind: str = ""
    method: str = ""
    version: str = ""
    detail: str = ""
    strokes: int | None = None
    accepted_by: str = ""
    accepted_at: str = ""
    draft: DraftComparison | None = None

    @property
    def key(self) -> str:
        """The method for a table: "manual", "semiautomatic: grow-cut 1.0"; empty where nothing is stated."""
        named = " ".join(part for part in (self.method, self.version) if part)
        return ": ".join(part for part in (self.kind.lower(), named) if part)

    @property
    def widens(self) -> bool:
        """Returns whether the outline came of a draft of this software, which adds to what readers differ by."""
        return self.draft is not None

    @property
    def readers_dice(self) -> float:
        """Mean Dice at which other readers' contours agree with this one.

        Readers and method differ independently, and 1 − Dice grows with the distance of the outlines, so that the two
        add in squares. An edited draft counts as the draft: how much of it a person looked at is not known.
        """
        if not self.widens:
            return READERS_DICE
        added = ADDED.get(self.method, ADDED_FEW_STROKES)
        if self.strokes is not None and self.strokes < _ENOUGH_STROKES:
            added = ADDED_FEW_STROKES
        return 1 - math.hypot(1 - READERS_DICE, added)

    def sentence(self, label: str) -> str:
        """All of it in one or two sentences for the reader of a report; `label` is the sequence's."""
        how = KINDS.get(self.kind, _NOT_STATED)
        method = self.detail or self.method
        by = f" ({method}{f', version {self.version}' if self.version else ''})" if method else ""
        said = f"The tumour on {label} was outlined {how}{by}."
        if self.draft is None:
            return said
        who = f" by {self.accepted_by}" if self.accepted_by else ", by whom is not stated"
        when = f" on {self.accepted_at}" if self.accepted_at else ""
        if self.draft.dice == 1:
            return (
                f"{said} The draft was accepted unchanged{who}{when}: Dice 1.00, {self.draft.final_mm3 / 1000:.2f} cm³."
            )
        return (
            f"{said} The draft was edited{who}{when}: Dice {self.draft.dice:.2f} between draft and final; "
            f"{self.draft.draft_mm3 / 1000:.2f} cm³ became {self.draft.final_mm3 / 1000:.2f} cm³."
        )


def strokes_in(detail: str) -> int | None:
    """Slices with strokes, from the name this software gives a method: "grow-cut from strokes on 5 slices"."""
    found = re.search(r"strokes on (\d+) slice", detail)
    return int(found[1]) if found else None


def outlined_in_words(outlines: Mapping[Sequence, Outline]) -> str:
    """Methods of a study for a table: one, or one for each sequence where they differ."""
    keys = {sequence: outline.key for sequence, outline in outlines.items() if outline.key}
    if len(set(keys.values())) <= 1:
        return next(iter(keys.values()), "")
    return "; ".join(f"{sequence} {key}" for sequence, key in keys.items())
