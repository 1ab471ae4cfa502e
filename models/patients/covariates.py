"""Clinical columns as covariates: numbers or categories with a named reference, and what is missing.

A cell is unknown when it is empty or holds a word for it (`UNKNOWN`); nothing is ever filled in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import CohortRejected
from models.number_words import counted
from models.statistics.followed import Floats

# Read without regard to capitals; the last but one is how GSE7390 writes it.
UNKNOWN = frozenset({"", ".", "?", "-", "na", "n/a", "nan", "none", "not known", "missing", "unkown", "unknown"})
MOST_LEVELS = 12  # more are no categories but a text
_FEWEST_NUMBERS = 7  # of different numbers: fewer are categories, such as grades or 0 and 1


class Kind(StrEnum):
    """Kind of a clinical column."""

    NUMBER = "number"  # its mean means something
    CATEGORY = "category"  # levels, one of them the reference


@dataclass(frozen=True, eq=False)
class Covariate:
    """One clinical column of some patients.

    Attributes
    ----------
    name : of the column
    kind : number or category
    numbers : float64 (patients,), NaN where unknown; empty for a category
    levels : of a category, in order; empty for a number
    codes : int (patients,), place of the level, -1 where unknown; empty for a number
    reference : level that others are compared with; "" for a number
    """

    name: str
    kind: Kind
    numbers: Floats
    levels: tuple[str, ...]
    codes: NDArray[np.intp]
    reference: str

    @property
    def known(self) -> NDArray[np.bool_]:
        """bool (patients,)."""
        return ~np.isnan(self.numbers) if self.kind is Kind.NUMBER else self.codes >= 0

    def rows(self, chosen: NDArray[np.bool_]) -> Covariate:
        """The same column of some of the patients."""
        return Covariate(
            self.name,
            self.kind,
            self.numbers[chosen] if self.kind is Kind.NUMBER else self.numbers,
            self.levels,
            self.codes[chosen] if self.kind is Kind.CATEGORY else self.codes,
            self.reference,
        )

    def present(self) -> tuple[str, ...]:
        """Levels that at least one of these patients has."""
        return tuple(level for place, level in enumerate(self.levels) if np.any(self.codes == place))

    def columns(self) -> tuple[tuple[str, ...], Floats]:
        """Columns of a regression, of patients who are all known: names of their levels, float64 (patients, columns).

        A number is one column with the name ""; a category has one for each level that is there but the reference. The
        first level that is there takes the place of a reference nobody has.
        """
        if self.kind is Kind.NUMBER:
            return ("",), self.numbers[:, None]
        present = self.present()
        others = tuple(level for level in present if level != self.reference_of(present))
        columns = [self.codes == self.levels.index(level) for level in others]
        return others, np.stack(columns, axis=1).astype(np.float64) if columns else np.empty((self.codes.size, 0))

    def reference_of(self, present: Ordered[str]) -> str:
        """The reference among the levels that are there."""
        return self.reference if self.reference in present or not present else present[0]


@dataclass(frozen=True)
class CovariateChoice:
    """A covariate as it was asked for.

    Attributes
    ----------
    name : of the column
    reference : level; None takes the first in order
    kind : None: decided by the cells
    """

    name: str
    reference: str | None = None
    kind: Kind | None = None

    @classmethod
    def of(cls, text: str) -> CovariateChoice:
        """Reads "age", "stage=I" (its reference), "grade:category", "grade:number".

        Raises
        ------
        CohortRejected
            When the text is none of these.
        """
        name, equals, reference = text.partition("=")
        name, colon, kind = name.partition(":")
        if not name or (equals and not reference) or (colon and kind not in tuple(Kind)):
            raise CohortRejected(
                f"'{text}' names no covariate; NAME, NAME=REFERENCE, NAME:number or NAME:category was expected."
            )
        if equals and kind == Kind.NUMBER:
            raise CohortRejected(f"'{text}': a number has no reference level; write NAME:number or NAME=REFERENCE.")
        return cls(name, reference or None, Kind(kind) if colon else None)


def read_covariate(clinical: Mapping[str, ArrayLike], choice: CovariateChoice) -> Covariate:
    """One covariate of all patients.

    Raises
    ------
    CohortRejected
        When the column does not exist, has fewer than two values or too many levels, holds a text where numbers were
        asked for, or lacks the reference.
    """
    if choice.name not in clinical:
        there = ", ".join(clinical) or "none"
        raise CohortRejected(f"The outcomes have no clinical column '{choice.name}'; there are: {there}.")
    cells = [str(cell).strip() for cell in np.asarray(clinical[choice.name]).tolist()]
    texts = ["" if cell.lower() in UNKNOWN else cell for cell in cells]
    numbers = np.array([_number(text) for text in texts])
    different = {text for text in texts if text}
    is_numeric = all(math.isfinite(_number(text)) for text in different)
    known = np.unique(numbers[~np.isnan(numbers)])
    kind = choice.kind
    if kind is None:
        wants_number = is_numeric and choice.reference is None and known.size >= _FEWEST_NUMBERS
        kind = Kind.NUMBER if wants_number else Kind.CATEGORY
    if len(different) < 2 or (kind is Kind.NUMBER and is_numeric and known.size < 2):
        what = f"the value '{next(iter(different))}' only" if different else "no value"
        raise CohortRejected(
            f"The column '{choice.name}' has {what} among {counted(len(cells), 'patient')}; at least two different "
            "values were expected. Leave it out."
        )
    if kind is Kind.NUMBER:
        if not is_numeric:
            raise CohortRejected(
                f"The column '{choice.name}' holds {sum(not math.isfinite(_number(one)) for one in different)} texts "
                "that are no finite numbers; write numbers with a decimal point, or NAME:category."
            )
        return Covariate(choice.name, kind, numbers, (), np.empty(0, dtype=np.intp), "")
    if len(different) > MOST_LEVELS:
        raise CohortRejected(
            f"The column '{choice.name}' has {counted(len(different), 'different value')} that are not all numbers; a "
            f"category has at most {MOST_LEVELS}. Put levels together, or leave it out."
        )
    levels = tuple(sorted(different, key=_order))
    if choice.reference is not None and choice.reference not in levels:
        raise CohortRejected(
            f"The column '{choice.name}' has no level '{choice.reference}'; it has {', '.join(levels)}."
        )
    codes = np.array([levels.index(text) if text else -1 for text in texts], dtype=np.intp)
    return Covariate(choice.name, kind, np.empty(0), levels, codes, choice.reference or levels[0])


def readable_covariates(clinical: Mapping[str, ArrayLike]) -> tuple[tuple[Covariate, ...], dict[str, str]]:
    """Every clinical column that can be read as one, and the others with the reason."""
    found, why_not = [], {}
    for name in clinical:
        try:
            found.append(read_covariate(clinical, CovariateChoice(name)))
        except CohortRejected as error:
            why_not[name] = str(error)
    return tuple(found), why_not


def _number(text: str) -> float:
    try:
        return float(text) if text else math.nan
    except ValueError:
        return math.nan


def _order(level: str) -> tuple[int, float, str]:
    """Numbers by their size, then texts."""
    value = _number(level)
    return (1, 0.0, level) if math.isnan(value) else (0, value, level)
