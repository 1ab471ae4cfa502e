"""Numbers of a model in the unit of a reader: a probability, its ranges and its cut-off in per cent."""

from __future__ import annotations

from dataclasses import replace

from models.inference.outcome import Quantity
from reports.concepts import CONCEPTS, CUT_OFF, concept_of
from reports.content import ChangeRow, Measurement


def in_reader_units(row: Measurement, quantity: Quantity) -> Measurement:
    """The same number times a hundred where it is a probability.

    Parameters
    ----------
    quantity : of the model's score, which its cut-off has the unit of
    """
    concept = CONCEPTS[quantity] if row.key == CUT_OFF else concept_of(row.key)
    if concept is None or not concept.is_probability:
        return row
    return replace(
        row,
        value=100.0 * row.value,
        unit="%",
        interval=_times_hundred(row.interval),
        plausible_range=_times_hundred(row.plausible_range),
    )


def in_units_of_row(one: Measurement, row: ChangeRow) -> Measurement:
    """A number of a row of a change: as `in_reader_units` where it is a model's, as it is where it is a size."""
    return in_reader_units(one, Quantity(one.key)) if row.model else one


def _times_hundred(limits: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if limits is None else (100.0 * limits[0], 100.0 * limits[1])
