"""Fonts of every output, and text that finds a font for each of its characters.

Latin, Greek and Cyrillic are set in DejaVu Sans, which comes with matplotlib, so that a report looks the same on every
machine. Other characters (names in Chinese, Japanese, Korean) take the first system font below that has them. A
character no font has is shown as □ and counted; it is never dropped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from models.errors import SetupError

REGULAR: Final = "RDeepNetSans"
BOLD: Final = "RDeepNetSans-Bold"
REPLACEMENT: Final = "\u25a1"

# No monospaced face: reportlab writes wrong widths into its subset of DejaVu Sans Mono, which PDF/A does not allow.
_LATIN_FILES = {REGULAR: "DejaVuSans.ttf", BOLD: "DejaVuSans-Bold.ttf"}
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


def dejavu_file(name: str) -> str:
    """Path of one of matplotlib's DejaVu files, such as `DejaVuSans.ttf`."""
    # Found, not imported: of matplotlib a report needs the files alone.
    package = find_spec("matplotlib")
    assert package is not None, "matplotlib is a dependency"
    assert package.origin is not None
    return str(Path(package.origin).with_name("mpl-data") / "fonts" / "ttf" / name)


@lru_cache(maxsize=1)
def register_latin() -> None:
    """Makes the Latin fonts known to reportlab."""
    for name, file in _LATIN_FILES.items():
        pdfmetrics.registerFont(TTFont(name, dejavu_file(file)))
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


def require_characters(files: Sequence[str], text: str) -> None:
    """Refuses to go on where neither `files` nor the system's fonts have the characters of a text.

    Raises
    ------
    SetupError
        When one of `files` is no TrueType font, or no font has all the characters.
    """
    for file in files:
        if _wide_font(file) is None:
            raise SetupError(
                f"The font {file} cannot be read, or has no TrueType outlines; a TrueType file (.ttf, .ttc) was "
                "expected, as no other can be embedded. Name another one as font in [report]."
            )
    named = [name for file in (*files, *WIDE_FILES) if (name := _wide_font(file)) is not None]
    if not any(all(_has(name, character) for character in text) for name in named):
        raise SetupError(
            "A report is to be in Chinese, and no font with Chinese characters was found: "
            f"{', '.join((*files, *WIDE_FILES))} were looked at. Install the Debian package fonts-wqy-microhei, or "
            "name a TrueType file as font in [report]."
        )


def _has(font: str, character: str) -> bool:
    registered = pdfmetrics.getFont(font)
    return isinstance(registered, TTFont) and ord(character) in registered.face.charToGlyph


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


class FontFinder:
    """Finds a font for each character of a text, and counts the characters no font has.

    Parameters
    ----------
    wide_files : fonts to look in for what DejaVu Sans lacks, in order
    """

    def __init__(self, wide_files: tuple[str, ...] = WIDE_FILES) -> None:
        register_latin()
        self._wide_files = wide_files
        self._missing: set[str] = set()

    @property
    def missing(self) -> int:
        """Number of different characters shown as □ so far."""
        return len(self._missing)

    def runs(self, text: str, *, font: str) -> Iterator[tuple[str, str]]:
        """`text` in reading order as (font, characters), with the font switched for characters `font` lacks."""
        clean = in_reading_order(unicodedata.normalize("NFC", text).replace("\r\n", "\n"))
        for name, characters in groupby(self._with_fonts(clean, font), key=lambda pair: pair[0]):
            yield name, "".join(character for _, character in characters)

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
