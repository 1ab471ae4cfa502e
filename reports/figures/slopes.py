"""Values of single patients before and after, joined by lines, in two groups; one panel for each feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.figures.chart import Chart
from reports.figures.panel import PAD, add_axes, new_figure, overhang, place, points, set_height, text_at, wrapped
from reports.figures.theme import DOUBLE_MM, Theme

_PANEL_PT, _COLUMNS = 112.0, 3


@dataclass(frozen=True, eq=False)
class SlopePanel:
    """A panel.

    Attributes
    ----------
    title : name of the feature
    note : below it, such as its P
    before, after : float64 (patients,)
    is_first : bool (patients,), in the first of the two groups
    """

    title: str
    note: str
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    is_first: NDArray[np.bool_]


def slopes(
    name: str,
    panels: Sequence[SlopePanel],
    groups: tuple[str, str],
    *,
    caption: str,
    alternative: str,
    width_mm: float = DOUBLE_MM,
) -> Chart:
    """Panels of lines from before to after; the thick line joins the means."""

    def draw(theme: Theme, width: float) -> Figure:
        return _draw(theme, width, panels, groups)

    return Chart(name, caption, alternative, width_mm, draw)


def _draw(theme: Theme, width_mm: float, panels: Sequence[SlopePanel], groups: tuple[str, str]) -> Figure:
    figure = new_figure(theme, width_mm, 200.0)
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    width = points(figure)[0]
    cell = (width - 2 * PAD) / max(columns, 2)
    titles = [wrapped(panel.title, cell - 12.0, theme.font_pt, bold=True)[:3] for panel in panels]
    heading = 9.0 * max(len(lines) for lines in titles) + 19.0
    height = rows * (_PANEL_PT + heading + 26.0) + PAD
    set_height(figure, height)
    for number, (panel, lines) in enumerate(zip(panels, titles, strict=True)):
        left = PAD + (number % columns) * cell
        top = height - PAD - (number // columns) * (_PANEL_PT + heading + 26.0)
        for line, text in enumerate(lines):
            text_at(figure, left, top - 9.0 * line - 4.5, text, theme, bold=True)
        text_at(figure, left, top - heading + 14.0, panel.note, theme, size=theme.small_pt, color=theme.muted)
        axes = add_axes(figure, theme)
        for group, (chosen, color, dash) in enumerate(
            ((panel.is_first, theme.low, theme.dash(0)), (~panel.is_first, theme.high, theme.dash(1)))
        ):
            at = np.array([0.0, 1.0]) + 2.0 * group
            pairs = np.stack([panel.before[chosen], panel.after[chosen]])
            axes.plot(at, pairs, color=color, linewidth=0.45, alpha=0.35, linestyle="solid")
            axes.plot(at, pairs.mean(axis=1), color=theme.ink, linewidth=1.8, linestyle=dash, marker="o", markersize=3)
        axes.set_xticks([0, 1, 2, 3], [f"before\n{groups[0]}", "after\n", f"before\n{groups[1]}", "after\n"])
        axes.set_xlim(-0.4, 3.4)
        axes.margins(y=0.06)
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4), useMathText=False)
        axes.yaxis.get_offset_text().set_fontsize(theme.small_pt)
        axes.yaxis.get_offset_text().set_color(theme.ink)
        bottom = top - heading - _PANEL_PT
        place(axes, left=left + 28.0, bottom=bottom, right=left + cell - 10.0, top=top - heading - 4.0)
        labels = overhang(axes)[0]
        place(axes, left=left + labels + 1.0, bottom=bottom, right=left + cell - 10.0, top=top - heading - 4.0)
    return figure
