"""Values of tables as people read them, and the sentences that belong to every table of an analysis."""

from __future__ import annotations

import math
from typing import assert_never

from models.number_words import counted
from reports import numerals
from reports.analysis.content import Column, Format, Table, Value

NOTHING = "–"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def shown(value: Value, style: Format) -> str:
    """A value as its column writes it; "–" for none. A value of another type than its format expects is shown as is."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    match style:
        case Format.TEXT:
            return str(value)
        case Format.COUNT:
            return f"{value:,.0f}".replace("-", "−")
        case Format.NUMBER:
            return numerals.number(value) if math.isfinite(value) else f"{value}"
        case Format.DECIMAL:
            return f"{value:.2f}".replace("-", "−")
        case Format.FINE:
            return f"{value:.3f}".replace("-", "−")
        case Format.P:
            return p_shown(value)
        case Format.PERCENT:
            return f"{100 * value:.1f} %"
        case _:
            assert_never(style)


def p_shown(p: float) -> str:
    """A P value or FDR: "0.27", "0.031", "0.0052", "1.5 × 10⁻⁵"; never 0 unless the number itself underflows."""
    if p == 0:
        return "< 10⁻³⁰⁰"
    if p >= 0.995:
        return "1.00" if p == 1 else "> 0.99"
    if p >= 0.1:
        return f"{p:.2f}"
    if p >= 0.01:
        return f"{p:.3f}"
    if p >= 0.001:
        return f"{p:.4f}"
    mantissa, exponent = f"{p:.1e}".split("e")
    return f"{mantissa}×10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def header_shown(column: Column) -> str:
    """The heading of a column."""
    return column.title


def rows_left_out(table: Table, limit: int) -> str:
    """The sentence on the rows that are not shown; "" where all are."""
    total = len(table.rows)
    if total <= limit:
        return ""
    where = f"; all are in {table.name}.csv" if table.name else ""
    return f"The first {limit:,} of {counted(f'{total:,}', 'row')}{where}."


FILTER_LABEL = "Filter rows"
FILTER_HELP = (
    "Words must be in the row; conditions such as p<0.05, fdr<=0.1 or effect>0 hold for the column of that name. "
    "Click a heading to sort."
)
