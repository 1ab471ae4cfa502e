"""Numbers of hits beside what permutations give: observed, expected of independent tests, and the drawn ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.figures.chart import Chart
from reports.figures.panel import PAD, Entry, add_axes, fit, head, new_figure, set_height, text_width
from reports.figures.theme import DOUBLE_MM, Theme

_ROW_PT = 17.0


@dataclass(frozen=True, eq=False)
class ChanceRow:
    """One number of hits.

    Attributes
    ----------
    label : what was counted
    observed, expected : the number, and its mean if all features were independent
    drawn : (permutations,)
    words : at the right, such as the P of the permutations
    """

    label: str
    observed: int
    expected: float
    drawn: NDArray[np.int64]
    words: str


def chance(
    name: str, rows: Sequence[ChanceRow], *, caption: str, alternative: str, width_mm: float = DOUBLE_MM
) -> Chart:
    """One line for each number: the middle 90 % of the permutations as a bar, their median, the observed number."""

    def draw(theme: Theme, width: float) -> Figure:
        return _draw(theme, width, rows)

    return Chart(name, caption, alternative, width_mm, draw)


def _draw(theme: Theme, width_mm: float, rows: Sequence[ChanceRow]) -> Figure:
    figure = new_figure(theme, width_mm, 200.0)
    entries = [
        Entry("observed", theme.high, dash=None, marker="o"),
        Entry("permutations: median, 5 to 95 %, largest", theme.muted, width=2.0),
        Entry("expected of independent features", theme.low, dash=None, marker="D"),
    ]
    set_height(figure, 60.0 + _ROW_PT * len(rows))
    above = head(figure, theme, entries=entries)
    axes = add_axes(figure, theme, x_label="features")
    for at, row in enumerate(rows):
        low, middle, high = np.quantile(row.drawn, [0.05, 0.5, 0.95])
        axes.plot([low, high], [at, at], color=theme.rule, linewidth=5.0, solid_capstyle="butt")
        axes.plot([high, row.drawn.max()], [at, at], color=theme.muted, linewidth=0.8)
        axes.plot([middle, middle], [at - 0.22, at + 0.22], color=theme.muted, linewidth=1.4)
        axes.plot(
            row.expected,
            at,
            "D",
            markersize=3.6,
            markerfacecolor=theme.page,
            markeredgecolor=theme.low,
            markeredgewidth=0.9,
        )
        axes.plot(row.observed, at, "o", markersize=4.6, color=theme.high)
        axes.text(
            1.01,
            at,
            row.words,
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=theme.font_pt,
            color=theme.ink,
        )
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(left=0)
    widest = max(text_width(row.words, theme.font_pt) for row in rows)
    fit(axes, above=above, right=widest + 2 * PAD)
    return figure
