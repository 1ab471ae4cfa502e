"""The pictures of a report, as vector graphics: key images with contours, the cut-off strip, frequency and
contribution charts.

Drawn on the PDF itself, not as bitmaps of a plotting library: text stays text (searchable, sharp at any zoom), contours
stay lines, and a report is a tenth of the size. Only the pixels of the MR images are bitmaps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from typing import Final

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray
from PIL import Image
from reportlab.lib.colors import Color
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from reports import theme
from reports.content import ContributionGroup, KeyImage

# Grey levels shown: these percentiles of the slice are black and white.
_WINDOW = (1.0, 99.7)
# Room around the shell in an enlarged view, and the least field of view.
_MARGIN_MM = 12.0
_LEAST_VIEW_MM = 60.0
# Bitmaps are brought to this resolution with smooth interpolation, so that no viewer shows blocks.
_DPI = 240
_SCALE_BARS_MM = (100, 50, 20, 10, 5)
SHELL_DASH: Final = (2.2, 1.4)


# (row, column) of a pixel centre → (x, y) on the panel, in points.
Place = Callable[[float, float], tuple[float, float]]


@dataclass(frozen=True)
class View:
    """A square part of a key image, in pixels with fractions: the side is the same length in mm in both directions.

    Attributes
    ----------
    top, left : first row and column, may lie outside the image
    rows, columns : number of rows and columns
    side_mm : length of a side
    """

    top: float
    left: float
    rows: float
    columns: float
    side_mm: float


def whole_view(image: KeyImage) -> View:
    """The square that holds the whole slice."""
    row_mm, column_mm = image.pixel_spacing_mm
    rows, columns = image.pixels.shape
    return _square(
        centre=(rows / 2 - 0.5, columns / 2 - 0.5), side_mm=max(rows * row_mm, columns * column_mm), image=image
    )


def enlarged_view(image: KeyImage) -> View:
    """The square around tumour and shell, with a margin."""
    row_mm, column_mm = image.pixel_spacing_mm
    rows, columns = np.nonzero(image.tumour | image.shell)
    height = (rows.max() - rows.min() + 1) * row_mm
    width = (columns.max() - columns.min() + 1) * column_mm
    side = max(float(max(height, width)) + 2 * _MARGIN_MM, _LEAST_VIEW_MM)
    centre = (float(rows.min() + rows.max()) / 2, float(columns.min() + columns.max()) / 2)
    return _square(centre=centre, side_mm=min(side, whole_view(image).side_mm), image=image)


def _square(*, centre: tuple[float, float], side_mm: float, image: KeyImage) -> View:
    row_mm, column_mm = image.pixel_spacing_mm
    rows, columns = side_mm / row_mm, side_mm / column_mm
    return View(centre[0] + 0.5 - rows / 2, centre[1] + 0.5 - columns / 2, rows, columns, side_mm)


def windowed(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Grey levels 0 to 255 between two percentiles of the slice; a flat slice is black."""
    low, high = np.percentile(pixels, _WINDOW)
    if high <= low:
        return np.zeros(pixels.shape, dtype=np.uint8)
    return (np.clip((pixels - low) / (high - low), 0, 1) * 255).round().astype(np.uint8)


def outlines(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Closed outlines of a mask as (points, 2) of (row, column), pixel centres at whole numbers."""
    padded = np.pad(mask, 1).astype(np.float64)
    lines = contour_generator(z=padded).lines(0.5)
    return [np.asarray(line)[:, ::-1] - 1.0 for line in lines]


@dataclass(frozen=True)
class Panel:
    """One picture of a row: a view of a key image and the words beneath it."""

    image: KeyImage
    view: View
    frame: View | None  # drawn as a rectangle: where the enlarged view lies
    caption: str


class KeyImageRow(Flowable):
    """Panels side by side, each with contours, edge letters and a scale bar.

    Parameters
    ----------
    panels : from left to right
    width : of the row, in points
    side : of a panel, in points; smaller when the row is too narrow
    gap : between panels, in points
    """

    def __init__(self, panels: Ordered[Panel], *, width: float, side: float, gap: float = 2 * mm) -> None:
        super().__init__()
        self.panels = tuple(panels)
        self.gap = gap
        self.side = min(side, (width - gap * (len(self.panels) - 1)) / max(1, len(self.panels)))
        self.width = self.side * len(self.panels) + gap * (len(self.panels) - 1)
        self.height = self.side + 10

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Size in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw every panel."""
        for place, panel in enumerate(self.panels):
            self.canv.saveState()
            self.canv.translate(place * (self.side + self.gap), 10)
            _draw_panel(self.canv, panel, self.side)
            self.canv.restoreState()


def _draw_panel(canvas: Canvas, panel: Panel, side: float) -> None:
    image, view = panel.image, panel.view
    scale = side / view.side_mm
    row_mm, column_mm = image.pixel_spacing_mm

    def place(row: float, column: float) -> tuple[float, float]:
        # Pixel centres lie half a pixel inside the edges of the view.
        x = (column + 0.5 - view.left) * column_mm * scale
        return x, side - (row + 0.5 - view.top) * row_mm * scale

    canvas.saveState()
    frame = canvas.beginPath()
    frame.rect(0, 0, side, side)
    canvas.clipPath(frame, stroke=0, fill=0)
    canvas.setFillColor(theme.BLACK)
    canvas.rect(0, 0, side, side, stroke=0, fill=1)
    _draw_pixels(canvas, image, view, place, scale)
    thin = 0.5 if panel.frame is not None else 0.9
    for mask, color, dash in ((image.shell, theme.SHELL_LINE, SHELL_DASH), (image.tumour, theme.TUMOUR_LINE, None)):
        _draw_outlines(canvas, outlines(mask), place, color=color, width=thin, dash=dash)
    if panel.frame is not None:
        x0, y1 = place(panel.frame.top - 0.5, panel.frame.left - 0.5)
        length = panel.frame.side_mm * scale
        canvas.setStrokeColor(theme.WHITE)
        canvas.setLineWidth(0.6)
        canvas.rect(x0, y1 - length, length, length, stroke=1, fill=0)
    canvas.restoreState()
    _draw_edges(canvas, image.edges, side)
    if panel.frame is None:
        _draw_scale_bar(canvas, side, scale)
    canvas.setFillColor(theme.MUTED)
    canvas.setFont(theme.REGULAR, 6.8)
    canvas.drawString(0, -8, panel.caption)


def _draw_pixels(canvas: Canvas, image: KeyImage, view: View, place: Place, scale: float) -> None:
    rows, columns = image.pixels.shape
    row_mm, column_mm = image.pixel_spacing_mm
    # Only the part of the slice the view shows, with a pixel more on each side for the interpolation.
    top, left = max(0, math.floor(view.top) - 1), max(0, math.floor(view.left) - 1)
    bottom = min(rows, math.ceil(view.top + view.rows) + 1)
    right = min(columns, math.ceil(view.left + view.columns) + 1)
    grey = Image.fromarray(windowed(image.pixels)[top:bottom, left:right])
    width, height = (right - left) * column_mm * scale, (bottom - top) * row_mm * scale
    grey = grey.resize(
        (max(1, round(width / 72 * _DPI)), max(1, round(height / 72 * _DPI))), resample=Image.Resampling.BICUBIC
    )
    x, y = place(bottom - 0.5, left - 0.5)
    canvas.drawImage(ImageReader(grey), x, y, width=width, height=height)


def _draw_outlines(
    canvas: Canvas,
    lines: Ordered[NDArray[np.float64]],
    place: Place,
    *,
    color: Color,
    width: float,
    dash: tuple[float, float] | None,
) -> None:
    path = canvas.beginPath()
    for line in lines:
        path.moveTo(*place(*line[0]))
        for row, column in line[1:]:
            path.lineTo(*place(row, column))
        path.close()
    canvas.setLineJoin(1)
    canvas.setStrokeColor(theme.BLACK)  # a dark rim keeps the line visible on bright tissue
    canvas.setLineWidth(width * 2)
    if dash is None:
        canvas.setDash([])
    else:
        canvas.setDash(list(dash))
    canvas.drawPath(path, stroke=1, fill=0)
    canvas.setStrokeColor(color)
    canvas.setLineWidth(width)
    canvas.drawPath(path, stroke=1, fill=0)
    canvas.setDash([])


def _draw_edges(canvas: Canvas, edges: tuple[str, str, str, str], side: float) -> None:
    left, right, top, bottom = edges
    canvas.setFillColor(theme.WHITE)
    canvas.setFont(theme.BOLD, 6.4)
    canvas.drawString(2.5, side / 2 - 2.2, left)
    canvas.drawRightString(side - 2.5, side / 2 - 2.2, right)
    canvas.drawCentredString(side / 2, side - 7.5, top)
    canvas.drawCentredString(side / 2, 3, bottom)


def _draw_scale_bar(canvas: Canvas, side: float, scale: float) -> None:
    length_mm = next((bar for bar in _SCALE_BARS_MM if bar * scale <= side / 3), _SCALE_BARS_MM[-1])
    length = length_mm * scale
    canvas.setStrokeColor(theme.WHITE)
    canvas.setFillColor(theme.WHITE)
    canvas.setLineWidth(1.2)
    canvas.line(4, 4.5, 4 + length, 4.5)
    canvas.setFont(theme.REGULAR, 5.8)
    canvas.drawString(4, 6.8, f"{length_mm} mm")


class Legend(Flowable):
    """Which line is which, set flush right: (words, colour, dash) for each.

    Parameters
    ----------
    entries : from left to right; dash None for a solid line
    width : in points
    """

    def __init__(self, entries: Ordered[tuple[str, Color, tuple[float, float] | None]], *, width: float) -> None:
        super().__init__()
        self.entries, self.width, self.height = tuple(entries), width, 10.0

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Size in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw from the right."""
        x = self.width
        for words, color, dash in reversed(self.entries):
            self.canv.setFont(theme.REGULAR, 7.2)
            self.canv.setFillColor(theme.MUTED)
            x -= stringWidth(words, theme.REGULAR, 7.2)
            self.canv.drawString(x, 2, words)
            x -= 4 + 16
            self.canv.setFillColor(theme.BLACK)
            self.canv.rect(x, 1.2, 16, 6.6, stroke=0, fill=1)
            self.canv.setStrokeColor(color)
            self.canv.setLineWidth(1.1)
            self.canv.setDash([] if dash is None else list(dash))
            self.canv.line(x + 1.5, 4.5, x + 14.5, 4.5)
            self.canv.setDash([])
            x -= 12


class CutOffStrip(Flowable):
    """A value on a scale that the cut-off divides into low and high.

    Parameters
    ----------
    value, cut_off : on the same scale
    limits : ends of the scale
    value_shown, cut_off_shown, below, above : what stands at the marker, at the cut-off and in the two halves
    width : in points
    """

    HEIGHT: Final = 38.0

    def __init__(
        self,
        *,
        value: float,
        cut_off: float,
        limits: tuple[float, float],
        value_shown: str,
        cut_off_shown: str,
        below: str,
        above: str,
        width: float,
    ) -> None:
        super().__init__()
        self.value, self.cut_off, self.limits = value, cut_off, limits
        self.value_shown, self.cut_off_shown, self.below, self.above = value_shown, cut_off_shown, below, above
        self.width, self.height = width, self.HEIGHT

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Size in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw the strip, the cut-off and the marker."""
        canvas, width = self.canv, self.width
        low, high = self.limits
        bottom, thickness = 13.5, 10.0

        def across(value: float) -> float:
            return float(np.clip((value - low) / (high - low), 0, 1)) * width

        cut, marker = across(self.cut_off), across(self.value)
        for x, length, tint in ((0.0, cut, theme.LOW_TINT), (cut, width - cut, theme.HIGH_TINT)):
            canvas.setFillColor(tint)
            canvas.rect(x, bottom, length, thickness, stroke=0, fill=1)
        size = 6.8
        canvas.setFont(theme.REGULAR, size)
        canvas.setFillColor(theme.LOW)
        canvas.drawString(0, 2.5, self.below)
        canvas.setFillColor(theme.HIGH)
        canvas.drawRightString(width, 2.5, self.above)
        room = tuple(stringWidth(words, theme.REGULAR, size) + 6 for words in (self.below, self.above))
        canvas.setStrokeColor(theme.INK)
        canvas.setLineWidth(0.9)
        canvas.line(cut, bottom - 3, cut, bottom + thickness + 1)
        canvas.setFillColor(theme.MUTED)
        within = (room[0], width - room[1])
        _centred_within(canvas, self.cut_off_shown, cut, 2.5, within=within, font=theme.REGULAR, size=size)
        color = theme.HIGH if self.value > self.cut_off else theme.LOW
        canvas.setFillColor(color)
        canvas.setStrokeColor(theme.WHITE)
        canvas.setLineWidth(0.8)
        middle, half = bottom + thickness / 2, 4.6
        diamond = canvas.beginPath()
        diamond.moveTo(marker, middle + half)
        diamond.lineTo(marker + half, middle)
        diamond.lineTo(marker, middle - half)
        diamond.lineTo(marker - half, middle)
        diamond.close()
        canvas.drawPath(diamond, stroke=1, fill=1)
        _centred_within(
            canvas, self.value_shown, marker, bottom + thickness + 4, within=(0, width), font=theme.BOLD, size=9
        )


def _centred_within(
    canvas: Canvas, text: str, x: float, y: float, *, within: tuple[float, float], font: str, size: float
) -> None:
    """Draw `text` centred at `x`, moved sideways where it would stick out of `within`."""
    half = stringWidth(text, font, size) / 2
    canvas.setFont(font, size)
    canvas.drawCentredString(min(max(x, within[0] + half), within[1] - half), y, text)


class IconArray(Flowable):
    """A hundred dots, ten in a row from the top; the first `count` are filled.

    Parameters
    ----------
    count : 0 to 100
    side : of the square, in points
    """

    def __init__(self, count: int, *, side: float) -> None:
        super().__init__()
        self.count, self.width, self.height = count, side, side

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Size in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw the dots."""
        step = self.width / 10
        radius = step * 0.38
        for place in range(100):
            row, column = divmod(place, 10)
            filled = place < self.count
            self.canv.setFillColor(theme.ACCENT if filled else theme.WHITE)
            self.canv.setStrokeColor(theme.ACCENT if filled else theme.MUTED)
            self.canv.setLineWidth(0.35)
            self.canv.circle((column + 0.5) * step, self.height - (row + 0.5) * step, radius, stroke=1, fill=1)


class ContributionChart(Flowable):
    """Net share of each group as a bar from zero, with a thin line as far as its features pull either way.

    Parameters
    ----------
    groups : from top to bottom
    shown : what stands beside each bar
    lowers, raises : what stands above the two directions
    width : in points
    """

    ROW: Final = 13.0
    HEAD: Final = 13.0

    def __init__(
        self, groups: Ordered[ContributionGroup], *, shown: Ordered[str], lowers: str, raises: str, width: float
    ) -> None:
        super().__init__()
        self.groups, self.shown, self.lowers, self.raises = tuple(groups), tuple(shown), lowers, raises
        self.width, self.height = width, self.HEAD + self.ROW * len(self.groups)

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Size in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw labels, bars and lines."""
        canvas = self.canv
        label_width, value_width = 0.36 * self.width, 0.1 * self.width
        plot = self.width - label_width - value_width
        reach = max(max(group.raising, -group.lowering, abs(group.share)) for group in self.groups)
        zero, unit = label_width + plot / 2, plot / 2 / reach * 0.96
        canvas.setFont(theme.REGULAR, 6.8)
        canvas.setFillColor(theme.MUTED)
        canvas.drawRightString(zero - 6, self.height - 8, f"← {self.lowers}")
        canvas.drawString(zero + 6, self.height - 8, f"{self.raises} →")
        for place, (group, shown) in enumerate(zip(self.groups, self.shown, strict=True)):
            middle = self.height - self.HEAD - (place + 0.5) * self.ROW
            canvas.setFont(theme.REGULAR, 7.6)
            canvas.setFillColor(theme.INK)
            canvas.drawString(0, middle - 2.6, group.label)
            canvas.drawRightString(self.width, middle - 2.6, shown)
            canvas.setStrokeColor(theme.MUTED)
            canvas.setLineWidth(0.8)
            canvas.line(zero + group.lowering * unit, middle, zero + group.raising * unit, middle)
            canvas.setFillColor(theme.HIGH if group.share > 0 else theme.LOW)
            canvas.rect(min(zero, zero + group.share * unit), middle - 3.2, abs(group.share) * unit, 6.4, 0, 1)
        canvas.setStrokeColor(theme.INK)
        canvas.setLineWidth(0.6)
        canvas.line(zero, 0, zero, self.height - self.HEAD)
