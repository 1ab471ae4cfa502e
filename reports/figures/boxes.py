"""Values of two groups in many rows: box and points of both, with stars for the false discovery rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.figures.chart import Chart
from reports.figures.labelled_matrix import STARS, stars
from reports.figures.panel import PAD, Entry, add_axes, fit, head, new_figure, points, set_height, shortened
from reports.figures.theme import DOUBLE_MM, Theme

_ROW_PT = 17.0
_ROOM = 0.38  # of the width, at most, for the names
_SHIFT, _HEIGHT = 0.2, 0.28
_SPREAD = 0.1  # of the points around the middle of their box, in rows


@dataclass(frozen=True, eq=False)
class BoxRows:
    """Rows of values.

    Attributes
    ----------
    names : of the rows
    values : float64 (rows, patients), on one scale
    is_second : bool (patients,)
    fdr : float64 (rows,)
    groups : names of the first and the second group
    """

    names: Sequence[str]
    values: NDArray[np.float64]
    is_second: NDArray[np.bool_]
    fdr: NDArray[np.float64]
    groups: tuple[str, str]


def boxes(name: str, rows: BoxRows, *, axis: str, caption: str, alternative: str, width_mm: float = DOUBLE_MM) -> Chart:
    """Box plots: the box is the middle half with the median, whiskers reach 1.5 times its width, every patient a "
    "dot."""

    def draw(theme: Theme, width: float) -> Figure:
        return _draw(theme, width, rows, axis)

    return Chart(name, f"{caption} {STARS}.", alternative, width_mm, draw)


def _draw(theme: Theme, width_mm: float, rows: BoxRows, axis: str) -> Figure:
    figure = new_figure(theme, width_mm, 300.0)
    width = points(figure)[0]
    colors = (theme.low, theme.high)
    entries = [
        Entry(group, color, dash=None, marker=marker)
        for group, color, marker in zip(rows.groups, colors, ("o", "s"), strict=True)
    ]
    set_height(figure, 46.0 + _ROW_PT * len(rows.names))
    above = head(figure, theme, entries=entries)
    axes = add_axes(figure, theme, x_label=axis)
    rng = np.random.default_rng(1)  # of the places of the dots; the same in every theme
    for place_of, values in enumerate(rows.values):
        for chosen, color, marker, shift in (
            (~rows.is_second, colors[0], "o", -_SHIFT),
            (rows.is_second, colors[1], "s", _SHIFT),
        ):
            _box(axes, values[chosen], place_of + shift, color, marker, rng)
        if mark := stars(float(rows.fdr[place_of])):
            axes.text(1.005, place_of, mark, transform=axes.get_yaxis_transform(), va="center", color=theme.ink)
    axes.set_yticks(range(len(rows.names)), [shortened(one, _ROOM * width, theme.font_pt) for one in rows.names])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(rows.names) - 0.5, -0.5)
    for edge in range(1, len(rows.names)):
        axes.axhline(edge - 0.5, color=theme.rule, linewidth=0.3, zorder=0)
    fit(axes, above=above, right=14.0 + PAD)
    return figure


def _box(axes: Axes, values: NDArray[np.float64], at: float, color: str, marker: str, rng: np.random.Generator) -> None:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    reach = 1.5 * (high - low)
    ends = values[values >= low - reach].min(), values[values <= high + reach].max()
    axes.plot(
        values,
        at + rng.uniform(-_SPREAD, _SPREAD, values.size),
        marker,
        color=color,
        markersize=1.3,
        markeredgewidth=0,
        alpha=0.55,
    )
    axes.plot(ends, [at, at], color=color, linewidth=0.6)
    axes.barh(at, high - low, left=low, height=_HEIGHT, facecolor="none", edgecolor=color, linewidth=0.8)
    axes.plot([middle, middle], [at - _HEIGHT / 2, at + _HEIGHT / 2], color=color, linewidth=1.4)
