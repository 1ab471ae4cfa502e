"""Correlations between two kinds of things, rows and columns named, with stars for the false discovery rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.figures.chart import Chart
from reports.figures.heatmap import SCALE
from reports.figures.panel import PAD, add_axes, new_figure, place, points, set_height, shortened, text_at, text_width
from reports.figures.theme import DOUBLE_MM, Theme

STARS = "* FDR < .05, ** FDR < .01"
_CELL_PT, _BAR_PT = 10.5, 5.0
_ROOM = 0.42  # of the width, at most, for the names of the rows
_COLUMN_ROOM_PT = 92.0


@dataclass(frozen=True, eq=False)
class NamedMatrix:
    """A matrix from -1 to 1.

    Attributes
    ----------
    rows, columns : names
    cells, fdr : float64 (rows, columns)
    """

    rows: Sequence[str]
    columns: Sequence[str]
    cells: NDArray[np.float64]
    fdr: NDArray[np.float64]


def labelled_matrix(
    name: str,
    matrix: NamedMatrix,
    *,
    caption: str,
    alternative: str,
    scale: str = "Spearman's ρ",
    width_mm: float = DOUBLE_MM,
) -> Chart:
    """A matrix with the names of its rows and columns."""

    def draw(theme: Theme, width: float) -> Figure:
        return _draw(theme, width, matrix, scale)

    return Chart(name, f"{caption} {STARS}.", alternative, width_mm, draw)


def stars(fdr: float) -> str:
    """Stars of a false discovery rate: "**" below .01, "*" below .05."""
    return "**" if fdr < 0.01 else "*" if fdr < 0.05 else ""


def _draw(theme: Theme, width_mm: float, matrix: NamedMatrix, scale: str) -> Figure:
    figure = new_figure(theme, width_mm, 300.0)
    width = points(figure)[0]
    size = theme.small_pt
    names = [shortened(one, _ROOM * width, size) for one in matrix.rows]
    heads = [shortened(one, _COLUMN_ROOM_PT, size) for one in matrix.columns]
    left = PAD + max(text_width(one, size) for one in names) + 5.0
    above = PAD + max(text_width(one, size) for one in heads) + 5.0
    across = min((width - left - PAD) / len(heads), 2.6 * _CELL_PT)
    height = above + _CELL_PT * len(names) + 26.0
    set_height(figure, height)
    axes = add_axes(figure, theme)
    right = left + across * len(heads)
    place(axes, left=left, bottom=26.0, right=right, top=height - above)
    picture = axes.imshow(
        matrix.cells,
        aspect="auto",
        cmap="gray" if theme.name == "greyscale" else SCALE,
        vmin=-1,
        vmax=1,
        interpolation="none",
    )
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.set_xticks(range(len(heads)), heads, fontsize=size, rotation=90)
    axes.tick_params(length=0, pad=2, top=False, labeltop=True, bottom=False, labelbottom=False, labelsize=size)
    for row, column in np.argwhere(matrix.fdr < 0.05):
        # Text on the cell: dark on light cells, light on dark ones, in every theme.
        color = "#000000" if matrix.cells[row, column] > 0 else "#ffffff"
        axes.text(
            column, row + 0.18, stars(matrix.fdr[row, column]), ha="center", va="center", color=color, fontsize=size
        )
    bar_axes = add_axes(figure, theme)
    place(bar_axes, left=PAD + 6.0, bottom=PAD + 11.0, right=PAD + 126.0, top=PAD + 11.0 + _BAR_PT)
    bar = figure.colorbar(picture, cax=bar_axes, orientation="horizontal", ticks=[-1, 0, 1])
    bar.outline.set_visible(False)
    bar_axes.tick_params(labelsize=size, length=2, pad=1, color=theme.muted, labelcolor=theme.ink)
    text_at(figure, PAD + 134.0, PAD + 13.5, scale, theme, size=size)
    return figure
