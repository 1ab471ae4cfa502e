"""Charts on a page of reportlab as vector graphics: matplotlib draws on the page itself.

Text stays text in the fonts of the reports, embedded once a document as a TrueType subset; no bitmap, and no second PDF
inside the first, which reportlab cannot hold without one more library. The PDF files of single charts are made the same
way: matplotlib's own encoder takes ten times as long, most of it to make the subset.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, cast

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D, Transform
from PIL import Image
from reportlab.lib.colors import Color
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from reports.figures.chart import Chart, settings
from reports.figures.theme import Theme
from reports.fonts import BOLD, REGULAR, FontFinder

_CAPS: Final = {"butt": 0, "round": 1, "projecting": 2}
_JOINS: Final = {"miter": 0, "round": 1, "bevel": 2}
_IMAGE_SCALE: Final = 4.0  # pixels of a bitmap inside a chart for each point
_BOLD: Final = 600


def draw_on(canvas: Canvas, chart: Chart, finder: FontFinder, theme: Theme, width_mm: float | None = None) -> None:
    """Draws a chart with its left lower corner at the origin of the canvas, in points."""
    with settings():
        figure = chart.figure(theme, width_mm)
        figure.draw(_PageRenderer(canvas, finder, figure))


class _PageRenderer(RendererBase):
    """Draws a figure on a page; units are points, from the lower left corner of the figure."""

    def __init__(self, canvas: Canvas, finder: FontFinder, figure: Figure) -> None:
        super().__init__()
        self._canvas, self._finder = canvas, finder
        width, height = figure.get_size_inches()
        self._size = (72 * float(width), 72 * float(height))

    def draw_path(self, gc: GraphicsContextBase, path: Outline, transform: Transform, rgbFace: Any = None) -> None:
        """Strokes and fills a path."""
        canvas = self._canvas
        canvas.saveState()
        self._clip(gc)
        is_filled = rgbFace is not None
        if is_filled:
            self._fill(rgbFace, gc)
        width = gc.get_linewidth()
        if width > 0:
            red, green, blue, alpha = gc.get_rgb()
            canvas.setStrokeColor(Color(red, green, blue))
            canvas.setStrokeAlpha(gc.get_alpha() if gc.get_forced_alpha() else alpha)
            canvas.setLineWidth(width)
            canvas.setLineCap(_CAPS[gc.get_capstyle()])
            canvas.setLineJoin(_JOINS[gc.get_joinstyle()])
            offset, dashes = gc.get_dashes()
            canvas.setDash([] if dashes is None else np.asarray(dashes, dtype=np.float64).tolist(), float(offset or 0))
        page = self._size if not is_filled and path.should_simplify else None
        clip = (0.0, 0.0, *page) if page is not None else None
        drawn = self._outline(path, transform, clip)
        canvas.drawPath(drawn, stroke=int(width > 0), fill=int(is_filled))
        canvas.restoreState()

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        """Sets a line of text with its baseline at a point; characters without a glyph are shown as □."""
        canvas = self._canvas
        canvas.saveState()
        self._clip(gc)
        self._fill(gc.get_rgb(), gc)
        canvas.translate(x, y)
        canvas.rotate(angle)
        weight = prop.get_weight()
        is_bold = weight == "bold" or (not isinstance(weight, str) and weight >= _BOLD)
        size, at = prop.get_size_in_points(), 0.0
        for font, run in self._finder.runs(s, font=BOLD if is_bold else REGULAR):
            canvas.setFont(font, size)
            canvas.drawString(at, 0, run)
            at += stringWidth(run, font, size)
        canvas.restoreState()

    def draw_image(self, gc: GraphicsContextBase, x: float, y: float, im: Any, transform: Any = None) -> None:
        """Places a bitmap, such as the cells of a heatmap: uint8 (rows from below, columns, RGBA)."""
        rows, columns = im.shape[:2]
        if not rows or not columns:
            return
        self._canvas.saveState()
        self._clip(gc)
        picture = ImageReader(Image.fromarray(np.ascontiguousarray(im[::-1])))
        size = (columns / _IMAGE_SCALE, rows / _IMAGE_SCALE)
        self._canvas.drawImage(picture, x, y, *size, mask="auto")
        self._canvas.restoreState()

    def get_image_magnification(self) -> float:
        """Pixels of a bitmap for each point."""
        return _IMAGE_SCALE

    def flipy(self) -> bool:
        """Returns that y grows upwards."""
        return False

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Size of the figure in points."""
        return self._size

    def points_to_pixels(self, points: Any) -> Any:
        """Returns the points themselves."""
        return points

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> tuple[float, float, float]:
        """Size of a line of text in points, as in every other encoding of the chart."""
        width, height, descent = _measure().get_text_width_height_descent(s, prop, ismath)
        return float(width), float(height), float(descent)

    def _fill(self, color: Any, gc: GraphicsContextBase) -> None:
        red, green, blue, *rest = color
        self._canvas.setFillColor(Color(red, green, blue))
        self._canvas.setFillAlpha(gc.get_alpha() if gc.get_forced_alpha() or not rest else rest[0])

    def _clip(self, gc: GraphicsContextBase) -> None:
        box = gc.get_clip_rectangle()
        if box is not None:
            rectangle = self._canvas.beginPath()
            rectangle.rect(*(float(one) for one in box.bounds))
            self._canvas.clipPath(rectangle, stroke=0, fill=0)
        path, transform = cast("tuple[Outline | None, Transform | None]", gc.get_clip_path())
        if path is not None and transform is not None:
            self._canvas.clipPath(self._outline(path, transform, None), stroke=0, fill=0)

    def _outline(self, path: Outline, transform: Transform, clip: Any) -> Any:
        """A path of the page; quadratic curves as cubic ones."""
        drawn = self._canvas.beginPath()
        last = (0.0, 0.0)
        for points, code in path.iter_segments(Affine2D() + transform, clip=clip, curves=True):
            values = [float(one) for one in points]
            if code == Outline.MOVETO:
                drawn.moveTo(*values)
            elif code == Outline.LINETO:
                drawn.lineTo(*values)
            elif code == Outline.CURVE3:
                (x1, y1, x2, y2), (x0, y0) = values, last
                controls = (
                    x0 + 2 / 3 * (x1 - x0),
                    y0 + 2 / 3 * (y1 - y0),
                    x2 + 2 / 3 * (x1 - x2),
                    y2 + 2 / 3 * (y1 - y2),
                )
                drawn.curveTo(*controls, x2, y2)
            elif code == Outline.CURVE4:
                drawn.curveTo(*values)
            elif code == Outline.CLOSEPOLY:
                drawn.close()
            if code != Outline.CLOSEPOLY and values:
                last = (values[-2], values[-1])
        return drawn


@lru_cache(maxsize=1)
def _measure() -> Any:
    return FigureCanvasAgg(Figure(figsize=(1, 1), dpi=72)).get_renderer()
