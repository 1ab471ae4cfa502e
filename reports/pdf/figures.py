"""The key images of a report with their contours; its charts are in `charts`.

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
from reportlab.pdfgen.canvas import Canvas

from reports.content import KeyImage
from reports.pdf import theme
from reports.pdf.tagged import Picture
from reports.pdf.theme import Typesetter

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


class KeyImageRow(Picture):
    """Panels side by side, each with contours, edge letters and a scale bar.

    Parameters
    ----------
    panels : from left to right
    width : of the row, in points
    side : of a panel, in points; smaller when the row is too narrow
    gap : between panels, in points
    """

    def __init__(
        self,
        panels: Ordered[Panel],
        *,
        width: float,
        side: float,
        gap: float = 2 * mm,
        typesetter: Typesetter | None = None,
    ) -> None:
        super().__init__()
        self.typesetter = typesetter or Typesetter()
        self.panels = tuple(panels)
        self.alternative = self.typesetter.words.say.key_images_alternative([panel.caption for panel in self.panels])
        self.gap = gap
        self.side = min(side, (width - gap * (len(self.panels) - 1)) / max(1, len(self.panels)))
        self.width = self.side * len(self.panels) + gap * (len(self.panels) - 1)
        self.height = self.side + 10

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Size in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draws every panel."""
        for place, panel in enumerate(self.panels):
            self.canv.saveState()
            self.canv.translate(place * (self.side + self.gap), 10)
            _draw_panel(self.canv, panel, self.side, self.typesetter)
            self.canv.restoreState()


def _draw_panel(canvas: Canvas, panel: Panel, side: float, typesetter: Typesetter) -> None:
    """Draws one panel: the slice, the outlines of the regions, and the frame of the enlarged view."""
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
    typesetter.draw(canvas, 0, -8, panel.caption, font=theme.REGULAR, size=6.8)


def _draw_pixels(canvas: Canvas, image: KeyImage, view: View, place: Place, scale: float) -> None:
    """Draws the part of a slice that the view shows, interpolated and clipped to the panel."""
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
    """Strokes closed lines, given as (points, 2) row and column in pixels."""
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
