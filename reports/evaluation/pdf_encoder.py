"""`EvaluationReport` → PDF bytes (A4). Nothing is computed or worded here; the same report gives the same bytes."""

from __future__ import annotations

import io

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    Image,
    KeepTogether,
    PageBreak,
    PageTemplate,
    Spacer,
    Table,
)

from reports import wording
from reports.evaluation.content import (
    Block,
    EvaluationReport,
    FigureBlock,
    FigureRow,
    Part,
    TableBlock,
    Text,
)
from reports.pdf import theme
from reports.pdf.page import WIDTH, Furniture, pdf_bytes
from reports.pdf.theme import Typesetter

_CELL_GAP = 5.0  # points between columns
_ROOM_BELOW_HEADING = 110.0  # points; with less a heading moves to the next page


def render_evaluation_pdf(report: EvaluationReport, *, typesetter: Typesetter | None = None) -> bytes:
    """The report as a PDF (A4, English, all fonts embedded).

    Parameters
    ----------
    typesetter : sets the text; only needed to look for fonts elsewhere
    """
    typesetter = typesetter or Typesetter()
    furniture = Furniture(
        typesetter,
        notices=[report.model_notice],
        notice=report.notice,
        made=wording.made_shown(report.created, report.software),
        digits=2,
    )
    story = _title(report, typesetter)
    for part in report.parts:
        story += _part(part, typesetter)
    pages = [PageTemplate(id="page", frames=[furniture.frame()], onPage=furniture.draw_first)]
    return pdf_bytes(
        story, pages, title=report.title, subject=report.notice, software=report.software, created=report.created
    )


def _title(report: EvaluationReport, typesetter: Typesetter) -> list[Flowable]:
    """Title, subtitle and the facts about model and data."""
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
    start = [PageBreak()] if part.starts_page else [Spacer(0, 8), CondPageBreak(_ROOM_BELOW_HEADING)]
    story: list[Flowable] = [*start, heading, Spacer(0, 4)]
    for block in part.blocks:
        story += _block(block, typesetter)
    # A spacer that no longer fits on a full page would open another one, and the next part leave it blank.
    while isinstance(story[-1], Spacer):
        story.pop()
    return story


def _block(block: Block, typesetter: Typesetter) -> list[Flowable]:
    if isinstance(block, Text):
        return [_text(block, typesetter), Spacer(0, 2)]
    if isinstance(block, TableBlock):
        return [Spacer(0, 4), *_table(block, typesetter), Spacer(0, 6)]
    if isinstance(block, FigureBlock):
        return [Spacer(0, 4), KeepTogether(_figure(block, typesetter)), Spacer(0, 6)]
    return [Spacer(0, 4), _figure_row(block, typesetter), Spacer(0, 6)]


def _text(block: Text, typesetter: Typesetter) -> Flowable:
    """A sentence with a line at its left, thick and coloured for a warning."""
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
    """A table with its caption, numbers aligned at the right."""
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
    """Figures side by side with their captions."""
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
