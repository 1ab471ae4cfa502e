"""Dot plot of over-represented sets: how often as expected, how many genes, which are below the false discovery "
"rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.figures.chart import Chart
from reports.figures.panel import PAD, Entry, add_axes, fit, head, new_figure, points, set_height, shortened, text_width
from reports.figures.theme import DOUBLE_MM, Theme

_ROW_PT = 12.5
_ROOM = 0.5  # of the width, at most, for the names
_AREA_PT = (2.5, 8.0)  # diameter of the smallest and the largest dot


@dataclass(frozen=True, eq=False)
class DotRows:
    """Sets from top to bottom.

    Attributes
    ----------
    names : of the sets
    ratios : float64 (sets,), observed over expected
    counts : int64 (sets,), genes
    is_strong : bool (sets,), false discovery rate below the threshold
    words : at the right, such as the P
    """

    names: Sequence[str]
    ratios: NDArray[np.float64]
    counts: NDArray[np.int64]
    is_strong: NDArray[np.bool_]
    words: Sequence[str]


def dots(
    name: str, rows: DotRows, *, axis: str, alpha: float, caption: str, alternative: str, width_mm: float = DOUBLE_MM
) -> Chart:
    """A dot plot; the area of a dot rises with the number of genes, filled dots are below the false discovery rate."""

    def draw(theme: Theme, width: float) -> Figure:
        return _draw(theme, width, rows, axis, alpha)

    return Chart(name, caption, alternative, width_mm, draw)


def _draw(theme: Theme, width_mm: float, rows: DotRows, axis: str, alpha: float) -> Figure:
    figure = new_figure(theme, width_mm, 300.0)
    width = points(figure)[0]
    set_height(figure, 46.0 + _ROW_PT * len(rows.names))
    entries = [
        Entry(f"FDR < {alpha:g}", theme.high, dash=None, marker="o"),
        Entry(f"FDR ≥ {alpha:g} (open); area: number of genes", theme.muted, dash=None, marker="."),
    ]
    above = head(figure, theme, entries=entries)
    axes = add_axes(figure, theme, x_label=axis)
    share = np.sqrt(rows.counts / rows.counts.max())
    for at, (ratio, big, strong, words) in enumerate(zip(rows.ratios, share, rows.is_strong, rows.words, strict=True)):
        color = theme.high if strong else theme.muted
        axes.plot(
            ratio,
            at,
            "o",
            markersize=_AREA_PT[0] + (_AREA_PT[1] - _AREA_PT[0]) * big,
            markerfacecolor=color if strong else theme.page,
            markeredgecolor=color,
            markeredgewidth=0.9,
        )
        axes.text(
            1.01, at, words, transform=axes.get_yaxis_transform(), va="center", fontsize=theme.small_pt, color=theme.ink
        )
    axes.axvline(1.0, color=theme.muted, linewidth=0.7, linestyle=(0, (1.1, 1.4)))
    axes.set_yticks(range(len(rows.names)), [shortened(one, _ROOM * width, theme.font_pt) for one in rows.names])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows.names) - 0.4, -0.6)
    axes.set_xlim(0, 1.1 * max(float(rows.ratios.max()), 1.5))
    fit(axes, above=above, right=max(text_width(one, theme.small_pt) for one in rows.words) + 2 * PAD)
    return figure
