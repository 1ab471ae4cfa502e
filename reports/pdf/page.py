"""Elements of every page of our PDFs: measures, the strip and the foot around the story, the number of pages."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from typing import IO, Any

from reportlab import rl_config
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Table

from reports.language import Language
from reports.paper import Paper
from reports.pdf import theme
from reports.pdf.archive import archived
from reports.pdf.tagged import Marks, decoration
from reports.pdf.theme import Typesetter

# Streams stay binary: as text, reportlab's default, they cost .6 CPU-s a report and a quarter more bytes.
rl_config.useA85 = 0

_TOP = 11 * mm
_BOTTOM = 9 * mm
_MADE_WIDTH = 60 * mm
_DIGIT = 4.4  # points, at the size of the page number
_PAGES_FORM = "number-of-pages"

WIDTH = A4[0] - 32 * mm
"""Width of the story in points, on every paper: what fits A4 fits Letter, which is wider and 50 points lower."""


_SIZES = {Paper.A4: A4, Paper.LETTER: LETTER}


class PageCanvas(Canvas):
    """A canvas that knows the number of its pages in the end, and when the report was made."""

    def __init__(self, filename: str | IO[bytes], /, *, created: datetime, **settings: Any) -> None:
        super().__init__(filename, **settings)  # the document's own settings, handed through
        self.marks = Marks()
        self.setViewerPreference("DisplayDocTitle", "true")
        offset = created.strftime("%z")
        zone = f"{offset[:3]}'{offset[3:5]}'" if offset else ""
        self.setDateFormatter(lambda *_: f"D:{created:%Y%m%d%H%M%S}{zone}")

    def showPage(self) -> None:  # noqa: N802 - reportlab calls it so
        """Ends the page; what is on it and belongs to no element is an artifact."""
        self.marks.end_page(self._code)  # type: ignore[attr-defined]  # the stubs leave it out
        super().showPage()

    def save(self) -> None:
        """Fills in the number of pages, then writes."""
        self.beginForm(_PAGES_FORM)
        self.setFont(theme.REGULAR, 6.8)
        self.setFillColor(theme.MUTED)
        self.drawString(0, 0, str(self.getPageNumber() - 1))
        self.endForm()
        super().save()


class Furniture:
    """Elements around the story: research use, the packages' notices, the running head, the notice, page numbers.

    Parameters
    ----------
    notices : of the model packages, beside the research-use words; may be empty
    notice : the product's own, in the foot
    made : when and by what software the report was made
    head : above the story of every page but the first
    digits : room for the number of pages
    paper : what it is printed on
    """

    def __init__(
        self,
        typesetter: Typesetter,
        *,
        notices: Sequence[str],
        notice: str,
        made: str,
        head: str = "",
        digits: int = 1,
        paper: Paper = Paper.A4,
    ) -> None:
        self._page_width, self._page_height = _SIZES[paper]
        self._side = (self._page_width - WIDTH) / 2
        styles = theme.styles()
        self._typesetter = typesetter
        self._strip = _strip(typesetter, " · ".join(notices))
        self._strip_height = self._strip.wrap(WIDTH, self._page_height)[1]
        self._head = typesetter.paragraph(head, styles.label) if head else None
        self._head_height = self._head.wrap(WIDTH, self._page_height)[1] if self._head else 0.0
        self._made = typesetter.paragraph(made, styles.footer_right)
        self._made_height = self._made.wrap(_MADE_WIDTH, self._page_height)[1]
        self._notice = typesetter.paragraph(notice, styles.footer)
        self._notice_height = self._notice.wrap(WIDTH - _MADE_WIDTH - 4 * mm, self._page_height)[1]
        self._foot_height = max(self._notice_height, self._made_height + 2 * _DIGIT)
        self._digits = digits

    def frame(self, *, head: bool = False) -> Frame:
        """The room for the story, with or without the running head above it."""
        top = _TOP + self._strip_height + 8 + (self._head_height + 4 if head else 0)
        bottom = _BOTTOM + self._foot_height + 10
        return Frame(
            self._side,
            bottom,
            WIDTH,
            self._page_height - top - bottom,
            leftPadding=0,
            rightPadding=0,
            topPadding=0,
            bottomPadding=0,
        )

    def draw_first(self, canvas: Canvas, document: BaseDocTemplate) -> None:
        """Head strip and foot; on the first page they are read out, and pass as decoration on the others."""
        if canvas.getPageNumber() == 1:
            self._draw_strip_and_foot(canvas)
        else:
            with decoration(canvas):
                self._draw_strip_and_foot(canvas)

    def draw_later(self, canvas: Canvas, document: BaseDocTemplate) -> None:
        """The same, with the running head."""
        self.draw_first(canvas, document)
        if self._head:
            top = self._page_height - _TOP - self._strip_height
            with decoration(canvas):
                self._head.drawOn(canvas, self._side, top - 4 - self._head_height)

    def _draw_strip_and_foot(self, canvas: Canvas) -> None:
        canvas.saveState()
        self._strip.drawOn(canvas, self._side, self._page_height - _TOP - self._strip_height)
        top = _BOTTOM + self._foot_height
        canvas.setStrokeColor(theme.RULE)
        canvas.setLineWidth(0.5)
        canvas.line(self._side, top + 5, self._side + WIDTH, top + 5)
        self._notice.drawOn(canvas, self._side, top - self._notice_height)
        self._made.drawOn(canvas, self._side + WIDTH - _MADE_WIDTH, top - self._made_height - 2 * _DIGIT)
        canvas.setFont(theme.REGULAR, 6.8)
        canvas.setFillColor(theme.MUTED)
        end = self._side + WIDTH - self._digits * _DIGIT
        words = self._typesetter.words.say.page_words(canvas.getPageNumber())
        self._typesetter.draw_right(canvas, end, top - 7, words, font=theme.REGULAR, size=6.8)
        canvas.translate(end, top - 7)
        canvas.doForm(_PAGES_FORM)
        canvas.restoreState()


def pdf_bytes(
    story: list[Flowable],
    pages: Sequence[PageTemplate],
    *,
    title: str,
    subject: str,
    software: str,
    created: datetime,
    paper: Paper = Paper.A4,
    language: Language = Language.ENGLISH,
) -> bytes:
    """The story set on its pages: PDF/A-2b, tagged, with its language; the same story gives the same bytes."""
    marks: list[Marks] = []

    def canvas(filename: str | IO[bytes], /, **settings: Any) -> PageCanvas:
        made = PageCanvas(filename, created=created, **settings)
        marks.append(made.marks)
        return made

    buffer = io.BytesIO()
    document = BaseDocTemplate(
        buffer,
        pagesize=_SIZES[paper],
        title=title,
        author=software,
        subject=subject,
        creator=software,
        lang=language.tag,
        invariant=1,
        initialFontName=theme.REGULAR,
        allowSplitting=1,
    )
    document.addPageTemplates(list(pages))
    document.build(story, canvasmaker=canvas)
    (of_pages,) = marks
    return archived(
        buffer.getvalue(), of_pages.pieces, title=title, subject=subject, software=software, created=created
    )


def _strip(typesetter: Typesetter, notices: str) -> Table:
    """Research use only, and beside it the packages' notices where there are any."""
    styles = theme.styles()
    cells = [typesetter.paragraph(typesetter.words.labels.research_use_only, styles.strip, color=theme.WHITE)]
    commands: list[tuple[object, ...]] = [
        ("BACKGROUND", (0, 0), (0, 0), theme.ACCENT),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ]
    if not notices:
        return Table([cells], colWidths=[WIDTH], style=theme.table_style(*commands))
    cells.append(typesetter.paragraph(notices, styles.strip))
    commands += [
        ("BACKGROUND", (1, 0), (1, 0), theme.WARNING_TINT),
        ("LINEBELOW", (1, 0), (1, 0), 0.8, theme.WARNING),
    ]
    return Table([cells], colWidths=[0.27 * WIDTH, 0.73 * WIDTH], style=theme.table_style(*commands))
