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
from reports.section_view import View, outlines, scale_bar_mm, windowed

# Bitmaps are brought to this resolution with smooth interpolation, so that no viewer shows blocks.
_DPI = 240
SHELL_DASH: Final = (2.2, 1.4)


# (row, column) of a pixel centre → (x, y) on the panel, in points.
Place = Callable[[float, float], tuple[float, float]]


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
    length_mm = scale_bar_mm(side / scale)
    length = length_mm * scale
    canvas.setStrokeColor(theme.WHITE)
    canvas.setFillColor(theme.WHITE)
    canvas.setLineWidth(1.2)
    canvas.line(4, 4.5, 4 + length, 4.5)
    canvas.setFont(theme.REGULAR, 5.8)
    canvas.drawString(4, 6.8, f"{length_mm} mm")
