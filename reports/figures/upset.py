"""UpSet plot: sizes of the intersections of lists, beside what independent lists would have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from reports.figures.chart import Chart
from reports.figures.panel import PAD, Entry, add_axes, head, new_figure, place, points, text_width
from reports.figures.theme import DOUBLE_MM, Theme

_ROW_PT, _BARS_PT = 13.0, 130.0


@dataclass(frozen=True)
class UpSetColumn:
    """An intersection: items that are in some lists and in no other.

    Attributes
    ----------
    members : places of the lists
    size : number of items
    expected : number if the lists were independent
    """

    members: tuple[int, ...]
    size: int
    expected: float


def upset(
    name: str,
    lists: Sequence[tuple[str, int]],
    columns: Sequence[UpSetColumn],
    *,
    caption: str,
    alternative: str,
    width_mm: float = DOUBLE_MM,
) -> Chart:
    """An UpSet plot.

    Parameters
    ----------
    lists : (label, size) of each list
    columns : intersections in the order in which they are drawn
    """

    def draw(theme: Theme, width: float) -> Figure:
        return _draw(theme, width, lists, columns)

    return Chart(name, caption, alternative, width_mm, draw)


def _draw(theme: Theme, width_mm: float, lists: Sequence[tuple[str, int]], columns: Sequence[UpSetColumn]) -> Figure:
    matrix = _ROW_PT * len(lists)
    figure = new_figure(theme, width_mm, 200.0)
    figure.set_size_inches(figure.get_size_inches()[0], (_BARS_PT + matrix + 34.0) / 72)
    height = points(figure)[1]
    above = head(
        figure,
        theme,
        entries=[
            Entry("features", theme.accent, dash=None, marker="s"),
            Entry("expected of independent lists", theme.high, dash=None, marker="D"),
        ],
    )
    labels = [f"{label}  {size:,}" for label, size in lists]
    left = PAD + max(text_width(label, theme.font_pt) for label in labels) + 10.0
    right = points(figure)[0] - PAD
    bars = add_axes(figure, theme, y_label="features")
    place(bars, left=left, bottom=PAD + matrix + 4.0, right=right, top=height - above - 6.0)
    tallest = max([1.0, *(max(column.size, column.expected) for column in columns)])
    for at, column in enumerate(columns):
        is_common = len(column.members) == len(lists)
        color = theme.ink if is_common else theme.accent
        bars.bar(at, column.size, width=0.62, color=color, linewidth=0)
        is_near = 0.95 * column.size < column.expected < column.size + 0.1 * tallest
        above_bar = max(column.expected, column.size) + 0.03 * tallest if is_near else column.size
        bars.text(at, above_bar, f"{column.size:,}", ha="center", va="bottom", fontsize=theme.small_pt, color=theme.ink)
        bars.plot(
            at,
            column.expected,
            "D",
            markersize=3.6,
            markerfacecolor=theme.page,
            markeredgecolor=theme.high,
            markeredgewidth=0.9,
        )
    bars.set_ylim(0, 1.14 * tallest)
    bars.set_xlim(-0.6, len(columns) - 0.4)
    bars.set_xticks([])
    bars.spines["bottom"].set_visible(False)
    dots = add_axes(figure, theme)
    dots.set_axis_off()
    place(dots, left=left, bottom=PAD, right=right, top=PAD + matrix)
    dots.set_xlim(bars.get_xlim())
    dots.set_ylim(len(lists) - 0.5, -0.5)
    for row, label in enumerate(labels):
        if row % 2 == 0:
            dots.axhspan(row - 0.5, row + 0.5, facecolor=theme.rule, alpha=0.35, linewidth=0)
        dots.text(
            -0.01,
            row,
            label,
            transform=dots.get_yaxis_transform(),
            ha="right",
            va="center",
            fontsize=theme.font_pt,
            color=theme.ink,
        )
    for at, column in enumerate(columns):
        dots.plot([at] * len(lists), range(len(lists)), "o", markersize=4.2, color=theme.rule, zorder=2)
        if column.members:
            dots.plot([at] * len(column.members), column.members, "-o", markersize=4.6, color=theme.ink, zorder=3)
    return figure
