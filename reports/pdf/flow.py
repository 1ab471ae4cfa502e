"""Blocks of a report on paper: title with facts, sentences, tables, pictures. Texts come in; nothing is worded here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import CondPageBreak, Flowable, PageBreak, PageTemplate, Spacer, Table

from reports.pdf import theme
from reports.pdf.page import WIDTH, Furniture, pdf_bytes
from reports.pdf.tagged import as_table
from reports.pdf.theme import Typesetter

_CELL_GAP = 5.0  # points between columns
_ROOM_BELOW_HEADING = 110.0  # points; with less a heading moves to the next page


class TitledReport(Protocol):
    """Report with the texts of its first lines, its furniture and its metadata."""

    @property
    def title(self) -> str: ...
    @property
    def subtitle(self) -> str: ...
    @property
    def facts(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def notice(self) -> str: ...
    @property
    def created(self) -> datetime: ...
    @property
    def software(self) -> str: ...


def report_pdf(report: TitledReport, sections: Sequence[Flowable], *, strip: str, typesetter: Typesetter) -> bytes:
    """The whole document: title with facts, the sections, and on every page the strip and the notice."""
    furniture = Furniture(
        typesetter,
        notices=[strip],
        notice=report.notice,
        made=typesetter.words.say.made_shown(report.created, report.software),
        digits=2,
    )
    return pdf_bytes(
        [*title_flow(report.title, report.subtitle, report.facts, typesetter), *sections],
        [PageTemplate(id="page", frames=[furniture.frame()], onPage=furniture.draw_first)],
        title=report.title,
        subject=report.notice,
        software=report.software,
        created=report.created,
        language=typesetter.words.language,
    )


def title_flow(title: str, subtitle: str, facts: Sequence[tuple[str, str]], typesetter: Typesetter) -> list[Flowable]:
    """Title, subtitle and facts (label, text)."""
    styles = theme.styles()
    rows = [
        [typesetter.paragraph(label, styles.label), typesetter.paragraph(text, styles.value)] for label, text in facts
    ]
    as_table(rows, headers=0)
    listed = [Table(rows, colWidths=[0.14 * WIDTH, 0.86 * WIDTH], style=theme.bare_table())] if rows else []
    return [
        typesetter.paragraph(title, styles.title),
        typesetter.paragraph(subtitle, styles.small),
        Spacer(0, 6),
        *listed,
        Spacer(0, 10),
    ]


def section_flow(
    title: str, level: int, blocks: Sequence[Flowable], typesetter: Typesetter, *, starts_page: bool
) -> list[Flowable]:
    """A heading (1 a part of the report, 2 a part of a part) and its blocks."""
    styles = theme.styles()
    heading = typesetter.paragraph(title, styles.heading if level == 1 else styles.subheading)
    start = [PageBreak()] if starts_page else [Spacer(0, 8), CondPageBreak(_ROOM_BELOW_HEADING)]
    story: list[Flowable] = [*start, heading, Spacer(0, 4), *blocks]
    # A spacer that no longer fits on a full page would open another one, and the next part leave it blank.
    while isinstance(story[-1], Spacer):
        story.pop()
    return story


def text_flow(sentence: str, typesetter: Typesetter, *, is_warning: bool) -> Flowable:
    """A sentence with a line at its left, thick and coloured for a warning."""
    color = theme.WARNING if is_warning else theme.RULE
    return Table(
        [[typesetter.paragraph(sentence, theme.styles().body)]],
        colWidths=[WIDTH],
        style=theme.table_style(
            ("LINEBEFORE", (0, 0), (0, -1), 2.4 if is_warning else 1, color),
            ("LEFTPADDING", (0, 0), (-1, -1), 7),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 0.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
        ),
    )


def table_flow(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    typesetter: Typesetter,
    *,
    left: Sequence[int] = (0,),
) -> list[Flowable]:
    """A table with its caption, numbers aligned at the right.

    Parameters
    ----------
    left : columns of texts, aligned at the left
    """
    styles = theme.styles()

    def cells(texts: Sequence[str], at_left: ParagraphStyle, at_right: ParagraphStyle) -> list[Flowable]:
        return [typesetter.paragraph(text, at_left if place in left else at_right) for place, text in enumerate(texts)]

    lines = [
        cells(header, styles.column, styles.column_right),
        *(cells(row, styles.value, styles.number) for row in rows),
    ]
    as_table(lines, headers=1)
    return [
        CondPageBreak(70),
        typesetter.paragraph(caption, styles.caption),
        Spacer(0, 2),
        Table(
            lines,
            colWidths=_column_widths(header, rows),
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


def _column_widths(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[float]:
    """Every word fits into its column; what is left of the page goes where texts are longer than that.

    Where the words alone are wider than the page, the widest columns give, and their words are broken.
    """
    columns = list(zip(header, *rows, strict=True))
    words = [max(_set_width(word) for text in column for word in text.split(" ")) for column in columns]
    texts = [max(_set_width(text) for text in column) for column in columns]
    while sum(words) > WIDTH + 1e-6:
        widest = max(words)
        second = max((width for width in words if width < widest - 1e-6), default=0.0)
        many = sum(width > widest - 1e-6 for width in words)
        step = min(widest - second, (sum(words) - WIDTH) / many)
        words = [width - step if width > widest - 1e-6 else width for width in words]
    room = max(0.0, WIDTH - sum(words))
    wanted = [max(0.0, text - word) for text, word in zip(texts, words, strict=True)]
    if sum(wanted) <= room:
        extra = (room - sum(wanted)) / len(texts)
        return [word + want + extra for word, want in zip(words, wanted, strict=True)]
    return [word + room * want / sum(wanted) for word, want in zip(words, wanted, strict=True)]


def _set_width(text: str) -> float:
    style = theme.styles().value  # the largest of a table; bold headings are smaller
    return stringWidth(text, theme.REGULAR, style.fontSize) + _CELL_GAP + 0.5


def figure_flow(picture: Flowable, caption: str, typesetter: Typesetter) -> list[Flowable]:
    """A picture and its caption."""
    picture.hAlign = "LEFT"
    return [picture, typesetter.paragraph(caption, theme.styles().caption)]


def figure_row_flow(pictures: Sequence[tuple[Flowable, str, float]], typesetter: Typesetter) -> Flowable:
    """Pictures side by side with their captions: (picture, caption, width in points)."""
    return Table(
        [[figure_flow(picture, caption, typesetter) for picture, caption, _ in pictures]],
        colWidths=[width + 8 for _, _, width in pictures],
        hAlign="LEFT",
        style=theme.table_style(
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 8),
            ("TOPPADDING", (0, 0), (-1, -1), 0),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
        ),
    )
