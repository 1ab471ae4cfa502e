"""`EvaluationReport` → PDF bytes (A4). Nothing is computed or worded here; the same report gives the same bytes."""

from __future__ import annotations

import io
from datetime import datetime
from functools import partial
from typing import IO, Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    Image,
    KeepTogether,
    PageBreak,
    PageTemplate,
    Spacer,
    Table,
)

from reports import theme, wording
from reports.evaluation_content import (
    Block,
    EvaluationReport,
    FigureBlock,
    FigureRow,
    Part,
    TableBlock,
    Text,
)
from reports.theme import Typesetter

_SIDE = 16 * mm
_TOP = 11 * mm
_BOTTOM = 9 * mm
WIDTH = A4[0] - 2 * _SIDE
_MADE_WIDTH = 60 * mm
_PAGES_FORM = "number-of-pages"
_CELL_GAP = 5.0  # points between columns
_ROOM_BELOW_HEADING = 110.0  # points; with less a heading moves to the next page


def render_evaluation_pdf(report: EvaluationReport, *, typesetter: Typesetter | None = None) -> bytes:
    """The report as a PDF (A4, English, all fonts embedded).

    Parameters
    ----------
    typesetter : sets the text; only needed to look for fonts elsewhere
    """
    typesetter = typesetter or Typesetter()
    furniture = _Furniture(report, typesetter)
    story = _title(report, typesetter)
    for part in report.parts:
        story += _part(part, typesetter)
    buffer = io.BytesIO()
    document = BaseDocTemplate(
        buffer,
        pagesize=A4,
        title=report.title,
        author=report.software,
        subject=report.notice,
        creator=report.software,
        lang="en",
        invariant=1,
        initialFontName=theme.REGULAR,
    )
    document.addPageTemplates([PageTemplate(id="page", frames=[furniture.frame()], onPage=furniture.draw)])
    document.build(story, canvasmaker=partial(_Canvas, created=report.created))
    return buffer.getvalue()


def _title(report: EvaluationReport, typesetter: Typesetter) -> list[Flowable]:
    styles = theme.styles()
    rows = [
        [typesetter.paragraph(label, styles.label), typesetter.paragraph(text, styles.value)]
        for label, text in report.facts
    ]
    facts = Table(rows, colWidths=[0.14 * WIDTH, 0.86 * WIDTH], style=theme.bare_table())
    return [
        typesetter.paragraph(report.title, styles.title),
        typesetter.paragraph(report.subtitle, styles.small),
        Spacer(0, 6),
        facts,
        Spacer(0, 10),
    ]


def _part(part: Part, typesetter: Typesetter) -> list[Flowable]:
    styles = theme.styles()
    heading = typesetter.paragraph(part.title, styles.heading if part.level == 1 else styles.subheading)
    start: Flowable = PageBreak() if part.starts_page else CondPageBreak(_ROOM_BELOW_HEADING)
    story: list[Flowable] = [start, heading, Spacer(0, 4)]
    for block in part.blocks:
        story += _block(block, typesetter)
    return [*story, Spacer(0, 8)]


def _block(block: Block, typesetter: Typesetter) -> list[Flowable]:
    if isinstance(block, Text):
        return [_text(block, typesetter), Spacer(0, 2)]
    if isinstance(block, TableBlock):
        return [Spacer(0, 4), *_table(block, typesetter), Spacer(0, 6)]
    if isinstance(block, FigureBlock):
        return [Spacer(0, 4), KeepTogether(_figure(block, typesetter)), Spacer(0, 6)]
    return [Spacer(0, 4), _figure_row(block, typesetter), Spacer(0, 6)]


def _text(block: Text, typesetter: Typesetter) -> Flowable:
    color = theme.WARNING if block.is_warning else theme.RULE
    return Table(
        [[typesetter.paragraph(block.sentence, theme.styles().body)]],
        colWidths=[WIDTH],
        style=theme.table_style(
            ("LINEBEFORE", (0, 0), (0, -1), 2.4 if block.is_warning else 1, color),
            ("LEFTPADDING", (0, 0), (-1, -1), 7),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 0.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
        ),
    )


def _table(block: TableBlock, typesetter: Typesetter) -> list[Flowable]:
    styles = theme.styles()
    rows: list[list[Flowable]] = [
        [
            typesetter.paragraph(text, styles.column if place == 0 else styles.column_right)
            for place, text in enumerate(block.header)
        ]
    ]
    rows += [
        [typesetter.paragraph(text, styles.value if place == 0 else styles.number) for place, text in enumerate(row)]
        for row in block.rows
    ]
    return [
        CondPageBreak(70),
        typesetter.paragraph(block.caption, styles.caption),
        Spacer(0, 2),
        Table(
            rows,
            colWidths=_column_widths(block),
            repeatRows=1,
            hAlign="LEFT",
            style=theme.table_style(
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), _CELL_GAP),
                ("TOPPADDING", (0, 0), (-1, -1), 1.4),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1.9),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, theme.RULE),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, theme.MUTED),
            ),
        ),
    ]


def _column_widths(block: TableBlock) -> list[float]:
    """Every word fits into its column; what is left of the page goes where texts are longer than that."""
    columns = list(zip(block.header, *block.rows, strict=True))
    words = [max(_set_width(word) for text in column for word in text.split() or [""]) for column in columns]
    texts = [max(_set_width(text) for text in column) for column in columns]
    room = max(0.0, WIDTH - sum(words))
    wanted = [text - word for text, word in zip(texts, words, strict=True)]
    if sum(wanted) <= room:
        extra = (WIDTH - sum(texts)) / len(texts)
        return [text + extra for text in texts]
    return [word + room * want / sum(wanted) for word, want in zip(words, wanted, strict=True)]


def _set_width(text: str) -> float:
    style = theme.styles().value  # the largest of a table; bold headings are smaller
    return stringWidth(text, theme.REGULAR, style.fontSize) + _CELL_GAP + 0.5


def _figure(block: FigureBlock, typesetter: Typesetter) -> list[Flowable]:
    picture = Image(io.BytesIO(block.png), width=block.size[0], height=block.size[1])
    picture.hAlign = "LEFT"
    return [picture, typesetter.paragraph(block.caption, theme.styles().caption)]


def _figure_row(block: FigureRow, typesetter: Typesetter) -> Flowable:
    cells: list[list[Flowable]] = [_figure(figure, typesetter) for figure in block.figures]
    widths = [figure.size[0] + 8 for figure in block.figures]
    return Table(
        [cells],
        colWidths=widths,
        hAlign="LEFT",
        style=theme.table_style(
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 8),
            ("TOPPADDING", (0, 0), (-1, -1), 0),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
        ),
    )


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
    """What stands on every page: research use, the package's notice, the product's notice, page numbers."""

    def __init__(self, report: EvaluationReport, typesetter: Typesetter) -> None:
        styles = theme.styles()
        own = typesetter.paragraph(wording.RESEARCH_USE_ONLY, styles.strip, color=theme.WHITE)
        self._strip = Table(
            [[own, typesetter.paragraph(report.model_notice, styles.strip)]],
            colWidths=[0.27 * WIDTH, 0.73 * WIDTH],
            style=theme.table_style(
                ("BACKGROUND", (0, 0), (0, 0), theme.ACCENT),
                ("BACKGROUND", (1, 0), (1, 0), theme.WARNING_TINT),
                ("LINEBELOW", (1, 0), (1, 0), 0.8, theme.WARNING),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ),
        )
        self._strip_height = self._strip.wrap(WIDTH, A4[1])[1]
        made = wording.made_shown(report.created, report.software)
        self._made = typesetter.paragraph(made, styles.footer_right)
        self._made_height = self._made.wrap(_MADE_WIDTH, A4[1])[1]
        self._notice = typesetter.paragraph(report.notice, styles.footer)
        self._notice_height = max(self._notice.wrap(WIDTH - _MADE_WIDTH - 4 * mm, A4[1])[1], self._made_height + 8.8)

    def frame(self) -> Frame:
        """The room for the story."""
        top, bottom = _TOP + self._strip_height + 8, _BOTTOM + self._notice_height + 10
        return Frame(
            _SIDE, bottom, WIDTH, A4[1] - top - bottom, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0
        )

    def draw(self, canvas: Canvas, document: BaseDocTemplate) -> None:
        """Head strip and foot."""
        canvas.saveState()
        self._strip.drawOn(canvas, _SIDE, A4[1] - _TOP - self._strip_height)
        line = _BOTTOM + self._notice_height + 5
        canvas.setStrokeColor(theme.RULE)
        canvas.setLineWidth(0.5)
        canvas.line(_SIDE, line, _SIDE + WIDTH, line)
        self._notice.drawOn(canvas, _SIDE, _BOTTOM + self._notice_height - self._notice.height)
        base = _BOTTOM + self._notice_height - 7
        self._made.drawOn(canvas, _SIDE + WIDTH - _MADE_WIDTH, base - 1.8 - self._made_height)
        canvas.setFont(theme.REGULAR, 6.8)
        canvas.setFillColor(theme.MUTED)
        end = _SIDE + WIDTH - 8.8  # the width of two digits
        canvas.drawRightString(end, base, wording.page_words(canvas.getPageNumber()))
        canvas.translate(end, base)
        canvas.doForm(_PAGES_FORM)
        canvas.restoreState()
