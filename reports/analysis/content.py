"""`AnalysisReport`: the content of an analysis for a reader, before any encoding.

Every `rdeepnet analyse` command composes one. Encoders show it as it is: they compute and word nothing. Tables keep
values, not texts, since HTML sorts and CSV needs all digits; a column's `Format` says how a value is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from reports.figures.chart import Chart

Value = str | int | float | bool | None
"""A cell: None where there is no value (shown as "–", empty in CSV)."""

PAGE_MM: Final = 177.0
"""Width of the page for a chart over all of it; wider charts are drawn at this width on paper."""
ROWS_ON_PAPER: Final = 25
ROWS_IN_HTML: Final = 2000
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class Format(StrEnum):
    """Notation of the values of a column, for people."""

    TEXT = "text"  # as it is
    COUNT = "count"  # a whole number: "1,726"
    NUMBER = "number"  # four significant digits
    DECIMAL = "decimal"  # two decimals: correlations, ratios, scores
    FINE = "fine"  # three decimals: concordance and its differences
    P = "p"  # a P value or FDR: three digits, small ones as a power of ten
    PERCENT = "percent"  # a share of 1, in per cent with one decimal


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    key : header in CSV, word for filters in HTML: snake_case
    title : heading for people
    format : how its values are written
    meaning : a sentence on what it holds, shown where the pointer rests on the heading; may be empty
    on_paper : False for what only HTML and CSV show
    """

    key: str
    title: str
    format: Format = Format.TEXT
    meaning: str = ""
    on_paper: bool = True

    @property
    def is_text(self) -> bool:
        """Returns whether the column holds texts, which are aligned at the left."""
        return self.format is Format.TEXT


@dataclass(frozen=True)
class Table:
    """A table of values.

    Attributes
    ----------
    name : stem of the CSV file, kebab-case; "" writes none
    caption : what it shows and how to read it
    columns : at least one
    rows : one value for each column, most important row first
    rows_on_paper, rows_in_html : as many are shown; a sentence says how many there are
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    rows_on_paper: int = ROWS_ON_PAPER
    rows_in_html: int = ROWS_IN_HTML

    def __post_init__(self) -> None:
        if self.name and not _NAME.fullmatch(self.name):
            raise ValueError(f"a table called '{self.name}'; small letters, digits and hyphens were expected")
        if not self.columns or len({column.key for column in self.columns}) != len(self.columns):
            raise ValueError(f"the table '{self.name}' has no column, or a key more than once")
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of the table '{self.name}' has not as many cells as its header")


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; a warning stands out."""

    sentence: str
    is_warning: bool = False


@dataclass(frozen=True)
class ChartRow:
    """Charts side by side; together at most as wide as the page (`PAGE_MM`)."""

    charts: tuple[Chart, ...]


Block = Paragraph | Table | Chart | ChartRow


@dataclass(frozen=True)
class Section:
    """A heading and its content.

    Attributes
    ----------
    level : 1 a part of the report, 2 a part of a part
    starts_page : begins a new page on paper
    """

    title: str
    blocks: tuple[Block, ...]
    level: int = 1
    starts_page: bool = False


@dataclass(frozen=True)
class AnalysisReport:
    """Content of the report of an analysis.

    Attributes
    ----------
    analysis : name of the command behind `rdeepnet analyse`
    title, subtitle : what was analysed, on whom
    strip : on every page, beside "Research use only": the one thing to keep in mind
    notice : of the product, in the foot
    facts : (label, text) of data and settings
    sections : the first is the summary
    methods : paragraphs to paste into a manuscript, with versions, tests, thresholds and seed
    result : every number, as JSON values; NaN is None
    created : when, with its time zone
    software : name and version
    """

    analysis: str
    title: str
    subtitle: str
    strip: str
    notice: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    methods: tuple[str, ...]
    result: Mapping[str, Any]
    created: datetime
    software: str

    def __post_init__(self) -> None:
        for kind, names in (
            ("tables", [table.name for table in self.tables() if table.name]),
            ("charts", [chart.name for chart in self.charts()]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"two {kind} of the report have one name: {sorted(names)}")

    def tables(self) -> Iterator[Table]:
        """The tables in the order of the report."""
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Table):
                    yield block

    def charts(self) -> Iterator[Chart]:
        """The charts in the order of the report."""
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Chart):
                    yield block
                elif isinstance(block, ChartRow):
                    yield from block.charts
