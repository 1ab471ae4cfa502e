"""`Report` → PDF bytes: the document, and what stands on every page. Nothing is computed or worded here.

Page 1 (`summary_page`) is what a tumour board needs; the rest (`detail_pages`) is for looking up. The same report gives
the same bytes. All fonts are embedded, the language is declared, and no patient name is in the metadata.
"""

from __future__ import annotations

import io
from datetime import datetime
from functools import partial
from typing import IO, Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, NextPageTemplate, PageTemplate, Table

from reports import theme, wording
from reports.content import Report
from reports.detail_pages import detail_pages
from reports.summary_page import summary_page
from reports.theme import Typesetter

_SIDE = 16 * mm
_TOP = 11 * mm
_BOTTOM = 9 * mm
WIDTH = A4[0] - 2 * _SIDE
_MADE_WIDTH = 60 * mm
_PAGES_FORM = "number-of-pages"


def render_pdf(report: Report, *, typesetter: Typesetter | None = None) -> bytes:
    """The report as a PDF (A4, PDF 1.4, English).

    Parameters
    ----------
    typesetter : sets the text; only needed to look for fonts elsewhere
    """
    typesetter = typesetter or Typesetter()
    furniture = _Furniture(report, typesetter)
    first = furniture.frame(head=False)
    summary = summary_page(report, typesetter, width=WIDTH, height=first.height)
    story: list[Flowable] = [
        NextPageTemplate("later"),
        *summary.story,
        *detail_pages(report, typesetter, width=WIDTH, charts_shown=summary.charts),
    ]
    buffer = io.BytesIO()
    document = BaseDocTemplate(
        buffer,
        pagesize=A4,
        title=report.title,
        author=report.provenance.get(wording.SOFTWARE, ""),
        subject=report.notice,
        creator=report.provenance.get(wording.SOFTWARE, ""),
        lang="en",
        invariant=1,
        initialFontName=theme.REGULAR,
        allowSplitting=1,
    )
    document.addPageTemplates(
        [
            PageTemplate(id="first", frames=[first], onPage=furniture.draw_first),
            PageTemplate(id="later", frames=[furniture.frame(head=True)], onPage=furniture.draw_later),
        ]
    )

    document.build(story, canvasmaker=partial(_Canvas, created=report.created))
    return buffer.getvalue()


class _Canvas(Canvas):
    """A canvas that knows the number of its pages in the end, and when the report was made."""

    def __init__(self, filename: str | IO[bytes], /, *, created: datetime, **settings: Any) -> None:
        super().__init__(filename, **settings)  # the document's own settings, handed through
        self.setViewerPreference("DisplayDocTitle", "true")
        offset = created.strftime("%z")
        zone = f"{offset[:3]}'{offset[3:5]}'" if offset else ""
        self.setDateFormatter(lambda *_: f"D:{created:%Y%m%d%H%M%S}{zone}")

    def save(self) -> None:
        """Fill in the number of pages, then write."""
        self.beginForm(_PAGES_FORM)
        self.setFont(theme.REGULAR, 6.8)
        self.setFillColor(theme.MUTED)
        self.drawString(0, 0, str(self.getPageNumber() - 1))
        self.endForm()
        super().save()


class _Furniture:
    """What stands on every page: research use, the packages' notices, whose report it is, the notice, page numbers."""

    def __init__(self, report: Report, typesetter: Typesetter) -> None:
        styles = theme.styles()
        notices = " · ".join(report.notices)
        own = typesetter.paragraph(wording.RESEARCH_USE_ONLY, styles.strip, color=theme.WHITE)
        cells = [own, typesetter.paragraph(notices, styles.strip)] if notices else [own]
        commands: list[tuple[object, ...]] = [
            ("BACKGROUND", (0, 0), (0, 0), theme.ACCENT),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("TOPPADDING", (0, 0), (-1, -1), 2.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ]
        if notices:
            commands += [
                ("BACKGROUND", (1, 0), (1, 0), theme.WARNING_TINT),
                ("LINEBELOW", (1, 0), (1, 0), 0.8, theme.WARNING),
            ]
        self._strip = Table(
            [cells],
            colWidths=[0.27 * WIDTH, 0.73 * WIDTH] if notices else [WIDTH],
            style=theme.table_style(*commands),
        )
        self._head = typesetter.paragraph(wording.running_head(report.subject), styles.label)
        self._notice = typesetter.paragraph(report.notice, styles.footer)
        self._strip_height = self._strip.wrap(WIDTH, A4[1])[1]
        self._head_height = self._head.wrap(WIDTH, A4[1])[1]
        made = wording.made_shown(report.created, report.provenance.get(wording.SOFTWARE, ""))
        self._made = typesetter.paragraph(made, styles.footer_right)
        self._made_height = self._made.wrap(_MADE_WIDTH, A4[1])[1]
        self._notice_width = WIDTH - _MADE_WIDTH - 4 * mm
        self._notice_height = self._notice.wrap(self._notice_width, A4[1])[1]

    def frame(self, *, head: bool) -> Frame:
        """The room for the story, with or without the running head above it."""
        top = _TOP + self._strip_height + 8 + (self._head_height + 4 if head else 0)
        bottom = _BOTTOM + self._notice_height + 10
        return Frame(
            _SIDE, bottom, WIDTH, A4[1] - top - bottom, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0
        )

    def draw_first(self, canvas: Canvas, document: BaseDocTemplate) -> None:
        """Head strip and foot."""
        canvas.saveState()
        self._strip.drawOn(canvas, _SIDE, A4[1] - _TOP - self._strip_height)
        canvas.setStrokeColor(theme.RULE)
        canvas.setLineWidth(0.5)
        canvas.line(_SIDE, _BOTTOM + self._notice_height + 5, _SIDE + WIDTH, _BOTTOM + self._notice_height + 5)
        self._notice.drawOn(canvas, _SIDE, _BOTTOM)
        self._made.drawOn(canvas, _SIDE + WIDTH - _MADE_WIDTH, _BOTTOM + self._notice_height - self._made_height - 8.8)
        canvas.setFont(theme.REGULAR, 6.8)
        canvas.setFillColor(theme.MUTED)
        end = _SIDE + WIDTH - 4.4  # the width of one digit
        base = _BOTTOM + self._notice_height - 7
        canvas.drawRightString(end, base, wording.page_words(canvas.getPageNumber()))
        canvas.translate(end, base)
        canvas.doForm(_PAGES_FORM)
        canvas.restoreState()

    def draw_later(self, canvas: Canvas, document: BaseDocTemplate) -> None:
        """The same, with the running head."""
        self.draw_first(canvas, document)
        self._head.drawOn(canvas, _SIDE, A4[1] - _TOP - self._strip_height - 4 - self._head_height)
