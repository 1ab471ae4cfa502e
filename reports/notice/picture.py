"""The picture of a notice: white on black like the images around it, readable at half its size.

Set in DejaVu Sans, which comes with matplotlib; characters it lacks take the first system font that has them, and those
that no font has are shown as □.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.ft2font import FT2Font
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from reports.fonts import REPLACEMENT, WIDE_FILES, dejavu_file, in_reading_order
from reports.languages.languages import WORDS
from reports.notice.content import REASONS, Notice
from reports.notice.words import NOTICES

ROWS: Final = 880
COLUMNS: Final = 680
_MARGIN = 44
_WHITE, _GREY = 255, 170
_TITLE, _HEADING, _SMALL = 40, 22, 14
_BODY = (18, 16, 14, 12)  # sizes that are tried until the text fits
_LEADING = 1.35

# Text, size, bold, grey level, space before.
Line = tuple[str, int, bool, int, int]


def notice_picture(notice: Notice, *, software: str) -> NDArray[np.uint8]:
    """The notice as uint8 (rows, columns), 0 black.

    Parameters
    ----------
    software : name and version, for the foot
    """
    image = Image.new("L", (COLUMNS, ROWS), 0)
    draw = ImageDraw.Draw(image)
    sizes = (_lines(notice, software, size) for size in _BODY)
    lines = next((found for found in sizes if _height(found) <= ROWS), None)
    if lines is None:
        lines = _cut(notice, software)
    top = float(_MARGIN)
    for text, size, bold, level, before in lines:
        top += before
        _write(draw, (_MARGIN, top), text, size=size, bold=bold, level=level)
        top += size * _LEADING
    return np.asarray(image, dtype=np.uint8)


def _lines(notice: Notice, software: str, size: int) -> list[Line]:
    words, code = NOTICES[notice.language], REASONS[notice.reason].code
    heading, action = words.reasons[notice.reason]
    standing = words.standing if notice.earlier is None else words.standing_after(notice.earlier)
    parts: list[tuple[str, int, bool, int, int]] = [
        (words.not_processed, _TITLE, True, _WHITE, 0),
        (words.product, size, False, _GREY, 4),
        (standing, _HEADING, True, _WHITE, 22),
        (heading, _HEADING, True, _WHITE, 22),
        (f"{words.found}{notice.sentence}", size, False, _WHITE, 8),
        (f"{words.received}{WORDS[notice.language].part(notice.received)}", size, False, _GREY, 16),
        (f"{words.what_to_do}{action}", size, False, _WHITE, 16),
        (f"{words.code}{code.value} (DCM), {code.meaning}; {notice.reason}", _SMALL, False, _GREY, 22),
        (f"{words.moment(notice.created)} · {software}", _SMALL, False, _GREY, 4),
        (WORDS[notice.language].labels.notice, _SMALL, False, _GREY, 12),
    ]
    return [
        (text, points, bold, level, before if first else 0)
        for content, points, bold, level, before in parts
        for first, text in _wrapped(content, size=points, bold=bold)
    ]


def _height(lines: list[Line]) -> float:
    return 2 * _MARGIN + sum(before + size * _LEADING for _, size, _, _, before in lines)


def _cut(notice: Notice, software: str) -> list[Line]:
    """The lines with the sentence cut, at the smallest size, until they fit."""
    words = notice.sentence.split()
    while words:
        words = words[: len(words) * 9 // 10]
        cut = replace(notice, sentence=" ".join([*words, NOTICES[notice.language].more]))
        if _height(lines := _lines(cut, software, _BODY[-1])) <= ROWS:
            return lines
    raise AssertionError("the words around the sentence fit by themselves")


def _wrapped(text: str, *, size: int, bold: bool) -> Iterator[tuple[bool, str]]:
    """Lines that fit between the margins, each with whether it is the first; a word that is too long is broken."""
    width, line, is_first = COLUMNS - 2 * _MARGIN, "", True
    for word in in_reading_order(" ".join(text.split())).split(" "):
        rest = word
        while True:
            longer = f"{line} {rest}" if line else rest
            if _width(longer, size=size, bold=bold) <= width:
                line = longer
                break
            if line:
                yield is_first, line
                line, is_first = "", False
                continue
            ends = np.cumsum([_advance(character, size, bold) for character in rest])
            fits = max(1, int(np.searchsorted(ends, width, side="right")))
            yield is_first, rest[:fits]
            rest, is_first = rest[fits:], False
    if line:
        yield is_first, line


def _write(
    draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, *, size: int, bold: bool, level: int
) -> None:
    left, top = place
    for run, file in _runs(text, bold=bold):
        font = _font(file, size)
        draw.text((left, top + size), run, fill=level, font=font, anchor="ls")
        left += font.getlength(run)


def _width(text: str, *, size: int, bold: bool) -> float:
    return sum(_advance(character, size, bold) for character in text)


@lru_cache(maxsize=4096)
def _advance(character: str, size: int, bold: bool) -> float:
    """Width of one character; kerning only narrows a line."""
    return sum(_font(file, size).getlength(run) for run, file in _runs(character, bold=bold))


def _runs(text: str, *, bold: bool) -> Iterator[tuple[str, str]]:
    """Stretches of one font each, with its file."""
    latin = _latin(bold=bold)
    run, file = "", latin
    for character in text:
        own = next((one for one in (latin, *WIDE_FILES) if _has(one, character)), None)
        shown, home = (character, own) if own else (REPLACEMENT, latin)
        if home != file and run:
            yield run, file
            run = ""
        run, file = run + shown, home
    if run:
        yield run, file


@lru_cache(maxsize=2)
def _latin(*, bold: bool) -> str:
    return dejavu_file("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")


@lru_cache(maxsize=32)
def _font(file: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(file, size)


@lru_cache(maxsize=16)
def _glyphs(file: str) -> frozenset[int]:
    return frozenset(FT2Font(file).get_charmap()) if Path(file).is_file() else frozenset()


def _has(file: str, character: str) -> bool:
    return ord(character) in _glyphs(file)
