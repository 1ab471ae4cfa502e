"""Content of a model card before any encoding: sections of paragraphs, lists and tables."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """Text of a table's cell, and the numbers of the open questions that it waits for."""

    text: str
    waits_for: tuple[int, ...] = ()


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; a warning stands out."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True)
class Facts:
    """Values with their labels."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class OpenQuestions:
    """Questions that only the trainers can answer, each once; cells refer to them by their place, from 1."""

    questions: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table: the first column names its rows.

    Attributes
    ----------
    holds_words : its cells are sentences, not numbers
    """

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    holds_words: bool = True


Block = Paragraph | Facts | Bullets | OpenQuestions | Table


@dataclass(frozen=True)
class Section:
    """A heading and its content.

    Attributes
    ----------
    is_annex : begins a new page on paper, behind what is meant to be read
    """

    heading: str
    blocks: tuple[Block, ...]
    is_annex: bool = False


def table(header: tuple[str, ...], rows: tuple[tuple[str, ...], ...], *, holds_words: bool = True) -> Table:
    """A table of plain texts."""
    return Table(header, tuple(tuple(Cell(text) for text in row) for row in rows), holds_words)
