"""Text on pictures: lines that fit, with a font for each character.

Set in DejaVu Sans, which comes with matplotlib; characters it lacks take the first font of `font_files`, then of the
system, that has them, and those that no font has are shown as □.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

import numpy as np
from matplotlib.ft2font import FT2Font
from PIL import ImageDraw, ImageFont

from reports.fonts import REPLACEMENT, WIDE_FILES, dejavu_file, in_reading_order

# Grey level, or red, green and blue, 0 to 255.
Fill = int | tuple[int, int, int]

_FIRST: ContextVar[tuple[str, ...]] = ContextVar("_FIRST", default=())


@contextmanager
def font_files(files: Sequence[str]) -> Iterator[None]:
    """A context in which `files` are looked in for what DejaVu Sans lacks, before the fonts of the system."""
    before = _FIRST.set(tuple(files))
    try:
        yield
    finally:
        _FIRST.reset(before)


def wrapped(text: str, *, width: float, size: int, bold: bool) -> Iterator[tuple[bool, str]]:
    """Lines that fit into `width` pixels, each with whether it is the first; a word that is too long is broken."""
    line, is_first = "", True
    for word in in_reading_order(" ".join(text.split())).split(" "):
        rest = word
        while True:
            longer = f"{line} {rest}" if line else rest
            if text_width(longer, size=size, bold=bold) <= width:
                line = longer
                break
            if line:
                yield is_first, line
                line, is_first = "", False
                continue
            ends = np.cumsum([_advance(character, size, bold, _FIRST.get()) for character in rest])
            fits = max(1, int(np.searchsorted(ends, width, side="right")))
            yield is_first, rest[:fits]
            rest, is_first = rest[fits:], False
    if line:
        yield is_first, line


def write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    *,
    size: int,
    bold: bool,
    fill: Fill,
    rim: int = 0,
) -> None:
    """Writes one line.

    Parameters
    ----------
    place : left edge, and top of a line of `size` pixels
    rim : width of a black rim around the letters, in pixels; they stay readable on bright tissue
    """
    left, top = place
    for run, file in _runs(text, bold=bold, files=_FIRST.get()):
        font = _font(file, size)
        draw.text((left, top + size), run, fill=fill, font=font, anchor="ls", stroke_width=rim, stroke_fill=0)
        left += font.getlength(run)


def text_width(text: str, *, size: int, bold: bool) -> float:
    """Width of a line in pixels."""
    files = _FIRST.get()
    return sum(_advance(character, size, bold, files) for character in text)


@lru_cache(maxsize=4096)
def _advance(character: str, size: int, bold: bool, files: tuple[str, ...]) -> float:
    """Width of one character; kerning only narrows a line."""
    return sum(_font(file, size).getlength(run) for run, file in _runs(character, bold=bold, files=files))


def _runs(text: str, *, bold: bool, files: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Stretches of one font each, with its file."""
    latin = _latin(bold=bold)
    run, file = "", latin
    for character in text:
        own = next((one for one in (latin, *files, *WIDE_FILES) if _has(one, character)), None)
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
