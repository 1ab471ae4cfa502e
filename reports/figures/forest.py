"""Forest plots: a number with its interval in each row, between columns of text with heads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from models.statistics.estimate import Estimate, Found
from reports.figures import panel
from reports.figures.chart import Chart
from reports.figures.theme import DOUBLE_MM, Dash, Theme

_ROW = 11.0  # points
_GAP = 9.0  # between columns
_NAMES = 0.38  # of the width, at most
_LEAST_PLOT = 58.0  # width that names leave to the plot
_WIDE = 300.0  # from this width on, heads stand on one line
_REFERENCE: Dash = (0, (1.1, 1.4))
_RATIOS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_WIDEST = 1000.0  # of an axis of ratios; longer intervals end in an arrow


@dataclass(frozen=True)
class ForestRow:
    """A row.

    Attributes
    ----------
    label, counts : name of the group, and its numbers: "15 / 244"
    estimate : the number
    shown : the number and its interval as text
    is_main : a whole cohort; its subgroups are indented below it
    """

    label: str
    counts: str
    estimate: Found
    shown: str
    is_main: bool


@dataclass(frozen=True)
class _Content:
    rows: tuple[ForestRow, ...]
    heads: tuple[str, str, str]
    title: str
    axis: str
    reference: float
    is_ratio: bool


def forest_chart(
    rows: Sequence[ForestRow],
    *,
    name: str,
    heads: tuple[str, str, str],
    axis: str,
    caption: str,
    reference: float,
    is_ratio: bool = False,
    title: str = "",
    width_mm: float = DOUBLE_MM,
) -> Chart:
    """A forest plot.

    Parameters
    ----------
    rows : from top to bottom, at least one
    heads : of the columns of names, counts and numbers
    axis : words below the axis
    reference : value of no effect, a dotted line
    is_ratio : the axis is logarithmic, so that 0.5 and 2 are as far from 1
    """
    words = "; ".join(f"{row.label}, {heads[1].lower()} {row.counts}: {row.shown}" for row in rows)
    content = _Content(tuple(rows), heads, title, axis, reference, is_ratio)
    reading = "Squares: cohorts; circles: subgroups; open: no interval, too few events."
    return Chart(name, f"{caption} {reading}", f"{heads[2]}. {words}.", width_mm, partial(_draw, content))


@dataclass(frozen=True)
class _Columns:
    """Names as they fit, heads in lines, and the places of the columns in points."""

    names: tuple[str, ...]
    heads: tuple[list[str], list[str], list[str]]
    counts_at: float
    shown_at: float
    plot: tuple[float, float]


def _columns(content: _Content, theme: Theme, width: float) -> _Columns:
    """Widths of the columns: numbers as they are, names what is left beside a plot of the least width."""
    size = theme.font_pt

    def column(head: str, cells: Sequence[tuple[str, bool]]) -> tuple[list[str], float]:
        head = head.replace(" %", "\u00a0%")
        words = [panel.text_width(word, size, bold=True) for word in head.split(" ")]
        inner = max(*words, *(panel.text_width(text, size, bold=is_bold) for text, is_bold in cells))
        roomy = panel.text_width(head, size, bold=True)
        is_wide = width > _WIDE
        room = max(inner, roomy) if is_wide else inner
        return panel.wrapped(head, room + 0.1, size, bold=True), room

    second_head, second = column(content.heads[1], [(row.counts, False) for row in content.rows])
    third_head, third = column(content.heads[2], [(row.shown, row.is_main) for row in content.rows])
    gap = _GAP if width > _WIDE else 0.6 * _GAP
    rest = width - 2 * panel.PAD - second - third - 3.8 * gap - _LEAST_PLOT
    room = max(3 * size, min(_NAMES * width, rest))
    names = tuple(panel.shortened(row.label, room - _indent(row), size, bold=row.is_main) for row in content.rows)
    first = max(
        panel.text_width(content.heads[0], size, bold=True),
        *(
            panel.text_width(name, size, bold=row.is_main) + _indent(row)
            for name, row in zip(names, content.rows, strict=True)
        ),
    )
    counts_at, shown_at = panel.PAD + first + gap + second, width - panel.PAD
    heads = ([content.heads[0]], second_head, third_head)
    return _Columns(names, heads, counts_at, shown_at, (counts_at + 1.4 * gap, shown_at - third - 1.4 * gap))


def _indent(row: ForestRow) -> float:
    return 0.0 if row.is_main else 8.0


def _draw(content: _Content, theme: Theme, width_mm: float) -> Figure:
    figure = panel.new_figure(theme, width_mm, 400.0)
    width, _ = panel.points(figure)
    columns = _columns(content, theme, width)
    line = panel.LEADING * theme.font_pt
    words = panel.wrapped(content.axis, width - 2 * panel.PAD, theme.font_pt)
    above = panel.head(figure, theme, title=content.title) if content.title else panel.PAD
    heads = line * max(len(lines) for lines in columns.heads) + 3.0
    foot = 14.0 + line * len(words) + panel.PAD
    panel.set_height(figure, above + heads + _ROW * len(content.rows) + foot)
    _, height = panel.points(figure)
    axes = panel.add_axes(figure, theme)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.set_ylim(len(content.rows) - 0.5, -0.5)
    panel.place(axes, left=columns.plot[0], right=columns.plot[1], bottom=foot, top=height - above - heads)
    _scale(axes, content, theme)
    for lines, x, ha in zip(
        columns.heads, (panel.PAD, columns.counts_at, columns.shown_at), ("left", "right", "right"), strict=True
    ):
        for place, text in enumerate(reversed(lines)):  # standing on the first row
            y = height - above - heads + 3.0 + line * (place + 0.5)
            panel.text_at(figure, x, y, text, theme, ha=cast(Literal["left", "right"], ha), bold=True)
    for place, (row, name) in enumerate(zip(content.rows, columns.names, strict=True)):
        y = height - above - heads - _ROW * (place + 0.5)
        color = theme.accent if row.is_main else theme.ink
        panel.text_at(figure, panel.PAD + _indent(row), y, name, theme, color=color, bold=row.is_main)
        panel.text_at(figure, columns.counts_at, y, row.counts, theme, ha="right", color=color)
        panel.text_at(figure, columns.shown_at, y, row.shown, theme, ha="right", color=color, bold=row.is_main)
        _draw_row(axes, row, place, theme, color)
    for place, text in enumerate(words):
        _draw_axis_words(figure, axes, text, theme, y=panel.PAD + line * (len(words) - 1 - place))
    return figure


def _scale(axes: Axes, content: _Content, theme: Theme) -> None:
    """Limits and ticks: 0 to 1 for shares, powers for ratios, so that the numbers and most of the limits are inside."""
    axes.axvline(content.reference, color=theme.muted, linewidth=0.9, linestyle=_REFERENCE)
    if not content.is_ratio:
        axes.set_xlim(-0.01, 1.01)
        every = {0.0: "0", 0.25: "0.25", 0.5: "0.5", 0.75: "0.75", 1.0: "1"}
        ticks = list(every) if axes.bbox.width > 5 * panel.text_width("0.75", theme.font_pt) + 24.0 else [0.0, 0.5, 1.0]
        axes.set_xticks(ticks, [every[tick] for tick in ticks])
        return
    found = [row.estimate for row in content.rows if isinstance(row.estimate, Estimate)]
    seen = [content.reference, *(limit for one in found for limit in (one.value, *(one.interval or ())))]
    low = max(min(seen) / 1.15, content.reference / _WIDEST)
    high = min(max(seen) * 1.15, content.reference * _WIDEST)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    marks = [tick for tick in _RATIOS if low <= tick <= high]
    room = axes.bbox.width / max(1e-9, math.log(high / low))
    kept: list[float] = []
    for tick in sorted(
        marks, key=lambda one: (one != content.reference, abs(math.log(one)) % math.log(10) > 1e-9, one)
    ):
        wide = panel.text_width(f"{tick:g}", theme.font_pt) + 8.0
        if all(abs(math.log(tick / other)) * room >= wide for other in kept):
            kept.append(tick)
    axes.xaxis.set_major_locator(FixedLocator(sorted(kept)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(sorted(kept), [f"{tick:g}" for tick in sorted(kept)])


def _draw_row(axes: Axes, row: ForestRow, place: int, theme: Theme, color: str) -> None:
    if not isinstance(row.estimate, Estimate):
        return
    low, high = axes.get_xlim()
    if row.estimate.interval is not None:
        ends = [min(max(limit, low), high) for limit in row.estimate.interval]
        axes.plot(ends, [place, place], color=color, linewidth=1.1)
        for end, limit, marker in zip(ends, row.estimate.interval, ("<", ">"), strict=True):
            if end != limit:
                axes.plot(end, place, marker=marker, markersize=3.5, color=color, clip_on=False)
    face = color if row.estimate.interval is not None else theme.page
    if low <= row.estimate.value <= high:
        marker = "s" if row.is_main else "o"
        axes.plot(
            row.estimate.value, place, marker=marker, markersize=4.0, color=color, markerfacecolor=face, clip_on=False
        )


def _draw_axis_words(figure: Figure, axes: Axes, text: str, theme: Theme, *, y: float) -> None:
    """Words below the ticks, in the middle of the axes unless they would leave the figure."""
    width, _ = panel.points(figure)
    half = panel.text_width(text, theme.font_pt) / 2
    middle = (axes.bbox.x0 + axes.bbox.x1) / 2
    x = min(max(middle, half + panel.PAD), width - half - panel.PAD)
    panel.text_at(figure, x, y, text, theme, ha="center", va="bottom")
