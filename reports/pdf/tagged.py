"""Marked content: what a page says in reading order, apart from what decorates it (ISO 32000-1, 14.7 and 14.8).

A paragraph or picture brackets what it draws and names its place in the structure: `P`, `H1`, `Figure`, or a cell of a
`Table`. Everything else on a page (lines, backgrounds, running heads) is an artifact, which a screen reader passes
over. The order of drawing is the order of reading. `archive` writes the structure into the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph

HEADER = "TH"
_ARTIFACT = "/Artifact BMC"


@dataclass(frozen=True, eq=False)
class Step:
    """A step on the way from the root of the structure to content; the same object is the same element."""

    kind: str  # standard structure type: "P", "H1", "Table", "TR", "TD", "Figure"


Way = tuple[Step, ...]


@dataclass(frozen=True, eq=False)
class Marked:
    """One bracketed piece of a page.

    Attributes
    ----------
    page : zero-based
    number : marked-content identifier on that page, from zero
    way : where it belongs
    alternative : text in place of a picture; empty for text
    """

    page: int
    number: int
    way: Way
    alternative: str


@dataclass
class Marks:
    """The marked content of a canvas so far.

    Attributes
    ----------
    pieces : in the order of drawing
    is_open : a bracket is open; no other is opened
    """

    pieces: list[Marked] = field(default_factory=list)
    is_open: bool = False
    _page: int = 0
    _on_page: int = 0
    _unmarked_from: int = 0  # place in the page's code behind which nothing is bracketed yet
    _headers: dict[Step, int] = field(default_factory=dict)  # header cell → the page that has it

    def open(self, code: list[str], way: Way, alternative: str) -> bool:
        """Opens a bracket; returns whether there is one to close.

        None is opened inside another, and for a header that is repeated on a further page.
        """
        if self.is_open or self._is_repeated(way):
            return False
        self._close_artifact(code)
        code.append(f"/{way[-1].kind} <</MCID {self._on_page}>> BDC")
        self.pieces.append(Marked(self._page, self._on_page, way, alternative))
        self._on_page += 1
        self.is_open = True
        return True

    def close(self, code: list[str]) -> None:
        """Closes the bracket."""
        code.append("EMC")
        self._unmarked_from, self.is_open = len(code), False

    def end_page(self, code: list[str]) -> None:
        """Brackets the rest of a page as an artifact."""
        self._close_artifact(code)
        self._page, self._on_page, self._unmarked_from = self._page + 1, 0, 0

    def _close_artifact(self, code: list[str]) -> None:
        if len(code) > self._unmarked_from:
            code.insert(self._unmarked_from, _ARTIFACT)
            code.append("EMC")
        self._unmarked_from = len(code)

    def _is_repeated(self, way: Way) -> bool:
        return way[-1].kind == HEADER and self._headers.setdefault(way[-1], self._page) != self._page


@contextmanager
def marked(canvas: Canvas, way: Way, *, alternative: str = "") -> Iterator[None]:
    """Brackets what is drawn inside; nothing on a canvas that keeps no marks, as for a figure of its own."""
    marks: Marks | None = getattr(canvas, "marks", None)
    code: list[str] = getattr(canvas, "_code", [])
    if marks is None or not marks.open(code, way, alternative):
        yield
        return
    yield
    marks.close(code)


@contextmanager
def decoration(canvas: Canvas) -> Iterator[None]:
    """Makes all that is drawn inside an artifact."""
    marks: Marks | None = getattr(canvas, "marks", None)
    if marks is not None:
        marks.is_open = True
    yield
    if marks is not None:
        marks.is_open = False


class TaggedParagraph(Paragraph):
    """A paragraph that knows its place in the structure; both parts of one that is split are the same element."""

    way: Way = ()

    def split(self, available_width: float, available_height: float) -> list[Any]:
        """Parts that fit."""
        parts: list[Any] = super().split(available_width, available_height)
        for part in parts:
            part.way = self.way
        return parts

    def _drawOn(self, canvas: Canvas) -> None:  # noqa: N802 - reportlab calls it so
        with marked(canvas, self.way):
            super()._drawOn(canvas)  # type: ignore[misc]  # its stubs leave it out


class Picture(Flowable):
    """A drawing with a text in its place.

    Attributes
    ----------
    alternative : what it shows, for a reader who cannot see it
    """

    alternative: str = ""

    def __init__(self) -> None:
        super().__init__()
        self._way: Way = (Step("Figure"),)

    def _drawOn(self, canvas: Canvas) -> None:  # noqa: N802 - reportlab calls it so
        with marked(canvas, self._way, alternative=self.alternative):
            super()._drawOn(canvas)  # type: ignore[misc]  # its stubs leave it out


def as_table(rows: Sequence[Sequence[Any]], *, headers: int) -> None:
    """Makes the paragraphs in the rows cells of a table, the first rows its headers.

    Parameters
    ----------
    rows : of flowables, or of lists of flowables one below the other
    """
    table = Step("Table")
    for place, row in enumerate(rows):
        line = Step("TR")
        for cell in row:
            way = (table, line, Step(HEADER if place < headers else "TD"))
            for paragraph in _paragraphs(cell):
                paragraph.way = way


def _paragraphs(cell: object) -> Iterable[TaggedParagraph]:
    if isinstance(cell, TaggedParagraph):
        yield cell
    elif isinstance(cell, list | tuple):
        for one in cell:
            yield from _paragraphs(one)
