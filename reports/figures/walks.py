"""Walks of gene sets along a ranking: the running sum, and the places of the genes of the set below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.figures.chart import Chart
from reports.figures.panel import PAD, add_axes, new_figure, overhang, place, points, set_height, shortened, text_at
from reports.figures.theme import DOUBLE_MM, Theme

_PANEL_PT, _COLUMNS, _TICKS_PT = 104.0, 3, 9.0


@dataclass(frozen=True, eq=False)
class Walk:
    """A set.

    Attributes
    ----------
    title : its name
    note : below it, such as its score and P
    heights : float64 (genes,), after each gene of the ranking
    places : int64, of the genes of the set
    """

    title: str
    note: str
    heights: NDArray[np.float64]
    places: NDArray[np.int64]


def walks(
    name: str, panels: Sequence[Walk], *, axis: str, caption: str, alternative: str, width_mm: float = DOUBLE_MM
) -> Chart:
    """A panel for each set."""

    def draw(theme: Theme, width: float) -> Figure:
        return _draw(theme, width, panels, axis)

    return Chart(name, caption, alternative, width_mm, draw)


def _draw(theme: Theme, width_mm: float, panels: Sequence[Walk], axis: str) -> Figure:
    figure = new_figure(theme, width_mm, 300.0)
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    width = points(figure)[0]
    cell = (width - 2 * PAD) / columns
    height = rows * _PANEL_PT + 14.0 + PAD
    set_height(figure, height)
    for number, panel in enumerate(panels):
        left, top = PAD + (number % columns) * cell, height - PAD - (number // columns) * _PANEL_PT
        title = shortened(panel.title, cell - 8.0, theme.font_pt, bold=True)
        text_at(figure, left, top - 5.0, title, theme, bold=True)
        top -= 9.0
        text_at(figure, left, top - 5.0, panel.note, theme, size=theme.small_pt)
        bottom = height - PAD - (number // columns + 1) * _PANEL_PT + 12.0
        axes = add_axes(figure, theme)
        axes.axhline(0, color=theme.rule, linewidth=0.6, zorder=0)
        axes.plot(np.arange(1, panel.heights.size + 1), panel.heights, color=theme.accent, linewidth=1.0)
        axes.set_xlim(0, panel.heights.size + 1)
        axes.set_xticks([])
        axes.locator_params(axis="y", nbins=4)
        axes.tick_params(labelsize=theme.small_pt)
        place(axes, left=left + 20.0, bottom=bottom + _TICKS_PT + 2.0, right=left + cell - 8.0, top=top - 12.0)
        extra = overhang(axes)[0] - 20.0
        if extra > 0:
            place(
                axes, left=left + 20.0 + extra, bottom=bottom + _TICKS_PT + 2.0, right=left + cell - 8.0, top=top - 12.0
            )
        ticks = add_axes(figure, theme)
        ticks.set_axis_off()
        place(ticks, left=left + 20.0 + max(extra, 0.0), bottom=bottom, right=left + cell - 8.0, top=bottom + _TICKS_PT)
        ticks.vlines(panel.places + 1, 0, 1, color=theme.ink, linewidth=0.4)
        ticks.set_xlim(0, panel.heights.size + 1)
        ticks.set_ylim(0, 1)
    text_at(figure, width / 2, PAD + 4.0, axis, theme, ha="center", size=theme.small_pt)
    return figure
