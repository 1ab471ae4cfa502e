"""Volcano plot: effect against P of every feature, with the thresholds of P and of the false discovery rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.figures.chart import Chart
from reports.figures.panel import PAD, Entry, add_axes, fit, head, new_figure, points, shortened, text_at
from reports.figures.theme import SINGLE_MM, Theme

_SMALLEST = 1e-300


@dataclass(frozen=True, eq=False)
class VolcanoPoints:
    """Points of a volcano plot.

    Attributes
    ----------
    effects, p, fdr : float64 (features,)
    labels : of the features, in the same order
    """

    effects: NDArray[np.float64]
    p: NDArray[np.float64]
    fdr: NDArray[np.float64]
    labels: Sequence[str]


def volcano(
    name: str,
    data: VolcanoPoints,
    *,
    effect: str,
    alpha: float,
    caption: str,
    alternative: str,
    labelled: int = 6,
    width_mm: float = SINGLE_MM,
) -> Chart:
    """A volcano plot whose smallest P are numbered, with their names below.

    Parameters
    ----------
    effect : words of the horizontal axis
    labelled : number of features with a name
    """

    def draw(theme: Theme, width: float) -> Figure:
        return _draw(theme, width, data, effect, alpha, labelled)

    return Chart(name, caption, alternative, width_mm, draw)


def _draw(theme: Theme, width_mm: float, data: VolcanoPoints, effect: str, alpha: float, labelled: int) -> Figure:
    heights = -np.log10(np.maximum(data.p, _SMALLEST))
    top = [int(one) for one in np.argsort(data.p, kind="stable")[:labelled] if data.p[one] < alpha]
    figure = new_figure(theme, width_mm, 190.0 + 9.0 * len(top))
    entries = [
        Entry(f"FDR < {alpha:g}", theme.high, dash=None, marker="o"),
        Entry(f"P < {alpha:g}", theme.low, dash=None, marker="s"),
        Entry("other", theme.muted, dash=None, marker="."),
    ]
    above = head(figure, theme, entries=entries)
    axes = add_axes(figure, theme, x_label=effect, y_label="−log₁₀ P")
    strong, weak = data.fdr < alpha, (data.p < alpha) & ~(data.fdr < alpha)
    for chosen, color, marker, size in (
        (~strong & ~weak, theme.muted, ".", 2.0),
        (weak, theme.low, "s", 2.4),
        (strong, theme.high, "o", 3.2),
    ):
        axes.plot(
            data.effects[chosen], heights[chosen], marker, color=color, markersize=size, markeredgewidth=0, alpha=0.75
        )
    axes.axhline(-np.log10(alpha), color=theme.muted, linewidth=0.7, linestyle=(0, (4, 2)))
    axes.axvline(0, color=theme.rule, linewidth=0.6, zorder=0)
    if strong.any():
        limit = float(heights[strong].min())
        axes.axhline(limit, color=theme.high, linewidth=0.7, linestyle=(0, (1.2, 1.6)))
    axes.set_ylim(0, 1.08 * max(float(heights.max()), -np.log10(alpha) * 1.2))
    reach = 1.1 * float(np.abs(data.effects).max() or 1.0)
    axes.set_xlim(-reach, reach)
    fit(axes, above=above, below=9.0 * len(top) + (2.0 if top else 0.0))
    for number, one in enumerate(top, start=1):
        axes.annotate(
            str(number),
            (data.effects[one], heights[one]),
            xytext=(3.5 if data.effects[one] >= 0 else -3.5, 1.5),
            textcoords="offset points",
            ha="left" if data.effects[one] >= 0 else "right",
            fontsize=theme.small_pt,
            color=theme.ink,
        )
        text = shortened(f"{number}  {data.labels[one]}", points(figure)[0] - 2 * PAD, theme.small_pt)
        text_at(figure, PAD, PAD + 9.0 * (len(top) - number) + 4.0, text, theme, size=theme.small_pt)
    return figure
