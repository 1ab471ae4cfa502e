"""Views of a slice, its grey levels and the outlines on it: what the PDF and the key images draw alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray

from reports.content import KeyImage

# Grey levels shown: these percentiles of the slice are black and white.
_WINDOW = (1.0, 99.7)
# Room around the shell in an enlarged view, and the least field of view.
_MARGIN_MM = 12.0
_LEAST_VIEW_MM = 60.0
_SCALE_BARS_MM = (100, 50, 20, 10, 5)


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


def scale_bar_mm(side_mm: float) -> int:
    """Length of the scale bar of a view: the longest that takes at most a third of its side."""
    return next((bar for bar in _SCALE_BARS_MM if bar <= side_mm / 3), _SCALE_BARS_MM[-1])
