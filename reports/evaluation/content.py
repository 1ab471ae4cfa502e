"""`EvaluationReport`: the content of an evaluation for a reader, before any encoding. PDF and HTML show it as it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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
class FigureBlock:
    """A picture.

    Attributes
    ----------
    png : the file
    size : (width, height) in points, as drawn
    caption : what it shows and how to read it
    alternative : the same for a reader who cannot see it: the numbers
    """

    png: bytes
    size: tuple[float, float]
    caption: str
    alternative: str


@dataclass(frozen=True)
class FigureRow:
    """Pictures side by side."""

    figures: tuple[FigureBlock, ...]


Block = Text | TableBlock | FigureBlock | FigureRow


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
