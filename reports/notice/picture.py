"""The picture of a notice: white on black like the images around it, readable at half its size."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from reports.languages.languages import WORDS
from reports.notice.content import REASONS, Notice
from reports.notice.words import NOTICES
from reports.raster_text import font_files, wrapped, write

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
    with font_files(notice.fonts):
        return _drawn(notice, software)


def _drawn(notice: Notice, software: str) -> NDArray[np.uint8]:
    image = Image.new("L", (COLUMNS, ROWS), 0)
    draw = ImageDraw.Draw(image)
    sizes = (_lines(notice, software, size) for size in _BODY)
    lines = next((found for found in sizes if _height(found) <= ROWS), None)
    if lines is None:
        lines = _cut(notice, software)
    top = float(_MARGIN)
    for text, size, bold, level, before in lines:
        top += before
        write(draw, (_MARGIN, top), text, size=size, bold=bold, fill=level)
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
        for first, text in wrapped(content, width=COLUMNS - 2 * _MARGIN, size=points, bold=bold)
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
