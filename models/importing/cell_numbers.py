"""Cells to numbers, with the sentence for those that are none."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from models.errors import CohortRejected
from models.importing.cells import Cells

# Empty, and what PyRadiomics, pandas, R and spreadsheets write for a value that is not there.
EMPTY = frozenset({"", "nan", "na", "n/a", "null", "none", "-nan"})
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?")


def is_empty(cell: str) -> bool:
    """Returns whether a cell says that there is no value."""
    return cell.lower() in EMPTY


def is_number(cell: str) -> bool:
    """Returns whether a cell is a finite number with a decimal point, or empty."""
    try:
        return is_empty(cell) or math.isfinite(_number(cell))
    except ValueError:
        return False


def numbers(cells: Cells, name: str, values: Mapping[str, float] | None = None) -> list[float]:
    """The column as numbers, NaN for an empty cell.

    Parameters
    ----------
    values : text → number; no other text is allowed. None or empty: the cells are numbers

    Raises
    ------
    CohortRejected
        When a cell is neither.
    """
    column = cells.column(name)
    if values:
        return [_stated(cells, name, row, cell, values) for row, cell in enumerate(column)]
    found = []
    for row, cell in enumerate(column):
        try:
            number = math.nan if is_empty(cell) else _number(cell)
        except ValueError as error:
            raise CohortRejected(_sentence(cells, name, row, cell)) from error
        if math.isinf(number):
            raise CohortRejected(
                f"{cells.source}: the column '{name}' of {cells.places[row]} is infinite; a finite number or an empty "
                "cell was expected. Extract the features of that region again, or empty the cell."
            )
        found.append(number)
    return found


def _number(cell: str) -> float:
    """The number of a cell; PyRadiomics writes an eigenvalue (MCC) as "(0.5+0j)", whose imaginary part is rounding."""
    if "_" in cell:  # which Python takes for a separator of thousands
        raise ValueError(cell)
    if cell.endswith("j)"):
        value = complex(cell)
        if abs(value.imag) <= 1e-6 * max(1.0, abs(value.real)):
            return value.real
    return float(cell)


def _stated(cells: Cells, name: str, row: int, cell: str, values: Mapping[str, float]) -> float:
    """A text that the schema states is what it states, also one that elsewhere means "empty", such as "None"."""
    if cell not in values and is_empty(cell):
        return math.nan
    if cell not in values:
        raise CohortRejected(
            f"{cells.source}: the column '{name}' of {cells.places[row]} holds '{cell[:20]}', which its values in the "
            f"schema do not have ({', '.join(values)}); add it there, or correct the cell."
        )
    return values[cell]


def _sentence(cells: Cells, name: str, row: int, cell: str) -> str:
    where = f"{cells.source}: the column '{name}' of {cells.places[row]} holds '{cell[:20]}'"
    if _DECIMAL_COMMA.fullmatch(cell):
        return f"{where}, a number with a comma; decimal points alone were expected. Export the table with them."
    return (
        f"{where}, which is no number; numbers or empty cells were expected. Correct it, or give the column the role "
        '"ignore" in a schema (rdeepnet import --guess writes one).'
    )
