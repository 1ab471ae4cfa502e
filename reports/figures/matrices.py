"""Correlation matrices side by side on one scale from -1 to 1 and one order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.figures.chart import Chart
from reports.figures.heatmap import SCALE
from reports.figures.panel import PAD, add_axes, new_figure, place, points, set_height, text_at
from reports.figures.theme import DOUBLE_MM, Theme

_GAP_PT, _TITLE_PT, _BAR_PT = 8.0, 12.0, 5.0


@dataclass(frozen=True, eq=False)
class Matrix:
    """A matrix with its heading; float64 (cells, cells), -1 to 1, beyond is shown as the end of the scale."""

    title: str
    cells: NDArray[np.float64]


def matrices(
    name: str,
    rows: Sequence[Sequence[Matrix]],
    *,
    caption: str,
    alternative: str,
    scale: str = "Spearman's ρ",
    width_mm: float = DOUBLE_MM,
) -> Chart:
    """Matrices in a grid, with one scale below."""

    def draw(theme: Theme, width: float) -> Figure:
        return _draw(theme, width, rows, scale)

    return Chart(name, caption, alternative, width_mm, draw)


def _draw(theme: Theme, width_mm: float, rows: Sequence[Sequence[Matrix]], scale: str) -> Figure:
    figure = new_figure(theme, width_mm, 300.0)
    width = points(figure)[0]
    columns = max(len(row) for row in rows)
    side = (width - 2 * PAD - (columns - 1) * _GAP_PT) / columns
    height = len(rows) * (side + _TITLE_PT) + 24.0 + PAD
    set_height(figure, height)
    picture = None
    for line, row in enumerate(rows):
        top = height - PAD - line * (side + _TITLE_PT)
        for column, matrix in enumerate(row):
            left = PAD + column * (side + _GAP_PT)
            text_at(figure, left, top - 6.0, matrix.title, theme, bold=True)
            axes = add_axes(figure, theme)
            axes.set_axis_off()
            place(axes, left=left, bottom=top - _TITLE_PT - side + 4.0, right=left + side - 4.0, top=top - _TITLE_PT)
            picture = axes.imshow(
                matrix.cells,
                cmap="gray" if theme.name == "greyscale" else SCALE,
                vmin=-1,
                vmax=1,
                interpolation="none",
            )
    assert picture is not None
    bar_axes = add_axes(figure, theme)
    place(bar_axes, left=PAD + 6.0, bottom=PAD + 11.0, right=PAD + 126.0, top=PAD + 11.0 + _BAR_PT)
    bar = figure.colorbar(picture, cax=bar_axes, orientation="horizontal", ticks=[-1, 0, 1])
    bar.outline.set_visible(False)
    if bar.solids is not None:
        bar.solids.set_edgecolor("face")  # else viewers show seams between its cells
    bar_axes.tick_params(labelsize=theme.small_pt, length=2, pad=1, color=theme.muted, labelcolor=theme.ink)
    text_at(figure, PAD + 134.0, PAD + 13.5, scale, theme, size=theme.small_pt)
    return figure
