"""Text finds its fonts, and what cannot be shown is seen."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from pypdf import PdfReader
from reportlab.pdfgen.canvas import Canvas

from reports.fonts import in_reading_order
from reports.pdf import theme
from reports.pdf.theme import Typesetter

WIDE = next((file for file in theme.WIDE_FILES if Path(file).is_file()), None)
needs_wide = pytest.mark.skipif(WIDE is None, reason="no font for Chinese, Japanese and Korean is installed")


def _drawn(text: str, typesetter: Typesetter) -> str:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, initialFontName=theme.REGULAR, invariant=1)
    paragraph = typesetter.paragraph(text, theme.styles().body)
    paragraph.wrap(400, 400)
    paragraph.drawOn(canvas, 50, 400)
    canvas.save()
    return PdfReader(buffer).pages[0].extract_text()


@pytest.mark.parametrize("text", ["Sørensen, Åse", "Łukasiewicz, Żaneta", "Παπαδοπούλου, Μαρία", "Иванова, Мария"])
def test_european_names_need_no_system_font(text: str) -> None:
    typesetter = Typesetter(wide_files=())
    assert text in _drawn(text, typesetter)
    assert typesetter.missing == 0


@needs_wide
@pytest.mark.parametrize("text", ["王小梅", "山田^花子", "홍길동", "乳腺MRI平扫+增强"])
def test_east_asian_text_takes_a_system_font(text: str) -> None:
    typesetter = Typesetter()
    assert text in _drawn(text, typesetter)
    assert typesetter.missing == 0


def test_without_a_font_every_character_is_seen_and_counted() -> None:
    typesetter = Typesetter(wide_files=())
    assert _drawn("王小小 (Wang)", typesetter).strip() == "□□□ (Wang)"
    assert typesetter.missing == 2  # 王, 小


def test_a_font_file_that_is_no_font_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"this is not a font")
    typesetter = Typesetter(wide_files=(str(broken), str(tmp_path / "absent.ttf")))
    assert typesetter.markup("王", font=theme.REGULAR) == "□"


def test_markup_in_text_is_text() -> None:
    text = "<b>bold</b> & <font size=40>big</font> <para>"
    assert _drawn(text, Typesetter()).strip() == text


def test_control_characters_are_dropped_and_lines_kept() -> None:
    assert Typesetter().markup("a\x00b\x1b\r\nc\td\u200b", font=theme.REGULAR) == "ab<br/>c d"


def test_hebrew_stands_from_right_to_left() -> None:
    assert in_reading_order("כהן שרה (Cohen, Sarah)") == "הרש ןהכ (Cohen, Sarah)"
    assert in_reading_order("Cohen 123") == "Cohen 123"
    pointed = "שָׁלוֹם"
    turned = in_reading_order(pointed)
    assert turned[0] == "ם"
    assert turned.endswith("שָׁ")
    assert sorted(turned) == sorted(pointed)


def test_colours_of_text_are_readable() -> None:
    """WCAG 2.1 contrast: at least 4.5 to 1 for every colour that text has on white."""

    def luminance(color: object) -> float:
        channels = [float(c) for c in re.findall(r"[\d.]+", str(getattr(color, "rgb", lambda: ())()))]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for color in (theme.INK, theme.MUTED, theme.ACCENT, theme.HIGH, theme.LOW, theme.WARNING_TEXT):
        assert 1.05 / (luminance(color) + 0.05) >= 4.5
    # Words inside the two halves of the strip.
    for text, ground in ((theme.HIGH, theme.HIGH_TINT), (theme.LOW, theme.LOW_TINT), (theme.INK, theme.WARNING_TINT)):
        assert (luminance(ground) + 0.05) / (luminance(text) + 0.05) >= 4.0
