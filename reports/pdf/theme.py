"""Appearance of a report: colours, fonts, paragraph styles, and text that finds a font for each of its characters.

Latin, Greek and Cyrillic are set in DejaVu Sans, which comes with matplotlib, so that a report looks the same on every
machine. Other characters (names in Chinese, Japanese, Korean) take the first system font below that has them. A
character no font has is shown as □ and counted; it is never dropped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal, cast
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_CENTER, TA_LEFT, TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import Paragraph, TableStyle

# Okabe–Ito hues, darkened where text stands on white; every colour is doubled by a word or a line style.
INK: Final = HexColor("#1A1F2B")
MUTED: Final = HexColor("#596273")
RULE: Final = HexColor("#D3D9E0")
PANEL: Final = HexColor("#F4F6F8")
ACCENT: Final = HexColor("#1F3A5F")
HIGH: Final = HexColor("#B04A0A")
HIGH_TINT: Final = HexColor("#F6DDCB")
LOW: Final = HexColor("#1B6389")
LOW_TINT: Final = HexColor("#D3E6F0")
WARNING: Final = HexColor("#C98500")
WARNING_TEXT: Final = HexColor("#8F5B00")
WARNING_TINT: Final = HexColor("#FFF5DF")
EMPTY: Final = HexColor("#E3E7EC")
WHITE: Final = HexColor("#FFFFFF")
BLACK: Final = HexColor("#000000")
TUMOUR_LINE: Final = HexColor("#FFB000")
SHELL_LINE: Final = HexColor("#56B4E9")

REGULAR: Final = "RDeepNetSans"
BOLD: Final = "RDeepNetSans-Bold"
MONO: Final = "RDeepNetMono"
REPLACEMENT: Final = "\u25a1"

_LATIN_FILES = {REGULAR: "DejaVuSans.ttf", BOLD: "DejaVuSans-Bold.ttf", MONO: "DejaVuSansMono.ttf"}
# TrueType outlines only: reportlab embeds no PostScript outlines, which rules out Noto Sans CJK.
WIDE_FILES: Final = (
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/wqy-microhei/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/google-droid-sans-fonts/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/truetype/arphic/uming.ttc",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "C:/Windows/Fonts/simsun.ttc",
)


@lru_cache(maxsize=1)
def _register_latin() -> None:
    # Found, not imported: of matplotlib a report needs the files alone.
    package = find_spec("matplotlib")
    assert package is not None, "matplotlib is a dependency"
    assert package.origin is not None
    folder = Path(package.origin).with_name("mpl-data") / "fonts" / "ttf"
    for name, file in _LATIN_FILES.items():
        pdfmetrics.registerFont(TTFont(name, str(folder / file)))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)


@lru_cache(maxsize=8)
def _wide_font(file: str) -> str | None:
    """Registered name of the font in `file`, None when it does not exist or has no TrueType outlines."""
    if not Path(file).is_file():
        return None
    name = f"RDeepNetWide-{Path(file).stem}"
    try:
        pdfmetrics.registerFont(TTFont(name, file))
    except TTFError:
        return None
    return name


def _has(font: str, character: str) -> bool:
    registered = pdfmetrics.getFont(font)
    return isinstance(registered, TTFont) and ord(character) in registered.face.charToGlyph


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
    _register_latin()
    return Styles(
        body=_style(8.2, leading=11.6),
        small=_style(7.2, leading=9.8, color=MUTED),
        label=_style(6.8, leading=8.8, color=MUTED),
        value=_style(8.2, leading=10.6),
        name=_style(9.6, leading=12, font=BOLD),
        mono=_style(6.6, leading=8.8, font=MONO),
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


# From the first to the last right-to-left character of a phrase, with the spaces and marks between them.
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc](?:[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc \u00a0'’-]*"
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc])?"
)


def in_reading_order(text: str) -> str:
    """Text with its Hebrew and Arabic phrases from right to left, as on paper.

    Enough for names and short descriptions in one line; Arabic letters stay unjoined. Marks stay behind their letter.
    """

    def turned(phrase: re.Match[str]) -> str:
        letters: list[str] = []
        for character in phrase.group():
            if letters and unicodedata.combining(character):
                letters[-1] += character
            else:
                letters.append(character)
        return "".join(reversed(letters))

    return _RIGHT_TO_LEFT.sub(turned, text)


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


class Typesetter:
    """Sets text in paragraphs, with a font for each character, and counts the characters no font has.

    Parameters
    ----------
    wide_files : fonts to look in for what DejaVu Sans lacks, in order
    """

    def __init__(self, *, wide_files: tuple[str, ...] = WIDE_FILES) -> None:
        _register_latin()
        self._wide_files = wide_files
        self._missing: set[str] = set()

    @property
    def missing(self) -> int:
        """Number of different characters shown as □ so far."""
        return len(self._missing)

    def paragraph(self, text: str, style: ParagraphStyle, *, color: Color | None = None) -> Paragraph:
        """A paragraph of plain text; line breaks in it are kept."""
        if color is not None:
            style = ParagraphStyle("colored", parent=style, textColor=color)
        return Paragraph(self.markup(text, font=style.fontName), style, encoding="utf-8")

    def markup(self, text: str, *, font: str) -> str:
        """`text` as reportlab markup, with the font switched for characters `font` lacks."""
        clean = in_reading_order(unicodedata.normalize("NFC", text).replace("\r\n", "\n"))
        parts = []
        for name, characters in groupby(self._with_fonts(clean, font), key=lambda pair: pair[0]):
            run = escape("".join(character for _, character in characters)).replace("\n", "<br/>")
            parts.append(run if name == font else f'<font name="{name}">{run}</font>')
        return "".join(parts)

    def _with_fonts(self, text: str, font: str) -> Iterator[tuple[str, str]]:
        """Yields each visible character, or its replacement, with a font that has it."""
        for character in text:
            if character == "\n" or character.isspace():
                yield font, "\n" if character == "\n" else character if _has(font, character) else " "
            elif unicodedata.category(character) in ("Cc", "Cf"):
                continue  # invisible: control and formatting characters have no shape to lose
            elif _has(font, character):
                yield font, character
            else:
                wide = self._wide_font_for(character)
                if wide is None:
                    self._missing.add(character)
                    yield font, REPLACEMENT
                else:
                    yield wide, character

    def _wide_font_for(self, character: str) -> str | None:
        for file in self._wide_files:
            name = _wide_font(file)
            if name is not None and _has(name, character):
                return name
        return None
