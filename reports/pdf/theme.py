"""Appearance of a report: colours, paragraph styles, and text with a font for each character (`reports/fonts.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, cast
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_CENTER, TA_LEFT, TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import TableStyle, paragraph

from reports import fonts
from reports.figures.theme import LIGHT
from reports.fonts import FontFinder, register_latin
from reports.language import Language
from reports.languages.languages import WORDS
from reports.pdf.tagged import Step, TaggedParagraph

# Okabe–Ito hues, darkened where text stands on white; every colour is doubled by a word or a line style.
INK: Final = HexColor(LIGHT.ink)
MUTED: Final = HexColor(LIGHT.muted)
RULE: Final = HexColor(LIGHT.rule)
PANEL: Final = HexColor("#F4F6F8")
ACCENT: Final = HexColor(LIGHT.accent)
HIGH: Final = HexColor(LIGHT.high)
HIGH_TINT: Final = HexColor(LIGHT.high_tint)
LOW: Final = HexColor(LIGHT.low)
LOW_TINT: Final = HexColor(LIGHT.low_tint)
WARNING: Final = HexColor("#C98500")
WARNING_TEXT: Final = HexColor("#8F5B00")
WARNING_TINT: Final = HexColor("#FFF5DF")
EMPTY: Final = HexColor("#E3E7EC")
WHITE: Final = HexColor("#FFFFFF")
BLACK: Final = HexColor("#000000")
TUMOUR_LINE: Final = HexColor("#FFB000")
SHELL_LINE: Final = HexColor("#56B4E9")

REGULAR: Final = fonts.REGULAR
BOLD: Final = fonts.BOLD
REPLACEMENT: Final = fonts.REPLACEMENT
WIDE_FILES: Final = fonts.WIDE_FILES


@dataclass(frozen=True)
class Styles:
    """Paragraph styles; sizes in points."""

    body: ParagraphStyle
    small: ParagraphStyle
    label: ParagraphStyle
    value: ParagraphStyle
    name: ParagraphStyle
    mono: ParagraphStyle
    number: ParagraphStyle
    column: ParagraphStyle
    column_right: ParagraphStyle
    title: ParagraphStyle
    heading: ParagraphStyle
    subheading: ParagraphStyle
    group: ParagraphStyle
    group_doubtful: ParagraphStyle
    figure: ParagraphStyle
    figure_label: ParagraphStyle
    caption: ParagraphStyle
    strip: ParagraphStyle
    footer: ParagraphStyle
    footer_right: ParagraphStyle


def _style(
    size: float,
    *,
    leading: float,
    font: str = REGULAR,
    color: Color = INK,
    align: Literal[0, 1, 2, 4] = TA_LEFT,
    before: float = 0,
) -> ParagraphStyle:
    """A paragraph style with the defaults of the report; sizes in points."""
    return ParagraphStyle(
        "report",
        fontName=font,
        fontSize=size,
        leading=leading,
        textColor=color,
        alignment=align,
        spaceBefore=before,
        splitLongWords=1,
        bulletFontName=REGULAR,
    )


@lru_cache(maxsize=1)
def styles() -> Styles:
    """The styles of a report, with their fonts registered."""
    register_latin()
    return Styles(
        body=_style(8.2, leading=11.6),
        small=_style(7.2, leading=9.8, color=MUTED),
        label=_style(6.8, leading=8.8, color=MUTED),
        value=_style(8.2, leading=10.6),
        name=_style(9.6, leading=12, font=BOLD),
        mono=_style(6.6, leading=8.8),
        number=_style(8.2, leading=10.6, align=TA_RIGHT),
        column=_style(7, leading=9, font=BOLD, color=MUTED),
        column_right=_style(7, leading=9, font=BOLD, color=MUTED, align=TA_RIGHT),
        title=_style(14, leading=18, font=BOLD, color=ACCENT),
        heading=_style(10.4, leading=13.4, font=BOLD, color=ACCENT),
        subheading=_style(8.2, leading=11.6, font=BOLD),
        group=_style(12, leading=15, font=BOLD),
        group_doubtful=_style(12, leading=15),
        figure=_style(14.5, leading=18, font=BOLD),
        figure_label=_style(7.2, leading=9.4, color=MUTED),
        caption=_style(7.2, leading=9.4, color=MUTED),
        strip=_style(7.4, leading=9.6, font=BOLD, color=INK, align=TA_CENTER),
        footer=_style(6.8, leading=8.8, color=MUTED),
        footer_right=_style(6.8, leading=8.8, color=MUTED, align=TA_RIGHT),
    )


def table_style(*commands: tuple[object, ...]) -> TableStyle:
    """A table style from reportlab's commands: (command, first cell, last cell, …), cells as (column, row)."""
    # Without a font of ours reportlab asks for Helvetica in every cell, which is not embedded.
    return TableStyle(cast(Any, [("FONTNAME", (0, 0), (-1, -1), REGULAR), *commands]))


def bare_table(*, valign: str = "TOP") -> TableStyle:
    """A table that only places its cells: no lines, no padding."""
    return table_style(
        ("VALIGN", (0, 0), (-1, -1), valign),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 0),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
    )


# reportlab lets a line of Chinese begin with these.
cast(Any, paragraph).ALL_CANNOT_START += "，；：？！"


class Typesetter:
    """Sets text in paragraphs, with a font for each character, and counts the characters no font has.

    Parameters
    ----------
    wide_files : fonts to look in for what DejaVu Sans lacks, in order
    language : whose words the pages have, and by whose rules lines are broken

    Attributes
    ----------
    words : of the language
    """

    def __init__(self, *, wide_files: tuple[str, ...] = WIDE_FILES, language: Language = Language.ENGLISH) -> None:
        self._finder = FontFinder(wide_files)
        self.words = WORDS[language]

    @property
    def missing(self) -> int:
        """Number of different characters shown as □ so far."""
        return self._finder.missing

    def paragraph(self, text: str, style: ParagraphStyle, *, color: Color | None = None) -> TaggedParagraph:
        """A paragraph of plain text; line breaks in it are kept."""
        kind = "H1" if style is styles().title else "H2" if style is styles().heading else "P"
        if color is not None:
            style = ParagraphStyle("colored", parent=style, textColor=color)
        if self.words.language is Language.CHINESE:  # lines break between any two characters
            style = ParagraphStyle("chinese", parent=style, wordWrap="CJK")
        made = TaggedParagraph(self.markup(text, font=style.fontName), style, encoding="utf-8")
        made.way = (Step(kind),)
        return made

    def markup(self, text: str, *, font: str) -> str:
        """`text` as reportlab markup, with the font switched for characters `font` lacks."""
        parts = []
        for name, characters in self._finder.runs(text, font=font):
            run = escape(characters).replace("\n", "<br/>")
            parts.append(run if name == font else f'<font name="{name}">{run}</font>')
        return "".join(parts)

    def width(self, text: str, *, font: str, size: float) -> float:
        """Width of a line in points, with the font switched for characters `font` lacks."""
        return sum(stringWidth(run, name, size) for name, run in self._finder.runs(text, font=font))

    def draw(self, canvas: Canvas, x: float, y: float, text: str, *, font: str, size: float) -> None:
        """Draws a line from `x` on; afterwards the canvas has `font` in this size."""
        for name, run in self._finder.runs(text, font=font):
            if name != font:
                canvas.setFont(name, size)
            canvas.drawString(x, y, run)
            if name != font:
                canvas.setFont(font, size)
            x += stringWidth(run, name, size)

    def draw_right(self, canvas: Canvas, x: float, y: float, text: str, *, font: str, size: float) -> None:
        """Draws a line that ends at `x`."""
        self.draw(canvas, x - self.width(text, font=font, size=size), y, text, font=font, size=size)

    def draw_centred(self, canvas: Canvas, x: float, y: float, text: str, *, font: str, size: float) -> None:
        """Draws a line with its middle at `x`."""
        self.draw(canvas, x - 0.5 * self.width(text, font=font, size=size), y, text, font=font, size=size)
