"""`EvaluationReport`: the content of an evaluation for a reader, before any encoding. PDF and HTML show it as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from reports.figures.chart import Chart


@dataclass(frozen=True)
class Text:
    """A paragraph; a warning stands out."""

    sentence: str
    is_warning: bool = False


@dataclass(frozen=True)
class TableBlock:
    """A table: the first column are labels, the others numbers.

    Attributes
    ----------
    caption : what it shows
    header : one text for each column
    rows : one text for each column
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.header) for row in self.rows):
            raise ValueError("a row of a table has not as many cells as its header")


@dataclass(frozen=True)
class FigureRow:
    """Charts side by side."""

    figures: tuple[Chart, ...]


Block = Text | TableBlock | Chart | FigureRow


@dataclass(frozen=True)
class Part:
    """A heading and its content.

    Attributes
    ----------
    level : 1 a part of the report, 2 a part of a part
    starts_page : begins a new page on paper
    """

    title: str
    level: int
    blocks: tuple[Block, ...]
    starts_page: bool = False


@dataclass(frozen=True)
class EvaluationReport:
    """Content of an evaluation report.

    Attributes
    ----------
    title, subtitle : what was evaluated, on what
    notice, model_notice : on every page
    facts : (label, text) of the model and the evaluation
    created : when, with its time zone
    software : name and version
    """

    title: str
    subtitle: str
    notice: str
    model_notice: str
    facts: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    created: datetime
    software: str

    def charts(self) -> Iterator[Chart]:
        """The charts in the order of the report."""
        for part in self.parts:
            for block in part.blocks:
                if isinstance(block, Chart):
                    yield block
                elif isinstance(block, FigureRow):
                    yield from block.figures
