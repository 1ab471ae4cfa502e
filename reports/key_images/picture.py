"""The key images of a report as colour pictures: what the PDF shows of them, for viewers that show pictures only.

Above and below the anatomy stand strips with the words, so that no word covers tissue: research use only, the state of
the answer, what is shown, the legend. No patient is named. Pixels are square and of a known size in mm, whatever the
spacing of the source images, so a ruler of a viewer measures right.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from reportlab.lib.colors import Color

from models.volume import Region, Sequence
from reports.content import KeyImage, Report
from reports.languages.languages import WORDS
from reports.languages.words import Labels
from reports.pdf import theme
from reports.raster_text import font_files, text_width, wrapped, write
from reports.section_view import View, enlarged_view, outlines, scale_bar_mm, whole_view, windowed

SIDE: Final = 720
"""Rows and columns of the anatomy: more than the matrix of most sections, and less than a screen."""

Rgb = tuple[int, int, int]

_FINE = 3  # lines are drawn this much larger, then reduced: smooth edges
_BAR = 36  # height of the strip above
_PAD = 12
_LETTERS, _TITLE, _TEXT, _SMALL = 22, 17, 15, 12
_LEADING = 1.4
_MOST_LINES = 4  # of a sentence about the state
# Widths of lines in fine pixels, odd so that they lie evenly, and length of dashes and gaps in pixels: all smaller
# where the tumour is small on the picture.
_WIDTHS: Final = {False: 5, True: 7}
_RIM = 2  # on each side, in fine pixels
_DASHES: Final = {False: (5.0, 3.5), True: (10.0, 7.0)}
_FRAME_WIDTH = 5


def _rgb(color: Color) -> Rgb:
    red, green, blue = (round(255 * float(part)) for part in color.rgb())
    return red, green, blue


_WHITE, _BLACK, _GREY = (255, 255, 255), (0, 0, 0), (176, 176, 176)
_STRIP = (30, 32, 36)
_RESEARCH = _rgb(theme.ACCENT)
_DOUBT = (255, 196, 64)
_LINES: Final = {Region.INTRATUMORAL: _rgb(theme.TUMOUR_LINE), Region.PERITUMORAL: _rgb(theme.SHELL_LINE)}


class Shown(StrEnum):
    """Content of a picture, in the order of the series."""

    WHOLE = "whole"  # the whole slice with the largest area of tumour, with a frame where the next one lies
    ENLARGED = "enlarged"  # tumour and shell of the same slice
    SUBTRACTION = "subtraction"  # maximum intensity projection of after minus before contrast


@dataclass(frozen=True, eq=False)
class KeyPicture:
    """One picture.

    Attributes
    ----------
    pixels : uint8 (rows, columns, 3), red, green, blue
    pixel_mm : side of its square pixels in the patient
    edges : patient directions at its (left, right, top, bottom) edge
    slices : first and last slice of the sequence that is shown, zero-based
    caption : what it shows, as written on it
    """

    sequence: Sequence
    shown: Shown
    pixels: NDArray[np.uint8]
    pixel_mm: float
    edges: tuple[str, str, str, str]
    slices: tuple[int, int]
    caption: str


@dataclass(frozen=True, eq=False)
class _Plan:
    """A picture to draw."""

    image: KeyImage
    shown: Shown
    view: View
    frame: View | None
    caption: str
    last_slice: int


def key_pictures(report: Report, *, fonts: Ordered[str] = ()) -> tuple[KeyPicture, ...]:
    """The pictures of a report, all of one size: whole, enlarged and subtraction of T1+C, whole and enlarged of T2W.

    Parameters
    ----------
    fonts : files to look in for characters that DejaVu Sans lacks, before those of the system
    """
    with font_files(fonts):
        return _pictures(report)


def _pictures(report: Report) -> tuple[KeyPicture, ...]:
    plans = list(_plans(report))
    foots = [_foot(report, plan) for plan in plans]
    height = max((sum(step for *_, step in foot) for foot in foots), default=0.0)
    rows = _BAR + SIDE + round(height) + 2 * _PAD
    return tuple(
        KeyPicture(
            sequence=plan.image.sequence,
            shown=plan.shown,
            pixels=_drawn(report, plan, foot, rows=rows),
            pixel_mm=plan.view.side_mm / SIDE,
            edges=plan.image.edges,
            slices=(plan.image.slice_index, plan.last_slice),
            caption=plan.caption,
        )
        for plan, foot in zip(plans, foots, strict=True)
    )


def _plans(report: Report) -> Iterator[_Plan]:
    labels = WORDS[report.language].labels
    for image in report.key_images:
        whole, close = whole_view(image), enlarged_view(image)
        for shown, view, frame, words in (
            (Shown.WHOLE, whole, close, labels.whole_slice),
            (Shown.ENLARGED, close, None, labels.enlarged),
        ):
            yield _Plan(image, shown, view, frame, f"{image.caption} ({words})", image.slice_index)
        if image.sequence is Sequence.T1C and report.subtraction is not None:
            made = report.subtraction
            yield _Plan(made.image, Shown.SUBTRACTION, whole, close, made.image.caption, made.last_slice_index)


def _drawn(report: Report, plan: _Plan, foot: list[_Line], *, rows: int) -> NDArray[np.uint8]:
    picture = Image.new("RGB", (SIDE, rows), _STRIP)
    picture.paste(_anatomy(plan), (0, _BAR))
    draw = ImageDraw.Draw(picture)
    labels = WORDS[report.language].labels
    words = labels.research_use_only.upper()
    end = _PAD + text_width(words, size=_TITLE, bold=True) + _PAD
    draw.rectangle((0, 0, end, _BAR - 1), fill=_RESEARCH)
    write(draw, (_PAD, (_BAR - _TITLE) / 2 - 2), words, size=_TITLE, bold=True, fill=_WHITE)
    label, _ = _banner(report)
    if label:
        write(draw, (end + _PAD, (_BAR - _TITLE) / 2 - 2), label, size=_TITLE, bold=True, fill=_DOUBT)
    top = float(_BAR + SIDE + _PAD)
    for text, size, is_bold, fill, step in foot:
        if text:
            write(draw, (_PAD, top), text, size=size, bold=is_bold, fill=fill)
        else:
            _draw_legend(draw, plan, top, labels)
        top += step
    return np.asarray(picture, dtype=np.uint8)


def _banner(report: Report) -> tuple[str, str]:
    """Label and sentence about the state of the answer."""
    return WORDS[report.language].say.banner(report.state, (section.validity for section in report.models))


# Text (empty: the legend), size, bold, colour, height with the space after it.
_Line = tuple[str, int, bool, Rgb, float]


def _foot(report: Report, plan: _Plan) -> list[_Line]:
    """The lines below the anatomy."""
    lines = _lines(plan.caption, size=_TITLE, bold=True, fill=_WHITE)
    lines.append(("", _TEXT, False, _GREY, _TEXT * _LEADING + 4))
    _, sentence = _banner(report)
    if sentence:
        lines += _lines(sentence, size=_TEXT, bold=False, fill=_DOUBT)
    return lines + _lines(report.notice, size=_SMALL, bold=False, fill=_GREY)


def _lines(text: str, *, size: int, bold: bool, fill: Rgb) -> list[_Line]:
    found = [line for _, line in wrapped(text, width=SIDE - 2 * _PAD, size=size, bold=bold)]
    if len(found) > _MOST_LINES:
        found = [*found[: _MOST_LINES - 1], f"{found[_MOST_LINES - 1].rsplit(' ', 1)[0]} …"]
    lines: list[_Line] = [(line, size, bold, fill, size * _LEADING) for line in found]
    *others, (line, *_, step) = lines
    return [*others, (line, size, bold, fill, step + 4)]


def _draw_legend(draw: ImageDraw.ImageDraw, plan: _Plan, top: float, labels: Labels) -> None:
    """Draws what the lines on the picture are, from the left."""
    left, middle = float(_PAD), top + _TEXT * 0.65
    entries: list[tuple[str, Rgb, tuple[float, float] | None]] = []
    if plan.shown is not Shown.SUBTRACTION:
        entries.append((labels.regions_drawn[Region.INTRATUMORAL], _LINES[Region.INTRATUMORAL], None))
        if plan.image.shell.any():
            words = labels.regions_drawn[Region.PERITUMORAL]
            entries.append((words, _LINES[Region.PERITUMORAL], _DASHES[True]))
    if plan.frame is not None:
        entries.append((labels.enlarged_part, _WHITE, None))
    for words, fill, dash in entries:
        for start, end in _dashes(np.array([[left, middle], [left + 34, middle]]), dash):
            draw.line([start, end], fill=fill, width=3)
        left += 34 + 8
        write(draw, (left, top), words, size=_TEXT, bold=False, fill=_GREY)
        left += text_width(words, size=_TEXT, bold=False) + 24


# --- anatomy ---------------------------------------------------------------------------------------------------------


def _anatomy(plan: _Plan) -> Image.Image:
    """The slice with its lines, letters and scale bar: a square of `SIDE` pixels."""
    grey = _resampled(windowed(plan.image.pixels), plan.view).convert("RGB")
    grey.paste(*_overlay(plan))
    draw = ImageDraw.Draw(grey)
    _draw_edges(draw, plan.image.edges)
    _draw_scale_bar(draw, plan.view)
    return grey


def _resampled(pixels: NDArray[np.uint8], view: View) -> Image.Image:
    """The part of a slice that a view shows, smooth; black outside the slice."""
    rows, columns = pixels.shape
    before = max(0, int(np.ceil(-min(view.top, view.left))))
    after = max(0, int(np.ceil(max(view.top + view.rows - rows, view.left + view.columns - columns))))
    padded = Image.fromarray(np.pad(pixels, (before, after)))
    left, top = view.left + before, view.top + before
    return padded.resize(
        (SIDE, SIDE), resample=Image.Resampling.BICUBIC, box=(left, top, left + view.columns, top + view.rows)
    )


def _overlay(plan: _Plan) -> tuple[Image.Image, tuple[int, int], Image.Image]:
    """Lines on the anatomy: (colours, place, how opaque they are)."""
    lines = Image.new("RGB", (SIDE * _FINE, SIDE * _FINE), _BLACK)
    opaque = Image.new("L", lines.size, 0)
    is_close = plan.shown is Shown.ENLARGED
    if plan.shown is not Shown.SUBTRACTION:
        for region, mask in ((Region.PERITUMORAL, plan.image.shell), (Region.INTRATUMORAL, plan.image.tumour)):
            dash = _DASHES[is_close] if region is Region.PERITUMORAL else None
            for outline in outlines(mask):
                points = _placed(outline, plan.view)
                _stroke(lines, opaque, points, color=_LINES[region], width=_WIDTHS[is_close], dash=dash)
    if plan.frame is not None:
        frame = plan.frame
        top, left = frame.top - 0.5, frame.left - 0.5
        bottom, right = top + frame.rows, left + frame.columns
        corners = np.array([[top, left], [top, right], [bottom, right], [bottom, left], [top, left]])
        _stroke(lines, opaque, _placed(corners, plan.view), color=_WHITE, width=_FRAME_WIDTH, dash=None)
    size = (SIDE, SIDE)
    return lines.resize(size, Image.Resampling.BOX), (0, 0), opaque.resize(size, Image.Resampling.BOX)


def _placed(points: NDArray[np.float64], view: View) -> NDArray[np.float64]:
    """(points, 2) of (row, column), pixel centres at whole numbers → (x, y) on the picture, edges at whole numbers."""
    x = (points[:, 1] + 0.5 - view.left) * (SIDE / view.columns)
    y = (points[:, 0] + 0.5 - view.top) * (SIDE / view.rows)
    return np.stack([x, y], axis=1)


def _stroke(
    lines: Image.Image,
    opaque: Image.Image,
    points: NDArray[np.float64],
    *,
    color: Rgb,
    width: int,
    dash: tuple[float, float] | None,
) -> None:
    """Draws a line in a colour with a dark rim, which keeps it visible on bright tissue."""
    colors, mask = ImageDraw.Draw(lines), ImageDraw.Draw(opaque)
    # The library counts from the centre of the first pixel, we from its edge.
    pieces = [[(x * _FINE - 0.5, y * _FINE - 0.5) for x, y in piece] for piece in _dashes(points, dash)]
    for piece in pieces:
        for draw, fill in ((colors, _BLACK), (mask, 255)):
            draw.line(piece, fill=fill, width=width + 2 * _RIM, joint="curve")
    for piece in pieces:
        colors.line(piece, fill=color, width=width, joint="curve")


def _dashes(points: NDArray[np.float64], dash: tuple[float, float] | None) -> Iterator[list[tuple[float, float]]]:
    """The dashes along a line, each as its points; the whole line without a dash."""
    if dash is None:
        yield [(float(x), float(y)) for x, y in points]
        return
    on, off = dash
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    period = at[-1] / max(1, round(at[-1] / (on + off)))  # a closed line has no odd dash at its end
    for start in np.arange(0.0, at[-1] - period / 2, period):
        end = min(start + period * on / (on + off), at[-1])
        between = at[(at > start) & (at < end)]
        stops = np.concatenate([[start], between, [end]])
        yield [(float(np.interp(s, at, points[:, 0])), float(np.interp(s, at, points[:, 1]))) for s in stops]


def _draw_edges(draw: ImageDraw.ImageDraw, edges: tuple[str, str, str, str]) -> None:
    left, right, top, bottom = edges
    wide = {letters: text_width(letters, size=_LETTERS, bold=True) for letters in edges}
    middle = (SIDE - _LETTERS) / 2
    for letters, x, y in (
        (left, 8.0, middle),
        (right, SIDE - 8 - wide[right], middle),
        (top, (SIDE - wide[top]) / 2, 4.0),
        (bottom, (SIDE - wide[bottom]) / 2, SIDE - _LETTERS - 10.0),
    ):
        write(draw, (x, y), letters, size=_LETTERS, bold=True, fill=_WHITE, rim=2)


def _draw_scale_bar(draw: ImageDraw.ImageDraw, view: View) -> None:
    length_mm = scale_bar_mm(view.side_mm)
    end, y = 12 + length_mm * SIDE / view.side_mm, SIDE - 14
    draw.rectangle((10, y - 3, end + 2, y + 3), fill=_BLACK)
    draw.rectangle((12, y - 1, end, y + 1), fill=_WHITE)
    write(draw, (12, y - 8 - _TEXT), f"{length_mm} mm", size=_TEXT, bold=False, fill=_WHITE, rim=2)
